"""Open answers: the default data, what is counted without a judge, the user's questions, and how they are asked."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from harness import Assignment, DataError, NotAnAnswerError, Unsupported
from harness.plugin_files import import_file
from harness.plugins import load_plugins
from harness.seams.prompts import messages
from harness.settings import filled
from harness_language._functions import documented, first_line, paired
from harness_language.models import Nearest
from harness_language.open_answers import OpenAnswerData, OpenQuestion
from harness_language.open_tasks import OpenAnswers

TASK = OpenAnswers()
parrot = import_file(Path(__file__).parents[1] / "checkpoints" / "parrot.py")


def _written(folder: Path, *rows: tuple[str, ...], header: tuple[str, ...] = ("input", "reference")) -> str:
    with (folder / "asked.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return str(folder / "asked.csv")


def _read(source: str, **settings: Any) -> OpenAnswerData:
    data = TASK.data(source, filled(settings, TASK.settings))
    assert isinstance(data, OpenAnswerData)
    return data


def _learner(data: OpenAnswerData) -> Any:
    return Nearest().learner(Assignment("finetune", data, "default", {"ngrams": 4}, "cpu", "fp32", 0))


# The default data ------------------------------------------------------------------------------------------------


def test_the_default_questions_are_about_documented_functions() -> None:
    """More than a thousand, each answered by a line that answers no other; none is in two splits."""
    data = TASK.data(None, {})
    assert isinstance(data, OpenAnswerData)
    every = [one for split in data.sizes for one in data.questions(split)]

    assert len(every) == len(documented()) > 1000
    assert len({one.input for one in every}) == len({one.reference for one in every}) == len(every)
    assert (
        OpenQuestion("What does the function scipy.signal.butter do?", "Butterworth digital and analog filter design.")
        in every
    )
    assert not any(".tests." in one.input or "._" in one.input for one in every)


@pytest.mark.parametrize(
    ("docstring", "line"),
    [
        ("Return the largest element.\n\nMore.", "Return the largest element."),
        ("Return the largest element.", None),
        ("Return\nthe largest element.\n\nMore.", None),
        ("The largest.\n\nMore.", None),
        (f"{'Return it. ' * 20}\n\nMore.", None),
        ("", None),
    ],
)
def test_an_answer_is_a_sentence_of_its_own(docstring: str, line: str | None) -> None:
    """With an explanation below it, and not too short or long."""
    assert first_line(docstring) == line


def test_half_of_the_paired_answers_are_those_of_other_questions() -> None:
    """Each wrong answer is the right one of another question, so that words alone do not tell."""
    rows = [(f"question {number}", f"answer {number}") for number in range(11)]
    pairs, right = list(paired(rows)), dict(rows)

    assert sorted(question for question, _, _ in pairs) == sorted(right)
    assert all((right[question] == answer) == is_right for question, answer, is_right in pairs)
    assert [is_right for _, _, is_right in pairs] == [place % 2 == 0 for place in range(11)]


# What is counted -------------------------------------------------------------------------------------------------


def test_without_a_judge_only_answers_are_counted() -> None:
    """An empty one is none; nothing says how good they are."""
    data = OpenAnswerData({"train": [], "validation": [], "test": [OpenQuestion(f"q{n}", "r") for n in range(4)]})
    grades = data.evaluate(lambda inputs: ["so", "", " \n", "r"][: len(inputs)], 4)

    assert grades.scores == {"answered": [1.0, 0.0, 0.0, 1.0]}
    assert grades.answers == {"output": ["so", "", "", "r"]}
    assert data.references("test") is None
    with pytest.raises(ValueError, match="Return a string for each"):
        data.evaluate(lambda inputs: [None] * len(inputs), 4)


def test_the_nearest_training_answer_is_the_baseline() -> None:
    """Worked by hand: the question that shares most letters; questions without a reference are not learnt from."""
    rows = [OpenQuestion("How do I reset a password?", "By mail."), OpenQuestion("Where is my parcel?", "On its way.")]
    test = [OpenQuestion("How can I reset my password?"), OpenQuestion("Where is the parcel of mine?")]
    learner = _learner(OpenAnswerData({"train": [*rows, OpenQuestion("Where?")], "validation": [], "test": test}))
    learner.step()

    assert list(learner.predict([one.input for one in test])) == ["By mail.", "On its way."]
    nothing = _learner(OpenAnswerData({"train": [OpenQuestion("Where?")], "validation": [], "test": test}))
    with pytest.raises(Unsupported, match="has a reference answer to learn from"):
        nothing.step()


# The user's questions --------------------------------------------------------------------------------------------


def test_questions_without_references_are_all_asked(tmp_path: Path) -> None:
    """There is nothing to learn, so nothing is held back; the report says so."""
    rows = [(f"Question {number}?", "") for number in range(9)]
    bare, empty = (
        _read(_written(tmp_path, *((one,) for one, _ in rows), header=("input",))),
        _read(_written(tmp_path, *rows)),
    )

    for data in (bare, empty):
        assert data.sizes == {"train": 0, "validation": 0, "test": 9}
        assert data.items("test") == {"input": [one for one, _ in rows], "reference": [""] * 9}
        assert data.how_read is not None
        assert "test: 9 rows, all, as there are no reference answers to learn from" in data.how_read.lines()


def test_questions_with_references_are_divided(tmp_path: Path) -> None:
    """Seven of ten to learn from; some may lack a reference. Columns can be named, and joined."""
    rows = [("Manual.", f"Question {number}?", f"Answer {number}" if number else "") for number in range(10)]
    data = _read(
        _written(tmp_path, *rows, header=("context", "question", "gold")),
        input_column="context+question", reference_column="gold",
    )  # fmt: skip

    assert data.sizes == {"train": 7, "validation": 1, "test": 2}
    every = {one.input: one.reference for split in data.sizes for one in data.questions(split)}
    assert every == {f"{context} {question}": answer for context, question, answer in rows}
    assert _read(_written(tmp_path, *rows, header=("x", "input", "reference"))).digest != data.digest


@pytest.mark.parametrize(
    ("header", "settings", "message"),
    [
        (("question", "reference"), {}, "has no column 'input'; its columns are 'question', 'reference'"),
        (("input", "gold"), {"reference_column": "golden"}, "has no column 'golden'"),
        (("input", "reference"), {"reference_column": "input"}, "'input' is read as input_column and as reference"),
    ],
)
def test_columns_that_are_not_there_are_named(
    tmp_path: Path, header: tuple[str, ...], settings: dict[str, Any], message: str
) -> None:
    """With the setting that names them."""
    with pytest.raises(DataError, match=message):
        _read(_written(tmp_path, ("What?", "That."), header=header), **settings)


def test_an_empty_question_is_named(tmp_path: Path) -> None:
    """By its row."""
    with pytest.raises(DataError, match="row 2: the text in column 'input' is empty"):
        _read(_written(tmp_path, ("What?", "That."), (" ", "This.")))


def test_a_reference_that_is_no_text_is_named(tmp_path: Path) -> None:
    """By its row, in a form that has other values than texts."""
    (tmp_path / "asked.jsonl").write_text('{"input": "What?", "reference": 4}\n', encoding="utf-8")
    with pytest.raises(DataError, match="row 1: column 'reference' holds 4, which is no text"):
        _read(str(tmp_path / "asked.jsonl"))


# Asking ----------------------------------------------------------------------------------------------------------


def test_a_question_is_asked_as_it_is_and_an_answer_taken_as_it_is_said() -> None:
    """Shots are questions that have a reference answer; without words there is no answer."""
    questions = [OpenQuestion("One?", "Yes."), OpenQuestion("Two?")]
    prompts = OpenAnswerData({"train": questions, "validation": [], "test": questions}).prompts()
    (turn,) = messages(prompts, "Two?")

    assert turn["content"] == "Answer what is asked. Say the answer and nothing else.\n\nTwo?"
    assert prompts.examples() == [("One?", "Yes.")]
    assert (prompts.read(" So.\n", "Two?"), prompts.nothing()) == ("So.", "")
    with pytest.raises(NotAnAnswerError):
        prompts.read(" \n", "Two?")


def test_a_checkpoint_answers_in_its_own_words(tmp_path: Path) -> None:
    """A real network in the process, whose weights say one thing: it is taken as it is said."""
    parrot.save_parrot(tmp_path / "parrot", "Sand.")
    plugins = load_plugins()
    model = plugins.find("models", f"hf:{tmp_path / 'parrot'}")
    assert model.starts_on("open-answers") == ("as-is",)
    data = _read(_written(tmp_path, ("Who is it?",), ("What is it?",), header=("input",)))
    settings = filled({"max_tokens": 16}, model.settings)
    learner = model.learner(
        Assignment("finetune", data, "default", settings, "cpu", "fp32", 0, pretrained=True, as_is=True)
    )

    assert data.evaluate(learner.predict, 2).answers == {"output": ["Sand."] * 2}
