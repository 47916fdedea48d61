"""Questions of one's own: three forms that mean the same, and every way they can be wrong, each in a sentence."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import DataError
from harness_language._squad import _span
from harness_language.questions import QuestionData, asked
from harness_language.tasks import QuestionAnswering

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TASK = QuestionAnswering()


def _context(number: int) -> str:
    return f"House {number} was built in {1800 + number} for Anna and for Bert, « à l'été »."


def rows(count: int) -> list[dict[str, Any]]:
    """Return two questions about each of so many contexts, as the hub has them; the second has two right answers."""
    found = []
    for number in range(count):
        context = _context(number)
        year, anna, bert = (context.index(text) for text in (str(1800 + number), "Anna", "Bert"))
        built = {"text": [str(1800 + number)], "answer_start": [year]}
        whom = {"text": ["Anna", "Bert", "Anna"], "answer_start": [anna, bert, anna]}
        found.append({"question": f"When was house {number} built?", "context": context, "answers": built})
        found.append({"question": "For whom?", "context": context, "answers": whom})
    return found


def articles(content: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the same as SQuAD's own file nests it, one article for each context."""
    found: dict[str, list[dict[str, Any]]] = {}
    for number, row in enumerate(content):
        pairs = zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True)
        answers = [{"text": text, "answer_start": start} for text, start in pairs]
        found.setdefault(row["context"], []).append(
            {"id": str(number), "question": row["question"], "answers": answers}
        )
    data = [{"title": "t", "paragraphs": [{"context": context, "qas": qas}]} for context, qas in found.items()]
    return {"version": "1.1", "data": data}


def write(path: Path, content: list[dict[str, Any]]) -> str:
    """Write rows in the form the suffix names and return the path as a source."""
    match path.suffix:
        case ".parquet":
            pd.DataFrame(content).to_parquet(path)
        case ".csv":
            pd.DataFrame(content).to_csv(path, index=False)
        case _:
            path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in content), encoding="utf-8")
    return str(path)


def test_squads_file_and_the_hubs_rows_give_the_same_data(tmp_path: Path) -> None:
    """Contexts are divided 70/10/20 and stay together; the file may be indented or not."""
    sources = [write(tmp_path / "rows.jsonl", rows(20)), write(tmp_path / "rows.parquet", rows(20))]
    for indent in (None, 2):
        path = tmp_path / f"squad-{indent}.json"
        path.write_text(json.dumps(articles(rows(20)), indent=indent), encoding="utf-8")
        sources.append(str(path))
    found = [asked(TASK.data(source, {})) for source in sources]
    TASK.check(sources[-1], {})

    assert found[0].sizes == {"train": 28, "validation": 4, "test": 8}
    assert len({data.digest for data in found}) == 1
    assert len({TASK.identity(source, {}) for source in sources}) == 4
    for split in ("validation", "test"):
        assert not set(found[0].keys("train")) & set(found[0].keys(split))


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_one_answer_and_its_start_are_enough(tmp_path: Path, suffix: str) -> None:
    """Two columns say the same as the hub's nested one; what else stands in a row is not read."""
    plain = [
        {"id": n, "question": row["question"], "context": row["context"], "answer": row["answers"]["text"][0],
         "start": row["answers"]["answer_start"][0]}
        for n, row in enumerate(rows(12))
    ]  # fmt: skip
    data = asked(TASK.data(write(tmp_path / f"rows{suffix}", plain), {}))

    assert data.sizes == {"train": 18, "validation": 2, "test": 4}
    assert {one.answers for one in data.questions("test") if one.question == "For whom?"} == {("Anna",)}
    assert all(one.answers[0].isdigit() for one in data.questions("test") if one.question != "For whom?")


def test_the_best_of_several_right_answers_counts(tmp_path: Path) -> None:
    """Either is exact, once each, and a part of either overlaps; training aims at the first."""
    data = asked(TASK.data(write(tmp_path / "rows.jsonl", rows(20)), {}))
    whom = [one for one in data.questions("test") if one.question == "For whom?"]
    few = QuestionData(dict.fromkeys(("train", "validation", "test"), whom))

    assert all(one.answers == ("Anna", "Bert") for one in whom)
    for said, exact, shared in (("anna", 1.0, 1.0), ("Bert.", 1.0, 1.0), ("Bert and", 0.0, 2 / 3), ("Carl", 0.0, 0.0)):
        scores = few.evaluate(lambda inputs, said=said: [said] * len(inputs), 3)
        assert set(scores["exact"]) == {exact}
        assert scores["f1"] == pytest.approx([shared] * len(whom))
    assert {context[start:end] for (start, end), context in zip(few.references("test"), few.keys("test"), strict=True)
            } == {"Anna"}  # fmt: skip


def test_a_folder_keeps_its_splits(tmp_path: Path) -> None:
    """SQuAD's two files: what is tested is the second, and no context of it is learnt from."""
    (tmp_path / "train.json").write_text(json.dumps(articles(rows(20))), encoding="utf-8")
    (tmp_path / "validation.json").write_text(json.dumps(articles(rows(25)[30:])), encoding="utf-8")
    data = asked(TASK.data(str(tmp_path), {}))

    assert data.sizes == {"train": 26, "validation": 4, "test": 20}
    assert not set(data.keys("train")) & set(data.keys("test"))


def test_contexts_that_are_asked_once_have_a_chance_level(tmp_path: Path) -> None:
    """There is no other question about them to take an answer from."""
    chance = TASK.data(write(tmp_path / "rows.jsonl", rows(40)[::2]), {}).random_baseline()

    assert chance == {"exact match": 0.0, "F1": 0.0}


def _wrong(**changes: Any) -> list[dict[str, Any]]:
    return [*rows(5)[:3], {**rows(5)[3], **changes}, *rows(5)[4:]]


WRONG: dict[str, tuple[list[dict[str, Any]], str]] = {
    "no context": ([{"question": "a?", "text": "b"}] * 3, "has no column 'answer'; its columns are 'question', 'text'"),
    "no answer's column": ([{"question": "a?", "context": "b"}] * 3, "no column 'answer'.*either answers with"),
    "empty question": (_wrong(question=" "), "row 4: 'question' is empty"),
    "missing context": (_wrong(context=None), "row 4: 'context' is empty"),
    "no answer": (_wrong(answers={"text": [], "answer_start": []}), "row 4 has no answer"),
    "empty answer": (_wrong(answers={"text": [""], "answer_start": [0]}), "row 4: 'answer' is empty"),
    "uneven": (_wrong(answers={"text": ["House"], "answer_start": []}), "row 4: 'answers' holds"),
    "unlike its context": (
        _wrong(answers={"text": ["Anna"], "answer_start": [3]}),
        r"row 4: the answer 'Anna' does not stand at character 3 of its context \(that is 'se 1'\). It stands at 30",
    ),
    "second answer": (
        _wrong(answers={"text": ["House", "Carl"], "answer_start": [0, 9]}),
        "row 4: the answer 'Carl' does not stand at character 9 .* does not stand there at all",
    ),
    "a number": ([{"question": 7, "context": "b", "answer": "b", "start": 0}] * 3, "row 1: 'question' holds 7"),
    "no start": ([{"question": "a?", "context": "b", "answer": "b", "start": "x"}] * 3, "row 1: .* starts at 'x'"),
    "too few": (rows(2), r"has 4 rows, which leaves the \w+ split empty. Give questions about at least 3 contexts"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_with_file_and_row(tmp_path: Path, case: str) -> None:
    """In one sentence or two, before anything is written."""
    content, said = WRONG[case]
    source = write(tmp_path / "rows.jsonl", content)
    with pytest.raises(DataError, match=said) as caught:
        TASK.check(source, {})

    assert source in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_wrong_in_squads_file_is_said_with_its_place(tmp_path: Path) -> None:
    """Rows have no number there: article, paragraph and question have."""
    path = tmp_path / "squad.json"
    content = articles(rows(4))
    content["data"][2]["paragraphs"][0]["qas"][1]["answers"][0]["answer_start"] = 1
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DataError, match=r"squad\.json, article 3, paragraph 1, question 2: the answer 'Anna' does not"):
        TASK.check(str(path), {})
    path.write_text('{"version": "1.1", "data": []}', encoding="utf-8")
    with pytest.raises(DataError, match=r"squad\.json has no questions"):
        TASK.check(str(path), {})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"question": "caf\xe9"}\n', r"rows.jsonl, line 1: byte 18 \(0xe9\) is not UTF-8"),
        (b"", "rows.jsonl is empty"),
        (b'{"question": "a", "context"\n', "rows.jsonl cannot be read as"),
    ],
)
def test_what_is_no_text_file_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    """Broken characters are named by line and byte."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        TASK.check(str(path), {})


def test_a_bad_file_ends_a_run_before_anything_is_written(tmp_path: Path, harness_command: Callable[..., Any]) -> None:
    """Exit code 2, and no store."""
    source = write(tmp_path / "rows.jsonl", _wrong(question=""))
    done = harness_command(
        tmp_path, "run", "quick", "--task", "question-answering", "--model", "overlap", "--data", source
    )

    assert done.code == 2
    assert "row 4: 'question' is empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


@given(context=st.text(max_size=30), start=st.integers(-3, 33), length=st.integers(1, 5))
def test_a_span_is_taken_exactly_where_it_stands(context: str, start: int, length: int) -> None:
    """The piece of a context that begins there, of any characters, is found there and in no other place."""
    piece = context[max(0, start) : max(0, start) + length]
    if not piece.strip():
        return

    place = max(0, start)
    assert _span("row 1", context, piece, place) == (place, place + len(piece))
    if context[place + 1 :][: len(piece)] != piece:
        with pytest.raises(DataError, match="does not stand at character"):
            _span("row 1", context, piece, place + 1)
