"""Options of the commands, reading of records and prices, writing of output. Functions import heavy modules."""

from __future__ import annotations

import math
import os
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
    from harness_reports.prices.pricing import Pricing

DEFAULT_BOOK = "cloud"
CHOICES = ("provider", "region", "as_of")
ASSUMED = ("utilisation", "multiplier", "pue", "grid", "buying")
WORDS = ("grid", "buying")
"""Of these the ones that are no numbers."""


class FormatName(StrEnum):
    """How a table is written."""

    TEXT = "text"
    CSV = "csv"
    JSON = "json"
    MARKDOWN = "markdown"
    PARQUET = "parquet"


class LanguageName(StrEnum):
    """A language of the output."""

    ENGLISH = "en"
    CHINESE = "zh"


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
        help="NAME=VALUE, repeatable: provider, region, as_of (a day), utilisation (share of paid time that is used, "
        "else 0.5), multiplier (on every price), pue, grid (a country: USA), buying (machines: whole, paid every hour; "
        "shared: the part that is needed; elastic: per second of use).",
    ),
]
MachineOption = Annotated[
    list[str] | None,
    typer.Option(
        "--machine",
        help="MODEL=ITEM or MODEL=ITEMxN, repeatable: price a served model (openai:NAME) by the hour of N machines of "
        "the price book in place of its calls, at the rate that was measured. An assumption of yours.",
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
BudgetOption = Annotated[float | None, typer.Option("--budget-usd", help="For `portfolio`: the amount to spend.")]
FormatOption = Annotated[
    FormatName | None,
    typer.Option("--format", help="Output format; else by the suffix of -o, else text.", show_default=False),
]
LanguageOption = Annotated[
    LanguageName,
    typer.Option("--lang", help="Language of text, Markdown and reports, and of reasons everywhere: en, zh (中文)."),
]
OutputOption = Annotated[Path | None, typer.Option("--output", "-o", help="A file instead of the terminal.")]


def check_budget(table: str, budget_usd: float | None) -> None:
    """Check that `portfolio` has a budget, and no other table has one.

    Raises:
        FactError: it is otherwise.
    """
    from harness.errors import FactError

    if (budget_usd is None) == (table == "portfolio"):
        raise FactError("The table `portfolio` needs --budget-usd, the amount to spend; no other table takes it.")


def read_pricing(names: list[str] | None, plugins: Plugins, wishes: list[str] | None = None) -> Pricing:
    """Return the prices of plugins' books or of files; of several books the newest price counts.

    Args:
        names: of books or YAML files, by default `DEFAULT_BOOK`.
        plugins: with their price books.
        wishes: NAME=VALUE of `CHOICES` and `ASSUMED`.

    Raises:
        FactError: a book is unknown, a price is not valid, or a wish is.
    """
    from harness_reports.prices.price_book_file import find_price_book
    from harness_reports.prices.pricing import choose

    books, settings = plugins.price_books(), pairs("--pricing", wishes)
    choices, assumed = _choices(settings), _assumed(settings)
    return replace(choose([find_price_book(name, books) for name in names or [DEFAULT_BOOK]], **choices), **assumed)


def owned_pricing(names: list[str] | None, plugins: Plugins, wishes: list[str] | None = None) -> Pricing:
    """Return prices of owned machines, out of the same books and of all books of plugins.

    Raises:
        FactError: as `read_pricing`.
    """
    from harness.facts import PriceBook
    from harness_reports.prices.price_book_file import find_price_book
    from harness_reports.prices.pricing import OWN, choose

    installed = plugins.price_books()
    books = [*(find_price_book(name, installed) for name in names or []), *installed.values()]
    prices = {price: None for book in books for price in book.prices if price.provider == OWN}
    settings = pairs("--pricing", wishes)
    as_of = day(settings.get("as_of"), "--pricing as_of")
    return replace(choose(PriceBook(OWN, "", tuple(prices)), as_of=as_of), **_assumed(settings))


def by_machines(
    priced: Sequence[Pricing | None], texts: list[str] | None, records: Sequence[Record]
) -> list[Pricing | None]:
    """Return prices by which served models are paid by the hour of the machines that `--machine` names.

    Args:
        priced: the prices that tables use first, then others: of these an item that has no price gives no row.
        texts: MODEL=ITEM or MODEL=ITEMxN.
        records: with the served models.

    Raises:
        FactError: a text is not of this form, no record is of such a model, the first prices have no such item, or the
            table has no prices.
    """
    from harness.errors import FactError
    from harness_reports.prices.named_machines import with_machines

    machines = pairs("--machine", texts)
    first, *others = priced
    if not machines:
        return [*priced]
    if first is None:
        raise FactError("--machine belongs to tables with prices: this one has none.")
    first = with_machines(first, machines, records)
    return [first, *(other and replace(other, machines=first.machines) for other in others)]


def _choices(settings: Mapping[str, str]) -> dict[str, Any]:
    from harness.errors import FactError, unknown

    for name in settings:
        if name not in (*CHOICES, *ASSUMED):
            raise FactError(unknown("name in --pricing", name, (*CHOICES, *ASSUMED)))
    chosen = {name: value for name, value in settings.items() if name in CHOICES}
    return {**chosen, "as_of": day(chosen["as_of"], "--pricing as_of")} if "as_of" in chosen else chosen


def _assumed(settings: Mapping[str, str]) -> dict[str, Any]:
    assumed: dict[str, Any] = {name: value for name, value in settings.items() if name in ASSUMED}
    numbers = {name: number(f"--pricing {name}", value) for name, value in assumed.items() if name not in WORDS}
    if "multiplier" in numbers:
        numbers["multiplier"] = Decimal(assumed["multiplier"])
    return assumed | numbers


def check_measured(files: list[str] | None, records: Sequence[Record], plugins: Plugins) -> None:
    """Check that the store has records for each use case given as a file; those of plugins may have none.

    Raises:
        StoreError: one has none; the message names its tasks and data, and the measured ones.
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
            choices = ", ".join(f"{task} on {data}" for task, data in sorted(measured))
            raise StoreError(
                f"{file}: the store has no records of its {tasks}. Run a suite with one (`--data-name` says what data "
                f"are called), or name one that was measured: {choices or 'none yet'}."
            )


def read_figures(texts: list[str] | None) -> dict[str, float]:
    """Return the figures that replace those of use cases.

    Raises:
        FactError: a text is not NAME=NUMBER.
    """
    return {name: number(f"--figure {name}", value) for name, value in pairs("--figure", texts).items()}


def pairs(option: str, texts: list[str] | None) -> dict[str, str]:
    """Return name → value of texts such as NAME=VALUE.

    Raises:
        FactError: a text has no `=`.
    """
    from harness.errors import FactError

    values = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals:
            raise FactError(f"{option} {text!r}: write NAME=VALUE.")
        values[name] = value
    return values


def number(what: str, text: str) -> Any:
    """Return a text as a finite number.

    Raises:
        FactError: it is not one.
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
    """Return a text as a day.

    Raises:
        FactError: it is not one.
    """
    from harness.errors import FactError

    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise FactError(f"{option} is {text!r}. Give a day such as 2025-12-31.") from None


def form_of(form: str | None, output: Path | None, suffixes: Mapping[str, str]) -> str:
    """Return the format of an output: the given one, else that of the file's suffix, else text.

    Args:
        form: as given.
        output: the file.
        suffixes: suffix → format.

    Raises:
        FactError: no format has the suffix.
    """
    from harness.errors import FactError

    if form is not None:
        return form
    suffix = output.suffix.lower() if output else ""
    if suffix and suffix not in suffixes:
        raise FactError(f"{str(output)!r} cannot be written: name a file that ends in {', '.join(suffixes)}.")
    return suffixes.get(suffix, "text")


def write(content: str | bytes, output: Path | None) -> None:
    """Write to a file, atomically, or to standard output.

    Raises:
        StoreError: the file cannot be written.
    """
    from harness.errors import StoreError

    raw = content.encode() if isinstance(content, str) else content
    if output is None:
        sys.stdout.buffer.write(raw)
        sys.stdout.buffer.flush()
        return
    part = output.with_name(f".{os.getpid()}.part")  # no longer than the file's own name, which may be the longest
    try:
        part.write_bytes(raw)
        part.replace(output)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StoreError(f"{str(output)!r} cannot be written: {error.strerror}. Name another file with -o.") from error
