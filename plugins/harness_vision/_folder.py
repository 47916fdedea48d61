"""Common parts of the readers of folders: pixels, and splits that share no image."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

import numpy as np

from harness.user_data.splits import Completed, Divide, Division, complete
from harness.user_data.tables import Gathered
from harness_vision._limits import suffixes
from harness_vision._picture import still


class Identified(Protocol):
    """An image or clip with its labels."""

    @property
    def key(self) -> str:
        """Hash of the pixels: copies have the same."""


Item = TypeVar("Item", bound=Identified)


def image_key(image: np.ndarray) -> str:
    """Return the SHA-256 of shape and pixels."""
    return hashlib.sha256(repr(image.shape).encode() + image.tobytes()).hexdigest()


def pixels(where: str, name: str, file: Path | BinaryIO, bit_depth: int | None = None) -> np.ndarray:
    """Return an image as people see it (see `_picture`), uint8 [height, width, 1 or 3].

    Raises:
        DataError: the file cannot be read.
    """
    return np.atleast_3d(np.asarray(still(f"{where}: {name}", file, bit_depth)))


def alike(images: Sequence[np.ndarray], channels: int) -> list[np.ndarray]:
    """Return images or clips with one number of channels: the channel of grey ones is repeated."""
    return [np.ascontiguousarray(np.broadcast_to(image, (*image.shape[:-1], channels))) for image in images]


def completed(source: object, given: Gathered[Item], divide: Divide[Item]) -> Completed[Item]:
    """Return train, validation and test without common images; what is missing is made by hashes of the pixels.

    Args:
        source: its name in messages.
        given: the images of the source.
        divide: makes the missing splits.
    """
    division = Division[Item]("by hash of the pixels", lambda item: item.key, divide)
    return complete(str(source), given.by_split, given.tables.origin, division)


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


def picture_suffixes() -> set[str]:
    """Return the suffixes of files that are read as pictures, in small letters."""
    return suffixes() | {".heic", ".heif"}  # which are refused with what to do
