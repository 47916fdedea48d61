"""Explaining figures of all tables but `frontier` and `judges`, by the functions that make the tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from harness.errors import FactError, unknown
from harness.facts import UseCase
from harness.records import Record
from harness_reports.business.alternatives import ALTERNATIVES, alternatives_of
from harness_reports.business.portfolio import PORTFOLIO, portfolio_rows
from harness_reports.business.portfolio_figures import portfolio_figures
from harness_reports.business.pretraining import PRETRAINING, pairs
from harness_reports.business.sensitivity import SENSITIVITY, sensitivity_rows
from harness_reports.business.sensitivity_figures import sensitivity_figures
from harness_reports.business.serving import SERVING, PriceView, plans, views_of
from harness_reports.business.viability import VIABILITY, Candidates, judge_all
from harness_reports.business.viability_figures import viability_figures
from harness_reports.cells import cell, missing
from harness_reports.figures.explained import Explained
from harness_reports.measured.lineage import KEYS
from harness_reports.measured.load_figures import load_figures
from harness_reports.measured.load_table import LOAD, load_rows
from harness_reports.measured.quality_figures import quality_figures
from harness_reports.measured.results import Results
from harness_reports.measured.serving_figures import served_figures
from harness_reports.measured.tables import ACCURACY, THROUGHPUT, accuracy_rows, beside_baselines, throughput_rows
from harness_reports.prices.cascade_table import CASCADE, cascade_rows
from harness_reports.prices.cost import COST, cost_row
from harness_reports.prices.cost_figures import cost_figures
from harness_reports.prices.pricing import Pricing

NAMES: Mapping[str, tuple[str, ...]] = {
    "accuracy": (*KEYS, "metric"),
    "throughput": (*KEYS, "scenario", "batch_size"),
    "load": (*KEYS, "scenario", "batch_size", "run"),
    "cost": KEYS,
    "cascade": ("task", "data", "cheap", "expensive", "stale"),
    "serving": ("use_case", *KEYS, "view"),
    "viability": ("use_case", *KEYS),
    "alternatives": ("use_case", "alternative", *KEYS, "hosted_model"),
    "pretraining": (*(name for name in KEYS if name != "start"), "labels", "use_case"),
    "portfolio": ("use_case", *KEYS),
    "sensitivity": ("use_case", *KEYS, "input"),
}
"""Table → the columns that identify a row."""
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "accuracy": ACCURACY, "throughput": THROUGHPUT, "load": LOAD, "cost": COST, "cascade": CASCADE, "serving": SERVING,
    "viability": VIABILITY, "alternatives": ALTERNATIVES, "pretraining": PRETRAINING, "portfolio": PORTFOLIO,
    "sensitivity": SENSITIVITY,
}  # fmt: skip


class Row(NamedTuple):
    """A row of a table and its figures."""

    table: str
    cells: Mapping[str, Any]
    figures: Callable[[], dict[str, Explained]]
    """By column."""

    @property
    def title(self) -> str:
        """The cells that identify the row."""
        names = [name for name in NAMES[self.table] if name != "stale" and not missing(self.cells[name])]
        words = " ".join(cell(self.cells[name]) for name in names)
        return words if missing(self.cells["stale"]) else f"{words} (stale: {self.cells['stale']})"

    def explain(self, column: str) -> Explained:
        """Return the figure in a column.

        Raises:
            FactError: the column holds none.
        """
        figures = self.figures()
        if column not in figures:
            raise FactError(unknown(f"figure of the table {self.table!r}", column, figures))
        return figures[column]


class Assumed(NamedTuple):
    """Inputs of the tables of use cases, beside records and prices."""

    use_cases: Mapping[str, UseCase]
    figures: Mapping[str, float] = {}
    """Values that replace those of use cases, by name."""
    owned: Pricing | None = None
    """Prices of owned machines, for `serving`."""
    budget_usd: float | None = None
    """The amount to spend, for `portfolio`."""


def rows(
    table: str, records: Sequence[Record], pricing: Pricing | None = None, assumed: Assumed | None = None
) -> list[Row]:
    """Return the rows of a table; those of the accuracy table in every metric.

    Raises:
        FactError: no such table, or one that needs prices, use cases or a budget has none.
    """
    results = Results.of(records)
    if table not in NAMES:
        raise FactError(unknown("table that can be explained", table, NAMES))
    if table in _UNPRICED:
        return _UNPRICED[table](results)
    if pricing is None:
        raise FactError(f"The table {table!r} needs prices.")
    if table == "cost":
        priced = [(candidate, cost_figures(candidate, pricing)) for candidate in results.candidates.values()]
        return [
            Row(table, cost_row(candidate, figures, pricing), partial(dict, figures)) for candidate, figures in priced
        ]
    if table == "cascade":
        return [Row(table, row.cells, partial(dict, row.figures)) for row in cascade_rows(results, pricing)]
    if assumed is None:
        raise FactError(f"The table {table!r} needs use cases.")
    if table == "pretraining":
        compared = pairs(results, pricing, assumed.use_cases, assumed.figures)
        return [Row(table, pair.row, partial(dict, pair.figures)) for pair in compared]
    cases = list(judge_all(results, pricing, assumed.use_cases, assumed.figures))
    if table == "portfolio":
        return _portfolio(cases, assumed.budget_usd)
    views = views_of(pricing, assumed.owned)
    return [row for case in cases for row in _of_case(table, case, views)]


def _portfolio(cases: Sequence[Candidates], budget_usd: float | None) -> list[Row]:
    if budget_usd is None:
        raise FactError("The table 'portfolio' needs a budget.")
    judged = [(case.market, verdict) for case in cases for verdict in case.judged]
    funded = portfolio_rows(cases, budget_usd)
    return [Row("portfolio", one.row, partial(portfolio_figures, one, funded, judged)) for one in funded]


def _of_case(table: str, case: Candidates, views: Sequence[PriceView]) -> list[Row]:
    if table == "viability":
        return [Row(table, verdict.row, partial(viability_figures, case.market, verdict)) for verdict in case.judged]
    if table == "alternatives":
        return [Row(table, other.row, partial(dict, other.figures)) for other in alternatives_of(case)]
    if table == "sensitivity":
        inputs = sensitivity_rows(case.best)
        figures = partial(sensitivity_figures, case.market, case.best, inputs)
        return [Row(table, row, partial(figures, row)) for row in inputs]
    served = [plan for verdict in case.judged for plan in plans(case.market, verdict.evidence, views)]
    return [Row(table, plan.row, partial(dict, plan.figures)) for plan in served]


def _accuracy(results: Results) -> list[Row]:
    by_metric = [(accuracy_rows(results, name), beside_baselines(results, name)) for name in results.metric_names]
    return [
        Row("accuracy", cells[key], partial(quality_figures, *qualities[key]))
        for key in results.candidates
        for cells, qualities in by_metric
        if key in cells
    ]


def _throughput(results: Results) -> list[Row]:
    return [Row("throughput", row.cells, partial(served_figures, row.serving)) for row in throughput_rows(results)]


def _load(results: Results) -> list[Row]:
    return [Row("load", row.cells, partial(load_figures, row.load)) for row in load_rows(results)]


_UNPRICED: Mapping[str, Callable[[Results], list[Row]]] = {
    "accuracy": _accuracy, "throughput": _throughput, "load": _load,
}  # fmt: skip
"""Tables of what was measured alone."""


def find(table: Sequence[Row], cells: Mapping[str, str]) -> Row:
    """Return the one row whose cells, as text, equal the wanted ones.

    Raises:
        FactError: there is none, or there are several; the message says how to narrow them down.
    """
    left = list(table)
    for name, value in cells.items():
        texts = {cell(row.cells[name]) for row in left if name in NAMES[row.table]}
        if not texts:
            raise FactError(unknown("column that names a row", name, NAMES[table[0].table]) if table else _EMPTY)
        if value not in texts:
            raise FactError(unknown(name, value, texts))
        left = [row for row in left if cell(row.cells[name]) == value]
    if not left:
        raise FactError(_EMPTY)
    if len(left) > 1:
        raise FactError(f"{len(left)} rows fit. Narrow them down by {_differing(left)}.")
    return left[0]


_EMPTY = "The table has no rows: none of the steps it needs has finished yet, or no use case takes the data."


def _differing(left: Sequence[Row]) -> str:
    """Return the columns in which rows differ, with their values; `stale`, a long text, only if there is no other."""
    values = {name: sorted({cell(row.cells[name]) for row in left}) for name in NAMES[left[0].table]}
    differing = {name: texts for name, texts in values.items() if len(texts) > 1}
    short = {name: texts for name, texts in differing.items() if name != "stale"} or differing
    return " or ".join(f"{name} ({', '.join(texts)})" for name, texts in short.items())
