"""The check of outputs: a broken answer is neither graded nor counted as speed."""

from __future__ import annotations

import cmath
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from harness.seams import Predict


def checking(predict: Predict) -> Predict:
    """Return a predictor whose outputs are checked as they are given."""

    def checked(inputs: Sequence[Any]) -> Sequence[Any]:
        outputs = predict(inputs)
        check_outputs(outputs, len(inputs))
        return outputs

    return checked


def check_outputs(outputs: Sequence[Any], count: int) -> None:
    """Refuse outputs that are no sequence, too few, too many, or not finite.

    Raises:
        TypeError: they are no sequence.
        ValueError: says which of the others.
    """
    answered = _length(outputs)
    if answered != count:
        raise ValueError(
            f"The predictor returned {answered} outputs for {count} inputs. It must answer each input once."
        )
    if not finite(outputs):
        broken = [place for place, output in enumerate(outputs) if not finite(output)]
        raise ValueError(
            f"{len(broken)} of {count} outputs of a batch are not finite (NaN or infinity), the first for input "
            f"{broken[0]}: a broken answer is neither graded nor timed. Look at the weights and the precision."
        )


def _length(outputs: Any) -> int:
    try:
        if not isinstance(outputs, str | bytes | Mapping):
            return len(outputs)
    except TypeError:
        pass
    what = type(outputs).__name__
    raise TypeError(f"The predictor returned a {what}. Return a list, or an array, with one output for each input.")


def finite(value: Any) -> bool:
    """Return whether all numbers in a value are finite.

    A value is a number, an array, a tensor, or a sequence, mapping or dataclass of them; others have no numbers.
    """
    if value is None or isinstance(value, str | bytes | bool | int):
        return True
    if isinstance(value, float | complex):
        return cmath.isfinite(value)
    if (of_tensor := getattr(value, "isfinite", None)) is not None:
        return bool(of_tensor().all())
    if (dtype := getattr(value, "dtype", None)) is not None:
        return _finite_array(value, dtype.kind)
    if isinstance(value, Mapping):
        value = list(value.values())
    elif is_dataclass(value):
        value = [getattr(value, field.name) for field in fields(value)]
    return not isinstance(value, Sequence) or all(map(finite, value))


def _finite_array(array: Any, kind: str) -> bool:
    import numpy as np

    if kind == "O":
        return all(map(finite, array.ravel().tolist()))
    return kind not in "fc" or bool(np.isfinite(array).all())
