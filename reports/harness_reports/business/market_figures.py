"""Figures of a use case as explained figures, with date, source and distribution."""

from __future__ import annotations

from harness_reports.business.figure_rules import BOTTOM_UP
from harness_reports.business.market import ASSUMED, Market
from harness_reports.figures.explained import Explained, derived
from harness_reports.reasons import in_each_language, named, translated

_OF_OTHERS = (
    "label_usd", "hosted_quality", "api_price_decline_per_year", "cached_input_share", "loss_limit",
    "input_tokens_per_request", "output_tokens_per_request",
)  # fmt: skip
"""Figures of hosted models, of further measurements and of the verdict."""


def figure(market: Market, name: str, called: str | None = None) -> Explained:
    """Return a use case's figure at its mean, None if it has no such figure; `called` renames it."""
    if name not in market.numbers:
        return Explained(called or name, None, note=f"the use case {market.use_case.name!r} has no figure {name}")
    value = market.numbers[name]
    fact = {**market.use_case.needs, **market.use_case.market}.get(name)
    if fact is None and value == ASSUMED.get(name):
        return Explained(called or name, value, source="default, as the use case does not give it", kind="assumed")
    if fact is None or fact.value != value:
        return Explained(called or name, value, source="set by you", kind="assumed")
    note = "" if fact.spread is None else f"the mean of {fact.spread.shape} {[*fact.spread.numbers]}"
    source = in_each_language(lambda: f"{named('cell', fact.kind)}, {fact.as_of}: {translated(fact.source)}")
    kind = "assumed" if fact.kind == "assumption" else "declared"
    return Explained(called or name, value, fact.unit, note=note, source=source, kind=kind)  # type: ignore[arg-type]


def drawn_figures(market: Market) -> tuple[Explained, ...]:
    """Return the market's figures that a net present value may take, with the distributions of uncertain ones."""
    return tuple(figure(market, name) for name in market.inputs if name not in _OF_OTHERS)


def requests(market: Market) -> Explained:
    """Return the requests of a steady-state year."""
    if "requests_per_year" in market.numbers:
        return figure(market, "requests_per_year")
    parts = [figure(market, name) for name in BOTTOM_UP]
    return derived("requests_per_year", "per year", " * ".join(BOTTOM_UP), *parts)
