"""The measured inference: opening a predictor and serving it under load."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from harness import plain
from harness.measure.load import FEW_CALLS, Loaded, under_load
from harness.measure.loadgen import Load, generate_load
from harness.measure.meters import window
from harness.measure.outputs import check_outputs
from harness.measure.warmup import MOST_CALLS
from harness.seams import BilledPredictor, Hardware, Meter, Predict, Reading, StreamingPredictor

Meters = Callable[[], Sequence[Meter]]
Count = Callable[[Sequence[Any]], Mapping[str, int]]
"""Outputs → unit → how much they hold; of no outputs, each unit that is counted with 0."""


def open_predictor(
    build: Callable[[], Predict], inputs: Sequence[Any], synchronise: Callable[[], None]
) -> tuple[Predict, float, float]:
    """Return a predictor, the seconds of its loading and those of its first answer: both parts of the cold start."""
    began = time.perf_counter()
    predict = build()
    synchronise()
    loaded = time.perf_counter()
    predict(inputs[:1])
    synchronise()
    return predict, loaded - began, time.perf_counter() - loaded


def serve(
    predict: Predict, inputs: Sequence[Any], spec: dict[str, Any], hardware: Hardware, meters: Meters, count: Count
) -> tuple[Load, dict[str, int]]:
    """Serve a predictor in the scenario of the spec; meters and counts see the measured run alone.

    Outputs are kept only where something is counted, and are counted after the run, so that it takes no time of it.
    """
    kept: list[Sequence[Any]] = []

    def keeping(batch: Sequence[Any]) -> Sequence[Any]:
        outputs = predict(batch)
        kept.append(outputs)
        return outputs

    def opened() -> AbstractContextManager[Mapping[str, Reading]]:
        kept.clear()  # of the warm-up, or of a run that was too short
        return window(meters(), hardware.synchronise)

    load = generate_load(
        spec["scenario"],
        keeping if count(()) else predict,
        inputs,
        batch_size=spec["batch_size"],
        seconds=spec["load"]["seconds"],
        min_queries=spec["load"]["queries"],
        synchronise=hardware.synchronise,
        seed=spec["seed"],
        window=opened,
        warm_up_calls=FEW_CALLS if isinstance(predict, BilledPredictor) else MOST_CALLS,
    )
    return load, _counted(kept, count)


def _counted(kept: Iterable[Sequence[Any]], count: Count) -> dict[str, int]:
    work: Counter[str] = Counter()
    for outputs in kept:
        work.update(plain.counts(count(outputs), "Data.work()"))
    return dict(work)


def serve_arrivals(
    predict: Predict, inputs: Sequence[Any], spec: dict[str, Any], hardware: Hardware, meters: Meters, count: Count
) -> tuple[Loaded, dict[str, int]]:
    """Serve requests that are in flight at the same time; counted is the run that stands for the others."""
    kept: list[list[Sequence[Any]]] = [[]]

    def keeping(batch: Sequence[Any]) -> Sequence[Any]:
        outputs = predict(batch)
        kept[-1].append(outputs)
        return outputs

    def opened() -> AbstractContextManager[Mapping[str, Reading]]:
        kept.append([])
        return window(meters(), hardware.synchronise)

    served = predict
    if count(()):
        served = replace(predict, whole=keeping) if isinstance(predict, BilledPredictor) else keeping
    loaded = under_load(served, inputs, spec, hardware.synchronise, opened)
    return loaded, _counted(kept[1 + loaded.chosen], count)


def first_token_s(
    predict: StreamingPredictor, inputs: Sequence[Any], spec: dict[str, Any], synchronise: Callable[[], None]
) -> list[float]:
    """Return how long single queries waited for the first token of their answers, in order.

    As many as the load asks for, for as long as its window at most, after one that is not timed.
    """
    draw, load = random.Random(spec["seed"]), spec["load"]  # noqa: S311 - no secret
    predict.first(inputs[:1])
    synchronise()
    waited: list[float] = []
    end = time.perf_counter() + load["seconds"]
    while len(waited) < load["queries"] and time.perf_counter() < end:
        query = [draw.choice(inputs)]
        began = time.perf_counter()
        outputs = predict.first(query)
        synchronise()
        waited.append(time.perf_counter() - began)
        check_outputs(outputs, 1)
    return waited
