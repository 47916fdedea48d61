"""The Bass model beside what a market draws: rates, peaks, a fit to data; and the learning curve by units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import curve_fit

from harness.errors import FactError
from harness_reports.economics.adoption import FORMS, Form, Learning
from harness_reports.economics.checks import above, at_least, series, whole


class Bass(NamedTuple):
    """A Bass curve."""

    innovation: float
    """p; its mean over 213 studies is .03 (Sultan, Farley and Lehmann 1990)."""
    imitation: float
    """q; its mean is .38."""
    market: float
    """m, everyone who will ever adopt."""

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
    """Return F(t) = (1 - e^-(p+q)t) / (1 + q/p · e^-(p+q)t); 0 for ever where nobody is first (p = 0).

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
    """When most adopt."""

    time: float
    rate: float
    """Adopters per period then."""


def adoption_peak(curve: Bass) -> Peak | None:
    """Return ln(q/p) / (p+q) and m·(p+q)^2 / 4q; at launch, m·p, where q <= p; None where nobody is ever first.

    Raises:
        FactError: a negative coefficient, or no market.
    """
    p, q, market = curve.checked()
    if q <= p:
        return Peak(0.0, market * p)
    return Peak(math.log(q / p) / (p + q), market * (p + q) ** 2 / (4 * q)) if p else None


def adopters_by_period(curve: Bass, periods: int) -> list[float]:
    """Return the discrete recursion n_t = (p + q·N/m) · (m - N), which is NOT the continuous curve; never mix the two.

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
    """A Bass curve through sales."""

    curve: Bass
    residual_se: float
    """Residual standard error, n - 3 degrees of freedom."""
    peak_seen: bool
    """Whether sales had fallen again; before that the market m is not identified, and the fit is a guess."""


def fit_bass(sales: Sequence[float], times: Sequence[float], start: Bass | None = None, form: Form = "rate") -> BassFit:
    """Return the least-squares Bass curve (`form` says what sales are; the two give different coefficients).

    Args:
        sales: in each period.
        times: of each; periods since launch.
        start: where the search begins; by default Bass's own regression of sales on their running total.
        form: `rate` or `interval`.

    Raises:
        FactError: four sales at least are needed, each with its time, or the search finds no curve.
    """
    observed, at = np.array(series("sales", sales, 4)), np.array(series("times", times, 4))
    if observed.size != at.size:
        raise FactError(f"There are {observed.size} sales and {at.size} times. Give each sale its time.")
    first = start or _regression(observed)
    try:
        best, _ = curve_fit(FORMS[form], at, observed, p0=(*first,), maxfev=20_000)
    except RuntimeError as error:
        raise FactError(f"No Bass curve fits these sales: {error} Give another start.") from error
    left = observed - FORMS[form](at, *best)
    return BassFit(
        Bass(*(float(value) for value in best)),
        math.sqrt(float((left**2).sum()) / (observed.size - 3)),
        bool(observed.argmax() < observed.size - 1),
    )


def _regression(sales: np.ndarray) -> Bass:
    """Return Bass's start: sales = p·m + (q - p)·N - q/m·N^2 by ordinary least squares, N what was sold before."""
    before = np.concatenate([[0.0], np.cumsum(sales)[:-1]])
    constant, linear, square = np.linalg.lstsq(np.vander(before, 3, increasing=True), sales, rcond=None)[0]
    disc = linear**2 - 4 * constant * square
    if constant > 0 > square and disc > 0:
        market = (-linear - math.sqrt(disc)) / (2 * square)
        return Bass(constant / market, -square * market, market)
    return Bass(0.03, 0.38, float(2 * sales.sum()))


def learning_curve(first_unit_cost: float, progress_ratio: float, units: int) -> Learning:
    """Return Crawford's unit form, C_n = C_1 · n^log2(b): each doubling of units multiplies the cost by b.

    A progress ratio of .8 is a learning RATE of 20 %. Wright's own law of 1936 is about the cumulative average.

    Raises:
        FactError: no cost or ratio, or not a whole number of units from 1.
    """
    first, exponent = above("first_unit_cost", first_unit_cost), math.log2(above("progress_ratio", progress_ratio))
    count = whole("units", units)
    total = sum(
        float((np.arange(at + 1, min(at + 10**6, count) + 1) ** exponent).sum()) for at in range(0, count, 10**6)
    )
    return Learning(first * count**exponent, exponent, first * total)
