"""Where the figures of the portfolio table come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness_reports.business.portfolio import Shown
from harness_reports.explain.business import Known, viability_figures
from harness_reports.explain.years import USD
from harness_reports.figures.explained import Explained

_OF_CANDIDATE = ("funding_usd", "npv_mean_usd", "npv_p50_usd", "probability_positive")


def portfolio_figures(shown: Shown, everyone: Sequence[Shown], known: Sequence[Known]) -> dict[str, Explained]:
    """Return the figures of a row of the portfolio table by column.

    Args:
        shown: the row.
        everyone: all rows.
        known: what stands behind the rows of the viability table.
    """
    row = shown.row
    own = viability_figures(known[shown.place])
    chosen = [viability_figures(known[each.place]) for each in everyone if each.row["funded"]]
    budget = Explained("budget_usd", row["budget_usd"], USD, source="set by the reader", kind="assumed")
    spent = _sum("spent_usd", "funding_usd", row, chosen)
    figures = [
        *(own[name] for name in _OF_CANDIDATE), budget, spent,
        Explained("left_usd", row["left_usd"], USD, "budget_usd - spent_usd", inputs=(budget, spent)),
        _sum("portfolio_npv_usd", "npv_mean_usd", row, chosen),
        Explained("funded", row["funded"], inputs=(own["npv_mean_usd"], own["funding_usd"], budget),
                  note=f"{row['why']} Of all bundles that the budget pays for, with at most one candidate of a use "
                  "case, the one with the highest sum of npv_mean_usd is the best; of equals the cheapest."),
    ]  # fmt: skip
    return {each.name: each for each in figures}


def _sum(name: str, of: str, row: Mapping[str, Any], chosen: Sequence[Mapping[str, Explained]]) -> Explained:
    """Return the sum of a figure over the candidates that are funded."""
    if not chosen:
        return Explained(name, row[name], USD, note="no use case is funded")
    return Explained(name, row[name], USD, f"sum({of})", note="over the use cases that are funded",
                     inputs=tuple(each[of] for each in chosen))  # fmt: skip
