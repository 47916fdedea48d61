"""Reads use cases from YAML files: needs and market, every figure with its unit, its day and its source.

Plugins define and check the figures (`harness_check_use_case`).
`harness new usecase NAME` writes a complete file to start from. Its form:

```yaml
name: letter-sorting
title: Letters sorted by department
summary: A request is one letter that is sorted without a person.
tasks: [text-classification]
data: [letters]                 # what the data are called; without it all data of the tasks count
as_of: 2026-11-24               # the day of every figure that has none of its own
needs:
  quality: {value: 0.85, unit: accuracy, source: below this people stop trusting it}
  latency_s: {value: 0.5, unit: s, source: a person waits for it}
market:
  requests_per_year:
    value: {lognormal: [1e6, 4e6]}      # p5, p95; pert and triangular: [low, mode, high]; normal: [mean, sd]
    unit: letters per year
    source: our archive, counted
    kind: sourced
translations:                   # its texts in other languages; none has to be there
  de:
    title: Briefe nach Abteilung
    figures:
      quality: {unit: Genauigkeit, source: darunter verlieren Menschen das Vertrauen}
```
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, get_args

import yaml

from harness.encodings import read_text
from harness.errors import DataError, FactError, unknown
from harness.facts import DATA_FILES, Figure, Shape, Spread, Text, UseCase
from harness.names import RULE, is_data_name
from harness.yaml_text import load, quotes_wanted

_TEXTS = ("name", "title", "summary")
_KEYS = (*_TEXTS, "tasks", "needs", "market", "as_of", "hosted", "data", "translations")
_FIGURE = ("value", "unit", "as_of", "source", "kind")
_KINDS = ("assumption", "sourced")
_NUMBERS: Mapping[str, tuple[str, ...]] = {
    "pert": ("low", "mode", "high"), "triangular": ("low", "mode", "high"), "lognormal": ("p5", "p95"),
    "normal": ("mean", "sd"),
}  # fmt: skip


def read_use_cases(folder: Path) -> list[UseCase]:
    """Return the use cases in a folder's YAML files, by file name.

    Raises:
        FactError: names the file, the key and what is wrong with it.
    """
    return [read_use_case(path) for path in sorted(folder.iterdir()) if path.suffix in DATA_FILES]


def read_use_case(path: Path) -> UseCase:
    """Return the use case in a YAML file.

    Raises:
        FactError: names the file, the key and what is wrong with it.
    """
    body = _load(path)
    for key in body:
        if key not in _KEYS:
            raise FactError(f"{path}: {unknown('key', str(key), _KEYS)}")
    texts = {key: _text(path, body, key) for key in _TEXTS}
    needs, market = (_figures(path, body, part) for part in ("needs", "market"))
    translations = _translations(path, body, {**needs, **market})
    return UseCase(
        name=texts["name"],
        title=Text(texts["title"], translations["title"]),
        summary=Text(texts["summary"], translations["summary"]),
        tasks=_names(path, body, "tasks"),
        needs=_translated(needs, translations),
        market=_translated(market, translations),
        hosted=_names(path, body, "hosted") if "hosted" in body else (),
        file=path,
        data=_data_names(path, body) if "data" in body else (),
    )


def _load(path: Path) -> dict[str, Any]:
    try:
        body = load(read_text(path))
    except (OSError, DataError) as error:
        raise FactError(f"Use case {str(path)!r} cannot be read: {str(error).removesuffix('.')}.") from error
    except yaml.YAMLError as error:
        raise FactError(f"Use case {str(path)!r} is not valid YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(body, dict):
        raise FactError(f"Use case {str(path)!r} is empty. Write {', '.join(_KEYS[:6])} as `key: value` lines.")
    return body


def _text(path: Path, body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value.strip():
        raise FactError(f"{path}: `{key}` is {value!r}. Give a text. {quotes_wanted(value)}".rstrip())
    return value


def _names(path: Path, body: Mapping[str, Any], key: str) -> tuple[str, ...]:
    names = body.get(key)
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        hints = [hint for name in names if (hint := quotes_wanted(name))] if isinstance(names, list) else []
        remedy = f"{hints[0]}" if hints else f"Give a list of names: `{key}: [one, another]`."
        raise FactError(f"{path}: `{key}` is {names!r}. {remedy}")
    return tuple(names)


def _data_names(path: Path, body: Mapping[str, Any]) -> tuple[str, ...]:
    names = _names(path, body, "data")
    if wrong := [name for name in names if not is_data_name(name)]:
        raise FactError(f"{path}: data cannot have the name {wrong[0]!r}. {RULE}")
    return names


def _translations(path: Path, body: Mapping[str, Any], figures: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return title, summary, and each figure's unit and source (`quality.unit`) → language → text."""
    parts = [f"{figure}.{part}" for figure in figures for part in ("unit", "source")]
    translations: dict[str, dict[str, str]] = {key: {} for key in ("title", "summary", *parts)}
    for language, texts in _mapping(path, body, "translations").items():
        for key, text in _flat(path, _mapping(path, {"translations": texts}, "translations")):
            if key not in translations:
                raise FactError(f"{path}: translations.{language}: {unknown('text', key, translations)}")
            translations[key][str(language)] = _text(path, {key: text}, key)
    return translations


def _flat(path: Path, texts: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield texts by name, a figure's as `quality.unit`."""
    yield from ((str(key), text) for key, text in texts.items() if key != "figures")
    figures = _mapping(path, texts, "figures")
    yield from ((f"{name}.{part}", text) for name in figures for part, text in _mapping(path, figures, name).items())


def _mapping(path: Path, body: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = body.get(key, {})
    if not isinstance(value, dict):
        raise FactError(f"{path}: `{key}` is {value!r}. Give texts by name: `{key}: {{name: text}}`.")
    return value


def _translated(figures: Mapping[str, Figure], texts: Mapping[str, Mapping[str, str]]) -> dict[str, Figure]:
    return {
        name: replace(
            figure,
            unit=Text(figure.unit, texts[f"{name}.unit"]),
            source=Text(figure.source, texts[f"{name}.source"]),
        )
        for name, figure in figures.items()
    }


def _figures(path: Path, body: Mapping[str, Any], part: str) -> dict[str, Figure]:
    entries = body.get(part) or {}
    if not isinstance(entries, dict):
        raise FactError(f"{path}: `{part}` is {entries!r}. Give figures by name: `name: {{value: …}}`.")
    return {str(name): _figure(f"{path}: {part}.{name}", entry, body.get("as_of")) for name, entry in entries.items()}


def _figure(where: str, entry: Any, day: Any) -> Figure:
    if not isinstance(entry, dict):
        raise FactError(f"{where} is {entry!r}. Give value, unit and source: a bare number is not a fact.")
    for key in entry:
        if key not in _FIGURE:
            raise FactError(f"{where}: {unknown('key', str(key), _FIGURE)}")
    for key in ("value", "unit", "source"):
        if entry.get(key) in (None, ""):
            raise FactError(f"{where} has no `{key}`. {'Say where it comes from.' if key == 'source' else 'Add it.'}")
    for key in ("unit", "source"):
        if remedy := quotes_wanted(entry[key]):
            raise FactError(f"{where}: `{key}` is {entry[key]!r}. {remedy}")
    kind = entry.get("kind", _KINDS[0])
    if kind not in _KINDS:
        raise FactError(f"{where}: `kind` is {kind!r}. Write assumption or sourced.")
    value, spread = _value(where, entry["value"])
    return Figure(value, str(entry["unit"]), _day(where, entry.get("as_of", day)), str(entry["source"]), kind, spread)


def _value(where: str, given: Any) -> tuple[float, Spread | None]:
    if not isinstance(given, dict):
        return _number(where, given), None
    if len(given) != 1:
        raise FactError(f"{where} has {len(given)} distributions. Give one: {', '.join(_NUMBERS)}.")
    ((shape, numbers),) = given.items()
    if shape not in get_args(Shape):
        raise FactError(f"{where}: {unknown('distribution', str(shape), _NUMBERS)}")
    names = _NUMBERS[shape]
    if not isinstance(numbers, list) or len(numbers) != len(names):
        raise FactError(f"{where}: `{shape}` is {numbers!r}. Give {len(names)} numbers: [{', '.join(names)}].")
    spread = Spread(shape, tuple(_number(where, number) for number in numbers))
    _check_order(where, spread)
    return spread.mean, spread


def _check_order(where: str, spread: Spread) -> None:
    numbers, names = spread.numbers, _NUMBERS[spread.shape]
    if spread.shape == "normal":
        if numbers[1] <= 0:
            raise FactError(f"{where}: the deviation of its normal distribution is {numbers[1]:g}. Give one above 0.")
        return
    if not numbers[0] < numbers[-1]:
        raise FactError(
            f"{where}: the {names[-1]} of its {spread.shape} distribution, {numbers[-1]:g}, is not above its "
            f"{names[0]}, {numbers[0]:g}. Give the lower one first."
        )
    if not numbers[0] <= numbers[len(numbers) // 2] <= numbers[-1]:
        raise FactError(f"{where}: the mode {numbers[1]:g} is not from {numbers[0]:g} to {numbers[-1]:g}.")
    if spread.shape == "lognormal" and numbers[0] <= 0:
        raise FactError(f"{where}: a lognormal distribution is above 0; its p5 is {numbers[0]:g}.")


def _number(where: str, given: Any) -> float:
    """Return a number; also from a text in quotes."""
    try:
        value = float("no number" if isinstance(given, bool) else given)
    except (TypeError, ValueError):
        raise FactError(f"{where} is {given!r}. Give a number, or a distribution: {{pert: [1, 2, 4]}}.") from None
    if not math.isfinite(value):
        raise FactError(f"{where} is {value}. Give a finite number.")
    return value


def _day(where: str, value: Any) -> date:
    if value is None:
        raise FactError(f"{where} has no `as_of`: an undated figure is not a fact. Add its day, here or at the top.")
    if isinstance(value, datetime):
        return value.date()
    try:
        return value if isinstance(value, date) else date.fromisoformat(str(value))
    except ValueError:
        raise FactError(f"{where}: `as_of` is {value!r}. Give a day such as 2026-11-24.") from None
