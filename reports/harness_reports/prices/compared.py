"""Cost, latency and energy of candidates beside quality: ratios to the reference's, with intervals and tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from harness.errors import FactError
from harness.records import Record
from harness_reports.economics.distributions import Fixed
from harness_reports.measured import intervals, latency, paired, ratios
from harness_reports.measured.comparison import COMPARISON, LEVEL, comparison_rows
from harness_reports.measured.judgement import not_validated
from harness_reports.measured.pairs import Pair, pairs
from harness_reports.measured.quality_figures import NO_DIFFERENCE
from harness_reports.measured.results import Measured, Results
from harness_reports.measured.single_latency import Timed, alike, timed
from harness_reports.prices.cost import cost_row
from harness_reports.prices.cost_figures import cost_figures
from harness_reports.prices.machine_rate import machine_rate
from harness_reports.prices.pricing import Pricing
from harness_reports.prices.request_energy import RequestEnergy
from harness_reports.prices.usage import Bill, is_served, pays_calls
from harness_reports.reasons import Reason, Reasons, as_text

_PLACE = COMPARISON.index("difference") + 1
COMPARED = (*COMPARISON[:_PLACE], "ratio", *COMPARISON[_PLACE:-1], "note", "stale")
"""Columns of the comparison; those of differences are None for ratios, and the other way round."""
USD, MEDIAN, P99, ENERGY = "usd_per_1k_inferences", "latency_median_s", "latency_sample_p99_s", "energy_j_per_1k"
UNITS = {USD: "USD per 1,000 inferences", MEDIAN: "s", P99: "s", ENERGY: "J per 1,000 inferences"}
"""What stands beside quality: less is better."""
_SHARES = {MEDIAN: 0.5, P99: 0.99}
BETWEEN = Reason("energy between bounds")


class Side(NamedTuple):
    """A figure of one candidate."""

    value: float | None
    draws: np.ndarray | None = None
    """None where its spread is not known."""
    remarks: tuple[Reason, ...] = ()
    """Why it has no value or no draws, and what a reader has to know of it."""
    calls_usd: np.ndarray | None = None
    """Of calls: the price of each item's, NaN where its tokens are not known, shape (seeds, items)."""


def compared(
    records: Sequence[Record], names: Sequence[str], pricing: Pricing, *, task: str | None = None,
    data: str | None = None, metric: str | None = None, margin: float | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return candidates beside a reference: quality, cost, latency and energy, each with its interval and its test.

    There are five rows for each candidate and each task on which it and the reference graded the same items. The first
    is that of `measured.comparison.comparison`: the `difference` in quality. The others have a `ratio`, the candidate's
    figure over the reference's, with the ends of its 95 % interval in `low` and `high`; `p_corrected` holds the level
    of 5 % over all rows of the same metric (Holm), and `result` is `lower`, `higher` or `no significant difference`.

    - `usd_per_1k_inferences`, as in the cost table. Where both are paid by the call, prices of calls for the same items
      are paired (those of which both servers said the tokens): items are resampled together, and signs of paired
      differences flipped. Else both costs are drawn apart and draws are the test.
    - `latency_median_s` and `latency_sample_p99_s` of requests served one after the other; where a side has none, of
      the calls of its evaluation, paired by item where both have those of one evaluation. Requests are resampled,
      those of several records together. Both are percentiles of the sample, that of 99 % from 662 requests on; other
      tables show a bound that lies above it.
    - `energy_j_per_1k` of Offline, as in the cost table. Metered energy of several records is resampled; an estimate
      has the distribution between idle and busy processors. Both sides are drawn apart.

    Where a side has no value the ratio is None, where its spread is not known the interval and the test are; `note`
    says why, and what else to know of a figure: of quality that a judge alone graded it.

    Args:
        records: of any step and outcome.
        names: the reference and the candidates, as in `comparison`.
        pricing: the prices; a candidate whose machine has none has no cost.
        task: only this task.
        data: only the data of this name.
        metric: of quality, instead of the deciding one.
        margin: of quality, in the metric's unit.

    Raises:
        FactError: there is one name only, or one twice, or the margin is below 0.
        StoreError: a name is unknown or stands for several candidates, nothing could be compared, or items differ.
    """
    cost = cache(partial(_cost, pricing=pricing))  # the reference's is in every pair
    every = pairs(Results.of(records), names, task=task, data=data, metric=metric)
    rows = [
        {**dict.fromkeys(COMPARED), **row} for graded, pair in zip(comparison_rows(every, margin), every, strict=True)
        for row in ({**graded, "note": _judged(pair)}, *_beside(pair, cost))
    ]  # fmt: skip
    for name in UNITS:
        _correct([row for row in rows if row["metric"] == name and row["p"] is not None])
    return pd.DataFrame(map(as_text, rows), columns=list(COMPARED))


def _correct(rows: Sequence[dict[str, Any]]) -> None:
    for row, p in zip(rows, paired.holm([row["p"] for row in rows]), strict=True):
        row |= {"p_corrected": p, "result": NO_DIFFERENCE if p >= LEVEL else "lower" if row["ratio"] < 1 else "higher"}


def _judged(pair: Pair) -> Reasons | None:
    """Return that a judge alone graded a side; None where people did too, and of other metrics."""
    sides = ((pair.name, pair.quality), (pair.reference_name, pair.reference))
    marks = [
        Reason("of a run", {"run": name, "why": Reasons([mark])})
        for name, quality in sides if quality.by_judge_alone and (mark := not_validated(quality.newest))
    ]  # fmt: skip
    return Reasons(marks) if marks else None


def _beside(pair: Pair, cost: Callable[[Measured], Side]) -> Iterator[dict[str, Any]]:
    """Yield a row for each figure beside quality."""
    both = (pair.measured, pair.reference_measured)
    sides = [cost(each) for each in both]
    yield _row(pair, USD, sides, *(_paired_calls(pair, sides) or (_apart(sides), None)))
    yield from _latencies(pair)
    sides = [_energy(each, stream) for stream, each in enumerate(both)]
    yield _row(pair, ENERGY, sides, _named(_apart(sides), sides))


def _row(
    pair: Pair, metric: str, sides: Sequence[Side], ratio: ratios.Ratio | None, items: int | None = None
) -> dict[str, Any]:
    ours, theirs = sides
    remarks = [
        Reason("of a run", {"run": name, "why": side.remarks})
        for name, side in ((pair.name, ours), (pair.reference_name, theirs)) if side.remarks
    ]  # fmt: skip
    if ratio is None and ours.value is not None and theirs.value == 0:
        remarks.append(Reason("reference is nothing", {"reference": pair.reference_name}))
    test = ratio and ratio.test
    return {
        "task": pair.quality.key.task, "data": pair.quality.key.data, "metric": metric, "unit": UNITS[metric],
        "candidate": pair.name, "reference": pair.reference_name, "items": items, "value": ours.value,
        "reference_value": theirs.value, "ratio": ratio and ratio.value, "low": ratio and ratio.low,
        "high": ratio and ratio.high, "test": test and test.method, "p": test and test.p,
        "note": Reasons(remarks) or None, "stale": pair.measured.key.stale or pair.reference_measured.key.stale,
    }  # fmt: skip


def _apart(sides: Sequence[Side]) -> ratios.Ratio | None:
    """Return the ratio of two sides that were measured apart, None where one has no value or the reference's is 0."""
    ours, theirs = sides
    if ours.value is None or not theirs.value:
        return None
    return ratios.of_apart(ours.value / theirs.value, ours.draws, theirs.draws)


# Cost -----------------------------------------------------------------------------------------------------------------


def _cost(measured: Measured, pricing: Pricing) -> Side:
    try:
        row = cost_row(measured, cost_figures(measured, pricing), pricing)
    except FactError as error:
        return Side(None, None, (Reason("machine without a price", {"why": str(error)}),))
    note, value, draws = row["note"], row[USD], row[f"{USD}_draws"]
    remarks = (note,) if isinstance(note, Reason) else tuple(note or ())
    if value is None:
        return Side(None, None, remarks if pays_calls(measured.machine, pricing) else (*remarks, _unserved(measured)))
    if draws is None:
        loaded = machine_rate(measured).load
        remarks = (*remarks, Reason("spread under load not known" if loaded else "spread of rate not known"))
    return Side(value, draws, remarks, _calls_usd(measured, pricing))


def _unserved(measured: Measured) -> Reason:
    why_not = machine_rate(measured).why_not
    if why_not is not None and (is_served(measured.machine) or why_not.code != "load not measured"):
        return why_not
    return Reason("serving not measured", {"scenario": "Offline"})


def _calls_usd(measured: Measured, pricing: Pricing) -> np.ndarray | None:
    bill = Bill(measured, pricing.as_of)
    if not pays_calls(measured.machine, pricing) or bill.gap:
        return None
    usd = np.full((bill.requests.shape[0], bill.counted.size), np.nan)
    usd[:, bill.counted] = bill.usd_of_requests
    return usd


def _paired_calls(pair: Pair, sides: Sequence[Side]) -> tuple[ratios.Ratio, int] | None:
    """Return the ratio over calls for the same items, and their number; None where they are not paid by the call."""
    ours, theirs = (side.calls_usd for side in sides)
    if ours is None or theirs is None or (ours.shape[1], theirs.shape[1]) != (pair.quality.items, pair.reference.items):
        return None
    rows, other_rows = pair.shared_rows
    ours, theirs = ours[:, rows], theirs[:, other_rows]
    both = ~(np.isnan(ours).any(axis=0) | np.isnan(theirs).any(axis=0))
    ours, theirs = ours[:, both], theirs[:, both]
    if ours.shape[1] < 2 or not theirs.sum():  # noqa: PLR2004 - one call has no spread
        return None
    test = paired.sign_flips(ours.mean(axis=0) - theirs.mean(axis=0))
    value = float(ours.mean() / theirs.mean())
    return ratios.of_together(value, *intervals.paired_draws(ours, theirs), test), ours.shape[1]


# Latency --------------------------------------------------------------------------------------------------------------


def _latencies(pair: Pair) -> Iterator[dict[str, Any]]:
    times = alike(timed(pair.measured), timed(pair.reference_measured))
    by_item = _by_item(pair, times)
    for metric, share in _SHARES.items():
        sides = [_quantile(each, share) for each in times]
        counts = [each.seconds.size for each in times if each is not None]
        if by_item is None or any(side.draws is None for side in sides):
            yield _row(pair, metric, sides, _apart(sides), min(counts) if len(counts) == len(times) else None)
            continue
        values = [ratios.sample_quantile(each, share) for each in by_item]
        draws = ratios.paired_quantile_draws(*by_item, share)
        yield _row(pair, metric, sides, ratios.of_together(values[0] / values[1], *draws), by_item[0].size)


def _quantile(times: Timed | None, share: float) -> Side:
    if times is None:
        return Side(None, None, (Reason("single requests not timed"),))
    remarks = () if times.in_flight is None else (Reason("latency of calls", {"in_flight": times.in_flight}),)
    needed, count = latency.minimum_count(share), times.seconds.size
    if count < needed:
        few = Reason("latencies few", {"share": share, "needed": needed, "count": count})
        return Side(None, None, (*remarks, few))
    seconds = times.seconds
    return Side(ratios.sample_quantile(seconds, share), ratios.quantile_draws(seconds, share), remarks)


def _by_item(pair: Pair, times: tuple[Timed | None, Timed | None]) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the seconds of calls for the same items that both answered; None where they cannot be paired."""
    sides = [each and each.by_item for each in times]
    counts = (pair.quality.items, pair.reference.items)
    if any(side is None or side.size != items for side, items in zip(sides, counts, strict=True)):
        return None
    ours, theirs = (np.asarray(side)[rows] for side, rows in zip(sides, pair.shared_rows, strict=True))
    both = ~np.isnan(ours + theirs)
    return (ours[both], theirs[both]) if both.sum() >= latency.minimum_count(0.5) and theirs[both].all() else None


# Energy ---------------------------------------------------------------------------------------------------------------


def _named(ratio: ratios.Ratio | None, sides: Sequence[Side]) -> ratios.Ratio | None:
    """Return a ratio whose test says that it rests on the bounds of an estimate, where it does."""
    if ratio is None or ratio.test is None or not any(BETWEEN in side.remarks for side in sides):
        return ratio
    return ratio._replace(test=ratio.test._replace(method="draws of an estimate"))


def _energy(measured: Measured, stream: int) -> Side:
    window = measured.fastest.get("Offline")
    if is_served(measured.machine):
        return Side(None, None, (Reason("energy of a server not known"),))
    if window is None:
        return Side(None, None, (Reason("serving not measured", {"scenario": "Offline"}),))
    energy = RequestEnergy(window.leaves)
    if energy.band.middle.value is None:
        return Side(None, None, (Reason("energy neither read nor estimable"),))
    value, distribution = 1000 * energy.band.middle.value, energy.distribution
    if distribution is None or isinstance(distribution, Fixed):
        return Side(value, None, (Reason("energy of one window"),))
    shares = np.random.default_rng([12, stream]).uniform(size=intervals.RESAMPLES)
    remarks = (BETWEEN,) if energy.band.kind == "estimated" else ()
    return Side(value, 1000 * distribution.quantile(shares), remarks)
