"""A simple business of five uncertain figures, against which tests check the simulation of the tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace

import numpy as np

from harness.errors import FactError
from harness_reports.economics.checks import whole
from harness_reports.economics.distributions import Distribution, Fixed
from harness_reports.economics.simulation import DRAWS, Outcome, Uncertain, outcome, sources_of

_ABOVE = {"discount_rate": -1.0, "unit_growth": -1.0}
_BELOW = {"value_decline": 1.0, "cost_decline": 1.0}
_CHUNK = 1 << 14
"""Draws computed at once, to fit into a processor's cache."""
_NONE, _TEN_PERCENT = Fixed(0.0), Fixed(0.1)


@dataclass(frozen=True)
class Life:
    """A business: upfront cost at t = 0, then at each year's end units · (value - cost) - fixed cost."""

    upfront_usd: Distribution
    units_per_year: Distribution
    """In the first year."""
    value_per_unit_usd: Distribution
    cost_per_unit_usd: Distribution
    fixed_usd_per_year: Distribution
    years: int
    discount_rate: Distribution = _TEN_PERCENT
    unit_growth: Distribution = _NONE
    """Yearly growth of the units, as a share."""
    value_decline: Distribution = _NONE
    """Yearly decline of the value per unit, as a share."""
    cost_decline: Distribution = _NONE
    """Yearly decline of the cost per unit, as a share."""

    def __post_init__(self) -> None:
        """Check the years.

        Raises:
            FactError: they are not a whole number from 1.
        """
        whole("years", self.years)

    @property
    def inputs(self) -> dict[str, Distribution]:
        """Every uncertain figure by name."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "years"}

    def npv_usd(self, figures: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the net present value of each draw.

        Raises:
            FactError: a rate of -100 % or less, or a decline of 100 % or more.
        """
        _checked(figures)
        year = 1 / (1 + figures["discount_rate"])
        growth = (1 + figures["unit_growth"]) * year
        value = figures["units_per_year"] * figures["value_per_unit_usd"] * year
        cost = figures["units_per_year"] * figures["cost_per_unit_usd"] * year
        fixed, total = figures["fixed_usd_per_year"] * year, -figures["upfront_usd"]
        value_growth, cost_growth = growth * (1 - figures["value_decline"]), growth * (1 - figures["cost_decline"])
        for _ in range(self.years):
            total = total + (value - cost - fixed)
            value, cost, fixed = value * value_growth, cost * cost_growth, fixed * year
        return np.asarray(total)


def simulate(life: Uncertain, draws: int = DRAWS, seed: int = 0) -> Outcome:
    """Return statistics of the net present value.

    Raises:
        FactError: as `npv_draws`.
    """
    return outcome(npv_draws(life, draws, seed))


def npv_draws(life: Uncertain, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """Return draws of the net present value.

    Raises:
        FactError: `draws` is not a whole number from 1, or as `Life.npv_usd`.
    """
    values = np.empty(whole("draws", draws))
    sources = sources_of(life.inputs, values.size, seed)
    for part in _parts(values.size):
        size = part.stop - part.start
        values[part] = life.npv_usd({name: source.draw(size) for name, source in sources.items()})
    return values


def with_figure(life: Life, name: str, value: float) -> Life:
    """Return the life with one figure certain.

    Raises:
        FactError: the life has no such figure, or the value is not finite.
    """
    if name not in life.inputs:
        raise FactError(f"A life has no figure {name!r}. It has {', '.join(life.inputs)}.")
    return replace(life, **{name: Fixed(value)})  # type: ignore[arg-type]


def _checked(figures: Mapping[str, np.ndarray]) -> None:
    for name, bound in _ABOVE.items():
        if (worst := float(np.min(figures[name]))) <= bound:
            raise FactError(f"{name} may be {worst:g}. Give a distribution above {bound:g}.")
    for name, bound in _BELOW.items():
        if (worst := float(np.max(figures[name]))) >= bound:
            raise FactError(f"{name} may be {worst:g}. Give a distribution below {bound:g}.")


def _parts(size: int) -> Iterator[slice]:
    return (slice(start, min(start + _CHUNK, size)) for start in range(0, size, _CHUNK))
