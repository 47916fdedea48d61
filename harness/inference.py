"""The measured inference: opening a predictor and serving it under load."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from harness.measure.loadgen import Load, generate_load
from harness.measure.meters import window
from harness.seams import Hardware, Meter, Predict

Meters = Callable[[], Sequence[Meter]]


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
