"""Reads a folder of clips by class, and says what is wrong with it where it cannot.

A folder for each class holds its clips: animated pictures (GIF, WebP, APNG), or a folder of pictures each, in the order
of the numbers in their names. Class folders lie in the folder itself, which is divided 70/10/20, or, as `datasets` has
it, in its folders `train`, `validation` and `test`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageSequence

from harness import DataError
from harness_vision import _coco_folder
from harness_vision.clips import ClipClassificationData, Examples

SPLITS = {"train": "train", "validation": "validation", "val": "validation", "valid": "validation", "test": "test"}
"""Name of a folder → split."""
TEST, VALIDATION = 0.2, 0.1
LEAST = 3
"""Clips of a class that can be divided."""
FEWEST, MOST = 2, 32
"""Frames of a clip: with fewer nothing moves; of more, as many are kept, evenly spaced."""
LARGEST = 128
"""Side in pixels; larger frames are made smaller, so that a folder of films fits in memory."""


class _Clip(NamedTuple):
    path: Path
    label: str
    pixels: np.ndarray
    key: str
    """What makes the clip itself."""


def identity(source: str) -> str:
    """Name a folder by its files' names and contents.

    Raises:
        DataError: it is no folder.
    """
    return _coco_folder.identity(str(_folder(source)))


def read(source: str) -> ClipClassificationData:
    """Load clips with their classes.

    Raises:
        DataError: says which file is wrong and what to do.
    """
    folder = _folder(source)
    named = _inside(folder)
    if "train" in named and set(named) <= set(SPLITS):
        given = {SPLITS[name]: _different(_clips(path)) for name, path in named.items()}
        splits = _complete(given)
    else:
        splits = _divided(_different(_clips(folder)), TEST, VALIDATION)
    return _data(folder, splits)


def _folder(source: str) -> Path:
    folder = Path(source).expanduser()
    if not folder.is_dir():
        raise DataError(f"There is no folder {source}. Give a folder that holds a folder of clips for each class.")
    return folder


def _inside(folder: Path) -> dict[str, Path]:
    """Return the folders in a folder by name, in order; hidden ones do not count."""
    return {path.name: path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")}


def _clips(folder: Path) -> list[_Clip]:
    """Return the clips of all classes."""
    found = []
    for label, place in _inside(folder).items():
        paths = [path for path in sorted(place.iterdir()) if not path.name.startswith(".")]
        if not paths:
            raise DataError(f"{place} holds no clip. Put clips of the class in it, or take it away.")
        for path in paths:
            pixels = _pixels(path)
            sha = hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes())
            found.append(_Clip(path, label, pixels, sha.hexdigest()))
    if not found:
        raise DataError(f"{folder} holds no folders. Put the clips of each class into a folder of the class's name.")
    return found


def _pixels(path: Path) -> np.ndarray:
    """Return a clip as uint8 [frames, height, width, 1 or 3]."""
    frames = _pictures(path) if path.is_dir() else _animation(path)
    if len(frames) < FEWEST:
        raise DataError(
            f"{path} has {len(frames)} frames: a motion takes {FEWEST} at least. Give an animated picture or a folder "
            "of pictures."
        )
    sizes = {frame.shape for frame in frames}
    if len(sizes) > 1:
        (height, width, _), (other_height, other_width, _) = sorted(sizes)[:2]
        raise DataError(
            f"{path}: its frames differ in size, {width}x{height} and {other_width}x{other_height} pixels. "
            "Bring them to one size."
        )
    clip = np.stack(frames)
    grey = (clip == clip[..., :1]).all()
    return np.ascontiguousarray(clip[..., :1]) if grey else clip


def _pictures(folder: Path) -> list[np.ndarray]:
    """Return the pictures of a folder, ordered by the numbers in their names."""

    def place(path: Path) -> list[tuple[int, int, str]]:
        parts = re.findall(r"\d+|\D+", path.name)
        return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]

    paths = sorted((path for path in folder.iterdir() if not path.name.startswith(".")), key=place)
    kept = [paths[number] for number in _evenly(len(paths))]
    return [frame for path in kept for frame in _animation(path)[:1]]


def _animation(path: Path) -> list[np.ndarray]:
    """Return frames of one file."""
    try:
        with Image.open(path) as picture:
            kept = set(_evenly(getattr(picture, "n_frames", 1)))
            return [_small(frame) for number, frame in enumerate(ImageSequence.Iterator(picture)) if number in kept]
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} cannot be read as pictures: {error}. Replace it or take it out.") from error


def _small(frame: Image.Image) -> np.ndarray:
    picture = frame.convert("RGB")
    picture.thumbnail((LARGEST, LARGEST))
    return np.asarray(picture)


def _evenly(count: int) -> list[int]:
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
            raise DataError(f"{clip.path} and {other.path} are the same clip in two classes. Take one of them out.")
    return list(first.values())


def _complete(given: Mapping[str, list[_Clip]]) -> dict[str, list[_Clip]]:
    """Return train, validation and test, no clip in two of them; what is tested is never learnt from."""
    tests = given.get("test") or given.get("validation") or []
    checks = _without(given["validation"], tests) if "test" in given and "validation" in given else []
    rest = _without(given["train"], [*tests, *checks])
    if checks and tests:
        return {"train": rest, "validation": checks, "test": tests}
    divided = _divided(rest, 0.0 if tests else TEST, VALIDATION)
    return divided | ({"test": tests} if tests else {})


def _divided(clips: Sequence[_Clip], test: float, validation: float) -> dict[str, list[_Clip]]:
    """Divide each class by hashes of the clips, so that the names of files do not matter."""
    splits: dict[str, list[_Clip]] = {"train": [], "validation": [], "test": []}
    for label in sorted({clip.label for clip in clips}):
        own = sorted((clip for clip in clips if clip.label == label), key=lambda clip: clip.key)
        if len(own) < LEAST:
            raise DataError(
                f"{own[0].path.parent} has {len(own)} different clips to divide into train, validation and test. "
                f"Give at least {LEAST}."
            )
        tests, checks = (max(round(share * len(own)), int(share > 0)) for share in (test, validation))
        splits["test"] += own[:tests]
        splits["validation"] += own[tests : tests + checks]
        splits["train"] += own[tests + checks :]
    return splits


def _without(clips: Sequence[_Clip], others: Sequence[_Clip]) -> list[_Clip]:
    keys = {clip.key for clip in others}
    return [clip for clip in clips if clip.key not in keys]


def _data(folder: Path, splits: Mapping[str, Sequence[_Clip]]) -> ClipClassificationData:
    classes = sorted({clip.label for clip in splits["train"]})
    if len(classes) < 2:  # noqa: PLR2004 - one and another
        raise DataError(
            f"{folder} has the class {' '.join(classes)!r} alone. Give a folder for each of several classes."
        )
    for clip in (clip for part in splits.values() for clip in part):
        if clip.label not in classes:
            raise DataError(f"{clip.path}: no clip to learn from has its class {clip.label!r}. Add some to train.")
    place = {name: number for number, name in enumerate(classes)}
    colours = max(clip.pixels.shape[3] for part in splits.values() for clip in part)
    return ClipClassificationData(
        classes,
        {
            split: Examples([_coloured(clip.pixels, colours) for clip in part], [place[clip.label] for clip in part])
            for split, part in splits.items()
        },
    )


def _coloured(pixels: np.ndarray, colours: int) -> np.ndarray:
    return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:3], colours)))
