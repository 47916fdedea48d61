"""Reads images with one class each: a folder with a folder of images for each class, a Parquet file, a hub data set.

The `datasets` library opens them. Each image is decoded here, so that an error can name it.
"""

from __future__ import annotations

import glob
import io
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import datasets
import numpy as np

from harness import DataError
from harness.labelled import Examples
from harness.paths import missing
from harness.reading import some
from harness.user_data.configs import of_readme
from harness.user_data.files import data_files, folder_names, identity_of, located, require_clear, split_files
from harness.user_data.names import ALL, SplitFiles, by_name, split_of
from harness.user_data.parquet import require_size
from harness.user_data.tables import (
    SPLIT_COLUMN,
    Part,
    Tables,
    gathered,
    of_hub,
    refuse_unused,
    require_one_type,
    require_own_columns,
    split_by_column,
)
from harness_vision import _folder
from harness_vision._columns import COLUMNS
from harness_vision.data import ImageClassificationData

FORMS = "a folder that holds a folder of images for each class, a .parquet file, or the name of a hub data set"
_COLUMNS = ("image_column", "label_column")
_METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
"""Tables in which the `datasets` library looks for the columns of a folder's images."""
_HUB_NAME = re.compile(r"(?P<name>[\w-][\w.-]*(/[\w.-]+)?)(@(?P<revision>[\w./-]+))?")


class _Picture(NamedTuple):
    image: np.ndarray
    label: str | int
    name: str
    """Its file, or its row."""

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
        return identity_of(place)
    return f"hub {place['name']}@{place['revision'] or 'main'}"


def read(source: str, settings: Mapping[str, Any]) -> ImageClassificationData:
    """Load images with their classes. Splits that the source has are used; one without any is divided 70/10/20.

    Args:
        source: a folder, a Parquet file or the name of a hub data set.
        settings: `image_column` and `label_column`; `bit_depth`, if it is known.

    Raises:
        DataError: names the file, row or column that is wrong and what to do.
    """
    with _opened(source, settings) as tables:
        columns = {name: settings[name] for name in _COLUMNS} if any(part.columns for part in tables.parts) else {}
        require_own_columns(source, tables, columns)
        labels: dict[str, list[str | int]] = {}

        def items_of(part: Part) -> list[_Picture]:
            pictures = list(_pictures(part, settings))
            labels[part.name] = [picture.label for picture in pictures]
            return pictures

        given = gathered(tables, items_of)
    require_one_type(settings["label_column"], labels)
    made = _folder.completed(source, given, _divided)
    splits = made.splits
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
    data = ImageClassificationData([str(label) for label in classes], examples)
    data.names = {split: [picture.name for picture in part] for split, part in splits.items()}
    counts = Counter(picture.label for part in splits.values() for picture in part)
    by_class = {str(label): counts[label] for label in classes}
    data.how_read = given.how_read(made, columns, by_class, unit="images")
    return data


def _located(source: str) -> Path | re.Match[str]:
    """Return a folder or Parquet file, or the match of a hub data set's name."""
    path = located(source)
    if path.is_dir() or (path.is_file() and path.suffix.lower() == ".parquet"):
        return path
    if path.is_file():
        raise DataError(f"{source} is a file that cannot be read. Give {FORMS}.")
    hub = _HUB_NAME.fullmatch(source)
    if (lost := missing(source)) or hub is None:
        raise DataError(f"{lost or f'There is no file or folder {source}.'} Give {FORMS}.")
    return hub


@contextmanager
def _opened(source: str, settings: Mapping[str, Any]) -> Iterator[Tables]:
    """Open the tables of a source, or list its folders of pictures; the library's cache of local data is temporary."""
    place = _located(source)
    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory(prefix="harness-data-") as cache:
        try:
            tables = _of_path(place, cache) if isinstance(place, Path) else _of_hub(source, place)
        except DataError:
            raise
        except Exception as error:
            cause = (str(error.__cause__ or error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
            raise DataError(f"{source} cannot be read: {cause}. Give {FORMS}.") from error
        if not any(part.columns for part in tables.parts):
            refuse_unused(f"{source} holds folders of classes and no table", settings, COLUMNS, COLUMNS)
        yield split_by_column(source, tables, settings.get("split_column", SPLIT_COLUMN))


def _of_hub(source: str, hub: re.Match[str]) -> Tables:
    # In the hub's own cache, for the check and the run.
    return of_hub(source, datasets.load_dataset(hub["name"], revision=hub["revision"]))


def _of_path(place: Path, cache: str) -> Tables:
    if place.is_file():
        return Tables([Part(str(place), place.name, ALL, _library("parquet", [place], cache))], {}, ())
    paths, ignored = data_files(place)
    if paths and all(path.suffix.lower() == ".parquet" and path.name not in _METADATA for path in paths):
        listed = split_files(place, (".parquet",))
        files = [(split, path) for split, part in listed.files.items() for path in part]
        tables = [
            Part(str(path), _name(place, path), split, _library("parquet", [path], cache)) for split, path in files
        ]
        return Tables(tables, listed.origin, listed.ignored)
    described = any(path.name in _METADATA for path in paths)
    listed = of_readme(place, paths) or _by_folder(place, paths, classes=not described)
    _require_pictures(place, [path for part in listed.files.values() for path in part], classes=not described)
    if described:
        parts = [
            Part(f"{place} ({split})", split, split, _library("imagefolder", files, cache))
            for split, files in listed.files.items()
        ]
    else:
        parts = [part for split, files in listed.files.items() for part in _classes_of(place, split, files)]
    return Tables(parts, listed.origin, (*ignored, *listed.ignored))


def _library(reader: str, paths: Sequence[Path], cache: str) -> Any:
    if reader == "parquet":
        for path in paths:
            require_size(path)  # before all of it is written to the cache
    files = {"train": [glob.escape(str(path)) for path in paths]}  # no character of a name is a pattern
    return datasets.load_dataset(reader, data_files=files, cache_dir=cache)["train"]


def _classes_of(folder: Path, split: str, paths: Sequence[Path]) -> list[Part]:
    """Return the folders of a split's pictures; in the place of a table each has the pictures' paths."""
    by_class: dict[Path, list[Path]] = defaultdict(list)
    for path in paths:
        by_class[path.parent].append(path)
    return [Part(str(parent), f"{_name(folder, parent)}/", split, files) for parent, files in by_class.items()]


def _by_folder(folder: Path, paths: Sequence[Path], *, classes: bool) -> SplitFiles:
    """Return the pictures of a folder by split, which only names of folders decide, and not those of classes."""
    holders = {path: path.parent if classes else path for path in paths}
    listed = by_name(folder, {path: folder_names(folder, holder) for path, holder in holders.items()})
    if ALL in listed.files:
        require_clear(folder, sorted({holder.relative_to(folder).parts[:-1] for holder in holders.values()}))
    return listed


def _require_pictures(folder: Path, paths: Sequence[Path], *, classes: bool) -> None:
    """Check that all files are pictures, or tables about them, and lie in a folder of their class if they need one."""
    suffixes = _folder.picture_suffixes()
    if not paths:
        raise DataError(f"{folder} cannot be read: it holds no data files. Give {FORMS}.")
    if unknown := [_name(folder, p) for p in paths if p.suffix.lower() not in suffixes and p.name not in _METADATA]:
        raise DataError(f"{folder}: {some(unknown)} cannot be read: no picture. Give {FORMS}, and nothing else.")
    if not classes:
        return
    depths = {len(path.relative_to(folder).parts) for path in paths}
    if len(depths) > 1 or depths == {1}:
        odd = [_name(folder, path) for path in paths if len(path.relative_to(folder).parts) == min(depths)]
        raise DataError(
            f"{folder}: no column 'label', and {some(odd)} {_lie(odd)} outside of the folders of classes: put the "
            "images of each class into one of its own."
        )
    if all(split_of(path.parent.name) for path in paths):
        raise DataError(f"{folder}: put the images of each class into a folder of its own, within that of the split.")


def _lie(names: Sequence[str]) -> str:
    return "lies" if len(names) == 1 else "lie"


def _name(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()


def _pictures(part: Part, settings: Mapping[str, Any]) -> Iterator[_Picture]:
    """Yield the pictures of a table or of a folder, decoded.

    Raises:
        DataError: a column is missing, an image cannot be read, or a label is missing.
    """
    bit_depth = settings.get("bit_depth") or None
    if not part.columns:
        for path in part.table:
            image = _folder.pixels(part.name, str(path), path, bit_depth)
            yield _Picture(image, path.parent.name, part.short + path.name)
        return
    holder, label = (settings[setting] for setting in _COLUMNS)
    for setting, column in zip(_COLUMNS, (holder, label), strict=True):
        if column not in part.columns:
            raise DataError(
                f"{part.name} has no column {column!r}; its columns are {', '.join(part.columns)}. In a "
                f"folder, put the images of each class into one of its own; else name the column with {setting}."
            )
    table = part.table.select_columns(list({holder, label}))  # do not decode images in other columns
    feature = table.features[label]
    names = feature.names if isinstance(feature, datasets.ClassLabel) else None
    if isinstance(table.features[holder], datasets.Image):
        table = table.cast_column(holder, datasets.Image(decode=False))
    for number, row in enumerate(table, start=1):
        where = f"{part.name}, row {number}"
        name = f"{part.short}, row {number}"
        image = _decoded(where, holder, row[holder], bit_depth)
        yield _Picture(image, _label(where, label, row[label], names), name)


def _decoded(where: str, column: str, value: Any, bit_depth: int | None) -> np.ndarray:
    """Return a cell's image, from a file of the folder or from bytes."""
    if not isinstance(value, dict) or not (value.get("bytes") or value.get("path")):
        raise DataError(
            f"{where}: column {column!r} holds no image. Store the image's bytes, or name another with image_column."
        )
    name = value.get("path") or f"column {column!r}"
    file = io.BytesIO(value["bytes"]) if value.get("bytes") else Path(value["path"])
    return _folder.pixels(where, name, file, bit_depth)


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
