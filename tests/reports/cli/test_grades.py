"""`harness grades`: grades of people are kept as they were given, and bad ones are refused by their row."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness import DataError
from harness.records import VERSION, Record
from harness.store import open_store
from harness_reports.measured.human_grades import COLUMNS, read_grades
from harness_reports.measured.open_answers import Given, given_answers

Row = tuple[str, str, str, str]
Write = Callable[..., str]
Run = Callable[..., Any]


@pytest.fixture
def answers(folder: Path) -> list[Given]:
    """Return the answers in the store."""
    return given_answers(open_store(str(folder / "store")).records(), "open-answers")


@pytest.fixture
def grades(folder: Path, harness_command: Run) -> Run:
    """Return a function that writes rows to a file and gives it to the command."""

    def run(*rows: tuple[str, ...], header: tuple[str, ...] = COLUMNS, name: str = "graded.csv") -> Any:
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *rows])
        return harness_command(folder, "grades", name, "--rubric", "rubric.yaml", "--store", "store")

    return run


def _kept(folder: Path) -> list[Record]:
    return [one for one in open_store(str(folder / "store")).records() if one.step == "grade"]


def _rows(answers: list[Given], grader: str, *values: str) -> list[tuple[str, ...]]:
    return [(one.input, one.answer, grader, value) for one, value in zip(answers, values, strict=False)]


def test_each_grader_has_a_column(folder: Path, answers: list[Given], grades: Run) -> None:
    """A cell for each answer that anybody graded, None where this person did not; the same file is kept once."""
    rows = [*_rows(answers, "ann", "3", "1", ""), *_rows(answers[1:], "bob", "2", "3.0")]
    done = grades(*rows)
    again = grades(*rows)
    (record,) = _kept(folder)

    assert (done.code, done.stdout) == (0, "4 grades of 3 answers by ann, bob are kept.\n"), done.stderr
    assert "are in the store already; nothing to do" in again.stdout
    assert record.items["test"] == {
        "input": [one.input for one in answers[:3]], "answer": [one.answer for one in answers[:3]],
    }  # fmt: skip
    assert record.answers["test"] == {"ann": [3, 1, None], "bob": [None, 2, 3]}
    assert (record.spec["task"], record.spec["data"], record.outcome) == ("answer-grading", "graded.csv", "ok")
    assert '"good_from":3' in record.spec["task_settings"]["rubric"]
    assert record.version == VERSION


def test_what_spreadsheets_change_does_not_matter(folder: Path, answers: list[Given], grades: Run) -> None:
    """Line ends, blanks around a text, columns besides: the record has the texts of the store."""
    one = answers[0]
    assert "\n" in one.input
    changed = (one.input.replace("\n", "\r\n") + " ", f" {one.answer}\r\n", " ann ", " 2 ", "a remark")
    done = grades(changed, header=(*COLUMNS, "remarks"))

    assert done.code == 0, done.stderr
    (record,) = _kept(folder)
    assert record.items["test"] == {"input": [one.input], "answer": [one.answer]}
    assert record.answers["test"] == {"ann": [2]}


def test_a_text_that_looks_like_a_formula_is_recognised(tmp_path: Path) -> None:
    """An export puts an apostrophe before it."""
    from harness_reports.show.formats import csv as as_csv

    answers = [Given("=What?", "", "-1 or so"), Given("'Why?'", "", "+2")]
    columns = {name: [getattr(one, name) for one in answers] for name in ("input", "answer")}
    text = as_csv("predictions", pd.DataFrame({**columns, "grader": "ann", "grade": ["1", "2"]}))
    (tmp_path / "graded.csv").write_text(text, encoding="utf-8")
    read = read_grades(tmp_path / "graded.csv", '{"scale": {"1": "wrong", "2": "right"}}', answers)

    assert text.count("'=What?") == text.count("'-1 or so") == 1
    assert [(one.input, one.answer, one.grade) for one in read] == [("=What?", "-1 or so", 1), ("'Why?'", "+2", 2)]


def test_answers_that_differ_in_white_space_alone_are_one(tmp_path: Path) -> None:
    """A grade holds for each of them; two grades of one person are refused, though the rows differ."""
    rubric, answers = '{"scale": {"1": "wrong", "2": "right"}}', [Given("Why?", "", "So."), Given("Why?", "", " So.\n")]
    file = tmp_path / "graded.csv"
    file.write_text("input,answer,grader,grade\nWhy?,So.,ann,2", encoding="utf-8")
    read = read_grades(file, rubric, answers)
    file.write_text("input,answer,grader,grade\nWhy?,So.,ann,2\nWhy?, So.,ann,1", encoding="utf-8")

    assert [(one.answer, one.grade) for one in read] == [("So.", 2), (" So.\n", 2)]
    with pytest.raises(DataError, match=r"row 2: ann graded this answer before, with 2.*white space around a text"):
        read_grades(file, rubric, answers)


def test_an_export_with_two_columns_more_is_read(tmp_path: Path) -> None:
    """There every model's answer is in `output`; `answer` is empty for those that were not asked in words."""
    lines = ["input,output,answer,grader,grade", "Why?,Because.,,ann,2", "Why?,No.,No.,ann,1"]
    (tmp_path / "graded.csv").write_text("\n".join(lines), encoding="utf-8")
    answers = [Given("Why?", "", "Because."), Given("Why?", "", "No.")]
    read = read_grades(tmp_path / "graded.csv", '{"scale": {"1": "wrong", "2": "right"}}', answers)

    assert [(one.answer, one.grade) for one in read] == [("Because.", 2), ("No.", 1)]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("", "", "ann", "4"), "graded.csv, row 2: the grade is '4', and the rubric's scale is 1, 2, 3. Correct it"),
        (("", "", "ann", "2.5"), "row 2: the grade is '2.5', and the rubric's scale"),
        (("", "", "ann", "good"), "row 2: the grade is 'good', and the rubric's scale"),
        (("", "", " ", "2"), "row 2: the grader is empty. Name the person"),
        (("", "It is 7 or 8.", "ann", "2"), "row 2: no model in the store gave the answer 'It is 7 or 8.' to"),
        (("What?", "", "ann", "2"), "to 'What?'. Copy both as `harness export predictions` writes them"),
        (("first", "", "ann", "2"), "row 2: ann graded this answer before, with 3. Keep one of the rows"),
        (("", "", "ann"), "row 2 has not as many cells as the first line"),
    ],
)
def test_a_bad_row_is_refused_and_nothing_is_kept(
    folder: Path, answers: list[Given], grades: Run, row: tuple[str, ...], message: str
) -> None:
    """Exit code 2; the other rows are not kept either."""
    first, second = answers[:2]
    question, answer, *rest = row
    of = first if question == "first" else second
    bad = (of.input if question in ("", "first") else question, answer or of.answer, *rest)
    done = grades((first.input, first.answer, "ann", "3"), bad)

    assert done.code == 2
    assert message in " ".join(done.stderr.split())
    assert _kept(folder) == []


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (("input", "output", "grader", "grade"), "has no column 'answer'; its columns are 'input', 'output'"),
        (("input", "answer", "grader", "grade", "grade"), "has several columns 'grade'"),
        (
            ("input", "answer", "grader", "grade", "x" * 200_000),
            "line 1: this is not CSV: field larger than field limit",
        ),
    ],
)
def test_a_column_that_is_lacking_is_named(grades: Run, header: tuple[str, ...], message: str) -> None:
    """With those that there are."""
    csv.field_size_limit(131_072)  # of the process: reading tables raises it, as other tests do
    done = grades(("a", "b", "c", "1"), header=header)

    assert (done.code, message in done.stderr) == (2, True), done.stderr


def test_files_that_hold_no_grades_are_refused(
    folder: Path, answers: list[Given], grades: Run, harness_command: Run
) -> None:
    """A lost one, one that is no CSV, one whose grades are all empty, one over a store without answers."""
    empty = grades(*_rows(answers, "ann", "", ""))
    bare = grades()
    lost = harness_command(folder, "grades", "lost.csv", "--rubric", "rubric.yaml", "--store", "store")
    other = harness_command(folder, "grades", "suite.yaml", "--rubric", "rubric.yaml", "--store", "store")
    store = harness_command(folder, "grades", "graded.csv", "--rubric", "rubric.yaml", "--store", "elsewhere")

    assert [one.code for one in (empty, bare, lost, other, store)] == [2] * 5
    assert "graded.csv holds no grades. Give a CSV file with the columns input, answer, grader, grade" in empty.stderr
    assert "holds no grades" in bare.stderr
    assert "There is no file lost.csv" in lost.stderr
    assert "suite.yaml is no CSV file by its name" in other.stderr
    assert "There is no store at 'elsewhere'" in store.stderr
    assert not (folder / "elsewhere").exists()
    assert _kept(folder) == []


def test_a_task_whose_answers_are_classes_is_refused(
    folder: Path, answers: list[Given], grades: Run, harness_command: Run
) -> None:
    """It is the task that has nothing to grade, not the text of a row; the store's task that has is named."""
    assert grades(*_rows(answers, "ann", "3")).code == 0
    for command in (("grades", "graded.csv"), ("judge", "--model", "openai:judge@http://127.0.0.1:9/v1")):
        options = ("--rubric", "rubric.yaml", "--store", "store", "--task", "text-classification")
        done = harness_command(folder, *command, *options)
        words = " ".join(done.stderr.split())

        assert done.code == 2
        assert "text-classification has no answers that are graded: they are classes" in words
        assert "Tasks in this store with other answers: open-answers." in words


def test_a_store_with_grades_is_read_by_every_command(
    folder: Path, answers: list[Given], grades: Run, harness_command: Run
) -> None:
    """Their record is no candidate: tables, report and exports are as before; so is what is to do."""
    before = {
        name: harness_command(folder, "table", name, "--store", "store", "--format", "json")
        for name in ("accuracy", "throughput", "cost", "frontier")
    }
    assert grades(*_rows(answers, "ann", "3", "1")).code == 0
    after = {name: harness_command(folder, "table", name, "--store", "store", "--format", "json") for name in before}
    report = harness_command(folder, "report", "-o", "report.html", "--store", "store")
    export = harness_command(folder, "export", "predictions", "--store", "store", "-o", "answers.csv")
    planned = harness_command(folder, "run", "suite.yaml", "--store", "store", "--dry-run")

    assert {name: (one.code, one.stdout) for name, one in before.items()} == {
        name: (one.code, one.stdout) for name, one in after.items()
    }
    assert (report.code, export.code, planned.code) == (0, 0, 0), report.stderr + export.stderr + planned.stderr
    assert "0 to do" in planned.stdout
