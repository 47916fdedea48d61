"""Formulas give the same as Python's arithmetic, on numbers, lists and arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_reports.figures.explained import Explained, derived, named, values
from harness_reports.figures.formula import evaluate

NUMBERS = st.floats(0.1, 1e6)


@given(a=NUMBERS, b=NUMBERS, c=NUMBERS)
def test_arithmetic_is_that_of_python(a: float, b: float, c: float) -> None:
    """With precedence, powers, unary minus and parentheses."""
    assert evaluate("(a + b) * c / 3600 - a ** 2", {"a": a, "b": b, "c": c}) == (a + b) * c / 3600 - a**2
    assert evaluate("-a - -b", {"a": a, "b": b}) == -a - -b


@given(st.lists(NUMBERS, min_size=1))
def test_functions_take_all_inputs_of_a_name(numbers: list[float]) -> None:
    """Their results are numbers for further arithmetic."""
    given = {"x": numbers}

    assert evaluate("sum(x) / 2", given) == sum(numbers) / 2
    assert evaluate("mean(x)", given) == sum(numbers) / len(numbers)
    assert evaluate("max(x) - min(x)", given) == max(numbers) - min(numbers)


def test_arrays_are_evaluated_elementwise() -> None:
    """A number combines with an array."""
    tree = evaluate("1 - share(quality / ceiling)", {"quality": np.array([-1.0, 0.5, 2.0]), "ceiling": 1.0})

    assert tree.tolist() == [1.0, 0.5, 0.0]


@pytest.mark.parametrize("formula", ["x if x else 0", "x > 1", "'x'.upper()", "[x]", "print(x)", "x @ x"])
def test_other_expressions_are_refused(formula: str) -> None:
    """A formula can only compute."""
    with pytest.raises((SyntaxError, KeyError)):
        evaluate(formula, {"x": 1.0})


def test_a_missing_input_is_an_error() -> None:
    """It is a mistake in the code, unlike an input without a value."""
    with pytest.raises(KeyError, match="seconds"):
        evaluate("usd / seconds", {"usd": 1.0})


def figure(name: str, value: Any) -> Explained:
    """Return a figure that was read."""
    return Explained(name, value, "s", source="a record", kind="measured")


def test_a_derived_figure_shows_what_it_computed() -> None:
    """Its value is that of its formula, and the formula is shown with the values."""
    tree = derived("total_s", "s", "sum(wall_s) + (rest_s)", figure("wall_s", 2.0), figure("wall_s", 3.0),
                    figure("rest_s", 0.5))  # fmt: skip

    assert tree.value == 5.5
    assert tree.put_in == "sum(2, 3) + (0.5)"
    assert values({"total_s": tree}) == {"total_s": 5.5}


def test_a_missing_value_makes_the_result_missing() -> None:
    """It is None, never 0."""
    tree = derived("rate", "1/s", "1 / wall_s", figure("wall_s", None))

    assert tree.value is None
    assert tree.note == "not known: wall_s"


def test_a_renamed_figure_keeps_the_rest() -> None:
    """Formulas call it by different names."""
    assert named(figure("wall_s", 2.0), "seconds") == figure("seconds", 2.0)
