"""What explanations of the money end in: figures of a use case, with day, source and what each is drawn from."""

from __future__ import annotations

from collections.abc import Mapping

from harness_reports.business.market import Market
from harness_reports.figures.explained import Explained


def figure(market: Market, name: str, called: str | None = None) -> Explained:
    """Return a use case's figure at its mean; one that it does not have is not known."""
    if name not in market.numbers:
        return Explained(called or name, None, note=f"the use case {market.use_case.name!r} has no figure {name}")
    value = market.numbers[name]
    given = {**market.use_case.needs, **market.use_case.market}.get(name)
    if given is None or given.value != value:
        return Explained(called or name, value, source="set by the reader", kind="assumed")
    spread = given.spread
    note = "" if spread is None else f"the mean of {spread.shape} {[*spread.numbers]}"
    said = f"{given.kind}, {given.as_of}: {given.source}"
    kind = "assumed" if given.kind == "assumption" else "declared"
    return Explained(called or name, value, given.unit, note=note, source=said, kind=kind)  # type: ignore[arg-type]


def known(market: Market, *names: str) -> dict[str, Explained]:
    """Return the figures that the use case has, by name."""
    return {name: figure(market, name) for name in names if name in market.numbers}


def uncertain(market: Market, measured: Mapping[str, Explained]) -> tuple[Explained, ...]:
    """Return what was drawn: the market's uncertain figures, and what was measured."""
    assumed = [name for name in market.inputs if _spread(market, name)]
    return (*(figure(market, name) for name in assumed), *measured.values())


def _spread(market: Market, name: str) -> bool:
    given = market.use_case.market.get(name)
    return given is not None and given.spread is not None and given.value == market.numbers[name]


def requests(market: Market) -> Explained:
    """Return the requests of a year once everybody has adopted."""
    if "requests_per_year" in market.numbers:
        return figure(market, "requests_per_year")
    parts = known(market, "buyers", "serviceable_share", "obtainable_share", "requests_per_buyer_per_year")
    return Explained("requests_per_year", market.requests_per_year, "per year", " * ".join(parts),
                     inputs=(*parts.values(),))  # fmt: skip
