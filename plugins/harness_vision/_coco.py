"""Average precision as COCO computes it, fast enough to repeat over bootstrap samples of the images."""

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
    """The evaluated detections of one class, best score first."""

    image: np.ndarray
    """int [d], the image's row."""
    right: np.ndarray
    """float [thresholds, d], 1 for a true positive; a crowd's detection is neither right nor wrong."""
    wrong: np.ndarray
    """float [thresholds, d], 1 for a false positive."""
    objects: np.ndarray
    """int [images], the count of objects, without crowds."""


class Precision:
    """Average precision over any sample of images.

    `COCOeval.evaluate` matches detections with objects once; this class repeats what `COCOeval.accumulate` does.
    """

    def __init__(self, objects: Sequence[Objects], answers: Sequence[np.ndarray], classes: int) -> None:
        """Match all detections with objects."""
        evaluation = coco_evaluation(objects, answers, classes)
        self._recalls = evaluation.params.recThrs
        self._half = int(np.argmin(np.abs(evaluation.params.iouThrs - HALF)))
        rows = len(objects)
        # evalImgs holds all images of the first class, then those of the second, …
        self._classes = [
            _class(evaluation.evalImgs[start : start + rows], len(evaluation.params.iouThrs))
            for start in range(0, classes * rows, rows)
        ]

    def mean(self, rows: np.ndarray) -> float:
        """Return the mean over classes and thresholds (.50 to .95) of the images with these row numbers."""
        return self._over(rows, slice(None))

    def at_half(self, rows: np.ndarray) -> float:
        """Return the mean over classes at the threshold .50."""
        return self._over(rows, slice(self._half, self._half + 1))

    def _over(self, rows: np.ndarray, thresholds: slice) -> float:
        """Return the mean over the classes that occur, 0 where none does."""
        precisions = [self._average(one, rows, thresholds) for one in self._classes if one.objects[rows].sum()]
        return float(np.mean(precisions)) if precisions else 0.0

    def _average(self, one: _Class, rows: np.ndarray, thresholds: slice) -> float:
        """Return a class's precision over recalls and thresholds; an image drawn twice counts twice."""
        if not one.image.size:
            return 0.0
        weights = np.bincount(rows, minlength=len(one.objects))
        repeats = weights[one.image]
        right, wrong = (np.cumsum(part[thresholds] * repeats, axis=1) for part in (one.right, one.wrong))
        precision = right / (right + wrong + np.spacing(1))  # as in COCOeval: no division by 0
        highest = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        recalls = right / (weights @ one.objects)
        total = 0.0
        for recall, high in zip(recalls, highest, strict=True):
            places = np.searchsorted(recall, self._recalls, side="left")
            total += high[places[places < high.size]].sum()
        return float(total / (len(recalls) * self._recalls.size))


def _class(images: Sequence[dict[str, Any] | None], thresholds: int) -> _Class:
    """Merge a class's evaluated images in the order of COCOeval: by score, equal scores by image."""
    evaluated = [(row, image) for row, image in enumerate(images) if image is not None]
    objects = np.zeros(len(images), int)
    for row, image in evaluated:
        objects[row] = np.count_nonzero(np.asarray(image["gtIgnore"]) == 0)
    scores = np.concatenate([np.empty(0), *(image["dtScores"] for _, image in evaluated)])
    order = np.argsort(-scores, kind="stable")
    none = np.empty((thresholds, 0))
    matched = np.concatenate([none, *(image["dtMatches"] for _, image in evaluated)], axis=1)[:, order] > 0
    counts = ~np.concatenate([none, *(image["dtIgnore"] for _, image in evaluated)], axis=1)[:, order].astype(bool)
    rows = np.repeat([row for row, _ in evaluated], [len(image["dtScores"]) for _, image in evaluated]).astype(int)
    return _Class(rows[order], (matched & counts).astype(float), (~matched & counts).astype(float), objects)


def coco_evaluation(objects: Sequence[Objects], answers: Sequence[np.ndarray], classes: int) -> COCOeval:
    """Return a COCOeval after `evaluate`, over every area and up to 100 detections; it prints nothing."""
    with contextlib.redirect_stdout(io.StringIO()):
        truths, detections = _index(classes, len(objects)), _index(classes, len(objects))
        truths.dataset["annotations"] = _truths(objects)
        detections.dataset["annotations"] = _detections(answers)
        truths.createIndex()
        detections.createIndex()
        evaluation = COCOeval(truths, detections, "bbox")
        params = evaluation.params
        params.areaRng, params.areaRngLbl, params.maxDets = [EVERY_AREA], ["all"], [MOST]
        evaluation.evaluate()
    return evaluation


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
    return _numbered(truths)


def _detections(answers: Sequence[np.ndarray]) -> list[dict[str, Any]]:
    detections = [
        {"image_id": row, "category_id": int(detection[4]), "score": float(detection[5]), **_box(detection[:4])}
        for row, answer in enumerate(answers)
        for detection in answer
    ]
    return _numbered(detections)


def _numbered(annotations: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add ids, from 1 on: COCOeval reads the id 0 as "no match"."""
    return [{"id": number, **annotation} for number, annotation in enumerate(annotations, start=1)]


def _box(edges: np.ndarray) -> dict[str, Any]:
    """Return a box as COCO writes it: left, top, width, height."""
    left, top, right, bottom = (float(edge) for edge in edges)
    width, height = max(0.0, right - left), max(0.0, bottom - top)
    return {"bbox": [left, top, width, height], "area": width * height}


def found_objects(objects: Objects, answer: np.ndarray) -> float:
    """Return how many objects the best n boxes find, n being the number of objects."""
    singles = objects.single()
    best = answer[np.argsort(-answer[:, 5], kind="stable")][: len(singles.labels)]
    overlaps = overlap(best[:, :4], singles.boxes) * (best[:, 4:5] == singles.labels)
    count = 0
    for row in overlaps:
        if row.size and row.max() >= HALF:
            overlaps[:, row.argmax()] = 0.0  # an object is found once
            count += 1
    return float(count)


def overlap(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the intersection over union [n, m] of boxes [n, 4] and [m, 4] given by their edges."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:4], others[None, :, 2:4])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(np.clip(part[:, 2:4] - part[:, :2], 0, None), axis=1) for part in (boxes, others)]
    union = areas[0][:, None] + areas[1][None] - shared
    share: np.ndarray = shared / np.maximum(union, np.finfo(float).tiny)
    return share
