"""A use case with a reader's figures in it: changed, scaled, renamed, and written as a file that reads back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from harness.errors import FactError, unknown
from harness.facts import Figure, UseCase
from harness_reports.business.figure_rules import check_figures
from harness_reports.business.market import distribution

PARTS = ("needs", "market")
DEMAND = ("requests_per_year", "buyers")
"""Figures that the volume is proportional to; a use case gives one of them."""


def numbers(figure: Figure) -> tuple[float, ...]:
    """Return the numbers people give: those of the distribution, or the one that is certain."""
    return (figure.value,) if figure.spread is None else figure.spread.numbers


def figures(use_case: UseCase) -> dict[str, Figure]:
    """Return every figure of a use case by name, needs first."""
    return {**use_case.needs, **use_case.market}


def with_numbers(use_case: UseCase, changes: Mapping[str, Sequence[float]], as_of: date) -> UseCase:
    """Return the use case with the reader's numbers in place of its own, the shapes of distributions kept.

    What a reader changes is an assumption of that day, and its source says what it replaces.

    Raises:
        FactError: a figure the use case does not have, numbers out of order, or ones that make no sense.
    """
    for name in changes:
        if name not in figures(use_case):
            raise FactError(unknown(f"figure in {use_case.name!r}", name, figures(use_case)))

    def changed(part: Mapping[str, Figure]) -> dict[str, Figure]:
        return {name: _changed(name, figure, changes.get(name), as_of) for name, figure in part.items()}

    edited = replace(use_case, needs=changed(use_case.needs), market=changed(use_case.market))
    check_figures(f"Use case {use_case.name!r}", edited)
    return edited


def _changed(name: str, figure: Figure, given: Sequence[float] | None, as_of: date) -> Figure:
    old = numbers(figure)
    if given is None or tuple(given) == old:
        return figure
    if len(given) != len(old):
        raise FactError(f"{name} has {len(old)} numbers, not {len(given)}. Give as many.")
    said = f"set by the reader in place of {', '.join(f'{number:g}' for number in old)} ({figure.source})"
    changed = replace(figure, as_of=as_of, source=said, kind="assumption")
    if figure.spread is None:
        return replace(changed, value=float(given[0]))
    spread = replace(figure.spread, numbers=tuple(map(float, given)))
    try:
        distribution(figure.value, spread)
    except FactError as error:
        raise FactError(f"{name}: {error}") from error
    return replace(changed, value=spread.mean, spread=spread)


def scaled_demand(use_case: UseCase, factor: float, as_of: date) -> UseCase:
    """Return the use case with so many times the requests, as uncertain as before.

    Raises:
        FactError: the factor is not above 0.
    """
    if not factor > 0:
        raise FactError(f"The demand is multiplied by {factor:g}. Give a number above 0.")
    name = next(name for name in DEMAND if name in use_case.market)
    given = numbers(use_case.market[name])
    return with_numbers(use_case, {name: [number * factor for number in given]}, as_of)


def renamed(use_case: UseCase, name: str) -> UseCase:
    """Return the use case under a name of the reader's own, so that it can stand beside the one it was made from."""
    return replace(use_case, name=name)


def yaml_text(use_case: UseCase) -> str:
    """Return the use case as the text of a file that `harness.use_case_file.read_use_case` reads back the same."""
    import yaml

    body: dict[str, Any] = {name: getattr(use_case, name) for name in ("name", "title", "summary")}
    names = {name: list(getattr(use_case, name)) for name in ("tasks", "data", "hosted")}
    body |= {name: own for name, own in names.items() if own}
    for part in PARTS:
        body[part] = {name: _entry(figure) for name, figure in getattr(use_case, part).items()}
    return str(yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=120))


def _entry(figure: Figure) -> dict[str, Any]:
    value = figure.value if figure.spread is None else {figure.spread.shape: list(figure.spread.numbers)}
    return {"value": value, "unit": figure.unit, "source": figure.source, "kind": figure.kind, "as_of": figure.as_of}
