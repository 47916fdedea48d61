"""How inputs with one class each are asked about in words, and how the name of a class becomes an output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.labelled import LabelledData
from harness.seams.prompts import Prompts, Shot, chosen


class ClassPrompts(Prompts):
    """One of the classes, by its name. A subclass says what an input is, and how it is shown."""

    noun: str

    def __init__(self, data: LabelledData) -> None:
        """Keep the inputs and their classes."""
        self._data = data
        self.choices = data.classes
        self.instruction = (
            f"Classify the {self.noun}. Answer with exactly one of these classes, and with nothing else: "
            f"{', '.join(data.classes)}"
        )

    def examples(self) -> Sequence[Shot]:
        """Return the training inputs with the names of their classes."""
        inputs, labels = self._data.examples("train")
        return [(one, self.choices[label]) for one, label in zip(inputs, labels, strict=True)]

    def read(self, words: str, one: Any) -> np.ndarray:  # noqa: ARG002 - a class does not depend on the input
        """Return a row with a one at the class that is named.

        Raises:
            NotAnAnswerError: none is named, or several are.
        """
        row = self.nothing()
        row[chosen(words, self.choices)] = 1.0
        return row

    def nothing(self) -> np.ndarray:
        """Return a row of zeros."""
        return np.zeros(len(self.choices))
