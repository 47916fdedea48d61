"""Tables, cost, frontier, viability, charts and the report: pure functions of records, prices and use cases."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from harness import Template, hookimpl

if TYPE_CHECKING:
    import typer

    from harness import PriceBook


@hookimpl
def harness_templates() -> Iterable[Template]:
    """Bring a use case to start from."""
    file = Path(__file__).parent / "templates" / "usecase.yaml"
    return [Template("usecase", "Needs and market", file, "table viability --plugin my_name.yaml")]


@hookimpl
def harness_price_books() -> Iterable[PriceBook]:
    """Return what an hour of a machine costs its owner; the facts are read here, when something is priced."""
    from harness_reports.owned import owned_book

    return [owned_book()]


@hookimpl
def harness_commands(app: typer.Typer) -> None:
    """Add the commands that read: tables, the report, prices, and plans for runs at scale."""
    from harness_reports.commands import plan, published, report, table
    from harness_reports.fact_commands import explain, prices

    app.command("table")(table)
    app.command("report")(report)
    app.command("prices")(prices)
    app.command("explain")(explain)
    app.command("plan")(plan)
    app.command("published")(published)
