"""Distributions of uncertain inputs, by the parameters that people give.

`quantile` also turns uniform draws into draws of the distribution: equal uniforms give draws of equal rank.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Protocol

import numpy as np

from harness.errors import FactError
from harness_reports.economics.checks import above, at_least, finite

Z90 = NormalDist().inv_cdf(0.95)
"""Half the width of a 90 % interval, in standard deviations."""


class Distribution(Protocol):
    """A distribution of one number."""

    @property
    def mean(self) -> float:
        """Return the expectation."""
        ...

    def quantile(self, share: float | np.ndarray) -> np.ndarray:
        """Return quantiles, of the shape of `share`."""
        ...


@dataclass(frozen=True)
class Fixed:
    """A certain number."""

    value: float

    def __post_init__(self) -> None:
        """Check the value.

        Raises:
            FactError: it is not finite.
        """
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
    """A scaled beta distribution by its least, likeliest and greatest value."""

    low: float
    mode: float
    high: float
    weight: float = 4.0
    """Lambda, the weight of the mode; PERT's is 4."""

    def __post_init__(self) -> None:
        """Check the order of the values.

        Raises:
            FactError: they are out of order, or the weight is not positive.
        """
        _ordered(self.low, self.mode, self.high)
        above("weight", self.weight)

    @property
    def alpha(self) -> float:
        """1 + lambda · (mode - low) / (high - low)."""
        return 1 + self.weight * (self.mode - self.low) / (self.high - self.low)

    @property
    def beta(self) -> float:
        """1 + lambda · (high - mode) / (high - low)."""
        return 1 + self.weight * (self.high - self.mode) / (self.high - self.low)

    @property
    def mean(self) -> float:
        """(low + lambda · mode + high) / (lambda + 2)."""
        return (self.low + self.weight * self.mode + self.high) / (self.weight + 2)

    @property
    def variance(self) -> float:
        """The variance of the beta distribution."""
        total = self.alpha + self.beta
        return self.alpha * self.beta / (total**2 * (total + 1)) * (self.high - self.low) ** 2

    @property
    def classic_variance(self) -> float:
        """((high - low) / 6)^2, PERT's rule of thumb, not the variance of the draws."""
        return ((self.high - self.low) / 6) ** 2

    def quantile(self, share: float | np.ndarray) -> np.ndarray:
        """Return quantiles, of the shape of `share`."""
        from scipy import special

        return self.low + (self.high - self.low) * np.asarray(special.betaincinv(self.alpha, self.beta, share))


@dataclass(frozen=True)
class Triangular:
    """A triangular distribution by its least, likeliest and greatest value."""

    low: float
    mode: float
    high: float

    def __post_init__(self) -> None:
        """Check the order of the values.

        Raises:
            FactError: they are out of order.
        """
        _ordered(self.low, self.mode, self.high)

    @property
    def mean(self) -> float:
        """(low + mode + high) / 3."""
        return (self.low + self.mode + self.high) / 3

    @property
    def variance(self) -> float:
        """The sum of the squared distances between the three, over 36."""
        low, mode, high = self.low, self.mode, self.high
        return ((high - low) ** 2 + (mode - low) ** 2 + (high - mode) ** 2) / 36

    def quantile(self, share: float | np.ndarray) -> np.ndarray:
        """Return quantiles, of the shape of `share`."""
        from scipy import stats

        width = self.high - self.low
        return np.asarray(stats.triang.ppf(share, (self.mode - self.low) / width, self.low, width))


@dataclass(frozen=True)
class Normal:
    """A normal distribution."""

    mean: float
    sd: float

    def __post_init__(self) -> None:
        """Check the parameters.

        Raises:
            FactError: one is not finite, or the deviation is negative.
        """
        finite("mean", self.mean)
        at_least("sd", self.sd)

    def quantile(self, share: float | np.ndarray) -> np.ndarray:
        """Return quantiles, of the shape of `share`."""
        return self.mean + _deviation(self.sd, share)


@dataclass(frozen=True)
class Lognormal:
    """A lognormal distribution by the mean and standard deviation of the logarithm."""

    mu: float
    sigma: float

    def __post_init__(self) -> None:
        """Check the parameters.

        Raises:
            FactError: one is not finite, or the deviation is negative.
        """
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
        """Return the distribution with this mean and standard deviation: sigma^2 = ln(1 + (sd / mean)^2).

        Raises:
            FactError: the mean is not positive, or the deviation is negative.
        """
        variance = math.log1p((at_least("sd", sd) / above("mean", mean)) ** 2)
        return cls(math.log(mean) - variance / 2, math.sqrt(variance))

    @property
    def mean(self) -> float:
        """e^(mu + sigma^2 / 2)."""
        return math.exp(self.mu + self.sigma**2 / 2)

    @property
    def median(self) -> float:
        """e^mu."""
        return math.exp(self.mu)

    def quantile(self, share: float | np.ndarray) -> np.ndarray:
        """Return quantiles, of the shape of `share`."""
        return np.exp(self.mu + _deviation(self.sigma, share))


@dataclass(frozen=True, eq=False)
class Empirical:
    """Observed values or bootstrap draws, linear in between."""

    values: np.ndarray
    observed: float | None = None
    """The value that bootstrap draws were made around; it counts as the mean."""

    def __post_init__(self) -> None:
        """Check and sort the values.

        Raises:
            FactError: there are none, or one is not finite.
        """
        values = np.sort(np.asarray(self.values, dtype=float))
        if not values.size or not np.isfinite(values).all():
            raise FactError("An empirical distribution needs finite values. Leave it out if nothing was observed.")
        object.__setattr__(self, "values", values)  # the dataclass is frozen

    @property
    def mean(self) -> float:
        """The observed value, else the mean of the values."""
        return float(self.values.mean()) if self.observed is None else self.observed

    def quantile(self, share: float | np.ndarray) -> np.ndarray:
        """Return quantiles, of the shape of `share`."""
        places = np.linspace(0, 1, self.values.size)
        return np.asarray(np.interp(share, places, self.values))


def quantiles(values: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """Return quantiles, linear in between; faster than `np.quantile` for one-dimensional values."""
    places = np.asarray(shares) * (values.size - 1)
    lower, upper = np.floor(places).astype(int), np.ceil(places).astype(int)
    # A partition sorts the places that are read alone; NaN goes to the end.
    parted = np.partition(values, np.unique([*lower, *upper, values.size - 1]))
    if np.isnan(parted[-1]):
        return np.full(places.shape, math.nan)
    return np.asarray(parted[lower] + (places - lower) * (parted[upper] - parted[lower]))


def _deviation(sd: float, share: float | np.ndarray) -> np.ndarray:
    """Return normal quantiles around 0; all 0 if the deviation is 0, as 0 · infinity is NaN."""
    from scipy import special  # it takes a quarter of a second to import, which a table of quality does without

    return sd * np.asarray(special.ndtri(share)) if sd else np.zeros(np.shape(share))


def _ordered(low: float, mode: float, high: float) -> None:
    for name, value in (("low", low), ("mode", mode), ("high", high)):
        finite(name, value)
    if not low < high:
        raise FactError(f"The greatest value, {high:g}, is not above the least, {low:g}. Give the least first.")
    if not low <= mode <= high:
        raise FactError(f"The likeliest value, {mode:g}, is not from {low:g} to {high:g}. Give one within.")
