"""Capital rationing: the use cases to fund from one budget, exactly, by listing every undominated bundle."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import pandas as pd

from harness.errors import FactError
from harness.facts import UseCase
from harness.records import Record
from harness_reports.business.joint import RISK, joint_cells
from harness_reports.business.verdict import WORTHY
from harness_reports.business.viability import Candidates, judge_all
from harness_reports.economics.checks import at_least
from harness_reports.measured.lineage import KEYS
from harness_reports.prices.pricing import Pricing
from harness_reports.reasons import Reason, Reasons, as_text

PORTFOLIO = (
    "use_case", "title", *KEYS, "verdict", "funding_usd", "npv_mean_usd", "npv_p50_usd", "probability_positive",
    "funded", "why", "budget_usd", "spent_usd", "left_usd", "portfolio_npv_usd", *RISK,
)  # fmt: skip
Aim = Literal["npv_mean_usd", "npv_p50_usd"]
_MOST = 1_000_000
"""Undominated bundles at most; more take too long to compare."""


class _Bundle(NamedTuple):
    """Candidates to fund, at most one of each use case."""

    cost_usd: float
    npv_usd: float
    rows: tuple[int, ...]
    """Indices into the viability table."""


def portfolio(
    records: Sequence[Record],
    pricing: Pricing,
    use_cases: Mapping[str, UseCase] | Iterable[UseCase],
    budget_usd: float,
    aim: Aim = "npv_mean_usd",
    overrides: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Return one row for each use case: whether it is funded, with which candidate, and why.

    Of all bundles within the budget, with at most one candidate of a use case, the one with the highest sum of `aim`
    is chosen; of equals the cheapest. A candidate costs its `funding_usd`. Only candidates with the verdict `invest` or
    `pilot` and a positive `aim` are funded; `why` says where a judge alone graded one. Use cases that are not funded
    show their best candidate.

    The value of all funded use cases together is drawn in one market: prices and demand are shared, the rest is each
    use case's own (`joint.py`). `portfolio_npv_low_usd`, `..._p50_usd` and `..._high_usd` are its 5th, 50th and 95th
    percentile, `portfolio_probability_of_loss` the probability that it is below 0; None where nothing is funded.

    Args:
        records: the measurements.
        pricing: the prices.
        use_cases: use cases; those whose tasks were not measured give no row.
        budget_usd: the budget.
        aim: column of the viability table to maximise: expected or median net present value.
        overrides: figure → the reader's value.

    Raises:
        FactError: as `viability`; the budget is negative or not a number, or there are too many bundles.
    """
    budget = at_least("budget_usd", budget_usd)
    judged = list(judge_all(records, pricing, use_cases, overrides))
    return pd.DataFrame([as_text(each.row) for each in portfolio_rows(judged, budget, aim)], columns=list(PORTFOLIO))


class PortfolioRow(NamedTuple):
    """A row of the portfolio table."""

    place: int
    """Index of its candidate's row in the viability table."""
    row: dict[str, Any]


def portfolio_rows(judged: Sequence[Candidates], budget_usd: float, aim: Aim = "npv_mean_usd") -> list[PortfolioRow]:
    """Return the rows of `portfolio`, from the candidates of each use case."""
    everyone = [(candidates, each) for candidates in judged for each in candidates.judged]
    rows = funding([each.row for _, each in everyone], budget_usd, aim)
    cells = joint_cells([everyone[one.place] for one in rows if one.row["funded"]])
    return [one._replace(row={**one.row, **cells}) for one in rows]


def funding(rows: Sequence[Mapping[str, Any]], budget_usd: float, aim: Aim = "npv_mean_usd") -> list[PortfolioRow]:
    """Return the rows of `portfolio` without the risk of all together, from those of the viability table."""
    budget = at_least("budget_usd", budget_usd)
    groups: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        groups.setdefault(row["use_case"], []).append(place)
    best = _best([_worthy(rows, group, aim) for group in groups.values()], budget)
    places = [_place(rows, group, best, aim) for group in groups.values()]
    total = {
        "budget_usd": budget, "spent_usd": best.cost_usd, "left_usd": budget - best.cost_usd,
        "portfolio_npv_usd": best.npv_usd,
    }  # fmt: skip
    return [
        PortfolioRow(place, {**rows[place], **_answer(rows[place], place in best.rows, budget, aim), **total})
        for place in places
    ]


def _worthy(rows: Sequence[Mapping[str, Any]], group: list[int], aim: Aim) -> list[_Bundle]:
    return [
        _Bundle(float(rows[place]["funding_usd"]), float(rows[place][aim]), (place,))
        for place in group
        if rows[place]["verdict"] in WORTHY and rows[place][aim] > 0
    ]


def _best(groups: list[list[_Bundle]], budget: float) -> _Bundle:
    # Use case by use case: a dominated bundle stays dominated, whatever is added to it.
    front = [_Bundle(0.0, 0.0, ())]
    for group in groups:
        wider = [
            _Bundle(bundle.cost_usd + single.cost_usd, bundle.npv_usd + single.npv_usd, bundle.rows + single.rows)
            for bundle in front
            for single in group
        ]
        front = _undominated([*front, *(bundle for bundle in wider if bundle.cost_usd <= budget)])
    return front[-1]


def _undominated(bundles: list[_Bundle]) -> list[_Bundle]:
    """Return the Pareto front of cost and value, the cheapest first."""
    front: list[_Bundle] = []
    for bundle in sorted(bundles, key=lambda each: (each.cost_usd, -each.npv_usd)):
        if not front or bundle.npv_usd > front[-1].npv_usd:
            front.append(bundle)
    if len(front) > _MOST:
        raise FactError(f"More than {_MOST:,} bundles are too many to compare. Choose among fewer use cases.")
    return front


def _place(rows: Sequence[Mapping[str, Any]], group: list[int], best: _Bundle, aim: Aim) -> int:
    funded = [place for place in group if place in best.rows]
    return funded[0] if funded else max(group, key=lambda place: _order(rows[place], aim))


def _order(row: Mapping[str, Any], aim: Aim) -> tuple[bool, float]:
    return row["verdict"] in WORTHY, -math.inf if pd.isna(row[aim]) else float(row[aim])


def _answer(row: Mapping[str, Any], funded: bool, budget: float, aim: Aim) -> dict[str, Any]:
    why: Reason | Reasons
    if funded:
        reasons = row["reasons"] if isinstance(row.get("reasons"), Reasons) else ()
        why = Reasons([Reason("in best bundle"), *(one for one in reasons if one.code == "judged not validated")])
    elif row["verdict"] not in WORTHY:
        why = Reason("not worthy", {"verdict": row["verdict"]})
    elif not row[aim] > 0:
        why = Reason("no value")
    elif row["funding_usd"] > budget:
        why = Reason("beyond budget")
    else:
        why = Reason("others earn more")
    return {"funded": funded, "why": why}
