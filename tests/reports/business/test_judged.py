"""Verdicts on open answers: none without grades, at best a pilot by a judge alone, any where people held it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import Record, UseCase
from harness_reports.business.alternatives import alternatives
from harness_reports.business.portfolio import portfolio
from harness_reports.business.viability import viability
from harness_reports.cells import missing
from harness_reports.measured.graded import PEOPLE_NEEDED
from harness_reports.measured.results import Results
from harness_reports.prices.compared import compared
from harness_reports.prices.cost import cost
from harness_reports.prices.frontier import frontier
from harness_reports.prices.pricing import Pricing
from harness_reports.reasons import speaking
from harness_reports.show.formats import text
from harness_reports.show.report import html

OUTPUTS = ["good"] * 190 + ["bad"] * 10
MARK = "Judged, not validated: openai:judge graded by the rubric 'helpful', and people graded 0 of 200 answers"


def _grade(_: int, answer: str) -> int:
    return 5 if answer == "good" else 1


def _by_people(count: int) -> dict[str, dict[tuple[str, str], int]]:
    places = np.linspace(0, 199, count).astype(int)
    return {"ann": {(f"q{place}", OUTPUTS[place]): _grade(place, OUTPUTS[place]) for place in places}}


@pytest.fixture
def asked_often(make_use_case: Callable[..., UseCase]) -> dict[str, UseCase]:
    """Return a use case of open answers that earns much."""
    return {"asking": make_use_case("asking", ("open-answers",), value_per_request_usd=1.0, years=5.0)}


@pytest.fixture
def candidates(open_answers: Any) -> list[Record]:
    """Return the baseline, most of whose answers are bad, and a candidate in two seeds."""
    plain = open_answers.case(["bad"] * 150 + ["good"] * 50)
    return [*plain, *(one for seed in (0, 1) for one in open_answers.case(OUTPUTS, model="writer", seed=seed))]


def _row(records: list[Record], pricing: Pricing, cases: dict[str, UseCase], model: str = "writer") -> dict[str, Any]:
    return next(row for row in viability(records, pricing, cases).to_dict("records") if row["model"] == model)


def test_without_grades_there_is_no_verdict_and_no_quality(
    candidates: list[Record], pricing: Pricing, asked_often: dict[str, UseCase]
) -> None:
    """The share of answers is no quality: nothing is computed from it, and the command that judges is given."""
    row = _row(candidates, pricing, asked_often)
    (best,) = (one for one in alternatives(candidates, pricing, asked_often).to_dict("records")
               if one["alternative"] == "candidate")  # fmt: skip

    assert row["verdict"] == "not enough evidence"
    assert row["reasons"].startswith("Not judged: 0 of 200 answers were given to a judge")
    assert "harness judge --model MODEL --rubric RUBRIC.yaml" in row["reasons"]
    for name in ("quality", "quality_low", "npv_mean_usd", "unit_margin_usd", "probability_positive", "needs_met"):
        assert missing(row[name]), name
    assert (best["quality_is"], missing(best["quality"])) == ("not measured", True)
    assert missing(best["npv_mean_usd"])
    assert missing(cost(candidates, pricing)["usd_per_1k_correct"].iloc[0])


def test_a_seed_that_nobody_judged_leaves_the_quality_unknown(
    candidates: list[Record], open_answers: Any, pricing: Pricing, asked_often: dict[str, UseCase]
) -> None:
    """Whichever of two it is: the reason says that answers are not judged, not that a score is broken."""
    further = open_answers.case(["new"] * 200, model="writer", seed=2)
    older = [replace(one, started_at="2026-11-22T10:00:00+00:00") for one in further]
    judge = open_answers.judge(candidates, _grade)

    for third in (further, older):
        reasons = _row([*candidates, *third, judge], pricing, asked_often)["reasons"]
        assert reasons.startswith("Not judged: 0 of 200 answers were given to a judge")


def test_a_judge_alone_makes_a_pilot_at_best(
    candidates: list[Record], open_answers: Any, pricing: Pricing, asked_often: dict[str, UseCase]
) -> None:
    """With all needs met and no loss likely: the reason comes first."""
    row = _row([*candidates, open_answers.judge(candidates, _grade)], pricing, asked_often)

    assert (row["verdict"], row["needs_met"]) == ("pilot", "maybe")
    assert row["reasons"].startswith(MARK)
    assert row["probability_positive"] == 1.0
    assert row["quality"] == 0.95
    records = [*candidates, open_answers.judge(candidates, _grade)]
    assert alternatives(records, pricing, asked_often)["quality_is"].iloc[0] == "judged, not validated"
    assert missing(row["flip"])  # no price and no demand makes it an investment


def test_a_comparison_has_the_mark_of_both_sides(candidates: list[Record], open_answers: Any, pricing: Pricing) -> None:
    """In the row of quality; of what was counted without a judge there is none."""
    records = [*candidates, open_answers.judge(candidates, _grade)]
    judged, *beside = compared(records, ["nearest", "writer"], pricing).to_dict("records")
    counted = compared(records, ["nearest", "writer"], pricing, metric="answered").to_dict("records")[0]

    assert judged["note"].count(MARK) == 2
    assert not any("Judged" in str(row["note"]) for row in beside)
    assert missing(counted["note"])


def test_the_portfolio_has_the_mark_of_what_it_funds(
    candidates: list[Record], open_answers: Any, pricing: Pricing, asked_often: dict[str, UseCase]
) -> None:
    """A pilot is funded, and its reason says on whose grades; held to people it has none."""
    judge, people = open_answers.judge(candidates, _grade), open_answers.people(_by_people(PEOPLE_NEEDED))
    (judged,), (held,) = (
        portfolio(records, pricing, asked_often, 1e6).to_dict("records")
        for records in ([*candidates, judge], [*candidates, judge, people])
    )

    assert [row["funded"] for row in (judged, held)] == [True, True]
    assert MARK in judged["why"]
    assert "udged" not in held["why"]


def test_held_to_people_it_is_an_investment(
    candidates: list[Record], open_answers: Any, pricing: Pricing, asked_often: dict[str, UseCase]
) -> None:
    """The same records with enough grades of people."""
    people = open_answers.people(_by_people(PEOPLE_NEEDED))
    row = _row([*candidates, open_answers.judge(candidates, _grade), people], pricing, asked_often)

    assert row["verdict"] == "invest"
    assert "Judged, not validated" not in row["reasons"]
    few = open_answers.people(_by_people(PEOPLE_NEEDED - 1))
    assert _row([*candidates, open_answers.judge(candidates, _grade), few], pricing, asked_often)["verdict"] == "pilot"


def test_what_is_not_worth_it_says_who_judged_too(
    candidates: list[Record], open_answers: Any, pricing: Pricing, asked_often: dict[str, UseCase]
) -> None:
    """A missed need by a judge's grades alone."""
    row = _row([*candidates, open_answers.judge(candidates, _grade)], pricing, asked_often, model="nearest")

    assert row["verdict"] == "do not invest"
    assert row["reasons"].startswith("acceptable is 0.25")
    assert MARK in row["reasons"]


def test_a_judge_without_a_price_leaves_evidence_missing(
    candidates: list[Record], open_answers: Any, pricing: Pricing, asked_often: dict[str, UseCase]
) -> None:
    """Its bill is part of the evaluation, and is not taken as 0."""
    judge = open_answers.judge(candidates, _grade, access={"base_url": "http://127.0.0.1:1/v1"})
    row = _row([*candidates, judge], pricing, asked_often)

    assert row["verdict"] == "not enough evidence"
    assert "What openai:judge costs as a judge is not known" in row["reasons"]


@pytest.mark.parametrize(("language", "mark"), [("en", "Judged, not validated"), ("zh", "仅经模型评审，未经验证")])
def test_the_report_has_the_mark_in_each_language(
    language: str, mark: str, candidates: list[Record], open_answers: Any, pricing: Pricing,
    asked_often: dict[str, UseCase], tmp_path: Path,
) -> None:  # fmt: skip
    """In the verdict and beside the quality."""
    records = Results([*candidates, open_answers.judge(candidates, _grade)])
    with speaking(language):
        page = html(records, pricing, asked_often)

    assert page.count(mark) >= 2


def test_the_frontier_has_the_mark(candidates: list[Record], open_answers: Any, pricing: Pricing) -> None:
    """Its rows are those of the accuracy table."""
    frame = frontier([*candidates, open_answers.judge(candidates, _grade)], pricing, "acceptable")

    assert frame["judgement"].str.startswith(MARK[:21]).all()
    assert MARK[:21] in text("frontier", frame)
