"""The Bass model: share, rate, peak, and a fit to data; and the learning curve of unit costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from scipy.optimize import curve_fit

from harness.errors import FactError
from harness_reports.economics.checks import above, at_least, series, whole

Form = Literal["rate", "interval"]
"""Sales in a period: the rate at its end, m·f(t), or the whole interval, m·[F(t) - F(t-1)]."""


class Bass(NamedTuple):
    """A Bass curve."""

    innovation: float
    """p; its mean over 213 studies is .03 (Sultan, Farley and Lehmann 1990)."""
    imitation: float
    """q; its mean is .38."""
    market: float
    """m, the number of eventual adopters."""

    def checked(self) -> Bass:
        """Return the curve.

        Raises:
            FactError: a negative coefficient, or no market.
        """
        at_least("innovation", self.innovation)
        at_least("imitation", self.imitation)
        above("market", self.market)
        return self


def adopted_share(curve: Bass, time: float) -> float:
    """Return F(t) = (1 - e^-(p+q)t) / (1 + q/p · e^-(p+q)t); 0 without innovators (p = 0).

    Raises:
        FactError: a negative time or coefficient, or no market.
    """
    p, q, _ = curve.checked()
    decay = -(p + q) * at_least("time", time)
    return p * -math.expm1(decay) / (p + q * math.exp(decay)) if p else 0.0


def adoption_rate(curve: Bass, time: float) -> float:
    """Return adopters per period at a time: m · (p + q·F) · (1 - F).

    Raises:
        FactError: as `adopted_share`.
    """
    share = adopted_share(curve, time)
    return curve.market * (curve.innovation + curve.imitation * share) * (1 - share)


class Peak(NamedTuple):
    """The time of the highest adoption rate."""

    time: float
    rate: float
    """Adopters per period at that time."""


def adoption_peak(curve: Bass) -> Peak | None:
    """Return ln(q/p) / (p+q) and m·(p+q)^2 / 4q; at launch, m·p, if q <= p; None without innovators.

    Raises:
        FactError: a negative coefficient, or no market.
    """
    p, q, market = curve.checked()
    if q <= p:
        return Peak(0.0, market * p)
    return Peak(math.log(q / p) / (p + q), market * (p + q) ** 2 / (4 * q)) if p else None


def adopters_by_period(curve: Bass, periods: int) -> list[float]:
    """Return the discrete recursion n_t = (p + q·N/m) · (m - N); it differs from the continuous curve.

    Raises:
        FactError: a negative coefficient, no market, or not a whole number of periods.
    """
    p, q, market = curve.checked()
    adopters: list[float] = []
    total = 0.0
    for _ in range(whole("periods", periods, 0)):
        adopters.append((p + q * total / market) * (market - total))
        total += adopters[-1]
    return adopters


class BassFit(NamedTuple):
    """A Bass curve fitted to sales."""

    curve: Bass
    residual_se: float
    """Residual standard error, n - 3 degrees of freedom."""
    peak_seen: bool
    """Whether sales have fallen after a peak; before, the market m is not identified."""


def _share(time: np.ndarray, p: float, q: float) -> np.ndarray:
    decay = np.exp(-(p + q) * time)
    return np.asarray((1 - decay) / (1 + q / p * decay))


def _rate(time: np.ndarray, p: float, q: float, market: float) -> np.ndarray:
    share = _share(time, p, q)
    return np.asarray(market * (p + q * share) * (1 - share))


def _interval(time: np.ndarray, p: float, q: float, market: float) -> np.ndarray:
    return np.asarray(market * (_share(time, p, q) - _share(time - 1, p, q)))


_FORMS: dict[Form, Callable[..., np.ndarray]] = {"rate": _rate, "interval": _interval}


def fit_bass(sales: Sequence[float], times: Sequence[float], start: Bass | None = None, form: Form = "rate") -> BassFit:
    """Return the least-squares Bass curve.

    Args:
        sales: sales of each period, at least four.
        times: periods since launch, one for each.
        start: start of the search; default: Bass's own regression of sales on cumulative sales.
        form: what sales are, `rate` or `interval`; the coefficients differ.

    Raises:
        FactError: fewer than four sales, not one time for each, or the search does not converge.
    """
    observed, at = np.array(series("sales", sales, 4)), np.array(series("times", times, 4))
    if observed.size != at.size:
        raise FactError(f"There are {observed.size} sales and {at.size} times. Give each sale its time.")
    first = start or _regression(observed)
    try:
        best, _ = curve_fit(_FORMS[form], at, observed, p0=(*first,), maxfev=20_000)
    except RuntimeError as error:
        raise FactError(f"No Bass curve fits these sales: {error} Give another start.") from error
    residuals = observed - _FORMS[form](at, *best)
    return BassFit(
        Bass(*(float(value) for value in best)),
        math.sqrt(float((residuals**2).sum()) / (observed.size - 3)),
        bool(observed.argmax() < observed.size - 1),
    )


def _regression(sales: np.ndarray) -> Bass:
    """Return Bass's start: sales = p·m + (q - p)·N - q/m·N^2 by ordinary least squares, N the sales before."""
    before = np.concatenate([[0.0], np.cumsum(sales)[:-1]])
    constant, linear, square = np.linalg.lstsq(np.vander(before, 3, increasing=True), sales, rcond=None)[0]
    disc = linear**2 - 4 * constant * square
    if constant > 0 > square and disc > 0:
        market = (-linear - math.sqrt(disc)) / (2 * square)
        return Bass(constant / market, -square * market, market)
    return Bass(0.03, 0.38, float(2 * sales.sum()))  # the mean coefficients; a market half won


class LearningCost(NamedTuple):
    """Cost after n units."""

    unit_cost: float
    """Of the n-th unit."""
    exponent: float
    """log2 of the progress ratio."""
    cumulative_cost: float
    """Of units 1 to n."""


def learning_curve(first_unit_cost: float, progress_ratio: float, units: int) -> LearningCost:
    """Return Crawford's unit form, C_n = C_1 · n^log2(b): each doubling of units multiplies the unit cost by b.

    A progress ratio of .8 is a learning RATE of 20 %. Wright's law of 1936 is on the cumulative average instead.

    Raises:
        FactError: no cost or ratio, or not a whole number of units from 1.
    """
    first, exponent = above("first_unit_cost", first_unit_cost), math.log2(above("progress_ratio", progress_ratio))
    count = whole("units", units)
    # In blocks of a million: one array of all units may not fit into memory.
    total = sum(
        float((np.arange(at + 1, min(at + 10**6, count) + 1) ** exponent).sum()) for at in range(0, count, 10**6)
    )
    return LearningCost(first * count**exponent, exponent, first * total)
