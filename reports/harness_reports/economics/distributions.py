"""Distributions of an uncertain input: from what an expert says, or an interval, to quantiles and draws.

Each takes the figures people give (least, likely, most; a 90 % interval; mean and deviation) and has `quantile`, which
also turns uniform draws into its own: distributions over the same uniforms move together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import special, stats

from harness.errors import FactError
from harness_reports.economics.checks import above, at_least, finite

Z90 = float(special.ndtri(0.95))
"""Standard normal quantile: a 90 % interval reaches so many deviations to either side."""


class Distribution(Protocol):
    """What every distribution here can do."""

    @property
    def mean(self) -> float:
        """Return the expectation."""
        ...

    def quantile(self, share: float | np.ndarray) -> np.ndarray:
        """Return the values below which the shares lie."""
        ...


@dataclass(frozen=True)
class Fixed:
    """A number that is certain."""

    value: float

    def __post_init__(self) -> None:
        """Refuse what is no number."""
        finite("value", self.value)

    @property
    def mean(self) -> float:
        """Return the number."""
        return self.value

    def quantile(self, share: float | np.ndarray) -> np.ndarray:
        """Return the number for every share."""
        return np.full(np.shape(share), float(self.value))


@dataclass(frozen=True)
class Pert:
    """A beta distribution from the least, likeliest and greatest value."""

    low: float
    mode: float
    high: float
    weight: float = 4.0
    """Lambda: how much the likeliest value weighs; 4 is PERT's."""

    def __post_init__(self) -> None:
        """Refuse values out of order.

        Raises:
            FactError: says which.
        """
        _ordered(self.low, self.mode, self.high)
        above("weight", self.weight)

    @property
    def alpha(self) -> float:
        """First shape: 1 + lambda · (mode - low) / (high - low)."""
        return 1 + self.weight * (self.mode - self.low) / (self.high - self.low)

    @property
    def beta(self) -> float:
        """Second shape: 1 + lambda · (high - mode) / (high - low)."""
        return 1 + self.weight * (self.high - self.mode) / (self.high - self.low)

    @property
    def mean(self) -> float:
        """(low + lambda · mode + high) / (lambda + 2)."""
        return (self.low + self.weight * self.mode + self.high) / (self.weight + 2)

    @property
    def variance(self) -> float:
        """That of the beta distribution, which is what is drawn."""
        total = self.alpha + self.beta
        return self.alpha * self.beta / (total**2 * (total + 1)) * (self.high - self.low) ** 2

    @property
    def classic_variance(self) -> float:
        """((high - low) / 6)^2, PERT's rule of thumb; it differs from `variance` but for special shapes."""
        return ((self.high - self.low) / 6) ** 2

    def quantile(self, share: float | np.ndarray) -> np.ndarray:
        """Return the values below which the shares lie."""
        return self.low + (self.high - self.low) * np.asarray(special.betaincinv(self.alpha, self.beta, share))


@dataclass(frozen=True)
class Triangular:
    """A triangle from the least, likeliest and greatest value."""

    low: float
    mode: float
    high: float

    def __post_init__(self) -> None:
        """Refuse values out of order.

        Raises:
            FactError: says which.
        """
        _ordered(self.low, self.mode, self.high)

    @property
    def mean(self) -> float:
        """(low + mode + high) / 3."""
        return (self.low + self.mode + self.high) / 3

    @property
    def variance(self) -> float:
        """Half the mean of the squared distances between the three, over 9."""
        low, mode, high = self.low, self.mode, self.high
        return ((high - low) ** 2 + (mode - low) ** 2 + (high - mode) ** 2) / 36

    def quantile(self, share: float | np.ndarray) -> np.ndarray:
        """Return the values below which the shares lie."""
        width = self.high - self.low
        return np.asarray(stats.triang.ppf(share, (self.mode - self.low) / width, self.low, width))


@dataclass(frozen=True)
class Normal:
    """A normal distribution."""

    mean: float
    sd: float

    def __post_init__(self) -> None:
        """Refuse what is no number, and a negative deviation."""
        finite("mean", self.mean)
        at_least("sd", self.sd)

    def quantile(self, share: float | np.ndarray) -> np.ndarray:
        """Return the values below which the shares lie."""
        return self.mean + _deviation(self.sd, share)


@dataclass(frozen=True)
class Lognormal:
    """A lognormal distribution by the mean and deviation of its logarithm."""

    mu: float
    sigma: float

    def __post_init__(self) -> None:
        """Refuse what is no number, and a negative deviation."""
        finite("mu", self.mu)
        at_least("sigma", self.sigma)

    @classmethod
    def from_90_interval(cls, p05: float, p95: float) -> Lognormal:
        """Return the distribution with these 5th and 95th percentiles.

        Raises:
            FactError: they are not positive, or out of order.
        """
        low, high = math.log(above("p05", p05)), math.log(above("p95", p95))
        if high < low:
            raise FactError(f"The 95th percentile, {p95:g}, is below the 5th, {p05:g}. Give the lower one first.")
        return cls((low + high) / 2, (high - low) / (2 * Z90))

    @classmethod
    def from_mean_sd(cls, mean: float, sd: float) -> Lognormal:
        """Return the distribution with this mean and deviation: sigma^2 = ln(1 + (sd / mean)^2).

        Raises:
            FactError: the mean is not positive, or the deviation is negative.
        """
        variance = math.log1p((at_least("sd", sd) / above("mean", mean)) ** 2)
        return cls(math.log(mean) - variance / 2, math.sqrt(variance))

    @property
    def mean(self) -> float:
        """e^(mu + sigma^2 / 2), above the median."""
        return math.exp(self.mu + self.sigma**2 / 2)

    @property
    def median(self) -> float:
        """e^mu."""
        return math.exp(self.mu)

    def quantile(self, share: float | np.ndarray) -> np.ndarray:
        """Return the values below which the shares lie."""
        return np.exp(self.mu + _deviation(self.sigma, share))


@dataclass(frozen=True, eq=False)
class Empirical:
    """What was observed or resampled: every value as likely as the next, linear in between."""

    values: np.ndarray
    observed: float | None = None
    """Of values that were resampled: what they were resampled around, which counts as the mean."""

    def __post_init__(self) -> None:
        """Refuse nothing, and what is no number; keep the values in order.

        Raises:
            FactError: says so.
        """
        values = np.sort(np.asarray(self.values, dtype=float))
        if not values.size or not np.isfinite(values).all():
            raise FactError("An empirical distribution needs finite values. Leave it out where nothing was observed.")
        object.__setattr__(self, "values", values)

    @property
    def mean(self) -> float:
        """Return what was observed, else the values' mean."""
        return float(self.values.mean()) if self.observed is None else self.observed

    def quantile(self, share: float | np.ndarray) -> np.ndarray:
        """Return the values below which the shares lie."""
        places = np.linspace(0, 1, self.values.size)
        return np.asarray(np.interp(share, places, self.values))


def quantiles(values: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """Return the values below which the shares lie, linear in between: `np.quantile` without what it looks after."""
    places = np.asarray(shares) * (values.size - 1)
    below, above_ = np.floor(places).astype(int), np.ceil(places).astype(int)
    parted = np.partition(values, np.unique([*below, *above_, values.size - 1]))  # in order where it is looked at
    if np.isnan(parted[-1]):
        return np.full(places.shape, math.nan)
    return np.asarray(parted[below] + (places - below) * (parted[above_] - parted[below]))


def _deviation(sd: float, share: float | np.ndarray) -> np.ndarray:
    """Return normal quantiles around 0; without deviation there is no infinite end."""
    return sd * np.asarray(special.ndtri(share)) if sd else np.zeros(np.shape(share))


def _ordered(low: float, mode: float, high: float) -> None:
    for name, value in (("low", low), ("mode", mode), ("high", high)):
        finite(name, value)
    if not low < high:
        raise FactError(f"The greatest value, {high:g}, is not above the least, {low:g}. Give the least first.")
    if not low <= mode <= high:
        raise FactError(f"The likeliest value, {mode:g}, is not from {low:g} to {high:g}. Give one within.")
