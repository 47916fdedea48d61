"""Formulas give what Python gives for the same arithmetic, over numbers, lists and arrays."""

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
def test_arithmetic_is_pythons(a: float, b: float, c: float) -> None:
    """Precedence, powers, minus and parentheses included."""
    assert evaluate("(a + b) * c / 3600 - a ** 2", {"a": a, "b": b, "c": c}) == (a + b) * c / 3600 - a**2
    assert evaluate("-a - -b", {"a": a, "b": b}) == -a - -b


@given(st.lists(NUMBERS, min_size=1))
def test_functions_take_all_inputs_of_a_name(numbers: list[float]) -> None:
    """And may be worked with further."""
    given = {"x": numbers}

    assert evaluate("sum(x) / 2", given) == sum(numbers) / 2
    assert evaluate("mean(x)", given) == sum(numbers) / len(numbers)
    assert evaluate("max(x) - min(x)", given) == max(numbers) - min(numbers)


def test_samples_are_worked_through_at_once() -> None:
    """A certain number stands beside them."""
    found = evaluate("1 - share(quality / ceiling)", {"quality": np.array([-1.0, 0.5, 2.0]), "ceiling": 1.0})

    assert found.tolist() == [1.0, 0.5, 0.0]


@pytest.mark.parametrize("formula", ["x if x else 0", "x > 1", "'x'.upper()", "[x]", "print(x)", "x @ x"])
def test_what_is_no_arithmetic_is_refused(formula: str) -> None:
    """A formula cannot do anything but compute."""
    with pytest.raises((SyntaxError, KeyError)):
        evaluate(formula, {"x": 1.0})


def test_a_missing_input_is_an_error() -> None:
    """It is a slip of the formula's author, not a value that nobody knows."""
    with pytest.raises(KeyError, match="seconds"):
        evaluate("usd / seconds", {"usd": 1.0})


def figure(name: str, value: Any) -> Explained:
    """Return a figure that was read."""
    return Explained(name, value, "s", source="a record", kind="measured")


def test_a_derived_figure_shows_what_it_computed() -> None:
    """Its value is that of its formula; nobody states it a second time."""
    found = derived("total_s", "s", "sum(wall_s) + (rest_s)", figure("wall_s", 2.0), figure("wall_s", 3.0),
                    figure("rest_s", 0.5))  # fmt: skip

    assert found.value == 5.5
    assert found.put_in == "sum(2, 3) + (0.5)"
    assert values({"total_s": found}) == {"total_s": 5.5}


def test_what_an_unknown_input_gives_is_unknown() -> None:
    """Missing is None, never 0."""
    found = derived("rate", "1/s", "1 / wall_s", figure("wall_s", None))

    assert found.value is None
    assert found.note == "not known: wall_s"


def test_a_figure_keeps_all_but_its_name() -> None:
    """Another formula knows it by another."""
    assert named(figure("wall_s", 2.0), "seconds") == figure("seconds", 2.0)
