"""Agreement of a judge with people, and of people among themselves."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from harness import PluginError
from harness_reports.measured.agreement import alpha, kappa, kappa_draws

FIVE = (1, 2, 3, 4, 5)
GAP = math.nan
# Of the library's documentation, after Krippendorff's "Computing Krippendorff's Alpha-Reliability" (2011), example D.
FOUR_GRADERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, GAP, GAP, GAP],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, GAP, 3],
    [GAP, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, GAP],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, GAP],
]


def _pair(counts: dict[tuple[int, int], int]) -> tuple[np.ndarray, np.ndarray]:
    """Return two columns of grades from how often each pair occurs."""
    pairs = [pair for pair, count in counts.items() for _ in range(count)]
    ones, others = zip(*pairs, strict=True)
    return np.array(ones, dtype=float), np.array(others, dtype=float)


def test_kappa_by_hand() -> None:
    """Two readers of 50 proposals: 35 alike, 25 by chance, so (0.7 - 0.5) / (1 - 0.5)."""
    judge, people = _pair({(1, 1): 20, (1, 0): 5, (0, 1): 10, (0, 0): 15})
    result = kappa(judge, people, (0, 1))

    assert result.value == pytest.approx(0.4)
    assert result.items == 50
    assert result.interval is not None
    assert result.interval.low < 0.4 < result.interval.high


def test_weighted_kappa_by_hand() -> None:
    """The mean square of differences over that of all pairs of one's grade with another item's."""
    random = np.random.default_rng(0)
    people = random.integers(1, 6, 80).astype(float)
    judge = np.clip(people + random.integers(-1, 3, 80), 1, 5).astype(float)
    by_chance = np.mean(np.subtract.outer(judge, people) ** 2)

    assert kappa(judge, people, FIVE, weighted=True).value == pytest.approx(
        1 - np.mean((judge - people) ** 2) / by_chance
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_draws_of_kappa_are_those_of_resampled_items(weighted: bool) -> None:
    """Their spread is that of scikit-learn's kappa on samples of the items."""
    random = np.random.default_rng(1)
    people = random.integers(1, 6, 120)
    judge = np.clip(people + random.integers(-1, 2, 120), 1, 5)
    how = "quadratic" if weighted else None
    rows = random.integers(0, 120, (400, 120))
    slow = [cohen_kappa_score(judge[each], people[each], labels=list(FIVE), weights=how) for each in rows]
    draws = kappa_draws(judge, people, FIVE, weighted=weighted)

    assert np.quantile(draws, [0.025, 0.5, 0.975]) == pytest.approx(np.quantile(slow, [0.025, 0.5, 0.975]), abs=0.02)


def test_a_draw_of_kappa_is_what_scikit_learn_computes() -> None:
    """The formula over numbers of pairs, on the very same samples."""
    ones, others = np.array([1, 1, 2, 3, 3, 3, 2, 1]), np.array([1, 2, 2, 3, 1, 3, 3, 1])
    draws = kappa_draws(ones, others, (1, 2, 3), weighted=True)
    counts = np.zeros((3, 3))
    np.add.at(counts, (ones - 1, others - 1), 1)
    for drawn, draw in zip(
        np.random.default_rng([9, 8]).multinomial(8, counts.ravel() / 8, size=20), draws, strict=False
    ):
        pairs = [(place // 3 + 1, place % 3 + 1) for place, count in enumerate(drawn) for _ in range(count)]
        left, right = zip(*pairs, strict=True)
        assert draw == pytest.approx(cohen_kappa_score(left, right, labels=[1, 2, 3], weights="quadratic"))


def test_alpha_of_the_published_example() -> None:
    """0.815, with grades missing; the item that one grader alone has is not counted."""
    result = alpha(np.array(FOUR_GRADERS, dtype=float), FIVE)

    assert result.value == pytest.approx(0.815, abs=5e-4)
    assert result.items == 11
    assert result.interval is not None
    assert result.interval.low < 0.815 < result.interval.high


def test_alpha_by_hand() -> None:
    """Two graders of two grades: 1 less disagreements seen over those of any two of the 20 grades."""
    ones = np.array([1, 1, 1, 1, 1, 2, 2, 2, 2, 1], dtype=float)
    others = np.array([1, 1, 1, 1, 1, 2, 2, 2, 1, 2], dtype=float)
    grades = [*ones, *others]
    unequal = sum(a != b for a, b in combinations(grades, 2)) / math.comb(20, 2)

    assert alpha(np.array([ones, others]), (1, 2)).value == pytest.approx(1 - 0.2 / unequal)


def test_intervals_of_alpha_cover_what_graders_of_many_items_have() -> None:
    """Of 60 experiments with 80 items each, most cover the value of 20,000 items."""

    def grades(random: np.random.Generator, items: int) -> np.ndarray:
        true = random.integers(1, 4, items)
        return np.array([np.where(random.random(items) < 0.7, true, random.integers(1, 4, items)) for _ in range(2)])

    truth = alpha(grades(np.random.default_rng(0), 2_000), (1, 2, 3)).value
    covered = 0
    for seed in range(1, 31):
        result = alpha(grades(np.random.default_rng(seed), 80), (1, 2, 3))
        assert result.interval is not None
        assert truth is not None
        covered += result.interval.low <= truth <= result.interval.high

    assert covered >= 26


def test_a_single_grader_has_no_alpha() -> None:
    """The sentence says what to do."""
    result = alpha(np.array([[1.0, 2, 3], [GAP, GAP, GAP]]), FIVE)

    assert result.value is None
    assert str(result.why_not) == (
        "Krippendorff's alpha takes two graders or more: there is 1. Let another person grade some of the same answers."
    )


def test_graders_of_different_items_have_no_alpha() -> None:
    """Two people, and no item that both graded."""
    result = alpha(np.array([[1.0, 2, GAP, GAP], [GAP, GAP, 2, 1]]), FIVE)

    assert result.value is None
    assert "no answer was graded by two" in str(result.why_not)


def test_grades_that_are_all_the_same_tell_nothing() -> None:
    """Neither of the two is defined there."""
    same = np.full(40, 4.0)

    for result in (kappa(same, same, FIVE), alpha(np.array([same, same]), FIVE)):
        assert (result.value, result.interval, result.items) == (None, None, 40)
        assert "is 4" in str(result.why_not)


def test_without_items_in_common_there_is_no_kappa() -> None:
    """A judge of other answers."""
    result = kappa(np.array([1.0, GAP]), np.array([GAP, 1.0]), FIVE)

    assert result.value is None
    assert "No answer has both" in str(result.why_not)


@pytest.mark.parametrize(("module", "compute"), [
    ("sklearn", lambda: kappa(np.array([1.0, 2]), np.array([1.0, 1]), FIVE)),
    ("krippendorff", lambda: alpha(np.array([[1.0, 2], [1.0, 1]]), FIVE)),
])  # fmt: skip
def test_without_a_library_the_error_says_how_to_get_it(
    module: str, compute: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra that brings both."""
    import sys

    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr("harness.installed.find_spec", lambda name: None)
    with pytest.raises(PluginError, match=rf"{module}.*viability-harness\[judging\]"):
        compute()  # type: ignore[operator]
