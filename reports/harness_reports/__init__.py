"""Tables, charts, verdicts and the report: pure functions of records, prices and use cases.

`docs/reports.md` has an example for a notebook.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import Template, hookimpl

if TYPE_CHECKING:
    import typer

    from harness import PriceBook, UseCase


_API: Mapping[str, str] = {
    "Assumed": "explain.tables.Assumed",
    "Run": "planning.scale.Run",
    "accuracy_table": "measured.tables.accuracy",
    "alternatives_table": "business.alternatives.alternatives",
    "answers_table": "measured.answers.answers",
    "break_even_volume": "economics.appraisal.break_even_volume",
    "build_or_buy": "economics.build_or_buy.build_or_buy",
    "comparison_table": "prices.compared.compared",
    "cascade_table": "prices.cascade_table.cascade",
    "cost_table": "prices.cost.cost",
    "discounted_payback": "economics.appraisal.discounted_payback",
    "explain_rows": "explain.tables.rows",
    "facts_table": "planning.fact_table.fact_table",
    "find_accelerator": "prices.chips.find_accelerator",
    "frontier_table": "prices.frontier.frontier",
    "irr": "economics.cashflow.irr",
    "judges_table": "prices.judges.judges",
    "laws_table": "planning.scale.laws",
    "load_prices": "notebook",
    "load_records": "notebook",
    "load_table": "measured.load_table.load",
    "load_use_cases": "notebook",
    "mirr": "economics.cashflow.mirr",
    "npv": "economics.cashflow.npv",
    "payback": "economics.appraisal.payback",
    "plan_table": "planning.scale.scenarios",
    "portfolio_table": "business.portfolio.portfolio",
    "pretraining_table": "business.pretraining.pretraining",
    "predictions_table": "measured.predictions.predictions",
    "prices_table": "prices.price_table.price_table",
    "published_table": "planning.published.published",
    "sensitivity_table": "business.sensitivity.sensitivity",
    "serving_table": "business.serving.serving",
    "throughput_table": "measured.tables.throughput",
    "viability_table": "business.viability.viability",
    "xirr": "economics.cashflow.xirr",
    "xnpv": "economics.cashflow.xnpv",
}
"""Public name → its module and attribute, imported on first use: every `harness` command imports this module. Names of
tables end in `_table`, as modules have the names without."""
_HOOKS = ("harness_check_use_case", "harness_commands", "harness_price_books", "harness_templates")
__all__ = sorted([*_API, *_HOOKS])  # noqa: PLE0605 - a list of strings, but computed


def __dir__() -> list[str]:
    """Return all names, with those not imported yet, so that notebooks complete them."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562)."""
    path = _API.get(name)
    if path is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = path.rpartition(".")
    return getattr(import_module(f"{__name__}.{module or attribute}"), attribute if module else name)


@hookimpl
def harness_templates() -> Iterable[Template]:
    """Return the template of a use case."""
    file = Path(__file__).parent / "templates" / "usecase.yaml"
    return [Template("usecase", "Needs and market", file, "table viability --plugin my_name.yaml")]


@hookimpl
def harness_check_use_case(use_case: UseCase) -> None:
    """Check a use case's figures by the rules of `business.figure_rules`."""
    from harness_reports.business.figure_rules import check_use_case

    check_use_case(use_case)


@hookimpl
def harness_price_books() -> Iterable[PriceBook]:
    """Return the price book of owned machines."""
    from harness_reports.prices.owned import owned_book

    return [owned_book()]


@hookimpl
def harness_commands(app: typer.Typer) -> None:
    """Add the commands for tables, the report, prices, explanations, plans, exports, comparisons and judges."""
    from harness_reports.cli.commands import plan, published, report, table
    from harness_reports.cli.compare import compare
    from harness_reports.cli.export import export
    from harness_reports.cli.fact_commands import explain, prices
    from harness_reports.cli.grades import grades
    from harness_reports.cli.judge import judge

    app.command("table")(table)
    app.command("report")(report)
    app.command("prices")(prices)
    app.command("explain")(explain)
    app.command("plan")(plan)
    app.command("published")(published)
    app.command("export")(export)
    app.command("compare")(compare)
    app.command("judge")(judge)
    app.command("grades")(grades)
