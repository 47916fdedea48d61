"""The check of outputs: a wrong answer is never counted as speed."""

from __future__ import annotations

import cmath
from collections.abc import Mapping, Sequence
from typing import Any


def check_outputs(outputs: Sequence[Any], count: int) -> None:
    """Refuse outputs that are too few, too many, or not finite.

    Raises:
        ValueError: says which.
    """
    if len(outputs) != count:
        raise ValueError(
            f"The predictor returned {len(outputs)} outputs for {count} inputs. It must answer each input once."
        )
    if not finite(outputs):
        raise ValueError(
            "The predictor returned a value that is not finite (NaN or infinity): a broken answer has no speed."
        )


def finite(value: Any) -> bool:
    """Return whether all numbers in a value are finite: numbers, arrays, tensors, sequences and mappings of them."""
    if value is None or isinstance(value, str | bytes | bool | int):
        return True
    if isinstance(value, float | complex):
        return cmath.isfinite(value)
    if (of_tensor := getattr(value, "isfinite", None)) is not None:
        return bool(of_tensor().all())
    if (dtype := getattr(value, "dtype", None)) is not None:
        return _finite_array(value, dtype.kind)
    if isinstance(value, Mapping):
        return all(map(finite, value.values()))
    return not isinstance(value, Sequence) or all(map(finite, value))


def _finite_array(array: Any, kind: str) -> bool:
    import numpy as np

    if kind == "O":
        return all(map(finite, array.ravel().tolist()))
    return kind not in "fc" or bool(np.isfinite(array).all())
