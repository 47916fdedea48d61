"""Plain values: JSON values pass, numbers of numpy become Python's, others raise with a name."""

from __future__ import annotations

import enum
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import plain
from harness.errors import PluginError
from harness.seams import Reading

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@given(values)
def test_what_is_plain_comes_back_equal(value: Any) -> None:
    """And is strict JSON; only NUL is escaped."""
    made = plain.nested(value, "value")

    assert json.loads(json.dumps(made, allow_nan=False)) == made
    if "\\u0000" not in json.dumps(value):
        assert made == value


class _Word(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise OSError("a text that cannot be printed")


class _Level(enum.IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    ("value", "made"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(1), True),
        (np.str_("word"), "word"),
        (np.float64(2.5), 2.5),
        (_Word("word"), "word"),
        (_Level.HIGH, 3),
        ((1, 2), [1, 2]),
        ("\ud800\0", r"\ud800\x00"),
    ],
)
def test_what_is_nearly_plain_becomes_so(value: Any, made: Any) -> None:
    """Exactly Python's own types, which can be sent and written without a plugin's classes."""
    result = plain.nested(value, "value")

    assert result == made
    assert type(result) is type(made)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"bytes", "is a bytes"),
        (object(), "is a object"),
        (2 + 3j, "is a complex"),
        (np.ones(2), "is a ndarray"),
        (np.longdouble(1), "is a longdouble"),
        (np.datetime64("2026-11-26"), "is a date"),
        ({"a": {2: 3}}, r"\['a'\] has a key that is a int"),
        ({"": 1}, "has a key of 0 characters"),
        ([0.5, float("inf")], r"\[1\] is inf"),
        (2**63, "is a whole number of 64 bits"),
    ],
)
def test_what_is_not_plain_is_refused_by_name(value: Any, message: str) -> None:
    """Where it is, what it is, and what to do."""
    with pytest.raises(PluginError, match=f"^value{'' if message.startswith(chr(92)) else ' '}{message}"):
        plain.nested(value, "value")


def test_a_text_is_cut_in_its_middle() -> None:
    """Both ends remain, with the number of cut characters."""
    short = plain.cut("a" * 30 + "b" * 40 + "c" * 30, chars=60)

    assert short == f"{'a' * 30}\n[… 40 characters cut …]\n{'c' * 30}"
    assert plain.cut("a" * 60, chars=60) == "a" * 60


@given(st.lists(st.floats() | st.integers(-9, 9)))
def test_a_column_is_finite_or_refused(column: list[float]) -> None:
    """NaN and infinities are not scores; negative rewards are."""
    if np.isfinite(column).all():
        assert plain.numbers(column, "column") == column
        assert all(type(one) is float for one in plain.numbers(column, "column"))
    else:
        with pytest.raises(PluginError, match=r"^column\[\d+\] is (nan|-?inf)\. Give a finite number"):
            plain.numbers(column, "column")


def test_a_reading_has_a_unit_and_a_kind() -> None:
    """A bare number is not a reading, nor is a negative one; a numpy value is."""
    readings = plain.readings({"energy_j": Reading(np.float32(2), "J", "estimated")}, "stop()")

    assert readings == {"energy_j": Reading(2.0, "J", "estimated")}
    for odd in (2.0, Reading(-1.0, "J"), Reading(1.0, 3), Reading(float("inf"), "J"), Reading("1", "J")):  # type: ignore[arg-type]
        with pytest.raises(PluginError, match=r"^stop\(\)\['energy_j'\]"):
            plain.readings({"energy_j": odd}, "stop()")
