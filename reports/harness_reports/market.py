"""A use case's figures made ready for the calculation: complete, sensible, and with where each comes from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from harness.errors import FactError, unknown
from harness.facts import Figure, UseCase
from harness.figures import BOTTOM_UP, MARKET, NEEDS, check_complete, check_value

KNOWN = {**NEEDS, **MARKET}
MEASURED_NEEDS = ("quality", "latency_s", "privacy")
"""Needs that a measurement, or the place where a model runs, speaks of."""


@dataclass(frozen=True)
class Market:
    """The numbers of one use case after the reader's overrides."""

    use_case: UseCase
    requests_per_year: float
    value_per_request_usd: float
    fixed_cost_per_year_usd: float
    upfront_cost_usd: float
    discount_rate: float
    years: int
    development_multiplier: float
    cost_per_error_usd: float | None
    """None: a wrong answer costs nothing beyond the request."""
    quality: float | None
    latency_s: float | None
    provenance: str
    """Every figure with its unit, kind, date and source."""

    @property
    def unmeasured_needs(self) -> tuple[str, ...]:
        """Needs that no measurement here speaks of."""
        return tuple(sorted(set(self.use_case.needs) - set(MEASURED_NEEDS)))

    def upfront_usd(self, train_usd: float | None) -> float | None:
        """Return what is paid before the first request, None where the training's cost is not known."""
        return None if train_usd is None else train_usd * self.development_multiplier + self.upfront_cost_usd

    def yearly_usd(self, margin_usd: float) -> float:
        """Return a year's flow at a margin per request."""
        return self.requests_per_year * margin_usd - self.fixed_cost_per_year_usd


def read_market(use_case: UseCase, overrides: Mapping[str, float]) -> Market:
    """Return a use case's figures with the reader's in their place.

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
    requests = numbers.get("requests_per_year")
    fixed = numbers["fixed_cost_per_year_usd"] + numbers.get("staff", 0.0) * numbers.get("staff_usd_per_year", 0.0)
    return Market(
        use_case,
        requests_per_year=math.prod(numbers[name] for name in BOTTOM_UP) if requests is None else requests,
        fixed_cost_per_year_usd=fixed,
        **{name: numbers[name] for name in ("value_per_request_usd", "upfront_cost_usd", "discount_rate",
                                            "development_multiplier")},
        years=int(numbers["years"]),
        cost_per_error_usd=numbers.get("cost_per_error_usd"),
        quality=numbers.get("quality"),
        latency_s=numbers.get("latency_s"),
        provenance=_provenance(figures, overrides),
    )  # fmt: skip


def _provenance(figures: Mapping[str, Figure], overrides: Mapping[str, float]) -> str:
    parts = [
        f"{name} {figure.value:g} {figure.unit} ({figure.kind}, {figure.as_of}, {figure.source})"
        for name, figure in figures.items()
        if name not in overrides
    ]
    return "; ".join([*parts, *(f"{name} {value:g} (set by the reader)" for name, value in overrides.items())])
