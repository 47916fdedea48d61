"""What an object was made with: its attribute values, and the definitions among them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

from harness.locate import unnumbered
from harness.syntax import WHOLE, Symbol

DEPTH = 5
"""How deep an object's own values are followed."""


class Made(NamedTuple):
    """An object's values, written in a fixed way, and the definitions among them."""

    values: str
    symbols: tuple[Symbol, ...]


def made(one: Any) -> Made:
    """Return an object's values now. Call it before the object's methods, which may cache."""
    symbols = [symbol_of(type(one))]
    attributes = {name: value for name, value in _values(one) if not _is_cached(one, name)}
    return Made(",".join(_written(attributes, symbols, DEPTH)) if attributes else "", tuple(symbols))


def symbol_of(definition: Any) -> Symbol:
    """Return the top-level definition that a class or function is written in.

    If a call made the definition, its whole module counts: the call's arguments may be anywhere in it.
    """
    first, *inner = definition.__qualname__.split(".")
    module = sys.modules.get(definition.__module__)
    by_a_call = "<locals>" in inner or first.startswith("<") or (module is not None and first not in vars(module))
    return Symbol(definition.__module__, WHOLE if by_a_call else first)


def _values(one: Any) -> Iterator[tuple[str, Any]]:
    yield from getattr(one, "__dict__", {}).items()
    for kind in type(one).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in [slots] if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(one, name):
                yield name, getattr(one, name)


def _is_cached(one: Any, name: str) -> bool:
    return isinstance(getattr(type(one), name, None), cached_property)


def _written(value: Any, symbols: list[Symbol], depth: int) -> Iterator[str]:
    if value is None or isinstance(value, str | bytes | int | float | complex):
        yield repr(value)
    elif isinstance(value, Path):
        yield repr(value.name)  # the folder does not matter
    elif depth == 0:
        yield ""
    elif isinstance(value, Mapping):
        for name in sorted(value, key=str):
            yield f"{name}:{','.join(_written(value[name], symbols, depth - 1))}"
    elif isinstance(value, list | tuple | set | frozenset):
        parts = [",".join(_written(each, symbols, depth - 1)) for each in value]
        yield f"[{';'.join(sorted(parts) if isinstance(value, set | frozenset) else parts)}]"
    elif isinstance(value, ModuleType):
        symbols.append(Symbol(value.__name__, WHOLE))
        yield unnumbered(value.__name__)
    elif isinstance(value, type | FunctionType):
        symbols.append(symbol_of(value))
        yield f"{unnumbered(value.__module__)}.{value.__qualname__}"
        yield from _written([_held(cell) for cell in getattr(value, "__closure__", None) or ()], symbols, depth - 1)
    elif isinstance(value, MethodType | partial):
        yield from _written(_bound(value), symbols, depth - 1)
    else:
        symbols.append(symbol_of(type(value)))
        attributes, text = dict(_values(value)), _repr(value)
        yield type(value).__qualname__
        yield from _written(attributes, symbols, depth - 1) if attributes else [text]


def _held(cell: CellType) -> Any:
    """Return the value of a closure's variable, None if it is not set yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _bound(call: MethodType | partial[Any]) -> list[Any]:
    """Return a function and what it is bound to."""
    if isinstance(call, MethodType):
        return [call.__func__, call.__self__]
    return [call.func, call.args, call.keywords]


def _repr(value: Any) -> str:
    """Return the repr of a value without attributes, such as a pattern or an array; empty if it is an address."""
    text = repr(value)
    return "" if " at 0x" in text else text
