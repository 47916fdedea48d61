"""How far a judge agrees with people, and people among themselves; intervals resample items.

Cohen's kappa (1960) of two graders, plain and with quadratic weights (1968), and Krippendorff's ordinal alpha of any
number, with grades missing: 1 is agreement on every item, 0 what chance would give, less is worse than chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from harness.installed import DISTRIBUTION, require
from harness_reports.measured.intervals import RESAMPLES, Interval, interval_of
from harness_reports.measured.prediction_powered import EXTRA
from harness_reports.reasons import Reason

_RESAMPLED = 500
"""Of alpha, which is computed anew for each: the ends of a 95 % interval are steady to a hundredth."""


class Agreement(NamedTuple):
    """A coefficient of agreement."""

    value: float | None = None
    interval: Interval | None = None
    """95 %."""
    items: int = 0
    """That two or more graded."""
    why_not: Reason | None = None
    """Why there is no value."""


def kappa(judge: np.ndarray, people: np.ndarray, scale: Sequence[int], *, weighted: bool = False) -> Agreement:
    """Return Cohen's kappa of a judge's and people's grades.

    Args:
        judge: its grades, NaN where it gave none, shape (items,).
        people: theirs, of the same items.
        scale: all grades, lowest first.
        weighted: whether a disagreement counts by the square of its size, in places on the scale.

    Raises:
        PluginError: scikit-learn is not installed.
    """
    both = ~np.isnan(judge) & ~np.isnan(people)
    ones, others = judge[both].astype(int), people[both].astype(int)
    if not ones.size:
        return Agreement(why_not=Reason("no item graded by both"))
    if np.unique([ones, others]).size == 1:
        return Agreement(items=ones.size, why_not=Reason("all grades the same", {"grade": int(ones[0])}))
    require("Cohen's kappa", ["sklearn"], DISTRIBUTION, EXTRA)
    from sklearn.metrics import cohen_kappa_score

    value = cohen_kappa_score(ones, others, labels=list(scale), weights="quadratic" if weighted else None)
    draws = kappa_draws(ones, others, scale, weighted=weighted)
    return Agreement(float(value), interval_of(draws[~np.isnan(draws)]), ones.size)


def kappa_draws(ones: np.ndarray, others: np.ndarray, scale: Sequence[int], *, weighted: bool) -> np.ndarray:
    """Return Cohen's kappa on resampled items; NaN where all grades of a sample are the same.

    Items are of few kinds, pairs of grades, so that their numbers are drawn. scikit-learn takes milliseconds for one.
    """
    places, size = np.asarray(scale), len(scale)
    counts = np.zeros((size, size))
    np.add.at(counts, (np.searchsorted(places, ones), np.searchsorted(places, others)), 1)
    draws = np.random.default_rng([9, ones.size]).multinomial(ones.size, counts.ravel() / ones.size, size=RESAMPLES)
    shares = draws.reshape(-1, size, size) / ones.size
    steps = np.subtract.outer(np.arange(size), np.arange(size))
    cost = steps**2 if weighted else (steps != 0).astype(float)
    by_chance = shares.sum(axis=2)[:, :, None] * shares.sum(axis=1)[:, None, :]
    with np.errstate(invalid="ignore"):
        return np.asarray(1 - (shares * cost).sum(axis=(1, 2)) / (by_chance * cost).sum(axis=(1, 2)))


def alpha(grades: np.ndarray, scale: Sequence[int]) -> Agreement:
    """Return Krippendorff's ordinal alpha of several graders.

    Args:
        grades: of each grader and item, NaN where they gave none, shape (graders, items).
        scale: all grades, lowest first.

    Raises:
        PluginError: krippendorff is not installed.
    """
    graders = int((~np.isnan(grades)).any(axis=1).sum())
    if graders < 2:  # noqa: PLR2004 - agreement is of two
        return Agreement(why_not=Reason("one grader", {"graders": graders}))
    counts = (grades.T[:, :, None] == np.asarray(scale, dtype=float)).sum(axis=1)
    counts = counts[counts.sum(axis=1) > 1]
    if not len(counts):
        return Agreement(why_not=Reason("no item graded twice", {"graders": graders}))
    given = counts.sum(axis=0)
    if (given > 0).sum() == 1:
        grade = scale[int(given.argmax())]
        return Agreement(items=len(counts), why_not=Reason("all grades the same", {"grade": grade}))
    rows = np.random.default_rng([10, len(counts)]).integers(0, len(counts), (_RESAMPLED, len(counts)))
    draws = [_alpha(counts[places]) for places in rows if (counts[places].sum(axis=0) > 0).sum() > 1]
    return Agreement(_alpha(counts), interval_of(np.array(draws)), len(counts))


def _alpha(counts: np.ndarray) -> float:
    """Return alpha of how often each item got each grade, shape (items, grades)."""
    require("Krippendorff's alpha", ["krippendorff"], DISTRIBUTION, EXTRA)
    import krippendorff

    return float(krippendorff.alpha(value_counts=counts, level_of_measurement="ordinal"))
