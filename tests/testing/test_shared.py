"""What checks share is made once, and a fault in it is told of the one it belongs to."""

from __future__ import annotations

from pathlib import Path

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


def _found(file: Path, names: set[str]) -> dict[tuple[str, str], Finding]:
    found = [one.find() for one in checks(str(file), load_plugins()) if one.name in names]
    return {(finding.subject, finding.check): finding for finding in found}


def test_data_are_loaded_once_and_in_two_fresh_interpreters_for_all_tasks(tmp_path: Path) -> None:
    """Twice here, as the second time must give the same; models and runtimes take what is there."""
    file = tmp_path / "two.py"
    file.write_text(TWO, encoding="utf-8")
    found = _found(file, {"deterministic", "builds", "chance_is_told", "queries_are_steady"})
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
