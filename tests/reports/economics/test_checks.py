"""Checks of arguments: the values that they take, and their messages."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import FactError
from harness_reports.economics import checks

Check = Callable[[str, float], float]


@pytest.mark.parametrize(
    ("check", "valid", "invalid"),
    [
        (checks.finite, [0.0, -1e300], []),
        (checks.above, [1e-300, 5.0], [0.0, -1.0]),
        (checks.at_least, [0.0, 5.0], [-1e-300, -1.0]),
        (checks.within, [0.0, 0.5, 1.0], [-0.1, 1.1]),
        (checks.between, [1e-9, 0.5], [0.0, 1.0, 2.0]),
        (checks.whole, [1, 7.0, np.int64(3)], [0, 1.5, -2]),
        (checks.rate, [-0.99, 0.0, 3.0], [-1.0, -1.5]),
    ],
)
def test_a_check_returns_valid_values_and_names_invalid_ones(
    check: Check, valid: list[float], invalid: list[float]
) -> None:
    """At both ends of the range; the message has the name, the value and what to give."""
    for value in valid:
        assert check("the rate", value) == value
    for value in [*invalid, math.nan, math.inf, -math.inf]:
        with pytest.raises(FactError, match=r"the rate is .*\. Give a"):
            check("the rate", value)


def test_a_whole_number_becomes_an_integer() -> None:
    """Also with another lower bound."""
    assert isinstance(checks.whole("n", 3.0), int)
    assert checks.whole("n", 0, 0) == 0


def test_a_series_names_the_invalid_number() -> None:
    """By its index; and how many are needed."""
    assert checks.series("flows", [1, 2.5]) == (1.0, 2.5)
    with pytest.raises(FactError, match=r"flows\[1\] is nan"):
        checks.series("flows", [1, math.nan])
    with pytest.raises(FactError, match=r"holds 2 numbers\. Give at least 3"):
        checks.series("flows", [1, 2], 3)


@given(st.integers(-(10**6), 10**6), st.integers(0, 6))
def test_a_float_becomes_its_shortest_decimal(digits: int, places: int) -> None:
    """Not its binary fraction."""
    written = Fraction(digits, 10**places)

    assert checks.as_written(float(written)) == written


def test_differences_of_decimals_are_exact() -> None:
    """.3 - .1 is .2."""
    assert checks.as_written(0.3) - checks.as_written(0.1) == Fraction(1, 5)
    assert checks.as_written(np.float64(1e-5)) == Fraction(1, 100_000)
