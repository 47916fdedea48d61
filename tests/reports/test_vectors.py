"""The public test vectors of economics."""

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
    """Return the adapter, imported as by `compare_vectors.py`."""
    sys.path.insert(0, str(FOLDER))
    import vector_functions

    yield vector_functions
    sys.path.remove(str(FOLDER))


@pytest.fixture(scope="module")
def compare(functions: Any) -> Any:
    """Return the module that CI compares with."""
    import compare_vectors

    return compare_vectors


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_a_vector_gives_its_expected_values(vector: dict[str, Any], functions: Any, compare: Any) -> None:
    """Within its tolerance; None where undefined."""
    got = getattr(functions, vector["fn"])(**vector["inputs"])

    assert not list(compare.differences(vector["expected"], got, vector["tolerance"]))


def test_there_are_vectors() -> None:
    """As an empty file would pass every test."""
    assert len(VECTORS) >= 145


def test_wrong_answers_are_reported(functions: Any, compare: Any) -> None:
    """A number beyond its tolerance, a missing one, an exception: each gives a line; right answers give none."""

    class Wrong:
        @staticmethod
        def npv_t0(**_: Any) -> dict[str, float]:
            return {"npv": 1.0}

        @staticmethod
        def payback(**_: Any) -> dict[str, float]:
            return {}

    vectors = [{"id": fn, "fn": fn, "inputs": {}, "expected": {key: 2.0}, "tolerance": {"abs": 0.5, "rel": 0.0}}
               for fn, key in (("npv_t0", "npv"), ("payback", "years"), ("mirr", "mirr"))]  # fmt: skip

    failed = compare.compare(vectors, Wrong)
    assert [line.partition(":")[0] for line in failed] == ["FAIL npv_t0.npv", "FAIL payback.years", "FAIL mirr"]
    assert compare.compare(VECTORS, functions) == []


def test_the_closing_line(capsys: pytest.CaptureFixture[str], functions: Any, compare: Any) -> None:
    """The numbers of passed and failed vectors, as CI prints them."""
    assert compare.main(str(FOLDER / "test_vectors_public.json"), "vector_functions") == 0
    assert capsys.readouterr().out.strip() == f"{len(VECTORS)} passed, 0 failed"
