"""What checks share is made once, and a fault in it is told of the one it belongs to."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.plugins import load_plugins
from harness.testing import Finding, checks

SOUND = Path(__file__).with_name("sound_plugin.py").read_text(encoding="utf-8")
NOTES_WHO_LOADS = """\
import os, pathlib
        with pathlib.Path(__file__).with_suffix(".loads").open("a") as loads:
            print(os.getpid(), file=loads)
        return RunsData()"""
TWO = (
    SOUND.replace("return RunsData()", NOTES_WHO_LOADS).replace("    return [Runs()]", "    return [Runs(), Others()]")
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
"""It notes how many steps each of its trainings had."""


def _found(file: Path, names: set[str]) -> dict[tuple[str, str], Finding]:
    found = [one.find() for one in checks(str(file), load_plugins()) if one.name in names]
    return {(finding.subject, finding.check): finding for finding in found}


def test_data_are_loaded_once_and_in_two_fresh_interpreters_for_all_tasks(tmp_path: Path) -> None:
    """Twice here, as the second time must give the same; models and runtimes take what is there."""
    file = tmp_path / "two.py"
    file.write_text(TWO, encoding="utf-8")
    found = _found(file, {"deterministic", "builds", "random_baseline_is_told", "queries_are_steady"})
    processes = file.with_suffix(".loads").read_text(encoding="utf-8").split()
    times = sorted(processes.count(process) for process in set(processes))

    assert {finding.outcome for finding in found.values()} == {"passed"}, found
    assert times == [2, 2, 4], "two tasks in each of two interpreters, and twice in this one"


def test_a_task_that_cannot_be_loaded_elsewhere_is_told_alone(tmp_path: Path) -> None:
    """The other tasks of its plugin are not blamed."""
    file = tmp_path / "two.py"
    file.write_text(TWO + BROKEN, encoding="utf-8")
    found = _found(file, {"deterministic"})

    assert found["task runs", "deterministic"].outcome == "passed"
    assert "cannot load it: KeyError: 'hash seed 1'" in found["task others", "deterministic"].why


@pytest.mark.parametrize("order", [1, -1])
def test_two_trainings_answer_for_all_checks_that_only_ask(tmp_path: Path, order: int) -> None:
    """In one order and in the other: one, and a second with the same seed, which takes a further step."""
    file = tmp_path / "counted.py"
    file.write_text(COUNTED, encoding="utf-8")
    asking = {"answers_are_graded", "steady_answers", "batch_of_one", "same_seed", "save_and_load", "parameter_count"}
    made = [one for one in checks(str(file), load_plugins()) if one.name in asking]
    found = [one.find() for one in made[::order]]

    assert len(found) == len(asking)
    assert {finding.outcome for finding in found} == {"passed"}, found
    assert sorted(sys.modules["harness_file_counted"].TRAINED) == [3, 4]


def test_the_loss_is_watched_until_it_has_fallen(tmp_path: Path) -> None:
    """Not for all the repetitions that a slower one is given."""
    file = tmp_path / "counted.py"
    file.write_text(COUNTED, encoding="utf-8")
    found = _found(file, {"loss_falls"})

    assert found["model mean", "loss_falls"].outcome == "passed"
    assert 10 <= sys.modules["harness_file_counted"].TRAINED[0] < 50
