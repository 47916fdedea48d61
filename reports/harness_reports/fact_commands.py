"""`harness prices`: what is known of prices. What it needs is imported inside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from harness_reports.options import FormatName, OutputOption, PluginOption, write

if TYPE_CHECKING:
    from datetime import date

    from harness.facts import PriceBook


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
