"""Common parts of the readers of folders: identity, pixels, and splits that share no image."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

import numpy as np

from harness_vision._picture import still

TEST, VALIDATION = 0.2, 0.1
"""Shares of the images."""


class Identified(Protocol):
    """An image or clip with its labels."""

    @property
    def key(self) -> str:
        """Hash of the pixels: copies have the same."""


Item = TypeVar("Item", bound=Identified)
Divide = Callable[[Sequence[Item], float, float], dict[str, list[Item]]]
"""Images, shares of test and validation → splits."""


def identity(folder: Path) -> str:
    """Name a folder by its files' names and contents."""
    sha = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        sha.update(f"{path.relative_to(folder).as_posix()} {file_digest(path)}\n".encode())
    return f"folder sha256 {sha.hexdigest()}"


def file_digest(path: Path) -> str:
    """Return a file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def image_key(image: np.ndarray) -> str:
    """Return the SHA-256 of shape and pixels."""
    return hashlib.sha256(repr(image.shape).encode() + image.tobytes()).hexdigest()


def pixels(where: str, name: str, file: Path | BinaryIO) -> np.ndarray:
    """Return an image as people see it (see `_picture`), uint8 [height, width, 1 or 3].

    Raises:
        DataError: the file cannot be read.
    """
    return np.atleast_3d(np.asarray(still(f"{where}: {name}", file)))


def alike(images: Sequence[np.ndarray], channels: int) -> list[np.ndarray]:
    """Return images or clips with one number of channels: the channel of grey ones is repeated."""
    return [np.ascontiguousarray(np.broadcast_to(image, (*image.shape[:-1], channels))) for image in images]


def complete(by_split: Mapping[str, list[Item]], divide: Divide[Item]) -> dict[str, list[Item]]:
    """Return train, validation and test without common images: an image of two splits stays in test, or validation.

    Args:
        by_split: the images by split, `train` among them, or all of them under `all`.
        divide: makes the missing splits.
    """
    if "all" in by_split:
        return divide(by_split["all"], TEST, VALIDATION)
    tests = by_split.get("test") or by_split.get("validation", [])
    checks = by_split["validation"] if "test" in by_split and "validation" in by_split else []
    checks = without(checks, tests)
    rest = without(by_split["train"], [*tests, *checks])
    splits = {"train": rest, "validation": checks, "test": tests}
    if "test" not in by_split or "validation" not in by_split:
        splits |= {k: v for k, v in divide(rest, 0.0, VALIDATION / (1 - TEST)).items() if k != "test"}
    return splits


def divided(images: Sequence[Item], test: float, validation: float) -> dict[str, list[Item]]:
    """Divide by hashes of the images: the order of the entries does not matter, and copies stay together."""
    order = sorted({image.key for image in images})
    tests, checks = (max(round(share * len(order)), int(share > 0)) for share in (test, validation))
    places = {
        "test": set(order[:tests]),
        "validation": set(order[tests : tests + checks]),
        "train": set(order[tests + checks :]),
    }
    return {split: [image for image in images if image.key in keys] for split, keys in places.items()}


def without(images: Sequence[Item], others: Sequence[Item]) -> list[Item]:
    """Return the images that are not among others."""
    keys = {image.key for image in others}
    return [image for image in images if image.key not in keys]
