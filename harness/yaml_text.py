"""YAML as everything here reads and writes it: safe, with the numbers of YAML 1.2, and no key twice.

PyYAML follows YAML 1.1, in which `1e-3` is a text, `010` is eight and `1:30` is ninety.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Sequence
from datetime import date
from itertools import chain
from typing import Any

import yaml

_TEXT = "tag:yaml.org,2002:str"
_INT = "tag:yaml.org,2002:int"
_FLOAT = "tag:yaml.org,2002:float"
_NUMBERS = {
    _INT: re.compile(r"[-+]?(0x[0-9a-fA-F_]+|0o[0-7_]+|0b[01_]+|[0-9][0-9_]*)$"),
    _FLOAT: re.compile(
        r"([-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$"
    ),
}
"""A text that is both is an int. An underscore may divide digits, as in YAML 1.1."""
_FIRST = "-+.0123456789"
MOST_NODES = 100_000
"""In a file with aliases; a few lines of them can stand for more than memory holds."""
MOST_DEEP = 100
"""Lists and mappings within one another, aliases followed; real files have about ten."""
_UNDER_WAY = (0, 0)
_TOO_DEEP = f"it is nested more than {MOST_DEEP} deep"
_Resolvers = dict[str, list[tuple[str, Any]]]


def _resolvers(inherited: _Resolvers) -> _Resolvers:
    """Return PyYAML's rules by first character, with other ones for numbers."""
    others = {first: [(tag, rule) for tag, rule in rules if tag not in _NUMBERS] for first, rules in inherited.items()}
    return others | {first: [*_NUMBERS.items(), *others.get(first, [])] for first in _FIRST}


class RefusedError(yaml.MarkedYAMLError):
    """Valid YAML that is refused: why, and where."""

    def __init__(self, why: str, node: Any) -> None:
        super().__init__(problem=why, problem_mark=node.start_mark)


class _Loader(yaml.CSafeLoader):
    yaml_implicit_resolvers = _resolvers(yaml.CSafeLoader.yaml_implicit_resolvers)
    _depth = 0

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        """Refuse what is nested too deeply, before the recursion in C ends the process; called before each node."""
        self._depth += 1
        if self._depth > MOST_DEEP + 1:  # a scalar in the deepest list counts
            raise RefusedError(_TOO_DEEP, current_node)
        super().descend_resolver(current_node, current_index)

    def ascend_resolver(self) -> None:
        """Called after a node was composed."""
        self._depth -= 1
        super().ascend_resolver()

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        """Return a text directly: most nodes are texts, and PyYAML's bookkeeping is only for nodes that hold others."""
        if node.tag == _TEXT and isinstance(node, yaml.ScalarNode):
            return node.value
        return super().construct_object(node, deep)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        """Return a mapping; a key that is there twice is an error."""
        names = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in names:
                raise RefusedError(f"the key {key.value!r} is here twice. Keep one", key)
            names.add(key.value)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return mapping

    def whole_number(self, node: Any) -> int:
        """Return a whole number; `010` is ten."""
        digits = self.construct_scalar(node).replace("_", "")
        return int(digits, 0) if digits.lstrip("+-")[1:2].isalpha() else int(digits)


_Loader.add_constructor(_INT, _Loader.whole_number)


class _Dumper(yaml.CSafeDumper):
    yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers


def load(text: str) -> Any:
    """Return what YAML holds.

    Raises:
        yaml.YAMLError: it is not valid.
    """
    root = compose(text)
    loader = _Loader("")
    try:
        return None if root is None else loader.construct_document(root)
    except (ValueError, TypeError, RecursionError) as error:  # a day such as 2026-02-30 comes as a ValueError
        raise yaml.YAMLError(str(error)) from error
    finally:
        loader.dispose()


def compose(text: str) -> Any:
    """Return the nodes of YAML, which know their lines.

    Raises:
        yaml.YAMLError: it is not valid, or its aliases hold themselves or too much.
    """
    root = yaml.compose(text, Loader=_Loader)
    if "*" in text:  # else there are no aliases
        _measure(root, {})
    return root


def _measure(node: Any, measured: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """Return the number of nodes, and how deep they are nested, with those that aliases repeat.

    Raises:
        RefusedError: a node holds itself, there are more than `MOST_NODES`, or they are nested deeper than `MOST_DEEP`.
    """
    size = measured.get(id(node))
    if size == _UNDER_WAY:
        raise RefusedError("what begins here holds itself by an alias", node)
    if size is None:
        measured[id(node)] = _UNDER_WAY
        inner = [_measure(child, measured) for child in _children(node)]
        size = 1 + sum(number for number, _ in inner), max((depth for _, depth in inner), default=-1) + 1
        measured[id(node)] = size
    if size[0] > MOST_NODES:
        raise RefusedError(f"its aliases stand for more than {MOST_NODES:,} values", node)
    if size[1] > MOST_DEEP:
        raise RefusedError(_TOO_DEEP, node)
    return size


def _children(node: Any) -> Iterable[Any]:
    if isinstance(node, yaml.MappingNode):
        return chain.from_iterable(node.value)
    return node.value if isinstance(node, yaml.SequenceNode) else ()


def line_of(root: Any, path: Sequence[str | int]) -> int:
    """Return the line (from 1) of a key or an item among the nodes of `compose`, or of its deepest parent there."""
    node, line = root, 1
    for part in path:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == str(part)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line


def dump(body: Any) -> str:
    """Return YAML from which `load` makes the same again."""
    return str(yaml.dump(body, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120))


def quotes_wanted(value: Any) -> str:
    """Return the sentence for a value that should be a text and was read as another type; empty if that is not why."""
    kinds = {bool: "true or false", int: "a number", float: "a number", date: "a day"}
    kind = next((name for kind, name in kinds.items() if isinstance(value, kind)), None)
    return f"YAML reads it as {kind}: put it in quotes." if kind else ""
