"""Answer grading: the default answers, what is read of the user's, how a grade is asked for, and what is counted."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import Assignment, DataError, NotAnAnswerError, Unsupported
from harness.labelled import NO_CLASS
from harness.plugin_files import import_file
from harness.plugins import load_plugins
from harness.sampling import sampled
from harness.seams.prompts import messages
from harness.settings import filled
from harness_language._rubric import EXAMPLE, checked, opened
from harness_language.graded_answers import GRADED, GradedAnswer, GradingData
from harness_language.models import Tfidf
from harness_language.open_tasks import AnswerGrading

TASK = AnswerGrading()
HEADER = ("input", "reference", "answer", "grade")
parrot = import_file(Path(__file__).parents[1] / "checkpoints" / "parrot.py")


@pytest.fixture
def rubric(tmp_path: Path) -> str:
    """Return the file of a rubric with three grades."""
    (tmp_path / "rubric.yaml").write_text(EXAMPLE, encoding="utf-8")
    return str(tmp_path / "rubric.yaml")


def _written(folder: Path, *rows: tuple[Any, ...], header: tuple[str, ...] = HEADER) -> str:
    with (folder / "answers.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return str(folder / "answers.csv")


def _read(source: str, rubric: str, **settings: Any) -> GradingData:
    data = TASK.data(source, filled({"rubric": rubric, **settings}, TASK.settings))
    assert isinstance(data, GradingData)
    return data


def _data(*grades: int | None, order: str = "worst-first") -> GradingData:
    answers = [GradedAnswer(f"question {n}", "", f"answer {n}", grade) for n, grade in enumerate(grades)]
    train = [GradedAnswer(f"learnt {n}", "", "so", grade) for n, grade in enumerate((1, 3, 3))]
    rubric = opened(EXAMPLE_JSON)
    return GradingData(rubric, {"train": train, "validation": train[:1], "test": answers}, order)


EXAMPLE_JSON = checked(
    "example",
    {
        "name": "helpful-answers", "as_of": "2026-11-27", "source": "us", "question": "Is the answer right?",
        "scale": {1: "wrong", 2: "partly right", 3: "right"}, "good_from": 3,
    },
).to_json()  # fmt: skip


# What is counted -------------------------------------------------------------------------------------------------


def test_the_agreement_is_the_share_of_right_grades() -> None:
    """Worked by hand: two of four; what is no grade is wrong, and None, not a number."""
    data = _data(1, 2, 3, 3)
    outputs = np.array([[1, 0, 0], [0, 0, 1], [0.2, 0.3, 0.5], [0, 0, 0]])
    grades = data.evaluate(lambda inputs: outputs[: len(inputs)], 4)

    assert grades.scores["correct"] == [1.0, 0.0, 1.0, 0.0]
    assert grades.scores["graded"] == [1.0, 1.0, 1.0, 0.0]
    assert grades.answers["output"] == [1, 3, 3, None]
    assert grades.answers["confidence"] == [1.0, 1.0, 0.5, 0.0]
    assert data.metrics is None
    assert data.random_baseline() == {"agreement": 0.5}  # the training split's most frequent grade is 3


def test_answers_that_nobody_graded_have_no_agreement() -> None:
    """Neither has a part of them: a missing grade is no grade that a judge could match by giving none."""
    data = _data(1, None, None)
    grades = data.evaluate(lambda inputs: np.zeros((len(inputs), 3)), 2)

    assert data.metrics == (GRADED,)
    assert grades.scores == {"graded": [0.0] * 3, "predicted": [NO_CLASS] * 3}
    assert data.random_baseline() == {"graded": 1.0}
    assert data.references("test") is None
    assert data.items("test")["reference_grade"] == [1, None, None]
    whole, _ = sampled(data, "test", {"max_items": 1, "seed": 0})
    assert isinstance(whole, GradingData)
    assert (whole.metrics is None) == (whole.items("test").get("reference_grade") == [1])


def test_a_rubric_is_part_of_the_data() -> None:
    """The same answers by another rubric are other data; the scale's order is not of them, but of the asking."""
    one, other = _data(1, 2), _data(1, 2, order="best-first")
    changed = opened(EXAMPLE_JSON.replace("Is the answer right?", "Is it polite?"))
    third = GradingData(changed, {split: [GradedAnswer("q", "", "a", 1)] for split in ("train", "validation", "test")})

    assert one.digest == other.digest
    assert one.items("test") == {
        "input": ["question 0", "question 1"], "reference": ["", ""], "answer": ["answer 0", "answer 1"],
        "reference_grade": [1, 2],
    }  # fmt: skip
    assert third.digest != one.digest


def test_rows_that_read_alike_are_refused() -> None:
    """A record would name one of them for the other."""
    same = GradedAnswer("q\n\nAnswer to be graded:\na", "", "b"), GradedAnswer("q", "", "a\n\nAnswer to be graded:\nb")

    assert same[0].text == same[1].text
    with pytest.raises(DataError, match="Two rows read alike to a judge"):
        GradingData(opened(EXAMPLE_JSON), {"train": [], "validation": [], "test": same})


# Asking ----------------------------------------------------------------------------------------------------------


def test_a_grade_is_asked_for_by_the_whole_rubric() -> None:
    """Question, scale and numbers, in the order that is asked for; then what is graded."""
    answer = GradedAnswer("Who?", "Ann.", "Bob.")
    data = GradingData(opened(EXAMPLE_JSON), {"train": [], "validation": [], "test": [answer]})
    (turn,) = messages(data.prompts(), data.queries()[0])
    swapped = GradingData(opened(EXAMPLE_JSON), {"train": [], "validation": [], "test": [answer]}, "best-first")

    assert turn["content"] == (
        "Grade an answer to a question.\nIs the answer right?\n\nThe grades are:\n1: wrong\n2: partly right\n3: right\n"
        "\nAnswer with exactly one of these numbers, and with nothing else: 1, 2, 3\n\n"
        "Question:\nWho?\n\nReference answer:\nAnn.\n\nAnswer to be graded:\nBob."
    )
    assert "3: right\n2: partly right\n1: wrong\n" in swapped.prompts().instruction
    assert swapped.prompts().instruction.endswith("3, 2, 1")
    assert "Reference" not in GradedAnswer("Who?", "", "Bob.").text


@pytest.mark.parametrize(
    ("words", "grade"),
    [("3", 3), (" 2.\n", 2), ("Grade: 1", 1), ("I give it a 3!", 3), ("**2**", 2), ("3/3", 3), ("2 of 3", None),
     ("13", None), ("good", None), ("2.5", None), ("-1", None), ("grade-3", 3), ("2.0", 2), ("", None)],
)  # fmt: skip
def test_a_grade_is_read_as_a_number_of_the_scale(words: str, grade: int | None) -> None:
    """Two numbers are none, and so is one that is not of the scale; nothing is rounded."""
    data = _data(1)
    if grade is None:
        with pytest.raises(NotAnAnswerError):
            data.prompts().read(words, data.queries()[0])
    else:
        assert int(data.prompts().read(words, data.queries()[0]).argmax()) == grade - 1


def test_a_checkpoint_can_be_a_judge(tmp_path: Path) -> None:
    """A real network in the process, whose weights say 2: every answer gets it."""
    parrot.save_parrot(tmp_path / "parrot", "2")
    model = load_plugins().find("models", f"hf:{tmp_path / 'parrot'}")
    data, settings = _data(1, 2), filled({"max_tokens": 4}, model.settings)
    learner = model.learner(
        Assignment("finetune", data, "default", settings, "cpu", "fp32", 0, pretrained=True, as_is=True)
    )

    assert data.evaluate(learner.predict, 2).answers == {"output": [2, 2]}


# The default answers, and what can be learnt ---------------------------------------------------------------------


def test_the_default_answers_are_right_and_wrong_in_equal_parts() -> None:
    """By construction, in every split; a classifier that reads words alone does not tell them apart."""
    data = TASK.data(None, filled({}, TASK.settings))
    assert isinstance(data, GradingData)
    labels = {split: data.examples(split).labels for split in data.sizes}
    learner = Tfidf().learner(Assignment("finetune", data, "default", filled({}, Tfidf.settings), "cpu", "fp32", 0))
    learner.step()
    share = sum(data.evaluate(learner.predict, 64).scores["correct"]) / data.sizes["test"]

    assert all(abs(sum(part) - len(part) / 2) <= 1 for part in labels.values())
    assert abs(share - 0.5) < 4 * math.sqrt(0.25 / data.sizes["test"])


def test_grades_of_people_can_be_learnt(tmp_path: Path, rubric: str) -> None:
    """A classifier learns from some and is held against others; answers without a grade are all for the test."""
    rows = [(f"q{n}", "", f"the word {'fine' if n % 2 else 'foul'} {n}", 3 if n % 2 else 1) for n in range(60)]
    graded = _read(_written(tmp_path, *rows), rubric)
    learner = Tfidf().learner(Assignment("finetune", graded, "default", filled({}, Tfidf.settings), "cpu", "fp32", 0))
    learner.step()
    mixed = _read(_written(tmp_path, *rows, ("open", "", "the word fine", "")), rubric)

    assert graded.sizes == {"train": 42, "validation": 6, "test": 12}
    assert graded.evaluate(learner.predict, 8).scores["correct"] == [1.0] * 12
    assert (graded.metrics, mixed.metrics) == (None, (GRADED,))
    assert mixed.sizes == {"train": 42, "validation": 6, "test": 13}


def test_without_grades_nothing_is_learnt(tmp_path: Path, rubric: str) -> None:
    """All answers are for the judge; a model that learns says what it needs."""
    rows = [(f"q{n}", f"r{n}" if n else "", f"a{n}") for n in range(5)]
    data = _read(_written(tmp_path, *rows, header=HEADER[:3]), rubric)

    assert data.sizes == {"train": 0, "validation": 0, "test": 5}
    assert list(zip(*data.items("test").values(), strict=True)) == rows
    assert data.how_read is not None
    assert "test: 5 rows, all, as there are no grades to learn from" in data.how_read.lines()
    with pytest.raises(Unsupported, match="no graded answers to learn from"):
        data.examples("train")


def test_splits_of_the_source_are_kept(tmp_path: Path, rubric: str) -> None:
    """Those of test need no grade."""
    header = (*HEADER, "split")
    rows = [(f"q{n}", "", f"a{n}", 1 + n % 3 if n < 8 else "", ("train", "train", "validation", "test")[n // 3])
            for n in range(12)]  # fmt: skip
    data = _read(_written(tmp_path, *rows[:8], *rows[9:], header=header), rubric)

    assert data.sizes == {"train": 6, "validation": 2, "test": 3}
    assert data.metrics == (GRADED,)
    with pytest.raises(DataError, match="a row of the validation split has no grade"):
        _read(_written(tmp_path, *rows, header=header), rubric)
    bare = [(*row[:3], row[4]) for row in rows]
    with pytest.raises(DataError, match="several splits and no grades"):
        _read(_written(tmp_path, *bare, header=("input", "reference", "answer", "split")), rubric)


@pytest.mark.parametrize("grade", ["4", "0", "1.5", "good", "-1"])
def test_a_grade_outside_the_scale_is_named(tmp_path: Path, rubric: str, grade: str) -> None:
    """By its row, with the scale."""
    with pytest.raises(DataError, match=f"row 2: column 'grade' holds '{grade}', which is no grade of the rubric"):
        _read(_written(tmp_path, ("q", "", "a", "3"), ("q", "", "b", grade)), rubric)


def test_answers_need_a_rubric_and_the_default_ones_have_theirs(tmp_path: Path, rubric: str) -> None:
    """Each with what to write."""
    source = _written(tmp_path, ("q", "", "a", ""))
    with pytest.raises(DataError, match=r"needs a rubric\. Write one into a file and name it"):
        _read(source, "")
    with pytest.raises(DataError, match="have a rubric of their own"):
        TASK.check(None, filled({"rubric": rubric}, TASK.settings))
    assert TASK.check(None, filled({}, TASK.settings)) is None
    with pytest.raises(DataError, match="has no column 'answer'"):
        _read(_written(tmp_path, ("q", "a"), header=("input", "output")), rubric)
    with pytest.raises(DataError, match="row 1: the text in column 'answer' is empty"):
        _read(_written(tmp_path, ("q", "", "", "")), rubric)
