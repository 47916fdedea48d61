"""The measured training loop. What an author may change is in `Learner.step`; clock, budget and limits are here."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from harness import grading, plain
from harness.errors import PluginError
from harness.seams import Budget, Data, Learner, Metric, Progress

Report = Callable[[dict[str, float]], None]
EVALUATION_BATCH = 64


@dataclass
class Training:
    """What one training used up and how it went."""

    consumed: Counter[str] = field(default_factory=Counter)
    steps: int = 0
    wall_s: float = 0.0
    validation_s: float = 0.0
    """Part of `wall_s` that quality checks took."""
    step_s: list[float] = field(default_factory=list)
    losses: dict[str, list[float]] = field(default_factory=dict)
    quality: list[float] = field(default_factory=list)
    stopped_by: str = ""


def train(
    learner: Learner, budget: Budget, data: Data, metric: Metric, synchronise: Callable[[], None], report: Report
) -> Training:
    """Call `learner.step` until the budget is used up, the quality is reached or nothing is left to learn.

    Steps are timed as they return; the device is waited for at both ends of the whole, so `wall_s` is exact also where
    steps are queued on a device.

    Raises:
        PluginError: a step gave something that cannot be recorded.
        FloatingPointError: a loss is not finite.
    """
    training = Training()
    clock = time.perf_counter
    synchronise()
    began = last = clock()
    while not training.stopped_by:
        progress = learner.step()
        now = clock()
        training.step_s.append(now - last)
        last = now
        training.steps += 1
        losses = _take(progress, training)
        report(
            {
                **losses,
                "done": _share_done(training, budget, now - began),
                "seconds": now - began,
                "samples": training.consumed["samples"],
            }
        )
        training.stopped_by = "done" if progress.done else _limit_reached(training, budget, now - began)
        if not training.stopped_by and budget.quality is not None and training.steps % budget.check_every_steps == 0:
            training.stopped_by = _quality_reached(learner, budget.quality, data, metric, training)
            last = clock()
            training.validation_s += last - now
    synchronise()
    training.wall_s = clock() - began
    return training


def _take(progress: Progress, training: Training) -> dict[str, float]:
    """Add what a step consumed and lost to the training; return the losses."""
    if not isinstance(progress, Progress):
        raise PluginError(f"Learner.step returned a {type(progress).__name__}. Return a harness.Progress.")
    consumed = plain.counts(progress.consumed, "Progress.consumed")
    if "samples" not in consumed:
        raise PluginError("Progress.consumed has no 'samples'. Say how many a step used up, 0 where it used none.")
    training.consumed.update(consumed)
    losses = {
        name: float(plain.real(loss, f"Progress.losses[{name!r}]"))
        for name, loss in plain.named(progress.losses, "Progress.losses").items()
    }
    for name, loss in losses.items():
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"Progress.losses[{name!r}] is {loss} after {training.steps} steps. "
                "Lower the learning rate, or look at the data and at how it is computed."
            )
        training.losses.setdefault(name, []).append(loss)
    return losses


def _limit_reached(training: Training, budget: Budget, seconds: float) -> str:
    if budget.steps is not None and training.steps >= budget.steps:
        return "steps"
    if budget.samples is not None and training.consumed["samples"] >= budget.samples:
        return "samples"
    if budget.seconds is not None and seconds >= budget.seconds:
        return "seconds"
    return ""


def _quality_reached(learner: Learner, target: float, data: Data, metric: Metric, training: Training) -> str:
    grades = grading.checked(grading.grade(learner.predict, data, EVALUATION_BATCH, split="validation"))
    value = grading.value(metric, grades)
    training.quality.append(value)
    good = value >= target if metric.higher_is_better else value <= target
    return "quality" if good else ""


def _share_done(training: Training, budget: Budget, seconds: float) -> float:
    shares = [
        used / limit
        for used, limit in (
            (training.steps, budget.steps),
            (training.consumed["samples"], budget.samples),
            (seconds, budget.seconds),
        )
        if limit
    ]
    return min(1.0, max(shares, default=0.0))
