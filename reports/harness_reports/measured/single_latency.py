"""How long single requests of a candidate take, served one by one, else the calls of its evaluation; of a cascade."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from harness_reports.measured.results import Measured


class Timed(NamedTuple):
    """Seconds of single requests, without those that failed."""

    seconds: np.ndarray
    """Shape (requests,)."""
    in_flight: int | None = None
    """How many requests were in flight at most; None where they were served one after the other."""
    by_item: np.ndarray | None = None
    """Of a single evaluation: the seconds of each item's call, NaN where it has none, shape (items,)."""


def timed(measured: Measured) -> list[Timed]:
    """Return what is known of a candidate's single requests, the better one first; empty where nothing was timed."""
    return [each for each in (_single(measured), _calls(measured)) if each is not None and each.seconds.size]


def alike(ours: Sequence[Timed], theirs: Sequence[Timed]) -> tuple[Timed | None, Timed | None]:
    """Return the first of both sides that were timed in the same way; where none were, the first of each."""
    for one in ours:
        for other in theirs:
            if (one.in_flight is None) == (other.in_flight is None):
                return one, other
    return next(iter(ours), None), next(iter(theirs), None)


def _single(measured: Measured) -> Timed | None:
    window = measured.fastest.get("SingleStream")
    return None if window is None else Timed(np.array(window.latencies_s(), dtype=float))


def _calls(measured: Measured) -> Timed | None:
    leaves = measured.quality.leaves if measured.quality else []
    columns: list[Sequence[Any]] = [leaf.usage.get("test", {}).get("latency_s", []) for leaf in leaves]
    if not any(columns):
        return None
    every = [np.array([np.nan if value is None else value for value in column], dtype=float) for column in columns]
    together = np.concatenate(every)
    in_flight = max((int(leaf.spec.get("batch_size") or 1) for leaf in leaves), default=1)
    return Timed(together[~np.isnan(together)], in_flight, every[0] if len(every) == 1 else None)


def chained_s(cheap_s: Sequence[float], expensive_s: Sequence[float], share: float) -> list[float]:
    """Return latencies of a cascade: the cheap one's, and the expensive one's after it for a share of the requests.

    Every measured latency is used once at most, so that a test counts as many as there are; which follows which is by
    chance, with a fixed seed.

    Args:
        cheap_s: measured latencies of the cheap one, in seconds.
        expensive_s: of the expensive one.
        share: of the requests, passed on.
    """
    count = min(len(cheap_s), int(len(expensive_s) / share + 1e-9)) if share else len(cheap_s)
    passed = min(math.ceil(share * count - 1e-9), len(expensive_s))
    random = np.random.default_rng([9, count])
    first = random.permutation(np.asarray(cheap_s, dtype=float))[:count]
    second = random.permutation(np.asarray(expensive_s, dtype=float))[:passed]
    first[:passed] += second
    return [float(seconds) for seconds in first]
