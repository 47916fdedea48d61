"""All discount rates at which dated flows are worth nothing, with the proof that none is missing.

`numpy_financial.irr` returns one root in silence where there are several. Here they are isolated by Descartes' rule of
signs as Laguerre generalised it: f(u) = sum of c_t e^(-t u), with u = ln(1 + r) and any real times t, has no more roots
than its flows have changes of sign. Multiplied by e^(k u), with k between the two times of a change, its derivative has
one change less; between the derivative's roots f has at most one root, and that is where Brent's method finds it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq

from harness.errors import FactError

_FARTHEST = (-36.0, 700.0)
"""Logarithms of what a float tells from 0 and from infinity, beside 1."""
_TOUCHES = 1e-13
"""A turning point whose flows cancel to this share of their size is a root: rounding sees no more."""


def sign_changes(flows: Sequence[float]) -> int:
    """Return how often the sign changes from one flow to the next, zeros left out."""
    signs = [flow > 0 for flow in flows if flow]
    return sum(left != right for left, right in itertools.pairwise(signs))


def rates_of_no_value(times: Sequence[float], flows: Sequence[float]) -> list[float]:
    """Return every rate above -1 at which the flows are worth 0, ascending, each once.

    Args:
        times: when each flow falls, in the unit the rate is per; ascending, no two alike.
        flows: what falls then.

    Raises:
        FactError: a rate is too large for a number, or too near -100 %: flows of days at a yearly rate.
    """
    paid = [(time, flow) for time, flow in zip(times, flows, strict=True) if flow]
    if not paid:
        return []
    at, size = (np.array(column, dtype=float) for column in zip(*paid, strict=True))
    return [_rate(log) for log in _log_roots(at - at[0], size / np.abs(size).max())]


def _rate(log: float) -> float:
    if not _FARTHEST[0] < log < _FARTHEST[1]:
        raise FactError(f"These flows have a rate of e^{log:.0f} - 1, which no number holds. Give flows farther apart.")
    return math.expm1(log)


def _log_roots(times: np.ndarray, flows: np.ndarray) -> list[float]:
    changes = np.flatnonzero(flows[:-1] * flows[1:] < 0)
    if not changes.size:
        return []
    middle = (times[changes[0]] + times[changes[0] + 1]) / 2
    slope = (middle - times) * flows
    low, high = _bounds(times, flows)
    turns = [turn for turn in _log_roots(times, slope / np.abs(slope).max()) if low < turn < high]
    return _between([low, *turns, high], times, flows)


def _bounds(times: np.ndarray, flows: np.ndarray) -> tuple[float, float]:
    """Return logarithms beyond which the last and the first flow outweigh all others (Cauchy's bound)."""
    total = np.abs(flows).sum()
    low = math.log(total / abs(flows[-1])) / (times[-1] - times[-2])
    high = math.log(total / abs(flows[0])) / (times[1] - times[0])
    return -low - 1, high + 1


def _between(points: list[float], times: np.ndarray, flows: np.ndarray) -> list[float]:
    values = [_balance(point, times, flows) for point in points]
    roots = {point for point, value in zip(points, values, strict=True) if abs(value) <= _TOUCHES}
    for left, right in itertools.pairwise(range(len(points))):
        if min(abs(values[left]), abs(values[right])) > _TOUCHES and values[left] * values[right] < 0:
            roots.add(brentq(_balance, points[left], points[right], args=(times, flows), xtol=1e-15, maxiter=500))
    return sorted(roots)


def _balance(log: float, times: np.ndarray, flows: np.ndarray) -> float:
    """Return the flows' value as a share of their size, from -1 to 1: it never overflows; its sign is the value's."""
    weights = -times * log
    parts = flows * np.exp(weights - weights.max())
    return float(parts.sum() / np.abs(parts).sum())
