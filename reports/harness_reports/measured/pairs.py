"""Candidates beside a reference that graded the same items: what names stand for, and which items both have."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from harness.errors import FactError, StoreError, unknown
from harness_reports.measured.graded import PEOPLE_NEEDED
from harness_reports.measured.lineage import label
from harness_reports.measured.quality import Quality
from harness_reports.measured.results import Measured, Results
from harness_reports.reasons import speaking

_Place = tuple[str | None, ...]
"""Task, data and metric."""
_Graded = dict[_Place, tuple[Measured, Quality]]


class Pair(NamedTuple):
    """A candidate beside the reference, graded by the same metric on the same items."""

    name: str
    reference_name: str
    measured: Measured
    reference_measured: Measured
    quality: Quality
    reference: Quality

    @property
    def shared_rows(self) -> tuple[list[int], list[int]]:
        """The rows of the items that both graded, in the candidate's scores and in the reference's."""
        return self.quality.shared_rows(self.reference)


def pairs(
    results: Results, names: Sequence[str], *, task: str | None = None, data: str | None = None,
    metric: str | None = None,
) -> list[Pair]:  # fmt: skip
    """Return the candidates beside the reference, which is named first.

    Args:
        results: of any step and outcome.
        names: the reference and the candidates, as in `names_of`.
        task: only this task.
        data: only the data of this name.
        metric: instead of the deciding one.

    Raises:
        FactError: there is one name only, or one twice.
        StoreError: a name, the task or the metric is unknown, a name stands for several candidates, nothing could be
            compared, items differ, or a judge alone graded the answers of one side.
    """
    if len(names) < 2:  # noqa: PLR2004 - one is compared with another
        raise FactError("A comparison takes a reference and one candidate or more: harness compare tfidf bert")
    if len(dict.fromkeys(names)) < len(names):
        raise FactError("A name is given twice: a candidate is compared with another one.")
    if metric is not None and metric not in results.metric_names:
        raise StoreError(unknown("metric", metric, results.metric_names))
    measured = _by_name(_evaluated(results, task, data))
    reference = _graded(measured, names[0], metric)
    others = [_graded(measured, name, metric, beside=reference) for name in names[1:]]
    compared = [
        Pair(name, names[0], measured, reference[place][0], quality, reference[place][1])
        for name, by_place in zip(names[1:], others, strict=True)
        for place, (measured, quality) in by_place.items()
        if place in reference
    ]
    if not compared:
        raise StoreError(_why_nothing(names, reference, others))
    for pair in compared:
        _check(pair)
    return compared


def checked_margin(margin: float | None) -> float | None:
    """Return a margin of non-inferiority.

    Raises:
        FactError: it is no number from 0 on.
    """
    if margin is not None and not (math.isfinite(margin) and margin >= 0):
        raise FactError(
            f"The margin is {margin:g}. Give by how much a candidate may be worse, in the metric's unit: 0 or more, "
            "such as 0.01."
        )
    return margin


def names_of(measured: Measured) -> list[str]:
    """Return the names that stand for a candidate, the most exact last: `bert`, `bert tiny`, `bert tiny@eager`, ….

    They are in English, whatever is spoken: they are typed.
    """
    with speaking("en"):
        key, short = measured.key, label({**measured.columns, "stale": None})
    place = f"{short}@{key.runtime}"
    whole = f"{place}/{key.hardware}/{key.precision}"
    return list(dict.fromkeys([key.model, short, f"{key.model}@{key.runtime}", place, whole, f"{whole}/{key.device}"]))


def telling_names(group: Sequence[Measured]) -> list[str]:
    """Return the shortest name of each candidate that stands for none of the others."""
    every = [names_of(each) for each in group]
    count: dict[str, int] = defaultdict(int)
    for names in every:
        for name in names:
            count[name] += 1
    return [next((name for name in names if count[name] == 1), names[-1]) for names in every]


def _evaluated(results: Results, task: str | None, data: str | None) -> list[Measured]:
    """Return the candidates that were evaluated on a task and on data of a name."""
    measured = list(results.evaluated)
    for what, name, field in (("task", task, "task"), ("data", data, "data")):
        names = {str(getattr(each.key, field)) for each in measured}
        if name is not None and name not in names:
            raise StoreError(unknown(f"{what} in this store", name, names))
        measured = [each for each in measured if name in (None, getattr(each.key, field))]
    return measured


def _by_name(measured: Iterable[Measured]) -> dict[str, list[Measured]]:
    """Return the candidates that each name stands for."""
    by_name: dict[str, list[Measured]] = defaultdict(list)
    for each in measured:
        for name in names_of(each):
            by_name[name].append(each)
    return by_name


def _graded(
    measured: Mapping[str, Sequence[Measured]], name: str, metric: str | None, beside: _Graded | None = None
) -> _Graded:  # fmt: skip
    """Return what a name stands for, one candidate for each task, data and metric.

    Of one that was measured in several runtimes it is that in the runtime of `beside`, the reference.
    """
    named = measured.get(name)
    if not named:
        raise StoreError(unknown("candidate", name, {each.key.model for group in measured.values() for each in group}))
    groups: dict[_Place, list[tuple[Measured, Quality]]] = defaultdict(list)
    for each in named:
        quality = each.quality if metric is None else each.quality_in(metric)
        # Answers that nobody graded have no value, of no item.
        if quality is not None and (quality.is_mean or math.isfinite(quality.value)):
            groups[quality.place].append((each, quality))
    return {place: _only(name, group, (beside or {}).get(place)) for place, group in groups.items()}


def _only(
    name: str, group: Sequence[tuple[Measured, Quality]], beside: tuple[Measured, Quality] | None
) -> tuple[Measured, Quality]:
    alike = [each for each in group if beside is not None and each[0].key.runtime == beside[0].key.runtime]
    if len(group) == 1 or len(alike) == 1:
        return alike[0] if alike else group[0]
    choices = ", ".join(map(repr, telling_names([measured for measured, _ in group])))
    raise StoreError(f"{name!r} is several candidates on {group[0][0].key.task}: name one of {choices}.")


def _why_nothing(names: Sequence[str], reference: _Graded, others: Iterable[_Graded]) -> str:
    where = [_places(graded) for graded in (reference, *others)]
    listed = "; ".join(f"{name} on {places or 'nothing'}" for name, places in zip(names, where, strict=True))
    return (
        f"No other candidate answered the items of {names[0]!r}, graded by the same metric ({listed}). Run them on the "
        "same task and data."
    )


def _places(graded: Mapping[_Place, Any]) -> str:
    return ", ".join(sorted({f"{measured.key.task} ({measured.key.data})" for measured, _ in graded.values()}))


def _check(pair: Pair) -> None:
    """Check that what is compared by item are the same items: as many, and of the same inputs where records hold them.

    Raises:
        StoreError: they are not, there is one only, or a value is no number.
    """
    ours, theirs = pair.shared_rows
    if pair.quality.by_judge_alone != pair.reference.by_judge_alone:
        raise StoreError(
            f"{pair.quality.name} of {pair.name!r} and {pair.reference_name!r} cannot be compared: a judge alone "
            "graded the answers of one, people those of the other too: the judge's bias would count as a difference. "
            f"Let people grade {PEOPLE_NEEDED} answers of each: harness grades FILE.csv --rubric RUBRIC.yaml"
        )
    for name, quality in ((pair.name, pair.quality), (pair.reference_name, pair.reference)):
        if not math.isfinite(quality.value):
            raise StoreError(f"{quality.name} of {name!r} is no number, as some scores are not finite. Fix the task's "
                             "evaluate, and evaluate again.")  # fmt: skip
    if min(len(ours), len(theirs)) < 2:  # noqa: PLR2004 - one item has no spread
        raise StoreError(f"{pair.name!r} and {pair.reference_name!r} share one item only. Evaluate more: --max-items.")
    if not pair.quality.is_mean and len(ours) != len(theirs):
        return  # a metric of the whole split: compared unpaired
    one, other = _inputs(pair.quality, ours), _inputs(pair.reference, theirs)
    if len(ours) != len(theirs) or (one and other and one != other):
        raise StoreError(
            f"{pair.name!r} and {pair.reference_name!r} have no common items on {pair.quality.key.task}: "
            f"{len(ours):,} and {len(theirs):,} items, other ones or in another order. Evaluate both again on the same "
            "data, with the same --max-items."
        )


def _inputs(quality: Quality, rows: Sequence[int]) -> list[Any]:
    """Return the inputs in these rows; none before version 6 of records."""
    inputs = quality.newest.items.get("test", {}).get("input")
    return [inputs[row] for row in rows] if inputs else []
