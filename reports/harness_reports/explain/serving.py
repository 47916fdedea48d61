"""Where the figures of the serving table come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from harness.records import Record
from harness_reports.business.capacity import PLANNED_LOAD
from harness_reports.business.serving import HOURS_PER_YEAR, PEAK_FACTOR
from harness_reports.explain.business import Known, right_in_the_end, unit_figures
from harness_reports.explain.market import figure, known, requests
from harness_reports.figures.explained import Explained
from harness_reports.measured import readings as leaf
from harness_reports.measured.quality_figures import quality_share
from harness_reports.prices import price_figures as priced
from harness_reports.prices.pricing import Pricing

_ENERGY = ("energy_j_per_1k", "co2e_g_per_1k")
_PAID = (
    "samples_per_s", "answer_s", "replicas", "replicas_erlang_c", "utilisation", "usd_per_hour", "usd_per_year",
    "idle_usd_per_year", "usd_per_1k_requests", "usd_per_correct_answer", "levelised_usd_per_1k",
)  # fmt: skip


class Served(NamedTuple):
    """What stands behind one row."""

    known: Known
    row: Mapping[str, Any]
    pricing: Pricing
    """Of the row's view."""


def serving_figures(own: Served) -> dict[str, Explained]:
    """Return the figures of a row of the serving table by column."""
    cost = own.known.cost()
    demand = _demand(own)
    paid = _paid(own, demand, cost) if own.row["replicas"] is not None else _unkept(own)
    needed = figure(own.known.market, "latency_s", "needed_latency_s")
    return {each.name: each for each in (*demand, needed, *paid, *(cost[name] for name in _ENERGY))}


def _unkept(own: Served) -> list[Explained]:
    return [Explained(name, None, note=str(own.row["note"])) for name in _PAID]


def _demand(own: Served) -> list[Explained]:
    market, asked = own.known.market, requests(own.known.market)
    retried = known(market, "retry_share")
    factor = figure(market, "peak_factor")
    if factor.value is None:
        factor = Explained("peak_factor", PEAK_FACTOR, source="assumed where a use case says nothing", kind="assumed")
    mean = Explained(
        "requests_per_s", own.row["requests_per_s"], "1/s",
        f"requests_per_year{' * (1 + retry_share)' if retried else ''} / ({HOURS_PER_YEAR} * 3600)",
        inputs=(asked, *retried.values()),
    )  # fmt: skip
    peak = Explained("peak_per_s", own.row["peak_per_s"], "1/s", "requests_per_s * peak_factor", inputs=(mean, factor))
    return [asked, factor, mean, peak]


def _paid(own: Served, demand: list[Explained], cost: Mapping[str, Explained]) -> list[Explained]:
    row, (asked, _, mean, peak) = own.row, demand
    loads = own.known.judged.evidence.measured.servings
    leaves = next(each.leaves for each in loads
                  if (each.scenario, each.batch_size) == (row["scenario"], row["batch_size"]))  # fmt: skip
    speed = leaf.rate(leaves)
    answer = Explained("answer_s", row["answer_s"], "s", source=_latencies(leaves), kind="measured",
                       note="two batches at their slow end: one under way, and its own")  # fmt: skip
    load = "all" if own.known.market.latency_s is None else f"{PLANNED_LOAD:.0%}"
    machines = Explained("replicas", row["replicas"], note="the fewest whole machines that answer peak_per_s at "
                         f"{load} of samples_per_s each", inputs=(peak, speed))  # fmt: skip
    check = Explained("replicas_erlang_c", row["replicas_erlang_c"], note="the fewest servers of single requests with "
                      "which 99 of 100 wait no longer than the limit leaves (M/M/c)", inputs=(peak,))  # fmt: skip
    used = Explained("utilisation", row["utilisation"], formula="requests_per_s / (replicas * samples_per_s)",
                     inputs=(mean, machines, speed))  # fmt: skip
    hourly = priced.hourly(own.known.judged.evidence.measured.machine, own.pricing)
    yearly = Explained("usd_per_year", row["usd_per_year"], "USD", f"usd_per_hour * replicas * {HOURS_PER_YEAR}",
                       note="every hour is paid, idle or not", inputs=(hourly, machines))  # fmt: skip
    idle = Explained("idle_usd_per_year", row["idle_usd_per_year"], "USD", "usd_per_year * (1 - utilisation)",
                     inputs=(yearly, used))  # fmt: skip
    each = Explained("usd_per_1k_requests", row["usd_per_1k_requests"], "USD per 1,000 requests",
                     "usd_per_year / requests_per_year * 1000", inputs=(yearly, asked))  # fmt: skip
    return [speed, answer, machines, check, used, hourly, yearly, idle, each, *_whole(own, each, cost)]


def _latencies(leaves: Sequence[Record]) -> str:
    return "; ".join(f"latency_s of {leaf.who(each)}" for each in leaves)


def _whole(own: Served, each: Explained, cost: Mapping[str, Explained]) -> list[Explained]:
    units, share = unit_figures(own.known, cost), quality_share(own.known.graded)
    right, levelised = own.row["usd_per_correct_answer"], own.row["levelised_usd_per_1k"]
    answer = units["unit_error_usd"], units["unit_review_usd"]
    if right is None:
        per_right = Explained("usd_per_correct_answer", None, note="the metric tells no share of right answers, or "
                              "something was not measured", inputs=(each, share))  # fmt: skip
    else:
        per_right = Explained(
            "usd_per_correct_answer", right, "USD per right answer",
            "(usd_per_1k_requests / 1000 + unit_error_usd + unit_review_usd) / right_in_the_end",
            inputs=(each, *answer, right_in_the_end(own.known.market, share)),
        )  # fmt: skip
    note = (
        "discounted cost over discounted requests, times 1,000: trainings and development, upkeep, retraining, these "
        "machines, and answers; at this price the use case is worth 0"
    )
    rate = figure(own.known.market, "discount_rate")
    return [per_right, Explained("levelised_usd_per_1k", levelised, "USD per 1,000 requests", note=note,
                                 inputs=(each, *answer, rate))]  # fmt: skip
