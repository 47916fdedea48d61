"""Reads a folder of clips by class; errors name the file.

Each class has a folder of clips. A clip is an animated picture (GIF, WebP, APNG) or a folder of pictures, in the order
of the numbers in their names. The class folders lie in the folder itself, which is divided 70/10/20, or in its folders
`train`, `validation` and `test`, as for `datasets`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from harness import DataError
from harness_vision import _folder, _picture
from harness_vision.clips import ClipClassificationData, Examples

SPLITS = {"train": "train", "validation": "validation", "val": "validation", "valid": "validation", "test": "test"}
"""Name of a folder → split."""
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
    return _folder.identity(_opened(source))


def read(source: str) -> ClipClassificationData:
    """Load clips with their classes.

    Raises:
        DataError: names the file that is wrong and what to do.
    """
    folder = _opened(source)
    subfolders = _subfolders(folder)
    if "train" in subfolders and set(subfolders) <= set(SPLITS):
        splits = _complete({SPLITS[name]: _different(_clips(path)) for name, path in subfolders.items()})
    else:
        splits = _divided(_different(_clips(folder)), _folder.TEST, _folder.VALIDATION)
    return _data(folder, splits)


def _opened(source: str) -> Path:
    folder = Path(source).expanduser()
    if not folder.is_dir():
        raise DataError(f"There is no folder {source}. Give a folder that holds a folder of clips for each class.")
    return folder


def _subfolders(folder: Path) -> dict[str, Path]:
    """Return the visible folders in a folder by name, in order."""
    return {path.name: path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")}


def _clips(folder: Path) -> list[_Clip]:
    """Return the clips of all classes."""
    clips = []
    for label, subfolder in _subfolders(folder).items():
        paths = [path for path in sorted(subfolder.iterdir()) if not path.name.startswith(".")]
        if not paths:
            raise DataError(f"{subfolder} holds no clip. Put clips of the class in it, or remove it.")
        for path in paths:
            pixels = _pixels(path)
            clips.append(_Clip(path, label, pixels, _folder.image_key(pixels)))
    if not clips:
        raise DataError(f"{folder} holds no folders. Put the clips of each class into a folder of the class's name.")
    return clips


def _pixels(path: Path) -> np.ndarray:
    """Return a clip as uint8 [frames, height, width, 1 or 3]."""
    frames = _pictures(path) if path.is_dir() else list(map(_small, _picture.frames(str(path), path, _evenly)))
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


def _pictures(folder: Path) -> list[np.ndarray]:
    """Return the pictures of a folder, ordered by the numbers in their names."""

    def natural(path: Path) -> list[tuple[int, int, str]]:
        parts = re.findall(r"\d+|\D+", path.name)
        return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]

    paths = sorted((path for path in folder.iterdir() if not path.name.startswith(".")), key=natural)
    kept = [paths[number] for number in _evenly(len(paths))]
    return [_small(_picture.still(str(path), path)) for path in kept]


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


def _complete(by_split: Mapping[str, list[_Clip]]) -> dict[str, list[_Clip]]:
    """Return train, validation and test without common clips: a clip of two splits stays in test, or validation."""
    tests = by_split.get("test") or by_split.get("validation") or []
    checks = _folder.without(by_split["validation"], tests) if "test" in by_split and "validation" in by_split else []
    rest = _folder.without(by_split["train"], [*tests, *checks])
    if checks and tests:
        return {"train": rest, "validation": checks, "test": tests}
    divided = _divided(rest, 0.0 if tests else _folder.TEST, _folder.VALIDATION)
    return divided | ({"test": tests} if tests else {})


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
