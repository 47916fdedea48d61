"""Reads and validates the entries of a COCO JSON file."""

from __future__ import annotations

import json
import math
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from harness import DataError
from harness.encodings import read_text, require_characters
from harness.json_text import load

LISTS = {
    "images": ("id", "file_name"),
    "annotations": ("image_id", "category_id", "bbox"),
    "categories": ("id", "name"),
}
"""List → keys that each of its entries must have."""
SLACK = 1.0
"""Pixels by which a box may exceed the image through rounding."""


class Labels(NamedTuple):
    """The objects of one image."""

    classes: tuple[str, ...]
    """All categories of the file."""
    boxes: list[list[float]]
    """Edges: left, top, right, bottom."""
    names: list[str]
    crowd: list[bool]
    entries: list[str]
    """Each annotation's place in the file, for messages."""

    def inside(self, path: Path, width: int, height: int) -> Labels:
        """Return the labels with boxes clipped to the image.

        Raises:
            DataError: a box exceeds its image by more than `SLACK`.
        """
        for entry, (left, top, right, bottom) in zip(self.entries, self.boxes, strict=True):
            if min(left, top) < -SLACK or right > width + SLACK or bottom > height + SLACK:
                raise DataError(
                    f"{path}, {entry}: its box from ({left:g}, {top:g}) to ({right:g}, {bottom:g}) leaves its image of "
                    f"{width}x{height} pixels. A bbox is left, top, width, height in pixels."
                )
        ends = (width, height, width, height)
        return self._replace(
            boxes=[[min(max(e, 0.0), end) for e, end in zip(b, ends, strict=True)] for b in self.boxes]
        )


class Entries(NamedTuple):
    """A file's three lists."""

    path: Path
    images: list[dict[str, Any]]
    annotations: list[dict[str, Any]]
    categories: list[dict[str, Any]]

    @classmethod
    def read(cls, path: Path) -> Entries:
        """Read a file.

        Raises:
            DataError: the file is no JSON or not UTF-8, a list or a key is missing, or two entries have one id or name.
        """
        try:
            text = read_text(path)
            content = load(text, constants=True)  # a box of NaN is refused with its entry
        except json.JSONDecodeError as error:
            raise DataError(f"{path}, line {error.lineno}: not valid JSON: {error.msg}. Correct the file.") from error
        except ValueError as error:
            raise DataError(f"{path} cannot be read as JSON: {error}. Correct the file.") from error
        require_characters(str(path), text, content)
        return cls(path, *(_list(path, content, name) for name in LISTS))


def _list(path: Path, content: Any, name: str) -> list[dict[str, Any]]:
    entries = content.get(name) if isinstance(content, dict) else None
    if not isinstance(entries, list) or not entries:
        raise DataError(f"{path} has no list {name!r}, or it is empty. COCO JSON has {', '.join(LISTS)}.")
    for number, entry in enumerate(entries):
        missing = [key for key in LISTS[name] if not isinstance(entry, dict) or key not in entry]
        if missing:
            raise DataError(f"{path}, {name}[{number}]: it has no {missing[0]!r}. Add it or remove the entry.")
        if not all(isinstance(entry[key], Hashable) for key in LISTS[name] if key != "bbox"):
            raise DataError(f"{path}, {name}[{number}]: a key holds a list: {entry}. Give one value.")
    if "id" in LISTS[name]:
        _demand_single(path, name, "id", [entry["id"] for entry in entries])
    if name == "categories":
        _demand_single(path, name, "name", [str(entry["name"]) for entry in entries])
    return entries


def _demand_single(path: Path, name: str, key: str, values: Sequence[Hashable]) -> None:
    seen: set[Hashable] = set()
    for number, one in enumerate(values):
        if one in seen:
            raise DataError(f"{path}, {name}[{number}]: the {key} {one!r} is used twice. Give each entry its own.")
        seen.add(one)


def image_labels(entries: Entries) -> list[Labels]:
    """Return the objects of each image, in the order of the images.

    Raises:
        DataError: an annotation names an unknown image or category, or its box is invalid.
    """
    names = {category["id"]: str(category["name"]) for category in entries.categories}
    classes = tuple(names.values())
    by_image = {image["id"]: Labels(classes, [], [], [], []) for image in entries.images}
    for number, annotation in enumerate(entries.annotations):
        entry = f"annotations[{number}] (id {annotation.get('id')!r})"
        where = f"{entries.path}, {entry}"
        labels = _referenced(where, "image_id", annotation, by_image)
        labels.names.append(_referenced(where, "category_id", annotation, names))
        labels.boxes.append(_edges(where, annotation["bbox"]))
        labels.crowd.append(_crowd(where, annotation.get("iscrowd", 0)))
        labels.entries.append(entry)
    return list(by_image.values())


def _referenced(where: str, key: str, annotation: Mapping[str, Any], by_id: Mapping[Any, Any]) -> Any:
    if annotation[key] not in by_id:
        what = "images" if key == "image_id" else "categories"
        raise DataError(
            f"{where}: {key} {annotation[key]!r} is not among the file's {what}. Add it there or correct it."
        )
    return by_id[annotation[key]]


def _crowd(where: str, value: Any) -> bool:
    if value not in (0, 1):  # the text "0" would be true
        raise DataError(f"{where}: iscrowd is {value!r}. Give 0 or 1.")
    return bool(value)


def _edges(where: str, bbox: Any) -> list[float]:
    numbers = isinstance(bbox, list) and len(bbox) == 4 and all(isinstance(n, int | float) for n in bbox)  # noqa: PLR2004 - left, top, width, height
    if not numbers or not all(map(math.isfinite, bbox)) or min(bbox[2:]) <= 0:
        raise DataError(f"{where}: bbox {bbox!r} is no box. Give [left, top, width, height] in pixels, both above 0.")
    left, top, width, height = map(float, bbox)
    return [left, top, left + width, top + height]
