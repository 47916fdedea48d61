"""The distribution of a net present value: drivers, payoff of the decision.

All candidates of a use case share the draws of its market, so they differ by their measurements alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from harness_reports.business.business import Business, Sums, market_sums
from harness_reports.business.market import Market
from harness_reports.business.supply import MACHINES_DECLINE, Drawn
from harness_reports.economics.simulation import Outcome, draw, outcome, rank_of_draws

DRAWS = 10_000
"""For a table: P(NPV > 0) is within .01 of its value at a million draws."""
_BINS = 50
"""Bins of an input's draws, for its share of the variance."""
_KNOTS = 17
"""Values of an input at which the expected net present value is computed, to interpolate between."""
_CERTAIN = 1e-12
"""A relative spread below this is rounding."""


@dataclass(frozen=True, eq=False)
class MarketDraws:
    """The draws of a market, for all candidates."""

    market: Market
    drawn: Drawn
    sums: Sums
    draws: int
    seed: int
    _ranks: dict[str, np.ndarray] = field(default_factory=dict, repr=False)
    _sums: dict[str, Sums] = field(default_factory=dict, repr=False)

    def rank(self, name: str) -> np.ndarray:
        """Return the indices of an input's draws, assumed or measured, in ascending order."""
        if name not in self._ranks:
            self._ranks[name] = rank_of_draws(name, self.draws, self.seed)
        return self._ranks[name]

    def sums_of(self, decline: str) -> Sums:
        """Return the sums for a way of serving whose price declines by a figure of the market."""
        if decline == MACHINES_DECLINE:
            return self.sums
        if decline not in self._sums:
            self._sums[decline] = market_sums(self.drawn, self.market.years, decline)
        return self._sums[decline]

    def at(self, name: str, value: float) -> MarketDraws:
        """Return the draws of the market with one figure set; the others are drawn as before.

        Raises:
            FactError: the value breaks the figure's rule.
        """
        market = self.market.at(name, value)
        drawn = {other: self.drawn[other] for other in market.inputs if other != name} | {name: np.full(1, value)}
        return replace(self, market=market, drawn=drawn, sums=market_sums(drawn, market.years), _sums={})


def draw_market(market: Market, draws: int = DRAWS, seed: int = 0) -> MarketDraws:
    """Return the draws of a market.

    Raises:
        FactError: `draws` is not a whole number from 1.
    """
    drawn = draw(market.inputs, draws, seed)
    return MarketDraws(market, drawn, market_sums(drawn, market.years), draws, seed)


def outcome_cells(npv: Outcome) -> dict[str, float]:
    """Return statistics of a net present value, by column of the tables that show it."""
    return {
        "npv_mean_usd": npv.mean_usd, "npv_low_usd": npv.p05_usd, "npv_p50_usd": npv.p50_usd,
        "npv_high_usd": npv.p95_usd, "probability_positive": npv.probability_positive,
    }  # fmt: skip


class Driver(NamedTuple):
    """An uncertain input, and its effect on the net present value."""

    name: str
    share: float
    """Share of the variance that it explains alone: the first-order Sobol index, estimated from the draws."""
    low_usd: float
    """Expected net present value near the input's 10th percentile."""
    high_usd: float
    """Near its 90th percentile."""


@dataclass(frozen=True, eq=False)
class NpvDistribution:
    """The draws of a business."""

    business: Business
    market: MarketDraws
    needed_quality: float | None
    higher_is_better: bool

    @cached_property
    def drawn(self) -> dict[str, np.ndarray]:
        """Draws of every input."""
        return {**self.market.drawn, **draw(self.business.measured, self.market.draws, self.market.seed)}

    @property
    def _market_sums(self) -> Sums:
        return self.market.sums_of(self.business.supply.decline)

    @cached_property
    def npv_usd(self) -> np.ndarray:
        """The net present value of each draw."""
        return self.business.npv_of(self.drawn, self._market_sums)

    @cached_property
    def outcome(self) -> Outcome:
        """Statistics of the net present value."""
        return outcome(self.npv_usd)

    @cached_property
    def reaches_quality(self) -> np.ndarray:
        """Whether the quality of each draw meets the need."""
        return self._reaches(self.drawn["quality"])

    def _reaches(self, quality: np.ndarray) -> np.ndarray:
        if self.needed_quality is None:
            return np.ones(1, dtype=bool)
        return np.asarray(quality >= self.needed_quality if self.higher_is_better else quality <= self.needed_quality)

    @property
    def probability_of_success(self) -> float:
        """The probability that quality meets the need and the net present value is positive."""
        return float(((self.npv_usd > 0) & self.reaches_quality).mean())

    # Drivers -------------------------------------------------------------------------------------------------

    def drivers(self) -> list[Driver]:
        """Return the uncertain inputs, the largest share of the variance first."""
        values = self.npv_usd
        if np.ptp(values) <= _CERTAIN * (np.abs(values).max() or 1.0) or values.size < _BINS:
            return []
        uncertain = [name for name, drawn in self.drawn.items() if drawn.size > 1]
        size = values.size // _BINS * _BINS
        ordered = np.array([values[self.market.rank(name)[:size]] for name in uncertain])
        means = ordered.reshape(-1, _BINS, size // _BINS).mean(axis=2)  # inputs × bins
        drivers = _drivers(uncertain, means, float(values.var()), (_BINS - 1) / values.size)
        return sorted(drivers, key=lambda driver: -driver.share)

    # Payoff --------------------------------------------------------------------------------------------------

    @cached_property
    def payoff_usd(self) -> np.ndarray:
        """The payoff of investing in each draw: one that misses the needed quality stops and loses the upfront cost."""
        return np.where(self.reaches_quality, self.npv_usd, -self.business.upfront_usd(self.drawn))

    @property
    def evpi_usd(self) -> float:
        """Expected value of perfect information, the upper bound of any study's value."""
        return max(0.0, float(np.maximum(self.payoff_usd, 0).mean()) - max(0.0, float(self.payoff_usd.mean())))

    def payoff_given(self, name: str, values: np.ndarray) -> np.ndarray:
        """Return the expected payoff where a measured input is known to be each of some ascending values.

        All values share the draws of the other inputs, so that differences between them hold no sampling noise.
        """
        loss = -self.business.upfront_usd(self.drawn)
        knots = np.unique(np.linspace(values[0], values[-1], _KNOTS))
        npv = [self.business.npv_of({**self.drawn, name: np.full(1, knot)}, self._market_sums) for knot in knots]
        if name == "quality":
            expected = np.interp(values, knots, [each.mean() for each in npv])
            return np.asarray(np.where(self._reaches(values), expected, loss.mean()))
        expected = [np.where(self.reaches_quality, each, loss).mean() for each in npv]
        return np.asarray(np.interp(values, knots, expected))


def _drivers(names: list[str], means: np.ndarray, variance: float, noise: float) -> list[Driver]:
    """Return drivers from the mean net present value in each bin of each input, shape (inputs, bins).

    The variance of the bin means is the first-order share, less `noise`, what an input without effect would show.
    """
    shares = np.maximum(0, (means.var(axis=1) / variance - noise) / (1 - noise)).tolist()
    tenth = _BINS // 10
    # Five bins around the 10th and the 90th percentile: fewer are noisy.
    low, high = (means[:, part].mean(axis=1).tolist()
                 for part in (slice(tenth - 2, tenth + 3), slice(-tenth - 3, -tenth + 2)))  # fmt: skip
    return [Driver(*each) for each in zip(names, shares, low, high, strict=True)]


def npv_distribution(business: Business, market: MarketDraws, accuracy: Mapping[str, object]) -> NpvDistribution:
    """Return the net present value of a business in the draws of its market."""
    return NpvDistribution(business, market, market.market.quality, bool(accuracy["higher_is_better"]))
