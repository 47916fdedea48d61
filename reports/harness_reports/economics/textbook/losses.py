"""Value at risk and conditional value at risk of LOSSES (a gain is a negative loss): how bad, and how bad beyond."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from harness_reports.economics.checks import above, at_least, between, finite, series


class Tail(NamedTuple):
    """The tail of a loss at a confidence level."""

    var: float
    """Value at risk: the loss that is not exceeded with that confidence, the lower quantile."""
    cvar: float
    """Conditional value at risk: the mean loss in the rest, the atom at the quantile split (Rockafellar, Uryasev)."""


def normal_tail(mean: float, sd: float, confidence: float) -> Tail:
    """Return the tail of a normal loss: mean + sd · z, and mean + sd · phi(z) / (1 - confidence).

    Raises:
        FactError: a negative standard deviation, or a confidence that is not between 0 and 1.
    """
    centre, spread = finite("mean", mean), at_least("sd", sd)
    z = float(stats.norm.ppf(between("confidence", confidence)))
    return Tail(centre + spread * z, centre + spread * float(stats.norm.pdf(z)) / (1 - confidence))


def exponential_tail(rate: float, confidence: float) -> Tail:
    """Return the tail of an exponential loss, which forgets: the conditional value at risk is 1 / rate further.

    Raises:
        FactError: no rate, or a confidence that is not between 0 and 1.
    """
    var = -math.log1p(-between("confidence", confidence)) / above("rate", rate)
    return Tail(var, var + 1 / rate)


def empirical_tail(losses: Sequence[float] | np.ndarray, confidence: float) -> Tail:
    """Return the tail of observed losses: order statistic ceil(confidence · n), and min of t + E[(L - t)+] / tail.

    Raises:
        FactError: no losses, one that is no number, or a confidence that is not between 0 and 1.
    """
    between("confidence", confidence)
    values = np.asarray(losses, dtype=float)
    if not values.size or not np.isfinite(values).all():
        series("losses", values.tolist())
    var = float(np.partition(values, _rank(confidence, values.size))[_rank(confidence, values.size)])
    return Tail(var, var + float(np.maximum(values - var, 0).mean()) / (1 - confidence))


def _rank(confidence: float, count: int) -> int:
    """Return the index of the quantile; .07 · 100 is 7, whatever the float says."""
    place = confidence * count
    nearest = round(place)
    order = nearest if math.isclose(place, nearest, rel_tol=1e-12, abs_tol=1e-9) else math.ceil(place)
    return max(order, 1) - 1
