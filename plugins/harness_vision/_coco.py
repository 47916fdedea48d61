"""Average precision as COCO computes it, prepared for being asked again and again over other samples of the images."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from pycocotools.coco import COCO  # type: ignore[import-untyped]
from pycocotools.cocoeval import COCOeval  # type: ignore[import-untyped]

from harness_vision._objects import Objects

EVERY_AREA = [0.0, 1e10]
MOST = 100
"""Detections of a class in an image that count; COCO's number."""
HALF = 0.5


class _Class(NamedTuple):
    """Everything that was judged of one class, best score first."""

    image: np.ndarray
    """int [d], the image's row."""
    right: np.ndarray
    """float [thresholds, d], 1 where a detection is right; a crowd's detection is neither right nor wrong."""
    wrong: np.ndarray
    objects: np.ndarray
    """int [images], how many there are to be found."""


class Precision:
    """Detections that `COCOeval.evaluate` judged once; what `accumulate` does is done here for any sample of rows."""

    def __init__(self, objects: Sequence[Objects], answers: Sequence[np.ndarray], classes: int) -> None:
        """Judge all detections against all objects."""
        judge = judged(objects, answers, classes)
        self._recalls = judge.params.recThrs
        self._half = int(np.argmin(np.abs(judge.params.iouThrs - HALF)))
        rows = len(objects)
        self._classes = [
            _class(judge.evalImgs[start : start + rows], judge) for start in range(0, classes * rows, rows)
        ]

    def mean(self, rows: np.ndarray) -> float:
        """Return the mean over classes and thresholds (.50 to .95) of the images with these row numbers."""
        return self._over(rows, slice(None))

    def at_half(self, rows: np.ndarray) -> float:
        """Return the mean over classes at the threshold .50."""
        return self._over(rows, slice(self._half, self._half + 1))

    def _over(self, rows: np.ndarray, thresholds: slice) -> float:
        """Return a mean over the classes that occur; 0 where no class does, since nothing can be found."""
        found = [self._average(one, rows, thresholds) for one in self._classes if one.objects[rows].sum()]
        return float(np.mean(found)) if found else 0.0

    def _average(self, one: _Class, rows: np.ndarray, thresholds: slice) -> float:
        """Return a class's precision over recalls and thresholds; an image drawn twice counts twice."""
        if not one.image.size:
            return 0.0
        weights = np.bincount(rows, minlength=len(one.objects))
        drawn = weights[one.image]
        right, wrong = (np.cumsum(part[thresholds] * drawn, axis=1) for part in (one.right, one.wrong))
        precision = right / (right + wrong + np.spacing(1))
        highest = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        recalls = right / (weights @ one.objects)
        total = 0.0
        for recall, high in zip(recalls, highest, strict=True):
            places = np.searchsorted(recall, self._recalls, side="left")
            total += high[places[places < high.size]].sum()
        return float(total / (len(recalls) * self._recalls.size))


def _class(images: Sequence[dict[str, Any] | None], judge: COCOeval) -> _Class:
    """Put what was judged of each image into one order, that of COCOeval: by score, images in turn."""
    seen = [(row, image) for row, image in enumerate(images) if image is not None]
    thresholds = len(judge.params.iouThrs)
    objects = np.zeros(len(images), int)
    for row, image in seen:
        objects[row] = np.count_nonzero(np.asarray(image["gtIgnore"]) == 0)
    scores = np.concatenate([np.empty(0), *(image["dtScores"] for _, image in seen)])
    order = np.argsort(-scores, kind="stable")
    none = np.empty((thresholds, 0))
    matched = np.concatenate([none, *(image["dtMatches"] for _, image in seen)], axis=1)[:, order] > 0
    counts = ~np.concatenate([none, *(image["dtIgnore"] for _, image in seen)], axis=1)[:, order].astype(bool)
    rows = np.repeat([row for row, _ in seen], [len(image["dtScores"]) for _, image in seen]).astype(int)
    return _Class(rows[order], (matched & counts).astype(float), (~matched & counts).astype(float), objects)


def judged(objects: Sequence[Objects], answers: Sequence[np.ndarray], classes: int) -> COCOeval:
    """Return COCO's own evaluation after `evaluate`, over every area and up to 100 detections; it prints nothing."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth, found = _index(classes, len(objects)), _index(classes, len(objects))
        truth.dataset["annotations"] = _truths(objects)
        found.dataset["annotations"] = _detections(answers)
        truth.createIndex()
        found.createIndex()
        judge = COCOeval(truth, found, "bbox")
        judge.params.areaRng, judge.params.areaRngLbl, judge.params.maxDets = [EVERY_AREA], ["all"], [MOST]
        judge.evaluate()
    return judge


def _index(classes: int, images: int) -> COCO:
    index = COCO()
    index.dataset = {
        "images": [{"id": row} for row in range(images)],
        "categories": [{"id": number, "name": str(number)} for number in range(classes)],
    }
    return index


def _truths(objects: Sequence[Objects]) -> list[dict[str, Any]]:
    truths = [
        {"image_id": row, "category_id": int(label), "iscrowd": int(crowd), **_box(box)}
        for row, one in enumerate(objects)
        for box, label, crowd in zip(*one, strict=True)
    ]
    return [{"id": number, **truth} for number, truth in enumerate(truths, start=1)]


def _detections(answers: Sequence[np.ndarray]) -> list[dict[str, Any]]:
    found = [
        {"image_id": row, "category_id": int(detection[4]), "score": float(detection[5]), **_box(detection[:4])}
        for row, answer in enumerate(answers)
        for detection in answer
    ]
    return [{"id": number, **detection} for number, detection in enumerate(found, start=1)]


def _box(edges: np.ndarray) -> dict[str, Any]:
    """Return a box as COCO writes it: left, top, width, height."""
    left, top, right, bottom = (float(edge) for edge in edges)
    width, height = max(0.0, right - left), max(0.0, bottom - top)
    return {"bbox": [left, top, width, height], "area": width * height}


def found(objects: Objects, answer: np.ndarray) -> float:
    """Return how many objects are found by as many best boxes as there are objects."""
    wanted = objects.single()
    best = answer[np.argsort(-answer[:, 5], kind="stable")][: len(wanted.labels)]
    overlaps = overlap(best[:, :4], wanted.boxes) * (best[:, 4:5] == wanted.labels)
    count = 0
    for row in overlaps:
        if row.size and row.max() >= HALF:
            overlaps[:, row.argmax()] = 0.0  # an object is found once
            count += 1
    return float(count)


def overlap(ones: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the intersection over union [n, m] of boxes [n, 4] and [m, 4] given by their edges."""
    low = np.maximum(ones[:, None, :2], others[None, :, :2])
    high = np.minimum(ones[:, None, 2:4], others[None, :, 2:4])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(np.clip(boxes[:, 2:4] - boxes[:, :2], 0, None), axis=1) for boxes in (ones, others)]
    union = areas[0][:, None] + areas[1][None] - shared
    share: np.ndarray = shared / np.maximum(union, np.finfo(float).tiny)
    return share
