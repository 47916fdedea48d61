"""The value of a study: closed forms by hand, and its properties for any payoff."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from harness_reports.economics.preposterior import resolved_share, value_of_study

STANDARD = norm.ppf((np.arange(2000) + 0.5) / 2000)
"""Equally likely values of a standard normal."""
payoffs = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60).map(np.array)
shares = st.floats(0, 1)


def test_by_hand_with_the_unit_normal_loss() -> None:
    """NPV ~ normal(1,000, 2,000) and as many items again.

    Half of the variance is resolved: the mean moves by 2,000 · √.5 = 1,414 USD, and 1,000 / 1,414 = .707. The unit
    normal loss there is φ(.707) - .707 · (1 - Φ(.707)) = .3107 - .707 · .2398 = .1412, times 1,414 = 199.7 USD.
    """
    value = value_of_study(STANDARD, 1000 + 2000 * STANDARD, resolved_share(100, 100))

    assert value == pytest.approx(199.7, rel=0.003)


@pytest.mark.parametrize("mean", [-1.0, -0.3, 0.0, 0.5])
@pytest.mark.parametrize("resolved", [0.2, 0.5, 0.8, 0.95])
def test_a_linear_payoff_of_a_normal_has_the_unit_normal_loss(mean: float, resolved: float) -> None:
    """With a = |mean| / s, where s is the deviation of the posterior mean: s · (φ(a) - a · (1 - Φ(a)))."""
    deviation = np.sqrt(resolved)
    loss = norm.pdf(mean / deviation) - abs(mean) / deviation * norm.sf(abs(mean) / deviation)

    assert value_of_study(STANDARD, mean + STANDARD, resolved) == pytest.approx(deviation * loss, rel=0.01, abs=2e-4)


def test_a_study_that_resolves_everything_is_perfect_information() -> None:
    """-10 or 30 USD at equal odds: 15 when known, 10 when not, 5 for the knowledge."""
    assert value_of_study(np.array([0.0, 1.0]), np.array([-10.0, 30.0]), 1.0) == 5.0


@given(payoff=payoffs, resolved=shares)
def test_between_nothing_and_perfect_information(payoff: np.ndarray, resolved: float) -> None:
    """For any payoff, however rough."""
    perfect = np.maximum(payoff, 0).mean() - max(0.0, payoff.mean())
    value = value_of_study(np.arange(payoff.size, dtype=float), payoff, resolved)

    assert 0 <= value <= perfect + 1e-6


@given(payoff=payoffs, first=shares, second=shares)
def test_a_larger_study_is_worth_no_less(payoff: np.ndarray, first: float, second: float) -> None:
    """Within the error of the grid of results, a thousandth of the payoffs."""
    parameter = np.arange(payoff.size, dtype=float)
    small, large = (value_of_study(parameter, payoff, resolved) for resolved in sorted((first, second)))

    assert large >= small - 1e-3 * np.abs(payoff).max()


@given(payoff=st.lists(st.floats(0, 1e6), min_size=2, max_size=60).map(np.array), sign=st.sampled_from([1, -1]),
       resolved=shares)  # fmt: skip
def test_a_certain_decision_leaves_nothing_to_learn(payoff: np.ndarray, sign: int, resolved: float) -> None:
    """A payoff of one sign, whatever its size."""
    assert value_of_study(np.arange(payoff.size, dtype=float), sign * payoff, resolved) == 0


@given(shift=st.floats(-1e3, 1e3), scale=st.floats(0.01, 1e3))
def test_the_unit_of_the_parameter_is_irrelevant(shift: float, scale: float) -> None:
    """Only the order and the relative distances of its values count."""
    payoff = np.where(STANDARD > 0.2, 3.0, -2.0)

    assert value_of_study(shift + scale * STANDARD, payoff, 0.5) == pytest.approx(value_of_study(STANDARD, payoff, 0.5))
