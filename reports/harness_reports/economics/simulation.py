"""A business over its life with uncertain figures: the distribution of its net present value, and what it hangs on.

Uncertainty is drawn once for a life, not anew each year: a price that was guessed wrong stays wrong. Every input has a
stream of its own, so that changing one input leaves the draws of the others as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol
from zlib import crc32

import numpy as np

from harness_reports.economics.checks import between, whole
from harness_reports.economics.distributions import Distribution, Fixed, quantiles
from harness_reports.economics.sensitivity import POINTS, Sobol, sobol_indices

DRAWS = 100_000
_KNOTS, _FEW_KNOTS = 4097, 513
"""Of a quantile function that is drawn from by interpolation; few where few draws are asked for."""
_MANY = 100_000


class Uncertain(Protocol):
    """A business with uncertain inputs, as it can be simulated."""

    @property
    def inputs(self) -> Mapping[str, Distribution]:
        """Return every input by name."""
        ...

    def npv_usd(self, figures: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the net present values of drawn inputs, one for each."""
        ...


class Outcome(NamedTuple):
    """How the net present value is distributed."""

    draws: int
    mean_usd: float
    standard_error_usd: float
    """Of the mean, by the number of draws alone; it says nothing of inputs that were guessed wrong."""
    p05_usd: float
    p50_usd: float
    p95_usd: float
    probability_positive: float
    """P(NPV > 0)."""
    cvar05_usd: float
    """Mean of the worst 5 %: a loss is negative."""


def outcome(npv_usd: np.ndarray) -> Outcome:
    """Return how drawn net present values are distributed."""
    low, middle, high = quantiles(npv_usd, (0.05, 0.5, 0.95))
    return Outcome(
        draws=npv_usd.size,
        mean_usd=float(npv_usd.mean()),
        standard_error_usd=float(npv_usd.std() / np.sqrt(npv_usd.size)),
        p05_usd=float(low),
        p50_usd=float(middle),
        p95_usd=float(high),
        probability_positive=float((npv_usd > 0).mean()),
        cvar05_usd=_worst(npv_usd, 0.05),
    )


def _worst(values: np.ndarray, share: float) -> float:
    """Return the mean of the lowest share, the value at its end split: the conditional value at risk of the loss."""
    count = share * values.size
    whole_ones = int(count)
    parted = np.partition(values, whole_ones)
    total = float(parted[:whole_ones].sum()) + (count - whole_ones) * float(parted[whole_ones])
    return total / count


def draw(inputs: Mapping[str, Distribution], draws: int = DRAWS, seed: int = 0) -> dict[str, np.ndarray]:
    """Return drawn inputs, one number where an input is certain; the same name and seed give the same shares.

    Raises:
        FactError: not a whole number of draws.
    """
    return {name: source.draw(whole("draws", draws)) for name, source in sources_of(inputs, draws, seed).items()}


def rank_of_draws(name: str, draws: int, seed: int = 0) -> np.ndarray:
    """Return the places of an input's draws in ascending order, whatever it is distributed like.

    Quantile functions rise, so the order is that of the shares, which hang on name and seed alone.
    """
    return np.argsort(_shares(name, seed).random(draws))


def _shares(name: str, seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64([seed, crc32(name.encode())]))


def sources_of(inputs: Mapping[str, Distribution], draws: int, seed: int) -> dict[str, _Certain | _Source]:
    """Return what each input is drawn from, in parts and in order."""
    knots = np.linspace(0, 1, _KNOTS if draws > _MANY else _FEW_KNOTS)
    return {
        name: _Certain(given.value) if isinstance(given, Fixed) else _Source(given, _shares(name, seed), knots)
        for name, given in inputs.items()
    }


class _Certain:
    """One number, whatever is drawn."""

    def __init__(self, value: float) -> None:
        self.value = np.full(1, value)

    def draw(self, size: int) -> np.ndarray:  # noqa: ARG002 - as a source's
        return self.value


class _Source:
    """Draws of one input, by its quantile function at knots: that moves a mean by at most 2e-4 of the range.

    An unbounded distribution has no ends to interpolate to, so its quantiles are computed for each draw.
    """

    def __init__(self, given: Distribution, random: np.random.Generator, shares: np.ndarray) -> None:
        self.given, self.random = given, random
        self.knots = given.quantile(shares)
        self.bounded = bool(np.isfinite(self.knots).all())
        self.steps = np.diff(self.knots) if self.bounded else self.knots

    def draw(self, size: int) -> np.ndarray:
        uniform = self.random.random(size)
        if not self.bounded:
            return self.given.quantile(uniform)
        place = uniform * self.steps.size  # the knots lie evenly, so no search is needed
        knot = place.astype(np.intp)
        return np.asarray(self.knots[knot] + (place - knot) * self.steps[knot])


class Bar(NamedTuple):
    """What one input does to the net present value."""

    low_usd: float
    """At its 10th percentile."""
    high_usd: float
    """At its 90th."""

    @property
    def swing_usd(self) -> float:
        """How far apart they are."""
        return abs(self.high_usd - self.low_usd)


def tornado(life: Uncertain, low: float = 0.1, high: float = 0.9) -> dict[str, Bar]:
    """Return for each uncertain input the net present value at two of its percentiles, all others at their median.

    The widest first; inputs that are certain are left out.

    Raises:
        FactError: percentiles out of order or outside 0 to 1.
    """
    between("low", low, 0, between("high", high))
    median = {name: given.quantile(np.array([0.5])) for name, given in life.inputs.items()}

    def value(name: str, share: float) -> float:
        return float(life.npv_usd({**median, name: life.inputs[name].quantile(np.array([share]))})[0])

    uncertain = [name for name, given in life.inputs.items() if not isinstance(given, Fixed)]
    bars = {name: Bar(value(name, low), value(name, high)) for name in uncertain}
    return dict(sorted(bars.items(), key=lambda item: -item[1].swing_usd))


def importance(life: Uncertain, points: int = POINTS, seed: int = 0) -> Sobol:
    """Return Sobol's indices of the uncertain inputs.

    Raises:
        FactError: no input is uncertain, or points that are no power of 2.
    """
    certain = {name: given.quantile(np.zeros(1)) for name, given in life.inputs.items() if isinstance(given, Fixed)}
    uncertain = {name: given for name, given in life.inputs.items() if name not in certain}

    def values(drawn: Mapping[str, np.ndarray]) -> np.ndarray:
        size = len(next(iter(drawn.values())))
        return np.broadcast_to(life.npv_usd({**certain, **drawn}), size)  # one number where no uncertain input counts

    return sobol_indices(values, uncertain, points, seed)
