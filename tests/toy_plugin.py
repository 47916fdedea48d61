"""A whole family in one small file, for the core's tests: no torch, no first-party plugin.

Kind `toy`: an input is an int, an output is its parity. What a test wants to see go wrong is a setting.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import harness


class Parity(harness.Task):
    """Even or odd."""

    name = "parity"
    kind = "toy"
    summary = "Even or odd"
    imports = ()
    metrics = (harness.Metric("accuracy", "fraction", "correct", ceiling=1.0),)
    use_case = "toys"
    baseline = "guess"
    source = "counting"
    licence = "none"
    data_name = "counting"
    takes_data = True
    settings: ClassVar[Mapping[str, harness.Setting]] = {"count": harness.Setting(40, "items in the test split")}

    def identity(self, source: str | None, settings: Mapping[str, Any]) -> str:
        """Name the numbers."""
        return f"{source or 'counting'} {settings['count']}"

    def check(self, source: str | None, settings: Mapping[str, Any]) -> None:
        """Refuse a source that says so."""
        if source == "bad.csv":
            raise harness.DataError("File 'bad.csv', row 3: no number. Give one number a row.")

    def data(self, source: str | None, settings: Mapping[str, Any]) -> harness.Data:
        """Return the numbers."""
        return Numbers(settings["count"])


class Numbers(harness.Data):
    """Numbers from 0."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.digest = f"numbers to {count}"
        self.sizes = {"train": 100, "validation": 10, "test": count}

    def evaluate(self, predict: harness.Predict, batch_size: int, split: str = "test") -> harness.Grades:
        """Compare with the parity."""
        numbers = list(range(self.sizes[split]))
        answers: list[int] = []
        for start in range(0, len(numbers), batch_size):
            answers += predict(numbers[start : start + batch_size])
        correct = [float(a == n % 2) for a, n in zip(answers, numbers, strict=True)]
        return harness.Grades({"correct": correct}, used={"parity signature": "modulo 2"})

    def queries(self) -> Sequence[int]:
        """Return the numbers."""
        return list(range(self.count))

    def random_baseline(self) -> Mapping[str, float]:
        """Return a half."""
        return {"accuracy": 0.5}


class Counter(harness.Model):
    """Learns parity step by step: after `needed` steps it knows."""

    name = "counter"
    summary = "Learns in a few steps"
    imports = ()
    kinds = ("toy",)
    sizes = ("small", "large")
    pretraining = "counting"
    formats = ("paper",)
    settings: ClassVar[Mapping[str, harness.Setting]] = {
        "needed": harness.Setting(3, "steps until it knows"),
        "sleep_s": harness.Setting(0.0, "how long a step lasts"),
        "fault": harness.Setting(
            "none",
            "what goes wrong",
            ("none", "raise", "hang", "die", "exit", "grow", "nan", "noise", "unsupported", "large"),
        ),
        "log": harness.Setting("", "a file that gets a line when a training really ends"),
    }

    def learner(self, assignment: harness.Assignment) -> harness.Learner:
        """Build a learner."""
        return CountingLearner(assignment)

    def codec(self, folder: Path) -> harness.Codec:
        """Refuse: the toy's runtime needs none."""
        raise harness.Unsupported("a counter needs no codec")


class Guess(Counter):
    """The cheap baseline: always even."""

    name = "guess"
    summary = "Always even"
    pretraining = None
    formats = ()
    sizes = ("default",)
    settings: ClassVar[Mapping[str, harness.Setting]] = {}

    def learner(self, assignment: harness.Assignment) -> harness.Learner:
        """Build a learner that is done at once."""
        return CountingLearner(assignment, done=True)


class CountingLearner(harness.Learner):
    """Counts its steps."""

    def __init__(self, assignment: harness.Assignment, *, done: bool = False) -> None:
        self.assignment = assignment
        self.settings = {name: setting.default for name, setting in Counter.settings.items()} | dict(
            assignment.settings
        )
        self.done = done
        self.seen = 0
        if assignment.start is not None:
            self.load(assignment.start)

    def step(self) -> harness.Progress:
        """Count, or go wrong as told."""
        self._go_wrong(self.settings["fault"])
        time.sleep(self.settings["sleep_s"])
        self.seen += 1
        loss = float("nan") if self.settings["fault"] == "nan" else 1 / self.seen
        return harness.Progress({"samples": 10}, {"loss": loss}, done=self.done)

    def _go_wrong(self, fault: str) -> None:
        if fault == "raise":
            raise RuntimeError("the toy is broken")
        if fault == "unsupported":
            raise harness.Unsupported("the toy does not do this")
        if fault == "hang":
            time.sleep(600)
        if fault == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if fault == "exit":
            os._exit(3)
        if fault == "noise":
            print("a plugin's chatter")  # noqa: T201
        if fault == "grow":
            self.ballast = [bytearray(os.urandom(1) * 2**20) for _ in range(3000)]

    def save(self, folder: Path) -> None:
        """Write the count, and a line to the log."""
        (folder / "count.json").write_text(json.dumps(self.seen), encoding="utf-8")
        if self.settings["fault"] == "large":
            (folder / "large").write_bytes(bytes(40 * 2**20))
        if self.settings["log"]:
            with Path(self.settings["log"]).open("a", encoding="utf-8") as log:
                log.write(f"{self.assignment.stage} {self.assignment.seed}\n")

    def load(self, folder: Path) -> None:
        """Read the count."""
        self.seen = json.loads((folder / "count.json").read_text(encoding="utf-8"))

    def predict(self, inputs: Sequence[int]) -> Sequence[int]:
        """Answer rightly once enough was seen."""
        knows = not self.done and self.seen >= self.settings["needed"]
        return [number % 2 if knows else 0 for number in inputs]

    def parameters(self) -> int:
        """Return 1."""
        return 1


class Here(harness.Hardware):
    """This process."""

    name = "here"
    summary = "This process"
    imports = ()
    device = "cpu"

    def unavailable(self) -> str | None:
        """Always there."""
        return None

    def describe(self) -> dict[str, Any]:
        """Return a thing no price book knows."""
        return {"device_name": "toy", "price_item": "toy", "price_quantity": 1}

    def meters(self) -> Sequence[harness.Meter]:
        """Return none."""
        return []


class Plain(harness.Runtime):
    """The toy's own framework."""

    name = "plain"
    summary = "As it was trained"
    imports = ()

    def predictor(
        self, model: harness.Model, assignment: harness.Assignment, trained: Path, exported: Path | None
    ) -> harness.Predict:
        """Load the learner."""
        learner = model.learner(assignment)
        learner.load(trained)
        return learner.predict


class Paper(Plain):
    """A runtime with a format of its own."""

    name = "paper"
    summary = "From paper"
    format = "paper"

    def export(
        self, model: harness.Model, learner: harness.Learner, trained: Path, inputs: Sequence[Any], folder: Path
    ) -> Mapping[str, harness.Reading]:
        """Write the answers down."""
        answers = learner.predict(inputs)
        (folder / "paper.json").write_text(json.dumps(list(answers)), encoding="utf-8")
        return {"largest_difference": harness.Reading(0.0, "1")}


@harness.hookimpl
def harness_models() -> list[harness.Model]:
    """Bring the models."""
    return [Counter(), Guess()]


@harness.hookimpl
def harness_tasks() -> list[harness.Task]:
    """Bring the task."""
    return [Parity()]


@harness.hookimpl
def harness_hardware() -> list[harness.Hardware]:
    """Bring the hardware."""
    return [Here()]


@harness.hookimpl
def harness_runtimes() -> list[harness.Runtime]:
    """Bring the runtimes."""
    return [Plain(), Paper()]
