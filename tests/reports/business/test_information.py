"""The value of information by kind of action: against nested simulations, and what is suggested."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from harness import Figure, Record, UseCase
from harness.facts import Spread
from harness_reports.business.evidence import Evidence, gather
from harness_reports.business.information import Information, Study, information, studies, value_of_studies
from harness_reports.business.market import read_market
from harness_reports.business.npv_distribution import NpvDistribution, draw_market, npv_distribution
from harness_reports.business.viability import viability
from harness_reports.economics.distributions import Distribution, Empirical, Normal
from harness_reports.prices.pricing import Pricing

MakeUseCase = Callable[..., UseCase]
GOOD = (1,) * 92 + (0,) * 8
NEAR = (1,) * 80 + (0,) * 20
"""Scores near the needed quality of 0.8."""


def judged(
    records: list[Record], pricing: Pricing, case: UseCase, draws: int = 10_000
) -> tuple[NpvDistribution, Evidence]:
    """Return the net present value of the only candidate, and its evidence."""
    (evidence,) = gather(records, pricing)
    market = read_market(case, {})
    business = evidence.business(market)
    assert business is not None
    return npv_distribution(business, draw_market(market, draws), evidence.accuracy), evidence


def information_about(records: list[Record], pricing: Pricing, case: UseCase) -> Information:
    """Return the value of information about the only candidate."""
    return information(*judged(records, pricing, case))


def spread(case: UseCase, name: str, shape: str, *numbers: float) -> UseCase:
    """Return a use case in which a figure is uncertain."""
    made = Spread(shape, numbers)  # type: ignore[arg-type]
    return replace(case, market={**case.market, name: Figure(made.mean, "unit", date(2026, 11, 1), "us", spread=made)})


# Against brute-force nested simulations ---------------------------------------------------------------------------


class Beliefs(NamedTuple):
    """A conjugate model of a measured input: what a nested simulation draws from."""

    name: str
    code: str
    """Of the studies that tell about it."""
    belief: Distribution
    """In place of the bootstrap's draws, which have no closed posterior."""
    prior: Callable[[np.random.Generator, int], np.ndarray]
    result: Callable[[np.random.Generator, np.ndarray, Study], np.ndarray]
    """Of a study, for each true value."""
    posterior: Callable[[np.random.Generator, float, Study, int], np.ndarray]


Case = tuple[NpvDistribution, Evidence, Beliefs]


def items_near_the_need(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> Case:
    """Quality ~ beta(80, 20) where 0.82 is needed; the items of a study are binomial."""
    case = make_use_case(needs={"quality": 0.82, "latency_s": 0.5}, label_usd=1.0, requests_per_year=500_000.0)
    npv, evidence = judged(bench.case(scores=NEAR), pricing, spread(case, "value_per_request_usd", "pert", 0.06, 0.09,
                                                                    0.18))  # fmt: skip
    return npv, evidence, Beliefs(
        "quality", "label items", Empirical(beta.ppf((np.arange(20_000) + 0.5) / 20_000, 80, 20), 0.8),
        lambda random, size: random.beta(80, 20, size),
        lambda random, truth, study: random.binomial(int(study.size), truth),
        lambda random, right, study, size: random.beta(80 + right, 20 + study.size - right, size),
    )  # fmt: skip


def seeds_and_the_cost_of_errors(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> Case:
    """Errors cost as much as is earned; quality is normal, between seeds and between items."""
    hard = np.random.default_rng(5).random(200)
    records = [
        record
        for seed, quality in enumerate((0.66, 0.70, 0.75, 0.79, 0.86))
        for record in bench.case(scores=(hard < quality).astype(float), seed=seed)
    ]
    case = spread(make_use_case(needs={}, cost_per_error_usd=0.3), "value_per_request_usd", "pert", 0.06, 0.09, 0.13)
    npv, evidence = judged(records, pricing, case)
    of_seeds = [np.mean(record.scores["correct"]) for record in records if record.step == "evaluate"]
    mean, between_seeds = evidence.accuracy["value"], np.var(of_seeds) / 5
    between_items = np.var(evidence.accuracy["draws"]) - between_seeds

    def posterior(random: np.random.Generator, observed: float, study: Study, size: int) -> np.ndarray:
        gain = study.size / (study.size + 5)
        of_all_seeds = random.normal(mean + gain * (observed - mean), np.sqrt(between_seeds * (1 - gain)), size)
        return np.asarray(of_all_seeds + random.normal(0, np.sqrt(between_items), size))

    return npv, evidence, Beliefs(
        "quality", "more seeds", Normal(mean, float(np.sqrt(between_seeds + between_items))),
        lambda random, size: random.normal(mean, np.sqrt(between_seeds), size),
        lambda random, truth, study: random.normal(truth, np.sqrt(between_seeds * 5 / study.size)),
        posterior,
    )  # fmt: skip


def windows_and_the_cost_of_serving(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> Case:
    """Serving costs nearly as much as is earned, paid by the second; its speed is normal, from 40 uneven queries."""
    latency_s = np.random.default_rng(7).gamma(1.0, 30.0, 40)
    case = make_use_case(
        needs={"latency_s": 600.0}, cost_per_error_usd=None, fixed_cost_per_year_usd=0.0, upfront_cost_usd=20.0,
        value_per_request_usd=0.0008,
    )  # fmt: skip
    case = spread(case, "requests_per_year", "lognormal", 1e6, 1e7)
    records = bench.case(scores=GOOD, latency_s=latency_s, rate=0.01, window_s=1000.0)  # batches take too long
    npv, evidence = judged(records, replace(pricing, buying="elastic"), case)
    mean = npv.business.measured["samples_per_s"].mean
    deviation = mean * latency_s.std(ddof=1) / latency_s.mean() / np.sqrt(40)

    def posterior(random: np.random.Generator, observed: float, study: Study, size: int) -> np.ndarray:
        gain = 1 - latency_s.sum() / study.size  # of the longer window, the share that is new
        return random.normal(mean + gain * (observed - mean), deviation * np.sqrt(1 - gain), size)

    return npv, evidence, Beliefs(
        "samples_per_s", "longer serving", Normal(mean, deviation),
        lambda random, size: random.normal(mean, deviation, size),
        lambda random, truth, study: random.normal(truth, deviation / np.sqrt(study.size / latency_s.sum() - 1)),
        posterior,
    )  # fmt: skip


def nested(npv: NpvDistribution, beliefs: Beliefs, study: Study, results: int) -> tuple[float, float]:
    """Return the value of a study and its standard error, by simulating results, and the payoff after each."""
    random = np.random.default_rng(0)
    after = []
    for observed in beliefs.result(random, beliefs.prior(random, results), study):
        drawn = {**npv.drawn, beliefs.name: beliefs.posterior(random, observed, study, npv.market.draws)}
        reached = npv.needed_quality is None or drawn["quality"] >= npv.needed_quality
        payoff = np.where(reached, npv.business.npv_of(drawn, npv.market.sums), -npv.business.upfront_usd(drawn))
        after.append(payoff.mean())
    gains = np.maximum(after, 0) - (after if np.mean(after) > 0 else 0)
    return float(gains.mean()), float(gains.std() / np.sqrt(results))


NESTED = [items_near_the_need, seeds_and_the_cost_of_errors, windows_and_the_cost_of_serving]


def compare(case: Case, results: int, sizes: slice) -> None:
    """Check the values of some sizes of an action: within 3 standard errors of the nested simulation."""
    npv, evidence, beliefs = case
    npv = replace(npv, business=replace(npv.business, measured={**npv.business.measured, beliefs.name: beliefs.belief}))
    value_usd = value_of_studies(npv, evidence)
    actions = [study for study in studies(evidence, npv.market.market) if study.code == beliefs.code]

    assert len(actions) == 3
    for study in actions[sizes]:
        expected, error = nested(npv, beliefs, study, results)
        assert expected > 10 * error
        assert value_usd(study) == pytest.approx(expected, abs=3 * error)


@pytest.mark.parametrize("make", NESTED)
def test_the_value_of_a_study_agrees_with_a_nested_simulation(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase, make: Callable[..., Case]
) -> None:
    """Of twice as many items, seeds or seconds as there are, with 2,000 results."""
    compare(make(bench, pricing, make_use_case), 2000, slice(1, 2))


@pytest.mark.slow
@pytest.mark.parametrize("make", NESTED)
def test_the_value_of_every_study_agrees_with_a_long_nested_simulation(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase, make: Callable[..., Case]
) -> None:
    """Of every size, with 10,000 results."""
    compare(make(bench, pricing, make_use_case), 10_000, slice(None))


# What is suggested ------------------------------------------------------------------------------------------------


def test_nothing_is_suggested_where_the_split_is_used_up(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """Machine time makes no new items; the reason says so, and what labels would be worth."""
    learning = information_about(bench.case(scores=NEAR), pricing, make_use_case())

    assert learning.evpi_usd > 1000
    assert learning.advice is None
    assert str(learning.next_measurement).startswith(
        "No further measurement is known to be worth its cost. All 100 items of the test split are graded. Labels of "
    )
    assert str(learning.next_measurement).endswith("With one seed the value of more seeds is unknown.")


@pytest.mark.parametrize("times", [0.99, 1.01])
def test_labels_are_suggested_below_what_they_are_worth(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase, times: float
) -> None:
    """The price in the reason is the one at which the suggestion begins."""
    records = bench.case(scores=NEAR)
    (worth,) = (
        each for each in information_about(records, pricing, make_use_case()).limits if each.code == "labels worth"
    )
    learning = information_about(records, pricing, make_use_case(label_usd=worth.values["label_usd"] * times))

    assert (learning.advice is not None) == (times < 1)
    assert "split used up" not in [reason.code for reason in learning.next_measurement]


def test_the_sentence_names_action_size_value_and_cost(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """The largest size of cheap labels; the table holds value and cost beside it."""
    records, case = bench.case(scores=NEAR), make_use_case(label_usd=0.5)
    (row,) = viability(records, pricing, [case]).to_dict("records")
    advice = information_about(records, pricing, case).advice

    assert advice is not None
    assert row["next_measurement"].startswith(
        f"Label and grade 400 more test items first: that is worth {row['evsi_usd']:,.0f} USD and costs 200 USD."
    )
    assert row["measuring_usd"] == advice.values["cost_usd"]
    assert 200 < row["evsi_usd"] == advice.values["evsi_usd"] < row["evpi_usd"]
    assert advice.sentence("zh").startswith("请先再标注并评测 400 个测试样本：价值 ")


def test_costs_by_hand(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """At 0.10 USD an hour: pretraining 0.01, fine-tuning 0.005, evaluation 0.001 USD, and a window of 14 s."""
    records = [*bench.case(scores=NEAR), *bench.case(scores=GOOD, seed=1)]
    npv, evidence = judged(records, pricing, make_use_case(label_usd=2.0))
    costs = {(study.code, round(study.size)): study.cost.value for study in studies(evidence, npv.market.market)}

    assert costs == pytest.approx({
        # Labels, then pretraining once, and for both seeds a fine-tuning and an evaluation of all items.
        ("label items", 100): 200 + 0.01 + 2 * (0.005 + 0.001 * 2),
        ("label items", 200): 400 + 0.01 + 2 * (0.005 + 0.001 * 3),
        ("label items", 400): 800 + 0.01 + 2 * (0.005 + 0.001 * 5),
        ("more seeds", 2): 2 * 0.006, ("more seeds", 4): 4 * 0.006, ("more seeds", 8): 8 * 0.006,
        # Both seeds' windows of 14 s, longer than before by as much, twice and four times as much.
        ("longer serving", 56): 0.1 * 56 / 3600, ("longer serving", 84): 0.1 * 84 / 3600,
        ("longer serving", 140): 0.1 * 140 / 3600,
    })  # fmt: skip


def test_items_that_are_left_need_no_labels(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """Where an evaluation graded 100 items of a test split of 350; never more than are left."""
    records = bench.case(scores=NEAR, fields={"used": {"test_items": 350}})
    npv, evidence = judged(records, pricing, make_use_case(label_usd=2.0))
    costs = {study.size: study.cost.value for study in studies(evidence, npv.market.market) if "items" in study.code}

    assert costs == pytest.approx({100: 0.001 * 2, 200: 0.001 * 3, 250: 0.001 * 3.5})
    assert str(information(npv, evidence).next_measurement).startswith("Grade 250 more items of the test split first")


def test_seeds_that_differ_are_suggested(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """With the used-up split still named."""
    records = [record for seed, right in enumerate((70, 80, 90))
               for record in bench.case(scores=(1,) * right + (0,) * (100 - right), seed=seed)]  # fmt: skip
    learning = information_about(records, pricing, make_use_case())

    assert str(learning.next_measurement).startswith("Train and evaluate 12 more seeds first: that is worth ")
    assert "All 100 items of the test split are graded." in str(learning.next_measurement)
    assert "With one seed" not in str(learning.next_measurement)


def test_equal_seeds_are_not(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """Where every seed gives the same answers, further ones tell nothing."""
    records = [record for seed in range(3) for record in bench.case(scores=NEAR, seed=seed)]
    npv, evidence = judged(records, pricing, make_use_case())
    value_usd = value_of_studies(npv, evidence)

    assert [value_usd(study) for study in studies(evidence, npv.market.market) if study.code == "more seeds"] == [0] * 3
    assert information(npv, evidence).advice is None


def test_a_certain_decision_has_nothing_to_learn(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """Far above the need and the costs: no value, no suggestion, no limits."""
    case = make_use_case(needs={"quality": 0.4, "latency_s": 0.5}, label_usd=0.01)
    learning = information_about(bench.case(scores=GOOD), pricing, case)

    assert (learning.evpi_usd, learning.evsi_usd, learning.advice) == (0, 0, None)
    assert str(learning.next_measurement) == "No further measurement is known to be worth its cost."


def test_what_is_missing_is_measured_first(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """Without enough evidence the reasons of the verdict say what to measure."""
    records = bench.case(scores=(1, 1, 1, 1, 0) * 5)
    (row,) = viability(records, pricing, [make_use_case(label_usd=0.1)]).to_dict("records")

    assert row["verdict"] == "not enough evidence"
    assert row["next_measurement"] is None


@settings(max_examples=25, deadline=None)
@given(value=st.floats(0.02, 0.2), needed=st.floats(0.6, 0.95), error=st.floats(0, 0.5))
def test_values_grow_with_the_size_up_to_perfect_information(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase, value: float, needed: float, error: float
) -> None:
    """For every kind of action."""
    records = [record for seed, right in enumerate((75, 80, 85))
               for record in bench.case(scores=(1,) * right + (0,) * (100 - right), seed=seed)]  # fmt: skip
    case = make_use_case(needs={"quality": needed, "latency_s": 0.5}, value_per_request_usd=value,
                         cost_per_error_usd=error, label_usd=1.0)  # fmt: skip
    npv, evidence = judged(records, pricing, spread(case, "requests_per_year", "lognormal", 1e5, 1e6), draws=2000)
    value_usd = value_of_studies(npv, evidence)
    values: dict[str, list[float]] = {}
    for study in studies(evidence, npv.market.market):
        values.setdefault(study.code, []).append(value_usd(study))

    assert values.keys() == {"label items", "more seeds", "longer serving"}
    for of_sizes in values.values():
        assert 0 <= of_sizes[0] <= of_sizes[1] + 1 <= of_sizes[2] + 2 <= npv.evpi_usd + 3
