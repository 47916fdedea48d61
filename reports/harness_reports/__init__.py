"""Tables, cost, frontier, viability, charts and the report: pure functions of records, prices and use cases.

In a notebook:

```python
from harness_reports import load_records, load_prices, load_use_cases, viability_table, portfolio_table

records, pricing, cases = load_records("harness-results"), load_prices(as_of="2026-11-01"), load_use_cases()
verdicts = viability_table(records, pricing, cases, {"years": 3})      # a pandas DataFrame, units in its names
funded = portfolio_table(verdicts, budget_usd=500_000)                 # takes one, gives one
```
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import Template, hookimpl

if TYPE_CHECKING:
    import typer

    from harness import PriceBook


_API: Mapping[str, str] = {
    "load_prices": "notebook",
    "load_records": "notebook",
    "load_use_cases": "notebook",
    "accuracy_table": "measured.tables.accuracy",
    "throughput_table": "measured.tables.throughput",
    "cost_table": "prices.cost.cost",
    "frontier_table": "prices.frontier.frontier",
    "serving_table": "business.serving.serving",
    "viability_table": "business.viability.viability",
    "sensitivity_table": "business.sensitivity.sensitivity",
    "alternatives_table": "business.alternatives.alternatives",
    "pretraining_table": "business.pretraining.pretraining",
    "portfolio_table": "business.portfolio.portfolio",
    "prices_table": "prices.price_table.price_table",
    "facts_table": "planning.fact_table.fact_table",
    "plan_table": "planning.scale.scenarios",
    "laws_table": "planning.scale.laws",
    "published_table": "planning.published.published",
    "explain_rows": "explain.tables.rows",
    "Assumed": "explain.tables.Assumed",
    "Run": "planning.scale.Run",
    "find_accelerator": "planning.scale.find_accelerator",
    "npv": "economics.cashflow.npv",
    "irr": "economics.cashflow.irr",
    "mirr": "economics.cashflow.mirr",
    "xnpv": "economics.cashflow.xnpv",
    "xirr": "economics.cashflow.xirr",
    "payback": "economics.appraisal.payback",
    "discounted_payback": "economics.appraisal.discounted_payback",
    "break_even_volume": "economics.appraisal.break_even_volume",
    "build_or_buy": "economics.build_or_buy.build_or_buy",
}
"""Name → where it is. Imported when it is asked for: this module stands at the door and is light. Names of tables end
in `_table`, as modules have the names without."""
__all__ = [  # noqa: PLE0604 - a list of texts, made out of the names above
    "harness_commands", "harness_price_books", "harness_templates", *_API,
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Return a function of the library (PEP 562)."""
    place = _API.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = place.rpartition(".")
    return getattr(import_module(f"{__name__}.{module or attribute}"), attribute if module else name)


@hookimpl
def harness_templates() -> Iterable[Template]:
    """Bring a use case to start from."""
    file = Path(__file__).parent / "templates" / "usecase.yaml"
    return [Template("usecase", "Needs and market", file, "table viability --plugin my_name.yaml")]


@hookimpl
def harness_price_books() -> Iterable[PriceBook]:
    """Return what an hour of a machine costs its owner; the facts are read here, when something is priced."""
    from harness_reports.prices.owned import owned_book

    return [owned_book()]


@hookimpl
def harness_commands(app: typer.Typer) -> None:
    """Add the commands that read: tables, the report, prices, and plans for runs at scale."""
    from harness_reports.cli.commands import plan, published, report, table
    from harness_reports.cli.fact_commands import explain, prices

    app.command("table")(table)
    app.command("report")(report)
    app.command("prices")(prices)
    app.command("explain")(explain)
    app.command("plan")(plan)
    app.command("published")(published)
