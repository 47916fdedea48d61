"""The comparison table: candidates against a reference over the same items."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from harness.errors import FactError
from harness.records import Record
from harness_reports.measured import intervals, paired
from harness_reports.measured.pairs import Pair, checked_margin, pairs
from harness_reports.measured.quality import Quality
from harness_reports.measured.quality_figures import NO_DIFFERENCE
from harness_reports.measured.results import Results
from harness_reports.reasons import as_text

COMPARISON = (
    "task", "data", "metric", "unit", "candidate", "reference", "items", "value", "reference_value", "difference",
    "low", "high", "test", "p", "p_corrected", "result", "items_won", "items_lost", "margin", "within_margin",
    "detectable", "point", "items_for_point", "unpaired_low", "unpaired_high", "unpaired_p", "stale",
)  # fmt: skip
LEVEL = 0.05
"""Of all tests of a comparison together."""


def comparison(
    records: Sequence[Record], names: Sequence[str], *, task: str | None = None, data: str | None = None,
    metric: str | None = None, margin: float | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return one row for each candidate and each task on which it and the reference graded the same items.

    `difference` is the candidate's value less the reference's; `low` and `high` are the ends of its 95 % interval,
    paired by item. `p` is of McNemar's exact test where one training of each answers right or wrong, of sign flips for
    other means, of bootstrap draws for metrics that are no mean; `p_corrected` holds the level of 5 % over all rows
    (Holm). `within_margin` says whether the candidate is shown to be worse by less than the margin (the interval's
    worse end). `detectable` is the smallest difference that so many items show 8 times in 10, `items_for_point` how
    many items would show `point`, a hundredth of the metric's ceiling (of the reference's value where it has none).
    `unpaired_` are of the test that does not pair. `stale` says what has changed since one of the two was measured.

    Args:
        records: of any step and outcome.
        names: the reference and the candidates, each by its model, by its name in charts (`bert tiny`), or with its
            runtime (`bert tiny@eager`, and where that is not enough `bert tiny@eager/cpu/fp32`).
        task: only this task.
        data: only the data of this name.
        metric: instead of the deciding one.
        margin: in the metric's unit.

    Raises:
        FactError: there is one name only, or one twice, or the margin is below 0 or as large as the metric's range.
        StoreError: a name is unknown or stands for several candidates, nothing could be compared, or items differ.
    """
    compared = pairs(Results.of(records), names, task=task, data=data, metric=metric)
    return pd.DataFrame(map(as_text, comparison_rows(compared, margin)), columns=list(COMPARISON))


def comparison_rows(compared: Sequence[Pair], margin: float | None = None) -> list[dict[str, Any]]:
    """Return the rows of `comparison`, one for each pair; raises as `comparison` for the margin."""
    limit = checked_margin(margin)
    for pair in compared:
        _check_margin(limit, pair.quality)
    rows = [_row(pair, limit) for pair in compared]
    for row, p in zip(rows, paired.holm([row["p"] for row in rows]), strict=True):
        better = row.pop("gain") > 0
        row |= {"p_corrected": p, "result": NO_DIFFERENCE if p >= LEVEL else "better" if better else "worse"}
    return rows


def _check_margin(margin: float | None, quality: Quality) -> None:
    """Check that a candidate can miss a margin.

    Raises:
        FactError: it is as large as the metric's whole range, as 5 is where 5 points of 100 are meant.
    """
    ceiling = quality.metric.get("ceiling")
    if margin is not None and ceiling is not None and quality.sign > 0 and margin >= ceiling:
        raise FactError(
            f"The margin is {margin:g}, and {quality.name} is at most {ceiling:g}: every candidate would be within it. "
            f"Give it in the metric's unit: five points of a hundred are {ceiling / 20:g}."
        )


def _row(pair: Pair, margin: float | None) -> dict[str, Any]:
    quality, reference = pair.quality, pair.reference
    draws = quality.difference_draws(reference)
    sign, items = quality.sign, min(quality.items, reference.items)
    difference, error, of_items = _difference(quality, reference, draws)
    low, high = intervals.interval_of(draws) if np.ptp(draws) else _alike(quality, difference, items)
    point = _point(reference)
    return {
        "task": quality.key.task, "data": quality.key.data, "metric": quality.name, "unit": quality.unit,
        "candidate": pair.name, "reference": pair.reference_name, "items": items, "value": quality.value,
        "reference_value": reference.value, "difference": difference, "low": low, "high": high,
        "margin": margin, "within_margin": None if margin is None else min(sign * low, sign * high) > -margin,
        "detectable": paired.detectable(error) if error else None, "point": point,
        "items_for_point": None if point is None else paired.needed(error, items, point),
        "gain": sign * difference, "stale": quality.key.stale or reference.key.stale, **of_items,
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


def _alike(quality: Quality, difference: float, items: int) -> intervals.Interval:
    """Return the interval where the difference is the same for every item, so that resampling shows no spread.

    Of answers that are right or wrong, others may differ: at most the share of items that Clopper and Pearson's bound
    leaves possible where none of so many does.
    """
    if not quality.is_share:
        return intervals.Interval(difference, difference)
    others = 1 - ((1 - intervals.CONFIDENCE) / 2) ** (1 / items)
    return intervals.Interval(max(-1.0, difference - others), min(1.0, difference + others))


def _point(reference: Quality) -> float | None:
    """Return a hundredth of the metric's ceiling, or of the reference's value where it has none; None if that is 0."""
    whole = reference.metric.get("ceiling") or abs(reference.value)
    return float(whole) / 100 or None
