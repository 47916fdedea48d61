"""What no record can hold, and what harms the harness: a model, a task and hardware for the tests of faults.

Kind `toy`, as in `toy_plugin.py`, which is loaded beside it. What goes wrong is a setting, or the hardware's name.
"""

from __future__ import annotations

import datetime as dt
import gc
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import harness

LONG = 50_000_000
MARKUP = "[/red] [bold]name[/bold] :bug:"


def _numpy() -> Any:
    import numpy as np

    return np


class MuteError(Exception):
    """Cannot say what is wrong."""

    def __str__(self) -> str:
        """Fail."""
        raise RuntimeError("no words")


class Panic(BaseException):
    """Not an `Exception`: what libraries in Rust raise."""


class UnpicklableError(Exception):
    """Holds what cannot leave the process."""

    def __init__(self) -> None:
        """Hold a lock."""
        super().__init__(threading.Lock())


def _raise(error: BaseException) -> NoReturn:
    raise error


def _progress(consumed: Any = None, losses: Any = None) -> Any:
    return harness.Progress({"samples": 1} if consumed is None else consumed, losses or {}, done=True)


def _leave_a_child() -> Any:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    return _progress({"samples": 1, "child": child.pid})


def _write_to_pipe(sent: bytes) -> Any:
    for one in [each for each in gc.get_objects() if isinstance(each, Connection) and each.writable]:
        os.write(one.fileno(), sent)
    return _progress()


def _wait_for_more(sent: bytes) -> Any:
    _write_to_pipe(sent)
    time.sleep(600)


def _close_files() -> Any:
    os.closerange(3, 256)
    return _progress()


STEPS: dict[str, Callable[[], Any]] = {
    "none": _progress,
    "numpy": lambda: _progress({"samples": _numpy().int64(3)}, {"loss": _numpy().float32(0.5)}),
    "negative loss": lambda: _progress(losses={"loss": -2.5}),
    "text for a loss": lambda: _progress(losses={"loss": "0.5"}),
    "nan reward": lambda: _progress(losses={"loss": 1.0, "reward": float("nan")}),
    "nan loss": lambda: _progress(losses={"loss": float("nan")}),
    "list of losses": lambda: _progress(losses=[0.5]),
    "number for a name": lambda: _progress(losses={1: 0.5}),
    "long name": lambda: _progress(losses={"x" * LONG: 0.5}),
    "odd name": lambda: _progress(losses={"\ud800\0": 0.5, MARKUP: 1.0}),
    "half a sample": lambda: _progress({"samples": 0.5}),
    "negative samples": lambda: _progress({"samples": -1}),
    "no samples": lambda: _progress({"tokens": 1}),
    "huge samples": lambda: _progress({"samples": 10**400}),
    "clock of its own": lambda: _progress({"samples": 1, "wall_s": 3}),
    "no progress": lambda: None,
    "long message": lambda: _raise(RuntimeError("x" * LONG)),
    "odd message": lambda: _raise(RuntimeError(f"\ud800\0{MARKUP}")),
    "no message": lambda: _raise(MuteError()),
    "unpicklable error": lambda: _raise(UnpicklableError()),
    "exit": lambda: _raise(SystemExit(3)),
    "panic": lambda: _raise(Panic("at the disco")),
    "child left": _leave_a_child,
    "rubbish": lambda: _write_to_pipe(b"rubbish, and more of it"),
    "rubbish in a frame": lambda: _write_to_pipe(b"\0\0\0\4????"),
    "half a message": lambda: _wait_for_more(b"\0\0\1\0half"),
    "closed pipe": _close_files,
}
"""What a step gives or does."""


class Faulty(harness.Model):
    """Goes wrong as it is told."""

    name = "faulty"
    summary = "Goes wrong"
    imports = ()
    kinds = ("toy",)
    settings: ClassVar[Mapping[str, harness.Setting]] = {"fault": harness.Setting("none", "what goes wrong")}

    def learner(self, assignment: harness.Assignment) -> Any:
        """Build a learner, or none."""
        fault = assignment.settings["fault"]
        return None if fault == "no learner" else FaultyLearner(fault)


ANSWERS: dict[str, Callable[[int], Any]] = {
    "nan answer": lambda count: [0] * (count - 1) + [float("nan")],
    "no answers": lambda _: None,
    "one answer for all": lambda _: 0,
    "an answer too few": lambda count: [0] * (count - 1),
    "text for answers": lambda count: "0" * count,
}


class FaultyLearner(harness.Learner):
    """Takes one step, and saves."""

    def __init__(self, fault: str) -> None:
        """Remember what to do."""
        self.fault = fault

    def step(self) -> Any:
        """Give something odd."""
        return STEPS.get(self.fault, _progress)()

    def save(self, folder: Path) -> None:
        """Write a file, or remove what is there."""
        (folder / "saved").touch()
        if self.fault == "folder gone":
            shutil.rmtree(folder)
        if self.fault == "artifacts gone":
            shutil.rmtree(folder.parent)

    def load(self, folder: Path) -> None:
        """Read nothing."""

    def predict(self, inputs: Sequence[int]) -> Any:
        """Say even, or give an odd answer."""
        return ANSWERS.get(self.fault, lambda count: [0] * count)(len(inputs))

    def parameters(self) -> Any:
        """Say how many."""
        return {"text for parameters": "12", "negative parameters": -12}.get(self.fault)


def _endless() -> Any:
    holds: list[Any] = []
    holds.append(holds)
    return holds


USED: dict[str, Callable[[], Any]] = {
    "numpy used": lambda: {"level": _numpy().float32(0.5), "on": _numpy().bool_(True)},
    "odd used": lambda: {"text": "\ud800\0", MARKUP: [1, (2.5, None)]},
    "path used": lambda: {"where": [Path("x")]},
    "set used": lambda: {"which": {1, 2}},
    "date used": lambda: {"when": dt.date(2026, 11, 26)},
    "number for a key": lambda: {"by": {1: "one"}},
    "endless used": lambda: {"all": _endless()},
    "huge used": lambda: {"count": 10**400},
    "nan used": lambda: {"level": float("nan")},
    "used is a list": lambda: ["x"],
}
SCORES: dict[str, Callable[[int], Any]] = {
    "numpy scores": lambda items: {"correct": _numpy().ones(items, "float32")},
    "nan score": lambda items: {"correct": [1.0] * (items - 1) + [float("nan")]},
    "missing score": lambda items: {"correct": [1.0, None] + [1.0] * (items - 2)},
    "text for a score": lambda items: {"correct": ["0.5"] * items},
    "ragged scores": lambda items: {"correct": [1.0] * items, "other": [1.0]},
    "no scores": lambda _: {"correct": []},
    "no column": lambda items: {"other": [1.0] * items},
    "scores are a number": lambda _: {"correct": 0.5},
}
CHANCES: dict[str, Callable[[], Any]] = {
    "numpy chance": lambda: {"accuracy": _numpy().float32(0.5)},
    "nan chance": lambda: {"accuracy": float("nan")},
    "text for chance": lambda: {"accuracy": "half"},
    "chance is a number": lambda: 0.5,
}


SHOWN: dict[str, Callable[[], Any]] = {
    "long caption": lambda: [harness.Sample("x" * LONG, "text/plain", b"seen")],
    "zero byte shown": lambda: [harness.Sample("x", "text/plain", b"a\0b")],
    "nothing shown": lambda: None,
    "text shown": lambda: ["x"],
    "sample of text": lambda: [harness.Sample("x", "text/plain", "\ud800")],  # type: ignore[arg-type]
    "odd sample": lambda: [harness.Sample("x", "text/plain", b"\xc3(")],
    "large sample": lambda: [harness.Sample("x", "text/plain", b"x" * 200_001)],
}
QUERIES: dict[str, Callable[[], Any]] = {
    "queries from a generator": lambda: (number for number in range(8)),
    "no queries": list,
}


class Odd(harness.Task):
    """Gives odd grades."""

    name = "odd"
    kind = "toy"
    summary = "Even or odd, oddly graded"
    imports = ()
    metrics = (harness.Metric("accuracy", "fraction", "correct", ceiling=1.0),)
    source = "counting"
    licence = "none"
    settings: ClassVar[Mapping[str, harness.Setting]] = {"fault": harness.Setting("none", "what goes wrong")}

    def identity(self, source: str | None, settings: Mapping[str, Any]) -> str:
        """Name the numbers, or not."""
        if settings["fault"] == "no identity":
            raise RuntimeError(f"no name for {source}")
        return str(settings["fault"])

    def data(self, source: str | None, settings: Mapping[str, Any]) -> Any:
        """Return the numbers, or nothing."""
        return None if settings["fault"] == "no data" else OddData(settings["fault"])


class OddData(harness.Data):
    """Eight numbers."""

    def __init__(self, fault: str) -> None:
        """Declare sizes and digest."""
        self.fault = fault
        self.digest = Path("x") if fault == "path for a digest" else fault  # type: ignore[assignment]
        self.sizes = {"train": -1 if fault == "negative size" else 8, "test": 8}

    def evaluate(self, predict: harness.Predict, batch_size: int, split: str = "test") -> harness.Grades:
        """Grade oddly."""
        predict(list(range(8))[:batch_size])
        scores = SCORES.get(self.fault, lambda items: {"correct": [1.0] * items})(self.sizes[split])
        return harness.Grades(scores, used=USED.get(self.fault, dict)())

    def queries(self) -> Any:
        """Return the numbers."""
        return QUERIES.get(self.fault, lambda: list(range(8)))()

    def random_baseline(self) -> Any:
        """Guess."""
        return CHANCES.get(self.fault, lambda: {"accuracy": 0.5})()

    def show(self, predict: harness.Predict) -> Any:
        """Show what it is told to."""
        del predict
        return SHOWN.get(self.fault, list)()

    def work(self, outputs: Sequence[Any]) -> Mapping[str, int]:
        """Count what was undone."""
        return {"letters": -len(outputs)} if self.fault == "negative work" else {}


class OddMeter(harness.Meter):
    """Reads what it is told to."""

    def __init__(self, read: Any) -> None:
        """Keep it."""
        self.read = read

    def start(self) -> None:
        """Open."""

    def stop(self) -> Any:
        """Read."""
        return self.read()


DESCRIBED: dict[str, Callable[[], Any]] = {
    "path": lambda: {"driver": Path("/dev/null")},
    "nan": lambda: {"clock": float("nan")},
    "raise": lambda: _raise(RuntimeError("no such chip")),
    "list": lambda: ["chip"],
    "numpy": lambda: {"clock_mhz": _numpy().float64(3000.0), "cores": _numpy().int32(4)},
}
READ: dict[str, Callable[[], Any]] = {
    "numpy-meter": lambda: {"energy_j": harness.Reading(_numpy().float32(2.5), "J")},
    "nan-meter": lambda: {"energy_j": harness.Reading(float("nan"), "J")},
    "negative-meter": lambda: {"energy_j": harness.Reading(-1.0, "J")},
    "bare-meter": lambda: {"energy_j": 2.5},
    "list-meter": lambda: [2.5],
    "second-clock": lambda: {"wall_s": harness.Reading(1.0, "s")},
    "odd-kind": lambda: {"energy_j": harness.Reading(1.0, "J", "guessed")},  # type: ignore[arg-type]
}


class OddHardware(harness.Hardware):
    """Says odd things of itself."""

    summary = "Odd"
    imports = ()
    device = "cpu"

    def __init__(self, name: str) -> None:
        """Take the fault's name."""
        self.name = name  # type: ignore[misc]

    def unavailable(self) -> str | None:
        """Always there."""
        return None

    def describe(self) -> Any:
        """Say it."""
        return DESCRIBED.get(self.name, dict)()

    def meters(self) -> Any:
        """Return a meter, or what is no list of them."""
        return None if self.name == "no-meters" else [OddMeter(READ[self.name])] if self.name in READ else []


@harness.hookimpl
def harness_models() -> list[harness.Model]:
    """Bring the model."""
    return [Faulty()]


@harness.hookimpl
def harness_tasks() -> list[harness.Task]:
    """Bring the task."""
    return [Odd()]


@harness.hookimpl
def harness_hardware() -> list[harness.Hardware]:
    """Bring the hardware."""
    return [OddHardware(name) for name in (*DESCRIBED, *READ, "no-meters")]
