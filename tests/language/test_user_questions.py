"""The user's questions: three formats, and a message for each fault."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import DataError
from harness_language._squad import _span
from harness_language.questions import QuestionData, question_data
from harness_language.tasks import QuestionAnswering

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TASK = QuestionAnswering()
SETTINGS = {name: setting.default for name, setting in TASK.settings.items()}


def _context(number: int) -> str:
    return f"House {number} was built in {1800 + number} for Anna and for Bert, « à l'été »."


def rows(count: int) -> list[dict[str, Any]]:
    """Return two questions about each context, in the hub's format; the second has two correct answers."""
    questions = []
    for number in range(count):
        context = _context(number)
        year, anna, bert = (context.index(text) for text in (str(1800 + number), "Anna", "Bert"))
        built = {"text": [str(1800 + number)], "answer_start": [year]}
        whom = {"text": ["Anna", "Bert", "Anna"], "answer_start": [anna, bert, anna]}
        questions.append({"question": f"When was house {number} built?", "context": context, "answers": built})
        questions.append({"question": "For whom?", "context": context, "answers": whom})
    return questions


def articles(content: list[dict[str, Any]]) -> dict[str, Any]:
    """Return rows in the format of SQuAD's file, with an article for each context."""
    by_context: dict[str, list[dict[str, Any]]] = {}
    for number, row in enumerate(content):
        pairs = zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True)
        answers = [{"text": text, "answer_start": start} for text, start in pairs]
        by_context.setdefault(row["context"], []).append(
            {"id": str(number), "question": row["question"], "answers": answers}
        )
    data = [{"title": "t", "paragraphs": [{"context": context, "qas": qas}]} for context, qas in by_context.items()]
    return {"version": "1.1", "data": data}


def write(path: Path, content: list[dict[str, Any]]) -> str:
    """Write rows in the suffix's format and return the path."""
    match path.suffix:
        case ".parquet":
            pd.DataFrame(content).to_parquet(path)
        case ".csv":
            pd.DataFrame(content).to_csv(path, index=False)
        case _:
            path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in content), encoding="utf-8")
    return str(path)


def test_squads_file_and_the_hubs_rows_give_the_same_data(tmp_path: Path) -> None:
    """Contexts are divided 70/10/20; the file may be indented."""
    sources = [write(tmp_path / "rows.jsonl", rows(20)), write(tmp_path / "rows.parquet", rows(20))]
    for indent in (None, 2):
        path = tmp_path / f"squad-{indent}.json"
        path.write_text(json.dumps(articles(rows(20)), indent=indent), encoding="utf-8")
        sources.append(str(path))
    data = [question_data(TASK.data(source, SETTINGS)) for source in sources]
    TASK.check(sources[-1], SETTINGS)

    assert data[0].sizes == {"train": 28, "validation": 4, "test": 8}
    assert len({one.digest for one in data}) == 1
    assert len({TASK.identity(source, SETTINGS) for source in sources}) == 4
    for split in ("validation", "test"):
        assert not set(data[0].keys("train")) & set(data[0].keys(split))


def test_a_large_indented_file_is_read_whole(tmp_path: Path) -> None:
    """As XQuAD's are: the `datasets` library makes a row of each article of these."""
    path = tmp_path / "squad.json"
    path.write_text(json.dumps(articles(rows(600)), indent=2), encoding="utf-8")
    data = question_data(TASK.data(str(path), {}))

    assert path.stat().st_size > 400_000
    assert sum(data.sizes.values()) == 1200


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_one_answer_and_its_start_are_enough(tmp_path: Path, suffix: str) -> None:
    """In place of the hub's nested column; other columns are ignored."""
    plain = [
        {"id": n, "question": row["question"], "context": row["context"], "answer": row["answers"]["text"][0],
         "start": row["answers"]["answer_start"][0]}
        for n, row in enumerate(rows(12))
    ]  # fmt: skip
    data = question_data(TASK.data(write(tmp_path / f"rows{suffix}", plain), SETTINGS))

    assert data.sizes == {"train": 18, "validation": 2, "test": 4}
    assert {one.answers for one in data.questions("test") if one.question == "For whom?"} == {("Anna",)}
    assert all(one.answers[0].isdigit() for one in data.questions("test") if one.question != "For whom?")


def test_the_best_of_several_correct_answers_counts(tmp_path: Path) -> None:
    """Repeated answers count once; the reference is the first one."""
    data = question_data(TASK.data(write(tmp_path / "rows.jsonl", rows(20)), SETTINGS))
    whom = [one for one in data.questions("test") if one.question == "For whom?"]
    few = QuestionData(dict.fromkeys(("train", "validation", "test"), whom))

    assert all(one.answers == ("Anna", "Bert") for one in whom)
    for answer, exact, shared in (
        ("anna", 1.0, 1.0),
        ("Bert.", 1.0, 1.0),
        ("Bert and", 0.0, 2 / 3),
        ("Carl", 0.0, 0.0),
    ):
        scores = few.evaluate(lambda inputs, answer=answer: [answer] * len(inputs), 3).scores
        assert set(scores["exact"]) == {exact}
        assert scores["f1"] == pytest.approx([shared] * len(whom))
    assert set(few.references("test")) == {"Anna"}


def test_a_folder_keeps_its_splits(tmp_path: Path) -> None:
    """Of SQuAD's two files the second is the test split; its contexts are removed from the first."""
    (tmp_path / "train.json").write_text(json.dumps(articles(rows(20))), encoding="utf-8")
    (tmp_path / "validation.json").write_text(json.dumps(articles(rows(25)[30:])), encoding="utf-8")
    data = question_data(TASK.data(str(tmp_path), SETTINGS))

    assert data.sizes == {"train": 26, "validation": 4, "test": 20}
    assert not set(data.keys("train")) & set(data.keys("test"))


def test_contexts_with_one_question_have_a_random_baseline(tmp_path: Path) -> None:
    """Its answers come from other contexts."""
    baseline = TASK.data(write(tmp_path / "rows.jsonl", rows(40)[::2]), SETTINGS).random_baseline()

    assert baseline == {"exact match": 0.0, "F1": 0.0}


def _bad(**changes: Any) -> list[dict[str, Any]]:
    return [*rows(5)[:3], {**rows(5)[3], **changes}, *rows(5)[4:]]


BAD: dict[str, tuple[list[dict[str, Any]], str]] = {
    "no context": ([{"question": "a?", "text": "b"}] * 3, "no column 'context'; its columns are 'question', 'text'"),
    "no answer's column": ([{"question": "a?", "context": "b"}] * 3, "no column 'answer'.*either answers with"),
    "empty question": (_bad(question=" "), "row 4: 'question' is empty"),
    "missing context": (_bad(context=None), "row 4: 'context' is empty"),
    "no answer": (_bad(answers={"text": [], "answer_start": []}), "row 4 has no answer"),
    "empty answer": (_bad(answers={"text": [""], "answer_start": [0]}), "row 4: 'answer' is empty"),
    "uneven": (_bad(answers={"text": ["House"], "answer_start": []}), "row 4: 'answers' holds"),
    "unlike its context": (
        _bad(answers={"text": ["Anna"], "answer_start": [3]}),
        r"row 4: the answer 'Anna' is not at character 3 of its context \(there is 'se 1'\). It is at 30",
    ),
    "second answer": (
        _bad(answers={"text": ["House", "Carl"], "answer_start": [0, 9]}),
        "row 4: the answer 'Carl' is not at character 9 .* It is nowhere in the context",
    ),
    "a number": ([{"question": 7, "context": "b", "answer": "b", "start": 0}] * 3, "row 1: 'question' holds 7"),
    "no start": ([{"question": "a?", "context": "b", "answer": "b", "start": "x"}] * 3, "row 1: .* starts at 'x'"),
    "too few": (rows(2), r"has 2 different contexts in 4 rows, .* split empty. Give questions about at least 3 "),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_data_are_refused(tmp_path: Path, case: str) -> None:
    """The message names the file and the row or column."""
    content, message = BAD[case]
    source = write(tmp_path / "rows.jsonl", content)
    with pytest.raises(DataError, match=message) as caught:
        TASK.check(source, SETTINGS)

    assert source in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_questions_in_squads_file_are_refused(tmp_path: Path) -> None:
    """The message names article, paragraph and question."""
    path = tmp_path / "squad.json"
    content = articles(rows(4))
    content["data"][2]["paragraphs"][0]["qas"][1]["answers"][0]["answer_start"] = 1
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DataError, match=r"squad\.json, article 3, paragraph 1, question 2: the answer 'Anna' is not"):
        TASK.check(str(path), SETTINGS)
    path.write_text('{"version": "1.1", "data": []}', encoding="utf-8")
    with pytest.raises(DataError, match=r"squad\.json has no questions"):
        TASK.check(str(path), SETTINGS)


def test_an_id_that_two_questions_have_is_refused(tmp_path: Path) -> None:
    """SQuAD's script would grade one of them."""
    content = articles(rows(20))
    content["data"][2]["paragraphs"][0]["qas"][1]["id"] = content["data"][1]["paragraphs"][0]["qas"][0]["id"]
    path = tmp_path / "squad.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    message = "article 3, paragraph 1, question 2 has the id '2' of .*article 2, paragraph 1, question 1. Give each its"
    with pytest.raises(DataError, match=message):
        TASK.check(str(path), SETTINGS)
    for qa in (qa for article in content["data"] for qa in article["paragraphs"][0]["qas"]):
        del qa["id"]
    path.write_text(json.dumps(content), encoding="utf-8")

    assert TASK.check(str(path), SETTINGS) is not None


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"title": "t"}, r"article 3 has no list 'paragraphs'\. Add it, or take out what lacks it"),
        ({"paragraphs": None}, "article 3 has no list 'paragraphs'"),
        ({"paragraphs": [{"context": "c"}]}, r"article 3, paragraph 1 has no list 'qas'"),
    ],
)
def test_no_article_is_dropped_without_a_word(broken: dict[str, Any], message: str, tmp_path: Path) -> None:
    """One without paragraphs or questions is named."""
    content = articles(rows(20))
    content["data"][2] = broken
    path = tmp_path / "squad.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DataError, match=message):
        TASK.check(str(path), SETTINGS)


@pytest.mark.parametrize("data", [["article"], 5, [{"paragraphs": ["text"]}], [{"paragraphs": [{"qas": ["why?"]}]}]])
def test_other_json_under_the_key_of_squad_is_refused(data: Any, tmp_path: Path) -> None:
    """Texts or numbers in the place of articles, paragraphs and questions."""
    path = tmp_path / "squad.json"
    path.write_text(json.dumps({"data": data}), encoding="utf-8")
    with pytest.raises(DataError, match=r"squad\.json: 'data' holds no articles of SQuAD"):
        TASK.check(str(path), SETTINGS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"question": "caf\xe9"}\n', r"rows.jsonl, line 1: byte 18 \(0xe9\) is not UTF-8"),
        (b"", "rows.jsonl is empty"),
        (b'{"question": "a", "context"\n', "rows.jsonl cannot be read as"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    """The message names line and byte of what is not UTF-8."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        TASK.check(str(path), SETTINGS)


def test_a_bad_file_ends_a_run_before_anything_is_written(tmp_path: Path, harness_command: Callable[..., Any]) -> None:
    """Exit code 2, and no store."""
    source = write(tmp_path / "rows.jsonl", _bad(question=""))
    done = harness_command(
        tmp_path, "run", "quick", "--task", "question-answering", "--model", "overlap", "--data", source
    )

    assert done.code == 2
    assert "row 4: 'question' is empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


@given(context=st.text(max_size=30), start=st.integers(-3, 33), length=st.integers(1, 5))
def test_a_span_must_start_where_it_says(context: str, start: int, length: int) -> None:
    """With any characters; one character further is refused."""
    start = max(0, start)
    piece = context[start : start + length]
    if not piece.strip():
        return

    assert _span("row 1", context, piece, start) == (start, start + len(piece))
    if context[start + 1 :][: len(piece)] != piece:
        with pytest.raises(DataError, match="is not at character"):
            _span("row 1", context, piece, start + 1)
