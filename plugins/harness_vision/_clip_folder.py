"""Reads a folder of clips by class; errors name the file.

Each class has a folder of clips. A clip is an animated picture (GIF, WebP, APNG) or a folder of pictures, in the order
of the numbers in their names. The class folders lie in the folder itself, which is divided 70/10/20, or in its folders
`train`, `validation` and `test`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from harness import DataError
from harness.reading import Dropped, some
from harness.user_data.files import data_files, identity_of, located, require_clear
from harness.user_data.names import ALL, by_name, split_of
from harness.user_data.tables import Part, Tables, gathered
from harness_vision import _folder, _picture
from harness_vision._limits import TooManyError, frame_count, opened
from harness_vision.clips import ClipClassificationData, Examples

LEAST = 3
"""Clips of a class that can be divided into three splits."""
FEWEST, MOST = 2, 32
"""Frames of a clip; of a longer one `MOST` are kept, evenly spaced."""
LARGEST = 128
"""Longer side of a frame in pixels; larger frames are scaled down, so that a folder of films fits in memory."""


class _Clip(NamedTuple):
    path: Path
    label: str
    pixels: np.ndarray
    key: str
    """Hash of the pixels: copies have the same."""


def identity(source: str) -> str:
    """Return a hash of a folder's file names and contents.

    Raises:
        DataError: there is no such folder.
    """
    return identity_of(_opened(source))


def read(source: str, bit_depth: int | None = None) -> ClipClassificationData:
    """Load clips with their classes; `bit_depth` is that of values stored in 16 bits, if it is known.

    Raises:
        DataError: names the file that is wrong and what to do.
    """
    folder = _opened(source)
    tables = _tables(folder)
    many: list[Path] = []
    given = gathered(tables, lambda part: _clips(part.table, many, bit_depth))
    by_split = {split: _different(clips) for split, clips in given.by_split.items()}
    made = _folder.completed(source, given._replace(by_split=by_split), _divided)
    data = _data(folder, made.splits)
    data.names = {s: [clip.path.relative_to(folder).as_posix() for clip in part] for s, part in made.splits.items()}
    twice = sum(len(clips) - len(by_split[split]) for split, clips in given.by_split.items())
    frames = (f"frames beyond {MOST} of {len(many)} clips (evenly spaced ones are kept)",) if many else ()
    data.how_read = given._replace(tables=tables._replace(ignored=(*tables.ignored, *frames))).how_read(
        made,
        {},
        Counter(clip.label for part in made.splits.values() for clip in part),
        unit="clips",
        dropped=(Dropped(twice, "copies of others"),) if twice else (),
    )
    return data


def _opened(source: str) -> Path:
    folder = located(source)
    if not folder.is_dir():
        raise DataError(f"There is no folder {source}. Give a folder that holds a folder of clips for each class.")
    return folder


def _subfolders(folder: Path) -> dict[str, Path]:
    """Return the visible folders in a folder by name, in order."""
    return {path.name: path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")}


def _tables(folder: Path) -> Tables:
    """Return the folders of classes, each with its split.

    Raises:
        DataError: a file lies outside of them, or only some folders are named as splits.
    """
    paths, ignored = data_files(folder)
    first = _subfolders(folder)
    splits = {name: split_of(name) for name in first}
    if any(splits.values()) and (all(splits.values()) or any(map(_holds_classes, _named(first, splits)))):
        listed = by_name(folder, {path: {f"the folder {name}": name} for name, path in first.items()})
        classes = {
            one: split for split, part in listed.files.items() for path in part for one in _subfolders(path).values()
        }
        holders, origin = [folder, *first.values()], listed.origin
    else:
        require_clear(folder, ((name,) for name in first))
        classes, holders, origin = dict.fromkeys(first.values(), ALL), [folder], {}
    outside = [path.relative_to(folder).as_posix() for path in paths if path.parent in holders]
    if outside:
        raise DataError(f"{folder}: {some(outside)} lies outside of the folders of classes. Move it into one, or away.")
    if not classes:
        raise DataError(f"{folder} holds no folders. Put the clips of each class into a folder of the class's name.")
    parts = [Part(str(path), f"{path.relative_to(folder).as_posix()}/", split, path) for path, split in classes.items()]
    return Tables(parts, origin, ignored)


def _named(folders: Mapping[str, Path], splits: Mapping[str, str | None]) -> list[Path]:
    return [path for name, path in folders.items() if splits[name]]


def _holds_classes(folder: Path) -> bool:
    """Return whether a folder's folders hold clips and not frames: then it is no class."""
    return any(
        path.is_dir() or _frame_count(path) >= FEWEST
        for inner in _subfolders(folder).values()
        for path in inner.iterdir()
        if not path.name.startswith(".")
    )


def _frame_count(path: Path) -> int:
    """Return the number of frames in a file, 1 where it is no picture; of one with too many it is enough to say so."""
    try:
        with opened(path) as picture:
            return frame_count(picture)
    except TooManyError:
        return FEWEST
    except (OSError, SyntaxError, ValueError, AttributeError, Image.DecompressionBombError):
        return 1


def _clips(folder: Path, many: list[Path], bit_depth: int | None) -> list[_Clip]:
    """Return the clips of a class; those with more frames than are kept are added to `many`."""
    paths = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    clips = []
    for path in paths:
        pixels = _pixels(path, bit_depth)
        clips.append(_Clip(path, folder.name, pixels, _folder.image_key(pixels)))
        if len(pixels) == MOST and _count(path) > MOST:
            many.append(path)
    return clips


def _count(path: Path) -> int:
    """Return the number of a clip's frames."""
    if path.is_dir():
        return sum(not one.name.startswith(".") for one in path.iterdir())
    return _frame_count(path)


def _pixels(path: Path, bit_depth: int | None) -> np.ndarray:
    """Return a clip as uint8 [frames, height, width, 1 or 3]."""
    frames = _pictures(path, bit_depth) if path.is_dir() else _animation(path, bit_depth)
    if len(frames) < FEWEST:
        raise DataError(
            f"{path} has {len(frames)} frames: a clip needs at least {FEWEST}. Give an animated picture or a folder of "
            "pictures."
        )
    sizes = {frame.shape for frame in frames}
    if len(sizes) > 1:
        (height, width, _), (other_height, other_width, _) = sorted(sizes)[:2]
        raise DataError(
            f"{path}: its frames differ in size, {width}x{height} and {other_width}x{other_height} pixels. "
            "Resize them to one size."
        )
    clip = np.stack(frames)
    grey = (clip == clip[..., :1]).all()
    return np.ascontiguousarray(clip[..., :1]) if grey else clip


def _animation(path: Path, bit_depth: int | None) -> list[np.ndarray]:
    return [_small(frame) for frame in _picture.frames(str(path), path, _evenly, bit_depth)]


def _pictures(folder: Path, bit_depth: int | None) -> list[np.ndarray]:
    """Return the pictures of a folder, ordered by the numbers in their names."""

    def natural(path: Path) -> list[tuple[int, int, str]]:
        parts = re.findall(r"\d+|\D+", path.name)
        return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]

    paths = sorted((path for path in folder.iterdir() if not path.name.startswith(".")), key=natural)
    kept = [paths[number] for number in _evenly(len(paths))]
    return [_small(_picture.still(str(path), path, bit_depth)) for path in kept]


def _small(frame: Image.Image) -> np.ndarray:
    picture = frame.convert("RGB")
    picture.thumbnail((LARGEST, LARGEST))
    return np.asarray(picture)


def _evenly(count: int) -> list[int]:
    """Return the numbers of the frames to keep of `count`."""
    return list(range(count)) if count <= MOST else np.linspace(0, count - 1, MOST).round().astype(int).tolist()


# Splits ---------------------------------------------------------------------------------------------------------------


def _different(clips: Sequence[_Clip]) -> list[_Clip]:
    """Return each clip once.

    Raises:
        DataError: a clip is in two classes.
    """
    first: dict[str, _Clip] = {}
    for clip in clips:
        other = first.setdefault(clip.key, clip)
        if other.label != clip.label:
            raise DataError(f"{clip.path} and {other.path} are the same clip in two classes. Remove one of them.")
    return list(first.values())


def _divided(clips: Sequence[_Clip], test: float, validation: float) -> dict[str, list[_Clip]]:
    """Divide each class by hashes of the clips, so that the names of files do not matter."""
    splits: dict[str, list[_Clip]] = {"train": [], "validation": [], "test": []}
    for label in sorted({clip.label for clip in clips}):
        same = sorted((clip for clip in clips if clip.label == label), key=lambda clip: clip.key)
        if len(same) < LEAST:
            raise DataError(
                f"{same[0].path.parent} has {len(same)} different clips to divide into train, validation and test. "
                f"Give at least {LEAST}."
            )
        for split, part in _folder.divided(same, test, validation).items():
            splits[split] += part
    return splits


def _data(folder: Path, splits: Mapping[str, Sequence[_Clip]]) -> ClipClassificationData:
    classes = sorted({clip.label for clip in splits["train"]})
    if len(classes) < 2:  # noqa: PLR2004 - one and another
        raise DataError(f"{folder} has only the class {' '.join(classes)!r}. Give a folder for each of several.")
    for clip in (clip for part in splits.values() for clip in part):
        if clip.label not in classes:
            raise DataError(f"{clip.path}: no training clip has its class {clip.label!r}. Add some to train.")
    place = {name: number for number, name in enumerate(classes)}
    channels = max(clip.pixels.shape[3] for part in splits.values() for clip in part)
    return ClipClassificationData(
        classes,
        {
            split: Examples(
                _folder.alike([clip.pixels for clip in part], channels), [place[clip.label] for clip in part]
            )
            for split, part in splits.items()
        },
    )
