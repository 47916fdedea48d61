"""The checks of price books and use cases."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from unittest import SkipTest

from harness.errors import FactError
from harness.facts import Figure, PriceBook, UseCase
from harness.plugins import Plugins
from harness.testing.findings import CheckFailed, Rules

PRICE_BOOK: Rules[PriceBook] = Rules()
USE_CASE: Rules[UseCaseBench] = Rules()


class UseCaseBench:
    """A use case among the plugins."""

    def __init__(self, use_case: UseCase, plugins: Plugins) -> None:
        self.use_case = use_case
        self.plugins = plugins


def _demand_past(days: Iterable[tuple[str, object]]) -> None:
    today = datetime.now(UTC).date()
    future = [what for what, day in days if day > today]  # type: ignore[operator]
    if future:
        raise CheckFailed(f"Dated in the future: {', '.join(future[:3])}.")


@PRICE_BOOK.rule("Give one price for an item, provider, offer, region and day; add later ones with their own day.")
def prices_are_facts(book: PriceBook) -> None:
    """There are prices, no two contradict each other, none is dated in the future."""
    if not book.prices:
        raise CheckFailed("It holds no price.")
    by_offer: dict[tuple[object, ...], set[object]] = {}
    for p in book.prices:
        by_offer.setdefault((p.item, p.provider, p.offer, p.region, p.as_of), set()).add(p.usd)
    contradictory = [offer for offer, prices in by_offer.items() if len(prices) > 1]
    if contradictory:
        raise CheckFailed(f"Two prices for {' '.join(map(str, contradictory[0]))}.")
    _demand_past((f"{p.item} {p.offer}", p.as_of) for p in book.prices)


@USE_CASE.rule("Name tasks that are installed.")
def tasks_are_known(bench: UseCaseBench) -> None:
    """It is bound to at least one task, and the tasks are installed."""
    if not bench.use_case.tasks:
        raise CheckFailed("It is bound to no task.")
    for name in bench.use_case.tasks:
        bench.plugins.find("tasks", name)


@USE_CASE.rule("Give needs and market, each figure with a unit, a day and a source.")
def figures_are_dated_and_sourced(bench: UseCaseBench) -> None:
    """Needs and market are there; every figure is finite, has a unit and a source, and is not dated in the future."""
    case = bench.use_case
    if not case.needs or not case.market:
        raise CheckFailed("needs or market are empty.")
    figures: dict[str, Figure] = {**case.needs, **case.market}
    for name, figure in figures.items():
        if not math.isfinite(figure.value) or not figure.unit or not figure.source:
            raise CheckFailed(f"{name} is {figure}.")
    _demand_past((name, figure.as_of) for name, figure in figures.items())


@USE_CASE.rule("Correct the figures as the message says.")
def figures_make_sense(bench: UseCaseBench) -> None:
    """Every figure has a known name and a sensible value, money is USD, and no required figure is missing."""
    try:
        checked = bench.plugins.check_use_case(bench.use_case)
    except FactError as error:
        raise CheckFailed(str(error)) from None
    if not checked:
        raise SkipTest("No plugin defines the figures of use cases.")
