"""Use cases with a reader's figures: edited, scaled, renamed, and written as a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from harness.errors import FactError, unknown
from harness.facts import Figure, Text, UseCase
from harness_reports.business.figure_rules import check_figures
from harness_reports.business.market import distribution
from harness_reports.reasons import Reason, in_each_language, translated

PARTS = ("needs", "market")
DEMAND = ("requests_per_year", "buyers")
"""Figures that demand is proportional to; a use case has one of them."""


def numbers(figure: Figure) -> tuple[float, ...]:
    """Return the parameters of a figure's distribution, or its one value if it is certain."""
    return (figure.value,) if figure.spread is None else figure.spread.numbers


def figures(use_case: UseCase) -> dict[str, Figure]:
    """Return every figure of a use case by name, needs first."""
    return {**use_case.needs, **use_case.market}


def with_numbers(use_case: UseCase, changes: Mapping[str, Sequence[float]], as_of: date) -> UseCase:
    """Return the use case with a reader's numbers; the shapes of distributions stay.

    A changed figure becomes an assumption of that day; its source says what it replaces.

    Args:
        use_case: the use case to edit.
        changes: figure → numbers, as many as `numbers` returns.
        as_of: the day of the change.

    Raises:
        FactError: an unknown figure, numbers out of order, or numbers that break the figure's rule.
    """
    for name in changes:
        if name not in figures(use_case):
            raise FactError(unknown(f"figure in {use_case.name!r}", name, figures(use_case)))

    def changed(part: Mapping[str, Figure]) -> dict[str, Figure]:
        return {name: _changed(name, figure, changes.get(name), as_of) for name, figure in part.items()}

    edited = replace(use_case, needs=changed(use_case.needs), market=changed(use_case.market))
    check_figures(f"Use case {use_case.name!r}", edited)
    return edited


def _changed(name: str, figure: Figure, new: Sequence[float] | None, as_of: date) -> Figure:
    old = numbers(figure)
    if new is None or tuple(new) == old:
        return figure
    if len(new) != len(old):
        raise FactError(f"{name} has {len(old)} numbers, not {len(new)}. Give as many.")
    was = ", ".join(f"{number:g}" for number in old)
    source = in_each_language(lambda: str(Reason("set by reader", {"was": was, "source": translated(figure.source)})))
    changed = replace(figure, as_of=as_of, source=source, kind="assumption")
    if figure.spread is None:
        return replace(changed, value=float(new[0]))
    spread = replace(figure.spread, numbers=tuple(map(float, new)))
    try:
        distribution(figure.value, spread)
    except FactError as error:
        raise FactError(f"{name}: {error}") from error
    return replace(changed, value=spread.mean, spread=spread)


def scaled_demand(use_case: UseCase, factor: float, as_of: date) -> UseCase:
    """Return the use case with its demand multiplied; its relative uncertainty stays.

    Raises:
        FactError: the factor is not above 0.
    """
    if not factor > 0:
        raise FactError(f"The demand is multiplied by {factor:g}. Give a number above 0.")
    name = next(name for name in DEMAND if name in use_case.market)
    return with_numbers(use_case, {name: [number * factor for number in numbers(use_case.market[name])]}, as_of)


def renamed(use_case: UseCase, name: str) -> UseCase:
    """Return the use case under another name, so that both can be read."""
    return replace(use_case, name=name)


def yaml_text(use_case: UseCase) -> str:
    """Return the YAML that `harness.use_case_file.read_use_case` reads back as an equal use case."""
    from harness.yaml_text import dump

    body: dict[str, Any] = {name: str(getattr(use_case, name)) for name in ("name", "title", "summary")}
    lists = {name: list(getattr(use_case, name)) for name in ("tasks", "data", "hosted")}
    body |= {name: items for name, items in lists.items() if items}
    for part in PARTS:
        body[part] = {name: _entry(figure) for name, figure in getattr(use_case, part).items()}
    if translations := _translations(use_case):
        body["translations"] = translations
    return dump(body)


def _entry(figure: Figure) -> dict[str, Any]:
    value = figure.value if figure.spread is None else {figure.spread.shape: list(figure.spread.numbers)}
    texts = {"unit": str(figure.unit), "source": str(figure.source)}
    return {"value": value, **texts, "kind": figure.kind, "as_of": figure.as_of}


def _translations(use_case: UseCase) -> dict[str, Any]:
    """Return language → the texts of a use case in it, as its file has them."""
    texts: dict[str, Any] = {}
    for name in ("title", "summary"):
        for language, text in _of(getattr(use_case, name)).items():
            texts.setdefault(language, {})[name] = text
    for name, figure in figures(use_case).items():
        for part in ("unit", "source"):
            for language, text in _of(getattr(figure, part)).items():
                texts.setdefault(language, {}).setdefault("figures", {}).setdefault(name, {})[part] = text
    return texts


def _of(text: str) -> Mapping[str, str]:
    """Return language → text, without a translation that is the text itself."""
    given = text.translations if isinstance(text, Text) else {}
    return {language: other for language, other in given.items() if other != text}
