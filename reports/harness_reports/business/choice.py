"""The order of candidates within a use case, and of use cases."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from harness_reports.business.verdict import BASELINE_WINS, LOSSES, VERDICTS
from harness_reports.measured.quality_figures import GUESSING_BASELINE
from harness_reports.reasons import Reason


def preference(row: Mapping[str, Any]) -> tuple[int, bool, float, float, float]:
    """Return the sort key of candidates.

    The order: best verdict, then needs met, then highest expected net present value; candidates without such a value
    come last, by quality, and of equal quality the one whose inferences cost least. Needs come before value: of two
    candidates that are not worth investing in, the one that meets the needs tells more about the use case.

    Args:
        row: the cells of `Outlook.compared`.
    """
    first, minus_npv_usd = (VERDICTS.index(row["verdict"]), row["needs_met"] == "no"), _least(row["npv_mean_usd"], -1)
    if math.isfinite(minus_npv_usd):
        return *first, minus_npv_usd, 0.0, 0.0
    quality = _least(row["value"], -1 if row["higher_is_better"] else 1)
    return *first, math.inf, quality, _least(row["usd_per_1k_inferences"])


def _least(number: float | None, sign: int = 1) -> float:
    """Return the sort key of a number by its sign; what is missing comes last."""
    return sign * number if number is not None and math.isfinite(number) else math.inf


SHOWN = ("invest", "pilot", "not enough evidence", "do not invest")
"""Verdicts in the order in which use cases are shown."""


def headline(rows: Sequence[Mapping[str, Any]]) -> Reason | None:
    """Return what a reader of a use case should see first, None where there is nothing of the kind.

    It is that the task's cheap baseline is as good as any other candidate, or that money alone speaks against the best.

    Args:
        rows: those of all candidates, with reasons that are not texts yet.
    """
    best = min(rows, key=preference)
    loses = best["verdict"] == "do not invest" and any(reason.code in LOSSES for reason in best["reasons"])
    return _baseline_wins(rows, best) or (Reason("money alone") if loses else None)


def _baseline_wins(rows: Sequence[Mapping[str, Any]], best: Mapping[str, Any]) -> Reason | None:
    rivals = [row for row in rows if row["model"] != row["baseline"] and row["verdict"] != "not enough evidence"]
    if not rivals or best["verdict"] == "not enough evidence" or best["against_baseline"] == GUESSING_BASELINE:
        return None
    wins = best["model"] == best["baseline"] or any(reason.code in BASELINE_WINS for reason in best["reasons"])
    return Reason("baseline is best", {"model": best["baseline"]}) if wins else None


def attention(row: Mapping[str, Any]) -> tuple[int, float]:
    """Return the sort key of use cases, from the row of their best candidate."""
    return SHOWN.index(row["verdict"]), _least(row["npv_mean_usd"], -1)
