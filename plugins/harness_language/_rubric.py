"""Rubrics: what a judge has to decide, and the grades that it may give; read from a YAML file, kept as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from harness import DataError
from harness.encodings import SETTING, read_text
from harness.yaml_text import load

KEYS = ("name", "as_of", "source", "question", "scale", "good_from")
EXAMPLE = """name: helpful-answers
as_of: 2026-11-27
source: who wrote it
question: Does the answer say what was asked, and is it right?
scale: {1: wrong or empty, 2: partly right, 3: complete and right}
good_from: 3"""
_FORM = f"A rubric is a YAML file such as:\n{EXAMPLE}"
FEWEST = 2
"""Grades of a scale."""


class Rubric(NamedTuple):
    """What a judge decides by."""

    name: str
    as_of: str
    """The day of the rubric, ISO 8601."""
    source: str
    question: str
    """What has to be decided."""
    scale: Mapping[int, str]
    """Grade → what it stands for, the worst first."""
    good_from: int
    """The lowest grade of an answer that counts as right."""

    def to_json(self) -> str:
        """Return it as JSON that is the same for the same rubric; grades are texts there."""
        content = {**self._asdict(), "scale": {str(grade): text for grade, text in self.scale.items()}}
        return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def as_setting(value: str) -> str:
    """Return a rubric as JSON, from the path of its file or from such JSON; an empty text stays empty.

    Raises:
        DataError: there is no such file, or it holds no sound rubric.
    """
    return opened(value).to_json() if value else ""


def opened(value: str) -> Rubric:
    """Return the rubric in a file, or in what `to_json` has made of one.

    Raises:
        DataError: there is no such file, or it holds no sound rubric; says what is wrong and what to write.
    """
    if value.lstrip().startswith("{"):
        return checked("The rubric", _parsed("The rubric", value))
    file = Path(value).expanduser()
    if not file.is_file():
        raise DataError(f"There is no rubric file {value}. Check the path; it is relative to the current folder.")
    return checked(value, _parsed(value, read_text(file, "", SETTING)))


def _parsed(name: str, text: str) -> Any:
    try:
        return load(text)
    except yaml.YAMLError as error:
        mark, why = getattr(error, "problem_mark", None), getattr(error, "problem", error)
        where = f", line {mark.line + 1}" if mark else ""
        raise DataError(f"{name}{where}: this is not YAML: {why}. {_FORM}") from None


def checked(name: str, content: Any) -> Rubric:
    """Return a rubric from what its file holds.

    Args:
        name: the file's name in messages.
        content: as YAML or JSON has it.

    Raises:
        DataError: it is no mapping, a key is missing or unknown, or a value makes no sense.
    """
    if not isinstance(content, Mapping):
        raise DataError(f"{name} is no rubric: it holds {content!r:.60}. {_FORM}")
    if "scale" not in content:
        raise DataError(f"{name} has no scale. Add one, each grade with what it stands for. {_FORM}")
    if "as_of" not in content or "source" not in content:
        lost = "as_of, the day it is of" if "as_of" not in content else "source, who wrote it"
        raise DataError(f"{name} has no {lost}: grades without a day and a source cannot be checked. Add it. {_FORM}")
    for key in KEYS:
        if key not in content:
            raise DataError(f"{name} has no {key}. Add it. {_FORM}")
    if unknown := [key for key in content if key not in KEYS]:
        raise DataError(
            f"{name} has the key {unknown[0]!r}, which this version of the harness does not know. Keys are "
            f"{', '.join(KEYS)}. Delete it, or take the version of the harness that the rubric is written for."
        )
    scale = _scale(name, content["scale"])
    return Rubric(
        name=_text(name, "name", content["name"]),
        as_of=_day(name, content["as_of"]),
        source=_text(name, "source", content["source"]),
        question=_text(name, "question", content["question"]),
        scale=scale,
        good_from=_good_from(name, content["good_from"], scale),
    )


def _text(name: str, key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{name}: {key} is {value!r:.60}. Write a text.")
    return value.strip()


def _day(name: str, value: Any) -> str:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    try:
        return date.fromisoformat(value).isoformat()
    except (TypeError, ValueError):
        raise DataError(f"{name}: as_of is {value!r:.60}. Give a day such as 2026-11-27.") from None


def _scale(name: str, value: Any) -> dict[int, str]:
    """Return grade → what it stands for, in ascending order."""
    if not isinstance(value, Mapping):
        raise DataError(
            f"{name}: scale is {value!r:.60}, which is no scale. Write each grade with what it stands for: "
            "scale: {1: wrong, 2: right}."
        )
    scale = {_grade(name, grade): _text(name, f"what the grade {grade} stands for", text)
             for grade, text in value.items()}  # fmt: skip
    if len(scale) < FEWEST:
        raise DataError(
            f"{name}: scale has {len(scale)} grade{'' if len(scale) == 1 else 's'}. Give at least two, so that answers "
            "can be told apart."
        )
    return dict(sorted(scale.items()))


def _grade(name: str, value: Any) -> int:
    try:
        whole = not isinstance(value, bool) and int(value) == float(value)
    except (TypeError, ValueError, OverflowError):
        whole = False
    if not whole:
        raise DataError(f"{name}: the grade {value!r:.60} of the scale is no whole number. Write 1, 2, 3, …")
    return int(value)


def _good_from(name: str, value: Any, scale: Mapping[int, str]) -> int:
    grades = list(scale)
    if isinstance(value, bool) or not isinstance(value, int) or value not in grades:
        raise DataError(
            f"{name}: good_from is {value!r:.60}, and the scale has the grades {', '.join(map(str, grades))}. Give the "
            "lowest grade of an answer that counts as right."
        )
    if value == grades[0]:
        raise DataError(
            f"{name}: good_from is {value}, the lowest grade, so every answer would be right. Give a higher one."
        )
    return value
