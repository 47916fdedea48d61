"""The verdict: gates in a fixed order, each with the sentence that says why, and how sure it is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from harness_reports.business.worth import Driver, Flip, Learning
from harness_reports.cells import digits
from harness_reports.economics.simulation import Outcome
from harness_reports.measured.latency import PERCENTILE_CONFIDENCE, Promise

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
    learning: Learning
    measuring_usd: float
    """What an hour of measuring costs."""
    probability_of_success: float


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
    money: Money | None
    unmeasured_needs: tuple[str, ...] = ()


class Turn(NamedTuple):
    """The place at which the money would speak otherwise."""

    loss: float | None
    """A chance of a loss; None: the place where the expected value is 0."""


class Decision(NamedTuple):
    """A verdict."""

    verdict: Verdict
    reasons: list[str]
    turn: Turn | None
    """Where the money would speak otherwise; None where the money is not what decided."""
    probability_wrong: float | None
    """Chance that it turns out wrong; None where there is no verdict."""


def decide(facts: Facts) -> Decision:
    """Return the verdict and its reasons.

    The order: is there evidence · are the needs met · does a request earn money · is a loss unlikely enough · does the
    verdict stand the 10th and 90th percentile of what it hangs on most. `invest` passes all of them; `pilot` is worth
    doing on average, but a loss is likelier than the investor accepts, or a need may be missed.
    """
    if facts.gaps or facts.money is None:
        return Decision("not enough evidence", list(facts.gaps), None, None)
    money, chance = facts.money, facts.money.probability_of_success
    unmet = _unmet(facts)
    if unmet:
        broken = facts.latency is not None and facts.latency.kept == "broken"
        return Decision("do not invest", unmet, None, chance * (1 - PERCENTILE_CONFIDENCE if broken else 1))
    if money.margin_usd <= 0 and money.outcome.mean_usd <= 0:
        why = f"A request loses {usd(-money.margin_usd)}: no volume makes up for that."
        return Decision("do not invest", [why], Turn(None), chance)
    caveats = _caveats(facts)
    if money.outcome.mean_usd <= 0:
        why = (
            f"The expected net present value is {usd(money.outcome.mean_usd)}; it is above 0 with a chance of "
            f"{money.outcome.probability_positive:.0%}."
        )
        return Decision("do not invest", [why, *caveats, *_study(money)], Turn(None), chance)
    doubts = [*_doubts(facts), *_risks(money)]
    if doubts:
        return Decision("pilot", [*doubts, *caveats, *_study(money)], Turn(money.loss_limit), 1 - chance)
    sure = (
        f"The needs are met and the net present value is above 0 with a chance of "
        f"{money.outcome.probability_positive:.0%}, {usd(money.outcome.p05_usd)} at its 5th percentile."
    )
    return Decision("invest", [sure, *caveats], Turn(money.loss_limit), 1 - chance)


def needs_met(facts: Facts) -> Literal["yes", "maybe", "no"] | None:
    """Return whether quality and latency are what is needed, as `decide` sees it; None where that is not known."""
    if facts.gaps:
        return None
    return "no" if _unmet(facts) else "maybe" if _doubts(facts) else "yes"


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
    _, bad = _sides(facts)
    if not _falls_short(facts, bad):
        return []
    metric = facts.accuracy["metric"]
    return [f"{metric} may be as bad as {bad:.4g} where {facts.needed_quality:.4g} is needed: grade more items."]


def _risks(money: Money) -> list[str]:
    found = money.outcome
    loss = 1 - found.probability_positive
    if loss > money.loss_limit:
        between = f"between {usd(found.p05_usd)} and {usd(found.p95_usd)}"
        accepted = f"{loss:.0%} where {money.loss_limit:.0%} is accepted"
        return [f"The net present value is {between}, maybe a loss, with a chance of {accepted}."]
    turned = [driver for driver in money.drivers[:TOP] if min(driver.low_usd, driver.high_usd) <= 0]
    return [
        f"It hangs on {driver.name}: at its {'10th' if driver.low_usd <= 0 else '90th'} percentile the expected net "
        f"present value is {usd(min(driver.low_usd, driver.high_usd))}."
        for driver in turned
    ]


def _study(money: Money) -> list[str]:
    """Say whether another hour of measuring is worth it."""
    hour = money.learning.hour_usd
    if hour is None or hour <= money.measuring_usd:
        return []
    return [f"Another hour of measuring is worth {usd(hour)} and costs {usd(money.measuring_usd)}: measure first."]


def _caveats(facts: Facts) -> list[str]:
    found = []
    if facts.accuracy["seeds"] == 1:
        found.append("One seed: the spread between trainings is not in the interval.")
    if facts.unmeasured_needs:
        found.append(f"Not measured here: {', '.join(facts.unmeasured_needs)}.")
    return found


def flip_sentence(verdict: Verdict, flip: Flip | None) -> str | None:
    """Say at which price, volume or cost the verdict on the money would be another."""
    if flip is None:
        return None
    names = {
        "value_per_request_usd": "a request brings {}", "requests_per_year": "there are {} requests a year",
        "serving_usd_per_request": "serving a request costs {}",
    }  # fmt: skip
    parts = []
    for name, said in names.items():
        value = getattr(flip, name)
        if value is not None:
            parts.append(said.format(_count(value) if name == "requests_per_year" else usd(value)))
    if not parts:
        return None
    turns = {
        "invest": "It is a pilot once",
        "pilot": "It is an investment once",
        "do not invest": "It is worth trying once",
    }
    return f"{turns[verdict]} {', or '.join(parts)}."


def _count(value: float) -> str:
    """Return a number of requests to four digits, written out: 2,155,000,000."""
    return f"{float(f'{value:.4g}'):,.0f}"


def against_the_baseline(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Take the verdict back where the task's cheap baseline does as well and is worth at least as much.

    A difference of quality within its interval is worth nothing: where the two cannot be told apart, the baseline's
    worth is reckoned with the errors of the candidate.
    """
    return [_compared(row, [other for other in rows if _is_baseline_of(other, row)]) for row in rows]


def _is_baseline_of(other: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    return all(other[name] == row[name] for name in ("task", "source")) and other["model"] == row["baseline"]


def _compared(row: dict[str, Any], baselines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if row["verdict"] not in ("invest", "pilot") or row["against_baseline"] not in ("worse", "not told apart"):
        return row
    worths = [
        (_worth_beside(row, rival), rival["model"])
        for rival in baselines
        if VERDICTS.index(rival["verdict"]) <= VERDICTS.index(row["verdict"])
    ]
    worth, model = max(worths, default=(-math.inf, ""))
    if worth < row["npv_usd"]:
        return row
    how = "is better" if row["against_baseline"] == "worse" else "cannot be told apart in quality"
    reason = f"The cheap baseline {model!r} {how} and is worth {usd(worth)}, this {usd(row['npv_usd'])}."
    return {**row, "verdict": "do not invest", "reasons": f"{reason} {row['reasons']}", "flip": None}


def _worth_beside(row: Mapping[str, Any], rival: Mapping[str, Any]) -> float:
    """Return a rival's net present value; with this candidate's errors where they cannot be told apart in quality."""
    noise = rival["unit_error_usd"] - row["unit_error_usd"] if row["against_baseline"] == "not told apart" else 0.0
    return float(rival["npv_usd"] + noise * row["discounted_requests"])


def usd(amount: float) -> str:
    """Return an amount as people write it: whole dollars where they are many, significant digits where they are few."""
    sign = "-" if amount < 0 else ""
    size = abs(amount)
    return f"{sign}{size:,.0f} USD" if size >= 100 else f"{sign}{digits(size, 3)} USD"  # noqa: PLR2004 - cents no longer matter
