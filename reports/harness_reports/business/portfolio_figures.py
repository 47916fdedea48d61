"""The figures of the portfolio table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness_reports.business.joint import RISK
from harness_reports.business.market import Market
from harness_reports.business.npv_distribution import DRAWS
from harness_reports.business.portfolio import PortfolioRow
from harness_reports.business.request import USD
from harness_reports.business.viability import CandidateVerdict
from harness_reports.business.viability_figures import viability_figures
from harness_reports.figures.explained import Explained, derived

_OF_CANDIDATE = ("funding_usd", "npv_mean_usd", "npv_p50_usd", "probability_positive")


def portfolio_figures(
    entry: PortfolioRow, everyone: Sequence[PortfolioRow], judged: Sequence[tuple[Market, CandidateVerdict]]
) -> dict[str, Explained]:
    """Return the figures of a row of the portfolio table, by column.

    Args:
        entry: the row.
        everyone: all rows.
        judged: market and candidate of each row of the viability table.
    """
    row = entry.row
    candidate = viability_figures(*judged[entry.place])
    chosen = [viability_figures(*judged[each.place]) for each in everyone if each.row["funded"]]
    budget = Explained("budget_usd", row["budget_usd"], USD, source="set by you", kind="assumed")
    spent = _sum("spent_usd", "funding_usd", chosen)
    figures = [
        *(candidate[name] for name in _OF_CANDIDATE), budget, spent,
        derived("left_usd", USD, "budget_usd - spent_usd", budget, spent),
        _sum("portfolio_npv_usd", "npv_mean_usd", chosen), *_risk(row, chosen),
        Explained("funded", row["funded"], inputs=(candidate["npv_mean_usd"], candidate["funding_usd"], budget),
                  note=f"{row['why']} Of all bundles within the budget, with at most one candidate of a use case, the "
                  "one with the highest sum of npv_mean_usd is chosen; of equals the cheapest."),
    ]  # fmt: skip
    return {each.name: each for each in figures}


def _risk(row: Mapping[str, Any], chosen: Sequence[Mapping[str, Explained]]) -> list[Explained]:
    """Return the figures of the value of all funded use cases together."""
    note = (
        f"{DRAWS:,} draws of one market for the funded use cases: prices and demand are at the same percentile in all "
        "of them, everything else is drawn for each alone" if chosen else "no use case is funded"
    )  # fmt: skip
    inputs = tuple(each["npv_mean_usd"] for each in chosen)
    return [Explained(name, row[name], USD if name.endswith("_usd") else "", note=note, inputs=inputs) for name in RISK]


def _sum(name: str, of: str, chosen: Sequence[Mapping[str, Explained]]) -> Explained:
    """Return the sum of a figure over the funded candidates."""
    if not chosen:
        return Explained(name, 0.0, USD, note="no use case is funded")
    return derived(name, USD, f"sum({of})", *(each[of] for each in chosen), note="over the funded use cases")
