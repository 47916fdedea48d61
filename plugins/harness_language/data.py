"""Labelled texts in splits: the data of every task of the kind `text-classification`.

An input is a string; an output is a row of probabilities, one for each class: a batch answers with a float array
[n, classes].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.labelled import Examples, LabelledData

__all__ = ["Examples", "TextClassificationData"]

METRIC = "accuracy"


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

    def keys(self, split: str) -> Sequence[str]:
        """Return the split's texts."""
        return self.examples(split).inputs
