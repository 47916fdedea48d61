"""The cascade table, its figures, and the points of cascades in the frontier table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from harness.records import Record
from harness_reports.figures.explained import Explained, derived, named, values
from harness_reports.measured.cascade import checked_threshold
from harness_reports.measured.intervals import interval_of, mean_interval
from harness_reports.measured.latency import percentile
from harness_reports.measured.lineage import Candidate
from harness_reports.measured.quality import Quality, best_baseline
from harness_reports.measured.quality_figures import quality_figures
from harness_reports.measured.results import Measured, Results
from harness_reports.measured.single_latency import chained_s
from harness_reports.prices.cascade import At, Cascade, Part, cascades, one_for_each
from harness_reports.prices.pricing import Pricing
from harness_reports.reasons import Reason, as_text

CASCADE = (
    "task", "data", "metric", "unit", "cheap", "cheap_hardware", "expensive", "expensive_hardware", "threshold",
    "chosen", "tolerance", "share", "share_low", "share_high", "value", "low", "high", "cheap_value", "expensive_value",
    "difference", "difference_low", "difference_high", "usd_per_1k_inferences", "usd_per_1k_low", "usd_per_1k_high",
    "cheap_usd_per_1k", "expensive_usd_per_1k", "latency_p99_s", "train_usd", "evaluate_usd", "seeds",
    "validation_items", "items", "note", "price_stale", "stale",
)  # fmt: skip
PER_1K = "USD per 1,000 inferences"
USD = "usd_per_1k_inferences"
_P99 = 0.99
_OFFER = ("offer", "provider", "region", "as_of", "source")
_OF_THRESHOLD = (
    "threshold", "share", "share_low", "share_high", "value", "low", "high", "difference", "difference_low",
    "difference_high", USD, "usd_per_1k_low", "usd_per_1k_high", "latency_p99_s",
)  # fmt: skip


def cascade(records: Sequence[Record], pricing: Pricing, threshold: float | None = None) -> pd.DataFrame:
    """Return one row for each candidate on the frontier of cost and quality with a cheap one before it.

    Of the cheap ones it is that with which requests cost least on validation. The cheap candidate answers where its
    confidence is at least `threshold`; other requests are passed on to the expensive one. `share` of the test items
    is passed on; `value` is the quality of all answers, `difference` that less the expensive one's, each with its
    95 % interval (the same resampled items in both parts). A request costs the cheap one, and the expensive one
    where it is passed on; calls are priced by the tokens of the items that are passed on. `train_usd` and
    `evaluate_usd` are the bills of both. `latency_p99_s` is that of requests one at a time: the cheap one's, and
    the expensive one's after it where they are passed on.

    The threshold is the least one that loses at most `tolerance` of the expensive one's quality on the validation split
    (a hundredth of the metric's ceiling): as many requests as possible stay with the cheap one. Without a use case
    quality and cost have no common unit; `alternatives`, which has one, takes the threshold with the highest net
    present value. Everything else is read on the test split, which had no part in the choice.

    Where a pair has no cascade, `note` says why: records keep the answers to validation if the suite says
    `evaluate: {validation: true}`, and a model that only names its answer says no confidence, so it cannot be first.

    Args:
        records: of any step and outcome.
        pricing: the prices.
        threshold: from 0 to 1, for every pair; else it is chosen.

    Raises:
        FactError: the threshold is none, or a record's hardware has no price.
    """
    made = cascade_rows(Results.of(records), pricing, threshold)
    return pd.DataFrame([as_text(row.cells) for row in made], columns=list(CASCADE))


class CascadeRow(NamedTuple):
    """A row of the cascade table."""

    cells: dict[str, Any]
    figures: dict[str, Explained]


def cascade_rows(results: Results, pricing: Pricing, threshold: float | None = None) -> list[CascadeRow]:
    """Return the rows of the cascade table with their figures; raises as `cascade`."""
    given = None if threshold is None else checked_threshold(threshold)
    parts = [Part.of(candidate, pricing) for candidate in results.evaluated]
    made = cascades(parts, threshold=given)
    return [_row(each, given) for each in (made if given is not None else one_for_each(made, _worth))]


def _worth(cascade: Cascade) -> float:
    """Return the cost of a request on validation, negative, at the threshold that is chosen there."""
    pair, cheap = cascade.pair, cascade.cheap.usd_per_1k
    threshold = None if pair.gap(("validation",)) else pair.cheapest()
    if threshold is None or cheap is None:
        return -math.inf
    share = float(pair.answers("validation").passed(threshold).mean())
    return -cheap - share * 1000 * float(cascade.passed_usd("validation", np.array([threshold]))[0])


def chosen(cascade: Cascade) -> At | None:
    """Return a cascade at the threshold that is chosen on validation, None where there is none."""
    threshold = None if cascade.pair.gap() else cascade.pair.cheapest()
    return None if threshold is None else cascade.at(threshold)


def _row(cascade: Cascade, given: float | None) -> CascadeRow:
    pair, (cheap, expensive) = cascade.pair, cascade.pair.qualities
    at, note = _at(cascade, given)
    figures = {each.name: each for each in (*_of_parts(cascade), *_of_both(cascade, at, note))}
    counts = {} if at is None else {"items": at.quality.items, "seeds": len(at.quality.leaves)}
    if not pair.gap():
        counts["validation_items"] = pair.answers("validation").cheap.shape[1]
    cells = {
        **dict.fromkeys(CASCADE), "task": expensive.key.task, "data": expensive.key.data, "metric": expensive.name,
        "unit": expensive.unit, "cheap": pair.names[0], "expensive": pair.names[1],
        "cheap_hardware": cheap.key.hardware, "expensive_hardware": expensive.key.hardware,
        "chosen": None if at is None else "given" if given is not None else "on validation",
        "tolerance": pair.tolerance() if given is None else None, "note": note, **counts, **values(figures),
        "price_stale": cascade.cheap.cost["price_stale"] or cascade.expensive.cost["price_stale"],
        "stale": cheap.key.stale or expensive.key.stale,
    }  # fmt: skip
    return CascadeRow(cells, figures)


def _at(cascade: Cascade, given: float | None) -> tuple[At | None, Reason | None]:
    """Return the cascade at its threshold, or why there is none."""
    if given is not None:
        gap = cascade.pair.gap(("test",))
        return (None, gap) if gap else (cascade.at(given), None)
    if gap := cascade.pair.gap():
        return None, gap
    at = chosen(cascade)
    return at, None if at else Reason("cascade loses quality", {"tolerance": cascade.pair.tolerance()})


def _of_parts(cascade: Cascade) -> Iterator[Explained]:
    """Yield the figures of the two candidates, and the bills of both."""
    both = {"cheap": cascade.cheap, "expensive": cascade.expensive}
    for (name, part), quality in zip(both.items(), cascade.pair.qualities, strict=True):
        yield named(quality.figure, f"{name}_value")
        yield named(part.figures[USD], f"{name}_usd_per_1k")
    for column in ("train_usd", "evaluate_usd"):
        parts = [named(part.figures[column], f"{name}_{column}") for name, part in both.items()]
        yield derived(column, "USD", " + ".join(part.name for part in parts), *parts)


def _of_both(cascade: Cascade, at: At | None, why: Reason | None) -> Iterator[Explained]:
    if at is None:
        note = "" if why is None else why.sentence("en")
        yield from (Explained(name, None, PER_1K if "usd" in name else "", note=note) for name in _OF_THRESHOLD)
        return
    threshold = Explained(
        "threshold", at.threshold, note="of the cheap one's confidence: below it a request is passed on"
    )
    share = _with_ends(_share(at, threshold), ("share_low", "share_high"), mean_interval(at.passed))
    yield threshold
    yield from share if at.threshold > 0 else (share[0], *(named(share[0], end.name) for end in share[1:]))
    graded = quality_figures(at.quality, None)
    yield from (graded[name] for name in ("value", "low", "high"))
    yield from _difference(at.quality, cascade.pair.qualities[1])
    cost = cost_figure(at, share[0])
    draws = at.usd_draws
    ends = None if draws is None else interval_of(draws)
    yield from _with_ends(cost, ("usd_per_1k_low", "usd_per_1k_high"), ends)
    yield _latency(cascade, at)


def _share(at: At, threshold: Explained) -> Explained:
    note = f"of {at.quality.items:,} items of the test split those with less confidence than the threshold"
    source = "; ".join(f"answers in record {leaf.id}" for leaf, _ in at.cascade.pair.leaves)
    return Explained("share", at.share, note=note, source=source, kind="measured", inputs=(threshold,))


def _with_ends(point: Explained, names: Sequence[str], ends: tuple[float, float] | None) -> list[Explained]:
    """Return a figure and the ends of its 95 % interval, None where the spread of a part is not known."""
    note = "th percentile of draws: seeds are resampled, then items; rates of machines by their batches"
    if ends is None:
        unknown = "the spread of the cost of a part is not known"
        return [point, *(Explained(name, None, point.unit, note=unknown, inputs=(point,)) for name in names)]
    return [point, *(Explained(name, end, point.unit, note=f"{share}{note}", inputs=(point,))
                     for name, end, share in zip(names, ends, ("2.5", "97.5"), strict=True))]  # fmt: skip


def _difference(quality: Quality, expensive: Quality) -> list[Explained]:
    ours, theirs = quality.beside(expensive)
    note = "the cascade's quality less the expensive one's on the same items"
    point = Explained("difference", float(ours.mean() - theirs.mean()), quality.unit, note=note,
                      inputs=(quality.figure, named(expensive.figure, "expensive_value")))  # fmt: skip
    return _with_ends(point, ("difference_low", "difference_high"), quality.minus(expensive))


def cost_figure(at: At, share: Explained) -> Explained:
    """Return the cost of 1,000 requests: the cheap one's, and the expensive one's for the share that is passed on."""
    cheap, expensive = (part.figures[USD] for part in (at.cascade.cheap, at.cascade.expensive))
    if at.cascade.expensive.bill is None:
        passed = named(expensive, "passed_usd_per_1k")
    else:
        note = "the mean price of the calls for the items that are passed on, by their own tokens"
        passed = Explained("passed_usd_per_1k", at.passed_usd * 1000, PER_1K, note=note, inputs=(expensive,))
    formula = "cheap_usd_per_1k + share * passed_usd_per_1k"
    return derived(USD, PER_1K, formula, named(cheap, "cheap_usd_per_1k"), share, passed)


def _latency(cascade: Cascade, at: At) -> Explained:
    cheap, expensive = (_single_s(part.measured) for part in (cascade.cheap, cascade.expensive))
    name, chained = "latency_p99_s", chained_s(cheap, expensive, at.share) if cheap else []
    if at.share and not expensive:
        return Explained(name, None, "s", note="latencies of the expensive one were not measured")
    note = (
        f"of {len(chained):,} latencies of single requests: the cheap one's, and the expensive one's after it for "
        "the share that is passed on; each measured latency counts once"
    )
    return Explained(name, percentile(chained, _P99), "s", note=note)


def _single_s(measured: Measured) -> list[float]:
    """Return the latencies of single requests; of calls that were not served so, those of the evaluation."""
    single = measured.fastest.get("SingleStream")
    if single is not None and single.latencies_s():
        return single.latencies_s()
    leaves = measured.quality.leaves if measured.quality else []
    columns = [leaf.usage.get("test", {}).get("latency_s", []) for leaf in leaves]
    return [float(second) for column in columns for second in column if second is not None]


# Frontier -------------------------------------------------------------------------------------------------------------


def points_of(
    parts: Sequence[Part], qualities: Mapping[Candidate, Quality], metric: str | None = None
) -> list[dict[str, Any]]:
    """Return rows of the frontier table for cascades that pass on some of the items, and not all.

    Args:
        parts: candidates with their costs.
        qualities: of all candidates, for the comparison with the baseline.
        metric: in place of the deciding one.
    """
    made = [chosen(cascade) for cascade in one_for_each(cascades(parts, metric), _worth)]
    return [_point(at, qualities) for at in made if at is not None and 0 < at.share < 1]


def _point(at: At, qualities: Mapping[Candidate, Quality]) -> dict[str, Any]:
    cascade, quality = at.cascade, at.quality
    cheap, expensive = (each.key for each in cascade.pair.qualities)
    draws = at.usd_draws
    low, high = (None, None) if draws is None else interval_of(draws)
    trained = [part.cost["train_usd"] for part in (cascade.cheap, cascade.expensive)]
    left_out = ("size", "start", "device", "batch_size", "variant", "judgement")
    costs, offer = (cascade.cheap.cost, cascade.expensive.cost), [f"price_{name}" for name in _OFFER]
    return {
        **dict.fromkeys(left_out),
        **{name: costs[0][name] if costs[0][name] == costs[1][name] else None for name in offer},
        **values(quality_figures(quality, best_baseline(quality, qualities.values()))),
        "task": expensive.task, "data": expensive.data, "source": expensive.source, "model": cascade.pair.model,
        "hardware": _both(cheap.hardware, expensive.hardware), "runtime": "cascade",
        "precision": _both(cheap.precision, expensive.precision), "stale": cheap.stale or expensive.stale,
        "metric": quality.name, "unit": quality.unit, "seeds": len(quality.leaves), "items": quality.items,
        "higher_is_better": quality.metric["higher_is_better"], "baseline": quality.baseline,
        USD: at.usd_per_1k, "usd_per_1k_low": low, "usd_per_1k_high": high,
        "train_usd": None if None in trained else sum(trained),
        "price_stale": cascade.cheap.cost["price_stale"] or cascade.expensive.cost["price_stale"],
    }  # fmt: skip


def _both(one: str, other: str) -> str:
    return one if one == other else f"{one} + {other}"
