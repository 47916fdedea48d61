"""How the user's texts are read: every file is used, and the report says what was done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness import Data, DataError, Task
from harness.plugins import load_plugins
from harness.reading import Dropped, FileRead, HowRead
from harness.settings import filled
from harness_language.passages import LENGTH


def _task(name: str) -> Task:
    task: Task = load_plugins().tasks[name]
    return task


def _read(source: Path, task: str = "text-classification", **settings: Any) -> tuple[Data, HowRead]:
    declared = _task(task)
    data = declared.data(str(source), filled(settings, declared.settings))
    assert data.how_read is not None
    return data, data.how_read


def _rows(name: str, count: int = 30) -> list[dict[str, Any]]:
    words = ("open", "closed")
    return [{"text": f"{name} ticket {n} {words[n % 2]}", "label": words[n % 2], "id": n} for n in range(count)]


def _csv(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def test_words_in_the_names_of_tables_decide_nothing(tmp_path: Path) -> None:
    """Tickets of railway trains are tickets; all rows are read, and the report says from where."""
    for name in ("january", "unit-test-3", "train-tickets", "nested/三月"):
        _csv(tmp_path / f"{name}.csv", _rows(name))
    (tmp_path / "LICENSE").write_text("free", encoding="utf-8")
    data, how = _read(tmp_path)

    assert sum(data.sizes.values()) == 120
    assert sorted(how.files) == [
        FileRead(f"{name}.csv", 30, None) for name in ("january", "nested/三月", "train-tickets", "unit-test-3")
    ]
    assert how.ignored == ("LICENSE (about the data)",)
    assert how.columns == {"text_column": "text", "label_column": "label"}
    assert how.unused_columns == ("id",)
    assert {name: split.items for name, split in how.splits.items()} == data.sizes
    assert {split.origin for split in how.splits.values()} == {"from 70/10/20 by hash of the text"}
    assert how.classes == {"closed": 60, "open": 60}
    assert how.dropped == ()


@pytest.mark.parametrize("validation", ["validation", "valid", "val", "DEV"])
def test_a_validation_split_has_several_names(tmp_path: Path, validation: str) -> None:
    """For labelled texts and for texts to be continued."""
    for name, count in (("train", 40), (validation, 10), ("test", 12)):
        _csv(tmp_path / f"{name}.csv", [{**row, "text": row["text"] * 20} for row in _rows(name, count)])

    for task in ("text-classification", "language-modelling"):
        _, how = _read(tmp_path, task)
        assert {name: split.items for name, split in how.splits.items()} == {"train": 40, "validation": 10, "test": 12}
        assert how.splits["validation"].origin == f"the file {validation}.csv"


def test_a_column_names_the_split_of_each_row(tmp_path: Path) -> None:
    """In one file, or another column by a setting; every row is in its split."""
    rows = [{**row, "split": ("train", "train", "dev", "test")[row["id"] // 2 % 4]} for row in _rows("a", 80)]
    data, how = _read(_csv(tmp_path / "a.csv", rows))
    renamed = [{**row, "part": row["split"], "split": "pea"} for row in rows]
    other, _ = _read(_csv(tmp_path / "b.csv", renamed), split_column="part")

    assert data.sizes == other.sizes == {"train": 40, "validation": 20, "test": 20}
    assert data.digest == other.digest
    assert how.splits["train"].origin == "the column split"
    assert how.columns["split_column"] == "split"


@pytest.mark.parametrize("name", ["Split", "SPLIT", " split", "split "])
def test_a_column_of_splits_is_found_in_any_letters(name: str, tmp_path: Path) -> None:
    """As files and folders are; a second one is asked about, and so is another name in another file."""
    rows = [row | {name: ("train", "TEST", "dev")[number % 3]} for number, row in enumerate(_rows("a"))]
    data, how = _read(_csv(tmp_path / "a.csv", rows))
    assert data.sizes == {"train": 10, "validation": 10, "test": 10}
    assert how.columns["split_column"] == name

    with pytest.raises(DataError, match="which of its columns names the splits"):
        _read(_csv(tmp_path / "two.csv", [row | {"sPLIT": "x"} for row in rows]))
    folder = tmp_path / "folder"
    folder.mkdir()
    _csv(folder / "a.csv", rows)
    _csv(folder / "b.csv", [row | {"sPLIT": "test"} for row in _rows("b")])
    with pytest.raises(DataError, match=r"is '.*' in .*a\.csv and 'sPLIT' in .*b\.csv\. Give it one name"):
        _read(folder)


@pytest.mark.parametrize(
    ("files", "settings", "message"),
    [
        ({"a.csv": ["train", "pea"]}, {}, r"a\.csv, row 2: column 'split' holds 'pea', which is no split"),
        ({"a.csv": ["train", "test"], "b.csv": None}, {}, r"b\.csv has no column 'split'.*others of .* have one"),
        ({"train.csv": ["test", "test"]}, {}, r"train\.csv is the split train, and its column 'split' names others"),
        ({"a.csv": ["train", "test"]}, {"split_column": "part"}, r"a\.csv has no column 'part'.*Correct split_column"),
    ],
)  # fmt: skip
def test_a_column_that_names_splits_in_part_is_refused(
    tmp_path: Path, files: dict[str, list[str] | None], settings: dict[str, str], message: str
) -> None:
    """As is one beside a file's name that says another."""
    for name, splits in files.items():
        extra = [{"split": split} for split in splits] * 15 if splits else [{}] * 30
        _csv(tmp_path / name, [row | one for row, one in zip(_rows(name), extra, strict=True)])

    with pytest.raises(DataError, match=message):
        _read(tmp_path, **settings)


def test_rows_that_are_left_out_are_told(tmp_path: Path) -> None:
    """A text of the test split is not trained on; a split without labels is not used."""
    _csv(tmp_path / "train.csv", [*_rows("a", 40), *_rows("b", 6)])
    _csv(tmp_path / "test.csv", _rows("b", 10))
    _, how = _read(tmp_path)

    assert how.dropped == (Dropped(6, "in train and in test"),)
    assert how.splits["validation"].origin == "an eighth of train, by hash of the text"


def test_files_of_several_kinds_are_all_read(tmp_path: Path) -> None:
    """CSV, JSON Lines and Parquet side by side, in small letters or not."""
    _csv(tmp_path / "a.CSV", _rows("a"))
    pd.DataFrame(_rows("b")).to_json(tmp_path / "b.jsonl", orient="records", lines=True)
    pd.DataFrame(_rows("c")).to_parquet(tmp_path / "c.parquet")

    assert sum(_read(tmp_path)[0].sizes.values()) == 90


def test_columns_of_other_names_in_one_file_are_refused(tmp_path: Path) -> None:
    """A setting that names them would be wrong for the others."""
    _csv(tmp_path / "a.csv", _rows("a"))
    _csv(tmp_path / "b.csv", [{"sentence": row["text"], "label": row["label"]} for row in _rows("b")])

    message = r"b\.csv has no column 'text'; its columns are 'sentence', 'label'\. .*a\.csv has one: call it the same"
    for task in ("text-classification", "language-modelling"):
        with pytest.raises(DataError, match=message):
            _read(tmp_path, task)


def test_a_wrong_row_is_named_with_its_file(tmp_path: Path) -> None:
    """And counted from the beginning of that file."""
    _csv(tmp_path / "a.csv", _rows("a"))
    _csv(tmp_path / "b.csv", [*_rows("b", 4), {"text": "", "label": "open", "id": 5}])

    with pytest.raises(DataError, match=r"b\.csv, row 5: the text in column 'text' is empty"):
        _read(tmp_path)


def test_names_that_one_would_not_see_are_in_quotes(tmp_path: Path) -> None:
    """And classes that are taken for one another are told."""
    labels = ("pos", "pos ", "POS", "neg", "neu\u200b")
    rows = [{"text": f"film {n}", "label": labels[n % 5], "note ": "x"} for n in range(50)]
    lines = "\n".join(_read(_csv(tmp_path / "a.csv", rows))[1].lines())

    assert "columns not used: 'note '\n" in lines
    assert "5 classes: POS (10), neg (10), 'neu\\u200b' (10), pos (10), 'pos ' (10)\n" in lines
    assert "classes that differ in white space or capitals alone: 'POS', 'pos', 'pos '" in lines


def test_too_few_to_train_on_are_counted(tmp_path: Path) -> None:
    """Without what other splits hold; a validation split within test is told."""
    _csv(tmp_path / "train.csv", _rows("a", 4))
    _csv(tmp_path / "test.csv", _rows("a", 3))
    message = r"has 1 different text in 4 rows to train on that no other split has, which leaves the validation split"
    with pytest.raises(DataError, match=message):
        _read(tmp_path)
    _csv(tmp_path / "train.csv", _rows("b", 20))
    _csv(tmp_path / "dev.csv", _rows("a", 2))
    with pytest.raises(DataError, match=r"every text of the validation split is in the test split too\. Give others"):
        _read(tmp_path)


# Texts to be continued --------------------------------------------------------------------------------------


def _text(name: str, lines: int) -> str:
    return "".join(f"Line {number} of {name}, which goes on for a while.\n" for number in range(lines))


@pytest.mark.parametrize("names", [("train", "test"), ("train", "valid")])
def test_a_missing_validation_text_is_the_end_of_train(tmp_path: Path, names: tuple[str, str]) -> None:
    """An eighth of it, at a line end; nothing of train is lost."""
    for name in names:
        (tmp_path / f"{name}.txt").write_text(_text(name, 200), encoding="utf-8")
    data, how = _read(tmp_path, "language-modelling")
    train, validation = (data.texts(split) for split in ("train", "validation"))  # type: ignore[attr-defined]

    assert "".join([*train, *validation]) == _text("train", 200).strip()
    assert len(validation[0]) == pytest.approx(len(_text("train", 200)) / 8, abs=LENGTH)
    assert data.texts("test") == (_text(names[1], 200).strip(),)  # type: ignore[attr-defined]
    assert how.splits["validation"].origin == "an eighth of train, in its order, the end held out"


def test_plain_texts_beside_tables_are_refused(tmp_path: Path) -> None:
    """Both would be read in another way."""
    (tmp_path / "a.txt").write_text(_text("a", 50), encoding="utf-8")
    _csv(tmp_path / "b.csv", _rows("b"))

    with pytest.raises(DataError, match=r"holds plain texts \(\.txt\) and tables"):
        _read(tmp_path, "language-modelling")


def test_texts_that_are_too_short_to_be_evaluated_are_told(tmp_path: Path) -> None:
    """They are in the split, and have no passage."""
    for name, texts in (("train", 9), ("test", 5)):
        rows = [{"text": _text(f"{name} {n}", 1 if n == 3 else 20)} for n in range(texts)]
        _csv(tmp_path / f"{name}.csv", rows)

    assert (
        Dropped(1, "in test, shorter than a passage of 256 characters")
        in _read(tmp_path, "language-modelling")[1].dropped
    )


# Questions and pairs ----------------------------------------------------------------------------------------


def test_questions_and_pairs_are_reported_too(tmp_path: Path) -> None:
    """Questions by context, pairs by source text."""
    questions = [{"question": "Which?", "context": f"Number {n}.", "answer": str(n), "start": 7} for n in range(30)]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(one) + "\n" for one in questions), encoding="utf-8")
    pairs = [{"en": f"{n} days", "zh": f"{n}天", "note": "x"} for n in range(30)]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(one) + "\n" for one in pairs), encoding="utf-8")
    _, of_questions = _read(tmp_path / "q.jsonl", "question-answering")
    _, of_pairs = _read(tmp_path / "p.jsonl", "translation")

    assert of_questions.files == (FileRead("q.jsonl", 30, None),)
    assert of_questions.splits["test"].origin == "from 70/10/20 by hash of the context"
    assert of_pairs.columns == {"source_column": "en", "target_column": "zh"}
    assert of_pairs.unused_columns == ("note",)

    nested = [{"id": n, "translation": {"en": f"{n} days", "zh": f"{n}天", "de": f"{n} Tage"}} for n in range(30)]
    (tmp_path / "n.jsonl").write_text("".join(json.dumps(one) + "\n" for one in nested), encoding="utf-8")
    assert sorted(_read(tmp_path / "n.jsonl", "translation")[1].unused_columns) == ["de", "id"]


def test_a_hub_data_set_tells_which_splits_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of other names, such as `unsupervised`."""
    import datasets

    tables = {name: datasets.Dataset.from_list(_rows(name, 40)) for name in ("train", "test", "unsupervised")}
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: datasets.DatasetDict(tables))
    _, how = _read(Path("somebody/tickets"))

    assert how.ignored == ("the split unsupervised (of another name)",)
    assert how.splits["test"] == (40, "the split test")
