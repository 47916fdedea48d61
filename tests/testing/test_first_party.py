"""The packaged plugins pass the conformance kit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import harness.testing
from harness.plugins import load_plugins

TARGETS = ("checkpoints", "control", "hardware", "language", "vision")
CACHING = {
    "model bert for text-classification", "model gpt for language-modelling", "model t5 for translation", "model ngram",
    "model tfidf", "model resnet", "model centernet", "model conv3d", "model dcgan", "model ppo for discrete-control",
}  # fmt: skip
"""One model of each family: that it keeps no answers is measured by default, for seconds."""
SECOND = (
    "model t5 for question-answering", "model bert for question-answering", "model gpt for text-classification",
    "model ppo for continuous-control", "model videomae", "model rt-detr", "model efficientnet",
)  # fmt: skip
"""Networks like another that is trained by default."""
SLOW = {
    **{
        (subject, check): "3 s: it is trained"
        for subject in SECOND
        for check in ("same_seed", "another_seed", "loss_falls")
    },
    ("task video-classification", "deterministic"): "24 s: clips are drawn in fresh interpreters",
    ("task image-generation", "deterministic"): "10 s, likewise",
    ("task FrozenLakes-v0", "deterministic"): "11 s, likewise",
    ("task FrozenLakes-v0-source", "deterministic"): "11 s, likewise",
    ("task highway-fast-v0-source", "deterministic"): "11 s, likewise",
    ("model t5 for translation", "exports"): "28 s of torch.onnx: a loop that writes",
    ("model t5 for question-answering", "exports"): "20 s, likewise",
    ("model rt-detr", "exports"): "40 s: a deep detector",
    ("model centernet", "exports"): "8 s: a detector with a backbone",
    ("model efficientnet", "exports"): "7 s: a deep network, as resnet",
    ("model lstm", "exports"): "13 s: the recurrence is unrolled",
    ("model gpt for language-modelling", "exports"): "9 s: a transformer, as bert for text-classification",
    ("model gpt for text-classification", "exports"): "9 s, likewise",
    ("model bert for question-answering", "exports"): "9 s, likewise",
    ("model videomae", "exports"): "6 s, likewise",
    ("model vit", "exports"): "5 s, likewise",
    ("task highway-fast-v0", "random_baseline_is_told"): "10 s: fifty episodes in traffic",
    ("task highway-fast-v0", "queries_are_steady"): "9 s: they are driven twice",
    ("task highway-fast-v0-source", "random_baseline_is_told"): "10 s: fifty episodes in traffic",
    ("task highway-fast-v0-source", "queries_are_steady"): "8 s: they are driven twice",
}
"""(subject, check) → why it runs under `-m slow` only, in CPU seconds; the check runs on other subjects by default."""


def _first_party() -> Iterator[Any]:
    """Yield the checks; one worker runs those of a plugin, which share data, learners and libraries."""
    plugins = load_plugins()
    for target in TARGETS:
        for check in harness.testing.checks(target, plugins):
            marks = [pytest.mark.xdist_group(target)]
            others = check.name == "keeps_no_answers" and check.subject not in CACHING
            if others or (check.subject, check.name) in SLOW:
                marks.append(pytest.mark.slow)
            yield pytest.param(check, marks=marks, id=str(check))


PARAMETERS = list(_first_party())


@pytest.mark.parametrize("check", PARAMETERS)
def test_conformance(check: harness.testing.Check) -> None:
    """One test for each check."""
    check()


def test_every_slow_check_runs_by_default_on_another_subject() -> None:
    """No check is left to the slow run as a whole."""
    checks = [parameter.values[0] for parameter in PARAMETERS]
    existing = {(check.subject, check.name) for check in checks}

    assert SLOW.keys() <= existing
    assert existing >= {(subject, "keeps_no_answers") for subject in CACHING}
    assert {check for _, check in SLOW} <= {check for _, check in existing - SLOW.keys()}


@pytest.mark.parametrize("plugin", ["reports", "dashboards"])
def test_a_plugin_of_commands_loads_and_is_light(plugin: str) -> None:
    """Its price books, if any, are valid."""
    findings = harness.testing.check(plugin)

    assert {"loads", "light_import"} <= {finding.check for finding in findings}, str(findings)
    assert {finding.outcome for finding in findings} == {"passed"}, str(findings)
