"""What a business is worth: its net present value with all its uncertainty, what it hangs on, what knowing more brings.

The market is drawn once for all of a use case's candidates: what tells two of them apart is then the candidates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from harness_reports.business.business import MEASURED, Business, Drawn, Sums, market_sums
from harness_reports.business.market import Market
from harness_reports.economics.simulation import Outcome, draw, outcome, rank_of_draws

DRAWS = 10_000
"""For a table: P(NPV > 0) is within .01 of what a million draws give."""
_BINS = 50
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(32)
_SURE = 1e-12


@dataclass(frozen=True, eq=False)
class MarketDraws:
    """A market's draws, for all candidates."""

    market: Market
    drawn: Drawn
    sums: Sums
    draws: int
    seed: int

    @cached_property
    def ranks(self) -> dict[str, np.ndarray]:
        """Input, assumed or measured → the places of its draws in ascending order."""
        return {name: rank_of_draws(name, self.draws, self.seed) for name in (*self.drawn, *MEASURED)}


def draw_market(market: Market, draws: int = DRAWS, seed: int = 0) -> MarketDraws:
    """Return a market's draws.

    Raises:
        FactError: not a whole number of draws.
    """
    drawn = draw(market.inputs, draws, seed)
    return MarketDraws(market, drawn, market_sums(drawn, market.years), draws, seed)


def outcome_cells(found: Outcome) -> dict[str, float]:
    """Return what is read off the draws of a net present value, by column of the tables that show it."""
    return {
        "npv_mean_usd": found.mean_usd, "npv_low_usd": found.p05_usd, "npv_p50_usd": found.p50_usd,
        "npv_high_usd": found.p95_usd, "probability_positive": found.probability_positive,
    }  # fmt: skip


class Driver(NamedTuple):
    """An input that the net present value hangs on."""

    name: str
    share: float
    """Of the variance, which it explains on its own: Sobol's first-order index, estimated from the draws."""
    low_usd: float
    """Expected net present value where the input is about its 10th percentile."""
    high_usd: float
    """About its 90th."""


class ValueOfInformation(NamedTuple):
    """What knowing more is worth before deciding."""

    evpi_usd: float
    """Of knowing everything (EVPI): more than this no study is worth."""
    evsi_usd: float | None
    """Of another hour of measuring (EVSI), half of it graded, half of it served; None where it cannot be told."""


class FlipPoints(NamedTuple):
    """Values at which the verdict on the money would be another, all else as it is; None where no value does it."""

    value_per_request_usd: float | None
    requests_per_year: float | None
    serving_usd_per_request: float | None


@dataclass(frozen=True, eq=False)
class NpvDistribution:
    """A business drawn."""

    business: Business
    market: MarketDraws
    needed_quality: float | None
    higher_is_better: bool
    hours: tuple[float, float] | None
    """Hours of grading and of serving that were measured."""

    @cached_property
    def drawn(self) -> dict[str, np.ndarray]:
        """All draws by input."""
        return {**self.market.drawn, **draw(self.business.measured, self.market.draws, self.market.seed)}

    @cached_property
    def npv_usd(self) -> np.ndarray:
        """Net present values."""
        return self.business.npv_of(self.drawn, self.market.sums)

    @cached_property
    def outcome(self) -> Outcome:
        """Their distribution."""
        return outcome(self.npv_usd)

    @cached_property
    def fits(self) -> np.ndarray:
        """Whether the quality that is needed is reached, for each draw."""
        if self.needed_quality is None:
            return np.ones(1, dtype=bool)
        quality = self.drawn["quality"]
        reached = quality >= self.needed_quality if self.higher_is_better else quality <= self.needed_quality
        return np.asarray(reached)

    @property
    def probability_of_success(self) -> float:
        """Chance that the needed quality is reached and the net present value is above 0."""
        return float(((self.npv_usd > 0) & self.fits).mean())

    # Drivers -------------------------------------------------------------------------------------------------

    def drivers(self) -> list[Driver]:
        """Return the uncertain inputs, the most important first."""
        values = self.npv_usd
        if np.ptp(values) <= _SURE * (np.abs(values).max() or 1.0) or values.size < _BINS:
            return []
        uncertain = [name for name, drawn in self.drawn.items() if drawn.size > 1]
        size = values.size // _BINS * _BINS
        bins = np.array([values[self.market.ranks[name][:size]] for name in uncertain]).reshape(
            -1, _BINS, size // _BINS
        )
        found = _drivers(uncertain, bins.mean(axis=2), float(values.var()), (_BINS - 1) / values.size)
        return sorted(found, key=lambda driver: -driver.share)

    # Knowing more --------------------------------------------------------------------------------------------

    def information(self) -> ValueOfInformation:
        """Return what knowing more is worth: for doing it, or leaving it.

        Whoever does it and finds the needed quality missed has lost what was paid upfront, and stops there.
        """
        upfront = self.business.upfront_usd(self.drawn)
        payoff = np.where(self.fits, self.npv_usd, -upfront)
        expected = float(payoff.mean())
        perfect = max(0.0, float(np.maximum(payoff, 0).mean()) - max(expected, 0.0))
        hour = None if self.hours is None else min(perfect, self._hour(float(upfront.mean()), self.hours))
        return ValueOfInformation(perfect, hour)

    def _hour(self, upfront: float, hours: tuple[float, float]) -> float:
        """Return the expected value of another hour by pre-posterior analysis.

        Given quality and serving cost the expected value is linear in both, so a normal belief is all that is needed:
        a study of h hours after one of H moves its centre by a normal of the share h / (H + h) of its variance.
        """
        per_quality, per_serving = self._slopes()
        quality, serving = self.drawn["quality"], self.drawn["serving_usd_per_request"]
        moves = [np.sqrt(0.5 / (0.5 + measured)) for measured in hours]
        centre = float(quality.mean()) + float(quality.std()) * moves[0] * _NODES[:, None]
        rest = max(float(quality.std()) * np.sqrt(1 - moves[0] ** 2), _SURE)
        worth = float(self.npv_usd.mean()) + per_quality * (centre - float(quality.mean()))
        worth = worth + per_serving * float(serving.std()) * moves[1] * _NODES[None, :]
        payoff = self._stopped(worth, centre, rest, per_quality, upfront)
        weights = np.outer(_WEIGHTS, _WEIGHTS) / _WEIGHTS.sum() ** 2
        return max(0.0, float((weights * np.maximum(payoff, 0)).sum()) - max(0.0, float((weights * payoff).sum())))

    def _slopes(self) -> tuple[float, float]:
        """Return what a unit of quality, and a dollar of serving a request, add to the expected value."""
        sums, ceiling = self.market.sums, self.business.ceiling
        errors = self.drawn["cost_per_error_usd"] * (1 - self.drawn["review_share"]) * sums.requests
        return (0.0 if ceiling is None else float(errors.mean()) / ceiling), -float(
            (sums.requests_at_cost * (1 + self.drawn["retry_share"])).mean()
        )

    def _stopped(
        self, worth: np.ndarray, centre: np.ndarray, rest: float, per_quality: float, upfront: float
    ) -> np.ndarray:
        """Return the expected payoff of doing it, where it is stopped if the quality turns out to be missed."""
        if self.needed_quality is None:
            return worth
        sign = 1.0 if self.higher_is_better else -1.0
        margin = sign * (centre - self.needed_quality) / rest
        reached = ndtr(margin)
        density = np.exp(-(margin**2) / 2) / np.sqrt(2 * np.pi)
        return np.asarray(worth * reached + sign * per_quality * rest * density - upfront * (1 - reached))

    # What would flip it --------------------------------------------------------------------------------------

    def flip(self, share: float | None) -> FlipPoints:
        """Return the values at which the chance of a loss is `share`; where None, the expected value is 0.

        Every draw is linear in the price, the volume and the cost of serving, so the value at which it is worth
        nothing is known for each: the answer is a quantile of them.
        """
        sums, npv = self.market.sums, self.npv_usd
        serving = self.business.serving_usd(self.drawn) * sums.requests_at_cost
        moved = sums.income_usd - serving - self.business.answer_usd(self.drawn) * sums.requests
        price = _scale(npv, sums.income_usd, share)
        volume = _scale(npv, moved, share)
        cost = _scale(npv, -serving, share)
        return FlipPoints(
            _times(price, float(self._at("value_per_request_usd"))),
            _times(volume, self.market.market.requests_per_year),
            _times(cost, float(self._at("serving_usd_per_request"))),
        )

    def _at(self, name: str) -> float:
        return float(self.business.inputs[name].mean)


def _times(scale: float | None, value: float) -> float | None:
    return None if scale is None else scale * value


def _scale(npv: np.ndarray, moved: np.ndarray, share: float | None) -> float | None:
    """Return by what the moved part must be multiplied; None where no positive number does it."""
    if share is None:
        mean = float(np.mean(moved))
        scale = 1 - float(np.mean(npv)) / mean if mean else -1.0
        return scale if scale > 0 else None
    rising = float(np.mean(moved)) > 0
    size = np.abs(np.broadcast_to(moved, npv.shape))
    turns = 1 - np.divide(npv, size if rising else -size, out=np.full(npv.shape, np.inf), where=size > 0)
    bad = np.inf if rising else -np.inf
    steady = np.where(npv > 0, -bad, bad)  # nothing to move: it stays what it is
    against = (moved < 0) if rising else (moved > 0)  # more of it makes these draws worse: they count as losses
    each = np.where(against, bad, np.where(size > 0, turns, steady))
    scale = float(np.quantile(each, 1 - share if rising else share, method="inverted_cdf"))
    return scale if 0 < scale < np.inf else None


def _drivers(names: list[str], means: np.ndarray, variance: float, noise: float) -> list[Driver]:
    """Return drivers from the mean values in equal bins of each input: their spread is what it explains."""
    shares = np.maximum(0, (means.var(axis=1) / variance - noise) / (1 - noise)).tolist()
    tenth = _BINS // 10
    low, high = (means[:, part].mean(axis=1).tolist()
                 for part in (slice(tenth - 2, tenth + 3), slice(-tenth - 3, -tenth + 2)))  # fmt: skip
    return [Driver(*each) for each in zip(names, shares, low, high, strict=True)]


def npv_distribution(
    business: Business,
    market: MarketDraws,
    accuracy: Mapping[str, object],
    hours: tuple[float, float] | None,
) -> NpvDistribution:
    """Return a business drawn in its market."""
    return NpvDistribution(business, market, market.market.quality, bool(accuracy["higher_is_better"]), hours)
