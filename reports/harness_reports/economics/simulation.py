"""Monte Carlo simulation of a net present value, and its sensitivity to uncertain inputs.

An input is drawn once for all years: a wrong assumption stays wrong. Every input has its own random stream, so that a
change of one input leaves the draws of the others as they are.
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
"""Points at which a quantile function is computed, to interpolate draws; few for few draws."""
_MANY = 100_000


class Uncertain(Protocol):
    """A business with uncertain inputs."""

    @property
    def inputs(self) -> Mapping[str, Distribution]:
        """Return every input by name."""
        ...

    def npv_usd(self, figures: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the net present value of each draw."""
        ...


class Outcome(NamedTuple):
    """Statistics of a net present value."""

    draws: int
    mean_usd: float
    standard_error_usd: float
    """Of the mean, due to the number of draws alone."""
    p05_usd: float
    p50_usd: float
    p95_usd: float
    probability_positive: float
    """P(NPV > 0)."""
    cvar05_usd: float
    """Mean of the worst 5 %: a loss is negative."""


def outcome(npv_usd: np.ndarray) -> Outcome:
    """Return statistics of drawn net present values."""
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
    full = int(count)
    parted = np.partition(values, full)
    return (float(parted[:full].sum()) + (count - full) * float(parted[full])) / count


def draw(inputs: Mapping[str, Distribution], draws: int = DRAWS, seed: int = 0) -> dict[str, np.ndarray]:
    """Return draws of each input, shape (draws,), or (1,) if it is certain; equal names and seeds give equal ranks.

    Raises:
        FactError: `draws` is not a whole number from 1.
    """
    return {name: source.draw(whole("draws", draws)) for name, source in sources_of(inputs, draws, seed).items()}


def rank_of_draws(name: str, draws: int, seed: int = 0) -> np.ndarray:
    """Return the indices of an input's draws in ascending order, for any distribution.

    Quantile functions are monotonic, so the order is that of the uniforms, which depend on name and seed alone.
    """
    return np.argsort(_stream(name, seed).random(draws))


def _stream(name: str, seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64([seed, crc32(name.encode())]))


def sources_of(inputs: Mapping[str, Distribution], draws: int, seed: int) -> dict[str, _Certain | _Source]:
    """Return the source of each input, which can be drawn from in parts."""
    knots = np.linspace(0, 1, _KNOTS if draws > _MANY else _FEW_KNOTS)
    return {
        name: _Certain(source.value) if isinstance(source, Fixed) else _Source(source, _stream(name, seed), knots)
        for name, source in inputs.items()
    }


class _Certain:
    """The source of a certain input."""

    def __init__(self, value: float) -> None:
        self.value = np.full(1, value)

    def draw(self, size: int) -> np.ndarray:  # noqa: ARG002 - as a source's
        return self.value


class _Source:
    """The source of an uncertain input, by linear interpolation of its quantile function.

    That moves a mean by at most 2e-4 of the range. Unbounded distributions have no ends to interpolate to, so their
    quantiles are computed for each draw.
    """

    def __init__(self, distribution: Distribution, random: np.random.Generator, shares: np.ndarray) -> None:
        self.distribution, self.random = distribution, random
        self.knots = distribution.quantile(shares)
        self.bounded = bool(np.isfinite(self.knots).all())
        self.steps = np.diff(self.knots) if self.bounded else self.knots

    def draw(self, size: int) -> np.ndarray:
        uniform = self.random.random(size)
        if not self.bounded:
            return self.distribution.quantile(uniform)
        place = uniform * self.steps.size  # evenly spaced knots need no search
        knot = place.astype(np.intp)
        return np.asarray(self.knots[knot] + (place - knot) * self.steps[knot])


class TornadoBar(NamedTuple):
    """The net present value at two percentiles of one input."""

    low_usd: float
    """At the lower percentile."""
    high_usd: float
    """At the upper percentile."""

    @property
    def swing_usd(self) -> float:
        """The absolute difference."""
        return abs(self.high_usd - self.low_usd)


def tornado(life: Uncertain, low: float = 0.1, high: float = 0.9) -> dict[str, TornadoBar]:
    """Return the net present value at two percentiles of each uncertain input, all others at their median.

    The widest swing comes first.

    Raises:
        FactError: percentiles out of order or outside 0 to 1.
    """
    between("low", low, 0, between("high", high))
    median = {name: source.quantile(np.array([0.5])) for name, source in life.inputs.items()}

    def value(name: str, share: float) -> float:
        return float(life.npv_usd({**median, name: life.inputs[name].quantile(np.array([share]))})[0])

    uncertain = [name for name, source in life.inputs.items() if not isinstance(source, Fixed)]
    bars = {name: TornadoBar(value(name, low), value(name, high)) for name in uncertain}
    return dict(sorted(bars.items(), key=lambda item: -item[1].swing_usd))


def importance(life: Uncertain, points: int = POINTS, seed: int = 0) -> Sobol:
    """Return Sobol indices of the uncertain inputs.

    Raises:
        FactError: no input is uncertain, or `points` is not a power of 2.
    """
    certain = {name: source.quantile(np.zeros(1)) for name, source in life.inputs.items() if isinstance(source, Fixed)}
    uncertain = {name: source for name, source in life.inputs.items() if name not in certain}

    def values(drawn: Mapping[str, np.ndarray]) -> np.ndarray:
        size = len(next(iter(drawn.values())))
        # Shape (1,) if no uncertain input has an effect.
        return np.broadcast_to(life.npv_usd({**certain, **drawn}), size)

    return sobol_indices(values, uncertain, points, seed)
