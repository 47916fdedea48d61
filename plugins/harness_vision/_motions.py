"""The default clips: a bright digit moves in one of eight ways, among fainter digits that move in other ways, in noise.

A single frame tells little: places and sizes halfway are random, so the class is in the change.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from harness_vision._mnist import IMAGES, LABELS
from harness_vision.clips import Examples

RULE = 1
"""Raise it whenever the clips change."""
SEED = 20261125
CLASSES = ("left", "right", "up", "down", "clockwise", "anticlockwise", "growing", "shrinking")
FRAMES, SIDE = 8, 32
"""Frames of a clip, and their side in pixels."""
HELD = {"validation": 400, "test": 1000}
"""Clips of the other splits."""
DIGITS = {"train": slice(0, 3500), "validation": slice(3500, 4000), "test": slice(4000, 5000)}
"""Split → places in a shuffled order of the digits."""
MIDDLE = (10.0, 22.0)
"""Place of a digit halfway through its motion, in pixels from the edge."""
COARSE = 14
"""Side to which digits of 28 pixels are reduced beforehand: a small digit shows no finer lines."""
SCALES = (0.8, 1.3)
"""Size of a digit halfway, over that of a reduced one."""
PATHS = (6.0, 14.0)
"""Length of a straight path, in pixels."""
RADII = (3.0, 6.0)
"""Radius of a circle, in pixels."""
ARCS = (1.1 * np.pi, 1.9 * np.pi)
"""Length of a circular path, in radians."""
GROWTH = (1.6, 2.4)
"""Larger size over smaller size of a digit that grows or shrinks."""
PACE = (0.3, 1.7)
"""Speed between two frames, over the mean."""
SHAKE = 0.3
"""Standard deviation of a place's noise, in pixels."""
BRIGHT, FAINT = (190.0, 255.0), (70.0, 130.0)
"""Brightness of the digit whose motion is the class, and of the others."""
OTHERS = (1, 2)
"""Fewest and most other digits."""
NOISE = 18.0
"""Standard deviation of a pixel's noise, of 255."""


@lru_cache(maxsize=2)
def clips(train: int) -> dict[str, Examples]:
    """Return all splits, with `train` clips to train on; no digit is in two of them."""
    order = np.random.default_rng(SEED).permutation(len(LABELS))
    counts = {"train": train, **HELD}
    return {
        split: _split(number, count, _coarse(IMAGES[order[DIGITS[split]], ..., 0]))
        for number, (split, count) in enumerate(counts.items())
    }


def _coarse(images: np.ndarray) -> np.ndarray:
    """Return means of 2 x 2 pixels, from 0 to 1."""
    return np.asarray(images.reshape(-1, COARSE, 2, COARSE, 2).mean((2, 4)) / 255)


def _split(number: int, count: int, digits: np.ndarray) -> Examples:
    draw = np.random.default_rng([SEED, number])
    labels = draw.permuted(np.arange(count) % len(CLASSES))
    return Examples([_clip(draw, digits, label) for label in labels], labels.tolist())


def _clip(draw: np.random.Generator, digits: np.ndarray, label: int) -> np.ndarray:
    """Return uint8 [frames, side, side, 1]."""
    frames = np.zeros((FRAMES, SIDE, SIDE))
    for _ in range(draw.integers(OTHERS[0], OTHERS[1] + 1)):
        frames = np.maximum(frames, _moved(draw, digits, int(draw.integers(len(CLASSES))), FAINT))
    frames = np.maximum(frames, _moved(draw, digits, label, BRIGHT))
    frames += NOISE * draw.standard_normal(frames.shape, np.float32)
    return np.asarray(np.round(np.clip(frames, 0, 255)).astype(np.uint8)[..., None])


def _moved(draw: np.random.Generator, digits: np.ndarray, motion: int, brightness: tuple[float, float]) -> np.ndarray:
    """Return a moving digit on black, float [frames, side, side]."""
    ink = digits[draw.integers(len(digits))] * draw.uniform(*brightness)
    # From -0.5 to 0.5, so that halfway a digit has the same size whether it grows or shrinks.
    steps = draw.uniform(*PACE, FRAMES - 1)
    progress = np.concatenate([[0], np.cumsum(steps)]) / steps.sum() - 0.5
    places, sizes = _path(draw, CLASSES[motion], progress)
    places = places + draw.uniform(*MIDDLE, 2) + draw.normal(0, SHAKE, places.shape)
    rows, columns = (_weights(places[:, axis], sizes * draw.uniform(*SCALES), ink.shape[axis]) for axis in (0, 1))
    return np.asarray(rows @ ink @ columns.transpose(0, 2, 1))


def _path(draw: np.random.Generator, motion: str, progress: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return offsets [frames, 2] from the place halfway, down and to the right, and sizes [frames] over that halfway.

    Args:
        draw: generator of length, radius and growth.
        motion: one of `CLASSES`.
        progress: [frames] from -0.5 to 0.5.
    """
    length, turn, radius, growth = (
        draw.uniform(*PATHS),
        draw.uniform(*ARCS),
        draw.uniform(*RADII),
        draw.uniform(*GROWTH),
    )
    still, alike = np.zeros((len(progress), 2)), np.ones(len(progress))
    ways = {"left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0)}
    if motion in ways:
        return length * progress[:, None] * ways[motion], alike
    if motion in ("growing", "shrinking"):
        return still, growth ** (progress if motion == "growing" else -progress)
    angle = draw.uniform(0, 2 * np.pi) + turn * (progress if motion == "clockwise" else -progress)
    return radius * np.column_stack([np.sin(angle), np.cos(angle)]), alike


def _weights(places: np.ndarray, scales: np.ndarray, length: int) -> np.ndarray:
    """Return the weight of a digit's rows (or columns) in those of each frame: float [frames, side, length].

    Linear interpolation; a digit that is scaled down is averaged over the pixels that fall together.
    """
    source = (np.arange(SIDE) - places[:, None]) / scales[:, None] + (length - 1) / 2
    reach = np.minimum(scales, 1)[:, None, None]
    weights: np.ndarray = np.maximum(1 - np.abs(source[..., None] - np.arange(length)) * reach, 0) * reach
    return weights
