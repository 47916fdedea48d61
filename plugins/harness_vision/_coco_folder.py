"""Reads a folder of images with COCO JSON; errors name the file and the entry.

Files or folders named as splits are splits: `train.json`, `instances_train2017.json`, `train/_annotations.coco.json`.
Without such names all images together are divided 70/10/20. `file_name` is relative to the folder, to its `images`, to
the JSON file, or to a folder of the split: COCO's `train2017` lies beside `annotations/instances_train2017.json`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from harness import DataError
from harness.reading import some
from harness.user_data.files import data_files, folder_names, identity_of, located, require_clear
from harness.user_data.names import ALL, are, by_name
from harness.user_data.splits import Completed
from harness.user_data.tables import Gathered, Part, Tables, gathered
from harness_vision import _folder, _picture
from harness_vision._coco_entries import Entries, Labels, image_labels
from harness_vision._objects import Objects
from harness_vision.detection import DetectionData, Scenes

_NAME = re.compile(
    r"(instances_|annotations_)?(?P<images>(?P<split>[^\W_]+?)(\d{4})?)(_annotations)?(\.coco)?", re.IGNORECASE
)
"""How COCO and its tools name the file of a split; `images` is also a folder of its images."""
_OTHER_TASK = re.compile(r"(captions|person_keypoints|stuff|panoptic|image_info)_[a-z-]+\d{4}")
"""How COCO names its files for other tasks, beside `instances_`."""
LEAST = 3
"""Images that can be divided into three splits."""


class _Scene(NamedTuple):
    image: np.ndarray
    labels: Labels
    file: Path
    listed_in: Path

    @property
    def key(self) -> str:
        """Hash of the pixels: copies have the same."""
        return _folder.image_key(self.image)


def identity(source: str) -> str:
    """Return a hash of a folder's file names and contents.

    Raises:
        DataError: there is no such folder.
    """
    return identity_of(_opened(source))


def read(source: str, bit_depth: int | None = None) -> DetectionData:
    """Load images with their objects; `bit_depth` is that of values stored in 16 bits, if it is known.

    Raises:
        DataError: names the file and the entry that is wrong and what to do.
    """
    folder = _opened(source)
    given = gathered(_tables(folder), lambda part: list(_scenes(folder, part.table, bit_depth)))
    _require_once(given)
    made = _completed(folder, given)
    splits = made.splits
    channels = max(scene.image.shape[2] for part in splits.values() for scene in part)
    classes = list(dict.fromkeys(name for part in splits.values() for scene in part for name in scene.labels.classes))
    data = DetectionData(classes, {split: _split(part, classes, channels) for split, part in splits.items()})
    data.names = {split: [_name(folder, scene.file) for scene in part] for split, part in splits.items()}
    counts = Counter(name for part in splits.values() for scene in part for name in scene.labels.names)
    data.how_read = _without_images(folder, given).how_read(
        made, {}, {f"{name} (objects)": counts[name] for name in classes}, unit="images"
    )
    return data


def _opened(source: str) -> Path:
    folder = located(source)
    if not folder.is_dir():
        raise DataError(f"There is no folder {source}. Give a folder with images and COCO JSON (annotations.json).")
    return folder


def _tables(folder: Path) -> Tables:
    """Return the JSON files, each with its split, and as ignored all other files."""
    paths, ignored = data_files(folder)
    files = [path for path in paths if path.suffix.lower() == ".json"]
    readable = {".json", *_folder.picture_suffixes()}
    if unknown := [_name(folder, path) for path in paths if path.suffix.lower() not in readable]:
        raise DataError(
            f"{folder}: {some(unknown)} {are(unknown)} no image and no COCO JSON. Move them out of the folder."
        )
    if any(path.stem.lower().startswith("instances_") for path in files):
        ignored += tuple(
            f"{_name(folder, path)} (for another task of COCO)" for path in files if _OTHER_TASK.fullmatch(path.stem)
        )
        files = [path for path in files if not _OTHER_TASK.fullmatch(path.stem)]
    if not files:
        raise DataError(f"{folder} holds no JSON file, nor does its folder annotations. Write COCO's annotations.json.")
    listed = by_name(folder, {path: folder_names(folder, path) | _own_name(path) for path in files})
    if ALL in listed.files:
        require_clear(folder, (path.relative_to(folder).with_suffix("").parts for path in files))
    parts = [Part(str(path), _name(folder, path), split, path) for split, part in listed.files.items() for path in part]
    return Tables(parts, listed.origin, ignored)


def _own_name(path: Path) -> dict[str, str]:
    match = _NAME.fullmatch(path.stem)
    return {f"the file {path.name}": match["split"] if match else path.stem}


def _name(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()


def _require_once(given: Gathered[_Scene]) -> None:
    """Refuse an image that two files of a split list: each may know only some of its objects."""
    for scenes in given.by_split.values():
        first: dict[Path, _Scene] = {}
        for scene in scenes:
            other = first.setdefault(scene.file.resolve(), scene)
            if other.listed_in != scene.listed_in:
                raise DataError(
                    f"{scene.file} is listed in {other.listed_in} and in {scene.listed_in}. Put all its objects into "
                    "one file, or call the files train, validation and test if they are splits."
                )


def _without_images(folder: Path, given: Gathered[_Scene]) -> Gathered[_Scene]:
    """Return what was read, with the images that no JSON file lists as ignored."""
    used = {scene.file.resolve() for part in given.by_split.values() for scene in part}
    others = [path for path in data_files(folder)[0] if path.suffix.lower() != ".json" and path.resolve() not in used]
    unlisted = tuple(f"{_name(folder, path)} (in no JSON file)" for path in others)
    tables = given.tables
    return given._replace(tables=tables._replace(ignored=(*tables.ignored, *unlisted)))


def _scenes(folder: Path, path: Path, bit_depth: int | None) -> Iterator[_Scene]:
    """Yield the images of a JSON file."""
    entries = Entries.read(path)
    labels = image_labels(entries)
    for number, entry in enumerate(entries.images):
        where = f"{path}, image {entry['id']!r}"
        file = _image_path(where, folder, path, entry["file_name"])
        image = _folder.pixels(where, str(file), file, bit_depth)
        height, width = image.shape[:2]
        _require_size(where, entry, file, width, height)
        yield _Scene(image, labels[number].inside(path, width, height), file, path)


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
    match = _NAME.fullmatch(path.stem)
    split = match["images"] if match else path.stem
    places = (folder, folder / "images", path.parent, folder / split, folder / "images" / split)
    images = {place.resolve(): place for place in (place / name for place in places) if place.is_file()}
    if not images:
        raise DataError(
            f"{where}: there is no {name} in {folder}, its folder images or {split}. Add it or remove the entry."
        )
    image, *others = images.values()
    if others:
        raise DataError(f"{where}: is it {image} or {others[0]}? Remove one, or give file_name with its folder.")
    return image


def _completed(folder: Path, given: Gathered[_Scene]) -> Completed[_Scene]:
    """Return train, validation and test, each with at least one object."""
    made = _folder.completed(folder, given, _folder.divided)
    for split, part in made.splits.items():
        if not any(scene.labels.names for scene in part):
            total = sum(map(len, given.by_split.values()))
            raise DataError(
                f"{folder} has {total} images, which leaves the {split} split without an object. Add images with "
                f"objects, at least {LEAST} different ones."
            )
    return made


def _split(scenes: Sequence[_Scene], classes: Sequence[str], channels: int) -> Scenes:
    place = {name: number for number, name in enumerate(classes)}
    return Scenes(
        _folder.alike([scene.image for scene in scenes], channels),
        [
            Objects.of(scene.labels.boxes, [place[name] for name in scene.labels.names], scene.labels.crowd)
            for scene in scenes
        ],
    )
