"""What a user's table means: classes, texts of several columns, headers, encodings; nothing is guessed."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness import DataError, Task
from harness.yaml_text import load
from harness_language import _tables
from harness_language.data import TextClassificationData
from harness_language.passages import PassageData
from harness_language.questions import question_data
from harness_language.tasks import LanguageModelling, QuestionAnswering, TextClassification, Translation
from harness_language.translations import translation_data

SPLITS = ("train", "validation", "test")
CHINESE = ("这家酒店的服务非常好，房间干净", "电影太无聊了，浪费时间")


def defaults(task: Task, **changes: str) -> dict[str, Any]:
    """Return a task's settings."""
    return {name: setting.default for name, setting in task.settings.items()} | changes


def read(path: Path, **changes: str) -> TextClassificationData:
    """Check a source and load it."""
    task = TextClassification()
    task.check(str(path), defaults(task, **changes))
    return _tables.read(str(path), defaults(task, **changes))


def refused(path: Path, task: Task | None = None, **changes: str) -> str:
    """Return the message for data that are not read."""
    task = task or TextClassification()
    with pytest.raises(DataError) as caught:
        task.check(str(path), defaults(task, **changes))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def labelled(labels: Sequence[Any], each: int = 10) -> list[dict[str, Any]]:
    """Return rows with these labels in turn, and different texts."""
    return [{"text": f"letter {number}", "label": labels[number % len(labels)]} for number in range(each * len(labels))]


def to_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write rows as the standard library does."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def to_json(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write rows in the suffix's form."""
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_text(json.dumps(list(rows)) if path.suffix == ".json" else lines, encoding="utf-8")
    return path


def to_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows in the suffix's form."""
    if path.suffix == ".parquet":
        pd.DataFrame(rows).to_parquet(path)
    else:
        (to_csv if path.suffix == ".csv" else to_json)(path, rows)


def pairs_of(data: TextClassificationData) -> set[tuple[str, str]]:
    """Return all texts with the names of their classes."""
    examples = [data.examples(split) for split in SPLITS]
    return {(text, data.classes[label]) for one in examples for text, label in zip(one.inputs, one.labels, strict=True)}


# Classes ----------------------------------------------------------------------------------------------------

CODES = ("01", "1", "02", "None", "NA", "nan", "true", "007", "7", "1e5", "10", "1.10")


@pytest.mark.parametrize("form", ["file", "folder"])
def test_every_label_of_a_csv_is_a_word(form: str, tmp_path: Path) -> None:
    """In one file as in a folder whose files look as if they had different types."""
    rows = labelled(CODES)
    if form == "file":
        source = to_csv(tmp_path / "codes.csv", rows)
    else:
        source = tmp_path / "codes"
        source.mkdir()
        to_csv(source / "train.csv", labelled(CODES))
        to_csv(source / "test.csv", [row | {"text": f"new {row['text']}"} for row in labelled(("01", "1", "7"))])
    data = read(source)

    assert set(data.classes) == set(CODES)
    assert pairs_of(data) >= {(row["text"], row["label"]) for row in rows}


@given(labels=st.lists(st.sampled_from(["1", "01", "1.0", "NA", "x", "\uff11", " 1", "true", "-", "0x1"]), min_size=2,
                       max_size=6, unique=True))  # fmt: skip
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
def test_classes_are_what_was_written(labels: list[str], tmp_path: Path) -> None:
    """Each different text is a class of its own, with its own rows."""
    rows = labelled([*labels, "word"])
    data = read(to_csv(tmp_path / "r.csv", rows))

    assert set(data.classes) == {*labels, "word"}
    assert pairs_of(data) == {(row["text"], row["label"]) for row in rows}


def test_codes_with_a_dot_are_classes_and_scores_are_none(tmp_path: Path) -> None:
    """1.1 beside 1.10 is no number; ratings such as 3.5 are refused, in CSV as in JSON."""
    assert read(to_csv(tmp_path / "c.csv", labelled(["1.1", "1.10", "2.0"]))).classes == ("1.1", "1.10", "2.0")
    for path in (to_csv(tmp_path / "s.csv", labelled([3.5, 4])), to_json(tmp_path / "s.jsonl", labelled([3.5, 4]))):
        assert "row 1: the label in column 'label' is 3.5; a class is a word or a whole number" in refused(
            path
        ).replace("'3.5'", "3.5")


@pytest.mark.parametrize(
    ("labels", "classes"),
    [([1, 0], ("0", "1")), ([True, False], ("false", "true")), (["01", "1"], ("01", "1")), ([10, 9], ("9", "10")),
     ([2**70, 1], ("1", str(2**70)))],
)  # fmt: skip
@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_json_labels_are_classes_by_their_text(
    labels: list[Any], classes: tuple[str, ...], suffix: str, tmp_path: Path
) -> None:
    """Whole numbers, words and truth values keep what the file states."""
    assert read(to_json(tmp_path / f"r{suffix}", labelled(labels))).classes == classes


MIXED: dict[str, tuple[list[Any], str]] = {
    "alike": ([1, "1", 0], "row 2: the label in column 'label' is the text '1', and in {}, row 1 it is the number 1."),
    "word and number": (["b", 7], "row 2: .* is the number 7, and in {}, row 1 it is the text 'b'"),
    "truth value and number": ([0, 1, True], "row 3: .* is true, and in {}, row 1 it is the number 0"),
    "truth value and word": ([True, "true", "x"], "row 2: .* is the text 'true', and in {}, row 1 it is true"),
}


@pytest.mark.parametrize("case", MIXED)
@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_labels_of_two_types_are_refused(case: str, suffix: str, tmp_path: Path) -> None:
    """Nobody can tell which of them are one class; as texts they are read."""
    labels, message = MIXED[case]
    path = to_json(tmp_path / f"r{suffix}", labelled(labels))
    assert re.search(message.format(path), refused(path))

    assert len(read(to_json(path, labelled(["a", *map(repr, labels)]))).classes) == len(labels) + 1


FILES_OF_TWO_TYPES: dict[str, dict[str, list[Any]]] = {
    "number and text": {"a.jsonl": [1, 0], "b.jsonl": ["1", "0"]},
    "cell and number": {"a.csv": ["1", "0"], "b.jsonl": [1, 0]},
    "code and number": {"a.csv": ["01", "1"], "b.jsonl": [1, 0]},
    "Parquet's numbers and texts": {"a.parquet": [0, 1], "b.parquet": ["neg", "pos"]},
    "truth values and numbers": {"a.parquet": [0, 1], "b.parquet": [True, False]},
}


@pytest.mark.parametrize("case", FILES_OF_TWO_TYPES)
def test_labels_of_two_types_in_two_files_are_refused(case: str, tmp_path: Path) -> None:
    """As within one; the message names both rows, and files of one type are read."""
    (first, labels), (second, others) = FILES_OF_TWO_TYPES[case].items()
    to_table(tmp_path / first, labelled(labels))
    to_table(tmp_path / second, labelled(others))
    place = re.escape(f"{tmp_path / second}, row 1: the label in column 'label' is ")
    assert re.match(f"{place}.*, and in {re.escape(str(tmp_path / first))}, row 1 it is ", refused(tmp_path))
    for path, written in ((tmp_path / first, labels), (tmp_path / second, others)):
        to_table(path, labelled([str(label) for label in written]))

    assert set(read(tmp_path).classes) == {*map(str, labels), *map(str, others)}


@pytest.mark.parametrize(("label", "message"), [(None, "is missing"), ("", "is missing"), (float("nan"), "is missing"),
                                                (1.0, "is 1.0; a class"), ([1], r"is \[1\]; a class")])  # fmt: skip
def test_json_labels_that_are_no_classes_are_refused(label: Any, message: str, tmp_path: Path) -> None:
    """By their row."""
    rows = [*labelled(["a", "b"]), {"text": "last", "label": label}]

    assert re.search(f"row 21: the label in column 'label' {message}", refused(to_json(tmp_path / "r.jsonl", rows)))


def test_parquet_and_csv_of_one_table_are_the_same_data(tmp_path: Path) -> None:
    """Codes are texts in both."""
    frame = pd.DataFrame(labelled(["01", "1", "NA"]))
    frame.to_parquet(tmp_path / "r.parquet")
    frame.to_csv(tmp_path / "r.csv", index=False)
    frame.to_csv(tmp_path / "r.tsv", index=False, sep="\t")

    assert len({read(tmp_path / f"r.{suffix}").digest for suffix in ("parquet", "csv", "tsv")}) == 1


# Texts ------------------------------------------------------------------------------------------------------


def test_texts_of_several_columns_are_joined_by_a_blank(tmp_path: Path) -> None:
    """An empty one is left out; a column that is really called so wins."""
    rows = [{"title": "" if n == 3 else f"title {n}", "body": f"body {n}", "label": "ab"[n % 2]} for n in range(20)]
    expected = {"body 3" if n == 3 else f"title {n} body {n}" for n in range(20)}
    path = to_csv(tmp_path / "r.csv", rows)

    assert {text for text, _ in pairs_of(read(path, text_column="title+body"))} == expected
    both = to_csv(tmp_path / "b.csv", [{**row, "title+body": f"own {n}"} for n, row in enumerate(rows)])
    assert all(text.startswith("own ") for text, _ in pairs_of(read(both, text_column="title+body")))
    assert "no column 'tite'; its columns are 'title', 'body', 'label'" in refused(path, text_column="tite+body")
    assert "row 1: the text in column 'title+body' is empty" in refused(
        to_csv(tmp_path / "e.csv", [{"title": " ", "body": "", "label": "a"}]), text_column="title+body"
    )


def test_numbers_are_texts_in_csv(tmp_path: Path) -> None:
    """To the letter: an account is no number."""
    rows = [{"text": f"0{n}", "label": "ab"[n % 2]} for n in range(20)]

    assert pairs_of(read(to_csv(tmp_path / "r.csv", rows))) == {(row["text"], row["label"]) for row in rows}


def test_documents_may_be_joined_columns(tmp_path: Path) -> None:
    """As classified texts are."""
    task = LanguageModelling()
    rows = [{"title": f"Title {n}", "body": "word " * 60} for n in range(20)]
    path = to_csv(tmp_path / "r.csv", rows)
    data = task.data(str(path), defaults(task, text_column="title+body"))
    assert isinstance(data, PassageData)

    assert all(re.fullmatch(r"Title \d+ (word )+", text) for text in data.texts("train"))


# Headers ----------------------------------------------------------------------------------------------------

NO_HEADER = {
    "sentences": [(f"a good film, the {n}th of its kind", "pos") for n in range(9)],
    "numbers": [(f"story {n}", n % 2) for n in range(9)],
    "repeated": [("fine" if n else "good", f"c{n % 2}") for n in range(9)],
}


@pytest.mark.parametrize("case", NO_HEADER)
def test_a_missing_header_is_asked_about_and_the_remedy_works(case: str, tmp_path: Path) -> None:
    """The message gives the setting that reads the file."""
    path = tmp_path / "r.csv"
    rows = [(f"{text} {number}", label) for number, (text, label) in enumerate(NO_HEADER[case] * 3)]
    if case == "repeated":
        rows = [(text if number == 0 else f"{text} {number}", label) for number, (text, label) in enumerate(rows)]
    rows[1] = (rows[1][0], "another")
    rows += [(f"more {number}", "another") for number in range(9)]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    message = refused(path)

    assert "Has it no header row? Its first row is" in message
    assert "its columns are" not in message
    setting = re.search(r"--task-setting (\w+)=([\w,]+)\)", message)
    assert setting is not None
    assert pairs_of(read(path, **{setting[1]: setting[2]})) == {(text, str(label)) for text, label in rows}


def test_a_header_is_told_from_a_row(tmp_path: Path) -> None:
    """Where a column has another name; only a row that may be one or not is asked about, after the names."""
    path = to_csv(tmp_path / "r.csv", [{"review": f"film {n}", "stars": n % 2} for n in range(20)])
    message = refused(path)
    assert "no column 'text'; its columns are 'review', 'stars'. Perhaps you mean 'review'" in message
    assert "header row" not in message
    message = refused(to_csv(tmp_path / "r.csv", [{"review": f"film {n}", "stars": f"s{n}"} for n in range(20)]))

    assert "no column 'text'; its columns are 'review', 'stars'" in message
    assert message.index("its columns are") < message.index("Has it no header row?")


HEADERS = {
    "other letters": "Text,LABEL",
    "white space": "text , label",
    "other order": "label,text",
    "one of them": "text,stars",
    "another language": "Satz,Klasse",
    "numbers": "0,1",
    "questions": "What did you think of the film that you saw last?,How many stars would you give it?",
}


@pytest.mark.parametrize("case", HEADERS)
@pytest.mark.parametrize("labels", [("0", "1"), ("good", "bad")], ids=["numbers", "words"])
def test_a_header_row_is_no_row_of_data(case: str, labels: tuple[str, str], tmp_path: Path) -> None:
    """Where `columns` says that there is none, it is asked about; both remedies work."""
    path, header = tmp_path / "r.csv", HEADERS[case]
    body = "".join(f'"This is letter {n}, about a film.",{labels[n % 2]}\n' for n in range(20))
    path.write_text(f"{header}\n{body}", encoding="utf-8")
    message = refused(path, columns="text,label")
    assert "looks like a header row, and the setting columns is for files without one. Leave it out" in message
    text, label = header.split(",")
    named = read(path, text_column=text, label_column=label)
    path.write_text(f"text,label\n{header}\n{body}", encoding="utf-8")

    assert len(pairs_of(named)) == 20
    assert pairs_of(read(path)) - pairs_of(named) == {(text, label)}


@pytest.mark.parametrize("header", ["text,label,label", "text,Label,Label"])
def test_two_columns_of_one_name_are_renamed_in_the_file(header: str, tmp_path: Path) -> None:
    """The setting `columns` would make an item of the header."""
    path = tmp_path / "r.csv"
    body = "".join(f"This is letter {n}.,{n % 2},{n % 3}\n" for n in range(20))
    path.write_text(f"{header}\n{body}", encoding="utf-8")
    message = refused(path)
    assert message.endswith("Give each its own name in the first line.")
    assert "looks like a header row" in refused(path, columns="text,label,other")
    path.write_text(f"text,label,other\n{body}", encoding="utf-8")

    assert len(pairs_of(read(path))) == 20


def test_two_equal_cells_are_no_header_and_the_remedy_works(tmp_path: Path) -> None:
    """To the end: the names that it gives are those that are read."""
    path = tmp_path / "r.csv"
    path.write_text("".join(f"word{n // 3},word{n // 3}{n % 2 or ''},c{n % 2}\n" for n in range(20)), encoding="utf-8")
    setting = re.search(r"--task-setting columns=([\w,]+)\)", refused(path))
    assert setting is not None

    assert sum(read(path, columns=setting[1], label_column="column3").sizes.values()) == 20


@pytest.mark.parametrize(
    ("first", "rest", "is_header"),
    [
        (("English", "Chinese"), ("This is sentence {}.", "第{}句。"), True),
        (("cat", "chat"), ("dog{}", "chien{}"), False),
        (("Go.", "Va !"), ("This is sentence {}.", "Phrase {}."), False),
    ],
)
def test_pairs_without_a_header_row_are_told_from_names(
    first: tuple[str, str], rest: tuple[str, str], is_header: bool, tmp_path: Path
) -> None:
    """Where no class occurs again: names are unlike all other cells."""
    path, task = tmp_path / "pairs.csv", Translation()
    lines = [first, *(tuple(one.format(n) for one in rest) for n in range(20))]
    path.write_text("".join(",".join(cells) + "\n" for cells in lines), encoding="utf-8")
    if is_header:
        assert "looks like a header row" in refused(path, task, columns="en,zh")
    else:
        data = translation_data(task.data(str(path), defaults(task, columns="en,zh")))
        assert sum(data.sizes.values()) == 21


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_column_without_a_name_is_called_by_its_number(suffix: str, tmp_path: Path) -> None:
    """As pandas writes the index; so it is told, and read."""
    path = tmp_path / f"r{suffix}"
    to_table(path, [{"": f"letter {n}", "label": "ab"[n % 2], " ": "x"} for n in range(20)])
    data = read(path, text_column="column1")
    assert data.how_read is not None
    assert data.how_read.unused_columns == ("column3",)
    assert "its columns are 'column1', 'label', 'column3'" in refused(path)
    to_table(path, [{"": f"letter {n}", "label": "ab"[n % 2], "column1": "x"} for n in range(20)])

    assert "two columns are called 'column1'. Give each its own name" in refused(path)


@pytest.mark.parametrize("name", ["2024 ", "NO", " text", "A: b", "1E3"])
def test_the_remedy_for_an_odd_name_is_taken_by_a_suite(name: str, tmp_path: Path) -> None:
    """In quotes where YAML would read another value."""
    path = to_json(tmp_path / "r.jsonl", [{name: f"letter {n}", "label": "ab"[n % 2]} for n in range(20)])
    example = refused(path, text_column=name.strip().lower()).rsplit("for example ", 1)[1]

    assert load(example) == {"text_column": name}
    assert len(pairs_of(read(path, **load(example)))) == 20


def test_columns_of_another_kind_of_task_are_suggested(tmp_path: Path) -> None:
    """Pairs for translation without a header row."""
    task = Translation()
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"Hello {n}.\t你好 {n}。\n" for n in range(20)), encoding="utf-8")
    assert "columns: en,zh (--task-setting columns=en,zh)" in refused(path, task)
    data = translation_data(task.data(str(path), defaults(task, columns="en,zh")))

    assert sum(data.sizes.values()) == 20
    assert all(pair.target.startswith("你好") for pair in data.pairs("train"))


# Roles ------------------------------------------------------------------------------------------------------

TWICE: dict[str, tuple[Task, dict[str, str], str]] = {
    "text and label": (TextClassification(), {"text_column": "label"}, "'label' is read as text_column and as label"),
    "label in the text": (TextClassification(), {"text_column": "text+label"}, "'label' is read as text_column and"),
    "label and split": (TextClassification(), {"label_column": "split"}, "'split' is read as label_column and as spl"),
    "split in the text": (LanguageModelling(), {"text_column": "text+split"}, "'split' is read as text_column and as"),
    "source and target": (Translation(), {"target_column": "en"}, "'en' is read as source_column and as target_column"),
    "one locale": (Translation(), {"target_locale": "en"}, "'en' is read as source_column and as target_column"),
    "question and context": (QuestionAnswering(), {"question_column": "context"}, "'context' is read as question_col"),
}


@pytest.mark.parametrize("case", TWICE)
@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_column_in_two_roles_is_refused(case: str, suffix: str, tmp_path: Path) -> None:
    """It would give the answer away, or evaluate nothing."""
    task, settings, message = TWICE[case]
    row = {"en": "a", "zh": "b", "question": "q", "context": "c", "answer": "c", "start": 0}
    rows = [row | one | {"split": "train" if n < 14 else "test"} for n, one in enumerate(labelled(["p", "q"]))]
    to_table(tmp_path / f"r{suffix}", rows)

    assert message in refused(tmp_path / f"r{suffix}", task, **settings)


@pytest.mark.parametrize(
    ("task", "row", "setting"),
    [
        (Translation(), {"en": "a", "zh-TW": "b", "EN": "c"}, "target_column"),
        (Translation(), {"en": "a", "de": "b"}, "target_column"),
        (QuestionAnswering(), {"id": "1", "context": "c", "question": "q", "answer": "c"}, "start_column"),
        (TextClassification(), {"id": "1", "label": "c", "body of it": "q"}, "text_column"),
    ],
)
def test_no_column_is_suggested_at_random(task: Task, row: dict[str, str], setting: str, tmp_path: Path) -> None:
    """Nor one that is read as something else."""
    message = refused(to_json(tmp_path / "r.jsonl", [row] * 9), task)

    assert "Perhaps you mean" not in message
    assert f"Name the column with the task's setting {setting} (--task-setting {setting}=NAME)" in message


UNUSED: dict[str, tuple[Task, str, dict[str, str], str]] = {
    "delimiter of JSON": (TextClassification(), "r.jsonl", {"delimiter": "tab"}, "holds no CSV: the setting delimiter"),
    "columns of JSON": (TextClassification(), "r.json", {"columns": "text,label"}, "no CSV: the setting columns chang"),
    "columns of Parquet": (Translation(), "r.parquet", {"columns": "a,b"}, "no CSV: the setting columns changes noth"),
    "encoding of Parquet": (TextClassification(), "r.parquet", {"encoding": "gbk"}, "is Parquet: the setting encoding"),
    "column of a text": (LanguageModelling(), "r.txt", {"text_column": "body"}, "is plain text: the setting text_colu"),
    "splits of a text": (LanguageModelling(), "r.txt", {"split_column": "part"}, "is plain text: the setting split_c"),
    "one answer": (QuestionAnswering(), "q.jsonl", {"answer_column": "a"}, "answers: the setting answer_column chang"),
    "no answers": (QuestionAnswering(), "r.jsonl", {"answers_column": "as"}, "start: the setting answers_column chan"),
    "SQuAD's file": (QuestionAnswering(), "s.json", {"question_column": "q"}, "data: the setting question_column ch"),
}


@pytest.mark.parametrize("case", UNUSED)
def test_settings_that_change_nothing_are_refused(case: str, tmp_path: Path) -> None:
    """Whoever gives one expects that it does; without it the file is read."""
    task, name, settings, message = UNUSED[case]
    path = tmp_path / name
    one = {"en": "a", "zh": "b", "question": "q", "context": "c", "answer": "c", "start": 0}
    rows = [{**row, **one, "context": f"c{n}", "en": f"a{n}"} for n, row in enumerate(labelled(["p", "q"]))]
    if path.suffix == ".txt":
        path.write_text("A line of it.\n" * 400, encoding="utf-8")
    elif name == "s.json":
        answers = [{"text": "c", "answer_start": 0}]
        data = [
            {"paragraphs": [{"context": f"c{n}", "qas": [{"question": "q", "answers": answers}]}]} for n in range(9)
        ]
        path.write_text(json.dumps({"data": data}), encoding="utf-8")
    else:
        answers = {"text": ["c"], "answer_start": [0]}
        to_table(path, [row | {"answers": answers} for row in rows] if name == "q.jsonl" else rows)

    assert message in refused(path, task, **settings)
    assert task.check(str(path), defaults(task)) is not None


def test_settings_of_csv_are_taken_by_a_folder_with_one(tmp_path: Path) -> None:
    """The other files have no use for them."""
    (tmp_path / "a.csv").write_text("".join(f"letter {n};{'pq'[n % 2]}\n" for n in range(20)), encoding="utf-8")
    to_json(tmp_path / "b.jsonl", [{"text": f"mail {n}", "label": "pq"[n % 2]} for n in range(20)])

    assert len(pairs_of(read(tmp_path, columns="text,label", delimiter="semicolon"))) == 40


# Questions --------------------------------------------------------------------------------------------------


def test_columns_of_questions_have_any_names(tmp_path: Path) -> None:
    """In CSV the start is written in digits; in JSON it is a number."""
    task = QuestionAnswering()
    rows = [{"q": f"When, {n}?", "passage": f"House {n} of 1{n:03}.", "a": f"1{n:03}", "at": len(f"House {n} of ")}
            for n in range(20)]  # fmt: skip
    nested = [{"q": r["q"], "passage": r["passage"], "as": {"text": [r["a"]], "answer_start": [r["at"]]}} for r in rows]
    names = {"question_column": "q", "context_column": "passage"}
    one = {**names, "answer_column": "a", "start_column": "at"}
    data = [
        task.data(str(to_csv(tmp_path / "r.csv", rows)), defaults(task, **one)),
        task.data(str(to_json(tmp_path / "r.json", rows)), defaults(task, **one)),
        task.data(str(to_json(tmp_path / "n.jsonl", nested)), defaults(task, **names, answers_column="as")),
    ]

    assert len({one.digest for one in data}) == 1
    assert question_data(data[0]).questions("test")[0].answers[0].startswith("1")
    assert "no column 'question'; its columns are 'q', 'passage'" in (message := refused(tmp_path / "n.jsonl", task))
    assert "question_column" in message


@pytest.mark.parametrize("start", ["\uff11", "1.0", "one", ""])
def test_a_start_that_is_no_number_is_refused(start: str, tmp_path: Path) -> None:
    """Digits of other scripts are none here."""
    path = to_csv(tmp_path / "r.csv", [{"question": "a?", "context": "ab", "answer": "b", "start": start}])

    assert f"starts at {start!r}" in refused(path, QuestionAnswering())


# Encodings --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["gb18030", "gbk", "utf-16-le"])
@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".json"])
def test_another_encoding_is_named_and_the_setting_reads_it(encoding: str, suffix: str, tmp_path: Path) -> None:
    """The data are those of the same file in UTF-8."""
    rows = [{"text": f"{text} {n}", "label": "ab"[n % 2]} for n, text in enumerate(CHINESE * 10)]
    plain, path = tmp_path / f"plain{suffix}", tmp_path / f"r{suffix}"
    if suffix == ".csv":
        to_csv(plain, rows)
    else:
        content = [json.dumps(row, ensure_ascii=False) for row in rows]
        plain.write_text(f"[{','.join(content)}]" if suffix == ".json" else "\n".join(content), encoding="utf-8")
    path.write_bytes(plain.read_text(encoding="utf-8").encode(encoding))
    message = refused(path)

    assert CHINESE[0] in message or encoding == "utf-16-le"
    setting = re.search(r"--task-setting encoding=([\w-]+)\)", message)
    assert setting is not None
    assert read(path, encoding=setting[1]).digest == read(plain).digest


@pytest.mark.parametrize(
    "encodings",
    [("utf-8", "gb18030"), ("gb18030", "utf-8"), ("utf-8", "utf-16-le"), ("gb18030", "koi8-r"), ("gb18030", "cp1252")],
)
@pytest.mark.parametrize("task", [TextClassification(), LanguageModelling()], ids=lambda task: task.name)
def test_files_in_different_encodings_are_named_and_converted(
    task: Task, encodings: tuple[str, str], tmp_path: Path
) -> None:
    """No setting is right for both, so none is advised; the remedy works to the end."""
    suffix = ".txt" if task.name == "language-modelling" else ".csv"
    texts = {"utf-8": CHINESE[0], "gb18030": CHINESE[1], "utf-16-le": CHINESE[1], "koi8-r": "Очень хороший отель",
             "cp1252": "un café très agréable", "ascii": "good"}  # fmt: skip
    files = {
        tmp_path / f"{name}{suffix}": encoding for name, encoding in zip("abc", [*encodings, "ascii"], strict=True)
    }
    for path, encoding in files.items():
        rows = [f"{texts[encoding]} {path.stem}{n},{'pq'[n % 2]}" for n in range(400)]
        path.write_text("\n".join(["text,label", *rows]), encoding=encoding)
    for stated in ("", *(encoding for encoding in encodings if "utf-8" in encodings and encoding != "utf-8")):
        message = refused(tmp_path, task, encoding=stated)
        assert "the setting encoding is for all files, and right for one of them. Leave it out." in message
        assert len([path for path in files if str(path) in message]) == 2
        assert re.search(r"iconv -f ([\w-]+) -t utf-8 \w\.\w+ > NEW-FILE", message)
    for path, encoding in files.items():
        path.write_text(path.read_text(encoding=encoding), encoding="utf-8")

    assert task.check(str(tmp_path), defaults(task)) is not None


def test_one_setting_reads_all_files_of_one_encoding(tmp_path: Path) -> None:
    """Those in ASCII and those with a byte order mark are read beside them."""
    for name, encoding, text in (("a", "gb18030", CHINESE[0]), ("b", "gb18030", CHINESE[1]), ("c", "ascii", "good"),
                                 ("d", "utf-16", CHINESE[0])):  # fmt: skip
        rows = "".join(f"{text} {name}{n},{'pq'[n % 2]}\n" for n in range(20))
        (tmp_path / f"{name}.csv").write_text(f"text,label\n{rows}", encoding=encoding)
    assert "Name the encoding in which it reads right with the task's setting encoding" in refused(tmp_path)

    assert len(pairs_of(read(tmp_path, encoding="gb18030"))) == 80


@pytest.mark.parametrize("wrong", ["\0", "\ud800", "\udfff \ud800"])
@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".parquet", ".csv"])
def test_what_is_no_character_is_refused_in_every_format(wrong: str, suffix: str, tmp_path: Path) -> None:
    """In whatever column; JSON can write what a text file cannot hold."""
    path = tmp_path / f"r{suffix}"
    rows = [
        {"note": "y", **row} for row in [*labelled(["a", "b"]), {"text": "last", "label": "a", "note": f"x{wrong}"}]
    ]
    if suffix in {".csv", ".parquet"} and wrong != "\0":
        with pytest.raises(UnicodeEncodeError):
            to_table(path, rows)
        return
    to_table(path, rows)
    message = refused(path)

    assert "null" in message or f"holds {wrong[0]!r}, which is no character" in message
    assert str(path) in message


def test_pairs_of_surrogates_are_characters(tmp_path: Path) -> None:
    """As JSON in ASCII writes what is outside of the first plane; a backslash before them is one."""
    rows = labelled(["\U0001f600", "\\ud800", "\\u0000"])
    path = to_json(tmp_path / "r.jsonl", rows)

    assert "\\ud83d\\ude00" in path.read_text(encoding="utf-8")
    assert set(read(path).classes) == {row["label"] for row in rows}


def test_parquet_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    """Other programs write it."""
    text = pa.StringArray.from_buffers(1, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff"))
    pq.write_table(pa.table({"text": text, "label": ["a"]}), tmp_path / "r.parquet")

    assert "cannot be read as parquet" in refused(tmp_path / "r.parquet")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_fine_in_every_format(encoding: str, tmp_path: Path) -> None:
    """Tables, texts and SQuAD's file."""
    rows = [{"text": f"{text} {n}", "label": "ab"[n % 2]} for n, text in enumerate(CHINESE * 10)]
    for path in (
        to_csv(tmp_path / "r.csv", rows),
        to_json(tmp_path / "r.jsonl", rows),
        to_json(tmp_path / "r.json", rows),
    ):
        path.write_bytes(path.read_text(encoding="utf-8").encode(encoding))
        assert pairs_of(read(path)) == {(row["text"], row["label"]) for row in rows}
    text = tmp_path / "t.txt"
    text.write_text(f"{CHINESE[0]}\n" * 400, encoding=encoding)
    modelling, answering = LanguageModelling(), QuestionAnswering()
    passages = modelling.data(str(text), defaults(modelling))
    assert isinstance(passages, PassageData)
    assert passages.texts("train")[0].startswith(CHINESE[0])
    questions = [{"question": "?", "answers": [{"text": "今天", "answer_start": 2}]}]
    paragraphs = [{"context": f"{n} 今天", "qas": questions} for n in range(9)]
    squad = tmp_path / "squad.json"
    squad.write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}), encoding=encoding)

    assert answering.data(str(squad), defaults(answering)).sizes["train"] > 0


@pytest.mark.parametrize("column", ["text", "label"])
def test_a_missing_column_is_named_beside_cells_that_are_no_texts(column: str, tmp_path: Path) -> None:
    """Whole numbers, lists, objects and empty cells of JSON Lines, and empty cells of a CSV."""
    rows = [{"a": number, "b": [number], "c": {"d": number}, "e": None} for number in range(5)]
    (tmp_path / "odd.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (tmp_path / "empty.csv").write_text("a,b\n1,\n,2\n", encoding="utf-8")
    settings = {f"{column}_column": "nowhere"}

    assert "no column" in refused(tmp_path / "odd.jsonl", **settings)
    assert "no column" in refused(tmp_path / "empty.csv", **settings)
