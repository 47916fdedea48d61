"""A figure opened up: its formula, what was put into it, and where each of that comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from harness_reports.cells import cell
from harness_reports.figures.formula import evaluate, lists

Kind = Literal["derived", "measured", "estimated", "declared", "price", "assumed"]
_NAME = re.compile(r"[a-z_][a-z_0-9]*")


@dataclass(frozen=True)
class Explained:
    """One figure; a figure that was read and not worked out has a source and no inputs."""

    name: str
    value: Any
    """None where it is not known; `note` says why."""
    unit: str = ""
    formula: str = ""
    """In the names of the inputs; an input that is there several times stands for all of them, as in `mean(x)`."""
    note: str = ""
    """How it was worked out where no formula says it."""
    source: str = ""
    kind: Kind = "derived"
    inputs: tuple[Explained, ...] = ()

    @property
    def readable(self) -> str:
        """The formula as people write it."""
        return self.formula.replace(" * ", " × ")

    @property
    def put_in(self) -> str:
        """The formula with the values of its inputs in it."""
        given = {own.name: ", ".join(cell(each.value) for each in self.inputs if each.name == own.name)
                 for own in self.inputs}  # fmt: skip
        return _NAME.sub(lambda found: given.get(found[0], found[0]), self.readable)

    @property
    def said(self) -> str:
        """The figure in one line: name, value, unit."""
        return f"{self.name} = {cell(self.value)} {'' if self.value is None else self.unit}".rstrip()

    @property
    def where(self) -> list[str]:
        """Lines that say how the figure came about and where it is from."""
        formula = [self.readable, f"= {self.put_in}"] if self.formula else []
        origin = [f"{self.kind}: {self.source}"] if self.source else []
        return [*formula, *([self.note] if self.note else []), *origin]

    def walk(self) -> Iterator[Explained]:
        """Return the figure and everything that stands behind it."""
        yield self
        for own in self.inputs:
            yield from own.walk()


def derived(name: str, unit: str, formula: str, *inputs: Explained, note: str = "") -> Explained:
    """Return a figure worked out by a formula, not known where one of its inputs is not.

    Args:
        name: the column that it stands in, or what formulas call it.
        unit: of its value.
        formula: in the names of the inputs, as `harness_reports.figures.formula` writes them.
        inputs: of one name several, where the formula takes their sum or mean.
        note: what else there is to say.
    """
    given: dict[str, Any] = {name: [own.value for own in inputs if own.name == name] for name in lists(formula)}
    given = {own.name: own.value for own in inputs} | given
    unknown = dict.fromkeys(own.name for own in inputs if own.value is None)
    if unknown:
        note = note or f"not known: {', '.join(unknown)}"
        return Explained(name, None, unit, formula, note, inputs=inputs)
    return Explained(name, evaluate(formula, given), unit, formula, note, inputs=inputs)


def named(figure: Explained, name: str) -> Explained:
    """Return a figure under the name by which another one knows it."""
    return replace(figure, name=name)


def values(figures: Mapping[str, Explained]) -> dict[str, Any]:
    """Return the cells of a row that figures stand in."""
    return {name: figure.value for name, figure in figures.items()}


def text(figure: Explained) -> str:
    """Return the tree for a terminal."""
    return "\n".join(_lines(figure, "", "")) + "\n"


def _lines(figure: Explained, first: str, rest: str) -> Iterator[str]:
    yield f"{first}{figure.said}"
    bar = "│  " if figure.inputs else "   "
    yield from (f"{rest}{bar}{line}" for line in figure.where)
    for own in figure.inputs:
        last = own is figure.inputs[-1]
        yield from _lines(own, f"{rest}{'└─ ' if last else '├─ '}", f"{rest}{'   ' if last else '│  '}")


def as_data(figure: Explained) -> dict[str, Any]:
    """Return the tree for a program."""
    body = {
        "name": figure.name, "value": figure.value, "unit": figure.unit, "kind": figure.kind,
        "formula": figure.formula, "note": figure.note, "source": figure.source,
    }  # fmt: skip
    known = {name: value for name, value in body.items() if value or name in ("name", "value", "kind")}
    return known | ({"inputs": [as_data(own) for own in figure.inputs]} if figure.inputs else {})
