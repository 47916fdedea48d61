"""Extraction of JSON: the default data, the grading, the baseline, and the user's texts with their schema."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from sklearn.metrics import f1_score

from harness import Assignment, Data, DataError, Grades, Unsupported
from harness.plan import filled
from harness_language._records import SCHEMA, parsed
from harness_language._schemas import checked
from harness_language.extraction import Extract, ExtractionData, canonical
from harness_language.models import Nearest
from harness_language.tasks import InformationExtraction, Summarization

TASK = InformationExtraction()
ANY = {"type": ["object", "array", "string", "number", "boolean", "null"]}
LEAVES = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.5, 1.0, "a", "1", ""])
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
)
INVOICE = {
    "type": "object",
    "properties": {
        "total": {"type": "number"},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"what": {"type": "string"}}}},
    },
    "required": ["total"],
}


@pytest.fixture(scope="module")
def parameters() -> ExtractionData:
    """Return the default data."""
    data = TASK.data(None, {})
    assert isinstance(data, ExtractionData)
    return data


def _graded(answers: Sequence[Any], references: Sequence[Any], schema: Mapping[str, Any] = ANY) -> Grades:
    extracts = [Extract(f"text {number}", value) for number, value in enumerate(references)]
    data = ExtractionData(dict.fromkeys(("train", "validation", "test"), extracts), schema)
    left = iter(answers)
    return data.evaluate(lambda inputs: [next(left) for _ in inputs], 3)


def _one() -> ExtractionData:
    return ExtractionData({split: [Extract("a", 1)] for split in ("train", "test")}, ANY)


def _f1(grades: Grades) -> float:
    return grades.over["F1"](np.arange(len(grades.scores["exact"])))


# The default data ------------------------------------------------------------------------------------------------


def test_texts_are_many_with_their_parameters(parameters: ExtractionData) -> None:
    """Two thousand; each name, type and default stands in its text, and half as many have a default as have none."""
    extracts = [extract for split in parameters.sizes for extract in parameters.pairs(split)]
    answered = [(text, entry) for text, value in extracts for entry in value]

    assert len(extracts) > 2000
    assert all(part in text for text, entry in answered for part in entry.values() if part is not None)
    assert 0.1 < sum(entry["default"] is not None for _, entry in answered) / len(answered) < 0.5
    assert all(Draft202012Validator(SCHEMA).is_valid(value) for _, value in extracts)


def test_no_text_and_no_answer_is_in_two_splits(parameters: ExtractionData) -> None:
    """So that an answer of the training split is never right."""
    texts = [set(parameters.keys(split)) for split in parameters.sizes]
    answers = [set(map(canonical, parameters.references(split))) for split in parameters.sizes]

    for parts in (texts, answers):
        assert sum(map(len, parts)) == len(set.union(*parts))


@pytest.mark.parametrize(
    ("line", "name", "kind", "default"),
    [
        ("x : float", "x", "float", None),
        ("*args: tuple, optional", "*args", "tuple", None),
        ("axis : {0, 'index'}, default=0", "axis", "{0, 'index'}", "0"),
        ("a : int or None, optional (default: None)", "a", "int or None", "None"),
        ("how : str, default 'left, right'", "how", "str", "'left, right'"),
        ("size : tuple of int, default=(3, 3)", "size", "tuple of int", "(3, 3)"),
        ("X : array of shape (n, m), default is 1e-6.", "X", "array of shape (n, m)", "1e-6"),
        ("f : callable (optional)", "f", "callable", None),
    ],
)
def test_a_line_states_name_type_and_default(line: str, name: str, kind: str, default: str | None) -> None:
    """In the ways of numpydoc."""
    assert parsed(f"{line}\n    Its use.\n") == [{"name": name, "type": kind, "default": default}]


def test_names_of_one_line_are_parameters_each() -> None:
    """Of the same type."""
    assert parsed("a, b : int, default=1\n    Both.\n") == [
        {"name": name, "type": "int", "default": "1"} for name in "ab"
    ]


@pytest.mark.parametrize(
    "section",
    [
        "%(input)s\n", "x\n    No type.\n", "x : int\n    The default is 3.\n", "x : int, default behaviour is odd\n",
        "x : optional\n    No type.\n", "", "    Text.\n",
    ],
)  # fmt: skip
def test_what_has_no_single_right_answer_is_left_out(section: str) -> None:
    """A default in the description, a template, an entry without a type."""
    assert parsed(section) is None


# Grading ---------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(VALUES, VALUES.filter(lambda value: value is not None)), min_size=1, max_size=5))
def test_f1_is_that_of_scikit_learn(pairs: list[tuple[Any, Any]]) -> None:
    """Over (text, field, value), counted apart from the module's own code and written as zeros and ones."""

    def triples(number: int, value: Any) -> set[tuple[Any, ...]]:
        flat: list[str] = []

        def walk(part: Any, path: str) -> None:
            if isinstance(part, dict):
                for name in part:
                    walk(part[name], f"{path}/{name}")
            elif isinstance(part, list):
                for item in part:
                    walk(item, path)
            elif part is not None:
                flat.append(f"{path} {type(part).__name__.replace('float', 'int')} {part:g}"
                            if isinstance(part, int | float) else f"{path} text {part}")  # fmt: skip

        walk(value, "")
        return {(number, one, place) for one, count in Counter(flat).items() for place in range(count)}

    answers, references = ([triples(n, pair[side]) for n, pair in enumerate(pairs)] for side in (0, 1))
    answered, expected = set().union(*answers), set().union(*references)
    every = sorted(answered | expected)
    theirs = f1_score([one in expected for one in every], [one in answered for one in every]) if every else 0.0
    ours = _f1(_graded([answer for answer, _ in pairs], [reference for _, reference in pairs]))

    assert ours == pytest.approx(theirs)


@given(VALUES.filter(lambda value: value is not None), st.randoms(use_true_random=False))
def test_order_decides_nothing(value: Any, random: Any) -> None:
    """Neither of keys nor of items; an exact answer has all its fields."""

    def shuffled(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: shuffled(part[key]) for key in random.sample(sorted(part), len(part))}
        return random.sample(list(map(shuffled, part)), len(part)) if isinstance(part, list) else part

    grades = _graded([shuffled(value)], [value])

    assert grades.scores["exact"] == [1.0]
    assert _f1(grades) in (1.0, 0.0)


@pytest.mark.parametrize(
    ("answer", "reference", "exact"),
    [
        ({"a": 1.0}, {"a": 1}, 1), ({"a": True}, {"a": 1}, 0), ({"a": "1"}, {"a": 1}, 0),
        ({"a": 1, "b": None}, {"a": 1}, 1),
        ([1, 1], [1], 0), ([2, 1], [1, 2], 1), ({}, [], 0), ([{"a": 1, "b": 2}], [{"a": 1}, {"b": 2}], 0),
        ({"a": "é"}, {"a": "é"}, 1), ({"a": "x "}, {"a": "x"}, 0), ((1, 2), [1, 2], 1),
    ],
)  # fmt: skip
def test_an_answer_is_exact_by_what_json_means(answer: Any, reference: Any, exact: int) -> None:
    """1.0 is 1 and null is nothing; texts are compared to the letter."""
    assert _graded([answer], [reference]).scores["exact"] == [float(exact)]


def _ring() -> list[Any]:
    ring: list[Any] = []
    ring.append(ring)
    return ring


def _deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "answer",
    [
        None, "", "nothing", '{"total": 3}', [], {}, {"total": "3"}, {"total": math.nan}, {"total": math.inf},
        object(), {1, 2}, b"{}", _ring(), _deep(700), _deep(5000), {"total": 3, "lines": _deep(700)},
        {("a",): 3}, {"total": np.float32(3)},
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_is_no_json_by_the_schema_is_wrong_and_no_error(answer: Any) -> None:
    """It is neither exact nor valid, has no fields, and the record can be written."""
    right = {"total": 3}
    grades = _graded([answer, right], [right, right], INVOICE)

    assert grades.scores["exact"] == grades.scores["valid"] == [0.0, 1.0]
    assert _f1(grades) == pytest.approx(2 / 3)
    assert _f1(_graded([answer], [right], INVOICE)) == 0
    assert len(json.dumps(grades.answers["output"], allow_nan=False)) > 0


def test_a_missing_output_is_refused() -> None:
    """An answer is never that of another text."""
    with pytest.raises(ValueError, match="There are 0 outputs for 1 texts"):
        _one().evaluate(lambda inputs: [], 1)


def test_written_words_are_counted() -> None:
    """Those and the signs of the JSON, in any script."""
    data = _one()

    assert data.work([]) == {"output_tokens": 0}
    assert data.work([{"a": "中文"}, object()])["output_tokens"] >= len('{"":""}') + 3


# The baseline ----------------------------------------------------------------------------------------------------


def _nearest(data: Data) -> Any:
    return Nearest().learner(Assignment("finetune", data, "default", filled({}, Nearest.settings), "cpu", "fp32", 0))


def test_the_nearest_text_answers_with_its_json(parameters: ExtractionData, tmp_path: Path) -> None:
    """Its fields are far better than guessed ones, also after it is loaded."""
    learner = _nearest(parameters)
    learner.step()
    learner.save(tmp_path)
    loaded = _nearest(parameters)
    loaded.load(tmp_path)
    texts = [extract.text for extract in parameters.pairs("train")[:5]]

    assert _f1(parameters.evaluate(loaded.predict, 64)) > 5 * parameters.random_baseline()["F1"]
    assert list(loaded.predict(texts)) == list(learner.predict(texts)) == parameters.references("train")[:5]


def test_data_without_pairs_are_refused() -> None:
    """Summaries are no answers that it gives."""
    with pytest.raises(Unsupported, match="SummaryData holds no texts with answers"):
        _nearest(Summarization().data(None, {})).step()


# The user's data -------------------------------------------------------------------------------------------------


ROWS = [{"text": f"Pay {n} EUR for 茶 {n}.", "json": {"total": n, "lines": [{"what": f"茶 {n}"}]}} for n in range(30)]


def _schema(folder: Path, content: Any = INVOICE) -> str:
    path = folder / "schema.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return str(path)


def _lines(path: Path, rows: Sequence[Mapping[str, Any]] = ROWS) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def _as_text(rows: Sequence[Mapping[str, Any]] = ROWS) -> pd.DataFrame:
    return pd.DataFrame([{**row, "json": json.dumps(row["json"])} for row in rows])


def _data(path: Path, **settings: Any) -> ExtractionData:
    data = TASK.data(str(path), filled(settings, TASK.settings))
    assert isinstance(data, ExtractionData)
    return data


@pytest.mark.parametrize(
    "write",
    [
        lambda path: _lines(path.with_suffix(".jsonl")),
        lambda path: _as_text().to_csv(path.with_suffix(".csv"), index=False) or path.with_suffix(".csv"),
        lambda path: pd.DataFrame(ROWS).to_parquet(path.with_suffix(".parquet")) or path.with_suffix(".parquet"),
        lambda path: _as_text().to_parquet(path.with_suffix(".parquet")) or path.with_suffix(".parquet"),
    ],
    ids=["jsonl", "csv", "nested parquet", "parquet"],
)
def test_every_form_gives_the_same_data(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    """JSON in texts or nested; all rows are read, and how is told."""
    data = _data(write(tmp_path / "rows"), schema=_schema(tmp_path))
    same = _data(_lines(tmp_path / "plain.jsonl"), schema=_schema(tmp_path))

    assert data.digest == same.digest
    assert data.schema == INVOICE
    assert data.how_read is not None
    assert data.how_read.columns == {"text_column": "text", "json_column": "json"}
    assert sum(data.sizes.values()) == 30


def test_rows_are_read_again_as_they_are_written(tmp_path: Path) -> None:
    """What `harness data --format csv` writes is the same data."""
    data = _data(_lines(tmp_path / "rows.jsonl"), schema=_schema(tmp_path))
    written = [{**row, "split": split} for split in data.sizes for row in data.rows(split)]
    pd.DataFrame(written).to_csv(tmp_path / "again.csv", index=False)

    assert _data(tmp_path / "again.csv", schema=_schema(tmp_path)).digest == data.digest


def test_keys_that_parquet_fills_with_nulls_are_absent(tmp_path: Path) -> None:
    """A row without lines is by a schema whose lines may be absent and not null."""
    rows = [row if n % 2 else {**row, "json": {"total": n}} for n, row in enumerate(ROWS)]
    pd.DataFrame(rows).to_parquet(tmp_path / "rows.parquet")

    assert (
        _data(tmp_path / "rows.parquet", schema=_schema(tmp_path)).digest
        == _data(_lines(tmp_path / "rows.jsonl", rows), schema=_schema(tmp_path)).digest
    )


def test_the_schemas_content_identifies_the_data(tmp_path: Path) -> None:
    """Not its path."""
    source = str(_lines(tmp_path / "rows.jsonl"))
    (tmp_path / "other").mkdir()
    paths = [_schema(tmp_path), _schema(tmp_path / "other"), _schema(tmp_path / "other", ANY)]
    first = TASK.identity(source, filled({"schema": paths[0]}, TASK.settings))
    _schema(tmp_path / "other")
    same = TASK.identity(source, filled({"schema": paths[1]}, TASK.settings))
    _schema(tmp_path / "other", ANY)
    changed = TASK.identity(source, filled({"schema": paths[2]}, TASK.settings))

    assert first == same != changed


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ("", "needs a JSON Schema of its answers. Write one into a file, such as .* and name it with"),
        ("{", "cannot be read as json"),
        ("[1]", "is no JSON Schema: it holds \\[1\\]. Write a JSON Schema, such as"),
        ({"total": "a number"}, "it has no keyword of one, such as type"),
        ({"type": "strng"}, "is no JSON Schema: type: 'strng' is not valid"),
        ({"properties": {"total": {"minimum": "1"}}}, "properties/total/minimum: '1' is not of type 'number'"),
        ({"pattern": "("}, "is no JSON Schema: pattern"),
        ({"$ref": "#/$defs/none"}, "refers to '#/\\$defs/none', which is not in it"),
        ({"items": {"$ref": "https://example.org/x.json"}}, "refers to 'https://example.org/x.json'"),
        ({"$ref": "#"}, "is not by the schema: it is nested too deeply"),
        ({"required": ["sum"]}, "row 1: column 'json' is not by the schema: 'sum' is a required property"),
    ],
)
def test_a_schema_that_is_none_is_refused(tmp_path: Path, schema: Any, message: str) -> None:
    """With what is wrong and what to do."""
    path = _schema(tmp_path, schema) if schema else ""
    with pytest.raises(DataError, match=message):
        _data(_lines(tmp_path / "rows.jsonl"), schema=path)


def test_a_missing_schema_file_is_named(tmp_path: Path) -> None:
    """By the identity too, which comes first."""
    settings = filled({"schema": "none.json"}, TASK.settings)
    for call in (TASK.check, TASK.identity):
        with pytest.raises(DataError, match=r"There is no (schema )?file none\.json"):
            call(str(_lines(tmp_path / "rows.jsonl")), settings)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("{", "which is no JSON: Expecting"), ("", "is empty. Give what is to be found"), (None, "is empty"),
        ("NaN", "holds 'NaN', which is no JSON"), ("null", "holds null, which stands for no answer"),
        ({"lines": []}, "is not by the schema: 'total' is a required property. Correct the row or the schema"),
        ({"total": 1, "lines": [{"what": 3}]}, "lines/0/what: 3 is not of type 'string'"),
        ('{"total": 1, "total": 2}', "the key 'total' is twice in one object"),
        ("[" * 3000 + "]" * 3000, "which is no JSON"),
    ],
)  # fmt: skip
def test_a_bad_row_is_named(tmp_path: Path, cell: Any, message: str) -> None:
    """By its number, with the remedy."""
    rows = [*ROWS[:3], {"text": "Nothing.", "json": cell}]
    with pytest.raises(DataError, match=rf"row 4: column 'json' (is|holds).*{message}|row 4.*{message}"):
        _data(_lines(tmp_path / "rows.jsonl", rows), schema=_schema(tmp_path))


def test_data_in_which_nothing_is_found_are_refused(tmp_path: Path) -> None:
    """No answer could be right or wrong in a field."""
    rows = [{"text": f"{n}", "json": {}} for n in range(9)]
    with pytest.raises(DataError, match="no answer of the test split holds a value"):
        _data(_lines(tmp_path / "rows.jsonl", rows), schema=_schema(tmp_path, {"type": "object"}))


def test_a_schema_may_refer_to_its_own_parts() -> None:
    """By a path or an anchor."""
    schema = {"$defs": {"n": {"type": "integer"}, "s": {"$anchor": "s", "type": "string"}},
              "anyOf": [{"$ref": "#/$defs/n"}, {"$ref": "#s"}]}  # fmt: skip
    validator = checked("It", schema)

    assert [validator.is_valid(value) for value in (3, "x", [])] == [True, True, False]
