"""What the commands share: options, reading the store and the prices, writing. Heavy imports happen inside."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from harness.plugins import Plugins
    from harness.records import Record
    from harness_reports.measured.results import Results
    from harness_reports.prices.pricing import Pricing

DEFAULT_BOOK = "cloud"
CHOICES = ("provider", "region", "as_of")
ASSUMED = ("utilisation", "multiplier", "pue", "grid")


class FormatName(StrEnum):
    """How a table is written."""

    TEXT = "text"
    CSV = "csv"
    JSON = "json"
    MARKDOWN = "markdown"
    PARQUET = "parquet"


StoreOption = Annotated[
    str | None, typer.Option("--store", help="Folder or database URL; else HARNESS_STORE or harness-results.")
]
BookOption = Annotated[
    list[str] | None,
    typer.Option(
        "--price-book",
        help="A price book (`cloud`, `spot`, `owned`, …), or a YAML file with prices; repeatable. Else `cloud`.",
    ),
]
PricingOption = Annotated[
    list[str] | None,
    typer.Option(
        "--pricing",
        help="NAME=VALUE, repeatable: provider, region, as_of (a day), utilisation (share of paid time that is used), "
        "multiplier (on every price), pue, grid (a country: USA).",
    ),
]
FigureOption = Annotated[
    list[str] | None,
    typer.Option("--figure", help="NAME=NUMBER in place of a use case's figure, such as years=3; repeatable."),
]
PluginOption = Annotated[
    list[str] | None,
    typer.Option("--plugin", help="A Python file with a plugin, or a use case in YAML; repeatable."),
]
BudgetOption = Annotated[float | None, typer.Option("--budget-usd", help="Of `portfolio`: what there is to spend.")]
OutputOption = Annotated[Path | None, typer.Option("--output", "-o", help="A file instead of the terminal.")]


def check_budget(table: str, budget_usd: float | None) -> None:
    """Refuse a budget where there is none to spend, and a portfolio without one.

    Raises:
        FactError: says so.
    """
    from harness.errors import FactError

    if (budget_usd is None) == (table == "portfolio"):
        raise FactError("A portfolio needs --budget-usd, what there is to spend; no other table has a budget.")


def read_records(location: str | None, plugins: Plugins) -> Results:
    """Return the records of a store, those marked whose definition differs from what the plugins bring.

    Raises:
        StoreError: there is none.
    """
    from harness_reports.measured.reading import read

    return read(location, plugins)


def read_pricing(names: list[str] | None, plugins: Plugins, wishes: list[str] | None = None) -> Pricing:
    """Return the prices of plugins' books or of files, chosen as wished; of several books the newest price counts.

    Raises:
        FactError: there is none, a price is not fit for use, or a wish makes no sense.
    """
    from harness_reports.prices.price_book_file import find_price_book
    from harness_reports.prices.pricing import choose

    known, wanted = plugins.price_books(), pairs("--pricing", wishes)
    choices, assumed = _choices(wanted), _assumed(wanted)
    return replace(choose([find_price_book(name, known) for name in names or [DEFAULT_BOOK]], **choices), **assumed)


def owned_pricing(names: list[str] | None, plugins: Plugins, wishes: list[str] | None = None) -> Pricing:
    """Return what an hour costs those who own the machine, out of the same books and what plugins know of owning.

    Raises:
        FactError: as `read_pricing`.
    """
    from harness.facts import PriceBook
    from harness_reports.prices.price_book_file import find_price_book
    from harness_reports.prices.pricing import OWN, choose

    known = plugins.price_books()
    books = [*(find_price_book(name, known) for name in names or []), *known.values()]
    prices = {price: None for book in books for price in book.prices if price.provider == OWN}
    wanted = pairs("--pricing", wishes)
    known_on = day(wanted.get("as_of"), "--pricing as_of")
    return replace(choose(PriceBook(OWN, "", tuple(prices)), as_of=known_on), **_assumed(wanted))


def _choices(wanted: Mapping[str, str]) -> dict[str, Any]:
    from harness.errors import FactError, unknown

    for name in wanted:
        if name not in (*CHOICES, *ASSUMED):
            raise FactError(unknown("name in --pricing", name, (*CHOICES, *ASSUMED)))
    chosen = {name: value for name, value in wanted.items() if name in CHOICES}
    return {**chosen, "as_of": day(chosen["as_of"], "--pricing as_of")} if "as_of" in chosen else chosen


def _assumed(wanted: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {name: value for name, value in wanted.items() if name in ASSUMED}
    numbers = {name: number(f"--pricing {name}", value) for name, value in found.items() if name != "grid"}
    if "multiplier" in numbers:
        numbers["multiplier"] = Decimal(found["multiplier"])
    return found | numbers


def check_measured(files: list[str] | None, records: Sequence[Record], plugins: Plugins) -> None:
    """Refuse a use case of the reader's that nothing in the store speaks of; those of plugins just have no row.

    Raises:
        StoreError: names the file, its tasks and data, and those that were measured.
    """
    from harness.errors import StoreError
    from harness.facts import DATA_FILES
    from harness.names import data_name
    from harness.use_case_file import read_use_case

    measured = {(record.spec["task"], data_name(record.spec)) for record in records}
    for file in (file for file in files or () if Path(file).suffix in DATA_FILES):
        case = plugins.use_cases()[read_use_case(Path(file)).name]
        if not any(case.covers(*one) for one in measured):
            tasks = f"`tasks`, {', '.join(case.tasks)}" + (f" on {', '.join(case.data)}" if case.data else "")
            known = ", ".join(f"{task} on {data}" for task, data in sorted(measured))
            raise StoreError(
                f"{file}: the store has no records of its {tasks}. Run a suite with one (`--data-name` says what data "
                f"are called), or name one that was measured: {known or 'none yet'}."
            )


def read_figures(given: list[str] | None) -> dict[str, float]:
    """Return the figures that a reader puts in place of a use case's.

    Raises:
        FactError: one is no NAME=NUMBER.
    """
    return {name: number(f"--figure {name}", value) for name, value in pairs("--figure", given).items()}


def pairs(option: str, given: list[str] | None) -> dict[str, str]:
    """Return the names and values of NAME=VALUE.

    Raises:
        FactError: one is written otherwise.
    """
    from harness.errors import FactError

    found = {}
    for each in given or ():
        name, equals, value = each.partition("=")
        if not equals:
            raise FactError(f"{option} {each!r}: write NAME=VALUE.")
        found[name] = value
    return found


def number(what: str, text: str) -> Any:
    """Return a finite number.

    Raises:
        FactError: it is none.
    """
    from harness.errors import FactError

    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise FactError(f"{what} is {text!r}. Give a finite number.")
    return value


def day(text: str | None, option: str = "--as-of") -> date | None:
    """Return a day.

    Raises:
        FactError: it is none.
    """
    from harness.errors import FactError

    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise FactError(f"{option} is {text!r}. Give a day such as 2025-12-31.") from None


def write(content: str | bytes, output: Path | None) -> None:
    """Write to a file, whole or not at all, or to standard output.

    Raises:
        StoreError: the file cannot be written.
    """
    from harness.errors import StoreError

    raw = content.encode() if isinstance(content, str) else content
    if output is None:
        sys.stdout.buffer.write(raw)
        sys.stdout.buffer.flush()
        return
    part = output.with_name(f".{output.name}.part")
    try:
        part.write_bytes(raw)
        part.replace(output)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StoreError(f"{str(output)!r} cannot be written: {error.strerror}. Name another file with -o.") from error
