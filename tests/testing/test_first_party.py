"""The packaged plugins pass the conformance kit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import harness.testing
from harness.plugins import load_plugins

TARGETS = ("checkpoints", "control", "hardware", "language", "vision")
CACHING = {
    "model bert for text-classification", "model tfidf", "model resnet", "model ppo for discrete-control",
}  # fmt: skip
"""A network and a baseline for texts, a network for images, a policy: that they keep no answers is measured by default,
for seconds."""
EXPORTED = {"model mlp", "model resnet", "model dqn"}
"""Networks that are exported by default: torch.onnx takes seconds."""
SECOND = {
    "model t5 for question-answering", "model bert for question-answering", "model gpt for text-classification",
    "model gpt for language-modelling", "model ppo for continuous-control", "model videomae", "model rt-detr",
    "model efficientnet",
}  # fmt: skip
"""Networks like another that is trained by default; tasks on which others are pretrained are second ones, too."""
QUICK = {"declaration", "builds", "parameter_count", "names_are_known", "bad_source_is_refused"}
"""Checks that run by default for second networks and tasks, too."""
DIGESTED = {"task CartPole-v1", "task Reacher-v5", "task text-classification"}
"""Tasks that are loaded in fresh interpreters by default."""
SLOW = {
    ("task image-generation", "random_baseline_is_told"): "6 s: pictures are drawn and compared",
    ("task highway-fast-v0", "random_baseline_is_told"): "10 s: fifty episodes in traffic",
    ("task highway-fast-v0", "queries_are_steady"): "9 s: they are driven twice",
}
"""(subject, check) → why it runs under `-m slow` only, in CPU seconds."""
DEFAULT = {"keeps_no_answers": CACHING, "exports": EXPORTED, "deterministic": DIGESTED}
"""Check → the subjects on which it runs by default; it runs on the others under `-m slow`."""


def _is_slow(check: harness.testing.Check) -> bool:
    """Return whether a check runs under `-m slow` only: by default it runs on other subjects."""
    second = check.subject in SECOND or check.subject.endswith("-source")
    others = check.subject not in DEFAULT.get(check.name, {check.subject})
    return (second and check.name not in QUICK) or others or (check.subject, check.name) in SLOW


def _first_party() -> Iterator[Any]:
    """Yield the checks; one worker runs those of a plugin, which share data, learners and libraries."""
    plugins = load_plugins()
    for target in TARGETS:
        for check in harness.testing.checks(target, plugins):
            marks = [pytest.mark.xdist_group(target)]
            if _is_slow(check):
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
    by_default = [check for check in checks if not _is_slow(check)]

    assert SLOW.keys() <= existing
    assert {(subject, check) for check, subjects in DEFAULT.items() for subject in subjects} <= existing
    assert {check.subject for check in checks} >= SECOND
    assert {(check.subject.split()[0], check.name) for check in by_default} == {
        (subject.split()[0], check) for subject, check in existing
    }


@pytest.mark.parametrize("plugin", ["reports", "dashboards"])
def test_a_plugin_of_commands_loads_and_is_light(plugin: str) -> None:
    """Its price books, if any, are valid."""
    findings = harness.testing.check(plugin)

    assert {"loads", "light_import"} <= {finding.check for finding in findings}, str(findings)
    assert {finding.outcome for finding in findings} == {"passed"}, str(findings)
