"""The default scenes: one to four handwritten digits of different sizes on grey crops of photographs."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import skimage
from PIL import Image

from harness_vision._mnist import IMAGES, LABELS
from harness_vision._objects import Objects
from harness_vision.detection import Scenes

RULE = 1
"""Raise it whenever the scenes change."""
SEED = 20261124
SIDE = 64
"""Side of an image, in pixels."""
HELD = {"validation": 200, "test": 500}
"""Scenes of the other splits."""
DIGITS = {"train": slice(0, 3500), "validation": slice(3500, 4000), "test": slice(4000, 5000)}
"""Split → places in a shuffled order of the digits."""
PHOTOGRAPHS = {
    "train": (
        "astronaut.png", "brick.png", "camera.png", "cell.png", "chelsea.png", "coins.png", "grass.png",
        "moon.png", "retina.jpg",
    ),
    "validation": ("gravel.png", "rocket.jpg"),
    "test": ("clock_motion.png", "coffee.png", "hubble_deep_field.jpg", "ihc.png"),
}  # fmt: skip
"""Split → photographs in scikit-image's wheel."""
CROPS = (64, 256)
"""Smallest and largest side of a crop before it is resized, in pixels."""
FADED = (0.3, 0.8)
"""Share of its contrast that a photograph keeps."""
CONTRAST = (100, 190)
"""Difference of ink from the photograph behind it, of 255: lighter on dark places, darker on light ones."""
HEIGHTS = (12, 32)
"""Height of a digit, in pixels."""
MOST = 4
"""Digits in a scene."""
TRIES = 20
"""Attempts to find a free place."""
STAINS = 50
"""Fainter ink, of 255, does not count for a digit's box."""


class _Digit(NamedTuple):
    ink: np.ndarray
    """uint8, cropped to the ink."""
    label: int


@lru_cache(maxsize=2)
def scenes(train: int) -> dict[str, Scenes]:
    """Return all splits, with `train` scenes to train on; no digit and no photograph is in two of them."""
    order = np.random.default_rng(SEED).permutation(len(LABELS))
    counts = {"train": train, **HELD}
    return {
        split: _split(number, count, order[DIGITS[split]], PHOTOGRAPHS[split])
        for number, (split, count) in enumerate(counts.items())
    }


def _split(number: int, count: int, rows: np.ndarray, photographs: tuple[str, ...]) -> Scenes:
    draw = np.random.default_rng([SEED, number])
    digits = [_Digit(_cut(IMAGES[row, ..., 0]), int(LABELS[row])) for row in rows]
    backgrounds = [_photograph(name) for name in photographs]
    scenes = [_scene(draw, digits, backgrounds) for _ in range(count)]
    return Scenes([image for image, _ in scenes], [objects for _, objects in scenes])


def _photograph(name: str) -> Image.Image:
    return Image.open(Path(skimage.__file__).parent / "data" / name).convert("L")


def _cut(image: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(image > STAINS)
    return image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def _scene(
    draw: np.random.Generator, digits: list[_Digit], photographs: list[Image.Image]
) -> tuple[np.ndarray, Objects]:
    canvas = _background(draw, photographs[draw.integers(len(photographs))])
    boxes: list[tuple[int, int, int, int]] = []
    labels: list[int] = []
    for _ in range(draw.integers(1, MOST + 1)):
        digit = digits[draw.integers(len(digits))]
        ink = _resized(digit.ink, int(draw.integers(HEIGHTS[0], HEIGHTS[1] + 1)))
        box = _free(draw, ink.shape, boxes)
        if box is not None:
            part = canvas[box[1] : box[3], box[0] : box[2]]
            part += (_tone(draw, part) - part) * (ink / 255)
            boxes.append(box)
            labels.append(digit.label)
    return np.round(canvas).astype(np.uint8)[..., None], Objects.of(boxes, labels)


def _background(draw: np.random.Generator, photograph: Image.Image) -> np.ndarray:
    side = int(draw.integers(CROPS[0], min(CROPS[1], *photograph.size) + 1))
    left, top = (int(draw.integers(length - side + 1)) for length in photograph.size)
    crop = photograph.resize((SIDE, SIDE), Image.Resampling.BILINEAR, (left, top, left + side, top + side))
    grey = np.asarray(crop, np.float64)
    faded: np.ndarray = grey.mean() + (grey - grey.mean()) * draw.uniform(*FADED)
    return faded


def _tone(draw: np.random.Generator, behind: np.ndarray) -> float:
    mean, contrast = behind.mean(), draw.uniform(*CONTRAST)
    return float(np.clip(mean + (contrast if mean < 128 else -contrast), 0, 255))  # noqa: PLR2004 - half of 255


def _resized(ink: np.ndarray, height: int) -> np.ndarray:
    width = max(2, round(height * ink.shape[1] / ink.shape[0]))
    return np.asarray(Image.fromarray(ink).resize((min(width, SIDE), height), Image.Resampling.BILINEAR))


def _free(
    draw: np.random.Generator, shape: tuple[int, ...], taken: list[tuple[int, int, int, int]]
) -> tuple[int, int, int, int] | None:
    """Return a box of a height and width that touches no taken box, or None if no attempt finds one."""
    height, width = shape
    for _ in range(TRIES):
        left, top = int(draw.integers(SIDE - width + 1)), int(draw.integers(SIDE - height + 1))
        box = (left, top, left + width, top + height)
        if not any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken):
            return box
    return None
