"""The baseline detector: connected light or dark patches, classified by logistic regression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

from harness.labelled import fitted_probabilities
from harness_vision._coco import HALF, overlap
from harness_vision._logistic import LogisticLearner
from harness_vision.detection import COLUMNS, scenes

NOTHING = -1
"""The class of a patch that is no object."""
CROP = 16
"""Side to which a patch is resized, in pixels."""
NEIGHBOURS = np.ones((3, 3))
"""Pixels that touch at a corner are connected."""


class ComponentsLearner(LogisticLearner):
    """Proposes patches at several brightness levels and classifies each."""

    def examples(self) -> tuple[np.ndarray, Sequence[int]]:
        """Return the patches of the training split with their classes."""
        split = scenes(self.assignment.data).scenes("train")
        features, labels = [], []
        for image, objects in zip(*split, strict=True):
            boxes = self._patches(image)
            overlaps = np.column_stack([overlap(boxes, objects.boxes), np.full(len(boxes), HALF)])
            best = overlaps.argmax(axis=1)  # the last column: no object reaches an IoU of one half
            labels.append(np.append(objects.labels, NOTHING)[best])
            features.append(_features(image, boxes))
        return np.concatenate(features), np.concatenate(labels)  # type: ignore[return-value]  # an array is the sequence here

    def predict(self, inputs: Sequence[Any]) -> Sequence[Any]:
        """Return for each image the patches that are objects, without overlaps."""
        return [self._detections(image) for image in inputs]

    def _detections(self, image: np.ndarray) -> np.ndarray:
        boxes = self._patches(image)
        classes = self._classifier.classes_
        objects = classes != NOTHING
        if not len(boxes) or not objects.any():
            return np.empty((0, COLUMNS))
        probabilities = fitted_probabilities(self._classifier, _features(image, boxes))[:, objects]
        labels, scores = classes[objects][probabilities.argmax(axis=1)], probabilities.max(axis=1)
        detections: np.ndarray = np.column_stack([boxes, labels, scores])[_best(boxes, scores)]
        return detections

    def _patches(self, image: np.ndarray) -> np.ndarray:
        """Return the distinct boxes [n, 4] of connected pixels above or below a level."""
        grey = image.mean(axis=2)
        smallest = self.assignment.settings["smallest"]
        boxes = set()
        for level in np.linspace(grey.min(), grey.max(), self.assignment.settings["levels"] + 2)[1:-1]:
            for mask in (grey > level, grey < level):
                for rows, columns in ndimage.find_objects(ndimage.label(mask, NEIGHBOURS)[0]):
                    if rows.stop - rows.start >= smallest:
                        boxes.add((columns.start, rows.start, columns.stop, rows.stop))
        return np.array(sorted(boxes), float).reshape(-1, 4)


def _features(image: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Return for each box its pixels scaled to 0 to 1, its contrast and its shape, float32 [n, features]."""
    grey = image.mean(axis=2).astype(np.float32)
    picture = Image.fromarray(grey)
    rows = []
    for box in boxes:
        crop = np.asarray(picture.resize((CROP, CROP), Image.Resampling.BILINEAR, tuple(box))).ravel()
        width, height = (box[2:] - box[:2]) / grey.shape[::-1]
        contrast = np.ptp(crop)
        rows.append([*(crop - crop.min()) / max(1.0, contrast), contrast / 255, width, height, width / height])
    return np.array(rows, np.float32).reshape(len(boxes), CROP * CROP + 4)


def _best(boxes: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return which boxes non-maximum suppression keeps, bool [n]: those without a better one at an IoU of one half."""
    overlaps = overlap(boxes, boxes)
    stays = np.zeros(len(boxes), bool)
    for row in np.argsort(-scores, kind="stable"):
        stays[row] = not (overlaps[row] * stays >= HALF).any()
    return stays
