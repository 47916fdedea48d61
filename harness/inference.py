"""The measured inference: grading a predictor on a task, and serving it under load."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from harness.measure.loadgen import Load, generate_load
from harness.measure.meters import window
from harness.seams import Data, Hardware, Meter, Predict, Scores, Task

Meters = Callable[[], Sequence[Meter]]


def grade(predict: Predict, data: Data, batch_size: int) -> tuple[Scores, float]:
    """Return the scores of a predictor on the test split and the seconds it took.

    Raises:
        ValueError: the task graded nothing, or columns differ in length.
    """
    began = time.perf_counter()
    scores = data.evaluate(predict, batch_size)
    wall_s = time.perf_counter() - began
    lengths = {len(column) for column in scores.values()}
    if len(lengths) != 1 or lengths == {0}:
        raise ValueError(f"The task graded columns of lengths {sorted(lengths)}: they must agree and not be empty.")
    return scores, wall_s


def declared_metrics(task: Task, data: Data) -> list[dict[str, Any]]:
    """Return the task's metrics as a record keeps them: with the chance level found from the data."""
    chance = data.chance()
    return [{**asdict(metric), "chance": chance.get(metric.name)} for metric in task.metrics]


def open_predictor(
    build: Callable[[], Predict], inputs: Sequence[Any], synchronise: Callable[[], None]
) -> tuple[Predict, float, float]:
    """Return a predictor, the seconds of its loading and those of its first answer: the cold start, told apart."""
    began = time.perf_counter()
    predict = build()
    synchronise()
    loaded = time.perf_counter()
    predict(inputs[:1])
    synchronise()
    return predict, loaded - began, time.perf_counter() - loaded


def serve(predict: Predict, inputs: Sequence[Any], asked: dict[str, Any], hardware: Hardware, meters: Meters) -> Load:
    """Serve a predictor in the scenario that was asked for; the meters see the measured run alone."""
    return generate_load(
        asked["scenario"],
        predict,
        inputs,
        batch_size=asked["batch_size"],
        seconds=asked["load"]["seconds"],
        min_queries=asked["load"]["queries"],
        synchronise=hardware.synchronise,
        seed=asked["seed"],
        window=lambda: window(meters(), hardware.synchronise),
    )
