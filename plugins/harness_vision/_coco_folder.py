"""Reads a folder of images with COCO JSON; errors name the file and the entry.

JSON files lie in the folder or in its `annotations`. One file is divided 70/10/20; the names of several contain their
split (`train`, `val`, `test`). `file_name` is relative to the folder, to its `images`, or to the JSON file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from harness import DataError
from harness_vision import _folder, _picture
from harness_vision._coco_entries import Entries, Labels, image_labels
from harness_vision._objects import Objects
from harness_vision.detection import DetectionData, Scenes

SPLITS = {"train": "train", "val": "validation", "test": "test"}
"""Word in a file's name → split."""
LEAST = 3
"""Images that can be divided into three splits."""


class _Scene(NamedTuple):
    image: np.ndarray
    labels: Labels

    @property
    def key(self) -> str:
        """Hash of the pixels: copies have the same."""
        return _folder.image_key(self.image)


def identity(source: str) -> str:
    """Return a hash of a folder's file names and contents.

    Raises:
        DataError: there is no such folder.
    """
    return _folder.identity(_opened(source))


def read(source: str) -> DetectionData:
    """Load images with their objects.

    Raises:
        DataError: names the file and the entry that is wrong and what to do.
    """
    folder = _opened(source)
    files = _files(folder)
    by_split = {split: list(_scenes(folder, path)) for split, path in files.items()}
    splits = _complete(folder, by_split)
    channels = max(scene.image.shape[2] for part in splits.values() for scene in part)
    classes = list(dict.fromkeys(name for part in splits.values() for scene in part for name in scene.labels.classes))
    return DetectionData(classes, {split: _split(part, classes, channels) for split, part in splits.items()})


def _opened(source: str) -> Path:
    folder = Path(source).expanduser()
    if not folder.is_dir():
        raise DataError(f"There is no folder {source}. Give a folder with images and COCO JSON (annotations.json).")
    return folder


def _files(folder: Path) -> dict[str, Path]:
    """Return the JSON files by split; a single file is `all`."""
    paths = sorted([*folder.glob("*.json"), *folder.glob("annotations/*.json")])
    if not paths:
        raise DataError(f"{folder} holds no JSON file, nor does its folder annotations. Write COCO's annotations.json.")
    if len(paths) == 1:
        return {"all": paths[0]}
    named: dict[str, Path] = {}
    for path in paths:
        split = next((split for word, split in SPLITS.items() if word in path.stem.lower()), None)
        if split is None or split in named:
            raise DataError(
                f"{path} is one of several JSON files, and its name does not tell which split it is. Put a different "
                f"one of {', '.join(SPLITS)} into each file's name, or leave one file."
            )
        named[split] = path
    if "train" not in named:
        raise DataError(f"{folder}: no JSON file has `train` in its name. Rename the file to train on.")
    return named


def _scenes(folder: Path, path: Path) -> Iterator[_Scene]:
    """Yield the images of a JSON file."""
    entries = Entries.read(path)
    labels = image_labels(entries)
    for number, entry in enumerate(entries.images):
        where = f"{path}, image {entry['id']!r}"
        file = _image_path(where, folder, path, entry["file_name"])
        image = _folder.pixels(where, str(file), file)
        height, width = image.shape[:2]
        _require_size(where, entry, file, width, height)
        yield _Scene(image, labels[number].inside(path, width, height))


def _require_size(where: str, entry: Mapping[str, Any], file: Path, width: int, height: int) -> None:
    """Raise `DataError` if an entry gives another size than its picture has upright: its boxes would be misplaced."""
    given = (entry.get("width", width), entry.get("height", height))
    if given == (width, height):
        return
    message = f"{where}: it is {width}x{height} pixels; the entry says {entry.get('width')}x{entry.get('height')}"
    if given == (height, width) and _picture.is_turned(file):
        raise DataError(
            f"{message}, its size without its EXIF orientation. Boxes are in pixels of the upright picture: turn them "
            "and correct the entry, or remove the orientation from the picture."
        )
    raise DataError(f"{message}. Its boxes would be misplaced: correct the entry or use the original image.")


def _image_path(where: str, folder: Path, path: Path, name: str) -> Path:
    places = [place / name for place in (folder, folder / "images", path.parent)]
    image = next((place for place in places if place.is_file()), None)
    if image is None:
        raise DataError(f"{where}: there is no {name} in {folder} or its folder images. Add it or remove the entry.")
    return image


def _complete(folder: Path, by_split: Mapping[str, list[_Scene]]) -> dict[str, list[_Scene]]:
    """Return train, validation and test, each with at least one object."""
    splits = _folder.complete(by_split, _folder.divided)
    for split, part in splits.items():
        if not any(scene.labels.names for scene in part):
            total = sum(map(len, by_split.values()))
            raise DataError(
                f"{folder} has {total} images, which leaves the {split} split without an object. Add images with "
                f"objects, at least {LEAST} different ones."
            )
    return splits


def _split(scenes: Sequence[_Scene], classes: Sequence[str], channels: int) -> Scenes:
    place = {name: number for number, name in enumerate(classes)}
    return Scenes(
        _folder.alike([scene.image for scene in scenes], channels),
        [
            Objects.of(scene.labels.boxes, [place[name] for name in scene.labels.names], scene.labels.crowd)
            for scene in scenes
        ],
    )
