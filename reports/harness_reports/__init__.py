"""Tables, cost, frontier, viability, charts and the report: pure functions of records, prices and use cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.hookspecs import hookimpl

if TYPE_CHECKING:
    import typer


@hookimpl
def harness_commands(app: typer.Typer) -> None:
    """Add `harness table`, `harness report`, `harness plan` and `harness published`."""
    from harness_reports.commands import plan, published, report, table

    app.command("table")(table)
    app.command("report")(report)
    app.command("plan")(plan)
    app.command("published")(published)
