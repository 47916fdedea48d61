"""Prints how many test vectors pass: `python compare_vectors.py VECTORS.json MODULE`; exit status 1 where one fails.

The module has one callable for each `fn`; it takes the inputs as keyword arguments and returns a mapping.
"""

from __future__ import annotations

import importlib
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Difference = tuple[str, Any, Any]
"""Path, expected value, actual value."""


def differences(expected: Any, got: Any, tolerance: Mapping[str, float], path: str = "") -> Iterator[Difference]:
    """Yield every leaf that differs by more than abs + rel · |expected|."""
    if isinstance(expected, dict):
        for key, value in expected.items():
            actual = got.get(key, "<missing>") if isinstance(got, Mapping) else "<not a dict>"
            yield from differences(value, actual, tolerance, f"{path}.{key}")
    elif isinstance(expected, list):
        if not isinstance(got, Sequence) or len(got) != len(expected):
            yield path, expected, got
            return
        for place, pair in enumerate(zip(expected, got, strict=True)):
            yield from differences(*pair, tolerance, f"{path}[{place}]")
    elif not _equal(expected, got, tolerance):
        yield path, expected, got


def _equal(expected: Any, got: Any, tolerance: Mapping[str, float]) -> bool:
    if isinstance(expected, bool) or expected is None or isinstance(expected, str):
        return bool(got == expected)
    if isinstance(got, bool) or not isinstance(got, int | float) or math.isnan(got):
        return False
    return bool(abs(got - expected) <= tolerance["abs"] + tolerance["rel"] * abs(expected))


def compare(vectors: Sequence[Mapping[str, Any]], module: Any) -> list[str]:
    """Return a line for each vector that fails; an exception is a failure."""
    failed = []
    for vector in vectors:
        try:
            got = getattr(module, vector["fn"])(**vector["inputs"])
            unequal = list(differences(vector["expected"], got, vector["tolerance"]))
        except Exception as error:  # noqa: BLE001 - any exception is a failure of the vector
            unequal = [("", "no exception", repr(error))]
        failed += [f"FAIL {vector['id']}{path}: expected {value}, got {got}" for path, value, got in unequal[:1]]
    return failed


def main(file: str, name: str) -> int:
    """Print the failures and their number; return the exit status."""
    vectors = json.loads(Path(file).read_text(encoding="utf-8"))["vectors"]
    failed = compare(vectors, importlib.import_module(name))
    print(*failed, f"{len(vectors) - len(failed)} passed, {len(failed)} failed", sep="\n")  # noqa: T201 - a command
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
