"""Structured output: the schema as servers take it, answers as the task takes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from harness import NotAnAnswerError, Prompts, SuiteError
from harness.plugin_files import import_file
from harness.plugins import load_plugins
from harness.seams.prompts import messages
from harness.settings import filled
from harness.store import open_store
from harness_endpoints._structured import response_format, strict, structured, without_nulls

server = import_file(Path(__file__).with_name("server.py"))
Behaviour, Server = server.Behaviour, server.Server

ITEM = {
    "type": "object",
    "properties": {
        "name": {"type": "string"}, "count": {"type": "integer"}, "note": {"type": ["string", "null"]},
        "of": {"$ref": "#/$defs/maker"},
    },
    "required": ["name", "note"],
}  # fmt: skip
MAKER = {"type": "object", "properties": {"city": {"type": "string"}}}
LIST = {
    "type": "array",
    "items": ITEM,
    "$defs": {"maker": MAKER},
    "$schema": "https://json-schema.org/draft/2020-12/schema",
}
STRICT_MAKER = {
    "type": "object", "properties": {"city": {"anyOf": [{"type": "string"}, {"type": "null"}]}}, "required": ["city"],
    "additionalProperties": False,
}  # fmt: skip
STRICT_ITEM = {
    "type": "object",
    "properties": {
        "name": {"type": "string"}, "count": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "note": {"type": ["string", "null"]}, "of": {"anyOf": [{"$ref": "#/$defs/maker"}, {"type": "null"}]},
    },
    "required": ["name", "count", "note", "of"],
    "additionalProperties": False,
}  # fmt: skip


class Lists(Prompts):
    """What a task with a schema says."""

    instruction = "List them."

    def __init__(self, schema: Any) -> None:
        """Keep the schema."""
        self.schema = schema

    def ask(self, one: str) -> str:
        """Return the text."""
        return one

    def examples(self) -> list[tuple[str, str]]:
        """Return one."""
        return [("a nail", '[{"name": "nail", "note": null}]')]

    def read(self, words: str, one: str) -> Any:
        """Return the value."""
        del one
        try:
            return json.loads(words)
        except ValueError as error:
            raise NotAnAnswerError(str(error)) from None

    def nothing(self) -> None:
        """Return None."""
        return


def test_a_list_is_asked_for_in_an_object() -> None:
    """By a strict schema, whose references still lead to their definitions; by hand."""
    made = response_format(Lists(LIST), "schema")

    assert made == {
        "type": "json_schema",
        "json_schema": {
            "name": "answer",
            "strict": True,
            "schema": {
                "type": "object",
                "properties": {"items": {"type": "array", "items": STRICT_ITEM}},
                "required": ["items"],
                "additionalProperties": False,
                "$defs": {"maker": STRICT_MAKER},
            },
        },
    }
    assert response_format(Lists(LIST), "object") == {"type": "json_object"}
    assert response_format(Lists(LIST), "none") is response_format(Lists(None), "schema") is None


def test_an_object_stays_one() -> None:
    """And is read as it is; without a format the prompts are the task's own."""
    prompts = Lists(MAKER)
    made = response_format(prompts, "schema")

    assert made is not None
    assert made["json_schema"]["schema"] == STRICT_MAKER
    assert structured(prompts, "schema").read('{"city": "Ulm"}', "") == {"city": "Ulm"}
    assert structured(prompts, "schema").instruction == prompts.instruction
    assert structured(prompts, "none") is prompts


def test_answers_are_taken_out_of_their_object() -> None:
    """Without the nulls that stand for absent keys; a null that the schema has stays."""
    prompts = structured(Lists(LIST), "schema")
    answer = {"items": [{"name": "nail", "note": None, "count": None, "of": {"city": None}}]}
    (example,) = prompts.examples()

    assert prompts.read(json.dumps(answer), "") == [{"name": "nail", "note": None, "of": {}}]
    assert example == ("a nail", '{"items": [{"name": "nail", "note": null}]}')
    assert prompts.read(example[1], "") == [{"name": "nail", "note": None}]
    assert prompts.nothing() is None
    assert messages(prompts, "a nut")[0]["content"].startswith("List them.\nPut it into a JSON object, under the key")
    for words in ("[]", '{"list": []}', '{"items": [], "more": 1}', "no"):
        with pytest.raises(NotAnAnswerError):
            prompts.read(words, "")


@pytest.mark.parametrize(
    "schema",
    [{"type": "object"}, {"type": "object", "properties": {"a": {}}, "additionalProperties": True},
     {"type": "object", "properties": {"a": {}}, "patternProperties": {"^b": {"type": "string"}}},
     {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "string"}}}],
)  # fmt: skip
def test_keys_of_any_name_have_no_strict_form(schema: Any) -> None:
    """The strict form would ask for an empty object."""
    with pytest.raises(SuiteError, match="Set structured: object, or none"):
        response_format(Lists(schema), "schema")

    assert response_format(Lists(schema), "object") is not None


fields = st.dictionaries(
    st.sampled_from("abc"), st.sampled_from([{"type": "string"}, {"type": ["integer", "null"]}]), min_size=1
)


@given(named=fields, data=st.data())
def test_what_is_by_the_strict_schema_is_by_the_tasks(named: dict[str, Any], data: st.DataObject) -> None:
    """Whatever a server answers by the strict schema is, once read, by the schema; and the other way round."""
    needed = data.draw(st.lists(st.sampled_from(sorted(named)), unique=True))
    schema = {"type": "object", "properties": named, "required": needed, "additionalProperties": False}
    values = {
        name: st.text() if kind["type"] == "string" else st.none() | st.integers() for name, kind in named.items()
    }
    whole = data.draw(st.fixed_dictionaries({n: values[n] if n in needed else st.none() | values[n] for n in named}))
    sparse = data.draw(
        st.fixed_dictionaries({n: values[n] for n in needed}, optional={n: values[n] for n in named if n not in needed})
    )
    read = without_nulls(whole, schema, schema)

    assert Draft202012Validator(strict(schema)).is_valid(whole)
    assert Draft202012Validator(schema).is_valid(read)
    assert {name: one for name, one in read.items() if one is not None} == {
        name: one for name, one in whole.items() if one is not None
    }
    assert Draft202012Validator(strict(schema)).is_valid({name: sparse.get(name) for name in named} | sparse)


PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name"],
}
FIRM = {"type": "object", "properties": {"firm": {"type": "string"}, "seat": {"type": "string"}}, "required": ["firm"]}


@pytest.mark.parametrize("word", ["anyOf", "oneOf"])
@pytest.mark.parametrize(
    ("answered", "read"),
    [
        ({"name": "x", "age": None}, {"name": "x"}),
        ({"firm": "y", "seat": None}, {"firm": "y"}),
        ({"firm": "y", "seat": "Ulm"}, {"firm": "y", "seat": "Ulm"}),
        (None, None),
    ],
)
def test_nulls_go_within_alternatives_too(word: str, answered: Any, read: Any) -> None:
    """By the alternative that the answer meets; one of them is found by its reference."""
    who = {word: [{"$ref": "#/$defs/person"}, FIRM, {"type": "null"}]}
    schema = {"type": "object", "properties": {"who": who}, "required": ["who"], "$defs": {"person": PERSON}}
    value = {"who": answered}

    assert Draft202012Validator(strict(schema)).is_valid(value)
    assert without_nulls(value, schema, schema) == {"who": read}
    assert Draft202012Validator(schema).is_valid({"who": read})


def test_alternatives_with_keys_of_any_name_are_met_as_they_are() -> None:
    """They have no strict form; a server was asked for any object."""
    schema = {"type": "object", "properties": {"who": {"anyOf": [{"type": "object", "required": ["x"]}, PERSON]}}}

    assert without_nulls({"who": {"name": "n", "age": None}}, schema, schema) == {"who": {"name": "n"}}
    assert without_nulls({"who": {"x": None}}, schema, schema) == {"who": {"x": None}}


def test_nulls_go_within_parts_that_all_hold() -> None:
    """Each part names its own keys."""
    schema = {"allOf": [{"properties": {"a": {"type": "string"}}}, {"properties": {"b": {"type": "string"}}}]}

    assert without_nulls({"a": None, "b": None, "c": None}, schema, schema) == {"c": None}


SUITE = """name: asked
models: [{{name: "openai:tiny", settings: {{base_url: "{url}", max_tokens: 90, structured: {form}}}}}]
tasks: [{{name: information-extraction, data: parts.jsonl, settings: {{schema: parts.json}}}}]
batch_sizes: [8]
serve: {{seconds: 0.05, queries: 2}}
"""


@pytest.fixture
def evaluated(tmp_path: Path, harness_command: Any) -> Callable[..., Any]:
    """Return a function that evaluates on texts with lists, and returns the command's end, record and server."""
    rows = [{"text": f"{n} nails", "json": [{"name": "nails", "note": None, "count": n}]} for n in range(60)]
    (tmp_path / "parts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (tmp_path / "parts.json").write_text(json.dumps(LIST), encoding="utf-8")

    def run(form: str, how: Any) -> Any:
        task = load_plugins().find("tasks", "information-extraction")
        given = filled({"schema": str(tmp_path / "parts.json")}, task.settings)
        data: Any = task.data(str(tmp_path / "parts.jsonl"), given)
        answers = {
            one.text: json.dumps(one.value if form == "none" else {"items": [{**one.value[0], "of": None}]})
            for one in data.pairs("test")
        }
        with Server({"tiny": how}, answers=answers) as one:
            (tmp_path / "asked.yaml").write_text(SUITE.format(url=one.url, form=form), encoding="utf-8")
            done = harness_command(tmp_path, "run", "asked.yaml", "--store", "store")
        records = open_store(str(tmp_path / "store")).records()
        return done, next(each for each in records if each.step == "evaluate"), one

    return run


def test_a_server_gets_the_schema_and_its_answers_are_exact(evaluated: Callable[..., Any]) -> None:
    """In an object on the wire, a list for the task."""
    done, record, one = evaluated("schema", Behaviour())

    assert done.code == 0, done.stderr
    assert set(record.scores["exact"]) == set(record.scores["valid"]) == {1.0}
    sent = [entry["response_format"]["json_schema"] for entry in one.log if entry["event"] == "asked"]
    assert sent
    assert all(each["strict"] and each["schema"]["properties"]["items"]["items"] == STRICT_ITEM for each in sent)


def test_a_server_that_knows_no_format_is_answered_with_the_setting(evaluated: Callable[..., Any]) -> None:
    """The record says what to set; without the setting nothing of it is sent."""
    done, record, _ = evaluated("object", Behaviour(refuses_format=True))

    assert done.code == 1
    assert record.reason.startswith("AskingError: bad request: The server answers 400: Unrecognized request argument")
    assert record.reason.endswith("If it takes no response_format, set structured: none.")
    done, _, one = evaluated("none", Behaviour(refuses_format=True))
    assert done.code == 0, done.stderr
    assert not any("response_format" in entry for entry in one.log)
