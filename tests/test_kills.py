"""SIGKILL at random moments: no finished step is lost, doubled or repeated."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from harness.records import Record
from harness.store import peek_records

DRIVER = Path(__file__).with_name("drive.py")
VICTIMS = ("harness", "fork server", "keeper", "worker")
LATEST_S = 0.8
"""Latest kill after the first worker's start: the driver's suite lasts longer."""
TRAININGS = 3
"""Trainings in the driver's suite."""


def _start(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-I", str(DRIVER), str(folder / "store"), str(folder / "log"), "0.04"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _victim(harness: psutil.Process, kind: str) -> psutil.Process | None:
    """Return the process to kill, if there is one: below the harness its fork server, then a keeper, then a worker."""
    if kind == "harness":
        return harness
    below = [child for child in harness.children() if "multiprocessing.forkserver" in " ".join(child.cmdline())]
    for _ in range(("fork server", "keeper", "worker").index(kind)):
        below = [child for process in below for child in process.children()]
    return below[0] if below else None


def _wait_for_a_worker(run: subprocess.Popen[str]) -> None:
    """Wait until a step has begun."""
    harness = psutil.Process(run.pid)
    while run.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):
            if _victim(harness, "worker") is not None:
                return
        time.sleep(0.02)


def _ok(folder: Path) -> dict[str, Record]:
    return {record.id: record for record in peek_records(str(folder / "store")) if record.outcome == "ok"}


@pytest.mark.parametrize("kills", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_kills_lose_and_double_nothing(tmp_path: Path, kills: int) -> None:
    """Harness, fork server, the worker's keeper and the worker in turn; each kill is followed by running again.

    Each training that ends writes a line to the log: a kill adds at most the one in flight.
    """
    dice = random.Random(20261123)  # noqa: S311 - a die, no secret
    before: dict[str, Record] = {}
    killed: Counter[str] = Counter()
    cut_off = 0
    """Steps that may have been in flight at a kill since the store is new."""
    descendants: list[psutil.Process] = []
    for number in range(10 * kills):
        if killed.total() == kills:
            break
        kind = min(VICTIMS, key=killed.__getitem__)
        run = _start(tmp_path)
        cut_off += 1 if kind == "harness" else 2  # the harness is killed at last, too
        harness = psutil.Process(run.pid)
        _wait_for_a_worker(run)
        time.sleep(dice.uniform(0.0, LATEST_S))
        with contextlib.suppress(psutil.NoSuchProcess):  # it may have ended already
            descendants += harness.children(recursive=True)
            victim = _victim(harness, kind)
            if victim is not None:
                victim.kill()
                killed[kind] += 1
        if kind != "harness":
            time.sleep(dice.uniform(0.0, 0.4))
            run.kill()
        run.communicate(timeout=30)
        now = _ok(tmp_path)
        assert before.items() <= now.items(), "a finished record was lost or changed"
        before = now
        if _complete(now):
            _begin_anew(tmp_path, number)
            before, cut_off = {}, 0
    last = _start(tmp_path)
    output, _ = last.communicate(timeout=120)
    after = _ok(tmp_path)

    assert killed.total() == kills
    assert set(killed) == set(VICTIMS)
    assert last.returncode == 0, output
    assert before.items() <= after.items()
    assert _complete(after), Counter(record.step for record in after.values())
    assert max(Counter(record.fingerprint for record in after.values()).values()) == 1
    assert TRAININGS <= len((tmp_path / "log").read_text(encoding="utf-8").splitlines()) <= TRAININGS + cut_off
    _, alive = psutil.wait_procs(descendants, timeout=10)
    assert not alive, "processes were left behind"


def _complete(records: dict[str, Record]) -> bool:
    """Return whether every step of the driver's suite has its record."""
    steps = Counter(record.step for record in records.values())
    return steps == {"pretrain": 1, "finetune": 2, "export": 2, "evaluate": 4, "serve": 4}


def _begin_anew(folder: Path, number: int) -> None:
    """Put the finished store and its log aside, so that there is always something to kill."""
    for name in ("store", "log"):
        (folder / name).rename(folder / f"{name}-{number}")


def test_the_harness_outlives_its_workers_and_its_fork_server(tmp_path: Path) -> None:
    """A killed process becomes a record; the run goes on to its end, and a later one completes the suite."""
    for kind in ("worker", "keeper", "fork server"):
        run = _start(tmp_path)
        killed = _kill(psutil.Process(run.pid), kind)
        output, _ = run.communicate(timeout=120)
        outcomes = Counter(record.outcome for record in peek_records(str(tmp_path / "store")))

        assert killed, kind
        assert run.returncode in (0, 1), output
        assert set(outcomes) <= {"ok", "killed", "failed"}, output
        assert outcomes["ok"] > 0, output
    again = _start(tmp_path)
    output, _ = again.communicate(timeout=120)

    assert again.returncode == 0, output
    assert _complete(_ok(tmp_path))


def _kill(harness: psutil.Process, kind: str) -> bool:
    """Kill a process under the harness as soon as there is one; return whether there was."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        time.sleep(0.02)
        with contextlib.suppress(psutil.NoSuchProcess):  # a worker may have ended already
            if (victim := _victim(harness, kind)) is not None:
                victim.kill()
                return True
    return False
