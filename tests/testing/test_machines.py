"""Runtimes that serve something else than what was trained are caught, whatever model they are tried with."""

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
    """It is tried with a model that answers otherwise before what was trained is loaded."""
    found = {finding.check: finding for finding in check(_plugin(tmp_path, form, "pass"))}

    assert found["serves"].outcome == "failed", found["serves"]


@pytest.mark.parametrize("form", FORMATS)
def test_a_runtime_that_loads_what_was_trained_passes(tmp_path: Path, form: str) -> None:
    """So the model it is tried with can be served rightly."""
    found = {finding.check: finding for finding in check(_plugin(tmp_path, form, "learner.load(trained)"))}

    assert found["serves"].outcome == "passed", found["serves"]
