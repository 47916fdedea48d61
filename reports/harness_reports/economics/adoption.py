"""How a market adopts a product (Bass 1969), and how its unit cost falls with experience (Wright, Crawford)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import numpy as np

from harness_reports.economics.checks import whole

_NO_IMITATION = 1e-9
Form = Literal["rate", "interval"]
"""What sales in a period are: the rate m·f(t) at its end, or all of the interval, m·[F(t) - F(t-1)]."""


def shares_by_year(innovation: np.ndarray, imitation: np.ndarray, years: int) -> Iterator[np.ndarray]:
    """Yield for each year the mean share of the market that has adopted, the integral of F over it, of drawn curves.

    The integral of 1 - F is -1/q · ln(1 + q/p · e^-(p+q)t). Without imitation its limit is taken, at a q so small that
    no digit changes.
    """
    q = np.maximum(imitation, _NO_IMITATION)
    decay = np.exp(-(innovation + q))
    left = q / innovation
    before = np.log1p(left)
    for _ in range(whole("years", years)):
        left = left * decay
        after = np.log1p(left)
        yield 1 + (after - before) / q
        before = after


def _share(time: np.ndarray, p: float, q: float) -> np.ndarray:
    decay = np.exp(-(p + q) * time)
    return np.asarray((1 - decay) / (1 + q / p * decay))


def _rate(time: np.ndarray, p: float, q: float, market: float) -> np.ndarray:
    share = _share(time, p, q)
    return np.asarray(market * (p + q * share) * (1 - share))


def _interval(time: np.ndarray, p: float, q: float, market: float) -> np.ndarray:
    return np.asarray(market * (_share(time, p, q) - _share(time - 1, p, q)))


FORMS: dict[Form, Callable[..., np.ndarray]] = {"rate": _rate, "interval": _interval}


class Learning(NamedTuple):
    """Cost after n units."""

    unit_cost: float
    """Of the n-th unit."""
    exponent: float
    """log2 of the progress ratio."""
    cumulative_cost: float
    """Of units 1 to n."""
