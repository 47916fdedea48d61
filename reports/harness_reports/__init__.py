"""Tables, cost, frontier, viability, charts and the report: pure functions of records, prices and use cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.hookspecs import hookimpl

if TYPE_CHECKING:
    import typer


@hookimpl
def harness_commands(app: typer.Typer) -> None:
    """Add `harness table` and `harness report`."""
    from harness_reports.commands import report, table

    app.command("table")(table)
    app.command("report")(report)
