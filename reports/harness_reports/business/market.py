"""A use case's figures, checked and complete, as numbers and as distributions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from harness.errors import FactError, unknown
from harness.facts import Figure, Spread, UseCase
from harness_reports.business.figure_rules import BOTTOM_UP, MARKET, NEEDS, TOGETHER, check_complete, check_value
from harness_reports.economics.distributions import Distribution, Fixed, Lognormal, Normal, Pert, Triangular

KNOWN = {**NEEDS, **MARKET}
MEASURED_NEEDS = ("quality", "latency_s", "privacy")
"""Needs that measurements, or the place where a model runs, answer."""
NO_THIRD_PARTY = 2
"""The level of `privacy` at which no third party may see a request."""
ASSUMED: Mapping[str, float] = {
    "value_decline_per_year": 0.0, "cost_per_error_usd": 0.0, "retry_share": 0.0, "review_share": 0.0,
    "review_usd": 0.0, "peak_factor": 3.0, "staff": 0.0, "staff_usd_per_year": 0.0, "pretraining_uses": 1.0,
    "retrainings_per_year": 0.0, "hardware_decline_per_year": 0.0, "api_price_decline_per_year": 0.0,
    "energy_usd_per_kwh": 0.0, "cached_input_share": 0.0, "loss_limit": 0.1,
}  # fmt: skip
"""Figures that a use case may leave out: no such cost, a peak of three times the mean, a 10 % probability of a loss."""
_SHAPES: Mapping[str, Callable[..., Distribution]] = {
    "pert": Pert, "triangular": Triangular, "normal": Normal, "lognormal": Lognormal.from_90_interval,
}  # fmt: skip


@dataclass(frozen=True)
class Market:
    """The figures of one use case after the reader's overrides."""

    use_case: UseCase
    numbers: Mapping[str, float]
    """Every figure at its mean, with `ASSUMED` for those that the use case leaves out."""
    inputs: Mapping[str, Distribution]
    """Every figure of the market as a distribution."""
    provenance: str
    """Every figure with its unit, kind, date and source."""
    overrides: Mapping[str, float] = field(default_factory=dict)
    """The reader's figures."""

    def at(self, name: str, value: float) -> Market:
        """Return the market with one figure set, and therefore certain.

        Raises:
            FactError: as `read_market`.
        """
        return read_market(self.use_case, {**self.overrides, name: value})

    @property
    def years(self) -> int:
        """The life of the business."""
        return int(self.numbers["years"])

    @property
    def quality(self) -> float | None:
        """The needed quality."""
        return self.numbers.get("quality")

    @property
    def latency_s(self) -> float | None:
        """The latency objective."""
        return self.numbers.get("latency_s")

    @property
    def privacy(self) -> float:
        """The needed level of privacy, 0 where none is needed."""
        return self.numbers.get("privacy", 0.0)

    @property
    def loss_limit(self) -> float:
        """The accepted probability of a loss."""
        return self.numbers["loss_limit"]

    @property
    def requests_per_year(self) -> float:
        """Requests in a steady-state year: the figure itself, or the product of the bottom-up figures."""
        if "requests_per_year" in self.numbers:
            return self.numbers["requests_per_year"]
        return math.prod(self.numbers[name] for name in BOTTOM_UP)

    @property
    def unmeasured_needs(self) -> tuple[str, ...]:
        """Needs that nothing here measures; explainability 0 needs nothing."""
        needs = {name for name in self.use_case.needs if name != "explainability" or self.numbers[name] > 0}
        return tuple(sorted(needs - set(MEASURED_NEEDS)))


def read_market(use_case: UseCase, overrides: Mapping[str, float]) -> Market:
    """Return a use case's figures; overrides that apply to it replace them and are certain.

    Raises:
        FactError: a figure is missing or breaks its rule.
    """
    figures = {**use_case.needs, **use_case.market}
    overrides = applicable(use_case, overrides)
    numbers = {name: figure.value for name, figure in figures.items()} | dict(overrides)
    check_complete(f"Use case {use_case.name!r}", numbers)
    for name, value in numbers.items():
        if name in KNOWN:
            check_value(f"Use case {use_case.name!r}: {name}", KNOWN[name], value)
    numbers |= {name: value for name, value in ASSUMED.items() if name not in numbers}
    spread = {name: figure.spread for name, figure in figures.items() if name not in overrides}
    inputs = {name: distribution(numbers[name], spread.get(name)) for name in numbers if name in MARKET}
    if "requests_per_year" in inputs:  # else demand would be counted twice
        inputs = {name: figure for name, figure in inputs.items() if name not in BOTTOM_UP}
    return Market(use_case, numbers, inputs, _provenance(figures, overrides), overrides)


def applicable(use_case: UseCase, overrides: Mapping[str, float]) -> dict[str, float]:
    """Return the overrides that a use case takes.

    It takes no figure of a group that it does not use: no `buyers` if it states its requests, for example.
    """
    figures = use_case.needs.keys() | use_case.market.keys()
    unused = set(BOTTOM_UP) - figures if "requests_per_year" in figures else set()
    for group in TOGETHER:
        if not set(group) <= figures | overrides.keys():
            unused |= set(group) - figures
    return {name: value for name, value in overrides.items() if name not in unused}


def check_overrides(use_cases: Iterable[UseCase], overrides: Mapping[str, float]) -> None:
    """Raise if an override changes no use case.

    Raises:
        FactError: no figure has its name, or no use case takes it.
    """
    taken = [applicable(use_case, overrides) for use_case in use_cases]
    for name in overrides:
        if name not in KNOWN:
            raise FactError(unknown("figure", name, KNOWN))
        if taken and not any(name in each for each in taken):
            others = [other for group in TOGETHER if name in group for other in group if other != name]
            raise FactError(
                f"No use case here has the figure {name!r}, which counts only together with {', '.join(others)}. "
                "Write these into a use case of yours."
            )


def distribution(value: float, spread: Spread | None) -> Distribution:
    """Return the distribution of a figure; certain without a spread.

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
    return "; ".join([*parts, *(f"{name} {value:g} (set by you)" for name, value in overrides.items())])
