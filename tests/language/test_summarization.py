"""Summaries: the default data, ROUGE and chrF, the baseline, and the user's texts."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sacrebleu
from hypothesis import example, given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from rouge_score.tokenizers import DefaultTokenizer

from harness import Assignment, DataError, Grades, Unsupported
from harness.plan import filled
from harness_language._first_lines import parted
from harness_language._rouge import NAMES, ByScript
from harness_language.models import Lead
from harness_language.summaries import Summarised, SummaryData
from harness_language.tasks import Summarization

TASK = Summarization()
ENGLISH = st.text("ab c-.'é7_\n", max_size=20)


@pytest.fixture(scope="module")
def docstrings() -> SummaryData:
    """Return the default data."""
    data = TASK.data(None, {})
    assert isinstance(data, SummaryData)
    return data


def _graded(answers: Sequence[str], references: Sequence[Sequence[str]]) -> Grades:
    items = [Summarised(f"text {number}", tuple(right)) for number, right in enumerate(references)]
    data = SummaryData(dict.fromkeys(("train", "validation", "test"), items))
    left = iter(answers)
    return data.evaluate(lambda inputs: [next(left) for _ in inputs], 2)


def _one() -> SummaryData:
    return SummaryData({split: [Summarised("a", ("b",))] for split in ("train", "test")})


def _learner(data: SummaryData, precision: str = "fp32") -> Any:
    return Lead().learner(Assignment("finetune", data, "default", {}, "cpu", precision, 0))


# The default data ------------------------------------------------------------------------------------------------


def test_no_text_and_no_summary_is_in_two_splits(docstrings: SummaryData) -> None:
    """Two thousand texts, none of which holds its summary."""
    items = [docstrings.summarised(split) for split in docstrings.sizes]
    texts = [{item.text for item in split} for split in items]
    summaries = [{item.references[0] for item in split} for split in items]

    assert sum(docstrings.sizes.values()) > 2000
    assert all(item.references[0] not in item.text for split in items for item in split)
    for parts in (texts, summaries):
        assert sum(map(len, parts)) == len(set.union(*parts))


LONG = "It is explained here at some length. " * 8


@pytest.mark.parametrize(
    ("docstring", "pair"),
    [
        (f"Return the mean.\n\n{LONG}", (LONG.strip(), "Return the mean.")),
        (f"Return the mean\nof all.\n\n{LONG}", None),
        (f"Mean.\n\n{LONG}", None),
        ("Return the mean.\n\nShort.", None),
        (f"Return the mean.\n\nParameters\n----------\n{LONG}", None),
        (f"Return the mean.\n\n.. versionadded:: 1\n{LONG}", None),
        (f"Return the mean.\n\n{LONG}%(see_also)s", None),
        (f"Return the mean.\n\nReturn the mean. {LONG}", None),
    ],
)
def test_a_docstring_is_parted_at_its_first_line(docstring: str, pair: tuple[str, str] | None) -> None:
    """If that is a summary and the rest is prose of some length."""
    assert parted(docstring) == pair


# Metrics ---------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(ENGLISH, st.lists(ENGLISH, min_size=1, max_size=3)), min_size=1, max_size=4))
@example([("the naïve cat-sat, isn't it", ["The naive cats sat", "cat sat; it isn't"])])
def test_rouge_in_latin_script_is_the_librarys(pairs: list[tuple[str, list[str]]]) -> None:
    """To the digit, with its own tokenizer and without stemming; of several references the best."""
    scorer = RougeScorer(list(NAMES.values()), use_stemmer=False)
    theirs = [scorer.score_multi(references, answer) for answer, references in pairs]
    ours = _graded([answer for answer, _ in pairs], [references for _, references in pairs])

    for name in NAMES.values():
        assert ours.scores[name] == [score[name].fmeasure for score in theirs]
    assert "no stemming, tokenizer default" in ours.used["ROUGE signature"]


@given(st.text(st.characters(max_codepoint=127), max_size=60))
def test_words_in_ascii_are_the_librarys(text: str) -> None:
    """So that figures in other scripts are comparable where they hold such words."""
    assert ByScript().tokenize(text) == DefaultTokenizer().tokenize(text)


@pytest.mark.parametrize(
    ("answer", "reference", "expected"),
    [
        ("今天下雨", "今天下雪", (0.75, 0.75, 2 / 3)),
        ("天气好", "天气好", (1, 1, 1)),
        ("Дождь идёт", "дождь шёл", (0.5, 0.5, 0)),
        ("วันนี้ฝนตก", "วันนี้ฝนตก", (1, 1, 1)),
        ("下雨GPU", "下雨gpu", (1, 1, 1)),
    ],
)
def test_rouge_in_other_scripts_counts_their_words(
    answer: str, reference: str, expected: tuple[float, float, float]
) -> None:
    """Characters where there are no spaces; the library's own tokenizer would find nothing."""
    grades = _graded([answer], [[reference]])

    assert tuple(grades.scores[name][0] for name in NAMES.values()) == pytest.approx(expected)
    assert grades.used["ROUGE signature"].endswith("tokenizer by script")


def test_chrf_is_sacrebleus_with_one_or_more_references() -> None:
    """Over all and over a choice with repeats; the signature tells the number of references."""
    answers = ["the cat sat", "今天下雨", ""]
    references = [["a cat sat", "cats sit"], ["今天下雪"], ["none", "no", "nothing"]]
    grades = _graded(answers, references)
    rows = np.array([2, 0, 0, 1])
    streams = [[(references[row] + [None] * 3)[place] for row in rows] for place in range(3)]
    theirs = sacrebleu.CHRF().corpus_score([answers[row] for row in rows], streams)

    assert grades.over["chrF"](rows) == pytest.approx(theirs.score)
    assert "nrefs:var" in grades.used["chrF signature"]
    single = _graded(answers, [right[:1] for right in references])
    assert single.over["chrF"](np.arange(3)) == pytest.approx(
        sacrebleu.corpus_chrf(answers, [[right[0] for right in references]]).score
    )


@pytest.mark.parametrize("outputs", [[None], [{"a": 1}], [], ["a", "b"]])
def test_what_is_no_text_for_each_text_is_refused(outputs: list[Any]) -> None:
    """A summary is never that of another text."""
    data = _one()
    with pytest.raises(ValueError, match="Return a string for each"):
        data.evaluate(lambda inputs: outputs, 1)


def test_no_answer_scores_nothing(docstrings: SummaryData) -> None:
    """An empty text in place of each summary."""
    grades = docstrings.evaluate(lambda inputs: [""] * len(inputs), 64)

    assert all(not any(column) for column in grades.scores.values())
    assert grades.over["chrF"](np.arange(docstrings.sizes["test"])) == 0


# The baseline ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "lead"),
    [
        ("One is\nhere. Two.", "One is here."),
        ("  今天下雨。明天晴。", "今天下雨。"),
        ("no end\n\nnext", "no end"),
        ("", ""),
        ("It costs 3.5 USD. More.", "It costs 3.5 USD."),
    ],
)
def test_lead_is_the_first_sentence(text: str, lead: str) -> None:
    """Of the first paragraph, in one line."""
    data = _one()

    assert _learner(data).predict([text]) == [lead]


def test_lead_is_better_than_guessing(docstrings: SummaryData) -> None:
    """In every metric, without training; it computes in fp32 alone."""
    grades = docstrings.evaluate(_learner(docstrings).predict, 64)
    guessed = docstrings.random_baseline()

    for metric, name in NAMES.items():
        assert np.mean(grades.scores[name]) > 2 * guessed[metric]
    assert grades.over["chrF"](np.arange(docstrings.sizes["test"])) > 1.5 * guessed["chrF"]
    assert _learner(docstrings).step().done
    with pytest.raises(Unsupported, match="bf16"):
        _learner(docstrings, "bf16")


# The user's data -------------------------------------------------------------------------------------------------


def _rows(count: int = 30) -> list[dict[str, Any]]:
    return [{"text": f"Rain on day {n}. Wet.", "summary": f"Rain {n}", "summary2": f"Wet {n}"} for n in range(count)]


def _lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def _data(path: Path, **settings: Any) -> SummaryData:
    data = TASK.data(str(path), filled(settings, TASK.settings))
    assert isinstance(data, SummaryData)
    return data


def test_several_columns_and_lists_are_references(tmp_path: Path) -> None:
    """In CSV columns, in JSON and Parquet lists as well; an empty cell is none."""
    rows = _rows()
    rows[0]["summary2"] = ""
    listed = [
        {"text": row["text"], "summary": [part for part in (row["summary"], row["summary2"]) if part]} for row in rows
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "rows.csv", index=False, quoting=csv.QUOTE_ALL)
    pd.DataFrame(listed).to_parquet(tmp_path / "rows.parquet")
    columns = _data(tmp_path / "rows.csv", summary_column="summary+summary2")

    assert columns.digest == _data(_lines(tmp_path / "rows.jsonl", listed)).digest
    assert columns.digest == _data(tmp_path / "rows.parquet").digest != _data(tmp_path / "rows.csv").digest
    assert sum(len(item.references) for split in columns.sizes for item in columns.summarised(split)) == 59
    assert columns.how_read is not None
    assert columns.how_read.columns == {"text_column": "text", "summary_column": "summary+summary2"}
    assert columns.how_read.unused_columns == ()


def test_rows_are_read_again_as_they_are_written(tmp_path: Path) -> None:
    """What `harness data --format csv` writes is the same data, with each reference in a column."""
    data = _data(_lines(tmp_path / "rows.jsonl", _rows()), summary_column="summary+summary2")
    written = [{**row, "split": split} for split in data.sizes for row in data.rows(split)]
    pd.DataFrame(written).to_csv(tmp_path / "again.csv", index=False)

    assert _data(tmp_path / "again.csv", summary_column="summary+summary2").digest == data.digest


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"text": "x", "summary": ""}, "row 31 has no summary in column 'summary'. Fill it in or delete the row"),
        ({"text": "x", "summary": []}, "row 31 has no summary"),
        ({"text": "x", "summary": ["a", 3]}, "row 31: column 'summary' holds 3, which is no text"),
        ({"text": "x", "summary": {"a": "b"}}, "row 31: column 'summary' holds {'a': 'b'}, which is no text"),
        ({"text": " ", "summary": "a"}, "row 31: the text in column 'text' is empty"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, row: Mapping[str, Any], message: str) -> None:
    """By its number, with the remedy."""
    with pytest.raises(DataError, match=message):
        _data(_lines(tmp_path / "rows.jsonl", [*_rows(), row]))


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    """With those that there are."""
    with pytest.raises(DataError, match="has no column 'highlights'; its columns are 'text', 'summary', 'summary2'"):
        _data(_lines(tmp_path / "rows.jsonl", _rows()), summary_column="highlights")
