"""Plain values: what a record may hold. Numbers of numpy become Python's; anything else raises.

A plugin may return anything. Each function takes a value and `whose` it is (`Progress.losses['loss']`), and returns a
plain value or raises a `PluginError` that names the value and the remedy.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any

from harness.errors import PluginError
from harness.seams import Reading

TEXT_CHARS = 20_000
"""A longer text is cut in the middle: both ends of a traceback say most."""
NAME_CHARS = 200
DEPTH = 20
LARGEST_INT = 2**63 - 1
"""What databases and JSON readers hold exactly."""
KINDS = ("measured", "estimated", "declared")


def text(value: Any, whose: str) -> str:
    """Return a text that any file can hold: shortened if too long, with odd characters escaped."""
    if not isinstance(value, str):
        raise _wrong_type(value, whose, "a text")
    return cut(value)


def cut(value: str, chars: int = TEXT_CHARS) -> str:
    """Return a text of about `chars` characters at most, with a note of how many were cut out of its middle.

    Lone surrogates and NUL, which files and databases refuse, become escapes.
    """
    value = str.encode(value, "utf-8", "backslashreplace").decode().replace("\0", "\\x00")
    if len(value) <= chars:
        return value
    half = chars // 2
    return f"{value[:half]}\n[… {len(value) - 2 * half:,} characters cut …]\n{value[-half:]}"


def name(value: Any, whose: str) -> str:
    """Return a text that is short enough for a name."""
    if not isinstance(value, str):
        raise PluginError(f"{whose} has a key that is a {_type(value)}. Names are texts.")
    if not 0 < len(value) <= NAME_CHARS:
        raise PluginError(f"{whose} has a key of {len(value):,} characters. A name has 1 to {NAME_CHARS}.")
    return cut(value)


def named(value: Any, whose: str) -> dict[str, Any]:
    """Return a mapping with names for keys; its values are not checked."""
    if not isinstance(value, Mapping):
        raise _wrong_type(value, whose, "a mapping from names to values")
    return {name(key, whose): one for key, one in value.items()}


def real(value: Any, whose: str) -> float:
    """Return a number, which may be NaN or infinite; a whole one stays an int."""
    value = python(value)
    if isinstance(value, int):
        return _whole(value, whose)
    if not isinstance(value, float):
        raise _wrong_type(value, whose, "a number")
    return float.__float__(value)


def number(value: Any, whose: str, *, signed: bool = True) -> float:
    """Return a finite number, which must not be negative unless `signed`."""
    result = real(value, whose)
    if not math.isfinite(result):
        raise PluginError(f"{whose} is {result}. Give a finite number, or leave out what could not be found.")
    if result < 0 and not signed:
        raise PluginError(f"{whose} is {result:g}, and it cannot be negative. Check how it is computed.")
    return result


def count(value: Any, whose: str) -> int:
    """Return a whole number that is not negative."""
    result = number(value, whose, signed=False)
    if result != int(result):
        raise PluginError(f"{whose} is {result:g}. It counts something: give a whole number.")
    return int(result)


def counts(value: Any, whose: str) -> dict[str, int]:
    """Return counts by name."""
    return {key: count(one, f"{whose}[{key!r}]") for key, one in named(value, whose).items()}


def numbers(value: Any, whose: str) -> list[float]:
    """Return a column of finite numbers."""
    return [
        one if type(one) is float and math.isfinite(one) else float(number(one, f"{whose}[{position}]"))
        for position, one in enumerate(listed(value, whose, "a list of numbers"))
    ]


def listed(value: Any, whose: str, wanted: str) -> list[Any]:
    """Return the items of an iterable that is not a text or a mapping."""
    if isinstance(value, str | bytes | Mapping) or not hasattr(value, "__iter__"):
        raise PluginError(f"{whose} is a {_type(value)}. Give {wanted}.")
    return list(value)


def sequence(value: Any, whose: str) -> Any:
    """Return a non-empty sequence as it is: a list or an array, not a generator."""
    if isinstance(value, str | bytes | Mapping) or not hasattr(value, "__len__") or not hasattr(value, "__getitem__"):
        raise PluginError(f"{whose} is a {_type(value)}. Give a list, or another sequence that has a length.")
    if not len(value):
        raise PluginError(f"{whose} is empty. Give at least one.")
    return value


def instance(value: Any, of_type: type, whose: str) -> Any:
    """Return an instance of a type of the harness."""
    if not isinstance(value, of_type):
        raise PluginError(f"{whose} is a {_type(value)}. Give a harness.{of_type.__name__}.")
    return value


def readings(value: Any, whose: str) -> dict[str, Reading]:
    """Return readings by name: finite, not negative, with a unit."""
    return {key: _reading(one, f"{whose}[{key!r}]") for key, one in named(value, whose).items()}


def _reading(value: Any, whose: str) -> Reading:
    if not isinstance(value, Reading):
        raise _wrong_type(value, whose, "a harness.Reading(value, unit)")
    if value.kind not in KINDS:
        raise PluginError(f"{whose} is of kind {cut(str(value.kind), NAME_CHARS)!r}. Give one of {', '.join(KINDS)}.")
    return Reading(float(number(value.value, whose, signed=False)), text(value.unit, f"{whose}.unit"), value.kind)


def nested(value: Any, whose: str, depth: int = DEPTH) -> Any:
    """Return any value that JSON can hold: None, texts, finite numbers, and lists and mappings of them."""
    value = python(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return cut(value)
    if isinstance(value, int | float):
        return number(value, whose)
    if not depth:
        raise PluginError(f"{whose} is nested deeper than {DEPTH} levels, or holds itself. Flatten it.")
    if isinstance(value, Mapping):
        return {key: nested(one, f"{whose}[{key!r}]", depth - 1) for key, one in named(value, whose).items()}
    if isinstance(value, list | tuple):
        return [
            one if type(one) is float and math.isfinite(one) else nested(one, f"{whose}[{position}]", depth - 1)
            for position, one in enumerate(value)
        ]
    raise _wrong_type(value, whose, "a number, a text, or a list or mapping of them")


def message(error: BaseException) -> str:
    """Return the message of an exception, also where `__str__` fails."""
    try:
        return cut(str(error)).strip()
    except Exception as failure:  # noqa: BLE001 - a plugin's own `__str__` may raise anything
        return f"(its message cannot be read: {type(failure).__name__} in __str__)"


def python(value: Any) -> Any:
    """Return a numpy scalar as a Python number; does not import numpy."""
    numpy = sys.modules.get("numpy")
    return value.item() if numpy is not None and isinstance(value, numpy.generic) else value


def _whole(value: int, whose: str) -> int:
    if abs(value) > LARGEST_INT:
        raise PluginError(f"{whose} is a whole number of {value.bit_length()} bits. Give one of 64 bits at most.")
    return int.__int__(value)


def _wrong_type(value: Any, whose: str, wanted: str) -> PluginError:
    return PluginError(f"{whose} is a {_type(value)}. Give {wanted}; convert it first.")


def _type(value: Any) -> str:
    return cut(type(value).__name__, NAME_CHARS)
