"""The baseline of translation, extraction and open answers: what belongs to the most similar training text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from harness import Assignment, Data, Learner, Progress, Unsupported

MEMORY = "pairs.json"


class NearestLearner(Learner):
    """Nearest-neighbour search in TF-IDF vectors of character n-grams."""

    def __init__(self, assignment: Assignment) -> None:
        """Make an empty index.

        Raises:
            Unsupported: a precision other than fp32.
        """
        if assignment.precision != "fp32":
            raise Unsupported(f"scikit-learn does not compute in {assignment.precision}. Use fp32.")
        self._assignment = assignment
        self._index = TfidfVectorizer(
            analyzer="char", ngram_range=(1, assignment.settings["ngrams"]), dtype=np.float32, sublinear_tf=True
        )

    def step(self) -> Progress:
        """Index the training split."""
        self._fit(_pairs(self._assignment.data))
        return Progress({"samples": len(self._pairs)}, {}, done=True)

    def _fit(self, pairs: Sequence[tuple[str, Any]]) -> None:
        self._pairs = pairs
        self._vectors = self._index.fit_transform([text for text, _ in pairs]).T.tocsr()

    def save(self, folder: Path) -> None:
        """Write the pairs; the index follows from them."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MEMORY).write_text(json.dumps(self._pairs, ensure_ascii=False), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        self._fit([(text, answer) for text, answer in json.loads((folder / MEMORY).read_text(encoding="utf-8"))])

    def predict(self, inputs: Sequence[str]) -> Sequence[Any]:
        """Return what belongs to the most similar text, the first of equally similar ones."""
        similarity = self._index.transform(inputs) @ self._vectors
        return [self._pairs[row][1] for row in np.asarray(similarity.argmax(axis=1)).ravel()]

    def parameters(self) -> int | None:
        """Return None: stored pairs are no trained parameters."""
        return None


def _pairs(data: Data) -> Sequence[tuple[str, Any]]:
    """Return the training texts, each with its translation or with the JSON that is found in it.

    Raises:
        Unsupported: the data have no such pairs.
    """
    pairs = getattr(data, "pairs", None)
    if pairs is None:
        raise Unsupported(f"{type(data).__name__} holds no texts with answers.")
    return [tuple(pair) for pair in pairs("train")]
