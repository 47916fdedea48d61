"""Checks of arguments: each returns the number, or raises a FactError that names it and says what to give."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

from harness.errors import FactError


def finite(name: str, value: float) -> float:
    """Return the value.

    Raises:
        FactError: it is infinite or not a number.
    """
    if not math.isfinite(value):
        raise FactError(f"{name} is {value}. Give a finite number.")
    return float(value)


def above(name: str, value: float, bound: float = 0.0) -> float:
    """Return the value.

    Raises:
        FactError: it is not a finite number above the bound.
    """
    if not finite(name, value) > bound:
        raise FactError(f"{name} is {value}. Give a number above {bound:g}.")
    return float(value)


def at_least(name: str, value: float, bound: float = 0.0) -> float:
    """Return the value.

    Raises:
        FactError: it is not a finite number from the bound on.
    """
    if not finite(name, value) >= bound:
        raise FactError(f"{name} is {value}. Give a number of at least {bound:g}.")
    return float(value)


def within(name: str, value: float, low: float = 0.0, high: float = 1.0) -> float:
    """Return the value; the default range is that of a share.

    Raises:
        FactError: it is not a finite number from `low` to `high`.
    """
    if not low <= finite(name, value) <= high:
        raise FactError(f"{name} is {value}. Give a number from {low:g} to {high:g}.")
    return float(value)


def between(name: str, value: float, low: float = 0.0, high: float = 1.0) -> float:
    """Return the value; bounds excluded.

    Raises:
        FactError: it is not a finite number above `low` and below `high`.
    """
    if not low < finite(name, value) < high:
        raise FactError(f"{name} is {value}. Give a number above {low:g} and below {high:g}.")
    return float(value)


def whole(name: str, value: float, least: int = 1) -> int:
    """Return the value as an integer.

    Raises:
        FactError: it is not a whole number of at least `least`.
    """
    if finite(name, value) != int(value) or value < least:
        raise FactError(f"{name} is {value}. Give a whole number from {least}.")
    return int(value)


def series(name: str, values: Iterable[float], least: int = 1) -> tuple[float, ...]:
    """Return the values.

    Raises:
        FactError: there are fewer than `least`, or one is infinite or not a number.
    """
    numbers = tuple(finite(f"{name}[{place}]", value) for place, value in enumerate(values))
    if len(numbers) < least:
        raise FactError(f"{name} holds {len(numbers)} numbers. Give at least {least}.")
    return numbers


def rate(name: str, value: float) -> float:
    """Return a rate per period: .1 is 10 %.

    Raises:
        FactError: it is not above -1; at -100 % the discount factor is infinite.
    """
    return above(name, value, -1.0)


def as_written(value: float) -> Fraction:
    """Return the shortest decimal of a float as a fraction, so that 0.3 - 0.1 is 0.2 and rounding up is exact."""
    return Fraction(str(float(value)))
