"""The sections "Parameters" of numpydoc docstrings, read from the sources of libraries without importing them."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

from harness_language._cache import library_folder

LIBRARIES = ("scipy", "sklearn", "pandas")
SHORTEST, LONGEST = 80, 700
"""Characters of a section."""
_SECTION = re.compile(
    r"^(?P<indent> *)Parameters\n(?P=indent)-{3,}\n(?P<body>.*?)"
    r"(?=\n+(?P=indent)[A-Z][\w ]+\n(?P=indent)-{3,}|\"\"\"|''')",
    re.DOTALL | re.MULTILINE,
)
_DEFINITION = re.compile(r"^ *(?:def|class) (?P<name>\w+)", re.MULTILINE)


class Section(NamedTuple):
    """The section "Parameters" of a function or class."""

    function: str
    text: str


def roots_of_libraries() -> list[Path]:
    """Return the folders of the libraries that are read.

    Raises:
        ModuleNotFoundError: one of them is not installed.
    """
    return [library_folder(library) for library in LIBRARIES]


def sections_by_file(root: Path) -> Iterator[list[Section]]:
    """Yield the sections of each file of a library, without tests."""
    for file in sorted(path for path in root.rglob("*.py") if "tests" not in path.parts):
        yield list(_sections(file.read_text(encoding="utf-8")))


def _sections(source: str) -> Iterator[Section]:
    definitions = [(owner.start(), owner["name"]) for owner in _DEFINITION.finditer(source)]
    for match in _SECTION.finditer(source):
        text = dedent(match["indent"] + match["body"].strip()) + "\n"
        if SHORTEST <= len(text) <= LONGEST:
            above = bisect_left(definitions, (match.start(), ""))
            yield Section(definitions[above - 1][1] if above else "module", text)
