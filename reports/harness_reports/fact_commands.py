"""`harness prices` and `harness explain`: where figures come from. What they need is imported inside them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from harness_reports.options import (
    DEFAULT_BOOK,
    BookOption,
    FormatName,
    OutputOption,
    PluginOption,
    StoreOption,
    read_pricing,
    read_records,
    write,
)

if TYPE_CHECKING:
    from datetime import date

    from harness.facts import PriceBook


class Explainable(StrEnum):
    """The tables whose figures open."""

    ACCURACY = "accuracy"
    THROUGHPUT = "throughput"
    COST = "cost"


class TreeFormat(StrEnum):
    """How a tree is written."""

    TEXT = "text"
    JSON = "json"


def prices(
    *,
    item: Annotated[str | None, typer.Option(help="Only of this item: CPU, H100-80GB, …")] = None,
    provider: Annotated[str | None, typer.Option(help="Only of this provider.")] = None,
    region: Annotated[str | None, typer.Option(help="Only in this region.")] = None,
    as_of: Annotated[str | None, typer.Option(help="As they were known on this day: 2025-12-31.")] = None,
    price_book: Annotated[
        list[str] | None,
        typer.Option("--price-book", help="Only this price book, or this YAML file; repeatable. Else all of plugins."),
    ] = None,
    form: Annotated[FormatName, typer.Option("--format", help="How it is written.")] = FormatName.TEXT,
    output: OutputOption = None,
    plugin: PluginOption = None,
) -> None:
    """Print the prices that are known, with their dates and sources, and which of them count in tables."""
    from harness_reports.formats import WRITERS
    from harness_reports.price_table import price_table

    frame = price_table(_books(price_book, plugin), item, provider, region, _day(as_of))
    write(WRITERS[form]("prices", frame), output)


def _books(names: list[str] | None, plugin: list[str] | None) -> dict[str, PriceBook]:
    from harness.plugins import load_plugins
    from harness_reports.price_book_file import find_price_book

    known = load_plugins(plugin or ()).price_books()
    return {name: find_price_book(name, known) for name in names} if names else known


def _day(text: str | None) -> date | None:
    """Return a day.

    Raises:
        FactError: it is none.
    """
    from datetime import date

    from harness.errors import FactError

    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise FactError(f"--as-of is {text!r}. Give a day such as 2025-12-31.") from None


def explain(
    name: Annotated[Explainable, typer.Argument(help="The table that the figure stands in.")],
    *,
    column: Annotated[
        str | None, typer.Option(help="The figure's column, such as train_usd; else every figure.")
    ] = None,
    task: Annotated[str | None, typer.Option(help="The row's task.")] = None,
    model: Annotated[str | None, typer.Option(help="The row's model.")] = None,
    where: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE of the row, such as runtime=eager; repeatable.")
    ] = None,
    form: Annotated[TreeFormat, typer.Option("--format", help="How it is written.")] = TreeFormat.TEXT,
    output: OutputOption = None,
    store: StoreOption = None,
    price_book: BookOption = DEFAULT_BOOK,
    plugin: PluginOption = None,
) -> None:
    """Open a figure of a table: its formula, what was put in, and the records and prices it comes from."""
    import json

    from harness.plugins import load_plugins
    from harness_reports.explain import find, rows
    from harness_reports.explained import as_data, text

    priced = name == Explainable.COST
    pricing = read_pricing(price_book, load_plugins(plugin or ())) if priced else None
    named = {key: value for key, value in (("task", task), ("model", model)) if value is not None}
    row = find(rows(name, read_records(store), pricing), named | dict(map(_pair, where or ())))
    figures = [row.explain(column)] if column else list(row.figures().values())
    if form == TreeFormat.JSON:
        body = {"table": name.value, "row": row.title, "figures": [as_data(figure) for figure in figures]}
        write(json.dumps(body, indent=2, ensure_ascii=False) + "\n", output)
    else:
        write("\n".join([f"{name.value}: {row.title}\n", *map(text, figures)]), output)


def _pair(given: str) -> tuple[str, str]:
    """Return the name and the value of NAME=VALUE.

    Raises:
        FactError: it is written otherwise.
    """
    from harness.errors import FactError

    name, equals, value = given.partition("=")
    if not equals:
        raise FactError(f"--where {given!r}: write NAME=VALUE, such as runtime=eager.")
    return name, value
