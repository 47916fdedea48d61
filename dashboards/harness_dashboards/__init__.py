"""The dashboard: thin Streamlit pages over `harness_reports`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.hookspecs import hookimpl

if TYPE_CHECKING:
    import typer

__all__ = ["harness_commands"]


@hookimpl
def harness_commands(app: typer.Typer) -> None:
    """Add `harness dashboard`."""
    from harness_dashboards.command import dashboard

    app.command("dashboard")(dashboard)
