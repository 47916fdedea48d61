"""The default texts to extract from: sections "Parameters", and the parameters in them.

Only sections whose entries all state name and type in one line are taken, with the default in the same line or nowhere,
so that there is one right answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from harness_language import _sections
from harness_language._cache import cached
from harness_language._sections import roots_of_libraries, sections_by_file

RULE = 1
"""Raise it when texts or parameters change for the same sources."""
SCHEMA: Mapping[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "description": "The parameters that the text describes.",
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": "The parameter's name, as it is written."},
            "type": {
                "type": "string",
                "description": "What stands behind the colon, without `optional` and without the default.",
            },
            "default": {
                "type": ["string", "null"],
                "description": "The default as it is written, with quotes; null if none is stated.",
            },
        },
        "required": ["name", "type", "default"],
        "additionalProperties": False,
    },
}
_VALUE = r"""'[^']*'|"[^"]*"|`[^`]+`|``[^`]+``|\([^()]*\)|\[[^\[\]]*\]|[^\s,;()'"`]*[^\s,;()'"`.](?:\(\))?"""
_IS = r"default(?: is |s to |: ?| ?= ?| )"
_ENTRY = re.compile(
    r"(?P<names>\*{0,2}\w+(?:, ?\*{0,2}\w+)*) ?: *"
    r"(?P<type>(?:(?!\b(?:optional|default)).)*[^\s,;(])"
    r"(?:,? ?\(optional\)|, *optional)?"
    rf"(?:,? ?\({_IS}(?P<in_brackets>{_VALUE})\)|, *{_IS}(?P<bare>{_VALUE}))?\.?",
    re.IGNORECASE,
)


@cache
def records() -> tuple[tuple[str, list[dict[str, str | None]]], ...]:
    """Return each text with its parameters, in the order of files and lines; repeated texts are left out.

    Raises:
        ModuleNotFoundError: one of the libraries is not installed.
    """
    roots = roots_of_libraries()
    rows = cached(roots, lambda: [row for root in roots for row in _read(root)], _sections)
    return tuple((text, parameters) for text, parameters in dict(rows).items())


def _read(root: Path) -> Iterator[tuple[str, list[dict[str, str | None]]]]:
    for sections in sections_by_file(root):
        for section in sections:
            if (parameters := parsed(section.text)) is not None:
                yield section.text, parameters


def parsed(section: str) -> list[dict[str, str | None]] | None:
    """Return the parameters of a section, or None if it does not state each in one line."""
    parameters: list[dict[str, str | None]] = []
    for line in section.splitlines():
        if line[:1].strip():
            entry = _ENTRY.fullmatch(line.rstrip())
            if entry is None:
                return None
            default = entry["in_brackets"] or entry["bare"]
            names = re.split(", ?", entry["names"])
            parameters += [{"name": name, "type": entry["type"], "default": default} for name in names]
        elif "default" in line.lower() and parameters and parameters[-1]["default"] is None:
            return None  # it may be stated in the description
    return parameters or None
