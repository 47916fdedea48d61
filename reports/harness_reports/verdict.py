"""The verdict: gates in a fixed order, each with the sentence that says why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness_reports.statistics import Promise

Verdict = Literal["invest", "pilot", "do not invest", "not enough evidence"]
VERDICTS: tuple[Verdict, ...] = ("invest", "pilot", "do not invest", "not enough evidence")
"""Best first."""


@dataclass(frozen=True)
class Facts:
    """What the gates look at."""

    gaps: tuple[str, ...]
    """What is missing before anything can be judged."""
    accuracy: Mapping[str, Any]
    """The candidate's row of the accuracy table."""
    needed_quality: float | None
    latency: Promise | None
    latency_limit_s: float | None
    margin_usd: float | None
    npv_usd: float | None
    npv_low_usd: float | None
    npv_high_usd: float | None
    unmeasured_needs: tuple[str, ...] = ()


def decide(facts: Facts) -> tuple[Verdict, list[str]]:
    """Return the verdict and its reasons.

    The order: is there evidence · are the needs met · does a request earn money · is the net present value above 0
    over the whole interval. `invest` needs all of them at the pessimist's end; `pilot` where the interval holds both a
    good and a bad end.
    """
    if facts.gaps or facts.margin_usd is None or facts.npv_low_usd is None or facts.npv_high_usd is None:
        return "not enough evidence", list(facts.gaps)
    unmet = _unmet(facts)
    if unmet:
        return "do not invest", unmet
    if facts.margin_usd <= 0:
        return "do not invest", [f"A request loses {usd(-facts.margin_usd)}: no volume makes up for that."]
    caveats = _caveats(facts)
    if facts.npv_high_usd <= 0:
        best = "even at the good end of the intervals"
        return "do not invest", [f"The net present value is {usd(facts.npv_high_usd)} {best}.", *caveats]
    doubts = _doubts(facts)
    if doubts:
        return "pilot", [*doubts, *caveats]
    sure = f"The needs are met and the net present value is at least {usd(facts.npv_low_usd)} over the whole interval."
    return "invest", [sure, *caveats]


def _sides(facts: Facts) -> tuple[float, float]:
    """Return the good and the bad end of quality."""
    low, high = facts.accuracy["low"], facts.accuracy["high"]
    return (high, low) if facts.accuracy["higher_is_better"] else (low, high)


def _falls_short(facts: Facts, quality: float) -> bool:
    if facts.needed_quality is None:
        return False
    return quality < facts.needed_quality if facts.accuracy["higher_is_better"] else quality > facts.needed_quality


def _unmet(facts: Facts) -> list[str]:
    reasons = []
    good, _ = _sides(facts)
    if _falls_short(facts, good):
        metric, value = facts.accuracy["metric"], facts.accuracy["value"]
        reasons.append(f"{metric} is {value:.4g}, its good end {good:.4g}; {facts.needed_quality:.4g} is needed.")
    if facts.latency is not None and facts.latency.kept == "broken":
        limit = facts.latency_limit_s
        reasons.append(
            f"More than 1 % of requests take longer than {limit:g} s ({facts.latency.slow} of those measured)."
        )
    return reasons


def _doubts(facts: Facts) -> list[str]:
    reasons = []
    _, bad = _sides(facts)
    if _falls_short(facts, bad):
        metric = facts.accuracy["metric"]
        reasons.append(
            f"{metric} may be as bad as {bad:.4g} where {facts.needed_quality:.4g} is needed: grade more items."
        )
    if facts.npv_low_usd is not None and facts.npv_high_usd is not None and facts.npv_low_usd <= 0:
        reasons.append(
            f"The net present value is between {usd(facts.npv_low_usd)} and {usd(facts.npv_high_usd)}: maybe a loss."
        )
    return reasons


def _caveats(facts: Facts) -> list[str]:
    found = []
    if facts.accuracy["seeds"] == 1:
        found.append("One seed: the spread between trainings is not in the interval.")
    if facts.unmeasured_needs:
        found.append(f"Not measured here: {', '.join(facts.unmeasured_needs)}.")
    return found


def against_the_baseline(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Take the verdict back where the task's cheap baseline does as well and is worth at least as much.

    A difference of quality within its interval is worth nothing.
    """
    return [_compared(row, [other for other in rows if _is_baseline_of(other, row)]) for row in rows]


def _is_baseline_of(other: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    return all(other[name] == row[name] for name in ("task", "source")) and other["model"] == row["baseline"]


def _compared(row: dict[str, Any], baselines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if row["verdict"] not in ("invest", "pilot") or row["against_baseline"] not in ("worse", "not told apart"):
        return row
    rivals = [
        rival
        for rival in baselines
        if VERDICTS.index(rival["verdict"]) <= VERDICTS.index(row["verdict"]) and rival["npv_usd"] >= row["npv_usd"]
    ]
    if not rivals:
        return row
    best = max(rivals, key=lambda rival: float(rival["npv_usd"]))
    how = "is better" if row["against_baseline"] == "worse" else "cannot be told apart in quality"
    reason = (
        f"The cheap baseline {best['model']!r} {how} and is worth {usd(best['npv_usd'])}, this {usd(row['npv_usd'])}."
    )
    return {**row, "verdict": "do not invest", "reasons": f"{reason} {row['reasons']}"}


def usd(amount: float) -> str:
    """Return an amount as people write it: whole dollars where they are many, significant digits where they are few."""
    sign = "-" if amount < 0 else ""
    size = abs(amount)
    return f"{sign}{size:,.0f} USD" if size >= 100 else f"{sign}{size:.3g} USD"  # noqa: PLR2004 - cents no longer matter
