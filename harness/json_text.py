"""JSON that somebody else wrote: whatever is wrong with it is a ValueError that says what.

Python's reader takes NaN, numbers that become infinite, and nesting up to what its stack holds; each of them fails
later, where nobody expects it.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from harness.errors import HarnessError

MOST_DEEP = 100
"""Lists and objects within one another; real files have about ten."""
TOO_DEEP = f"it is nested more than {MOST_DEEP} deep"
_LARGE = re.compile(r"\d{200}|[eE]\+?0*[1-9]\d{2}")
"""What every number has that is too large for a float, and few others; looking for it is quicker than to test all."""
_DIGITS = sys.float_info.max_10_exp + 1
"""Of the largest whole numbers that have a float near them."""


def load(
    text: str | bytes, *, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None, constants: bool = False
) -> Any:
    """Return what JSON holds.

    Args:
        text: of one document.
        pairs: makes an object of its keys and values; a dict if it is not given.
        constants: whether NaN and Infinity are taken, as in the configurations of transformers.

    Raises:
        json.JSONDecodeError: it is no JSON, or it ends too early.
        ValueError: it is nested too deeply, or a number is too large or none.
    """
    text = text.decode() if isinstance(text, bytes) else text
    checked = _LARGE.search(text) is not None
    try:
        content = json.loads(
            text,
            object_pairs_hook=pairs,
            parse_constant=None if constants else _refuse_constant,
            parse_float=_finite if checked else None,
            parse_int=_whole if checked else None,
        )
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    _check_depth(content)
    return content


def read_object(file: Path, error: type[HarnessError], *, remedy: str, constants: bool = False) -> dict[str, Any]:
    """Return the object in a file in UTF-8.

    Args:
        file: a file that exists.
        error: what is raised.
        remedy: a sentence: what to do about it.
        constants: as in `load`.

    Raises:
        HarnessError: of the given class: it is no JSON, or holds no object; names the file.
    """
    try:
        content = load(file.read_bytes(), constants=constants)
    except (OSError, ValueError) as cause:
        raise error(f"{file} cannot be read as JSON: {cause}. {remedy}") from cause
    if not isinstance(content, dict):
        raise error(f"{file} holds a {type(content).__name__} and no object. {remedy}")
    return content


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON: write null for what is missing")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"the number {digits[:20]}… is too large")
    return number


def _whole(digits: str) -> int:
    if len(digits.lstrip("-")) > _DIGITS:
        raise ValueError(f"the number {digits[:20]}… of {len(digits):,} digits is too large")
    return int(digits)


def _check_depth(content: Any) -> None:
    """Raise where lists and objects are nested too deeply; looks at all of one depth together, without recursion."""
    level = [content]
    for _ in range(MOST_DEEP):
        level = [inner for outer in level for inner in _children(outer) if isinstance(inner, list | dict)]
        if not level:
            return
    raise ValueError(TOO_DEEP)


def _children(content: Any) -> Iterator[Any]:
    if isinstance(content, dict):
        return iter(content.values())
    return iter(content) if isinstance(content, list) else iter(())
