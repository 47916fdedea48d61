"""Value at risk and conditional value at risk of LOSSES; a gain is a negative loss."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from harness_reports.economics.checks import above, at_least, between, finite, series


class LossTail(NamedTuple):
    """The tail of a loss at a confidence level."""

    var: float
    """Value at risk, the lower quantile at that confidence."""
    cvar: float
    """Conditional value at risk: the mean loss beyond it, the atom at the quantile split (Rockafellar, Uryasev)."""


def normal_tail(mean: float, sd: float, confidence: float) -> LossTail:
    """Return the tail of a normal loss: mean + sd · z, and mean + sd · phi(z) / (1 - confidence).

    Raises:
        FactError: a negative standard deviation, or a confidence that is not between 0 and 1.
    """
    centre, spread = finite("mean", mean), at_least("sd", sd)
    z = float(stats.norm.ppf(between("confidence", confidence)))
    return LossTail(centre + spread * z, centre + spread * float(stats.norm.pdf(z)) / (1 - confidence))


def exponential_tail(rate: float, confidence: float) -> LossTail:
    """Return the tail of an exponential loss: it is memoryless, so CVaR = VaR + 1 / rate.

    Raises:
        FactError: no rate, or a confidence that is not between 0 and 1.
    """
    var = -math.log1p(-between("confidence", confidence)) / above("rate", rate)
    return LossTail(var, var + 1 / rate)


def empirical_tail(losses: Sequence[float] | np.ndarray, confidence: float) -> LossTail:
    """Return the tail of observed losses: order statistic ceil(confidence · n), and min of t + E[(L - t)+] / tail.

    Raises:
        FactError: no losses, one that is not finite, or a confidence that is not between 0 and 1.
    """
    between("confidence", confidence)
    values = np.asarray(losses, dtype=float)
    if not values.size or not np.isfinite(values).all():
        series("losses", values.tolist())  # raises, and names the value
    rank = _rank(confidence, values.size)
    var = float(np.partition(values, rank)[rank])
    return LossTail(var, var + float(np.maximum(values - var, 0).mean()) / (1 - confidence))


def _rank(confidence: float, count: int) -> int:
    """Return the index of the quantile; .07 · 100 counts as 7 though the float is 7.000000000000001."""
    place = confidence * count  # a float: round before rounding up
    nearest = round(place)
    order = nearest if math.isclose(place, nearest, rel_tol=1e-12, abs_tol=1e-9) else math.ceil(place)
    return max(order, 1) - 1
