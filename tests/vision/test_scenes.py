"""The default scenes: disjoint splits, boxes around the digits, and the sheet of samples."""

from __future__ import annotations

import io
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from PIL import Image

from harness import DataError, Grades, Unsupported, grading
from harness.plugins import load_plugins
from harness_vision import _scenes
from harness_vision._coco import overlap
from harness_vision._objects import Objects
from harness_vision._sheet import sheet
from harness_vision.detection import DetectionData, Scenes, scenes


@pytest.fixture(scope="module")
def data() -> DetectionData:
    """Return the default data with few scenes to train on."""
    detection_data = load_plugins().tasks["object-detection"].data(None, {"scenes": 60})
    assert isinstance(detection_data, DetectionData)
    return detection_data


def _reciting(answers: Any) -> Any:
    left = iter(answers)
    return lambda inputs: [next(left) for _ in inputs]


def test_scenes_are_grey_squares_with_one_to_four_digits(data: DetectionData) -> None:
    """Boxes of whole pixels inside the image; no two touch; ten classes."""
    assert dict(data.sizes) == {"train": 60, "validation": 200, "test": 500}
    for image, objects in zip(*data.scenes("test"), strict=True):
        assert (image.shape, image.dtype) == ((64, 64, 1), np.uint8)
        assert 1 <= len(objects.labels) <= 4
        assert objects.boxes.min() >= 0
        assert objects.boxes.max() <= 64
        heights = objects.boxes[:, 3] - objects.boxes[:, 1]
        assert heights.min() >= _scenes.HEIGHTS[0]
        assert heights.max() <= _scenes.HEIGHTS[1]
        assert (overlap(objects.boxes, objects.boxes) > 0).sum() == len(objects.labels)
    labels = np.concatenate([one.labels for one in data.scenes("test").objects])
    assert set(labels.tolist()) == set(range(10))


def test_no_digit_and_no_photograph_is_in_two_splits() -> None:
    """No test digit and no test photograph is trained on."""
    for one, other in combinations(_scenes.DIGITS.values(), 2):
        assert not set(range(5000)[one]) & set(range(5000)[other])
    for names, others in combinations(_scenes.PHOTOGRAPHS.values(), 2):
        assert not set(names) & set(others)


def test_more_scenes_to_train_on_change_no_other_split(data: DetectionData) -> None:
    """Test and validation do not depend on the setting."""
    more = _scenes.scenes(61)

    assert len(more["train"].images) == 61
    assert np.array_equal(more["train"].images[:60], data.scenes("train").images)
    assert np.array_equal(more["test"].images, data.scenes("test").images)


def test_ink_stands_out_inside_its_box() -> None:
    """It differs by the contrast from its background, lighter on dark and darker on light."""
    draw = np.random.default_rng(0)
    dark, light = (np.full((4, 4), grey) for grey in (60.0, 200.0))
    tones = [(_scenes._tone(draw, dark), _scenes._tone(draw, light)) for _ in range(50)]

    assert all(on_dark >= 60 + _scenes.CONTRAST[0] for on_dark, _ in tones)
    assert all(0 <= on_light <= 200 - _scenes.CONTRAST[0] for _, on_light in tones)


def test_perfect_detections_reach_one_and_the_random_baseline_is_near_zero(data: DetectionData) -> None:
    """Scores of each image, and metrics that are no mean, with bootstrap values for the interval."""
    task = load_plugins().tasks["object-detection"]
    grades = grading.grade(_reciting(data.references("test")), data, 64)
    described = grading.described(task, data, grades)

    assert isinstance(grades, Grades)
    assert grades.scores["found"] == grades.scores["objects"]
    assert [metric["value"] for metric in described] == pytest.approx([1.0, 1.0])
    assert all(min(metric["replicates"]) > 0.999 for metric in described)
    assert all(0 <= metric["random_baseline"] < 0.01 for metric in described)


def test_an_answer_of_another_shape_is_refused(data: DetectionData) -> None:
    """Boxes need a score."""
    with pytest.raises(ValueError, match=r"shape \(3, 5\) instead of \(detections, 6\)"):
        data.evaluate(lambda inputs: [np.zeros((3, 5))] * len(inputs), 8)


@pytest.mark.parametrize(
    ("detection", "message"),
    [
        ([0, 0, 5, 5, -1, 1], "the class is none of the positions 0 to 9"),
        ([0, 0, 5, 5, 99, 1], "the class is none"),
        ([0, 0, 5, 5, 0.5, 1], "the class is none"),
        ([0, 0, 5, 5, 0, 5], "the score is not from 0 to 1"),
        ([0, 0, 5, 5, 0, -0.1], "the score is not"),
        ([9, 0, 1, 5, 0, 1], "the right edge is left of the left one"),
        ([0, 9, 5, 1, 0, 1], "the bottom edge above the top one"),
    ],
)
def test_a_detection_that_cannot_be_is_refused(data: DetectionData, detection: list[float], message: str) -> None:
    """A class between two would be graded as one of them, and exported under its name."""
    sound = [-1, -1, 300, 300, 9, 0]
    data.evaluate(lambda inputs: [np.array([sound])] * len(inputs), 8)

    with pytest.raises(ValueError, match=message):
        data.evaluate(lambda inputs: [np.array([sound, detection], np.float32)] * len(inputs), 8)


def test_the_digest_sees_pixels_boxes_labels_and_crowds() -> None:
    """Anything that is learnt or graded."""
    image = np.zeros((8, 8, 1), np.uint8)

    def digest(image: np.ndarray, *objects: Any) -> str:
        one = Scenes([image], [Objects.of(*objects)])
        return DetectionData("ab", dict.fromkeys(("train", "validation", "test"), one)).digest

    box = [[0, 0, 4, 4]]
    digests = {
        digest(image, box, [0]), digest(image + np.uint8(1), box, [0]), digest(image, box, [1]),
        digest(image, [[0, 0, 4, 5]], [0]), digest(image, box, [0], [True]), digest(image, [], []),
    }  # fmt: skip

    assert len(digests) == 6


def test_other_data_hold_no_scenes() -> None:
    """The message names what is missing."""
    with pytest.raises(Unsupported, match="holds no images with objects"):
        scenes(load_plugins().tasks["image-classification"].data(None, {}))


def test_too_few_scenes_are_rejected_before_any_is_made() -> None:
    """Training needs at least one."""
    with pytest.raises(DataError, match="scenes is 0"):
        load_plugins().tasks["object-detection"].check(None, {"scenes": 0})


def test_the_sheet_shows_truth_and_guess(data: DetectionData) -> None:
    """A PNG of six scenes with both colours; boxes outside of the image and faint ones are no error."""
    strange = np.array([[-50.0, 5, 90, 40, 3, 0.9], [30, 30, 10, 10, 4, 0.5], [0, 0, 64, 64, 5, 0.01]])
    (sample,) = data.show(lambda inputs: [strange for _ in inputs])
    picture = Image.open(io.BytesIO(sample.content))
    pixels = np.asarray(picture.convert("RGB")).astype(int)

    assert (sample.media_type, picture.size) == ("image/png", (576, 384))
    for colour in ((0, 200, 80), (255, 140, 0)):
        assert (np.abs(pixels - colour).sum(axis=2) < 60).sum() > 50


def test_a_sheet_of_noise_is_small_enough_to_be_kept() -> None:
    """Large incompressible photographs fit in a record."""
    noise = list(np.random.default_rng(0).integers(0, 256, (6, 300, 400, 3), dtype=np.uint8))
    content = sheet(noise, [Objects.of([], [])] * 6, [np.empty((0, 6))] * 6, "a")

    assert len(content) <= grading.SAMPLE_BYTES
