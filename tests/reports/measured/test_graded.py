"""Open answers get their quality from the grades in other records."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from harness import Record, StoreError
from harness_reports.cells import missing
from harness_reports.measured.comparison import comparison
from harness_reports.measured.graded import PEOPLE_NEEDED, with_grades
from harness_reports.measured.graded_record import GradedRecord, graded_by, item_scores
from harness_reports.measured.grades import People, Rubric
from harness_reports.measured.intervals import mean_interval
from harness_reports.measured.judgement import judge as judge_numbers
from harness_reports.measured.prediction_powered import corrected
from harness_reports.measured.predictions import predictions
from harness_reports.measured.quality_figures import quality_figures
from harness_reports.measured.results import Results
from harness_reports.measured.tables import accuracy

ITEMS = 120
GOOD = ["good"] * 80 + ["bad"] * 40
WORSE = ["good"] * 50 + ["bad"] * 70


def _as_it_reads(_: int, answer: str) -> int:
    return 5 if answer == "good" else 2


def _people(outputs: list[str], count: int, grade: Any = _as_it_reads) -> dict[tuple[str, str], int]:
    """Return a person's grades of so many answers, evenly spread."""
    places = np.linspace(0, len(outputs) - 1, count).astype(int)
    return {(f"q{place}", outputs[place]): grade(place, outputs[place]) for place in places}


def _evaluation(records: Any, model: str = "nearest") -> Record:
    (record,) = (one for one in records if one.step == "evaluate" and one.spec["model"] == model)
    return record


def test_records_without_open_answers_are_left_alone(suite: list[Record]) -> None:
    """The very same ones: nothing is read of them."""
    assert with_grades(suite) is suite


def test_a_judge_alone_gives_a_share_of_right_answers(open_answers: Any) -> None:
    """Two thirds have a grade from 4; the interval is that of any share."""
    case = open_answers.case(GOOD)
    record = _evaluation(Results([*case, open_answers.judge(case, _as_it_reads)]))
    (row,) = accuracy([*case, open_answers.judge(case, _as_it_reads)], "acceptable").to_dict("records")

    assert [metric["name"] for metric in record.metrics] == ["acceptable", "grade", "answered"]
    assert record.scores["acceptable"] == [1.0] * 80 + [0.0] * 40
    assert record.scores["grade"] == [5.0] * 80 + [2.0] * 40
    assert row["value"] == pytest.approx(80 / 120)
    assert (row["low"], row["high"]) == mean_interval(np.array([record.scores["acceptable"]]))
    assert (row["ceiling"], row["unit"], row["items"]) == (1.0, "share", 120)


def test_it_is_marked_as_judged_and_not_validated(open_answers: Any) -> None:
    """With who judged, how many people graded, and what to do."""
    case = open_answers.case(GOOD)
    records = [*case, open_answers.judge(case, _as_it_reads), open_answers.people({"ann": _people(GOOD, 20)})]
    judgement = accuracy(records, "acceptable")["judgement"].item()

    assert judgement.startswith(
        "Judged, not validated: openai:judge graded by the rubric 'helpful', and people graded 20 of 120 answers, with "
        f"{PEOPLE_NEEDED} needed to correct it. Next: harness grades"
    )


def test_what_nobody_graded_has_no_quality_and_says_what_to_do(open_answers: Any) -> None:
    """How many were answered is no quality: it is another metric."""
    records = open_answers.case(GOOD)
    (row,) = accuracy(records).to_dict("records")

    assert row["metric"] == "acceptable"
    assert all(math.isnan(row[name]) for name in ("value", "low", "high"))
    assert "Not judged: 0 of 120 answers" in row["judgement"]
    assert "harness judge --model MODEL --rubric RUBRIC.yaml" in row["judgement"]
    assert accuracy(records, "answered")["value"].item() == 1.0


def test_what_is_not_graded_is_compared_with_nothing(open_answers: Any) -> None:
    """Neither better nor worse than the baseline."""
    mine, other = open_answers.case(GOOD), open_answers.case(["fine"] * ITEMS, model="lead")
    records = [*mine, *other, open_answers.judge(mine, _as_it_reads)]
    frame = accuracy(records).set_index("model")

    assert missing(frame.loc["lead", "against_baseline"])


def test_a_comparison_leaves_out_what_is_not_graded(open_answers: Any) -> None:
    """It would call it worse: no draw of a difference that is not known is above 0."""
    mine, other = open_answers.case(GOOD), open_answers.case(["fine"] * ITEMS, model="lead")
    records = [*mine, *other, open_answers.judge(mine, _as_it_reads)]

    with pytest.raises(StoreError, match="'nearest'"):
        comparison(records, ["nearest", "lead"])
    (row,) = comparison(records, ["nearest", "lead"], metric="answered").to_dict("records")
    assert row["result"] == "no significant difference"


def test_people_who_graded_all_that_the_judge_did_leave_nothing_to_correct(open_answers: Any) -> None:
    """The judge gave ten answers no grade, and so did people: every table ended with an error."""
    case = open_answers.case(GOOD)
    judge = open_answers.judge(case, lambda place, answer: None if place >= 110 else _as_it_reads(place, answer))
    people = {(f"q{place}", GOOD[place]): 5 if place < 55 else 1 for place in range(110)}
    records = Results([*case, judge, open_answers.people({"ann": people})])
    (row,) = accuracy(records, "acceptable").to_dict("records")
    graded = graded_by(_evaluation(records))

    assert row["value"] == pytest.approx(55 / 110)
    assert row["low"] == pytest.approx(0.41, abs=0.02)  # 0.5 and 1.96 times the root of 0.25 / 110
    assert (graded.by, graded.without_grade) == ("people", 10)
    assert "10 of 120 answers got no grade" in row["judgement"]


def test_a_judge_alone_is_not_compared_with_people(open_answers: Any) -> None:
    """A judge that is kind to 30 of 120, and people who graded one side: its bias alone would make the other better."""
    mine = open_answers.case(GOOD)
    other, twin = (
        open_answers.case([f"{text} too" for text in GOOD], model="lead"),
        open_answers.case(GOOD, model="twin"),
    )

    def kind(place: int, answer: str) -> int:
        return 5 if place >= 90 or answer.startswith("good") else 2

    people = open_answers.people({"ann": _people(GOOD, 60)})
    records = [*mine, *other, *twin, open_answers.judge([*mine, *other], kind), people]
    frame = accuracy(records, "acceptable").set_index("model")

    assert frame.loc["nearest", "value"] == pytest.approx(80 / 120, abs=0.01)
    assert frame.loc["lead", "value"] == 110 / 120
    assert missing(frame.loc["lead", "against_baseline"])
    with pytest.raises(StoreError, match=r"the judge's bias .* as a difference\. Let people grade 50 answers"):
        comparison(records, ["nearest", "lead"])
    assert comparison(records, ["nearest", "twin"])["difference"].tolist() == [0.0]
    assert comparison(records, ["nearest", "lead"], metric="answered")["difference"].tolist() == [0.0]


def test_answers_of_which_a_part_was_graded_are_not_graded(open_answers: Any) -> None:
    """A judge that graded the other candidate's answers alone; the sentence names it."""
    mine, other = open_answers.case(GOOD), open_answers.case(["fine"] * ITEMS, model="lead")
    results = Results([*mine, *other, open_answers.judge(mine, _as_it_reads)])

    assert (graded := graded_by(_evaluation(results, "lead"))) is not None
    assert (graded.by, graded.judged) == (None, 0)
    assert "harness judge --model openai:judge --rubric" in str(judge_numbers(_evaluation(results, "lead")))
    assert _evaluation(results).metrics[0]["name"] == "acceptable"


def test_people_who_graded_every_answer_decide(open_answers: Any) -> None:
    """The judge is not needed, and nothing is marked."""
    case = open_answers.case(GOOD)
    strict = _people(GOOD, ITEMS, lambda place, answer: 4 if place < 30 else 3)
    for records in ([*case, open_answers.judge(case, _as_it_reads)], case):
        record = _evaluation(Results([*records, open_answers.people({"ann": strict})]))

        assert record.metric_value(record.metrics[0]) == 30 / 120
        assert record.metrics[0]["column"] == "acceptable"
        assert "Judged" not in str(judge_numbers(record))


def test_where_people_graded_enough_the_judge_is_corrected(open_answers: Any) -> None:
    """The judge finds 10 answers more right than people: prediction-powered inference, of the share and of grades."""
    case = open_answers.case(GOOD)
    strict = _people(GOOD, 60, lambda place, answer: 5 if answer == "good" and place % 8 else 3)
    records = Results([*case, open_answers.judge(case, _as_it_reads), open_answers.people({"ann": strict})])
    record = _evaluation(records)
    people = np.full(ITEMS, np.nan)
    for (question, _), grade in strict.items():
        people[int(question[1:])] = grade >= 4
    result = corrected(people, np.array([1.0] * 80 + [0.0] * 40))
    (row,) = accuracy(records, "acceptable").to_dict("records")

    assert record.metrics[0]["column"] is None
    assert row["value"] == pytest.approx(result.value)
    assert row["value"] < 80 / 120
    assert (row["low"], row["high"]) == pytest.approx(result.interval, abs=0.03)
    assert "Judged, not validated" not in row["judgement"]
    assert "people's grades of 60 of 120 answers correct its mean" in row["judgement"]
    quality = records.qualities("acceptable").popitem()[1]
    assert "prediction-powered inference" in quality_figures(quality, None)["value"].note


def test_people_who_picked_what_they_graded_are_no_sample(open_answers: Any) -> None:
    """They graded the first 60, all of which the judge found good: of the others it found 20 of 60 good."""
    case = open_answers.case(GOOD)
    picked = {(f"q{place}", GOOD[place]): 5 for place in range(60)}
    records = [*case, open_answers.judge(case, _as_it_reads)]
    (row,) = accuracy([*records, open_answers.people({"ann": picked})], "acceptable").to_dict("records")
    (drawn,) = accuracy([*records, open_answers.people({"ann": _people(GOOD, 60)})], "acceptable").to_dict("records")

    assert "the judge's mean grade of their answers is 5, of the others 3 (p = " in row["judgement"]
    assert "no random sample" not in drawn["judgement"]


def test_several_people_decide_by_majority_and_their_grade_is_the_mean(open_answers: Any) -> None:
    """The rubric's right grades begin at 4: of 2, 4 and 5 two say right, of 3 and 4 one, of 3, 3 and 5 one."""
    outputs = ["good", "bad", "fair"]
    case = open_answers.case(outputs)
    grades = {"ann": [2, 3, 3], "bob": [4, 4, 3], "cid": [5, None, 5]}
    keys = [(f"q{place}", output) for place, output in enumerate(outputs)]
    by_grader = {name: dict(zip(keys, column, strict=True)) for name, column in grades.items()}
    record = _evaluation(Results([*case, open_answers.people(by_grader)]))

    assert record.scores["acceptable"] == [1.0, 0.0, 0.0]
    assert record.scores["grade"] == pytest.approx([11 / 3, 3.5, 11 / 3])
    assert record.answers["test"]["people_grade"] == [4, 3, 3]
    assert record.answers["test"]["people_mean_grade"] == pytest.approx([11 / 3, 3.5, 11 / 3])
    assert item_scores(record, "acceptable") == [1.0, 0.0, 0.0]
    assert item_scores(record, "grade") == pytest.approx([11 / 3, 3.5, 11 / 3])


@pytest.mark.parametrize("graders", [1, 2, 3, 4, 5])
def test_the_grade_that_decides_is_that_of_the_majority(graders: int, open_answers: Any) -> None:
    """Whatever is given: right where more than half say so; the mean grade has no bias that a lower median has."""
    random = np.random.default_rng(graders)
    rubric = Rubric.read(open_answers.rubric)
    given = random.integers(1, 6, (300, graders))
    people = People(rubric, {("q", str(row)): {str(who): int(grade) for who, grade in enumerate(grades)}
                             for row, grades in enumerate(given)})  # fmt: skip
    right = [people.grade(answer) >= rubric.good_from for answer in people.grades]

    assert right == ((given >= rubric.good_from).mean(axis=1) > 0.5).tolist()
    assert [people.mean_grade(answer) for answer in people.grades] == pytest.approx(given.mean(axis=1))
    assert sum(map(people.is_tied, people.grades)) == ((given >= rubric.good_from).mean(axis=1) == 0.5).sum()


def test_no_answer_is_wrong_and_needs_no_grade(open_answers: Any) -> None:
    """It is not asked about, counts as not acceptable, and has no part in the mean grade."""
    case = open_answers.case([*GOOD[:90], *[""] * 30])
    record = _evaluation(Results([*case, open_answers.judge(case, _as_it_reads)]))
    share, grade = record.metrics[:2]

    assert record.metric_value(share) == 80 / 120
    assert grade["column"] is None
    assert record.metric_value(grade) == pytest.approx((80 * 5 + 10 * 2) / 90)


def test_no_answer_is_wrong_where_the_judge_is_corrected_too(open_answers: Any) -> None:
    """The share of answers times the corrected mean of those: its spread is that of both."""
    outputs = [*GOOD[:90], *[""] * 30]
    case = open_answers.case(outputs)
    graded = _people(outputs[:90], 60, lambda place, answer: 5 if place % 3 else 2)
    record = _evaluation(Results([*case, open_answers.judge(case, _as_it_reads), open_answers.people({"ann": graded})]))
    people = np.full(90, np.nan)
    for (question, _), grade in graded.items():
        people[int(question[1:])] = grade >= 4
    result = corrected(people, np.array([1.0] * 80 + [0.0] * 10))
    of_answers = float(np.std(result.replicates))
    share = 90 / 120
    spread = math.sqrt((share * of_answers) ** 2 + result.value**2 * share * (1 - share) / 120)

    assert record.metric_value(record.metrics[0]) == pytest.approx(share * result.value)
    assert np.std(record.metrics[0]["replicates"]) == pytest.approx(spread, rel=0.15)


def test_answers_to_which_the_judge_gave_no_grade_are_left_out_and_counted(open_answers: Any) -> None:
    """Missing is not wrong."""
    case = open_answers.case(GOOD)
    judge = open_answers.judge(case, lambda place, answer: None if place % 12 == 0 else _as_it_reads(place, answer))
    record = _evaluation(Results([*case, judge]))
    left = [place for place in range(ITEMS) if place % 12]

    assert record.metric_value(record.metrics[0]) == pytest.approx(sum(place < 80 for place in left) / len(left))
    assert "10 of 120 answers got no grade and are left out." in str(judge_numbers(record))
    assert record.answers["test"]["judge_grade"][:2] == [None, 5]


def test_a_judge_that_gave_no_grade_at_all_graded_nothing(open_answers: Any) -> None:
    """No quality is made of it."""
    case = open_answers.case(GOOD)
    record = _evaluation(Results([*case, open_answers.judge(case, lambda place, answer: None)]))

    assert math.isnan(record.metric_value(record.metrics[0]))


def test_candidates_of_the_same_data_are_compared_in_one_way(open_answers: Any) -> None:
    """One corrected, the other all by people: both have values on resampled items, so that they can be compared."""
    mine, other = open_answers.case(GOOD), open_answers.case(WORSE, model="lead")
    people = {"ann": _people(GOOD, 60) | _people(WORSE, 120)}
    records = [*mine, *other, open_answers.judge([*mine, *other], _as_it_reads), open_answers.people(people)]
    (row,) = comparison(records, ["lead", "nearest"]).to_dict("records")
    both = {_evaluation(Results(records), model).metrics[0]["column"] for model in ("nearest", "lead")}

    assert both == {None}
    assert (row["metric"], row["test"], row["result"]) == ("acceptable", "bootstrap", "better")


def test_two_judged_candidates_are_compared_answer_by_answer(open_answers: Any) -> None:
    """McNemar's test, as of any share."""
    mine, other = open_answers.case(GOOD), open_answers.case(WORSE, model="lead")
    (row,) = comparison(
        [*mine, *other, open_answers.judge([*mine, *other], _as_it_reads)], ["lead", "nearest"]
    ).to_dict("records")

    assert (row["test"], row["items_won"], row["items_lost"]) == ("McNemar", 30, 0)


def test_several_records_of_one_judge_are_one_and_the_newest_grade_counts(open_answers: Any) -> None:
    """A later one graded a new candidate's answers, and one answer again."""
    mine, other = open_answers.case(GOOD), open_answers.case(WORSE, model="lead")
    first = open_answers.judge(mine, _as_it_reads)
    later = open_answers.judge(other, lambda place, answer: 1 if place == 0 else _as_it_reads(place, answer),
                               started_at="2026-11-24T11:00:00+00:00", source="later.jsonl")  # fmt: skip
    results = Results([*mine, *other, later, first])

    assert _evaluation(results, "lead").scores["grade"][0] == 1.0
    assert _evaluation(results).scores["grade"][0] == 1.0  # the same question with the same answer
    assert [one.spec["source"] for one, _ in graded_by(_evaluation(results, "lead")).bills] == [  # type: ignore[union-attr]
        first.spec["source"], "later.jsonl",
    ]  # fmt: skip


def test_one_judge_grades_all_candidates(open_answers: Any) -> None:
    """That of the most of them, though another is newer; of equals that with the usual order."""
    mine, other = open_answers.case(GOOD), open_answers.case(WORSE, model="lead")
    most = open_answers.judge([*mine, *other], _as_it_reads, model="hf:most")
    newer = open_answers.judge(mine, lambda place, answer: 1, started_at="2026-11-25T11:00:00+00:00")
    swapped = open_answers.judge([*mine, *other], lambda place, answer: 1, order="best-first", model="hf:most",
                                 started_at="2026-11-25T11:00:00+00:00")  # fmt: skip
    results = Results([*mine, *other, most, newer, swapped])

    for model in ("nearest", "lead"):
        assert graded_by(_evaluation(results, model)).judge == "hf:most"  # type: ignore[union-attr]
    assert _evaluation(results).scores["acceptable"] == [1.0] * 80 + [0.0] * 40


def test_a_judge_by_the_rubric_of_people_comes_before_a_newer_one(open_answers: Any) -> None:
    """Only it can be held against them."""
    case = open_answers.case(GOOD)
    people = open_answers.people({"ann": _people(GOOD, PEOPLE_NEEDED)})
    other = open_answers.rubric.replace("helpful", "other")
    newer = open_answers.judge(case, lambda place, answer: 1, rubric=other, model="newer",
                               started_at="2026-11-26T11:00:00+00:00")  # fmt: skip
    results = Results([*case, open_answers.judge(case, _as_it_reads, model="older"), newer, people])

    assert graded_by(_evaluation(results)).judge == "older"  # type: ignore[union-attr]
    assert graded_by(_evaluation(results)).by == "corrected"  # type: ignore[union-attr]


def test_people_who_graded_by_another_rubric_do_not_count(open_answers: Any) -> None:
    """Their grades mean something else."""
    case = open_answers.case(GOOD)
    people = open_answers.people({"ann": _people(GOOD, ITEMS)})
    people.spec["task_settings"] = {"rubric": open_answers.rubric.replace("helpful", "other")}
    record = _evaluation(Results([*case, open_answers.judge(case, _as_it_reads), people]))

    assert graded_by(record).by == "judge"  # type: ignore[union-attr]


def test_a_judge_on_the_packaged_answers_grades_nothing_else(open_answers: Any) -> None:
    """Its rubric is empty: these are constructed answers with their own scale."""
    case = open_answers.case(GOOD)
    record = _evaluation(Results([*case, open_answers.judge(case, _as_it_reads, rubric="")]))

    assert graded_by(record).by is None  # type: ignore[union-attr]


def test_parts_of_the_records_keep_their_grades(open_answers: Any) -> None:
    """Pages take the records of one task, without those of the judge."""
    case = open_answers.case(GOOD)
    results = Results([*case, open_answers.judge(case, _as_it_reads)])
    part = Results(one for one in results if one.spec["task"] == "open-answers")

    assert _evaluation(part) is _evaluation(results)
    assert isinstance(_evaluation(part), GradedRecord)
    assert [one.part for one in next(part.evaluated).judgings] == [1.0]


def test_the_predictions_hold_the_grades(open_answers: Any) -> None:
    """Beside the answer: the judge's and people's."""
    case = open_answers.case(GOOD)
    judge = open_answers.judge(case, _as_it_reads)
    frame = predictions([*case, judge, open_answers.people({"ann": _people(GOOD, 2, lambda *_: 3)})])
    mine = frame[frame["task"] == "open-answers"]

    assert list(mine["judge_grade"]) == [5] * 80 + [2] * 40
    assert list(mine["people_grade"].dropna()) == [3, 3]


@pytest.mark.parametrize("grade", [0, 6, 4.5, True, "good"])
def test_a_grade_outside_the_scale_is_refused(grade: Any, open_answers: Any) -> None:
    """With who gave it, to which answer, and what the rubric has."""
    case = open_answers.case(GOOD)
    with pytest.raises(StoreError, match=r"the grader 'ann' for the answer 'good'.*'helpful', which has 1, 2, 3, 4, 5"):
        Results([*case, open_answers.people({"ann": {("q0", "good"): grade}})])


def test_a_rubric_without_a_scale_is_refused(open_answers: Any) -> None:
    """With what to do."""
    case = open_answers.case(GOOD)
    with pytest.raises(StoreError, match=r"a rubric without a scale.*Give the rubric a scale of whole numbers"):
        Results([*case, open_answers.judge(case, _as_it_reads, rubric='{"name": "empty"}')])


@pytest.mark.parametrize("key", ["format", "weights"])
def test_a_rubric_of_a_later_version_is_refused(open_answers: Any, key: str) -> None:
    """A key that is not known may change what grades mean, of a judge and of people: nothing is read of them."""
    case = open_answers.case(GOOD)
    later = json.dumps({**json.loads(open_answers.rubric), key: 2})
    people = open_answers.people({"ann": _people(GOOD, 5)})
    people.spec["task_settings"] = {"rubric": later}
    for record in (people, open_answers.judge(case, _as_it_reads, rubric=later)):
        with pytest.raises(StoreError, match=rf"the rubric 'helpful' with the key '{key}'.*pip install --upgrade"):
            Results([*case, record])


def test_a_judge_that_gives_hardly_any_grade_decides_nothing(open_answers: Any) -> None:
    """A newer one that refuses does not take the place of one that grades; alone it leaves the quality unknown."""
    case = open_answers.case(GOOD)
    silent = open_answers.judge(case, lambda place, answer: 2 if place < 3 else None, model="silent",
                                started_at="2026-11-26T11:00:00+00:00")  # fmt: skip
    alone = _evaluation(Results([*case, silent]))
    both = _evaluation(Results([*case, silent, open_answers.judge(case, _as_it_reads)]))
    (reason,) = (one for one in judge_numbers(alone) if one.code == "judge gave few grades")

    assert math.isnan(alone.metrics[0]["value"])
    assert reason.sentence("en").startswith("silent gave a grade to 3 of 120 answers, so their quality is not known.")
    assert sum(both.scores["acceptable"]) == 80
