"""Average precision: equal to pycocotools' on the whole set and on samples of the images, and its laws."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness_vision._coco import Precision, coco_evaluation, found_objects, overlap
from harness_vision._objects import Objects

CLASSES = 3


def _boxes(draw: np.random.Generator, count: int) -> np.ndarray:
    corners = draw.uniform(0, 40, (count, 2))
    return np.column_stack([corners, corners + draw.uniform(4, 24, (count, 2))])


def _image(draw: np.random.Generator) -> tuple[Objects, np.ndarray]:
    """Return random objects, some of them crowds, and detections near them and elsewhere."""
    count, invented = int(draw.integers(0, 5)), int(draw.integers(0, 6))
    boxes = _boxes(draw, count)
    crowd = [bool(one) for one in draw.random(count) < 0.2]
    objects = Objects.of(boxes.tolist(), draw.integers(0, CLASSES, count).tolist(), crowd)
    near = np.column_stack([boxes + draw.normal(0, 1.5, boxes.shape), objects.labels, draw.random(count)])
    wrong = np.column_stack([_boxes(draw, invented), draw.integers(0, CLASSES, invented), draw.random(invented)])
    return objects, np.concatenate([near, wrong])


def _set(seed: int, count: int) -> tuple[list[Objects], list[np.ndarray]]:
    draw = np.random.default_rng(seed)
    pairs = [_image(draw) for _ in range(count)]
    return [objects for objects, _ in pairs], [answer for _, answer in pairs]


def _by_coco(objects: list[Objects], answers: list[np.ndarray]) -> tuple[float, float]:
    """Return pycocotools' precisions, .50:.95 and .50, over the classes that occur."""
    evaluation = coco_evaluation(objects, answers, CLASSES)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation.accumulate()
    precision = evaluation.eval["precision"][..., 0, 0]
    occurs = precision > -1  # COCOeval's value for a class that does not occur
    if not occurs.any():
        return 0.0, 0.0
    return float(precision[occurs].mean()), float(precision[:1][occurs[:1]].mean())


def _ours(objects: list[Objects], answers: list[np.ndarray], rows: np.ndarray | None = None) -> tuple[float, float]:
    precision = Precision(objects, answers, CLASSES)
    rows = np.arange(len(objects)) if rows is None else rows
    return precision.mean(rows), precision.at_half(rows)


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 12))
def test_over_all_images_it_is_that_of_pycocotools(seed: int, count: int) -> None:
    """With crowds, empty images, empty answers and classes that do not occur."""
    objects, answers = _set(seed, count)

    assert _ours(objects, answers) == pytest.approx(_by_coco(objects, answers), abs=1e-12)


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 8), data=st.data())
def test_an_image_drawn_twice_counts_as_two_images(seed: int, count: int, data: Any) -> None:
    """Over any sample it is pycocotools' precision of the sampled images, repetitions included."""
    objects, answers = _set(seed, count)
    rows = sorted(data.draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=2 * count)))
    sampled = _by_coco([objects[row] for row in rows], [answers[row] for row in rows])

    assert _ours(objects, answers, np.array(rows)) == pytest.approx(sampled, abs=1e-12)


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 12))
def test_the_order_of_the_images_does_not_matter(seed: int, count: int) -> None:
    """All scores differ, so that order breaks no ties."""
    objects, answers = _set(seed, count)
    order = np.random.default_rng(seed).permutation(count)
    turned = _ours([objects[row] for row in order], [answers[row] for row in order])

    assert turned == pytest.approx(_ours(objects, answers), abs=1e-12)


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 12))
def test_perfect_answers_have_a_precision_of_one(seed: int, count: int) -> None:
    """And empty answers one of zero, as has a set without objects."""
    objects, _ = _set(seed, count)
    singles = [one.single() for one in objects]
    perfect = [np.column_stack([one.boxes, one.labels, np.ones(len(one.labels))]) for one in singles]
    nothing = [np.empty((0, 6))] * count
    there = any(len(one.labels) for one in singles)

    assert _ours(objects, perfect) == pytest.approx((float(there),) * 2)
    assert _ours(objects, nothing) == (0.0, 0.0)
    assert [found_objects(*pair) for pair in zip(objects, perfect, strict=True)] == [len(one.labels) for one in singles]


def test_only_the_order_of_the_scores_counts() -> None:
    """Squared scores have the same order."""
    objects, answers = _set(3, 20)
    squared = [np.column_stack([answer[:, :5], answer[:, 5] ** 2]) for answer in answers]

    assert _ours(objects, squared) == _ours(objects, answers)
    assert 0.05 < _ours(objects, answers)[0] < _ours(objects, answers)[1] < 1


def test_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Pycocotools prints its progress otherwise."""
    _ours(*_set(0, 3))

    assert capsys.readouterr().out == ""


def test_as_many_best_boxes_count_as_there_are_objects() -> None:
    """An object is found once, by a box of its class with an IoU of one half; a crowd does not count."""
    objects = Objects.of([[0, 0, 10, 10], [20, 20, 30, 30], [40, 40, 50, 50]], [1, 2, 0], [False, False, True])
    good, again, late = [0, 0, 10, 8, 1, 0.9], [0, 0, 10, 9, 1, 0.8], [20, 20, 30, 30, 2, 0.7]

    assert found_objects(objects, np.array([good, late])) == 2
    assert found_objects(objects, np.array([late, good, again])) == 1  # the third is not among the two best
    assert found_objects(objects, np.array([[0, 0, 10, 8, 2, 0.9], late])) == 1  # a wrong class
    assert found_objects(objects, np.array([[0, 0, 10, 4, 1, 0.9]])) == 0  # covers less than half
    assert found_objects(objects, np.empty((0, 6))) == 0


def test_overlap_is_the_share_of_the_union() -> None:
    """None, a third, all; inverted boxes cover nothing."""
    boxes = np.array([[0.0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6], [2, 2, 0, 0]])

    assert overlap(boxes[:1], boxes)[0] == pytest.approx([1, 1 / 3, 0, 0])
