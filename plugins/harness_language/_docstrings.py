"""The default texts: the docstrings of functions and classes in scipy's Python sources.

The sources are parsed, not imported, so that the data do not depend on the machine. Docstrings of compiled functions
(most of `scipy.special`) are therefore left out.
"""

from __future__ import annotations

import ast
import gc
from collections import Counter
from contextlib import contextmanager
from functools import cache
from inspect import cleandoc
from typing import TYPE_CHECKING

from harness_language._cache import cached, library_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RULE = 1
"""Raise it when texts or labels change for the same scipy."""
SHORTEST = 40
"""Characters of a docstring, at least."""
PACKAGES = 8
"""Number of classes: the largest packages."""

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@cache
def docstrings() -> tuple[tuple[str, str], ...]:
    """Return (text, sub-package) of scipy's largest packages, in the order of files and lines.

    Texts are unique up to case and white space; a text of several packages is left out.

    Raises:
        ModuleNotFoundError: scipy is not installed.
    """
    root = library_folder("scipy")
    return tuple((text, package) for text, package in cached([root], lambda: _read(root)))


def _read(root: Path) -> list[tuple[str, str]]:
    texts: dict[str, dict[str, str]] = {}
    for package, text in walk(root):
        texts.setdefault(" ".join(text.lower().split()), {}).setdefault(package, text)
    pairs = [(text, package) for packages in texts.values() if len(packages) == 1 for package, text in packages.items()]
    counts = Counter(package for _, package in pairs)
    largest = sorted(counts, key=lambda package: (-counts[package], package))[:PACKAGES]
    return [pair for pair in pairs if pair[1] in largest]


def walk(root: Path) -> Iterator[tuple[str, str]]:
    """Yield (sub-package, docstring) of every function and class in public packages, without tests."""
    files = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.py"))
    with _no_garbage_collection():
        for name in files:
            package, *rest = name.split("/")
            if not rest or "tests" in rest or package.startswith("_"):
                continue
            tree = ast.parse((root / name).read_text(encoding="utf-8"))
            for definition in _definitions(tree.body):
                text = cleandoc(ast.get_docstring(definition, clean=False) or "").strip()
                if len(text) >= SHORTEST:
                    yield package, text


def _definitions(body: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Yield functions and classes, also nested and conditional ones."""
    for node in body:
        if isinstance(node, _DEFINITIONS):
            yield node
        # Expressions hold no definitions: visiting only statements takes half the time of ast.walk.
        if isinstance(node, (*_DEFINITIONS, ast.If, ast.Try, ast.With)):
            yield from _definitions(node.body)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Disable garbage collection: parsing makes a million objects and no garbage, and would take twice as long."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
