"""What a worker starts ends with it, and the worker with the harness, whatever it does."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness.execute import local, tree
from harness.execute.local import Supervisor
from harness.records import StepResult
from harness.steps import Job
from harness.suite import Limits

FILES = ("../toy_plugin.py", "parents_plugin.py", "loading_plugin.py")
PLUGINS = tuple(str((Path(__file__).parent / file).resolve()) for file in FILES)
STARTED = 6
"""Processes that the plugin's model starts: one by one, in sessions of their own, as a daemon, and a shell's."""


def job(folder: Path, model: str = "parent", **settings: Any) -> Job:
    """Return a training of a model that starts processes."""
    spec = {
        "model": model, "size": "small", "settings": settings, "task": "parity", "source": None,
        "task_settings": {"count": 8}, "hardware": "here", "precision": "fp32", "seed": 7, "start": "scratch",
        "budget": {"steps": 1},
    }  # fmt: skip
    output = tempfile.mkdtemp(dir=folder)  # several threads may ask for one
    return Job("finetune", spec, {}, Path(output), PLUGINS)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., StepResult]:
    """Return a function that does such a training here."""

    def run_one(limits: Limits | None = None, **settings: Any) -> StepResult:
        return Supervisor([], limits or Limits(time_s=30)).run(job(tmp_path, **settings), lambda _: None)

    return run_one


@pytest.mark.parametrize(
    ("ending", "outcome"),
    [
        ({}, "ok"),
        ({"fault": "raise"}, "failed"),
        ({"fault": "die"}, "killed"),
        ({"fault": "exit"}, "killed"),
        ({"fault": "hang"}, "timed out"),
        ({"then": "C code"}, "timed out"),
    ],
    ids=str,
)
def test_all_that_a_step_starts_ends_with_it(
    run: Callable[..., StepResult], tmp_path: Path, ending: dict[str, str], outcome: str
) -> None:
    """When its record is there, and whatever group, session or parent the processes have."""
    started = tmp_path / "started"
    ended = run(Limits(time_s=2 if outcome == "timed out" else 30), started=str(started), **ending)
    numbers = _numbers(started)

    assert ended.outcome == outcome, ended.reason
    assert len(numbers) == STARTED + 1
    assert [number for number in numbers if psutil.pid_exists(number)] == []


def test_a_killed_worker_still_has_its_exit_code(run: Callable[..., StepResult]) -> None:
    """The process that ends what it left ends as it did."""
    assert "signal 9" in str(run(fault="die").reason)


def test_children_count_for_the_memory_limit(run: Callable[..., StepResult]) -> None:
    """Three that are within it, but not together."""
    ended = run(Limits(memory_gb=0.5), private=200, hold_s=600.0)

    assert ended.outcome == "out of memory"
    assert re.match(r"The worker and 3 processes that it started used 0\.[5-9]\d GiB .* 0\.50 GiB", str(ended.reason))


def test_memory_that_processes_share_counts_once(
    run: Callable[..., StepResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three that were forked from a worker with 0.6 GiB: their resident sets come to more than twice the limit."""
    readings: dict[str, list[float]] = {"rss": [], "pss": []}
    read = tree._memory

    def seen(process: psutil.Process, name: str) -> float:
        readings[name].append(read(process, name))
        return readings[name][-1]

    monkeypatch.setattr(tree, "_memory", seen)
    monkeypatch.setattr(local, "LOOK_EVERY_S", 0.1)
    ended = run(Limits(memory_gb=1.0), shared=600, hold_s=1.0)

    assert (ended.outcome, ended.reason) == ("ok", None)
    assert sum(sorted(readings["rss"])[-4:]) > 2 * 2**30
    assert readings["pss"], "the limit was not come near"


def test_a_step_that_writes_too_much_is_ended_while_it_writes(run: Callable[..., StepResult]) -> None:
    """Before the disk is full."""
    ended = run(Limits(artifact_gb=0.05), written=60)

    assert ended.outcome == "failed"
    assert "The step wrote 0.06 GiB, which are removed; its limit is 0.05 GiB." in str(ended.reason)


def test_a_record_says_what_its_processor_time_lacks(run: Callable[..., StepResult]) -> None:
    """The time of children, of one that ended and of one that goes on, is in none of its readings."""
    ended = run(worked_s=0.3)
    (taken,) = [float(note.split("took ")[1].split(" s")[0]) for note in ended.notes if "took" in note]

    assert ended.outcome == "ok"
    assert 0.6 <= taken <= 0.9
    assert ended.readings["cpu_s"].value < 0.3


def test_a_step_without_children_has_no_such_note(run: Callable[..., StepResult]) -> None:
    """Nothing is missing."""
    assert not [note for note in run().notes if "processor time" in note]


@pytest.mark.parametrize("listed", [True, False])
def test_descendants_are_those_that_psutil_sees(monkeypatch: pytest.MonkeyPatch, listed: bool) -> None:
    """Whether the system lists children or all processes are looked through."""
    monkeypatch.setattr(tree, "_LISTS_CHILDREN", tree._LISTS_CHILDREN and listed)
    with subprocess.Popen(["sh", "-c", "sleep 600 & sleep 600 & wait"]) as shell:
        below = psutil.Process(shell.pid)
        _wait_for(lambda: [child.name() for child in below.children()] == ["sleep", "sleep"])
        numbers = tree.descendants(os.getpid())
        expected = [child.pid for child in psutil.Process().children(recursive=True)]
        for child in [*below.children(), below]:
            child.kill()

    assert shell.pid in numbers
    assert sorted(numbers) == sorted(expected)
    assert tree.descendants(shell.pid) == []


def test_a_step_may_read_and_play_by_processes_of_its_own(run: Callable[..., StepResult]) -> None:
    """Two that read for PyTorch, and an environment of gymnasium in each of two."""
    ended = run(model="readers")

    assert ended.outcome == "ok", ended.traceback
    assert (ended.value("readers"), ended.value("plays")) == (2, 2)


# Kills --------------------------------------------------------------------------------------------------------------

DRIVER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_children import job
from harness.execute.local import Supervisor
from harness.suite import Limits
folder = Path(sys.argv[2])
ended = Supervisor([], Limits(time_s=600)).run(job(folder, started=str(folder / "started"), then="C code"), print)
print(ended.outcome, ended.reason)
"""


class Stuck:
    """A harness in a process of its own, and its step, which has started processes and is in C code for ten minutes."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-c", DRIVER, str(Path(__file__).parent), str(folder)]
        self.harness = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        started = folder / "started"
        _wait_for(lambda: started.exists() and len(_numbers(started)) > STARTED)
        self.step = [psutil.Process(number) for number in _numbers(started)]
        self.worker = self.step[-1]
        _wait_for(lambda: self.worker.status() == psutil.STATUS_SLEEPING)
        self.keeper = self.worker.parent()
        self.fork_server = self.keeper.parent()

    def alive(self) -> list[psutil.Process]:
        """Return what has not ended of the step after a while."""
        return psutil.wait_procs([*self.step, self.keeper], timeout=20)[1]


@pytest.fixture
def stuck(tmp_path: Path) -> Iterator[Stuck]:
    """Start a harness whose step is stuck."""
    made = Stuck(tmp_path)
    yield made
    for process in [made.fork_server, made.keeper, *made.step]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    made.harness.kill()
    made.harness.communicate(timeout=30)


def _lives(process: psutil.Process) -> bool:
    return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)


def _numbers(started: Path) -> list[int]:
    return [int(line) for line in started.read_text(encoding="ascii").splitlines(keepends=True) if line.endswith("\n")]


def _wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_worker_in_c_code_ends_with_a_killed_harness(stuck: Stuck) -> None:
    """With all that it started, although no thread of it can run."""
    stuck.harness.kill()

    assert stuck.alive() == []
    assert psutil.wait_procs([stuck.fork_server], timeout=20)[1] == []


def test_a_worker_in_c_code_ends_with_a_stopped_harness(stuck: Stuck) -> None:
    """By Ctrl-C, which the harness alone sees."""
    stuck.harness.send_signal(signal.SIGINT)
    output, _ = stuck.harness.communicate(timeout=30)

    assert "KeyboardInterrupt" in output
    assert stuck.alive() == []


@pytest.mark.parametrize("sent", ["SIGHUP", "SIGTERM", "SIGKILL"])
def test_a_signal_to_the_whole_group_leaves_nothing(stuck: Stuck, sent: str) -> None:
    """As of a terminal that is closed: harness and fork server end by it at once."""
    os.killpg(stuck.harness.pid, signal.Signals[sent])

    assert stuck.alive() == []


@pytest.mark.parametrize("victim", ["fork_server", "keeper", "worker"])
def test_a_killed_process_of_the_harness_takes_the_step_with_it(stuck: Stuck, victim: str) -> None:
    """The harness goes on, and has a record that says so, when nothing of the step is left."""
    getattr(stuck, victim).kill()
    output, _ = stuck.harness.communicate(timeout=30)

    assert output.startswith("killed The worker"), output
    assert [process for process in [*stuck.step, stuck.keeper] if _lives(process)] == []


def test_the_harness_and_its_fork_server_killed_at_once(stuck: Stuck) -> None:
    """Nobody is left to tell the keeper: it sees it."""
    stuck.fork_server.kill()
    stuck.harness.kill()

    assert stuck.alive() == []


def test_a_killed_keeper_takes_no_other_step_with_it(run: Callable[..., StepResult], tmp_path: Path) -> None:
    """Two steps at a time have one fork server, and what a keeper left is a child of it beside the other keeper."""
    logs, going_on = [tmp_path / "first", tmp_path / "second"], tmp_path / "go on"
    with ThreadPoolExecutor() as threads:
        try:
            first, second = (threads.submit(run, started=str(log), waits_for=str(going_on)) for log in logs)
            _wait_for(lambda: all(log.exists() and len(_numbers(log)) > STARTED for log in logs))
            psutil.Process(_numbers(logs[0])[-1]).parent().kill()
            outcome = first.result().outcome
            alive = [[number for number in _numbers(log) if psutil.pid_exists(number)] for log in logs]
        finally:
            going_on.touch()

    assert outcome == "killed"
    assert alive == [[], _numbers(logs[1])]
    assert second.result().outcome == "ok"
