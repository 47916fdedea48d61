"""The kit from the command line, in a notebook and under pytest; what it says of failures, and of nothing at all."""

from __future__ import annotations

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
    """Nobody knows."""
    raise SkipTest("no moon tonight")


def test_every_way_a_check_can_end() -> None:
    """Passed with what it demands, failed with why and what to do, skipped with why; a plugin's fault is failed."""
    found = Findings(one.find() for one in bind(RULES, "model m", {}, "m"))

    assert found == [
        Finding("model m", "holds", "passed", "It holds."),
        Finding("model m", "fails", "failed", "m does not", "Do that."),
        Finding("model m", "breaks", "failed", "ZeroDivisionError: by nothing", "Do nothing."),
        Finding("model m", "cannot_run", "skipped", "no moon tonight"),
    ]
    assert not found.ok
    assert found.summary() == "1 passed, 2 failed, 1 skipped."


def test_a_known_failure_carries_its_reason_and_must_go_on_failing() -> None:
    """One that passes all the same is a failure, and so is one that is no check."""
    known = {"fails": "see the paper", "holds": "an old reason", "no_such": "?"}
    found = {finding.check: finding for finding in (one.find() for one in bind(RULES[:2], "model m", known, "m"))}

    assert found["fails"] == Finding("model m", "fails", "known failure", "see the paper")
    assert (found["holds"].outcome, found["holds"].why) == ("failed", "It passes now.")
    assert "['no_such']" in found["known_failures"].why


def test_a_check_called_by_a_test_raises_or_skips() -> None:
    """Under pytest a failure says subject, check, why and what to do."""
    held, failed, _, skipped = bind(RULES, "model m", {}, "m")
    held()
    with pytest.raises(CheckFailed, match=r"model m: fails: m does not Do that\."):
        failed()
    with pytest.raises(SkipTest, match="no moon"):
        skipped()


def test_no_check_that_could_run_is_a_failure() -> None:
    """Nothing passed is not all passed."""
    found = Findings(one.find() for one in bind(RULES[3:], "model m", {}, "m"))

    assert not found.ok
    assert found.summary() == "1 skipped. No check could run: that is a failure."
    assert not Findings().ok


def test_the_command_prints_a_table_and_ends_with_a_code(tmp_path: Path, harness_command: Callable[..., Any]) -> None:
    """0 where all is well, 1 where something failed, 2 where nothing has that name."""
    (tmp_path / "sound.py").write_text(SOUND, encoding="utf-8")
    (tmp_path / "torn.py").write_text(SOUND.replace('"Highest learning rate."', '""'), encoding="utf-8")
    targets = ("sound.py", "torn.py", "nowhere.py", "CartPol-v1")
    results = {target: harness_command(tmp_path, "check", target) for target in targets}

    assert [done.code for done in results.values()] == [0, 1, 2, 2], results
    assert "model mean\n  declaration" in results["sound.py"].stdout
    assert " passed, 2 skipped.\n" in results["sound.py"].stdout
    assert "Setting 'learning_rate' does not say what it does." in results["torn.py"].stdout
    assert "to do         Fill in what is missing" in results["torn.py"].stdout
    assert "No plugin file 'nowhere.py'" in results["nowhere.py"].stderr
    assert "Did you mean 'CartPole-v1'?" in results["CartPol-v1"].stderr


def test_a_name_finds_everything_that_has_it(tmp_path: Path) -> None:
    """A plugin, a model, a task, a price book; an unknown one is answered with the nearest."""
    subjects = {one.subject for one in checks("control")}
    assert subjects >= {"plugin control", "model ppo for discrete-control", "task CartPole-v1"}
    assert {one.subject for one in checks("cartpole")} == {"task CartPole-v1"}
    assert {one.subject for one in checks("cloud")} == {"price book cloud"}
    assert {one.subject for one in checks("eager")} == {"runtime eager"}
    with pytest.raises(PluginError, match="Did you mean 'bert'"):
        checks("bertt")


def test_a_broken_installed_plugin_is_one_failed_check() -> None:
    """The reason is the finding."""
    found = check("outside-broken")

    assert [(finding.check, finding.outcome) for finding in found] == [("loads", "failed")]
    assert "no_such_library_anywhere" in found[0].why


def test_a_model_nobody_has_a_task_for_says_so() -> None:
    """What can be seen of it is checked; the rest is skipped with the reason."""
    found = check("outside-coin")
    skipped = {finding.why for finding in found if finding.outcome == "skipped"}

    assert found.ok
    assert skipped >= {"No installed task of the kinds outside brings data. Name its plugin with --plugin."}


@pytest.mark.parametrize(
    ("one", "other", "apart"),
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
def test_how_far_answers_are_apart(one: object, other: object, apart: float) -> None:
    """Whatever an answer is made of."""
    assert distance(one, other) == pytest.approx(apart)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_cuda)])
def test_weights_of_any_device_are_compared(device: str) -> None:
    """Neither a gradient nor a GPU's memory keeps numpy from reading them."""
    weight = torch.nn.Parameter(torch.tensor([1.0, 2.0], device=device))

    assert distance(weight, weight) == 0
    assert distance(weight, weight.detach() + 1) == pytest.approx(1 / 2)


def test_the_kit_is_not_part_of_the_door() -> None:
    """Importing harness imports no kit."""
    script = "import sys, harness.cli; print([m for m in sys.modules if m.startswith('harness.testing')])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
    assert harness.__doc__
