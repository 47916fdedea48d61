"""The verdict: gates in a fixed order, each with its reason, and the probability that it is wrong."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from harness_reports.business.npv_distribution import Driver
from harness_reports.economics.simulation import Outcome
from harness_reports.measured.latency import PERCENTILE_CONFIDENCE, LatencyObjective
from harness_reports.measured.quality_figures import GUESSING_BASELINE, NO_BETTER_THAN_GUESSING, NO_DIFFERENCE
from harness_reports.reasons import Reason, Reasons

Verdict = Literal["invest", "pilot", "do not invest", "not enough evidence"]
VERDICTS: tuple[Verdict, ...] = ("invest", "pilot", "do not invest", "not enough evidence")
"""Best first."""
WORTHY = ("invest", "pilot")
"""The verdicts that ask for money."""
BASELINE_WINS = ("baseline better", "baseline as good")
"""Reasons of a candidate that the task's baseline beats."""
LOSSES = ("negative margin", "expected loss")
"""Reasons of a candidate that meets the needs and is not expected to earn its cost."""
RULING_OUT = ("quality missed", "latency missed", "third party")
"""Reasons of a candidate that misses a need, whatever it earns."""
_OF_LATENCY = ("few queries", "call latency not measured")
"""What is missing to test a latency: it decides nothing where the quality is missed already."""
TOP = 3
"""Drivers at whose 10th and 90th percentile an investment needs a positive net present value."""

_AS_GOOD = 0.01
"""Part of a net present value that is no advantage: measured speeds vary more, and verdicts would hang on cents."""


@dataclass(frozen=True)
class Money:
    """The financial inputs of the gates."""

    margin_usd: float | None
    """Per request in a steady-state year; None without demand."""
    outcome: Outcome
    loss_limit: float
    drivers: Sequence[Driver]
    probability_of_success: float


@dataclass(frozen=True)
class VerdictInputs:
    """The inputs of the gates."""

    gaps: Reasons
    """What is missing for a verdict."""
    accuracy: Mapping[str, Any]
    """The candidate's row of the accuracy table."""
    needed_quality: float | None
    latency: LatencyObjective | None
    latency_limit_s: float | None
    money: Money | None
    unmeasured_needs: tuple[str, ...] = ()
    caveats: Reasons = field(default_factory=Reasons)
    """What is uncertain, and counts all the same."""
    exposed: bool = False
    """Whether a third party would see requests that none may see."""
    not_validated: Reason | None = None
    """That a judge alone graded the quality: then no verdict is better than a pilot, and all say it."""


class Threshold(NamedTuple):
    """The threshold at which the money flips the verdict."""

    loss: float | None
    """A probability of a loss; None: an expected net present value of 0."""


class Decision(NamedTuple):
    """A verdict."""

    verdict: Verdict
    reasons: Reasons
    threshold: Threshold | None
    """None if the money did not decide."""
    probability_wrong: float | None
    """None without a verdict."""


def decide(inputs: VerdictInputs) -> Decision:
    """Return the verdict and its reasons.

    The gates in order: enough evidence, of latency only where the quality may be enough; needs met; positive unit
    margin; positive expected net present value; a loss no likelier than accepted; positive net present value at the
    10th and 90th percentile of the top drivers. `invest` passes all. `pilot` has a positive expected net present value
    and fails a later gate, or may miss a need.
    """
    decision, mark = _decide(inputs), inputs.not_validated
    if mark is None or mark in decision.reasons or decision.verdict == "not enough evidence":
        return decision
    return decision._replace(reasons=Reasons([*decision.reasons, mark]))


def _decide(inputs: VerdictInputs) -> Decision:
    if _missing(inputs) or inputs.money is None:
        return Decision("not enough evidence", inputs.gaps, None, None)
    money, success = inputs.money, inputs.money.probability_of_success
    unmet = list(_unmet(inputs))
    if unmet:
        # Wrong if it would succeed after all; a missed latency is itself wrong with the error of its test.
        missed = inputs.latency is not None and inputs.latency.met == "missed"
        wrong = 0 if inputs.exposed else 1 - PERCENTILE_CONFIDENCE if missed else 1
        return Decision("do not invest", Reasons(unmet), None, success * wrong)
    if money.margin_usd is not None and money.margin_usd <= 0 and money.outcome.mean_usd <= 0:
        why = Reason("negative margin", {"margin_usd": money.margin_usd})
        return Decision("do not invest", Reasons([why]), Threshold(None), success)
    caveats, positive = _caveats(inputs), money.outcome.probability_positive
    if money.outcome.mean_usd <= 0:
        why = Reason("expected loss", {"mean_usd": money.outcome.mean_usd, "probability": positive})
        return Decision("do not invest", Reasons([why, *caveats]), Threshold(None), success)
    doubts = [*_doubts(inputs), *_risks(money)]
    if doubts:
        return Decision("pilot", Reasons([*doubts, *caveats]), Threshold(money.loss_limit), 1 - success)
    why = Reason("needs met", {"probability": positive, "p05_usd": money.outcome.p05_usd})
    return Decision("invest", Reasons([why, *caveats]), Threshold(money.loss_limit), 1 - success)


def ruling_out(reasons: Iterable[Reason] | None) -> Reasons | None:
    """Return the reasons that are needs which a candidate misses; None if there are none."""
    return Reasons(reason for reason in reasons or () if reason.code in RULING_OUT) or None


def needs_met(inputs: VerdictInputs) -> Literal["yes", "maybe", "no"] | None:
    """Return whether quality and latency meet the needs, as `decide` takes them; None if evidence is missing."""
    if _missing(inputs):
        return None
    return "no" if any(_unmet(inputs)) else "maybe" if any(_doubts(inputs)) else "yes"


def _sides(inputs: VerdictInputs) -> tuple[float, float]:
    """Return the better and the worse end of the interval of quality."""
    low, high = inputs.accuracy["low"], inputs.accuracy["high"]
    return (high, low) if inputs.accuracy["higher_is_better"] else (low, high)


def _falls_short(inputs: VerdictInputs, quality: float) -> bool:
    if inputs.needed_quality is None:
        return False
    return quality < inputs.needed_quality if inputs.accuracy["higher_is_better"] else quality > inputs.needed_quality


def _missing(inputs: VerdictInputs) -> list[Reason]:
    """Return what has to be measured before anything can be decided."""
    latency_alone = bool(inputs.gaps) and all(gap.code in _OF_LATENCY for gap in inputs.gaps)
    return [] if latency_alone and _falls_short(inputs, _sides(inputs)[0]) else list(inputs.gaps)


def _unmet(inputs: VerdictInputs) -> Iterator[Reason]:
    """Yield the needs that are missed."""
    good, _ = _sides(inputs)
    if _falls_short(inputs, good):
        metric, value = inputs.accuracy["metric"], inputs.accuracy["value"]
        yield Reason("quality missed", {"metric": metric, "value": value, "good": good,
                                        "needed": inputs.needed_quality})  # fmt: skip
    if inputs.latency is not None and inputs.latency.met == "missed":
        yield Reason("latency missed", {"limit_s": inputs.latency_limit_s, "slow": inputs.latency.slow})
    if inputs.exposed:
        yield Reason("third party")


def _doubts(inputs: VerdictInputs) -> Iterator[Reason]:
    """Yield the needs that may be missed."""
    _, bad = _sides(inputs)
    if _falls_short(inputs, bad):
        metric = inputs.accuracy["metric"]
        yield Reason("quality in doubt", {"metric": metric, "bad": bad, "needed": inputs.needed_quality})
    if inputs.not_validated is not None:
        yield inputs.not_validated


def _risks(money: Money) -> Iterator[Reason]:
    """Yield a probability of a loss above the limit; else the drivers whose percentiles are a loss."""
    loss = 1 - money.outcome.probability_positive
    if loss > money.loss_limit:
        yield Reason("loss likely", {"p05_usd": money.outcome.p05_usd, "p95_usd": money.outcome.p95_usd, "loss": loss,
                                     "accepted": money.loss_limit})  # fmt: skip
        return
    for driver in money.drivers[:TOP]:
        worst = min(driver.low_usd, driver.high_usd)
        if worst <= 0:
            percentile = 10 if driver.low_usd <= 0 else 90
            yield Reason("driver flips", {"driver": driver.name, "percentile": percentile, "npv_usd": worst})


def _caveats(inputs: VerdictInputs) -> Iterator[Reason]:
    if inputs.accuracy["seeds"] == 1:
        yield Reason("one seed")
    if inputs.unmeasured_needs:
        yield Reason("needs not measured", {"needs": inputs.unmeasured_needs})
    yield from inputs.caveats


def against_the_baseline(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows with the verdict `do not invest` where the task's cheap baseline wins.

    It wins where it is as good and has at least as high an expected net present value, to a hundredth. Without a
    significant difference of quality its own is taken at the candidate's error cost. Where it is no better than
    guessing, guessing wins over every candidate that is not significantly better, the baseline among them. Where the
    comparison lacks something, a reason of `invest` and `pilot` says what.
    """
    return [_compared(row, [other for other in rows if is_baseline_of(other, row)]) for row in rows]


def is_baseline_of(other: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Return whether a row is that of the cheap baseline of another row's task and data."""
    return all(other[name] == row[name] for name in ("task", "source")) and other["model"] == row["baseline"]


def takes_baselines(row: Mapping[str, Any]) -> bool:
    """Return whether what the cheap baselines are worth may change a row's verdict."""
    return row["verdict"] in WORTHY and row["against_baseline"] in ("worse", NO_DIFFERENCE)


def _compared(row: dict[str, Any], baselines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if row["verdict"] not in WORTHY:
        return row
    if row["against_baseline"] in (GUESSING_BASELINE, NO_BETTER_THAN_GUESSING):
        return _refused(row, Reason("only guesses", {"model": row["baseline"]}))
    if (missing := _uncompared(row, baselines)) is not None:
        return {**row, "reasons": Reasons([*row["reasons"], missing])}
    if not takes_baselines(row):
        return row
    # Only a baseline with as good a verdict is a rival: a cheaper one that misses the needs is none.
    values = [
        (_npv_of_baseline(row, baseline), baseline["model"])
        for baseline in baselines
        if VERDICTS.index(baseline["verdict"]) <= VERDICTS.index(row["verdict"])
    ]
    npv_usd, model = max(values, default=(-math.inf, ""))
    if npv_usd < row["npv_mean_usd"] - _AS_GOOD * abs(row["npv_mean_usd"]):
        return row
    code = "baseline better" if row["against_baseline"] == "worse" else "baseline as good"
    return _refused(row, Reason(code, {"model": model, "baseline_usd": npv_usd, "npv_usd": row["npv_mean_usd"]}))


def _uncompared(row: Mapping[str, Any], baselines: Sequence[Mapping[str, Any]]) -> Reason | None:
    """Return what a comparison with the cheap baseline lacks; None if nothing."""
    against, values = row["against_baseline"], {"model": row["baseline"], "task": row["task"]}
    if row["baseline"] is None:
        return None
    if against is None:
        return Reason("baseline not comparable" if baselines else "baseline not measured", values)
    unknown = all(baseline["verdict"] == "not enough evidence" for baseline in baselines)
    return Reason("baseline without value", values) if unknown and against in ("worse", NO_DIFFERENCE) else None


def _refused(row: dict[str, Any], reason: Reason) -> dict[str, Any]:
    # The draws say how likely a loss is, not how likely the baseline earns less.
    reasons = Reasons([reason, *row["reasons"]])
    return {**row, "verdict": "do not invest", "probability_wrong": None, "reasons": reasons}


def _npv_of_baseline(row: Mapping[str, Any], baseline: Mapping[str, Any]) -> float:
    """Return a baseline's expected net present value, at this candidate's error cost if there is no difference."""
    noise = baseline["unit_error_usd"] - row["unit_error_usd"] if row["against_baseline"] == NO_DIFFERENCE else 0.0
    return float(baseline["npv_mean_usd"] + noise * row["discounted_requests"])
