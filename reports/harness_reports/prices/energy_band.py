"""Energy that is charged: read from a meter, or estimated between two bounds, and labelled.

An estimate is a PERT distribution from all processors idle to all busy, likeliest at the measured processor time. The
ends are limits that the measured time speaks against: PERT's mean gives the middle four times the weight of an end, a
triangular distribution's would give each a third.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from harness_reports.economics.distributions import Distribution, Fixed, Pert
from harness_reports.figures.explained import Explained, Kind, derived, named
from harness_reports.measured import readings as leaf
from harness_reports.prices.energy_use import Bound

_PERT_MEAN = "({0}_low + 4 * {0}_middle + {0}_high) / 6"


@dataclass(frozen=True, eq=False)
class EnergyBand:
    """An energy in J, without the building's overhead, at the low end, the middle and the high end of its estimate."""

    low: Explained
    middle: Explained
    """Without a value where the energy was neither read nor can be estimated."""
    high: Explained

    @classmethod
    def of(cls, at: Callable[[Bound], Explained]) -> EnergyBand:
        """Return the band of a function of its bound; all three are equal where the energy was read."""
        return cls(at("low"), at("middle"), at("high"))

    @property
    def kind(self) -> Kind | None:
        """Whether it was measured or estimated, the weakest of its records'; None where it is not known."""
        return leaf.energy_kind(self.middle)

    @property
    def is_read(self) -> bool:
        """Whether there is no interval."""
        return self.middle.value is None or not self.low.value < self.high.value

    @cached_property
    def distribution(self) -> Distribution | None:
        """Its distribution, certain where it was read; None where it is not known."""
        if self.middle.value is None:
            return None
        if self.is_read:
            return Fixed(self.middle.value)
        low, high = self.low.value, self.high.value
        return Pert(low, min(max(low, self.middle.value), high), high)

    def mean(self, name: str) -> Explained:
        """Return the mean of the distribution as a figure of that name."""
        if self.is_read:
            return named(self.middle, name)
        note = "mean of a PERT distribution: likeliest by measured processor time, least and most if none or all worked"
        formula = _PERT_MEAN.format(self.middle.name.removesuffix("_middle"))
        return derived(name, "J", formula, self.low, self.middle, self.high, note=note)

    @property
    def joules(self) -> dict[str, float]:
        """The three, as values of a reason."""
        return {"low": self.low.value, "middle": self.middle.value, "high": self.high.value}
