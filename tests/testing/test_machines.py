"""The kit finds runtimes that do not serve the trained model."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.testing import check

RUNTIME = '''\
"""A runtime."""

import harness


class Served(harness.Runtime):
    name = "served"
    summary = "The model's own framework"
    {format}

    def export(self, model, learner, trained, inputs, folder):
        (folder / "nothing").write_text("")
        return {{}}

    def predictor(self, model, assignment, trained, exported):
        learner = model.learner(assignment)
        {load}
        return learner.predict


@harness.hookimpl
def harness_runtimes():
    return [Served()]
'''
FORMATS = {"own framework": "format = None", "exported": 'format = "onnx"'}


def _plugin(folder: Path, form: str, load: str) -> str:
    file = folder / "served.py"
    file.write_text(RUNTIME.format(format=FORMATS[form], load=load), encoding="utf-8")
    return str(file)


@pytest.mark.parametrize("form", FORMATS)
def test_a_runtime_that_serves_an_untrained_model_is_caught(tmp_path: Path, form: str) -> None:
    """Its check uses a model with other answers until its artifact is loaded."""
    findings = {finding.check: finding for finding in check(_plugin(tmp_path, form, "pass"))}

    assert findings["serves"].outcome == "failed", findings["serves"]


@pytest.mark.parametrize("form", FORMATS)
def test_a_runtime_that_loads_the_trained_model_passes(tmp_path: Path, form: str) -> None:
    """So the model of its check can be served."""
    findings = {finding.check: finding for finding in check(_plugin(tmp_path, form, "learner.load(trained)"))}

    assert findings["serves"].outcome == "passed", findings["serves"]
