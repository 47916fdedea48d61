"""The fields of a plugin's parts and their types, checked once when the plugin is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import NoneType
from typing import Any, NamedTuple, get_args

from harness import plain
from harness.errors import PluginError
from harness.facts import Figure, Price, PriceBook, UseCase
from harness.names import RULE, is_data_name
from harness.seams import Declaration, Hardware, Metric, Model, ModelScheme, Runtime, Setting, Task, Template
from harness.seams.model import START


class FieldType(NamedTuple):
    """What a field must hold."""

    phrase: str
    """The end of the message: Give …"""
    accepts: Callable[[Any], bool]
    """Whether a value is accepted."""


def _is(*types: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, types)


def _are(accepts: Callable[[Any], bool], least: int = 0) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, tuple | list) and len(value) >= least and all(map(accepts, value))


def _by_name(accepts: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, Mapping) and all(map(_is_text, value)) and all(map(accepts, value.values()))


def _is_setting(value: Any) -> bool:
    return (
        isinstance(value, Setting)
        and _is_plain(value.default)
        and _is_text(value.help)
        and isinstance(value.choices, tuple | list)
    )


def _is_plain(value: Any) -> bool:
    try:
        plain.nested(value, "")
    except PluginError:
        return False
    return True


def _is_metric(value: Any) -> bool:
    return (
        isinstance(value, Metric)
        and _is_text(value.name)
        and _is_text(value.unit)
        and isinstance(value.column, str | None)
        and isinstance(value.higher_is_better, bool)
        and isinstance(plain.python(value.ceiling), int | float | None)
    )


_is_text, _is_text_or_none = _is(str), _is(str, NoneType)
TEXT = FieldType("a text", _is_text)
TEXT_OR_NONE = FieldType("a text or None", _is_text_or_none)
STARTS = FieldType(
    f"a tuple of {', '.join(map(repr, get_args(START)))}, at least one",
    _are(lambda value: value in get_args(START), 1),
)
DATA_NAME = FieldType(f"a name for data. {RULE}", lambda value: isinstance(value, str) and is_data_name(value))
FLAG = FieldType("True or False", _is(bool))
TEXTS = FieldType("a tuple of texts", _are(_is_text))
SOME_TEXTS = FieldType("a tuple of texts, at least one", _are(_is_text, 1))
TEXTS_OR_NONE = FieldType("a tuple of texts or None", lambda value: value is None or _are(_is_text)(value))
SOME_TEXTS_OR_NONE = FieldType(
    "a tuple of texts, at least one, or None", lambda value: value is None or _are(_is_text, 1)(value)
)
TEXT_BY_NAME = FieldType("a mapping from names to texts", _by_name(_is_text))
SETTINGS = FieldType(
    "a mapping from names to harness.Setting(default, help, choices) with a default that JSON can hold",
    _by_name(_is_setting),
)
METRICS = FieldType("a tuple of harness.Metric(name, unit, column), at least one", _are(_is_metric, 1))
FIGURES = FieldType("a mapping from names to harness.Figure", _by_name(_is(Figure)))

FIELDS: Mapping[type, Mapping[str, FieldType]] = {
    Declaration: {
        "name": TEXT,
        "summary": TEXT,
        "imports": TEXTS_OR_NONE,
        "extra": TEXT_OR_NONE,
        "known_failures": TEXT_BY_NAME,
    },
    Task: {
        "kind": TEXT,
        "metrics": METRICS,
        "use_case": TEXT_OR_NONE,
        "baseline": TEXT_OR_NONE,
        "pretrains_on": TEXT_OR_NONE,
        "source": TEXT,
        "licence": TEXT,
        "data_name": DATA_NAME,
        "former_names": TEXT_BY_NAME,
        "settings": SETTINGS,
        "takes_data": FLAG,
        "data_imports": TEXTS,
    },
    Model: {
        "kinds": SOME_TEXTS,
        "sizes": SOME_TEXTS,
        "pretraining": TEXT_OR_NONE,
        "brings_weights": FLAG,
        "starts": STARTS,
        "formats": TEXTS,
        "devices": SOME_TEXTS_OR_NONE,
        "draws_answers": FLAG,
        "settings": SETTINGS,
    },
    Hardware: {"device": TEXT, "precisions": SOME_TEXTS, "bit_reproducible": FLAG},
    Runtime: {"format": TEXT_OR_NONE, "precisions": SOME_TEXTS, "devices": SOME_TEXTS},
    ModelScheme: {
        "name": TEXT,
        "summary": TEXT,
        "model": FieldType("a function", callable),
        "imports": TEXTS,
        "extra": TEXT_OR_NONE,
    },
    Template: {"name": TEXT, "summary": TEXT, "file": FieldType("a Path", _is(Path)), "try_it": TEXT},
    PriceBook: {"name": TEXT, "summary": TEXT, "prices": FieldType("a tuple of harness.Price", _are(_is(Price)))},
    UseCase: {
        "name": TEXT,
        "title": TEXT,
        "summary": TEXT,
        "tasks": TEXTS,
        "needs": FIGURES,
        "market": FIGURES,
        "hosted": TEXTS,
        "file": FieldType("a Path or None", _is(Path, NoneType)),
        "data": TEXTS,
    },
}
_MISSING = object()


def check_declared(one: Any) -> None:
    """Raise if a field of an object has the wrong type; accept objects of types without a table.

    Raises:
        PluginError: names the object, the field, what it is and what it should be.
    """
    for kind, fields in FIELDS.items():
        if isinstance(one, kind):
            for field, of_type in fields.items():
                _check(one, field, of_type)


def _check(one: Any, field: str, of_type: FieldType) -> None:
    try:
        value = getattr(one, field, _MISSING)
    except Exception as error:  # a plugin's own property may raise anything
        raise PluginError(f"{_whose(one, field)} raised {type(error).__name__}: {plain.message(error)}") from error
    if not of_type.accepts(value):
        raise PluginError(f"{_whose(one, field)} is {_shown(value)}. Give {of_type.phrase}.")


def _whose(one: Any, field: str) -> str:
    name = getattr(one, "name", None) if field != "name" else None
    return f"{type(one).__name__}.{field}" + (f" of {name!r}" if _is_text(name) else "")


def _shown(value: Any) -> str:
    """Return the value's repr, or its type if that fails."""
    if value is _MISSING:
        return "missing"
    try:
        return plain.cut(repr(value), plain.NAME_CHARS)
    except Exception:  # noqa: BLE001 - a plugin's own `__repr__` may raise anything
        return f"a {type(value).__name__}"
