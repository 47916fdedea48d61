"""Decisions, loss tails, distributions and sensitivities: properties and errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from harness import FactError
from harness_reports.economics.distributions import (
    Distribution,
    Fixed,
    Lognormal,
    Normal,
    Pert,
    Triangular,
    quantiles,
)
from harness_reports.economics.sensitivity import sobol_indices
from harness_reports.economics.textbook import decision
from harness_reports.economics.textbook.losses import empirical_tail, exponential_tail, normal_tail

SHARES = st.floats(0.001, 0.999)
PAYOFFS = st.lists(st.integers(-1000, 1000), min_size=3, max_size=3)


@given(st.lists(st.floats(0.01, 1), min_size=3, max_size=3), PAYOFFS, PAYOFFS, st.lists(SHARES, min_size=3, max_size=3))
def test_a_study_is_worth_at_most_perfect_information(
    weights: list[float], one: list[int], two: list[int], good: list[float]
) -> None:
    """0 <= EVSI <= EVPI, for any study."""
    prior = [weight / sum(weights) for weight in weights]
    payoffs = {"one": one, "two": two}
    likelihoods = {"good": good, "bad": [1 - p for p in good]}

    perfect = decision.perfect_information(prior, payoffs)
    sample = decision.sample_information(prior, payoffs, likelihoods)

    assert 0 <= sample.value_usd <= perfect.value_usd + 1e-6
    assert sample.expected_without_usd == pytest.approx(perfect.expected_usd)
    for posterior in sample.posteriors.values():
        assert posterior is not None
        assert sum(posterior) == pytest.approx(1)


def test_a_perfect_study_is_worth_perfect_information() -> None:
    """Each result determines its state."""
    payoffs = {"build": [900, -250], "none": [0, 0]}
    sample = decision.sample_information([0.3, 0.7], payoffs, {"good": [1, 0], "bad": [0, 1]})

    assert sample.value_usd == pytest.approx(decision.perfect_information([0.3, 0.7], payoffs).value_usd)


def test_a_result_that_cannot_occur_has_no_posterior() -> None:
    """None, not 0."""
    study = decision.sample_information([1, 0], {"a": [1, 2]}, {"yes": [1, 0], "no": [0, 1]})

    assert study.posteriors == {"yes": [1, 0], "no": None}


def test_of_equal_actions_the_first_is_best() -> None:
    """Ties are deterministic."""
    assert decision.perfect_information([1.0], {"first": [1], "second": [1]}).best_action == "first"


@given(SHARES, SHARES, SHARES, st.floats(0, 100), st.floats(0, 100))
def test_all_positive_answers_save_nothing(prevalence: float, hits: float, alarms: float, fp: float, fn: float) -> None:
    """And errors never cost less than 0."""
    costs = {"usd_per_false_positive": fp, "usd_per_false_negative": fn}
    positive = decision.error_cost(1000, prevalence, true_positive_rate=1, false_positive_rate=1, **costs)
    model = decision.error_cost(1000, prevalence, true_positive_rate=hits, false_positive_rate=alarms, **costs)

    assert positive.value_usd <= 1e-9
    assert model.error_usd >= 0
    assert model.value_usd == pytest.approx(model.without_model_usd - model.total_usd)


@given(st.floats(0.01, 100), st.floats(0.01, 100), SHARES)
def test_above_the_threshold_positive_is_cheaper(fp: float, fn: float, probability: float) -> None:
    """Below it negative is."""
    threshold = decision.bayes_threshold(fp, fn)

    assert threshold is not None
    assert (probability * fn >= (1 - probability) * fp - 1e-12) or probability < threshold
    assert (probability * fn <= (1 - probability) * fp + 1e-12) or probability > threshold


def test_errors_without_cost_have_no_threshold() -> None:
    """None; 0 if only false negatives cost."""
    assert decision.bayes_threshold(0, 0) is None
    assert decision.bayes_threshold(0, 1) == 0


def test_a_worse_model_has_a_negative_value() -> None:
    """94 % to 91 %."""
    assert decision.value_of_accuracy(0.94, 0.91, 1000, 1.0).usd == pytest.approx(-30)


# Tails --------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=30)
@given(st.floats(-100, 100), st.floats(0.1, 50), st.floats(0.5, 0.99))
def test_a_normal_tail_is_the_integral_of_its_losses(mean: float, sd: float, confidence: float) -> None:
    """The mean loss beyond the quantile."""
    tail = normal_tail(mean, sd, confidence)
    beyond, _ = integrate.quad(lambda z: (mean + sd * z) * stats.norm.pdf(z), stats.norm.ppf(confidence), 12)

    assert tail.cvar == pytest.approx(beyond / (1 - confidence), rel=1e-4, abs=1e-4)


@given(st.floats(0.01, 10), SHARES)
def test_an_exponential_tail_is_memoryless(rate: float, confidence: float) -> None:
    """CVaR = VaR + mean."""
    tail = exponential_tail(rate, confidence)

    assert tail.cvar - tail.var == pytest.approx(1 / rate)


@settings(deadline=None)
@given(st.lists(st.integers(-100, 100).map(float), min_size=1, max_size=30), st.floats(0.01, 0.99))
def test_the_conditional_value_at_risk_is_the_least_of_its_bounds(observed: list[float], confidence: float) -> None:
    """Rockafellar and Uryasev: the minimum over t is at one of the losses."""
    tail = empirical_tail(observed, confidence)
    bounds = [t + float(np.maximum(np.array(observed) - t, 0).mean()) / (1 - confidence) for t in observed]

    assert tail.cvar == pytest.approx(min(bounds), abs=1e-9)
    assert tail.var in observed
    assert tail.cvar >= tail.var
    assert np.mean(np.array(observed) <= tail.var) >= confidence - 1e-9


@pytest.mark.parametrize(("confidence", "rank"), [(0.07, 7), (0.55, 55), (0.56, 56), (0.57, 57), (0.95, 95)])
def test_rounding_does_not_move_a_rank(confidence: float, rank: int) -> None:
    """.07 · 100 is 7.000000000000001 in floats."""
    assert empirical_tail(list(range(1, 101)), confidence).var == rank


# Distributions ------------------------------------------------------------------------------------------------


@st.composite
def three(draw: st.DrawFn) -> tuple[float, float, float]:
    """Return the least, likeliest and greatest value of a distribution."""
    low, width = draw(st.integers(-1000, 1000)), draw(st.integers(1, 1000))
    return float(low), low + width * draw(st.integers(0, 100)) / 100, float(low + width)


@settings(deadline=None)
@given(three(), SHARES)
def test_a_bounded_distribution_stays_within_its_bounds(points: tuple[float, float, float], share: float) -> None:
    """Its mean and every quantile."""
    low, _, high = points
    assume(low <= points[1] <= high)
    for distribution in (Pert(*points), Triangular(*points)):
        assert low <= distribution.mean <= high
        assert low <= float(distribution.quantile(share)) <= high
        assert 0 < distribution.variance <= (high - low) ** 2 / 4


@pytest.mark.parametrize(
    "distribution",
    [Pert(0, 2, 10), Triangular(0, 2, 10), Normal(3, 2), Lognormal.from_mean_sd(100, 30), Fixed(7.0)],
)
def test_the_quantiles_have_the_mean(distribution: Distribution) -> None:
    """By integration over all shares."""
    shares = (np.arange(200_000) + 0.5) / 200_000

    assert distribution.quantile(shares).mean() == pytest.approx(distribution.mean, rel=1e-3)


def test_a_perts_variance_is_that_of_its_draws() -> None:
    """PERT's rule of thumb differs."""
    pert = Pert(10, 20, 60)
    drawn = pert.quantile((np.arange(200_000) + 0.5) / 200_000)

    assert drawn.var() == pytest.approx(pert.variance, rel=1e-3)
    assert pert.classic_variance != pytest.approx(pert.variance, rel=0.05)


@given(st.floats(0.1, 100), st.floats(1.0, 50))
def test_a_lognormal_from_an_interval_has_its_percentiles(low: float, ratio: float) -> None:
    """The 5th and the 95th; the median is their geometric mean."""
    lognormal = Lognormal.from_90_interval(low, low * ratio)

    assert lognormal.quantile(np.array([0.05, 0.5, 0.95])) == pytest.approx([low, low * math.sqrt(ratio), low * ratio])
    assert lognormal.mean >= lognormal.median


@given(st.floats(0.1, 1e6), st.floats(0, 10))
def test_a_lognormal_from_mean_and_deviation_has_them(mean: float, spread: float) -> None:
    """Of the distribution, not of its logarithm."""
    lognormal = Lognormal.from_mean_sd(mean, mean * spread)

    assert lognormal.mean == pytest.approx(mean)
    assert lognormal.mean * math.sqrt(math.expm1(lognormal.sigma**2)) == pytest.approx(mean * spread, abs=1e-6 * mean)


# Sensitivity --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_the_indices_of_the_ishigami_function(seed: int) -> None:
    """Within .02 at 4,096 points, for any seed."""
    sobol = sobol_indices(_ishigami, dict.fromkeys("abc", (-math.pi, math.pi)), seed=seed)

    assert [*sobol.first_order.values()] == pytest.approx([0.3139, 0.4424, 0.0], abs=0.02)
    assert [*sobol.total.values()] == pytest.approx([0.5576, 0.4424, 0.2437], abs=0.02)
    assert sobol.variance == pytest.approx(13.845, abs=0.09)


def _ishigami(x: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.asarray(np.sin(x["a"]) + 7 * np.sin(x["b"]) ** 2 + 0.1 * x["c"] ** 4 * np.sin(x["a"]))


def test_a_sum_is_divided_by_variance() -> None:
    """Inputs of any distribution, without interactions."""
    inputs: dict[str, Distribution] = {"wide": Normal(5, 3), "narrow": Normal(1, 1), "certain": Fixed(2.0)}
    sobol = sobol_indices(lambda x: x["wide"] + x["narrow"] + x["certain"], inputs)

    assert sobol.first_order == pytest.approx({"wide": 0.9, "narrow": 0.1, "certain": 0.0}, abs=0.01)
    assert sobol.total == pytest.approx(sobol.first_order, abs=0.01)
    assert sobol.variance == pytest.approx(10, rel=0.01)


def test_a_constant_output_has_no_shares() -> None:
    """0, not NaN."""
    assert sobol_indices(lambda x: x["a"] * 0 + 3, {"a": (0, 1)}, points=64) == ({"a": 0.0}, {"a": 0.0}, 0.0)


def test_the_same_seed_gives_the_same_indices() -> None:
    """Another seed gives others."""
    one, two, other = (sobol_indices(_ishigami, dict.fromkeys("abc", (0, 1)), 256, seed) for seed in (1, 1, 2))

    assert one == two != other


@pytest.mark.parametrize(
    "call",
    [
        lambda: decision.perfect_information([0.5, 0.6], {"a": [1, 2]}),
        lambda: decision.perfect_information([0.5, 0.5], {"a": [1]}),
        lambda: decision.perfect_information([1.0], {}),
        lambda: decision.sample_information([1.0], {"a": [1]}, {"yes": [0.5]}),
        lambda: decision.error_cost(
            1, 1.5, true_positive_rate=1, false_positive_rate=0, usd_per_false_positive=1, usd_per_false_negative=1
        ),
        lambda: decision.bayes_threshold(-1, 1),
        lambda: normal_tail(0, -1, 0.9),
        lambda: exponential_tail(1, 1.0),
        lambda: empirical_tail([], 0.9),
        lambda: empirical_tail([1, math.nan], 0.9),
        lambda: Pert(3, 2, 1),
        lambda: Pert(1, 5, 3),
        lambda: Triangular(1, 1, 1),
        lambda: Triangular(math.nan, 1, 2),
        lambda: Lognormal.from_90_interval(2, 1),
        lambda: Lognormal.from_90_interval(0, 1),
        lambda: Lognormal.from_mean_sd(-1, 1),
        lambda: Normal(0, -1),
        lambda: Fixed(math.inf),
        lambda: sobol_indices(_ishigami, {}),
        lambda: sobol_indices(_ishigami, dict.fromkeys("abc", (0, 1)), points=100),
        lambda: sobol_indices(lambda x: x["a"] / 0 * math.nan, {"a": (0, 1)}, points=8),
        lambda: sobol_indices(lambda x: x["a"], {"a": (1, 0)}, points=8),
    ],
)
def test_invalid_arguments_are_errors(call: Callable[[], object]) -> None:
    """With a message in sentences."""
    with np.errstate(all="ignore"), pytest.raises(FactError, match=r"\.$|\. "):
        call()


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=50), st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_quantiles_are_those_of_numpy(values: list[float], shares: list[float]) -> None:
    """NaN among the values gives NaN."""
    assert quantiles(np.array(values), shares) == pytest.approx(np.quantile(values, shares), rel=1e-9, abs=1e-3)
    assert np.isnan(quantiles(np.array([*values, math.nan]), shares)).all()
