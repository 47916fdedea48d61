"""The verdict: gates in a fixed order, each with its reason, and how sure it is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from harness_reports.business.worth import Driver, FlipPoints, ValueOfInformation
from harness_reports.economics.simulation import Outcome
from harness_reports.measured.latency import PERCENTILE_CONFIDENCE, LatencyObjective
from harness_reports.measured.quality_figures import NO_DIFFERENCE
from harness_reports.reasons import Reason, Reasons

Verdict = Literal["invest", "pilot", "do not invest", "not enough evidence"]
VERDICTS: tuple[Verdict, ...] = ("invest", "pilot", "do not invest", "not enough evidence")
"""Best first."""
TOP = 3
"""Inputs whose 10th and 90th percentile an investment has to stand."""


@dataclass(frozen=True)
class Money:
    """What the gates know of the money."""

    margin_usd: float
    """Of a request in the first year."""
    outcome: Outcome
    loss_limit: float
    drivers: Sequence[Driver]
    information: ValueOfInformation
    measuring_usd: float
    """What an hour of measuring costs."""
    probability_of_success: float


@dataclass(frozen=True)
class VerdictInputs:
    """What the gates look at."""

    gaps: Reasons
    """What is missing before anything can be judged."""
    accuracy: Mapping[str, Any]
    """The candidate's row of the accuracy table."""
    needed_quality: float | None
    latency: LatencyObjective | None
    latency_limit_s: float | None
    money: Money | None
    unmeasured_needs: tuple[str, ...] = ()


class Threshold(NamedTuple):
    """The place at which the money would speak otherwise."""

    loss: float | None
    """A chance of a loss; None: the place where the expected value is 0."""


class Decision(NamedTuple):
    """A verdict."""

    verdict: Verdict
    reasons: Reasons
    threshold: Threshold | None
    """Where the money would speak otherwise; None where the money is not what decided."""
    probability_wrong: float | None
    """Chance that it turns out wrong; None where there is no verdict."""


def decide(inputs: VerdictInputs) -> Decision:
    """Return the verdict and its reasons.

    The order: is there evidence · are the needs met · does a request earn money · is a loss unlikely enough · does the
    verdict stand the 10th and 90th percentile of what it hangs on most. `invest` passes all of them; `pilot` is worth
    doing on average, but a loss is likelier than the investor accepts, or a need may be missed.
    """
    if inputs.gaps or inputs.money is None:
        return Decision("not enough evidence", inputs.gaps, None, None)
    money, chance = inputs.money, inputs.money.probability_of_success
    unmet = list(_unmet(inputs))
    if unmet:
        broken = inputs.latency is not None and inputs.latency.met == "missed"
        return Decision("do not invest", Reasons(unmet), None, chance * (1 - PERCENTILE_CONFIDENCE if broken else 1))
    if money.margin_usd <= 0 and money.outcome.mean_usd <= 0:
        why = Reason("request loses", {"loss_usd": -money.margin_usd})
        return Decision("do not invest", Reasons([why]), Threshold(None), chance)
    caveats, positive = _caveats(inputs), money.outcome.probability_positive
    if money.outcome.mean_usd <= 0:
        why = Reason("expected loss", {"mean_usd": money.outcome.mean_usd, "probability": positive})
        return Decision("do not invest", Reasons([why, *caveats, *_study(money)]), Threshold(None), chance)
    doubts = [*_doubts(inputs), *_risks(money)]
    if doubts:
        return Decision("pilot", Reasons([*doubts, *caveats, *_study(money)]), Threshold(money.loss_limit), 1 - chance)
    sure = Reason("needs met", {"probability": positive, "p05_usd": money.outcome.p05_usd})
    return Decision("invest", Reasons([sure, *caveats]), Threshold(money.loss_limit), 1 - chance)


def needs_met(inputs: VerdictInputs) -> Literal["yes", "maybe", "no"] | None:
    """Return whether quality and latency are what is needed, as `decide` sees it; None where that is not known."""
    if inputs.gaps:
        return None
    return "no" if any(_unmet(inputs)) else "maybe" if any(_doubts(inputs)) else "yes"


def _sides(inputs: VerdictInputs) -> tuple[float, float]:
    """Return the good and the bad end of quality."""
    low, high = inputs.accuracy["low"], inputs.accuracy["high"]
    return (high, low) if inputs.accuracy["higher_is_better"] else (low, high)


def _falls_short(inputs: VerdictInputs, quality: float) -> bool:
    if inputs.needed_quality is None:
        return False
    return quality < inputs.needed_quality if inputs.accuracy["higher_is_better"] else quality > inputs.needed_quality


def _unmet(inputs: VerdictInputs) -> Iterator[Reason]:
    """Yield the needs that are missed."""
    good, _ = _sides(inputs)
    if _falls_short(inputs, good):
        known = {"metric": inputs.accuracy["metric"], "value": inputs.accuracy["value"]}
        yield Reason("quality missed", {**known, "good": good, "needed": inputs.needed_quality})
    if inputs.latency is not None and inputs.latency.met == "missed":
        yield Reason("latency missed", {"limit_s": inputs.latency_limit_s, "slow": inputs.latency.slow})


def _doubts(inputs: VerdictInputs) -> Iterator[Reason]:
    """Yield the needs that may be missed."""
    _, bad = _sides(inputs)
    if _falls_short(inputs, bad):
        metric = inputs.accuracy["metric"]
        yield Reason("quality in doubt", {"metric": metric, "bad": bad, "needed": inputs.needed_quality})


def _risks(money: Money) -> Iterator[Reason]:
    """Yield what makes a loss likelier than it may be."""
    found = money.outcome
    loss = 1 - found.probability_positive
    if loss > money.loss_limit:
        span = {"p05_usd": found.p05_usd, "p95_usd": found.p95_usd}
        yield Reason("loss likely", {**span, "loss": loss, "accepted": money.loss_limit})
        return
    for driver in money.drivers[:TOP]:
        worst = min(driver.low_usd, driver.high_usd)
        if worst <= 0:
            percentile = 10 if driver.low_usd <= 0 else 90
            yield Reason("driver turns", {"driver": driver.name, "percentile": percentile, "npv_usd": worst})


def _study(money: Money) -> Iterator[Reason]:
    """Say whether another hour of measuring is worth it."""
    hour = money.information.evsi_usd
    if hour is not None and hour > money.measuring_usd:
        yield Reason("measure first", {"worth_usd": hour, "cost_usd": money.measuring_usd})


def _caveats(inputs: VerdictInputs) -> list[Reason]:
    found = []
    if inputs.accuracy["seeds"] == 1:
        found.append(Reason("one seed"))
    if inputs.unmeasured_needs:
        found.append(Reason("needs not measured", {"needs": inputs.unmeasured_needs}))
    return found


def flip_reason(verdict: Verdict, flip: FlipPoints | None) -> Reason | None:
    """Say at which price, volume or cost the verdict on the money would be another."""
    if flip is None:
        return None
    value, volume, serving = flip.value_per_request_usd, flip.requests_per_year, flip.serving_usd_per_request
    changes = (
        value is not None and Reason("value is", {"usd": value}),
        volume is not None and Reason("volume is", {"requests_per_year": volume}),
        serving is not None and Reason("serving is", {"usd": serving}),
    )
    known = Reasons(change for change in changes if change)
    turns = {"invest": "pilot once", "pilot": "investment once", "do not invest": "trial once"}
    return Reason(turns[verdict], {"changes": known}) if known else None


def against_the_baseline(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Take the verdict back where the task's cheap baseline does as well and is worth at least as much.

    A difference of quality within its interval is worth nothing: where there is no significant one, the baseline's
    worth is reckoned with the errors of the candidate.
    """
    return [_compared(row, [other for other in rows if _is_baseline_of(other, row)]) for row in rows]


def _is_baseline_of(other: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    return all(other[name] == row[name] for name in ("task", "source")) and other["model"] == row["baseline"]


def _compared(row: dict[str, Any], baselines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if row["verdict"] not in ("invest", "pilot") or row["against_baseline"] not in (
        "worse",
        "no significant difference",
    ):
        return row
    worths = [
        (_worth_beside(row, rival), rival["model"])
        for rival in baselines
        if VERDICTS.index(rival["verdict"]) <= VERDICTS.index(row["verdict"])
    ]
    worth, model = max(worths, default=(-math.inf, ""))
    if worth < row["npv_usd"]:
        return row
    code = "baseline better" if row["against_baseline"] == "worse" else "baseline as good"
    reason = Reason(code, {"model": model, "worth_usd": worth, "npv_usd": row["npv_usd"]})
    return {**row, "verdict": "do not invest", "reasons": Reasons([reason, *row["reasons"]]), "flip": None}


def _worth_beside(row: Mapping[str, Any], rival: Mapping[str, Any]) -> float:
    """Return a rival's net present value; with this candidate's errors where there is no significant difference."""
    noise = rival["unit_error_usd"] - row["unit_error_usd"] if row["against_baseline"] == NO_DIFFERENCE else 0.0
    return float(rival["npv_usd"] + noise * row["discounted_requests"])
