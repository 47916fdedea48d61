"""The check of outputs, over what predictors return."""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness import Codec
from harness.measure.outputs import check_outputs, checking, finite


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of a plugin's own."""

    text: str
    score: float


SOUND = [
    Answer("yes", 0.5),
    "positive", b"raw", None, True, 3, 0.5, 1 + 2j, np.float32(1), np.arange(3), np.array(["a"]), np.array([1.0, None]),
    torch.ones(2, dtype=torch.bfloat16), {"label": "x", "score": 0.2}, [[1.0], [2.0]], (), object(),
    pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]}), pd.Series([1, 2], dtype="Int64"), np.datetime64("2026-01-01"),
    Decimal("0.5"), Fraction(1, 3), {0.5}, deque([1.0]), {"a": 0.5}.values(), np.zeros(2, [("x", "f4"), ("n", "U3")]),
]  # fmt: skip
BROKEN = [
    Answer("yes", math.nan),
    math.nan, math.inf, -math.inf, complex(0, math.nan), np.float32("nan"), np.array([1.0, np.inf]),
    np.array([1.0, math.nan], dtype=object), torch.tensor([math.nan]), {"score": math.nan}, [[1.0], [math.inf]],
    pd.DataFrame({"a": [1.0, math.nan]}), pd.DataFrame({"a": ["x", None], "b": [1.0, math.inf]}),
    pd.Series([1, None], dtype="Int64"), pd.NA, pd.NaT, np.datetime64("NaT"), np.array(["2026", "NaT"], "M8[s]"),
    np.timedelta64("NaT"), Decimal("NaN"), Decimal("sNaN"), {math.nan}, deque([math.nan]), {"a": math.nan}.values(),
    np.full(2, math.nan, "f4").view([("x", "f4")]),
]  # fmt: skip


@pytest.mark.parametrize("value", SOUND, ids=lambda value: repr(value).partition(" at 0x")[0])
def test_what_is_finite_passes(value: Any) -> None:
    """Texts, labels, numbers, arrays, tensors and nests of them pass."""
    assert finite(value)
    check_outputs([value, value], 2)


@pytest.mark.parametrize("value", BROKEN, ids=repr)
def test_what_is_not_finite_is_refused(value: Any) -> None:
    """One broken number anywhere is enough."""
    assert not finite(value)
    with pytest.raises(ValueError, match="not finite"):
        check_outputs([1.0, value], 2)


@pytest.mark.parametrize("value", [None, 0.5, "ab", b"ab", {"a": 1, "b": 2}, np.array(1.0)], ids=repr)
def test_what_is_no_sequence_is_refused(value: Any) -> None:
    """Texts and mappings have a length, and are no answers."""
    with pytest.raises(TypeError, match=r"returned a \w+\. Return a list"):
        check_outputs(value, 2)


def test_the_place_of_a_broken_output_is_told() -> None:
    """Of a batch, as it was given, with how many there are."""
    with pytest.raises(ValueError, match=r"2 of 4 outputs of a batch are not finite .*, the first for input 2:"):
        checking(lambda _: np.array([[0.0, 1.0], [1.0, 0.0], [1.0, math.nan], [math.inf, 0.0]]))("abcd")


def test_the_place_of_a_broken_row_of_a_table_is_told() -> None:
    """Rows are outputs; to iterate over the table gives names of columns."""
    with pytest.raises(ValueError, match=r"1 of 2 outputs .* are not finite .*, the first for input 1:"):
        check_outputs(pd.DataFrame({"no": [0.5, 0.5], "yes": [0.5, math.nan]}), 2)  # type: ignore[arg-type]


@given(st.lists(st.floats(width=32), max_size=20))
def test_lists_and_arrays_agree(values: list[float]) -> None:
    """The same numbers are judged alike as a list, an array and a tensor."""
    judged = finite(values)

    assert judged == all(map(math.isfinite, values))
    assert judged == finite(np.array(values, dtype=np.float32)) == finite(torch.tensor(values))


@given(st.integers(0, 5), st.integers(0, 5))
def test_the_count_must_agree(outputs: int, inputs: int) -> None:
    """As many outputs as inputs, no fewer and no more."""
    if outputs == inputs:
        check_outputs([0.0] * outputs, inputs)
    else:
        with pytest.raises(ValueError, match=f"returned {outputs} outputs for {inputs} inputs"):
            check_outputs([0.0] * outputs, inputs)


class Largest(Codec):
    """Answers the place of the largest number, as classifiers and policies do."""

    def encode(self, inputs: Sequence[Any]) -> dict[str, np.ndarray]:
        """Return the inputs."""
        return {"numbers": np.asarray(inputs)}

    def decode(self, arrays: Mapping[str, np.ndarray]) -> list[int]:
        """Return places: finite, whatever the numbers were."""
        return [int(row.argmax()) for row in arrays["logits"]]


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_what_decoding_would_hide_is_refused(broken: float) -> None:
    """The largest of NaN has a place too. What a network masks with -infinity is a number, and so is a token."""
    logits = np.array([[0.0, 1.0], [broken, 0.0], [0.0, broken]], dtype=np.float32)
    masked = {"logits": np.array([[-math.inf, 0.0]]), "tokens": np.array([[1]])}

    assert Largest().answers(masked) == [1]
    with pytest.raises(ValueError, match=r"2 of 3 outputs of a batch are not finite .*in 'logits'"):
        Largest().answers({"logits": logits})
