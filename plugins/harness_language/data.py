"""Labelled texts in splits: the data of every task of the kind `text-classification`.

An input is a string; an output is a row of probabilities, one for each class: a batch answers with a float array
[n, classes].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness import Grades, Predict
from harness.labelled import Examples, LabelledData

__all__ = ["Examples", "TextClassificationData"]

METRIC = "accuracy"
MACRO_F1 = "macro-F1"


class TextClassificationData(LabelledData):
    """Texts with one class each."""

    def __init__(self, classes: Sequence[str], splits: Mapping[str, Examples]) -> None:
        """Keep the splits.

        Args:
            classes: names, in the order of the outputs' columns.
            splits: `train`, `validation` and `test`.
        """
        super().__init__(classes, splits, METRIC)

    @staticmethod
    def content(one: str) -> bytes:
        """Return a text's bytes."""
        return one.encode("utf-8", "surrogatepass")

    def evaluate(  # type: ignore[override]  # who asks any data for grades expects these too
        self, predict: Predict, batch_size: int, split: str = "test"
    ) -> Grades:
        """Grade the most probable class, as `LabelledData` does, and macro-F1 over any texts."""
        scores = super().evaluate(predict, batch_size, split)
        return Grades(scores, {MACRO_F1: _MacroF1(scores["label"], scores["predicted"], len(self.classes))})

    def random_baseline(self) -> Mapping[str, float]:
        """Return what the most frequent class reaches in accuracy, and in macro-F1 what classes drawn by lot reach.

        One class for everything would reach less: it has an F1 for one class only. The lots hold each class as often
        as the training split does.
        """
        asked, known = (self._shares(split) for split in ("test", "train"))
        return {**super().random_baseline(), MACRO_F1: _mean_f1(asked * known, asked, known)}

    def _shares(self, split: str) -> np.ndarray:
        """Return each class's share of a split."""
        return np.bincount(self.examples(split).labels, minlength=len(self.classes)) / self.sizes[split]

    def texts(self, split: str) -> Sequence[str]:
        """Return a split's texts: what a tokenizer or a pretraining may read."""
        return self.examples(split).inputs

    keys = texts


class _MacroF1:
    """The mean of the classes' F1 over chosen texts."""

    def __init__(self, labels: Sequence[float], predicted: Sequence[float], classes: int) -> None:
        """Keep what was right and what was said, as positions of classes."""
        self._labels, self._predicted = np.asarray(labels, dtype=int), np.asarray(predicted, dtype=int)
        self._classes = classes

    def __call__(self, rows: np.ndarray) -> float:
        """Return macro-F1 over the texts of these rows."""
        labels, predicted = self._labels[rows], self._predicted[rows]
        right, asked, said = (
            np.bincount(found, minlength=self._classes) for found in (labels[labels == predicted], labels, predicted)
        )
        return _mean_f1(right, asked, said)


def _mean_f1(right: np.ndarray, asked: np.ndarray, said: np.ndarray) -> float:
    """Return the mean F1 of the classes that were asked for or said: [classes] each, counts or shares."""
    there = asked + said > 0
    return float(np.mean(2 * right[there] / (asked + said)[there]))
