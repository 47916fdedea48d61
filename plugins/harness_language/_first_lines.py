"""The default texts to summarise: docstrings without their first line, which is the summary."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from harness_language import _docstrings
from harness_language._cache import cached
from harness_language._docstrings import walk
from harness_language._sections import roots_of_libraries

RULE = 1
"""Raise it when texts or summaries change for the same sources."""
SHORTEST, LONGEST = 200, 2000
"""Characters of a text."""
FEWEST_WORDS = 3
"""Of a summary."""
_HEADING = re.compile(r"[^\n]+\n[-=]{3,}|\.\. ")
"""A text that begins with a section or a directive does not say what it is about."""
_TEMPLATE = re.compile(r"%\(|\{\w*\}")


@cache
def first_lines() -> tuple[tuple[str, str], ...]:
    """Return (text, summary) in the order of files and lines; repeated texts are left out.

    Raises:
        ModuleNotFoundError: one of the libraries is not installed.
    """
    roots = roots_of_libraries()
    rows = cached(roots, lambda: [pair for root in roots for pair in _read(root)], _docstrings)
    unique: dict[str, str] = {}
    for text, summary in rows:
        unique.setdefault(text, summary)
    return tuple(unique.items())


def _read(root: Path) -> Iterator[tuple[str, str]]:
    for _, docstring in walk(root):
        if (pair := parted(docstring)) is not None:
            yield pair


def parted(docstring: str) -> tuple[str, str] | None:
    """Return a docstring's text and its first line, or None if it has no such line or its text is not fit."""
    summary, _, rest = (part.strip() for part in docstring.partition("\n\n"))
    if "\n" in summary or len(summary.split()) < FEWEST_WORDS or not SHORTEST <= len(rest) <= LONGEST:
        return None
    if _HEADING.match(rest) or _TEMPLATE.search(docstring) or summary in rest:
        return None
    return rest, summary
