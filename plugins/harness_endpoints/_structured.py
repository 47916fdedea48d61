"""Structured output: a task's JSON Schema in the form that servers take, and answers in the task's own form."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from harness import NotAnAnswerError, Prompts, SuiteError
from harness.seams.prompts import Content, Shot

KEY = "items"
"""Where a schema's root is no object, the key of the object that holds the value: servers want an object."""
NULL = {"type": "null"}


def response_format(prompts: Prompts, form: str) -> dict[str, Any] | None:
    """Return the field `response_format` of a request, None where nothing of the kind is asked for.

    Args:
        prompts: the task's.
        form: `none`, `object` (any JSON object) or `schema` (one by the task's schema, strictly).

    Raises:
        SuiteError: the schema has no strict form.
    """
    if prompts.schema is None or form == "none":
        return None
    if form == "object":
        return {"type": "json_object"}
    wrapped = prompts.schema if _is_object(prompts.schema) else _wrapped(prompts.schema)
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": strict(wrapped)}}


def structured(prompts: Prompts, form: str) -> Prompts:
    """Return prompts whose answers are JSON objects, where `response_format` asks for them."""
    return prompts if response_format(prompts, form) is None else _Structured(prompts)


class _Structured(Prompts):
    """The prompts of a task, with answers in an object where its schema's root is none."""

    def __init__(self, prompts: Prompts) -> None:
        self._prompts = prompts
        self.schema = prompts.schema
        self._wraps = not _is_object(prompts.schema or {})
        more = f'\nPut it into a JSON object, under the key "{KEY}".' if self._wraps else ""
        self.instruction = prompts.instruction + more

    def ask(self, one: Any) -> Content:
        """Return the input in words."""
        return self._prompts.ask(one)

    def examples(self) -> Sequence[Shot]:
        """Return the training split, with answers in the form that is asked for."""
        examples = self._prompts.examples()
        if not self._wraps:
            return examples
        return [(one, json.dumps({KEY: json.loads(answer)}, ensure_ascii=False)) for one, answer in examples]

    def read(self, words: str, one: Any) -> Any:
        """Return the value, taken out of its object, without the nulls that only the strict form asks for.

        Raises:
            NotAnAnswerError: it is no JSON, or the object is missing.
        """
        value = self._prompts.read(words, one)
        if self._wraps:
            if not isinstance(value, dict) or set(value) != {KEY}:
                raise NotAnAnswerError(f"it is no object with the key {KEY} alone")
            value = value[KEY]
        return without_nulls(value, self.schema or {}, self.schema or {})

    def nothing(self) -> Any:
        """Return the task's output for no answer."""
        return self._prompts.nothing()


def _is_object(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "object"


def _wrapped(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an object that holds the value; definitions stay at the root, where references find them."""
    at_root = {name: schema[name] for name in ("$defs", "definitions") if name in schema}
    inner = {name: part for name, part in schema.items() if name not in {*at_root, "$schema", "$id"}}
    return {"type": "object", "properties": {KEY: inner}, "required": [KEY], **at_root}


def strict(schema: Any) -> Any:
    """Return a schema in OpenAI's strict form: objects have all their keys and no others; one that may lack is null.

    Raises:
        SuiteError: an object may have keys of any name, which the strict form has not.
    """
    if not isinstance(schema, Mapping):
        return schema
    anyhow = schema.get("additionalProperties") or schema.get("patternProperties")
    if _is_object(schema) and (anyhow or not schema.get("properties")):
        raise SuiteError(
            "The schema has an object with keys of any name, which a server takes no strict schema for. "
            "Set structured: object, or none."
        )
    made = {name: _part(name, part) for name, part in schema.items() if name not in {"$schema", "$id"}}
    if "properties" in schema or _is_object(schema):
        needed = schema.get("required", [])
        named = made.get("properties", {})
        made["properties"] = {key: part if key in needed else _or_null(part) for key, part in named.items()}
        made |= {"required": list(named), "additionalProperties": False}
    return made


def _part(name: str, part: Any) -> Any:
    if name in {"properties", "$defs", "definitions"}:
        return {key: strict(one) for key, one in part.items()}
    if name in {"anyOf", "oneOf", "allOf", "prefixItems"}:
        return [strict(one) for one in part]
    return strict(part) if name in {"items", "not"} else part


def _or_null(schema: Any) -> dict[str, Any]:
    """Return a schema that takes null as well."""
    if not isinstance(schema, Mapping) or _takes_null(schema):
        return schema  # type: ignore[no-any-return]
    return {"anyOf": [dict(schema), NULL]}


def _takes_null(schema: Mapping[str, Any]) -> bool:
    kinds = schema.get("type", [])
    return "null" in ([kinds] if isinstance(kinds, str) else kinds) or NULL in schema.get("anyOf", [])


def without_nulls(value: Any, schema: Any, root: Mapping[str, Any]) -> Any:
    """Return a value without the keys whose null stands for none: those that the schema does not require.

    Args:
        value: JSON.
        schema: of the value; where it does not say what a part is, the part stays as it is.
        root: the whole schema, in which references are looked up.
    """
    schema = _resolved(schema, root)
    for branch in schema.get("allOf", ()):
        value = without_nulls(value, branch, root)
    for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        if _is_by(value, branch, root):
            value = without_nulls(value, branch, root)
            break
    if isinstance(value, list):
        return [without_nulls(one, schema.get("items", {}), root) for one in value]
    if not isinstance(value, dict):
        return value
    named, needed = schema.get("properties", {}), schema.get("required", [])
    return {
        key: without_nulls(one, named.get(key, {}), root)
        for key, one in value.items()
        if one is not None or key not in named or key in needed or _takes_null(_resolved(named[key], root))
    }


def _is_by(value: Any, schema: Any, root: Mapping[str, Any]) -> bool:
    """Return whether a value is by a part of the schema, in the strict form where it has one."""
    from jsonschema import Draft202012Validator

    definitions = {name: root[name] for name in ("$defs", "definitions") if name in root}
    whole = {**definitions, **_resolved(schema, root)}
    try:
        return bool(Draft202012Validator(strict(whole)).is_valid(value))
    except SuiteError:
        return bool(Draft202012Validator(whole).is_valid(value))


def _resolved(schema: Any, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a reference to another part of the schema leads to, or the schema itself."""
    path = str(schema.get("$ref", "")) if isinstance(schema, Mapping) else ""
    if path.startswith("#"):
        schema = root
        for name in filter(None, path[1:].split("/")):
            schema = schema.get(name, {}) if isinstance(schema, Mapping) else {}
    return schema if isinstance(schema, Mapping) else {}
