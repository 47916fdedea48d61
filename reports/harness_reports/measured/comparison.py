"""The comparison table: candidates against a reference over the same items."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from harness.errors import StoreError, unknown
from harness.records import Record
from harness_reports.measured import intervals, paired
from harness_reports.measured.lineage import label
from harness_reports.measured.quality import Quality
from harness_reports.measured.quality_figures import NO_DIFFERENCE
from harness_reports.measured.results import Measured, Results

COMPARISON = (
    "task", "data", "metric", "unit", "candidate", "reference", "items", "value", "reference_value", "difference",
    "low", "high", "test", "p", "p_corrected", "result", "items_won", "items_lost", "margin", "within_margin",
    "detectable", "point", "items_for_point", "unpaired_low", "unpaired_high", "unpaired_p",
)  # fmt: skip
LEVEL = 0.05
"""Of all tests of a comparison together."""


_Place = tuple[str | None, ...]
"""Task, data and metric."""


class Pair(NamedTuple):
    """A candidate beside the reference, graded by the same metric on the same data."""

    name: str
    reference_name: str
    quality: Quality
    reference: Quality


def comparison(
    records: Sequence[Record], names: Sequence[str], *, task: str | None = None, metric: str | None = None,
    margin: float | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return one row for each candidate and each task on which it and the reference graded the same items.

    `difference` is the candidate's value less the reference's; `low` and `high` are the ends of its 95 % interval,
    paired by item. `p` is of McNemar's exact test where one training of each answers right or wrong, of sign flips for
    other means, of bootstrap draws for metrics that are no mean; `p_corrected` holds the level of 5 % over all rows
    (Holm). `within_margin` says whether the candidate is shown to be worse by less than the margin (the interval's
    worse end). `detectable` is the smallest difference that so many items show 8 times in 10, `items_for_point` how
    many items would show `point`, a hundredth of the metric's ceiling (of the reference's value where it has none).
    `unpaired_` are of the test that does not pair.

    Args:
        records: of any step and outcome.
        names: the reference and the candidates, each by its model, by its name in charts (`bert tiny`), or with its
            runtime (`bert tiny@eager`).
        task: only this task.
        metric: instead of the deciding one.
        margin: in the metric's unit.

    Raises:
        StoreError: a name is unknown or stands for several candidates, or nothing could be compared.
    """
    rows = [_row(pair, margin) for pair in pairs(Results.of(records), names, task=task, metric=metric)]
    for row, p in zip(rows, paired.holm([row["p"] for row in rows]), strict=True):
        better = row.pop("gain") > 0
        row |= {"p_corrected": p, "result": NO_DIFFERENCE if p >= LEVEL else "better" if better else "worse"}
    return pd.DataFrame(rows, columns=list(COMPARISON))


def pairs(results: Results, names: Sequence[str], *, task: str | None = None, metric: str | None = None) -> list[Pair]:
    """Return the candidates beside the reference, which is named first; raises as `comparison`."""
    if len(dict.fromkeys(names)) < len(names):
        raise StoreError("A name is given twice: a candidate is compared with another one.")
    reference = _graded(results, names[0], task, metric)
    others = [_graded(results, name, task, metric, beside=reference) for name in names[1:]]
    compared = [
        Pair(name, names[0], quality, reference[place])
        for name, by_place in zip(names[1:], others, strict=True)
        for place, quality in by_place.items()
        if place in reference
    ]
    if not compared:
        raise StoreError(_why_nothing(names, reference, others))
    return compared


def _graded(
    results: Results, name: str, task: str | None, metric: str | None, beside: Mapping[_Place, Quality] | None = None
) -> dict[_Place, Quality]:
    """Return what a name stands for, one candidate for each task, data and metric.

    Of one that was measured in several runtimes it is that in the runtime of `beside`, the reference.
    """
    measured = [each for each in results.evaluated if task in (None, each.key.task)]
    named = [each for each in measured if name in _names(each)]
    if not named:
        raise StoreError(unknown("candidate", name, {each.key.model for each in measured}))
    groups: dict[_Place, list[tuple[Measured, Quality]]] = defaultdict(list)
    for each in named:
        quality = each.quality if metric is None else each.quality_in(metric)
        if quality is not None and math.isfinite(quality.value):  # answers that nobody graded have none
            groups[quality.place].append((each, quality))
    return {place: _only(name, group, (beside or {}).get(place)) for place, group in groups.items()}


def _only(name: str, group: Sequence[tuple[Measured, Quality]], beside: Quality | None) -> Quality:
    alike = [quality for _, quality in group if beside is not None and quality.key.runtime == beside.key.runtime]
    if len(group) == 1 or len(alike) == 1:
        return alike[0] if alike else group[0][1]
    choices = ", ".join(repr(_names(each)[-1]) for each, _ in group)
    raise StoreError(f"{name!r} is several candidates on {group[0][0].key.task}: name one of {choices}.")


def _names(measured: Measured) -> list[str]:
    """Return the names of a candidate, the most exact last."""
    model, short = measured.key.model, label({**measured.columns, "stale": None})
    runtime = measured.key.runtime
    return list(dict.fromkeys([model, short, f"{model}@{runtime}", f"{short}@{runtime}"]))


def _why_nothing(names: Sequence[str], reference: Mapping[_Place, Any], others: Sequence[Mapping[_Place, Any]]) -> str:
    where = [", ".join(sorted({str(place[0]) for place in graded})) for graded in (reference, *others)]
    listed = "; ".join(f"{name} on {tasks or 'nothing'}" for name, tasks in zip(names, where, strict=True))
    return (
        f"No other candidate answered the items of {names[0]!r}, graded by the same metric ({listed}). Run them on the "
        "same task and data."
    )


def _row(pair: Pair, margin: float | None) -> dict[str, Any]:
    quality, reference = pair.quality, pair.reference
    draws = quality.difference_draws(reference)
    low, high = intervals.interval_of(draws)
    sign, items = quality.sign, min(quality.items, reference.items)
    difference, error, of_items = _difference(quality, reference, draws)
    point = _point(reference)
    return {
        "task": quality.key.task, "data": quality.key.data, "metric": quality.name, "unit": quality.unit,
        "candidate": pair.name, "reference": pair.reference_name, "items": items, "value": quality.value,
        "reference_value": reference.value, "difference": difference, "low": low, "high": high,
        "margin": margin, "within_margin": None if margin is None else min(sign * low, sign * high) > -margin,
        "detectable": paired.detectable(error), "point": point, "items_for_point": paired.needed(error, items, point),
        "gain": sign * difference, **of_items,
    }  # fmt: skip


def _difference(quality: Quality, reference: Quality, draws: np.ndarray) -> tuple[float, float, dict[str, Any]]:
    """Return the difference, its standard error, and the cells of tests and of single items."""
    if not quality.is_mean:
        test = paired.bootstrapped(draws)
        method = test.method if quality.items == reference.items else f"{test.method}, unpaired"
        return quality.value - reference.value, float(draws.std()), {"test": method, "p": test.p}
    ours, theirs = quality.beside(reference)
    one, other = ours.mean(axis=0), theirs.mean(axis=0)
    single = len(ours) == len(theirs) == 1
    error = float((one - other).std(ddof=1) / math.sqrt(one.size)) if single and one.size > 1 else float(draws.std())
    right_or_wrong = single and bool(np.isin([one, other], (0.0, 1.0)).all())
    test = paired.mcnemar(one, other) if right_or_wrong else paired.sign_flips(one - other)
    (low, high), p = paired.unpaired(one, other)
    won, lost = int((quality.sign * (one - other) > 0).sum()), int((quality.sign * (one - other) < 0).sum())
    return float(one.mean() - other.mean()), error, {
        "test": test.method, "p": test.p, "items_won": won, "items_lost": lost,
        "unpaired_low": low, "unpaired_high": high, "unpaired_p": p,
    }  # fmt: skip


def _point(reference: Quality) -> float:
    """Return a hundredth of the metric's ceiling, or of the reference's value where it has none."""
    whole = reference.metric.get("ceiling") or abs(reference.value)
    return float(whole) / 100
