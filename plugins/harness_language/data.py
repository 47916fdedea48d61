"""Labelled texts in splits: the data of every task of the kind `text-classification`.

An input is a string; an output is a probability for each class. The outputs of a batch are a float array [n, classes].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from harness import Grades, Predict, Prompts
from harness.labelled import NO_CLASS, Examples, LabelledData

__all__ = ["Examples", "TextClassificationData"]

METRIC = "accuracy"
MACRO_F1 = "macro-F1"


class TextClassificationData(LabelledData):
    """Texts with one class each."""

    row_names: ClassVar[Mapping[str, str]] = {"input": "text", "reference": "label"}

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

    def evaluate(self, predict: Predict, batch_size: int, split: str = "test") -> Grades:
        """Return the grades of `LabelledData`, and macro-F1."""
        grades = super().evaluate(predict, batch_size, split)
        label, predicted = grades.scores["label"], grades.scores["predicted"]
        return grades._replace(over={MACRO_F1: _MacroF1(label, predicted, len(self.classes))})

    def random_baseline(self) -> Mapping[str, float]:
        """Return the accuracy of the most frequent class, and the macro-F1 of random classes.

        Random classes have the training split's shares. A single class would have a lower macro-F1: its F1 is 0 for all
        other classes.
        """
        test, train = (self._shares(split) for split in ("test", "train"))
        return {**super().random_baseline(), MACRO_F1: _mean_f1(test * train, test, train)}

    def _shares(self, split: str) -> np.ndarray:
        """Return each class's share of a split."""
        return np.bincount(self.examples(split).labels, minlength=len(self.classes)) / self.sizes[split]

    def texts(self, split: str) -> Sequence[str]:
        """Return a split's texts, for tokenizers and pretraining."""
        return self.examples(split).inputs

    keys = texts

    def prompts(self) -> Prompts:
        """Return how a text's class is asked for."""
        from harness_language._prompts import TextPrompts

        return TextPrompts(self)


class _MacroF1:
    """Macro-F1 over chosen texts."""

    def __init__(self, labels: Sequence[float], predicted: Sequence[float], classes: int) -> None:
        """Keep true and predicted class numbers."""
        self._labels, self._predicted = np.asarray(labels, dtype=int), np.asarray(predicted, dtype=int)
        self._classes = classes

    def __call__(self, rows: np.ndarray) -> float:
        """Return macro-F1 over the texts of these rows."""
        labels, predicted = self._labels[rows], self._predicted[rows]
        both = labels[labels == predicted]
        answered = predicted[predicted != NO_CLASS]
        return _mean_f1(*(np.bincount(column, minlength=self._classes) for column in (both, labels, answered)))


def _mean_f1(correct: np.ndarray, actual: np.ndarray, predicted: np.ndarray) -> float:
    """Return the mean F1 of the classes that occur, from counts or shares [classes]."""
    present = actual + predicted > 0
    return float(np.mean(2 * correct[present] / (actual + predicted)[present]))
