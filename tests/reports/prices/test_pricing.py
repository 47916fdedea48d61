"""Which price is chosen, and that nothing is priced as 0."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest

from harness import FactError, Price, PriceBook
from harness_reports.cli.options import PricingOption
from harness_reports.prices.price_figures import hourly
from harness_reports.prices.pricing import STALE_DAYS, UTILISATION, Pricing, choose, today


def book(*prices: Price) -> PriceBook:
    """Return a price book."""
    return PriceBook("book", "for tests", prices)


def test_newest_price_counts_then_the_cheapest(make_price: Callable[..., Price]) -> None:
    """In any order of the offers."""
    old = make_price(usd=Decimal("0.01"), as_of=date(2025, 1, 1))
    expensive, cheap = make_price(usd=Decimal("0.09"), offer="b"), make_price(usd=Decimal("0.04"), offer="z")

    for seed in range(5):
        prices = random.Random(seed).sample([old, expensive, cheap], 3)  # noqa: S311 - no secret
        assert choose(book(*prices)).prices == {"CPU": cheap}


def test_two_prices_of_one_offer_and_day_are_a_question(make_price: Callable[..., Price]) -> None:
    """In one book or in two; the cheaper does not count silently."""
    one, other = make_price(usd=Decimal("0.01"), source="bill"), make_price(usd=Decimal("0.09"), source="web page")

    for books in (book(one, other), [book(other), book(one)]):
        with pytest.raises(FactError, match=r"has two prices on .*bill.*Keep one|has two prices on .*web page.*Keep"):
            choose(books)
    assert choose([book(one), book(one)]).prices == {"CPU": one}


def test_equals_are_chosen_by_name(make_price: Callable[..., Price]) -> None:
    """At one price the first by provider, offer and region, so that tables are reproducible."""
    offers = [make_price(provider="B"), make_price(provider="A", offer="y"), make_price(provider="A", offer="x")]

    assert choose(book(*offers)).prices["CPU"] == offers[2]


def test_day_takes_the_price_of_that_day(make_price: Callable[..., Price]) -> None:
    """A price of November does not count in October."""
    june, november = make_price(as_of=date(2026, 6, 1)), make_price(as_of=date(2026, 11, 1))

    assert choose(book(june, november), as_of=date(2026, 10, 31)).prices["CPU"] == june
    assert choose(book(june, november), as_of=date(2026, 11, 1)).prices["CPU"] == november


def test_a_price_of_tomorrow_does_not_count_today(make_price: Callable[..., Price]) -> None:
    """Where no day is given, today is meant; tomorrow it counts."""
    now, announced = make_price(as_of=today()), make_price(as_of=today() + timedelta(days=1))

    assert choose(book(now, announced)).prices == {"CPU": now}
    assert choose(book(now, announced), as_of=announced.as_of).prices == {"CPU": announced}
    with pytest.raises(FactError, match=f"No price is left on or before {today()}"):
        choose(book(announced))


@pytest.mark.parametrize(
    ("days", "note", "why"),
    [
        (STALE_DAYS, "", None),
        (STALE_DAYS + 1, "", "The price is of 2025-11-22, 366 days old, over 365: look for a newer one."),
        (
            STALE_DAYS + 1, "second half of 2025",
            "The price is perhaps of 2025-11-22 and up to 366 days old, over 365: look for a newer one.",
        ),
    ],
)  # fmt: skip
def test_a_price_over_a_year_old_is_stale(
    make_price: Callable[..., Price], days: int, note: str, why: str | None
) -> None:
    """On the day of the tables; of a day that is only bounded this is said."""
    price = make_price(as_of=date(2026, 11, 23) - timedelta(days=days), as_of_note=note)
    reason = choose(book(price), as_of=date(2026, 11, 23)).stale(price)

    assert (None if reason is None else str(reason)) == why


def test_day_before_all_prices_is_an_error(make_price: Callable[..., Price]) -> None:
    """The message names the day."""
    with pytest.raises(FactError, match="on or before 2020-01-01"):
        choose(book(make_price()), as_of=date(2020, 1, 1))


def test_provider_and_region_narrow_the_choice(make_price: Callable[..., Price]) -> None:
    """Only their offers count."""
    here = make_price(provider="A", region="eu", usd=Decimal(2))
    offers = [here, make_price(provider="A", region="us"), make_price(provider="B", region="eu")]

    assert choose(book(*offers), provider="A", region="eu").prices["CPU"] == here


@pytest.mark.parametrize("wanted", [{"provider": "Bench Clout"}, {"region": "eu-2"}])
def test_unknown_provider_or_region_is_an_error(make_price: Callable[..., Price], wanted: dict[str, str]) -> None:
    """With the nearest name."""
    with pytest.raises(FactError, match="Did you mean"):
        choose(book(make_price()), **wanted)


def test_books_may_be_one_or_many(make_price: Callable[..., Price]) -> None:
    """A book, a mapping or a list."""
    one = book(make_price())

    assert choose(one) == choose({"one": one}) == choose([one])


def test_hour_costs_price_times_units_times_multiplier(bench: Any, pricing: Pricing) -> None:
    """Two vCPUs at 0.05 are 0.10 USD an hour; 0.15 with a multiplier of 1.5."""
    record = bench.record("serve", bench.spec())

    assert hourly(record, pricing).value == pytest.approx(0.10)
    assert hourly(record, replace(pricing, multiplier=Decimal("1.5"))).value == pytest.approx(0.15)


def test_item_without_a_price_is_an_error(bench: Any, pricing: Pricing) -> None:
    """The message names the item and the next step."""
    environment = {"hardware": {"price_item": "H200", "price_quantity": 1}}

    with pytest.raises(FactError, match=r"'H200' .*has no price.*--price-book"):
        hourly(bench.record("serve", bench.spec(), environment=environment), pricing)


@pytest.mark.parametrize(
    "environment", [{}, {"hardware": None}, {"hardware": {"price_item": "CPU"}}, {"hardware": {"price_quantity": 2}}]
)
def test_hardware_without_item_or_quantity_is_an_error(
    bench: Any, pricing: Pricing, environment: dict[str, Any]
) -> None:
    """It cannot be priced."""
    with pytest.raises(FactError, match="cannot be priced"):
        hourly(bench.record("serve", bench.spec(), environment=environment), pricing)


@pytest.mark.parametrize("changes", [{"utilisation": 0.0}, {"utilisation": 1.1}, {"multiplier": Decimal(0)}])
def test_assumptions_out_of_range_are_refused(pricing: Pricing, changes: dict[str, Any]) -> None:
    """Utilisation is above 0 and at most 1, the multiplier above 0."""
    with pytest.raises(FactError):
        replace(pricing, **changes)


def test_command_line_and_readme_tell_the_default_utilisation() -> None:
    """That of the pages, which take the same constant."""
    option = get_args(PricingOption)[1]
    readme = Path(__file__).parents[3] / "reports" / "README.md"

    assert f"else {UTILISATION:g})" in option.help
    assert f"`utilisation`, by default {UTILISATION:g}" in readme.read_text(encoding="utf-8")
    assert Pricing({}).utilisation == UTILISATION
