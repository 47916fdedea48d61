"""A model whose training starts processes, for the core's tests; loaded after the toy."""

from __future__ import annotations

import ctypes
import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from harness_file_toy_plugin import Counter, CountingLearner

import harness

STARTED = 6
"""Processes that `_start_all` starts."""
FAMILY = "echo $$ >> $0; sleep 600 & echo $! >> $0; sleep 600 & echo $! >> $0; wait"


def _start_all(log: str) -> None:
    """Start a child, one in its own session, a daemon, and a family in its own session; each notes its number."""
    _fork(log)
    _fork(log, session=True)
    _fork(log, session=True, daemon=True)
    subprocess.Popen(["sh", "-c", FAMILY, log], start_new_session=True)
    while len(Path(log).read_text(encoding="ascii").split()) < STARTED:
        time.sleep(0.01)


def _fork(log: str, *, session: bool = False, daemon: bool = False) -> None:
    """Fork a process that sleeps; the parent of a daemon ends at once."""
    child = os.fork()
    if child == 0:
        if session:
            os.setsid()
        if not daemon or os.fork() == 0:
            _note(log)
            time.sleep(600)
        os._exit(0)
    if daemon:
        os.waitpid(child, 0)


def _note(log: str) -> None:
    with Path(log).open("a", encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")


class Parent(Counter):
    """Starts processes, and then goes wrong as told."""

    name = "parent"
    pretraining = None
    settings: ClassVar[Mapping[str, harness.Setting]] = {
        **Counter.settings,
        "started": harness.Setting("", "a file for the numbers of what is started, the worker's at last"),
        "private": harness.Setting(0, "what each of three children takes of its own, in MiB"),
        "shared": harness.Setting(0, "what they share with this process, in MiB"),
        "hold_s": harness.Setting(0.0, "how long they hold it"),
        "worked_s": harness.Setting(0.0, "processor time that two children take, of which one goes on"),
        "lost": harness.Setting(0, "what a child takes that the step waits for, in MiB"),
        "waits_for": harness.Setting("", "a file at which it goes on"),
        "then": harness.Setting("goes on", "what follows", ("goes on", "C code")),
        "written": harness.Setting(0, "what it writes before it sleeps, in MiB"),
    }

    def learner(self, assignment: harness.Assignment) -> harness.Learner:
        """Build a learner."""
        return StartingLearner(assignment)


class StartingLearner(CountingLearner):
    """Starts processes in its step."""

    def step(self) -> harness.Progress:
        """Start them."""
        settings = self._all_settings()
        if settings["started"]:
            _start_all(settings["started"])
            _note(settings["started"])
        if settings["private"] or settings["shared"]:
            _take(settings["private"], settings["shared"])
            time.sleep(settings["hold_s"])
        if settings["worked_s"]:
            _work(settings["worked_s"])
        if settings["lost"]:
            _wait_for_one(settings["lost"])
        while settings["waits_for"] and not Path(settings["waits_for"]).exists():
            time.sleep(0.01)
        if settings["then"] == "C code":
            ctypes.PyDLL(None).sleep(600)  # it holds the interpreter's lock: no other thread runs
        return super().step()

    def save(self, folder: Path) -> None:
        """Write, and sleep in the midst of it if told to write much."""
        super().save(folder)
        if written := self._all_settings()["written"]:
            (folder / "large").write_bytes(bytes(written * 2**20))
            time.sleep(600)

    def _all_settings(self) -> dict[str, Any]:
        return {name: setting.default for name, setting in Parent.settings.items()} | dict(self.assignment.settings)


def _take(private: int, shared: int) -> None:
    """Return when three children hold memory: their own, and what they have from this process."""
    held = [b"x" * (shared * 2**20)]
    reader, writer = os.pipe()
    for _ in range(3):
        if os.fork() == 0:
            held.append(b"x" * (private * 2**20))
            os.write(writer, b".")
            time.sleep(600)
            os._exit(0)
    for _ in range(3):
        os.read(reader, 1)


def _work(seconds: float) -> None:
    """Let two children work, one of which is then waited for."""
    reader, writer = os.pipe()
    for ends in (True, False):
        child = os.fork()
        if child == 0:
            while time.process_time() < seconds:
                pass
            os.write(writer, b".")
            time.sleep(0 if ends else 600)
            os._exit(0)
        os.read(reader, 1)
        if ends:
            os.waitpid(child, 0)


def _wait_for_one(mebibytes: int) -> None:
    child = os.fork()
    if child == 0:
        os._exit(len(b"x" * (mebibytes * 2**20)) == 0)
    if os.waitpid(child, 0)[1]:
        raise ChildProcessError("a child was lost")


@harness.hookimpl
def harness_models() -> list[harness.Model]:
    """Bring the model."""
    return [Parent()]
