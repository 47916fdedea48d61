"""The kit from the command line, in a notebook and under pytest, and its reports of failures."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import SkipTest

import pytest
import torch

import harness
from harness.errors import PluginError
from harness.testing import CheckFailed, Finding, Findings, check, checks
from harness.testing.compare import distance
from harness.testing.findings import Rules, bind

SOUND = Path(__file__).with_name("sound_plugin.py").read_text(encoding="utf-8")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
RULES: Rules[str] = Rules()


@RULES.rule("Do this.")
def holds(subject: str) -> None:
    """It holds."""


@RULES.rule("Do that.")
def fails(subject: str) -> None:
    """It would have to hold."""
    raise CheckFailed(f"{subject} does not")


@RULES.rule("Do nothing.")
def breaks(subject: str) -> None:
    """It breaks."""
    raise ZeroDivisionError("by nothing")


@RULES.rule("Wait.")
def cannot_run(subject: str) -> None:
    """It cannot run."""
    raise SkipTest("no moon tonight")


def test_every_outcome_of_a_check() -> None:
    """Passed with its demand, failed with reason and remedy, skipped with reason; a plugin's error is a failure."""
    findings = Findings(one.find() for one in bind(RULES, "model m", {}, "m"))

    assert findings == [
        Finding("model m", "holds", "passed", "It holds."),
        Finding("model m", "fails", "failed", "m does not", "Do that."),
        Finding("model m", "breaks", "failed", "ZeroDivisionError: by nothing", "Do nothing."),
        Finding("model m", "cannot_run", "skipped", "no moon tonight"),
    ]
    assert not findings.ok
    assert findings.summary() == "1 passed, 2 failed, 1 skipped."


def test_a_known_failure_has_its_reason_and_must_go_on_failing() -> None:
    """One that passes is a failure, and so is one that is no check."""
    reasons = {"fails": "see the paper", "holds": "an old reason", "no_such": "?"}
    findings = {finding.check: finding for finding in (one.find() for one in bind(RULES[:2], "model m", reasons, "m"))}

    assert findings["fails"] == Finding("model m", "fails", "known failure", "see the paper")
    assert (findings["holds"].outcome, findings["holds"].why) == ("failed", "It passes now.")
    assert "['no_such']" in findings["known_failures"].why


def test_a_check_called_by_a_test_raises_or_skips() -> None:
    """Under pytest a failure names subject, check, reason and remedy."""
    held, failed, _, skipped = bind(RULES, "model m", {}, "m")
    held()
    with pytest.raises(CheckFailed, match=r"model m: fails: m does not Do that\."):
        failed()
    with pytest.raises(SkipTest, match="no moon"):
        skipped()


def test_no_check_that_could_run_is_a_failure() -> None:
    """At least one has to pass."""
    findings = Findings(one.find() for one in bind(RULES[3:], "model m", {}, "m"))

    assert not findings.ok
    assert findings.summary() == "1 skipped. No check could run: that is a failure."
    assert not Findings().ok


def test_the_command_prints_a_table_and_ends_with_a_code(tmp_path: Path, harness_command: Callable[..., Any]) -> None:
    """0 for no failure, 1 for a failed check, 2 for an unknown target."""
    unlicensed = SOUND.replace('licence = "none"', 'licence = ""').replace("return [Mean()]", "return []")
    (tmp_path / "unlicensed.py").write_text(unlicensed, encoding="utf-8")
    targets = ("outside-coin", "unlicensed.py", "nowhere.py", "CartPol-v1")
    results = {target: harness_command(tmp_path, "check", target) for target in targets}

    assert [done.code for done in results.values()] == [0, 1, 2, 2], results
    assert "model outside-coin\n  declaration" in results["outside-coin"].stdout
    assert re.search(r"^[1-9]\d* passed, \d+ skipped\.$", results["outside-coin"].stdout, re.MULTILINE)
    assert "licence is missing." in results["unlicensed.py"].stdout
    assert "to do         Fill in what is missing" in results["unlicensed.py"].stdout
    assert "No plugin file 'nowhere.py'" in results["nowhere.py"].stderr
    assert "Did you mean 'CartPole-v1'?" in results["CartPol-v1"].stderr


def test_a_name_finds_everything_that_has_it(tmp_path: Path) -> None:
    """A plugin, a model, a task, a price book; the error for an unknown one suggests the nearest."""
    subjects = {one.subject for one in checks("control")}
    assert subjects >= {"plugin control", "model ppo for discrete-control", "task CartPole-v1"}
    assert {one.subject for one in checks("cartpole")} == {"task CartPole-v1"}
    assert {one.subject for one in checks("cloud")} == {"price book cloud"}
    assert {one.subject for one in checks("eager")} == {"runtime eager"}
    with pytest.raises(PluginError, match="Did you mean 'bert'"):
        checks("bertt")


def test_a_broken_installed_plugin_is_one_failed_check() -> None:
    """Its error is the finding."""
    findings = check("outside-broken")

    assert [(finding.check, finding.outcome) for finding in findings] == [("loads", "failed")]
    assert "no_such_library_anywhere" in findings[0].why


def test_checks_of_a_model_without_a_task_are_skipped() -> None:
    """Its declaration is checked; the rest is skipped with the reason."""
    findings = check("outside-coin")
    skipped = {finding.why for finding in findings if finding.outcome == "skipped"}

    assert findings.ok
    assert skipped >= {"No installed task of the kinds outside brings data. Name its plugin with --plugin."}


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        ("a", "a", 0.0),
        ("a", "b", float("inf")),
        ([1, 2.0], [1, 2.5], 0.2),
        ([1], [1, 2], float("inf")),
        ({"a": [1.0]}, {"a": [1.0]}, 0.0),
        ({"a": 1}, {"b": 1}, float("inf")),
        ([float("nan")], [1.0], float("inf")),
        (None, None, 0.0),
        ([["x", 1]], [["x", 1]], 0.0),
    ],
)
def test_the_distance_of_answers(one: object, other: object, difference: float) -> None:
    """Of every type."""
    assert distance(one, other) == pytest.approx(difference)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_cuda)])
def test_weights_of_any_device_are_compared(device: str) -> None:
    """With a gradient and in a GPU's memory, which numpy cannot read."""
    weight = torch.nn.Parameter(torch.tensor([1.0, 2.0], device=device))

    assert distance(weight, weight) == 0
    assert distance(weight, weight.detach() + 1) == pytest.approx(1 / 2)


def test_the_command_line_imports_no_kit() -> None:
    """The kit imports heavy libraries."""
    script = "import sys, harness.cli; print([m for m in sys.modules if m.startswith('harness.testing')])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
    assert harness.__doc__
