"""The check of outputs: a broken answer is neither graded nor counted as speed."""

from __future__ import annotations

import cmath
from collections.abc import Iterable, Mapping, Sequence, Sized
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
        broken = [place for place, output in enumerate(_rows(outputs)) if not finite(output)]
        raise ValueError(
            f"{len(broken)} of {count} outputs of a batch are not finite (NaN or infinity), the first for input "
            f"{broken[0]}: a broken answer is neither graded nor timed. Look at the weights and the precision."
        )


def _rows(outputs: Any) -> Any:
    """Return outputs by input; to iterate over a table gives its columns."""
    if _is_tensor(outputs) or not _is_array(outputs):
        return outputs
    import numpy as np

    return np.asarray(outputs)


def _length(outputs: Any) -> int:
    try:
        if not isinstance(outputs, str | bytes | Mapping):
            return len(outputs)
    except TypeError:
        pass
    what = type(outputs).__name__
    raise TypeError(f"The predictor returned a {what}. Return a list, or an array, with one output for each input.")


def finite(value: Any) -> bool:
    """Return whether all numbers and times in a value are finite.

    Looks into whatever numpy can read as an array (tables too), tensors, collections, mappings and dataclasses. Other
    objects have no numbers that could be known here: the task has to check them.
    """
    if value is None or isinstance(value, str | bytes | bool | int):
        return True
    if isinstance(value, float | complex):
        return cmath.isfinite(value)
    if _is_tensor(value):
        return bool(value.isfinite().all())
    if _is_array(value):
        return _finite_array(value)
    if isinstance(value, Mapping):
        value = list(value.values())
    elif is_dataclass(value):
        value = [getattr(value, field.name) for field in fields(value)]
    if isinstance(value, Iterable) and isinstance(value, Sized):
        return all(map(finite, value))
    return _finite_scalar(value)


def _is_tensor(value: Any) -> bool:
    return callable(getattr(value, "isfinite", None))


def _is_array(value: Any) -> bool:
    return hasattr(value, "__array__") or hasattr(value, "__array_interface__")


def _finite_array(value: Any) -> bool:
    import numpy as np

    array = np.asarray(value)
    if array.dtype.names is not None:
        return all(_finite_array(array[name]) for name in array.dtype.names)
    if array.dtype.kind == "O":
        return all(map(finite, array.ravel().tolist()))
    if array.dtype.kind in "Mm":
        return not np.isnat(array).any()
    return array.dtype.kind not in "fc" or bool(np.isfinite(array).all())


def _finite_scalar(value: Any) -> bool:
    """Return whether an object that stands for one number has one: a Decimal, a missing value or time of pandas."""
    try:
        return bool(value == value) and (not hasattr(value, "__float__") or cmath.isfinite(float(value)))  # noqa: PLR0124 - NaN differs from itself
    except (TypeError, ValueError, ArithmeticError):  # neither equal nor different: pandas.NA
        return False
