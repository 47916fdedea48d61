"""Formulas as texts, so that a table computes what its explanation shows.

A formula is arithmetic in the names of its inputs, as in `usd_per_hour * wall_s / 3600`; `sum(x)`, `mean(x)`, `max(x)`
and `min(x)` take every input of that name, and `share(x)` holds x between 0 and 1.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

Values = Mapping[str, Any]
"""Input → a number, an array of draws, or the list of the numbers of several inputs of this name."""
_OPERATORS: Mapping[type, Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow, ast.USub: operator.neg,
}  # fmt: skip
_OF_LISTS: Mapping[str, Callable[[Any], Any]] = {
    "sum": sum, "max": max, "min": min, "mean": lambda values: sum(values) / len(values),
}  # fmt: skip
_FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {**_OF_LISTS, "share": lambda value: np.clip(value, 0, 1)}


def evaluate(formula: str, values: Values) -> Any:
    """Return the value of a formula.

    Raises:
        SyntaxError: the formula is more than arithmetic.
        KeyError: an input is missing.
        ZeroDivisionError: a number, other than one in an array, is divided by 0.
    """
    return _compiled(formula)(values)


@cache
def lists(formula: str) -> frozenset[str]:
    """Return the inputs of a formula that are lists."""
    calls = [node for node in ast.walk(ast.parse(formula, mode="eval")) if isinstance(node, ast.Call)]
    return frozenset(
        argument.id
        for call in calls if isinstance(call.func, ast.Name) and call.func.id in _OF_LISTS
        for argument in call.args if isinstance(argument, ast.Name)
    )  # fmt: skip


@cache
def _compiled(formula: str) -> Callable[[Values], Any]:
    return _build(ast.parse(formula, mode="eval").body)


def _build(node: ast.expr) -> Callable[[Values], Any]:
    """Return a function of the inputs' values.

    Raises:
        SyntaxError: the formula is more than arithmetic.
    """
    if isinstance(node, ast.Constant):
        number = node.value
        return lambda _: number
    if isinstance(node, ast.Name):
        return operator.itemgetter(node.id)
    if isinstance(node, ast.BinOp):
        left, right, join = _build(node.left), _build(node.right), _OPERATORS[type(node.op)]
        return lambda values: join(left(values), right(values))
    if isinstance(node, ast.UnaryOp):
        inner, turn = _build(node.operand), _OPERATORS[type(node.op)]
        return lambda values: turn(inner(values))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        function, (argument,) = _FUNCTIONS[node.func.id], map(_build, node.args)
        return lambda values: function(argument(values))
    raise SyntaxError(f"{ast.unparse(node)!r} is no arithmetic.")
