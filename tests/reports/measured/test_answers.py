"""The answers of both, item by item: whose are right, which hold a text."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import FactError, Record, StoreError
from harness_reports import cells
from harness_reports.measured.answers import BETTER, CLIPPED, RIGHT_OR_WRONG, answers, chosen, clipped, outcomes

INPUTS = ["Straße =1+1", "second\nline", "third " + "x" * 100, "年月日"]
TARGETS = ["a", "b", "c", ["d", 1]]
ERROR = {"name": "error", "unit": "bits", "column": "bits", "higher_is_better": False, "random_baseline": 8.0}


def answered(records: Sequence[Record], outputs: list[Any], **changes: Any) -> list[Record]:
    """Return a case with what was asked and answered."""
    held = {"items": {"test": {"input": INPUTS, "reference": TARGETS}}, "answers": {"test": {"output": outputs}}}
    return [replace(one, **{**held, **changes}) if one.step == "evaluate" else one for one in records]


@pytest.fixture
def two(bench: Any) -> list[Record]:
    """Return two candidates over four items: both right, only one of each, both wrong."""
    ours = bench.case(scores=(1, 1, 0, 0), runtime="eager")
    theirs = bench.case(model="tfidf", size="default", start="scratch", scores=(1, 0, 1, 0), runtime="eager")
    return [*answered(ours, ["a", "b", "x", None]), *answered(theirs, ["a", "y", "c", ["z"]])]


def test_every_item_has_both_answers(two: list[Record]) -> None:
    """With the right one, both scores, and whose is right; what is no text is JSON."""
    rows = cells.rows(answers(two, ["tfidf", "bert"]))

    assert [row["outcome"] for row in rows] == ["both right", "candidate only", "reference only", "both wrong"]
    assert [row["place"] for row in rows] == [0, 1, 2, 3]
    assert [row["output"] for row in rows] == ["a", "b", "x", None]
    assert [row["reference_output"] for row in rows] == ["a", "y", "c", '["z"]']
    assert rows[3]["target"] == '["d", 1]'
    assert [(row["score"], row["reference_score"]) for row in rows] == [(1, 1), (1, 0), (0, 1), (0, 0)]
    assert outcomes(answers(two, ["tfidf", "bert"])) == dict.fromkeys(RIGHT_OR_WRONG, 1)


def test_each_candidate_has_its_rows(two: list[Record], bench: Any) -> None:
    """Beside the same reference."""
    records = [*two, *answered(bench.case(model="mlp", scores=(0, 0, 0, 0), runtime="eager"), ["q"] * 4)]
    frame = answers(records, ["tfidf", "bert", "mlp"])

    assert frame["candidate"].tolist() == ["bert"] * 4 + ["mlp"] * 4
    assert outcomes(frame[frame["candidate"] == "mlp"]) == {
        "both right": 0, "both wrong": 2, "reference only": 2, "candidate only": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "search", "places"),
    [
        (None, "", [0, 1, 2, 3]), ("both wrong", "", [3]), ("candidate only", "", [1]), (None, "STRASSE", [0]),
        (None, "y", [1]), (None, "年月", [3]), ("both right", "third", []), (None, '["Z"]', [3]), (None, ".*", []),
    ],
)  # fmt: skip
def test_items_are_chosen_by_outcome_and_by_text(
    two: list[Record], outcome: str | None, search: str, places: list[int]
) -> None:
    """In the input and in any answer, whatever the case; a search is no pattern."""
    assert chosen(answers(two, ["tfidf", "bert"]), outcome, search)["place"].tolist() == places


def test_where_answers_are_not_right_or_wrong_one_is_better(bench: Any) -> None:
    """Fewer bits are."""
    records = bench.case(scores=(1.0, 2.0, 3.0), metric=ERROR, runtime="eager")
    records += bench.case(
        model="tfidf", size="default", start="scratch", scores=(1, 1, 4), metric=ERROR, runtime="eager"
    )
    frame = answers(records, ["tfidf", "bert"])

    assert frame["outcome"].tolist() == ["equal", "reference better", "candidate better"]
    assert outcomes(frame) == dict.fromkeys(BETTER, 1)


def test_a_score_below_the_ceiling_is_not_right(bench: Any) -> None:
    """Half a point of F1 is wrong, as a whole one is right."""
    score = {"name": "F1", "unit": "share", "column": "f1", "higher_is_better": True, "ceiling": 1.0}
    records = bench.case(scores=(1.0, 0.5, 0.5), metric=score, runtime="eager")
    records += bench.case(
        model="tfidf", size="default", start="scratch", scores=(1, 1, 0), metric=score, runtime="eager"
    )

    assert answers(records, ["tfidf", "bert"])["outcome"].tolist() == ["both right", "reference only", "both wrong"]


def test_a_metric_that_grades_no_items_has_answers_without_scores(
    two: list[Record], make_store: Callable[..., str], tmp_path: Path, invoke: Callable[..., str]
) -> None:
    """BLEU: all items, and no outcome to choose by; the command says so."""
    metric = {"name": "BLEU", "unit": "points", "column": None, "higher_is_better": True, "ceiling": 100.0}
    of_all = [{**metric, "value": 30.0, "replicates": [29.0, 30.0, 31.0]}]
    records = [replace(one, metrics=of_all) if one.step == "evaluate" else one for one in two]
    frame = answers(records, ["tfidf", "bert"])

    assert frame["output"].tolist() == ["a", "b", "x", None]
    assert frame["outcome"].isna().all()
    assert outcomes(frame) == {}
    store = make_store(tmp_path / "store", records)
    with pytest.raises(StoreError, match="grades no single item here, so none is both-right"):
        invoke("compare", "tfidf", "bert", "--answers", "both-right", "--store", store)
    with pytest.raises(StoreError, match=r"No item of 4 is all with 'nowhere' in it\.$"):
        invoke("compare", "tfidf", "bert", "--answers", "all", "--search", "nowhere", "--store", store)


def test_older_records_have_scores_alone(bench: Any) -> None:
    """Texts are missing; they are no empty ones."""
    records = bench.case(scores=(1, 0), runtime="eager")
    records += bench.case(model="tfidf", size="default", start="scratch", scores=(1, 1), runtime="eager")
    frame = answers(records, ["tfidf", "bert"])

    assert frame["outcome"].tolist() == ["both right", "reference only"]
    assert frame[["input", "target", "output", "reference_output"]].isna().all(axis=None)
    assert len(chosen(frame, None, "none")) == 0


def test_the_items_of_a_sample_keep_their_places(bench: Any) -> None:
    """Those in the whole split; the other side is read at the same ones."""
    whole = [f"text {number}" for number in range(40)]
    theirs = bench.case(model="tfidf", size="default", start="scratch", scores=(1.0,) * 40, runtime="eager")
    theirs = answered(theirs, whole, items={"test": {"input": whole, "reference": whole}})
    used = {"sample": {"test": {"items": 5, "of": 40, "seed": 0}}}
    places = answers_places()
    few = [whole[place] for place in places]
    ours = answered(bench.case(scores=(1.0,) * 5, runtime="eager"), few, used=used,
                    items={"test": {"input": few, "reference": few}})  # fmt: skip
    frame = answers([*theirs, *ours], ["tfidf", "bert"])

    assert frame["place"].tolist() == places
    assert frame["input"].tolist() == frame["output"].tolist() == frame["reference_output"].tolist() == few


def answers_places() -> list[int]:
    """Return the places of a sample of 5 of 40 items, as `harness.sampling` draws them."""
    import random

    return sorted(random.Random(0).sample(range(40), 40)[:5])  # noqa: S311 - no secret


def test_texts_for_people_are_short_lines(two: list[Record]) -> None:
    """Others stay whole."""
    frame = answers(two, ["tfidf", "bert"])
    texts = clipped(frame)["input"].tolist()

    assert texts[1] == "second line"
    assert len(texts[2]) == CLIPPED
    assert texts[2].endswith("x…")
    assert frame["input"].tolist() == INPUTS


# The command ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def compare(
    two: list[Record], make_store: Callable[..., str], tmp_path: Path, invoke: Callable[..., str]
) -> Callable[..., str]:
    """Return a function that runs the command on the two candidates."""
    store = make_store(tmp_path / "store", two)
    return lambda *arguments: invoke("compare", "tfidf", "bert", *arguments, "--store", store)


def test_the_command_shows_the_answers(compare: Callable[..., str]) -> None:
    """Whole ones in JSON; short lines in a terminal, in Chinese too."""
    rows = json.loads(compare("--answers", "all", "--format", "json"))

    assert [row["input"] for row in rows] == INPUTS
    assert "only the candidate right" in compare("--answers", "candidate-only")
    assert "仅参照对" in compare("--answers", "reference-only", "--lang", "zh")
    assert "x" * 70 not in compare("--answers", "all")
    assert compare("--answers", "all", "--search", "straße", "--format", "csv").splitlines()[1].count("Straße") == 1


@pytest.mark.parametrize(
    ("error", "arguments", "message"),
    [
        (StoreError, ["--answers", "both-right", "--search", "third"], "No item of 4 is both-right with 'third' in it"),
        (StoreError, ["--answers", "equal"], "There are: both-right 1, both-wrong 1, reference-only 1, candidate-only"),
        (FactError, ["--search", "third"], "--search belongs to --answers"),
        (FactError, ["--answers", "all", "--fail-if", "worse"], "--margin and --fail-if belong to the comparison"),
    ],
)
def test_what_shows_nothing_is_said(
    compare: Callable[..., str], error: type[Exception], arguments: list[str], message: str
) -> None:
    """With what there is."""
    with pytest.raises(error, match=message):
        compare(*arguments)


def test_open_answers_have_peoples_grade_where_there_is_one_else_the_judges(
    open_answers: Any, make_store: Callable[..., str], tmp_path: Path, invoke: Callable[..., str]
) -> None:
    """Where 50 grades of people correct the mean: whose grade counts is said, and what is no answer is wrong."""
    mine = open_answers.case(["good" if place < 80 else "bad" for place in range(120)])
    other = open_answers.case(["bad" if place else "" for place in range(120)], model="lead")
    judge = open_answers.judge([*mine, *other], lambda place, answer: 4 if answer == "good" else 3)
    strict = {(f"q{place}", "good"): 3 if place < 5 else 4 for place in range(55)}
    people = open_answers.people({"ann": strict | {(f"q{place}", "bad"): 3 for place in range(60, 120)}})
    records = [*mine, *other, judge, people]
    frame, points = answers(records, ["lead", "nearest"]), answers(records, ["lead", "nearest"], metric="grade")
    store = make_store(tmp_path / "store", records)
    printed = invoke("compare", "lead", "nearest", "--answers", "candidate-only", "--store", store)

    assert outcomes(frame) == {"both right": 0, "both wrong": 45, "reference only": 0, "candidate only": 75}
    assert chosen(frame, "candidate only")["place"].tolist() == list(range(5, 80))
    assert frame["graded_by"].tolist() == ["people"] * 55 + ["judge"] * 25 + ["people"] * 40
    assert frame["reference_graded_by"].tolist() == [None, *["judge"] * 59, *["people"] * 60]
    assert frame["reference_score"].tolist() == [0.0] * 120
    assert points["score"].tolist()[4:6] == [3, 4]
    assert points["outcome"].tolist()[:6] == [None, *["equal"] * 4, "candidate better"]
    assert printed.count("only the candidate right") == 75
    assert "graded by" in printed
