"""A figure with its formula and its inputs, each with its source."""

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
    """One figure. A figure that was read has a source; one that was computed has a formula or a note, and inputs."""

    name: str
    value: Any
    """None where it is not known; `note` says why."""
    unit: str = ""
    formula: str = ""
    """In the names of the inputs; several inputs of one name are a list, as in `mean(x)`."""
    note: str = ""
    """How it was computed where there is no formula."""
    source: str = ""
    kind: Kind = "derived"
    inputs: tuple[Explained, ...] = ()

    @property
    def readable(self) -> str:
        """The formula for people."""
        return self.formula.replace(" * ", " × ")

    @property
    def put_in(self) -> str:
        """The formula with the values of its inputs in place of their names."""
        texts: dict[str, list[str]] = {}
        for figure in self.inputs:
            texts.setdefault(figure.name, []).append(cell(figure.value))
        return _NAME.sub(lambda match: ", ".join(texts.get(match[0], [match[0]])), self.readable)

    @property
    def line(self) -> str:
        """The figure in one line: name, value, unit."""
        return f"{self.name} = {cell(self.value)} {'' if self.value is None else self.unit}".rstrip()

    @property
    def where(self) -> list[str]:
        """Lines with the formula, the note and the source."""
        formula = [self.readable, f"= {self.put_in}"] if self.formula else []
        origin = [f"{self.kind}: {self.source}"] if self.source else []
        return [*formula, *([self.note] if self.note else []), *origin]

    def walk(self) -> Iterator[Explained]:
        """Yield the figure, its inputs, their inputs, and so on."""
        yield self
        for figure in self.inputs:
            yield from figure.walk()


def derived(name: str, unit: str, formula: str, *inputs: Explained, note: str = "") -> Explained:
    """Return a figure computed by a formula; its value is None where that of an input is, or a divisor is 0.

    Args:
        name: its column, or its name in formulas.
        unit: of its value.
        formula: in the names of the inputs, in the syntax of `harness_reports.figures.formula`.
        inputs: several of one name where the formula takes their sum or mean.
        note: of how it was computed; by default which inputs are not known.
    """
    numbers: dict[str, Any] = {figure.name: figure.value for figure in inputs}
    numbers |= {listed: [figure.value for figure in inputs if figure.name == listed] for listed in lists(formula)}
    unknown = dict.fromkeys(figure.name for figure in inputs if figure.value is None)
    if unknown:
        note = note or f"not known: {', '.join(unknown)}"
        return Explained(name, None, unit, formula, note, inputs=inputs)
    try:
        value = evaluate(formula, numbers)
    except ZeroDivisionError:
        return Explained(name, None, unit, formula, "not defined: the divisor is 0", inputs=inputs)
    return Explained(name, value, unit, formula, note, inputs=inputs)


def named(figure: Explained, name: str) -> Explained:
    """Return a figure under another name: that in the formula that it is an input of."""
    return replace(figure, name=name)


def values(figures: Mapping[str, Explained]) -> dict[str, Any]:
    """Return the values of figures by name, as cells of a row."""
    return {name: figure.value for name, figure in figures.items()}


def text(figure: Explained) -> str:
    """Return the tree of a figure for a terminal."""
    return "\n".join(_lines(figure, "", "")) + "\n"


def _lines(figure: Explained, first: str, rest: str) -> Iterator[str]:
    yield f"{first}{figure.line}"
    bar = "│  " if figure.inputs else "   "
    yield from (f"{rest}{bar}{line}" for line in figure.where)
    for inner in figure.inputs:
        last = inner is figure.inputs[-1]
        yield from _lines(inner, f"{rest}{'└─ ' if last else '├─ '}", f"{rest}{'   ' if last else '│  '}")


def as_data(figure: Explained) -> dict[str, Any]:
    """Return the tree of a figure as plain values."""
    body = {
        "name": figure.name, "value": figure.value, "unit": figure.unit, "kind": figure.kind,
        "formula": figure.formula, "note": figure.note, "source": figure.source,
    }  # fmt: skip
    filled = {name: value for name, value in body.items() if value or name in ("name", "value", "kind")}
    return filled | ({"inputs": [as_data(inner) for inner in figure.inputs]} if figure.inputs else {})
