"""The default questions that are answered freely: what a function or a class of a library does or is for.

The answer is the first line of its documentation. Sources are parsed, not imported.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import sha256
from inspect import cleandoc
from pathlib import Path

from harness_language import _docstrings
from harness_language._cache import cached, library_folder

RULE = 1
"""Raise it when questions or answers change for the same sources."""
LIBRARIES = ("scipy", "sklearn")
"""Those whose functions stand in the package that their folder names."""
FEWEST_WORDS = 4
"""Of an answer."""
LONGEST = 160
"""Characters of an answer."""


@cache
def documented() -> tuple[tuple[str, str], ...]:
    """Return (question, answer) in the order of files and lines; an answer to two questions is left out.

    Raises:
        ModuleNotFoundError: one of the libraries is not installed.
    """
    roots = [library_folder(library) for library in LIBRARIES]
    rows = cached(roots, lambda: [row for root in roots for row in _read(root)], _docstrings)
    pairs = dict(reversed(rows))
    times = Counter(pairs.values())
    return tuple((text, pairs[text]) for text in reversed(pairs) if times[pairs[text]] == 1)


def _read(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the public functions and classes of a library's packages, without tests."""
    for file in sorted(root.rglob("*.py"), key=lambda path: path.relative_to(root).as_posix()):
        folder, *rest = file.relative_to(root).parts
        if not rest or "tests" in (folder, *rest) or folder.startswith("_"):
            continue
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                answer = first_line(ast.get_docstring(node, clean=False) or "")
                if answer is not None:
                    yield question(f"{root.name}.{folder}.{node.name}", is_class=isinstance(node, ast.ClassDef)), answer


def question(name: str, *, is_class: bool) -> str:
    """Return what is asked about a function or a class."""
    return f"What is the class {name} for?" if is_class else f"What does the function {name} do?"


def first_line(docstring: str) -> str | None:
    """Return the first line of a docstring, or None if it is no sentence of its own."""
    line, _, rest = cleandoc(docstring).partition("\n\n")
    line = line.strip()
    if "\n" in line or not rest.strip() or len(line) > LONGEST or len(line.split()) < FEWEST_WORDS:
        return None
    return line


def paired(rows: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str, bool]]:
    """Yield each question with an answer and whether it is the right one: every second gets that of the next question.

    The order is that of hashes, so that the next question is about any function.
    """
    shuffled = sorted(rows, key=lambda row: sha256(row[0].encode()).hexdigest())
    for place, (text, answer) in enumerate(shuffled):
        right = place % 2 == 0
        yield text, answer if right else shuffled[(place + 1) % len(shuffled)][1], right
