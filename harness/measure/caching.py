"""The audit of caching: whether inputs that were never sent take longer than the same inputs sent again.

After MLPerf's TEST04, which compares unique with repeated samples. Load generation draws inputs with replacement, so a
predictor that keeps its answers would be timed at looking them up.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

from harness.seams import Predict

FEWEST, MOST = 10, 24
"""Inputs that are held back: 10 of 10 that are slower have a probability of 1/1024 (see `LARGEST_P`)."""
SHARE = 3
"""At most one input of so many is held back."""
ROUNDS = 3
LARGEST_P = 1e-3
"""Up to which a sign test counts as beyond the noise."""
RATIO = 2.0
"""An honest predictor may take longer too for a shape that it has not seen. On two busy cores 27 honest models reached
1.96, with 17 of 24 inputs slower."""


@dataclass(frozen=True)
class Audit:
    """How inputs that were never sent compare with repeated ones."""

    ratio: float
    """Time of an unseen input over its time when it is sent again, beside the same of a seen one; the median."""
    slower: int
    """Inputs for which it is above 1."""
    inputs: int

    @property
    def caches(self) -> bool:
        """Whether the predictor keeps answers: unseen inputs take longer, by much and beyond the noise."""
        p_value = sum(comb(self.inputs, k) for k in range(self.slower, self.inputs + 1)) / 2**self.inputs
        return self.ratio >= RATIO and p_value < LARGEST_P


def hold_back(inputs: Sequence[Any], seed: int) -> tuple[list[Any], list[Any]]:
    """Return the inputs to serve and those to hold back for the audit; none of these where there are too few."""
    count = min(MOST, len(inputs) // SHARE)
    if count < FEWEST:
        return list(inputs), []
    held = set(random.Random(seed).sample(range(len(inputs)), count))  # noqa: S311 - no secret
    served = [one for place, one in enumerate(inputs) if place not in held]
    return served, [inputs[place] for place in sorted(held)]


def audit(
    predict: Predict, seen: Sequence[Any], unseen: Sequence[Any], synchronise: Callable[[], None], limit_s: float
) -> Audit | None:
    """Send unseen inputs in turn with seen ones, one at a time, and then all of them again in the same order.

    The seen ones are the control: what slows the machine down for a while slows both down.

    Args:
        predict: warmed up.
        seen: inputs that it has answered; at least as many as `unseen`.
        unseen: inputs that it has not.
        synchronise: waits for the device.
        limit_s: about how long this may take; `FEWEST` inputs are sent in any case.

    Returns:
        None where there are too few inputs.
    """
    if len(unseen) < FEWEST:
        return None

    def seconds(query: Any) -> float:
        began = time.perf_counter()
        predict([query])
        synchronise()
        return time.perf_counter() - began

    controls = seen[: len(unseen)]
    began = time.perf_counter()
    for query in controls[:FEWEST]:  # a cache that forgets has them again
        seconds(query)
    pair_s = 2 * (time.perf_counter() - began) / FEWEST
    count = max(FEWEST, min(len(unseen), int(limit_s / (ROUNDS * pair_s)))) if pair_s else len(unseen)
    for query in controls[FEWEST:count]:
        seconds(query)
    pairs = list(zip(unseen[:count], controls[:count], strict=True))
    rounds = [[(seconds(one), seconds(other)) for one, other in pairs] for _ in range(ROUNDS)]
    ratios = [
        _slowdown([one for one, _ in times]) / _slowdown([other for _, other in times])
        for times in zip(*rounds, strict=True)
    ]
    return Audit(statistics.median(ratios), sum(ratio > 1 for ratio in ratios), count)


def _slowdown(seconds: Sequence[float]) -> float:
    """Return the first time over the median of the later ones."""
    first, *later = seconds
    return first / statistics.median(later)
