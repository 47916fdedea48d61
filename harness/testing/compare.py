"""Compares two answers of any task."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any
from unittest import SkipTest

from harness.measure.caching import audit, hold_back
from harness.seams import Predict
from harness.testing.findings import CheckFailed

FLOAT32 = 1e-4
"""Tolerance of two computations in float32, absolute below 1 and relative above."""
LIMIT_S = 0.5
"""About how long the audit of caching may take."""


def distance(one: Any, other: Any) -> float:
    """Return the largest difference of two answers, relative where they exceed 1; infinity for different kinds.

    Args:
        one: numbers, strings, arrays, or sequences and mappings of them.
        other: the same; relative differences are relative to it.
    """
    if isinstance(one, str | bytes) or one is None:
        return 0.0 if one == other else math.inf
    if isinstance(one, Mapping):
        same = isinstance(other, Mapping) and one.keys() == other.keys()
        return max((distance(one[key], other[key]) for key in one), default=0.0) if same else math.inf
    if isinstance(one, Sequence):
        same = hasattr(other, "__len__") and len(one) == len(other)
        return max(map(distance, one, other), default=0.0) if same else math.inf
    return _between_arrays(one, other)


def _between_arrays(one: Any, other: Any) -> float:
    import numpy as np

    a, b = np.asarray(_readable(one)), np.asarray(_readable(other))
    if a.shape != b.shape:
        return math.inf
    if a.dtype.kind in "OUS":
        return distance(a.tolist(), b.tolist())
    a, b = a.astype(np.float64), b.astype(np.float64)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return 0.0 if np.array_equal(a, b, equal_nan=False) else math.inf
    return float((np.abs(a - b) / np.maximum(1.0, np.abs(b))).max(initial=0.0))


def _readable(answer: Any) -> Any:
    """Return a tensor on the CPU without its gradient, as numpy needs it; anything else unchanged."""
    return answer.detach().cpu() if hasattr(answer, "detach") else answer


def demand_equal(one: Any, other: Any, what: str, tolerance: float = FLOAT32) -> None:
    """Raise CheckFailed with the message `what` if two answers differ by more than the tolerance."""
    difference = distance(one, other)
    if difference > tolerance:
        raise CheckFailed(f"{what} (largest difference {difference:.3g}).")


def demand_no_cache(predict: Predict, queries: Sequence[Any]) -> None:
    """Raise CheckFailed if a predictor answers new inputs much more slowly than repeated ones.

    Raises:
        SkipTest: the data have too few inputs to measure it.
    """
    seen, unseen = hold_back(queries, seed=0)
    compared = audit(predict, seen, unseen, lambda: None, limit_s=LIMIT_S)
    if compared is None:
        raise SkipTest(f"{len(queries)} inputs are too few to tell.")
    if compared.caches:
        raise CheckFailed(f"An input takes {compared.ratio:.1f} times as long the first time as when it is sent again.")
