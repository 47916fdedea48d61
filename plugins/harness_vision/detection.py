"""Objects in images: the data of every task of the kind `object-detection`.

An input is an image, uint8 [height, width, channels] with one channel (grey) or three (red, green, blue). An output is
an array of detections [n, 6], in any order: left, top, right and bottom edge in pixels, maybe outside the image,
the class's position in `classes`, and a score from 0 to 1.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from typing import Any, NamedTuple

import numpy as np

from harness import Data, Grades, Predict, Sample, Unsupported
from harness_vision._objects import Objects
from harness_vision.data import size

COLUMNS = 6
"""Numbers in a detection."""
SHOWN = 6
"""Images in the sheet of samples."""


class Scenes(NamedTuple):
    """One split."""

    images: Sequence[np.ndarray]
    objects: Sequence[Objects]


def scenes(data: Data) -> DetectionData:
    """Return a task's data as images with objects.

    Raises:
        Unsupported: the data are of another kind.
    """
    if not isinstance(data, DetectionData):
        raise Unsupported(f"{type(data).__name__} holds no images with objects, which detectors train on.")
    return data


class DetectionData(Data):
    """Images with objects in splits, graded as COCO grades (Lin et al., 2014) by pycocotools."""

    def __init__(self, classes: Sequence[str], splits: Mapping[str, Scenes]) -> None:
        """Keep the splits and digest them.

        Args:
            classes: names, in the order of the labels.
            splits: `train`, `validation` and `test`.
        """
        self.classes = tuple(classes)
        self._splits = dict(splits)
        self.sizes = {name: len(split.images) for name, split in self._splits.items()}
        self.digest = self._digest()
        self.names: Mapping[str, Sequence[str]] = {}
        """Split → the file of each image, of data of the user's."""

    def scenes(self, split: str) -> Scenes:
        """Return one split."""
        return self._splits[split]

    def smaller(self, train: int, validation: int) -> DetectionData:
        """Return the data with the first `train` and `validation` images of those splits."""
        splits = dict(self._splits)
        for name, items in (("train", train), ("validation", validation)):
            splits[name] = Scenes(self._splits[name].images[:items], self._splits[name].objects[:items])
        return DetectionData(self.classes, splits)

    def only(self, split: str, places: Sequence[int]) -> DetectionData:
        """Return the data with the images of a split at these places alone, under their names."""
        data, (images, objects) = copy(self), self._splits[split]
        part = Scenes([images[place] for place in places], [objects[place] for place in places])
        data._splits = {**self._splits, split: part}  # noqa: SLF001 - a copy
        data.sizes = {**self.sizes, split: len(places)}
        if split in self.names:
            data.names = {**self.names, split: [self.names[split][place] for place in places]}
        return data

    def evaluate(self, predict: Predict, batch_size: int, split: str = "test") -> Grades:
        """Grade detections: columns `objects` (their count) and `found` (how many of them were found).

        Of an image with n objects the n best boxes count. A box finds an object of its class if their intersection over
        union is at least one half.

        Raises:
            ValueError: an answer is not of the shape [n, 6], or has a box, class or score that cannot be.
        """
        from harness_vision._coco import Precision, found_objects

        images, objects = self._splits[split]
        answers: list[np.ndarray] = []
        for start in range(0, len(images), batch_size):
            batch = images[start : start + batch_size]
            answers += [self._checked(answer) for answer in predict(batch)]
        precision = Precision(objects, answers, len(self.classes))
        scores = {
            "objects": [float((~one.crowd).sum()) for one in objects],
            "found": [found_objects(*pair) for pair in zip(objects, answers, strict=True)],
        }
        answered = [
            [{**self._box(corners, label), "score": score} for *corners, label, score in answer.tolist()]
            for answer in answers
        ]
        return Grades(scores, {"mAP": precision.mean, "AP50": precision.at_half}, answers={"output": answered})

    def items(self, split: str) -> Mapping[str, Sequence[Any]]:
        """Return the SHA-256 of each image, and its objects."""
        wanted = [
            [
                {**self._box(corners, label), "crowd": bool(crowd)}
                for corners, label, crowd in zip(*objects, strict=True)
            ]
            for objects in self._splits[split].objects
        ]
        return {"input": self.keys(split), "reference": wanted}

    def _box(self, corners: Sequence[float], label: float) -> dict[str, Any]:
        """Return class and left, top, right and bottom edge in pixels."""
        return {"class": self.classes[int(label)], "box": [float(corner) for corner in corners]}

    def rows(self, split: str) -> Iterable[Mapping[str, str]]:
        """Return the file and the size of each image, and how many objects of each class it shows."""
        names = self.names.get(split) or [str(number) for number in range(self.sizes[split])]
        for name, image, objects in zip(names, *self._splits[split], strict=True):
            counts = Counter(self.classes[label] for label in objects.labels)
            shown = ", ".join(f"{label} {count}" for label, count in sorted(counts.items()))
            yield {"image": name, "size": size(image), "objects": shown}

    def keys(self, split: str) -> Sequence[str]:
        """Return the SHA-256 of each image of a split."""
        return [hashlib.sha256(_content(image)).hexdigest() for image in self._splits[split].images]

    def references(self, split: str) -> Sequence[np.ndarray]:
        """Return each image's objects with the score 1."""
        return [_certain(objects.single()) for objects in self._splits[split].objects]

    def queries(self) -> Sequence[np.ndarray]:
        """Return the test split's images."""
        return self._splits["test"].images

    def random_baseline(self) -> Mapping[str, float]:
        """Return the precision of answering each test image with the objects of a training image, in order."""
        from harness_vision._coco import Precision

        guesses, objects = self.references("train"), self._splits["test"].objects
        answers = [guesses[number % len(guesses)] for number in range(len(objects))]
        precision, rows = Precision(objects, answers, len(self.classes)), np.arange(len(objects))
        return {"mAP": precision.mean(rows), "AP50": precision.at_half(rows)}

    def show(self, predict: Predict) -> Sequence[Sample]:
        """Return one sheet of test images with detections and objects."""
        from harness_vision._sheet import sheet

        images, objects = self._splits["test"].images[:SHOWN], self._splits["test"].objects[:SHOWN]
        caption = "Test images: detections in orange with class and score, objects in green"
        return [Sample(caption, "image/png", sheet(images, objects, predict(images), self.classes))]

    def _checked(self, answer: np.ndarray) -> np.ndarray:
        array = np.asarray(answer, np.float64)
        if array.ndim != 2 or array.shape[1] != COLUMNS:  # noqa: PLR2004 - detections x numbers
            raise ValueError(f"The model returned the shape {array.shape} instead of (detections, {COLUMNS}).")
        left, top, right, bottom, label, score = array.T
        faults = {
            f"the class is none of the positions 0 to {len(self.classes) - 1}": ~np.isin(
                label, range(len(self.classes))
            ),
            "the score is not from 0 to 1": (score < 0) | (score > 1),
            "the right edge is left of the left one, or the bottom edge above the top one": (right < left)
            | (bottom < top),
        }
        for fault, rows in faults.items():
            if rows.any():
                raise ValueError(f"The model returned the detection {array[rows][0].tolist()}: {fault}.")
        return array

    def _digest(self) -> str:
        sha = hashlib.sha256(repr(self.classes).encode())
        for name in sorted(self._splits):
            sha.update(f"\n{name}\n".encode())
            for image, objects in zip(*self._splits[name], strict=True):
                sha.update(_content(image) + b"".join(_content(column) for column in objects))
        return sha.hexdigest()


def _certain(objects: Objects) -> np.ndarray:
    return np.column_stack([objects.boxes, objects.labels, np.ones(len(objects.labels))])


def _content(array: np.ndarray) -> bytes:
    """Return type, shape and bytes, so that different arrays never digest alike."""
    return f"{array.dtype} {array.shape} ".encode() + array.tobytes()
