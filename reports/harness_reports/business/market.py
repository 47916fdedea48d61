"""A use case's figures made ready for the calculation: complete, sensible, and with where each comes from."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.errors import FactError, unknown
from harness.facts import Figure, Spread, UseCase
from harness_reports.business.figure_rules import BOTTOM_UP, MARKET, NEEDS, check_complete, check_value
from harness_reports.economics.distributions import Distribution, Fixed, Lognormal, Normal, Pert, Triangular

KNOWN = {**NEEDS, **MARKET}
MEASURED_NEEDS = ("quality", "latency_s", "privacy")
"""Needs that a measurement, or the place where a model runs, speaks of."""
ASSUMED: Mapping[str, float] = {
    "value_decline_per_year": 0.0, "cost_per_error_usd": 0.0, "retry_share": 0.0, "review_share": 0.0,
    "review_usd": 0.0, "peak_factor": 3.0, "staff": 0.0, "staff_usd_per_year": 0.0, "pretraining_uses": 1.0,
    "retrainings_per_year": 0.0, "hardware_decline_per_year": 0.0, "api_price_decline_per_year": 0.0,
    "energy_usd_per_kwh": 0.0, "cached_input_share": 0.0, "loss_limit": 0.1,
}  # fmt: skip
"""What counts where a use case says nothing: 0 for what costs nothing then; three times the mean hour's requests in the
busiest one; a chance of a loss of 10 %."""
_SHAPES: Mapping[str, Callable[..., Distribution]] = {
    "pert": Pert, "triangular": Triangular, "normal": Normal, "lognormal": Lognormal.from_90_interval,
}  # fmt: skip


@dataclass(frozen=True)
class Market:
    """The figures of one use case after the reader's overrides."""

    use_case: UseCase
    numbers: Mapping[str, float]
    """Every figure at its mean, and what is assumed of those that the use case does not have."""
    inputs: Mapping[str, Distribution]
    """Every figure of the market that may be uncertain."""
    provenance: str
    """Every figure with its unit, kind, date and source."""

    @property
    def years(self) -> int:
        """The life of the business."""
        return int(self.numbers["years"])

    @property
    def quality(self) -> float | None:
        """The quality that is needed."""
        return self.numbers.get("quality")

    @property
    def latency_s(self) -> float | None:
        """The latency that is needed."""
        return self.numbers.get("latency_s")

    @property
    def loss_limit(self) -> float:
        """Chance of a loss that is accepted."""
        return self.numbers["loss_limit"]

    @property
    def requests_per_year(self) -> float:
        """Requests once everybody who will adopt has adopted: given, or buyers · shares · requests of one."""
        given = self.numbers.get("requests_per_year")
        return math.prod(self.numbers[name] for name in BOTTOM_UP) if given is None else given

    @property
    def unmeasured_needs(self) -> tuple[str, ...]:
        """Needs that no measurement here speaks of; a level of 0 asks for nothing."""
        asked = {name for name in self.use_case.needs if name != "explainability" or self.numbers[name] > 0}
        return tuple(sorted(asked - set(MEASURED_NEEDS)))


def read_market(use_case: UseCase, overrides: Mapping[str, float]) -> Market:
    """Return a use case's figures with the reader's in their place; what the reader sets is certain.

    Raises:
        FactError: a figure is missing or senseless, or an override has a name that no figure has.
    """
    for name in overrides:
        if name not in KNOWN:
            raise FactError(unknown("figure", name, KNOWN))
    figures = {**use_case.needs, **use_case.market}
    numbers = {name: figure.value for name, figure in figures.items()} | dict(overrides)
    check_complete(f"Use case {use_case.name!r}", numbers)
    for name, value in numbers.items():
        if name in KNOWN:
            check_value(f"Use case {use_case.name!r}: {name}", KNOWN[name], value)
    numbers |= {name: value for name, value in ASSUMED.items() if name not in numbers}
    spread = {name: figure.spread for name, figure in figures.items() if name not in overrides}
    inputs = {name: distribution(numbers[name], spread.get(name)) for name in numbers if name in MARKET}
    if "requests_per_year" in inputs:
        inputs = {name: given for name, given in inputs.items() if name not in BOTTOM_UP}
    return Market(use_case, numbers, inputs, _provenance(figures, overrides))


def distribution(value: float, spread: Spread | None) -> Distribution:
    """Return what a figure's number is drawn from.

    Raises:
        FactError: the numbers of the spread are out of order.
    """
    return Fixed(value) if spread is None else _SHAPES[spread.shape](*spread.numbers)


def _provenance(figures: Mapping[str, Figure], overrides: Mapping[str, float]) -> str:
    parts = [
        f"{name} {figure.value:g} {figure.unit} ({figure.kind}, {figure.as_of}, {figure.source})"
        for name, figure in figures.items()
        if name not in overrides
    ]
    return "; ".join([*parts, *(f"{name} {value:g} (set by the reader)" for name, value in overrides.items())])
