"""The judges table, and what a judge's bill is part of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from harness import Record
from harness_reports.explain.tables import rows as explained
from harness_reports.measured.agreement import alpha, kappa
from harness_reports.measured.graded import PEOPLE_NEEDED
from harness_reports.measured.prediction_powered import corrected
from harness_reports.measured.results import Results
from harness_reports.prices.cost import cost
from harness_reports.prices.cost_figures import cost_figures
from harness_reports.prices.judges import judges
from harness_reports.prices.pricing import Pricing

ITEMS = 120
FIVE = (1, 2, 3, 4, 5)
RANDOM = np.random.default_rng(0)
TRUE = [int(grade) for grade in RANDOM.integers(1, 6, ITEMS)]
ANSWERS = [f"answer {'x' * int(length)}" for length in RANDOM.integers(1, 60, ITEMS)]
KEYS = [(f"q{place}", answer) for place, answer in enumerate(ANSWERS)]


def _lenient(place: int, answer: str) -> int:
    """Return a grade that is too good for every third answer, and for long ones."""
    return min(5, TRUE[place] + (place % 3 == 0) + (len(answer) > 50))


def _other_way(place: int, answer: str) -> int | None:
    """Return the grade of 40 answers if the scale is listed the other way: ten get a point less."""
    return None if place >= 40 else max(1, _lenient(place, answer) - (place < 10))


def _by_hand(count: int, shift: int = 0) -> dict[tuple[str, str], int]:
    return {KEYS[place]: min(5, TRUE[place] + (shift if place % 7 == 0 else 0)) for place in range(count)}


@pytest.fixture
def judged(open_answers: Any) -> list[Record]:
    """Return a candidate, a judge in both orders, and two people."""
    case = open_answers.case(ANSWERS)
    return [
        *case, open_answers.judge(case, _lenient, wall_s=360.0),
        open_answers.judge(case, _other_way, order="best-first", wall_s=36.0),
        open_answers.people({"ann": _by_hand(60), "bob": _by_hand(30, shift=1)}),
    ]  # fmt: skip


def test_a_row_is_what_the_parts_give(judged: list[Record], pricing: Pricing) -> None:
    """Agreement, means and the correction, each by its function; the bill by hand."""
    (row,) = judges(judged, pricing).to_dict("records")
    judge = np.array([_lenient(place, answer) for place, answer in enumerate(ANSWERS)], dtype=float)
    people = np.array([TRUE[place] if place < 60 else np.nan for place in range(ITEMS)], dtype=float)
    bob = np.array([_by_hand(30, shift=1).get(key, np.nan) for key in KEYS])
    right = np.where(np.isnan(people), np.nan, people >= 4)

    assert (row["model"], row["rubric"], row["good_from"], row["graders"]) == ("openai:judge", "helpful", 4, 2)
    assert (row["answers"], row["without_grade"], row["people_graded"]) == (120, 0, 60)
    assert row["kappa"] == kappa(judge, people, FIVE).value
    assert row["weighted_kappa"] == kappa(judge, people, FIVE, weighted=True).value
    assert row["weighted_kappa"] > row["kappa"]
    assert (row["alpha"], row["alpha_answers"]) == (alpha(np.array([people, bob]), FIVE).value, 30)
    assert row["judge_share"] == pytest.approx((judge >= 4).mean())
    assert row["people_share"] == pytest.approx(np.nanmean(right))
    assert row["corrected_share"] == corrected(right, (judge >= 4).astype(float)).value
    assert row["corrected_share_low"] < row["corrected_share"] < row["judge_share"]
    assert row["judge_usd"] == pytest.approx(0.10 * (360 + 36) / 3600)
    both = np.nanmean([people[:60], bob[:60]], axis=0)
    assert row["people_grade"] == pytest.approx(both.mean())
    assert row["note"] is None


def test_people_who_graded_what_the_judge_found_good_are_no_sample(open_answers: Any, pricing: Pricing) -> None:
    """The table of judges says so too."""
    case = open_answers.case(ANSWERS)
    good = [place for place in range(ITEMS) if _lenient(place, ANSWERS[place]) >= 4]
    people = open_answers.people({"ann": {KEYS[place]: 4 for place in good}})
    (row,) = judges([*case, open_answers.judge(case, _lenient), people], pricing).to_dict("records")

    assert len(good) >= PEOPLE_NEEDED
    assert "People graded no random sample: the judge's mean grade of their answers is 4." in row["note"]


def test_ties_of_people_are_counted(open_answers: Any, pricing: Pricing) -> None:
    """Of three answers two have one person for right and one against: they count as wrong, and that is said."""
    case = open_answers.case(ANSWERS)
    keys = KEYS[:3]
    people = open_answers.people({"ann": dict.fromkeys(keys, 4), "bob": dict(zip(keys, (3, 5, 1), strict=True))})
    (row,) = judges([*case, open_answers.judge(case, _lenient), people], pricing).to_dict("records")

    assert row["people_share"] == pytest.approx(1 / 3)
    assert row["people_grade"] == pytest.approx((3.5 + 4.5 + 2.5) / 3)
    assert "As many people find 2 of the answers right as wrong" in row["note"]


def test_order_and_length_bias(judged: list[Record], pricing: Pricing) -> None:
    """Ten of forty answers get one point less the other way; long answers get one too many."""
    (row,) = judges(judged, pricing).to_dict("records")
    judge = np.array([_lenient(place, answer) for place, answer in enumerate(ANSWERS)], dtype=float)
    lengths = np.array([len(answer) for answer in ANSWERS])
    changed = sum(judge[place] > 1 for place in range(10))

    assert row["order_answers"] == 40
    assert row["order_changed"] == changed / 40
    assert row["order_changed_low"] < changed / 40 < row["order_changed_high"]
    assert row["order_difference"] == -changed / 40
    assert row["order_difference_high"] < 0
    assert row["length_correlation"] == pytest.approx(stats.spearmanr(judge, lengths).statistic)
    both = [(TRUE[place] + min(5, TRUE[place] + (place % 7 == 0))) / 2 for place in range(30)]
    bias = stats.spearmanr(judge[:60] - np.array([*both, *TRUE[30:60]]), lengths[:60])
    assert row["length_bias"] == pytest.approx(bias.statistic)
    assert row["length_bias_low"] < bias.statistic < row["length_bias_high"]


def test_what_was_not_checked_is_said(open_answers: Any, pricing: Pricing) -> None:
    """One person, who graded few answers; no other order: figures are missing, with what to do."""
    case = open_answers.case(ANSWERS)
    records = [*case, open_answers.judge(case, _lenient), open_answers.people({"ann": _by_hand(20)})]
    (row,) = judges(records, pricing).to_dict("records")

    assert [row[name] for name in ("alpha", "corrected_share", "order_changed", "order_difference")] == [None] * 4
    assert row["order_answers"] == 0
    assert row["note"] == (
        "Krippendorff's alpha takes two graders or more: there is 1. Let another person grade some of the same "
        f"answers. People graded 20 of its answers; {PEOPLE_NEEDED} are needed to correct its mean. Next: harness "
        "grades FILE.csv --rubric RUBRIC.yaml; Whether the order of the scale sways it was not checked: harness judge "
        "--check-order N"
    )


def test_a_judge_that_nobody_held_to_people(open_answers: Any, pricing: Pricing) -> None:
    """No agreement, and no person's mean."""
    case = open_answers.case(ANSWERS)
    (row,) = judges([*case, open_answers.judge(case, _lenient)], pricing).to_dict("records")

    assert [row[name] for name in ("kappa", "alpha", "people_share", "length_bias")] == [None] * 4
    assert (row["graders"], row["people_graded"]) == (0, 0)


def test_the_share_of_people_who_graded_all_is_no_correction(open_answers: Any, pricing: Pricing) -> None:
    """It is theirs, with its interval."""
    case = open_answers.case(ANSWERS)
    records = [*case, open_answers.judge(case, _lenient), open_answers.people({"ann": _by_hand(ITEMS)})]
    (row,) = judges(records, pricing).to_dict("records")

    assert row["corrected_share"] == row["people_share"] == pytest.approx(np.mean(np.array(TRUE) >= 4))


def test_judges_of_other_settings_are_other_judges(open_answers: Any, pricing: Pricing) -> None:
    """A row for each, told apart by its settings."""
    case = open_answers.case(ANSWERS)
    records = [*case, open_answers.judge(case, _lenient), open_answers.judge(case, _lenient, settings={"shots": 2})]

    assert sorted(judges(records, pricing)["settings"]) == ['{"shots": 2}', "{}"]


def test_the_bill_of_a_judge_is_shared_by_what_it_graded(open_answers: Any, pricing: Pricing) -> None:
    """0.01 USD for 200 answers: 120 of one candidate and 80 of the other, beside 0.001 of its own evaluation."""
    mine, other = open_answers.case(ANSWERS), open_answers.case([*(["short"] * 80), *([""] * 40)], model="lead")
    alone = {row["model"]: row["evaluate_usd"] for row in cost([*mine, *other], pricing).to_dict("records")}
    records = [*mine, *other, open_answers.judge([*mine, *other], _lenient, wall_s=360.0)]
    together = {row["model"]: row["evaluate_usd"] for row in cost(records, pricing).to_dict("records")}

    assert alone == pytest.approx({"nearest": 0.001, "lead": 0.001})
    assert together["nearest"] == pytest.approx(0.001 + 0.01 * 120 / 200)
    assert together["lead"] == pytest.approx(0.001 + 0.01 * 80 / 200)


def test_the_bills_of_all_seeds_are_shared(open_answers: Any, pricing: Pricing) -> None:
    """The mean of two seeds, each with half of the bill."""
    first, second = (open_answers.case(ANSWERS, seed=seed) for seed in (0, 1))
    records = [*first, *second, open_answers.judge(first, _lenient, wall_s=360.0)]
    (row,) = (row for row in cost(records, pricing).to_dict("records") if row["model"] == "nearest")

    assert row["seeds"] == 2
    assert row["evaluate_usd"] == pytest.approx(0.001 + 0.01 / 2)


def test_an_evaluation_that_was_made_again_has_one_part_of_the_bill(open_answers: Any, pricing: Pricing) -> None:
    """The newest record of a step counts, as in every table."""
    case = open_answers.case(ANSWERS)
    again = [replace(one, id=f"{one.id}x") for one in case if one.step == "evaluate"]
    records = [*case, open_answers.judge(case, _lenient, wall_s=360.0), *again]
    (row,) = (row for row in cost(records, pricing).to_dict("records") if row["model"] == "nearest")

    assert row["evaluate_usd"] == pytest.approx(0.001 + 0.01)


def test_the_bill_is_explained(open_answers: Any, pricing: Pricing, check: Any) -> None:
    """Down to the judge's seconds; every formula gives its value."""
    case = open_answers.case(ANSWERS)
    records = [*case, open_answers.judge(case, _lenient, wall_s=360.0)]
    check(explained("cost", records, pricing), cost(records, pricing))
    candidate = next(one for one in Results(records).candidates.values() if one.key.model == "nearest")
    figure = cost_figures(candidate, pricing)["evaluate_usd"]

    assert [part.name for part in figure.inputs] == ["answering_usd", "judging_usd", "seeds"]
    assert 360.0 in [part.value for part in figure.walk() if part.name == "wall_s"]


def test_a_judge_without_a_price_leaves_the_evaluation_without_one(open_answers: Any, pricing: Pricing) -> None:
    """The unknown is not 0."""
    case = open_answers.case(ANSWERS)
    served = open_answers.judge(case, _lenient, access={"base_url": "http://127.0.0.1:1/v1"})
    served = replace(served, usage={"test": {"input_tokens": [9] * ITEMS, "output_tokens": [1] * ITEMS}})
    (row,) = (row for row in cost([*case, served], pricing).to_dict("records") if row["model"] == "nearest")
    (judge,) = judges([*case, served], pricing).to_dict("records")

    assert row["evaluate_usd"] is None
    assert row["finetune_usd"] > 0
    assert judge["judge_usd"] is None
