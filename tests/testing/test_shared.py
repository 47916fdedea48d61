"""Fixtures that checks share are made once, and an error in one is reported for its subject alone."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.plugins import load_plugins
from harness.testing import Finding, checks

SOUND = Path(__file__).with_name("sound_plugin.py").read_text(encoding="utf-8")
LOGS_LOADS = """\
import os, pathlib
        with pathlib.Path(__file__).with_suffix(".loads").open("a") as loads:
            print(os.getpid(), file=loads)
        return RunsData()"""
TWO = (
    SOUND.replace("return RunsData()", LOGS_LOADS).replace("    return [Runs()]", "    return [Runs(), Others()]")
    + """

class Others(Runs):
    name = "others"
"""
)
BROKEN = """\
    def data(self, source, settings):
        import os

        if os.environ.get("PYTHONHASHSEED") == "1":
            raise KeyError("hash seed 1")
        return RunsData()
"""

COUNTED = SOUND.replace(
    "    class Learner(TorchLearner):\n",
    """    class Learner(TorchLearner):
        def step(self):
            if not self._steps:
                TRAINED.append(0)
            TRAINED[-1] += 1
            return super().step()

""",
).replace("VOCABULARY = 16\n", "VOCABULARY = 16\nTRAINED = []\n")
"""`TRAINED` counts the steps of each training."""


def _findings(file: Path, names: set[str]) -> dict[tuple[str, str], Finding]:
    findings = [one.find() for one in checks(str(file), load_plugins()) if one.name in names]
    return {(finding.subject, finding.check): finding for finding in findings}


def test_data_are_loaded_once_and_in_two_fresh_interpreters(tmp_path: Path) -> None:
    """Twice here, to compare the two; models and runtimes use the cache."""
    file = tmp_path / "two.py"
    file.write_text(TWO, encoding="utf-8")
    findings = _findings(file, {"deterministic", "builds", "random_baseline_is_told", "queries_are_steady"})
    processes = file.with_suffix(".loads").read_text(encoding="utf-8").split()
    times = sorted(processes.count(process) for process in set(processes))

    assert {finding.outcome for finding in findings.values()} == {"passed"}, findings
    assert times == [1, 1, 1, 1, 4], "each of two tasks in two interpreters, and twice in this one"


def test_a_task_that_cannot_be_loaded_elsewhere_fails_alone(tmp_path: Path) -> None:
    """The other tasks of its plugin pass."""
    file = tmp_path / "two.py"
    file.write_text(TWO + BROKEN, encoding="utf-8")
    findings = _findings(file, {"deterministic"})

    assert findings["task runs", "deterministic"].outcome == "passed"
    assert "cannot load it: KeyError: 'hash seed 1'" in findings["task others", "deterministic"].why


@pytest.mark.parametrize("order", [1, -1])
def test_two_trainings_serve_all_checks_that_only_predict(tmp_path: Path, order: int) -> None:
    """In either order: one, and a second with the same seed, which takes a further step."""
    file = tmp_path / "counted.py"
    file.write_text(COUNTED, encoding="utf-8")
    names = {"answers_are_graded", "steady_answers", "batch_of_one", "same_seed", "save_and_load", "parameter_count"}
    selected = [one for one in checks(str(file), load_plugins()) if one.name in names]
    findings = [one.find() for one in selected[::order]]

    assert len(findings) == len(names)
    assert {finding.outcome for finding in findings} == {"passed"}, findings
    assert sorted(sys.modules["harness_file_counted"].TRAINED) == [3, 4]


def test_training_ends_once_the_loss_has_fallen(tmp_path: Path) -> None:
    """Without the further repetitions of a slower one."""
    file = tmp_path / "counted.py"
    file.write_text(COUNTED, encoding="utf-8")
    findings = _findings(file, {"loss_falls"})

    assert findings["model mean", "loss_falls"].outcome == "passed"
    assert 10 <= sys.modules["harness_file_counted"].TRAINED[0] < 50
