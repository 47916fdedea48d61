"""The Fréchet distance: scipy's formula, its laws, and the influence of rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg

from harness_vision._frechet import Frechet

SEEDS = st.integers(0, 2**32 - 1)


def _cloud(seed: int, count: int = 300, width: int = 6) -> np.ndarray:
    """Return rows with a random mean and covariance."""
    draw = np.random.default_rng(seed)
    return draw.normal(size=(count, width)) @ draw.normal(size=(width, width)) + draw.normal(size=width)


def _by_scipy(one: np.ndarray, other: np.ndarray) -> float:
    first, second = (np.cov(cloud.T, bias=True) for cloud in (one, other))
    root = linalg.sqrtm(first @ second).real
    gap = np.square(one.mean(axis=0) - other.mean(axis=0)).sum()
    return float(gap + np.trace(first + second - 2 * root))


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_it_is_what_the_formula_says(seed: int) -> None:
    """As with scipy's square root of the asymmetric product; the distance is symmetric."""
    one, other = _cloud(seed), _cloud(seed + 1)
    expected = _by_scipy(one, other)

    assert Frechet(one, other).value == pytest.approx(expected, rel=1e-6, abs=1e-8)
    assert Frechet(other, one).value == pytest.approx(expected, rel=1e-6, abs=1e-8)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.floats(-5, 5))
def test_a_shifted_cloud_is_as_far_as_it_was_shifted(seed: int, shift: float) -> None:
    """Squared; in any order of the rows."""
    cloud = _cloud(seed)
    moved = np.random.default_rng(seed).permutation(cloud) + shift

    assert Frechet(moved, cloud).value == pytest.approx(6 * shift**2, abs=1e-6)


def test_all_rows_give_the_value() -> None:
    """In any order."""
    distance = Frechet(_cloud(1), _cloud(2))
    rows = np.arange(300)

    assert distance.over(rows) == pytest.approx(distance.value, rel=1e-9)
    assert distance.over(rows[::-1]) == pytest.approx(distance.value, rel=1e-9)


def test_first_order_samples_spread_like_exact_ones_but_without_their_bias() -> None:
    """Exact distances of samples have the same spread and a higher mean."""
    draw = np.random.default_rng(0)
    one, other = draw.normal(size=(400, 20)) * 1.2 + 0.1, draw.normal(size=(400, 20))
    distance = Frechet(one, other)
    samples = [draw.integers(0, 400, 400) for _ in range(300)]
    quick = np.array([distance.over(rows) for rows in samples])
    exact = np.array([Frechet(one[rows], other).value for rows in samples])

    assert quick.std() == pytest.approx(exact.std(), rel=0.2)
    assert np.corrcoef(quick, exact)[0, 1] > 0.9
    assert quick.mean() == pytest.approx(distance.value, abs=4 * quick.std() / 300**0.5)
    assert exact.mean() > distance.value + quick.std()


def test_the_influence_of_a_row_is_the_distances_derivative() -> None:
    """A slightly larger weight of a row changes the distance by its influence."""
    one, other = np.repeat(_cloud(3, 50), 40, axis=0), _cloud(4)
    distance = Frechet(one, other)
    samples = [np.append(np.arange(2000), row) for row in range(0, 2000, 40)]
    changes = [Frechet(one[rows], other).value - distance.value for rows in samples]

    assert np.allclose([distance.over(rows) - distance.value for rows in samples], changes, rtol=0.01, atol=1e-4)
    assert np.abs(changes).max() > 0.01


def test_a_collapsed_cloud_and_dead_directions_have_a_distance() -> None:
    """A generator that draws a single picture, and features that never fire."""
    cloud = _cloud(5)
    cloud[:, 0] = 0.0
    point = np.tile(cloud.mean(axis=0), (40, 1))
    collapsed = Frechet(point, cloud)

    assert collapsed.value == pytest.approx(cloud.var(axis=0).sum())
    assert collapsed.over(np.zeros(40, int)) == pytest.approx(collapsed.value)
    assert Frechet(cloud, cloud).value == pytest.approx(0.0, abs=1e-8)
