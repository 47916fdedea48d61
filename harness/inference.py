"""The measured inference: opening a predictor and serving it under load."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
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
    """Serve a predictor in the scenario of the spec; meters and counts see the measured run alone."""
    kept = _Kept(count)
    load = generate_load(
        spec["scenario"],
        kept.of(predict),
        inputs,
        batch_size=spec["batch_size"],
        seconds=spec["load"]["seconds"],
        min_queries=spec["load"]["queries"],
        synchronise=hardware.synchronise,
        seed=spec["seed"],
        window=lambda: kept.opened(meters, hardware),
        warm_up_calls=FEW_CALLS if isinstance(predict, BilledPredictor) else MOST_CALLS,
    )
    return load, kept.counted(-1)  # before it are runs that were too short


def serve_arrivals(
    predict: Predict, inputs: Sequence[Any], spec: dict[str, Any], hardware: Hardware, meters: Meters, count: Count
) -> tuple[Loaded, dict[str, int]]:
    """Serve requests that are in flight at the same time; counted is the run that stands for the others."""
    kept = _Kept(count)
    loaded = under_load(kept.of(predict), inputs, spec, hardware.synchronise, lambda: kept.opened(meters, hardware))
    return loaded, kept.counted(loaded.chosen)


class _Kept:
    """Outputs of each run. They are kept only where something is counted, and counted later: it takes no run's time."""

    def __init__(self, count: Count) -> None:
        self._count = count
        self._runs: list[list[Sequence[Any]]] = [[]]  # the first: the warm-up

    def of(self, predict: Predict) -> Predict:
        """Return a predictor whose outputs are kept."""
        if not self._count(()):
            return predict

        def keeping(batch: Sequence[Any]) -> Sequence[Any]:
            outputs = predict(batch)
            self._runs[-1].append(outputs)
            return outputs

        return replace(predict, whole=keeping) if isinstance(predict, BilledPredictor) else keeping

    def opened(self, meters: Meters, hardware: Hardware) -> AbstractContextManager[Mapping[str, Reading]]:
        """Begin a run: open its meters."""
        self._runs.append([])
        return window(meters(), hardware.synchronise)

    def counted(self, run: int) -> dict[str, int]:
        """Return what the outputs of a run hold, the last one by -1."""
        work: Counter[str] = Counter()
        for outputs in self._runs[1:][run]:
            work.update(plain.counts(self._count(outputs), "Data.work()"))
        return dict(work)


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
