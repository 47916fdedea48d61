"""The public test vectors of economics, each through the functions it names."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent
VECTORS = json.loads((FOLDER / "test_vectors_public.json").read_text(encoding="utf-8"))["vectors"]


@pytest.fixture(scope="module")
def functions() -> Iterator[Any]:
    """Return the adapter, imported as the vectors' own tool imports it."""
    sys.path.insert(0, str(FOLDER))
    import vector_functions

    yield vector_functions
    sys.path.remove(str(FOLDER))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_a_vector_gives_what_it_should(vector: dict[str, Any], functions: Any) -> None:
    """Every number is as exact as the vector asks, and what is undefined is None."""
    got = getattr(functions, vector["fn"])(**vector["inputs"])

    for path, expected in _leaves(vector["expected"]):
        _compare(_at(got, path), expected, vector["tolerance"], path)


def test_there_are_vectors() -> None:
    """An empty file would pass every test."""
    assert len(VECTORS) >= 145


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _leaves(part, (*path, key))
    elif isinstance(value, list):
        yield (*path, len), len(value)
        for place, part in enumerate(value):
            yield from _leaves(part, (*path, place))
    else:
        yield path, value


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = step(value) if step is len else value[step]
    return value


def _compare(got: Any, expected: Any, tolerance: dict[str, float], path: tuple[Any, ...]) -> None:
    if isinstance(expected, (bool, str, type(None))):
        assert got == expected, path
    else:
        assert isinstance(got, (int, float)), path
        assert abs(got - expected) <= tolerance["abs"] + tolerance["rel"] * abs(expected), path
