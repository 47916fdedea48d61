"""The baseline of translation: the translation of the most similar training text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from harness import Assignment, Learner, Progress, Unsupported
from harness_language.translations import Pair, translation_data

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
        self._fit(translation_data(self._assignment.data).pairs("train"))
        return Progress({"samples": len(self._pairs)}, {}, done=True)

    def _fit(self, pairs: Sequence[Pair]) -> None:
        self._pairs = pairs
        self._vectors = self._index.fit_transform([pair.source for pair in pairs]).T.tocsr()

    def save(self, folder: Path) -> None:
        """Write the pairs; the index follows from them."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MEMORY).write_text(json.dumps(self._pairs, ensure_ascii=False), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        self._fit([Pair(*pair) for pair in json.loads((folder / MEMORY).read_text(encoding="utf-8"))])

    def predict(self, inputs: Sequence[str]) -> Sequence[str]:
        """Return the translation of the most similar text, the first of equally similar ones."""
        similarity = self._index.transform(inputs) @ self._vectors
        return [self._pairs[row].target for row in np.asarray(similarity.argmax(axis=1)).ravel()]

    def parameters(self) -> int | None:
        """Return None: stored pairs are no trained parameters."""
        return None
