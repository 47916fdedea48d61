"""All internal rates of return of dated flows; none is missed.

`numpy_financial.irr` returns one of several roots. Here Laguerre's form of Descartes' rule of signs isolates them all:
f(u) = sum of c_t e^(-t u), with u = ln(1 + r) and real times t, has at most as many roots as its flows have sign
changes. Multiplied by e^(k u), k between the times of a sign change, its derivative has one sign change less. Between
neighbouring roots of the derivative f has at most one root, which Brent's method finds.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from harness.errors import FactError

_RANGE = (-36.0, 700.0)
"""ln(1 + r) at which a float rate is still above -1, and still finite."""
_ZERO = 1e-13
"""A balance below this share of the flows is rounding: a turning point there is a double root."""


def sign_changes(flows: Sequence[float]) -> int:
    """Return the number of sign changes between successive flows; zeros are skipped."""
    signs = [flow > 0 for flow in flows if flow]
    return sum(left != right for left, right in itertools.pairwise(signs))


def internal_rates(times: Sequence[float], flows: Sequence[float]) -> list[float]:
    """Return every rate above -1 at which the net present value is 0, ascending, each once.

    Args:
        times: time of each flow, in periods of the rate; strictly ascending.
        flows: amount of each flow.

    Raises:
        FactError: a rate beyond the range of floats, as of flows a day apart at a yearly rate.
    """
    paid = [(time, flow) for time, flow in zip(times, flows, strict=True) if flow]
    if not paid:
        return []
    # Scale and start do not move a root; they keep the numbers near 1.
    at, size = (np.array(column, dtype=float) for column in zip(*paid, strict=True))
    return [_rate(log) for log in _log_roots(at - at[0], size / np.abs(size).max())]


def _rate(log: float) -> float:
    if not _RANGE[0] < log < _RANGE[1]:
        raise FactError(f"These flows have a rate of e^{log:.0f} - 1, beyond any float. Give flows farther apart.")
    return math.expm1(log)


def _log_roots(times: np.ndarray, flows: np.ndarray) -> list[float]:
    """Return the roots ln(1 + r), by recursion on the derivative, which has one sign change less."""
    changes = np.flatnonzero(flows[:-1] * flows[1:] < 0)
    if not changes.size:
        return []
    middle = (times[changes[0]] + times[changes[0] + 1]) / 2
    slope = (middle - times) * flows
    low, high = _bounds(times, flows)
    turns = [turn for turn in _log_roots(times, slope / np.abs(slope).max()) if low < turn < high]
    return _between([low, *turns, high], times, flows)


def _bounds(times: np.ndarray, flows: np.ndarray) -> tuple[float, float]:
    """Return ln(1 + r) below which the last flow outweighs all others, and above which the first does (Cauchy)."""
    total = np.abs(flows).sum()
    low = math.log(total / abs(flows[-1])) / (times[-1] - times[-2])
    high = math.log(total / abs(flows[0])) / (times[1] - times[0])
    return -low - 1, high + 1


def _between(points: list[float], times: np.ndarray, flows: np.ndarray) -> list[float]:
    from scipy.optimize import brentq

    values = [_balance(point, times, flows) for point in points]
    roots = {point for point, value in zip(points, values, strict=True) if abs(value) <= _ZERO}
    for left, right in itertools.pairwise(range(len(points))):
        if min(abs(values[left]), abs(values[right])) > _ZERO and values[left] * values[right] < 0:
            roots.add(brentq(_balance, points[left], points[right], args=(times, flows), xtol=1e-15, maxiter=500))
    return sorted(roots)


def _balance(log: float, times: np.ndarray, flows: np.ndarray) -> float:
    """Return the net present value over the sum of absolute present values, from -1 to 1: it never overflows."""
    weights = -times * log
    parts = flows * np.exp(weights - weights.max())
    return float(parts.sum() / np.abs(parts).sum())
