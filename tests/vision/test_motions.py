"""The default clips: disjoint splits, motions in the right direction, and the film of samples."""

from __future__ import annotations

import io
from collections import Counter
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from harness import Assignment, DataError, grading
from harness.plugins import load_plugins
from harness.settings import filled
from harness_vision import _motions
from harness_vision._film import RIGHT, WRONG, film
from harness_vision.clips import ClipClassificationData

STRAIGHT = {"left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0)}


@pytest.fixture(scope="module")
def data() -> ClipClassificationData:
    """Return the default data with few clips to train on."""
    clips = load_plugins().tasks["video-classification"].data(None, {"clips": 400})
    assert isinstance(clips, ClipClassificationData)
    return clips


def _centres(motion: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the centre of a moving square in each frame [frames, 2], and its ink [frames]."""
    square = np.zeros((1, 14, 14))
    square[:, 2:12, 2:12] = 1
    number = _motions.CLASSES.index(motion)
    frames = _motions._moved(np.random.default_rng(seed), square, number, (255.0, 255.0))
    grid, ink = np.arange(_motions.SIDE), frames.sum((1, 2))
    return np.stack([frames.sum(2) @ grid / ink, frames.sum(1) @ grid / ink], axis=1), ink


def test_clips_are_grey_bytes_and_every_class_is_as_frequent(data: ClipClassificationData) -> None:
    """Eight frames of 32 x 32 pixels, eight ways to move, in every split."""
    assert dict(data.sizes) == {"train": 400, "validation": 400, "test": 1000}
    for split, size in data.sizes.items():
        clips, labels = data.examples(split)
        assert {(clip.shape, clip.dtype.name) for clip in clips} == {((8, 32, 32, 1), "uint8")}
        assert set(Counter(labels).values()) == {size // 8}


def test_no_digit_is_in_two_splits() -> None:
    """No test digit is trained on."""
    for one, other in combinations(_motions.DIGITS.values(), 2):
        assert not set(range(5000)[one]) & set(range(5000)[other])


def test_more_clips_to_train_on_change_no_other_split(data: ClipClassificationData) -> None:
    """Test and validation do not depend on the setting."""
    more = _motions.clips(16)

    assert len(more["train"].labels) == 16
    assert np.array_equal(more["test"].inputs, data.examples("test").inputs)
    assert more["test"].labels == data.examples("test").labels


@pytest.mark.parametrize("motion", STRAIGHT)
def test_straight_motions_go_where_they_are_called(motion: str) -> None:
    """Far in their direction, hardly aside."""
    for seed in range(20):
        centres, _ = _centres(motion, seed)
        way, aside = (centres[-1] - centres[0]) @ STRAIGHT[motion], (centres[-1] - centres[0]) @ STRAIGHT[motion][::-1]
        assert way > 3
        assert abs(aside) < 2


@pytest.mark.parametrize(("motion", "sign"), [("clockwise", 1), ("anticlockwise", -1)])
def test_circles_turn_the_way_they_are_called(motion: str, sign: int) -> None:
    """The path bends to one side, as seen on a screen, whose rows go down."""
    for seed in range(20):
        centres, _ = _centres(motion, seed)
        steps = np.diff(centres[::2], axis=0)
        bends = [one[1] * other[0] - one[0] * other[1] for one, other in pairwise(steps)]
        assert sign * sum(bends) > 0


@pytest.mark.parametrize(("motion", "sign"), [("growing", 1), ("shrinking", -1)])
def test_what_grows_grows_and_stays_where_it_is(motion: str, sign: int) -> None:
    """Its area at one end is much larger than at the other."""
    for seed in range(20):
        centres, ink = _centres(motion, seed)
        assert sign * np.log(ink[-1] / ink[0]) > np.log(1.6)
        assert np.abs(centres[-1] - centres[0]).max() < 4


def test_speed_changes_within_a_clip() -> None:
    """Otherwise two frames would contain as much as eight."""
    centres, _ = _centres("right", 3)
    speeds = np.diff(centres[:, 1])

    assert speeds.std() > 0.2


@given(place=st.floats(14, 17), scale=st.floats(0.5, 2.2))
def test_a_digit_that_is_made_smaller_or_larger_keeps_its_brightness(place: float, scale: float) -> None:
    """Each inner pixel is a mean of the digit's pixels, and the digit stays centred."""
    length = 11
    (weights,) = _motions._weights(np.array([place]), np.array([scale]), length)
    inside = np.abs(np.arange(_motions.SIDE) - place) < scale * (length - 1) / 2 - 1
    centre = (weights.sum(1) * np.arange(_motions.SIDE)).sum() / weights.sum()

    assert weights.min() >= 0
    assert np.allclose(weights[inside].sum(1), 1, atol=0.15)
    assert centre == pytest.approx(place, abs=0.3)


def test_the_middle_frame_tells_hardly_anything(data: ClipClassificationData) -> None:
    """The baseline is near one in eight; logistic regression on all frames is better."""
    right = {}
    for name in ("middle-frame", "clip-logistic"):
        model = load_plugins().models[name]
        settings = filled({"image_size": 16}, model.settings)
        learner = model.learner(Assignment("finetune", data, "default", settings, "cpu", "fp32", seed=0))
        progress = learner.step()
        assert (progress.done, progress.consumed) == (True, {"samples": 400})
        right[name] = np.mean(data.evaluate(learner.predict, 100).scores["correct"])

    assert right["middle-frame"] < 0.25
    assert right["clip-logistic"] > right["middle-frame"] + 0.03


def test_too_few_clips_are_rejected_before_any_is_made() -> None:
    """Each class needs one."""
    with pytest.raises(DataError, match="clips is 7"):
        load_plugins().tasks["video-classification"].check(None, {"clips": 7})


def test_the_identity_names_the_rule_and_the_number_of_clips() -> None:
    """The version of the generator is `RULE`."""
    task = load_plugins().tasks["video-classification"]

    assert f"by rule {_motions.RULE}" in task.identity(None, {"clips": 3000})
    assert task.identity(None, {"clips": 3000}) != task.identity(None, {"clips": 3001})


def test_the_film_shows_predicted_and_true_classes(data: ClipClassificationData) -> None:
    """A GIF with the frames of a clip; right predictions in one colour, wrong ones in another."""
    wrong: Any = np.eye(8)[[(label + number % 2) % 8 for number, label in enumerate(data.examples("test").labels[:6])]]
    (sample,) = data.show(lambda clips: wrong[: len(clips)])
    picture = Image.open(io.BytesIO(sample.content))
    frames = [np.asarray(frame.convert("RGB")).astype(int) for frame in ImageSequence.Iterator(picture)]

    assert (sample.media_type, len(frames), frames[0].shape) == ("image/gif", 8, (176, 192, 3))
    assert np.abs(frames[0] - frames[-1]).max() > 100
    for colour in (RIGHT, WRONG):
        assert (np.abs(frames[0] - colour).sum(axis=2) < 60).sum() > 20


def test_a_film_of_noise_is_small_enough_to_be_kept() -> None:
    """Long incompressible colour clips of different lengths fit in a record."""
    draw = np.random.default_rng(0)
    noise = [draw.integers(0, 256, (20 + number, 90, 120, 3), dtype=np.uint8) for number in range(6)]
    content = film(noise, [("falling", "rising")] * 6)

    assert len(content) <= grading.SAMPLE_BYTES
    assert Image.open(io.BytesIO(content)).n_frames == 10
