"""Figures of a use case, with day, source and what each is drawn from."""

from __future__ import annotations

from harness_reports.business.figure_rules import BOTTOM_UP
from harness_reports.business.market import ASSUMED, Market
from harness_reports.figures.explained import Explained, derived


def figure(market: Market, name: str, called: str | None = None) -> Explained:
    """Return a use case's figure at its mean; one that it does not have is not known."""
    if name not in market.numbers:
        return Explained(called or name, None, note=f"the use case {market.use_case.name!r} has no figure {name}")
    value = market.numbers[name]
    given = {**market.use_case.needs, **market.use_case.market}.get(name)
    if given is None and value == ASSUMED.get(name):
        return Explained(called or name, value, source="assumed where a use case says nothing of it", kind="assumed")
    if given is None or given.value != value:
        return Explained(called or name, value, source="set by the reader", kind="assumed")
    spread = given.spread
    note = "" if spread is None else f"the mean of {spread.shape} {[*spread.numbers]}"
    said = f"{given.kind}, {given.as_of}: {given.source}"
    kind = "assumed" if given.kind == "assumption" else "declared"
    return Explained(called or name, value, given.unit, note=note, source=said, kind=kind)  # type: ignore[arg-type]


def uncertain(market: Market) -> tuple[Explained, ...]:
    """Return the market's uncertain figures."""
    return tuple(figure(market, name) for name in market.inputs if _spread(market, name))


def _spread(market: Market, name: str) -> bool:
    given = market.use_case.market.get(name)
    return given is not None and given.spread is not None and given.value == market.numbers[name]


def requests(market: Market) -> Explained:
    """Return the requests of a year once everybody has adopted."""
    if "requests_per_year" in market.numbers:
        return figure(market, "requests_per_year")
    parts = [figure(market, name) for name in BOTTOM_UP]
    return derived("requests_per_year", "per year", " * ".join(BOTTOM_UP), *parts)
