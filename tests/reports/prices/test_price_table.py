"""`harness prices`: all prices, filtered, with those that tables use."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import FactError, HarnessError, Price, PriceBook
from harness_reports.cells import rows
from harness_reports.prices.price_table import PRICES, price_table
from harness_reports.prices.pricing import choose, today

BOOK = """
prices:
  - {item: CPU, usd: 0.05, per: hour, provider: Ours, offer: c1.small, region: eu, as_of: 2026-11-01, source: invoice}
  - {item: CPU, usd: 0.03, per: hour, provider: Ours, offer: c1.small, region: eu, as_of: 2025-11-01, source: invoice}
"""


@pytest.fixture
def books(make_price: Callable[..., Price]) -> dict[str, PriceBook]:
    """Return two books: CPUs of two days and an accelerator; a CPU of another provider."""
    old, new = make_price(as_of=date(2025, 1, 1), usd=Decimal("0.01")), make_price(usd=Decimal("0.05"))
    chip = make_price(item="H100", usd=Decimal(3), as_of_note="some day of the month")
    far = make_price(provider="Far Cloud", region="us-1", usd=Decimal("0.02"))
    return {"near": PriceBook("near", "", (old, new, chip)), "far": PriceBook("far", "", (far,))}


@pytest.fixture
def run(invoke: Callable[..., str]) -> Callable[..., str]:
    """Return a function that runs `harness prices`."""
    return partial(invoke, "prices")


def test_every_price_of_every_book_is_a_row(books: dict[str, PriceBook]) -> None:
    """With its day, the day's note and its source."""
    frame = price_table(books)

    assert list(frame.columns) == list(PRICES)
    assert list(zip(frame["book"], frame["item"], frame["usd"], strict=True)) == [
        ("near", "CPU", 0.05), ("near", "CPU", 0.01), ("near", "H100", 3.0), ("far", "CPU", 0.02),
    ]  # fmt: skip
    assert set(frame["source"]) == {"bench.example/prices"}
    assert {(row["billing"], row["energy"]) for row in rows(frame)} == {("machine", "included")}
    assert [row["as_of_note"] for row in rows(frame)] == [None, None, "some day of the month", None]


def test_terms_of_an_offer_are_in_its_row(make_price: Callable[..., Price]) -> None:
    """How it is billed, and whether energy is in the price."""
    price = make_price(billing="second", energy="excluded")

    (row,) = rows(price_table({"near": PriceBook("near", "", (price,))}))

    assert (row["billing"], row["energy"]) == ("second", "excluded")


def test_a_price_of_tomorrow_is_listed_and_does_not_count(make_price: Callable[..., Price]) -> None:
    """Nor is it there as of today; a price over a year old is marked."""
    days = [today() + timedelta(days=days) for days in (1, -1, -400)]
    ours = {"ours": PriceBook("ours", "", tuple(make_price(as_of=day) for day in days))}
    listed = [(row["counts"], row["old"]) for row in rows(price_table(ours))]

    assert listed == [(False, False), (True, False), (False, True)]
    assert len(price_table(ours, as_of=today())) == 2


def test_the_price_that_counts_is_the_one_of_tables(books: dict[str, PriceBook]) -> None:
    """One for each item of a book, as `choose` takes it."""
    frame = price_table(books)

    for name, book in books.items():
        counting = frame[(frame["book"] == name) & frame["counts"]]
        chosen = {item: float(price.usd) for item, price in choose(book).prices.items()}
        assert dict(zip(counting["item"], counting["usd"], strict=True)) == chosen


@pytest.mark.parametrize(
    ("wanted", "amounts"),
    [
        ({"item": "CPU"}, [0.05, 0.01, 0.02]),
        ({"provider": "Far Cloud"}, [0.02]),
        ({"region": "eu-1", "item": "H100"}, [3.0]),
        ({"as_of": date(2026, 1, 1)}, [0.01]),
    ],
)
def test_filters(books: dict[str, PriceBook], wanted: dict[str, Any], amounts: list[float]) -> None:
    """By item, provider, region and day; a price that counts is among those left."""
    frame = price_table(books, **wanted)

    assert list(frame["usd"]) == amounts
    assert frame["counts"].any()


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"item": "H10"}, "Unknown item of prices 'H10'. Did you mean 'H100'"),
        ({"provider": "Fa Cloud"}, "Did you mean 'Far Cloud'"),
        ({"region": "mars"}, "Unknown region of prices 'mars'"),
        ({"as_of": date(2020, 1, 1)}, "No price is left on or before 2020-01-01"),
    ],
)
def test_unknown_filters_are_refused(books: dict[str, PriceBook], wanted: dict[str, Any], message: str) -> None:
    """An empty table would look as if there were no price."""
    with pytest.raises(FactError, match=message.replace("'", ".")):
        price_table(books, **wanted)


@given(days=st.lists(st.dates(date(2020, 1, 1), date(2030, 1, 1)), min_size=1), day=st.dates(date(2020, 1, 1)))
def test_no_price_is_newer_than_the_day(days: list[date], day: date) -> None:
    """And no other price is left out."""
    prices = tuple(Price("CPU", Decimal(1), "hour", "p", f"o{n}", "r", each, "", "s") for n, each in enumerate(days))
    if day < min(days):
        return

    shown = price_table({"book": PriceBook("book", "", prices)}, as_of=day)

    assert sorted(shown["as_of"]) == sorted(each.isoformat() for each in days if each <= day)
    assert shown["counts"].sum() == 1


def test_the_command_reads_plugins_and_a_file(run: Callable[..., str], tmp_path: Path) -> None:
    """All price books of plugins; with --price-book only the named ones and files."""
    file = tmp_path / "ours.yaml"
    file.write_text(BOOK, encoding="utf-8")

    every = json.loads(run("--format", "json"))
    both = json.loads(run("--format", "json", "--price-book", str(file), "--price-book", "cloud"))
    ours = json.loads(run("--format", "json", "--price-book", str(file), "--as-of", "2026-01-01"))

    assert {row["book"] for row in every} == {"cloud", "spot", "commitment-1y", "commitment-3y", "owned"}
    assert {row["book"] for row in both} == {"cloud", str(file)}
    assert [row["usd"] for row in ours] == [0.03]


def test_the_command_writes_text_and_files(run: Callable[..., str], tmp_path: Path) -> None:
    """Cells that are the same in every row are in one line; a file has the format of --format."""
    printed = run("--item", "CPU", "--provider", "AWS", "--price-book", "cloud")
    assert "book cloud" in printed
    assert "m7i.large" in printed

    assert run("--item", "CPU", "--format", "csv", "-o", str(tmp_path / "cpu.csv")) == ""
    assert (tmp_path / "cpu.csv").read_text(encoding="utf-8").startswith("book,item,usd")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--as-of", "2026-02-30"], "--as-of is '2026-02-30'. Give a day"),
        (["--price-book", "clod"], "Did you mean 'cloud'"),
        (["--item", "cpu"], "Unknown item of prices 'cpu'"),
    ],
)
def test_bad_arguments_are_refused(run: Callable[..., str], tmp_path: Path, arguments: list[str], message: str) -> None:
    """With exit code 2, and nothing is written."""
    output = tmp_path / "prices.txt"

    with pytest.raises(HarnessError, match=message.replace("'", ".")) as caught:
        run(*arguments, "-o", str(output))

    assert caught.value.exit_code == 2
    assert not output.exists()
