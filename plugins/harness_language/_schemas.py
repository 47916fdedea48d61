"""JSON Schemas: read, checked, and held against values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from harness import DataError
from harness.encodings import SETTING, read_text
from harness.json_text import load

EXAMPLE = '{"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}'
_REMEDY = f"Write a JSON Schema, such as {EXAMPLE} (https://json-schema.org)."


def read_schema(path: str) -> dict[str, Any]:
    """Return the schema in a file.

    Raises:
        DataError: there is no such file, it is no JSON, or no JSON Schema.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise DataError(
            f"There is no schema file {path}. Check the setting schema; it is relative to the current folder."
        )
    try:
        schema = load(read_text(file, "", SETTING))
    except ValueError as error:
        raise DataError(f"{path} cannot be read as json: {error}. {_REMEDY}") from None
    checked(path, schema)
    return dict(schema)


def checked(name: str, schema: Any) -> Validator:
    """Return what validates by a schema.

    Args:
        name: the schema's name in messages.
        schema: as JSON has it.

    Raises:
        DataError: it is no JSON Schema, or refers to something outside of itself.
    """
    if not isinstance(schema, Mapping):
        raise DataError(f"{name} is no JSON Schema: it holds {json.dumps(schema)[:60]}. {_REMEDY}")
    kind = validator_for(schema, default=Draft202012Validator)
    if not set(schema) & set(kind.VALIDATORS):
        raise DataError(f"{name} is no JSON Schema: it has no keyword of one, such as type. {_REMEDY}")
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        where = "/".join(map(str, error.absolute_path))
        raise DataError(
            f"{name} is no JSON Schema: {where or 'at its top'}: {error.message[:200]}. {_REMEDY}"
        ) from None
    # An empty registry: nothing is fetched from the network.
    registry: Registry[Any] = Registry()
    _check_references(name, schema, registry)
    validator: Validator = kind(schema, registry=registry)
    return validator


def _check_references(name: str, schema: Mapping[str, Any], registry: Registry[Any]) -> None:
    resolver = registry.resolver_with_root(DRAFT202012.create_resource(schema))
    for reference in _references(schema):
        try:
            resolver.lookup(reference)
        except Unresolvable:
            raise DataError(
                f"{name} refers to {reference!r}, which is not in it. Write that part into the schema, under $defs."
            ) from None


def _references(schema: Any) -> Iterator[str]:
    """Yield the references of a schema, nested ones too."""
    if isinstance(schema, Mapping):
        if isinstance(reference := schema.get("$ref"), str):
            yield reference
        for part in schema.values():
            yield from _references(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _references(part)


def is_valid(validator: Validator, value: Any) -> bool:
    """Return whether a value is of a schema; one that is nested too deeply is not."""
    try:
        return bool(validator.is_valid(value))
    except RecursionError:
        return False
