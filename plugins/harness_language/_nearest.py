"""The cheap baseline of translation: the translation of the most similar text that is known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from harness import Assignment, Learner, Progress, Unsupported
from harness_language.translations import Pair, translated

MEMORY = "pairs.json"


class NearestLearner(Learner):
    """Keeps the training split, and finds texts by how often runs of characters occur in them."""

    def __init__(self, assignment: Assignment) -> None:
        """Make the index, empty.

        Raises:
            Unsupported: another precision than fp32 was asked for.
        """
        if assignment.precision != "fp32":
            raise Unsupported(f"scikit-learn does not compute in {assignment.precision}. Use fp32.")
        self._assignment = assignment
        self._index = TfidfVectorizer(
            analyzer="char", ngram_range=(1, assignment.settings["ngrams"]), dtype=np.float32, sublinear_tf=True
        )

    def step(self) -> Progress:
        """Remember everything."""
        self._remember(translated(self._assignment.data).pairs("train"))
        return Progress({"samples": len(self._pairs)}, {}, done=True)

    def _remember(self, pairs: Sequence[Pair]) -> None:
        self._pairs = pairs
        self._known = self._index.fit_transform([pair.source for pair in pairs]).T.tocsr()

    def save(self, folder: Path) -> None:
        """Write the pairs; the index follows from them."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MEMORY).write_text(json.dumps(self._pairs, ensure_ascii=False), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        self._remember([Pair(*pair) for pair in json.loads((folder / MEMORY).read_text(encoding="utf-8"))])

    def predict(self, inputs: Sequence[str]) -> Sequence[str]:
        """Return the translation of the most similar text, the first one where several are as similar."""
        similar = self._index.transform(inputs) @ self._known
        return [self._pairs[place].target for place in np.asarray(similar.argmax(axis=1)).ravel()]

    def parameters(self) -> int | None:
        """Return None: what is remembered are no trained parameters."""
        return None
