"""Warm-up: its length follows from the times that were measured."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from harness.measure.outputs import check_outputs
from harness.seams import Predict

WINDOW = 5
"""Calls in a window; two consecutive windows are compared."""
AGREE = 0.1
"""How far the medians of two windows may lie apart, relative to the later one."""
MOST_CALLS = 300
"""After which warm-up is given up, as in pyperf's calibration of warm-ups."""


@dataclass(frozen=True)
class WarmUp:
    """How a warm-up went."""

    batches: int
    seconds: float
    call_s: float
    """Median seconds of a call in the last window."""
    settled: bool
    """Whether two consecutive windows agreed before a limit was reached."""


def warm_up(
    predict: Predict, inputs: Sequence[Any], batch_size: int, synchronise: Callable[[], None], *, limit_s: float,
    most_calls: int = MOST_CALLS,
) -> WarmUp:  # fmt: skip
    """Call the predictor until two consecutive windows of calls take the same time.

    Args:
        predict: What is warmed up.
        inputs: Real inputs, at least one; taken in order, over and over.
        batch_size: Samples in a call.
        synchronise: Waits for the device.
        limit_s: When to give up on it; two calls are made in any case, for the first one is a cold start.
        most_calls: When to give up on it too; at least two.

    Raises:
        ValueError: an output is missing or not finite.
    """
    took: list[float] = []
    began = time.perf_counter()
    while not _settled(took) and len(took) < most_calls:
        elapsed_s = time.perf_counter() - began
        if elapsed_s > limit_s and len(took) > 1:
            break
        batch = [inputs[(len(took) * batch_size + place) % len(inputs)] for place in range(batch_size)]
        start = time.perf_counter()
        outputs = predict(batch)
        synchronise()
        took.append(time.perf_counter() - start)
        check_outputs(outputs, batch_size)
    return WarmUp(len(took), time.perf_counter() - began, statistics.median(took[1:][-WINDOW:]), _settled(took))


def _settled(took: Sequence[float]) -> bool:
    if len(took) < 2 * WINDOW:
        return False
    earlier, later = statistics.median(took[-2 * WINDOW : -WINDOW]), statistics.median(took[-WINDOW:])
    return abs(earlier - later) <= AGREE * later
