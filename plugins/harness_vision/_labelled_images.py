"""Reads images with one class each: a folder with a folder of images for each class, a Parquet file, a hub data set.

The `datasets` library opens them. Each image is decoded here, so that an error can name it.
"""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import datasets
import numpy as np

from harness import DataError
from harness.labelled import Examples
from harness_vision import _folder
from harness_vision.data import ImageClassificationData

FORMS = "a folder that holds a folder of images for each class, a .parquet file, or the name of a hub data set"
_HUB_NAME = re.compile(r"(?P<name>[\w-][\w.-]*(/[\w.-]+)?)(@(?P<revision>[\w./-]+))?")


class _Picture(NamedTuple):
    image: np.ndarray
    label: str | int

    @property
    def key(self) -> str:
        """Hash of the pixels: copies have the same."""
        return _folder.image_key(self.image)


def identity(source: str) -> str:
    """Return the SHA-256 of a file, or of a folder's file names and contents.

    A hub data set is identified by its revision. Without one it is `main`, which its owner may change: pin one
    (`name@revision`) to compare results.

    Raises:
        DataError: the source does not exist.
    """
    place = _located(source)
    if isinstance(place, Path):
        return _folder.identity(place) if place.is_dir() else f"sha256 {_folder.file_digest(place)}"
    return f"hub {place['name']}@{place['revision'] or 'main'}"


def read(source: str, settings: Mapping[str, Any]) -> ImageClassificationData:
    """Load images with their classes. Splits that the source has are used; one split is divided 70/10/20.

    Args:
        source: a folder, a Parquet file or the name of a hub data set.
        settings: `image_column` and `label_column`.

    Raises:
        DataError: names the file, row or column that is wrong and what to do.
    """
    splits = _folder.complete(_given(source, settings), _divided)
    for split, part in splits.items():
        if not part:
            raise DataError(f"{source} has too few images: none is left for the {split} split. Add some to each class.")
    classes = _classes(source, splits)
    channels = max(picture.image.shape[2] for part in splits.values() for picture in part)
    place = {label: number for number, label in enumerate(classes)}
    examples = {
        split: Examples(
            _folder.alike([picture.image for picture in part], channels), [place[picture.label] for picture in part]
        )
        for split, part in splits.items()
    }
    return ImageClassificationData([str(label) for label in classes], examples)


def _located(source: str) -> Path | re.Match[str]:
    """Return a folder or Parquet file, or the match of a hub data set's name."""
    path = Path(source).expanduser()
    if path.is_dir() or (path.is_file() and path.suffix.lower() == ".parquet"):
        return path
    if path.is_file():
        raise DataError(f"{source} is a file that cannot be read. Give {FORMS}.")
    hub = _HUB_NAME.fullmatch(source)
    if hub is None or path.suffix:
        raise DataError(f"There is no file or folder {source}. Give {FORMS}.")
    return hub


def _given(source: str, settings: Mapping[str, Any]) -> dict[str, list[_Picture]]:
    """Return the pictures of each split; those of a source with one split under `all`."""
    place = _located(source)
    datasets.disable_progress_bars()
    # Local data are cached only while they are read. Hub data stay in the hub's cache, for the check and the run.
    with tempfile.TemporaryDirectory(prefix="harness-data-") as cache:
        try:
            tables = _opened(place, cache)
        except Exception as error:
            cause = (str(error.__cause__ or error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
            raise DataError(f"{source} cannot be read: {cause}. Give {FORMS}.") from error
        splits = {name: list(_pictures(source, name, tables[name], settings)) for name in tables}
    if len(splits) == 1:
        return {"all": next(iter(splits.values()))}
    if "train" not in splits:
        raise DataError(f"{source} has the splits {', '.join(splits)}. Call the one to train on `train`.")
    return splits


def _opened(place: Path | re.Match[str], cache: str) -> Any:
    if not isinstance(place, Path):
        return datasets.load_dataset(place["name"], revision=place["revision"])
    if place.is_dir():
        return datasets.load_dataset("imagefolder", data_dir=str(place), cache_dir=cache)
    return datasets.load_dataset("parquet", data_files={"train": str(place)}, cache_dir=cache)


def _pictures(source: str, split: str, table: Any, settings: Mapping[str, Any]) -> Iterator[_Picture]:
    """Yield the pictures of a split, decoded.

    Raises:
        DataError: a column is missing, an image cannot be read, or a label is missing.
    """
    image, label = settings["image_column"], settings["label_column"]
    for setting, column in (("image_column", image), ("label_column", label)):
        if column not in table.column_names:
            raise DataError(
                f"{source} ({split}) has no column {column!r}; its columns are {', '.join(table.column_names)}. In a "
                f"folder, put the images of each class into one of its own; else name the column with {setting}."
            )
    table = table.select_columns(list({image, label}))  # do not decode images in other columns
    feature = table.features[label]
    names = feature.names if isinstance(feature, datasets.ClassLabel) else None
    if isinstance(table.features[image], datasets.Image):
        table = table.cast_column(image, datasets.Image(decode=False))
    for number, row in enumerate(table, start=1):
        where = f"{source} ({split}), row {number}"
        yield _Picture(_decoded(where, image, row[image]), _label(where, label, row[label], names))


def _decoded(where: str, column: str, value: Any) -> np.ndarray:
    """Return a cell's image, from a file of the folder or from bytes."""
    if not isinstance(value, dict) or not (value.get("bytes") or value.get("path")):
        raise DataError(
            f"{where}: column {column!r} holds no image. Store the image's bytes, or name another with image_column."
        )
    name = value.get("path") or f"column {column!r}"
    return _folder.pixels(where, name, io.BytesIO(value["bytes"]) if value.get("bytes") else Path(value["path"]))


def _label(where: str, column: str, value: Any, names: Sequence[str] | None) -> str | int:
    if not isinstance(value, str | int) or value == "" or (names is not None and value == -1):  # -1: datasets' missing
        raise DataError(f"{where}: the label in column {column!r} is {value!r}. Give a word or a whole number.")
    return names[int(value)] if names is not None else value


def _divided(pictures: Sequence[_Picture], test: float, validation: float) -> dict[str, list[_Picture]]:
    """Divide each class in the same shares; copies of an image stay together, even with different labels."""
    first: dict[str, str | int] = {}
    for picture in pictures:
        first.setdefault(picture.key, picture.label)
    splits: dict[str, list[_Picture]] = {"train": [], "validation": [], "test": []}
    for label in dict.fromkeys(first.values()):
        same = [picture for picture in pictures if first[picture.key] == label]
        for split, part in _folder.divided(same, test, validation).items():
            splits[split] += part
    return splits


def _classes(source: str, splits: Mapping[str, Sequence[_Picture]]) -> list[str | int]:
    """Return the labels in order: numbers by size, words by the alphabet.

    Raises:
        DataError: there is only one class, or one has no training images.
    """
    seen = {picture.label for picture in splits["train"]}
    unseen = {picture.label for part in splits.values() for picture in part} - seen
    if unseen:
        raise DataError(
            f"{source} has too few images of the class {min(unseen, key=str)!r}: none is left to train on. "
            "Add some, at least three."
        )
    if len(seen) == 1:
        raise DataError(f"{source}: every image is of the class {next(iter(seen))!r}. Add images of another.")
    return sorted(seen, key=lambda label: (isinstance(label, str), label))
