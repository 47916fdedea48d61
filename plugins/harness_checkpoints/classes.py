"""The classes of a model that somebody else trained, matched by name with those of the data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from harness import PluginError
from harness.json_text import load

SETTING = "Classes in the order of the output: a,b,c or FILE.json or FILE.json#KEY. Empty: taken from the file."
GIVE_LABELS = '--setting labels=a,b,c (in a suite: models: [{name: "hf:…", settings: {labels: "a,b,c"}}])'
"""How a user names the outputs of a checkpoint."""
SHOWN = 20
"""Classes that a message names at most."""
_NUMBERED = re.compile(r"label[ _-]?(\d+)", re.IGNORECASE)
"""What transformers calls classes whose names it was not told."""


def columns(labels: Sequence[str], classes: Sequence[str]) -> tuple[int, ...] | None:
    """Return for each class of the data the column of a model's output; None if the names do not tell.

    Case, spaces, hyphens and underscores are ignored where names stay distinct without them. `LABEL_3` names nothing:
    it matches only the class `3` of data whose classes are those numbers.

    Args:
        labels: names of the output's columns.
        classes: names of the data's classes.
    """
    if any(_NUMBERED.fullmatch(label) for label in labels) and sorted(labels) != sorted(classes):
        numbers = [_NUMBERED.sub(r"\1", label) for label in labels]
        return _places(numbers, classes) if len(numbers) == len(classes) else None
    return _places(labels, classes) or _places([*map(_folded, labels)], [*map(_folded, classes)])


def _places(labels: Sequence[str], classes: Sequence[str]) -> tuple[int, ...] | None:
    distinct = len(set(labels)) == len(labels) and len(set(classes)) == len(classes)
    return tuple(map(labels.index, classes)) if distinct and set(classes) <= set(labels) else None


def _folded(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name.casefold()).strip()


def listed(names: Sequence[str]) -> str:
    """Return names for a message."""
    return ", ".join(names[:SHOWN]) + (" …" if len(names) > SHOWN else "")


def given_labels(setting: str) -> tuple[str, ...]:
    """Return the classes that a setting names.

    Raises:
        PluginError: the file that it names cannot be read.
    """
    file, _, key = setting.partition("#")
    if not file.endswith(".json"):
        return tuple(label.strip() for label in setting.split(",")) if setting else ()
    try:
        content = load(Path(file).read_bytes())
        return as_labels(content[key] if key else content)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PluginError(f"--setting labels={setting}: {type(error).__name__}: {error}.") from error


def config_labels(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the classes of a configuration of transformers in the order of the output; none if they are not in it."""
    if names := config.get("id2label"):
        return as_labels(names)
    numbers = config.get("label2id") or {}
    return tuple(sorted(numbers, key=lambda name: int(numbers[name])))


def as_labels(content: Any) -> tuple[str, ...]:
    """Return classes from a list, or from a mapping of numbers to classes."""
    if isinstance(content, dict):
        content = [content[key] for key in sorted(content, key=int)]
    return tuple(str(label).strip() for label in content)


class Head(NamedTuple):
    """What a checkpoint's head has to do with the data's classes."""

    labels: tuple[str, ...]
    """Names of its outputs, in order; none if the head is no use whatever they are called."""
    columns: tuple[int, ...] | None
    """For each class of the data its output; None: the head is no use for them."""
    why: str = ""
    """Why it is no use."""

    @property
    def order(self) -> str:
        """Which output stands for which class, where that is not the same order; empty where it is."""
        if self.columns is None or self.columns == tuple(range(len(self.labels))):
            return ""
        return listed([f"{self.labels[place]} is output {place}" for place in self.columns])


def match_head(config: Mapping[str, Any], headless: str, labels: Sequence[str], classes: Sequence[str]) -> Head:
    """Hold a checkpoint's head against the data's classes.

    Args:
        config: the checkpoint's configuration.
        headless: why its weights have no head for the kind of the data; empty if they have one.
        labels: names of its outputs that the user gave; none if the configuration is to be read.
        classes: names of the data's classes.

    Raises:
        PluginError: the user's names are not as many as its outputs, or are not the data's.
    """
    if headless:
        return Head((), None, headless)
    if (kind := config.get("problem_type")) in ("regression", "multi_label_classification"):
        return Head((), None, f"its head is for {kind} (`problem_type`), not for one class of several")
    configured = config_labels(config) or tuple(f"LABEL_{place}" for place in range(config.get("num_labels", 2)))
    if labels and len(labels) != len(configured):
        raise PluginError(
            f"--setting labels names {len(labels)} classes; the head has {len(configured)}: {listed(configured)}."
        )
    named = tuple(labels) or configured
    places = columns(named, classes)
    if places is None and labels:
        raise PluginError(f"--setting labels={','.join(labels)}: the data have the classes {listed(classes)}.")
    outputs = named if len(named) >= len(classes) else ()  # no names help a head with too few
    return Head(outputs, places, f"its classes are {listed(named)}, the data's {listed(classes)}")
