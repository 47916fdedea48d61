"""What an object was made with: equal objects are written alike, without addresses."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from harness.made import made
from harness.syntax import WHOLE, Symbol


def score(value: int, n: int = 1) -> int:
    """Return a product."""
    return value * n


def scorer(n: int) -> Any:
    """Return a function that holds a number."""
    return lambda value: value * n


@dataclass(slots=True)
class Slotted:
    """Holds no dictionary."""

    n: int


class Holder:
    """Holds something."""

    def __init__(self, held: Any) -> None:
        self.held = held

    def ask(self) -> Any:
        """Return it."""
        return self.held

    @cached_property
    def late(self) -> int:
        """Found later on."""
        return 1


PAIRS = {
    "number": (1, 2),
    "text": ("a", "b"),
    "list": ([1, 2], [2, 1]),
    "mapping": ({"a": 1}, {"a": 2}),
    "partial": (partial(score, n=2), partial(score, n=3)),
    "method": (Holder(1).ask, Holder(2).ask),
    "object": (Holder([1]), Holder([2])),
    "slots": (Slotted(1), Slotted(2)),
    "pattern": (re.compile("a+"), re.compile("b+")),
    "array": (np.arange(3), np.arange(4)),
    "fraction": (Fraction(1, 2), Fraction(1, 3)),
    "range": (range(2), range(3)),
    "queue": (deque([1]), deque([2])),
    "path": (Path("/a/one"), Path("/a/two")),
    "function": (score, print),
    "function of a call": (scorer(1), scorer(2)),
}


@pytest.mark.parametrize("what", PAIRS)
def test_what_an_object_holds_is_told_apart(what: str) -> None:
    """And equal ones are equal."""
    one, other = PAIRS[what]

    assert made(Holder(one)) == made(Holder(one))
    assert made(Holder(one)) != made(Holder(other))


def test_what_is_found_later_and_where_files_lie_do_not_count() -> None:
    """A cached property, a folder, an address."""
    holder = Holder(Path("/a/one"))
    before = made(holder)
    _ = holder.late

    assert made(holder) == before == made(Holder(Path("/b/one")))
    assert made(Holder(object())) == made(Holder(object()))


def test_definitions_among_the_values_are_named() -> None:
    """Functions, classes, modules, and the class itself; a module counts whole, and so does what a call made."""
    symbols = made(Holder([score, Slotted(1), sys])).symbols
    local = type(Holder.__name__, (Holder,), {"__qualname__": "make.<locals>.Holder"})

    assert set(symbols) == {Symbol(__name__, "Holder"), Symbol(__name__, "score"), Symbol(__name__, "Slotted"),
                          Symbol("sys", WHOLE)}  # fmt: skip
    assert made(local(1)).symbols[0].name == WHOLE
    assert made(type("Unnamed", (Holder,), {})(1)).symbols[0].name == WHOLE


def test_a_module_is_its_name() -> None:
    """Not its contents, which differ between processes."""
    script = (
        "import numpy, sys; sys.path.insert(0, sys.argv[1]); import test_made as t; from harness.made import made; "
    )
    script += "print(made(t.Holder(numpy)).values)"
    command = [sys.executable, "-c", script, str(Path(__file__).parent)]
    outputs = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)]

    assert outputs[0] == outputs[1] == "held:numpy\n"
    assert isinstance(np, ModuleType)


def test_what_holds_itself_ends() -> None:
    """At some depth."""
    holder = Holder(None)
    holder.held = holder

    assert made(holder).values
