"""TF-IDF and logistic regression: the baseline of text classification."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import load_file, save_file
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from harness import Learner, Progress, Unsupported
from harness.labelled import class_probabilities, fit_classes, labelled
from harness_language._scripts import terms

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness import Assignment

WEIGHTS = "weights.safetensors"
VOCABULARY = "vocabulary.json"


class TfidfLearner(Learner):
    """One fit, saved without pickle: terms as JSON, numbers as safetensors."""

    def __init__(self, assignment: Assignment) -> None:
        """Make the two estimators; neither uses random numbers.

        Raises:
            Unsupported: a precision other than fp32.
        """
        if assignment.precision != "fp32":
            raise Unsupported(f"scikit-learn does not compute in {assignment.precision}. Use fp32.")
        settings = assignment.settings
        self._assignment = assignment
        self._vectorizer = TfidfVectorizer(analyzer=terms(settings["ngrams"]), min_df=settings["min_documents"])
        self._classifier = LogisticRegression(C=settings["inverse_regularisation"], max_iter=1000)

    def step(self) -> Progress:
        """Fit both estimators."""
        texts, labels = labelled(self._assignment.data).examples("train")
        features = self._vectorizer.fit_transform(texts)
        loss = fit_classes(self._classifier, features, labels)
        return Progress({"samples": len(texts)}, {"loss": loss}, done=True)

    def save(self, folder: Path) -> None:
        """Write vocabulary and numbers."""
        folder.mkdir(parents=True, exist_ok=True)
        words = {word: int(column) for word, column in sorted(self._vectorizer.vocabulary_.items())}
        (folder / VOCABULARY).write_text(json.dumps(words, ensure_ascii=False), encoding="utf-8")
        numbers = {
            "idf": self._vectorizer.idf_,
            "coefficients": self._classifier.coef_,
            "intercepts": self._classifier.intercept_,
            "classes": self._classifier.classes_,
        }
        save_file({name: np.ascontiguousarray(array) for name, array in numbers.items()}, folder / WEIGHTS)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        words = json.loads((folder / VOCABULARY).read_text(encoding="utf-8"))
        numbers = load_file(folder / WEIGHTS)
        self._vectorizer.vocabulary = words
        self._vectorizer.idf_ = numbers["idf"]
        self._classifier.coef_ = numbers["coefficients"]
        self._classifier.intercept_ = numbers["intercepts"]
        self._classifier.classes_ = numbers["classes"]
        self._classifier.n_features_in_ = numbers["coefficients"].shape[1]

    def predict(self, inputs: Sequence[Any]) -> Sequence[Any]:
        """Return probabilities [n, classes]."""
        classes = len(labelled(self._assignment.data).classes)
        features = self._vectorizer.transform(inputs)
        return class_probabilities(self._classifier, features, classes)  # type: ignore[return-value]  # an array

    def parameters(self) -> int | None:
        """Return the number of coefficients and intercepts, None before the fit."""
        if not hasattr(self._classifier, "coef_"):
            return None
        return int(self._classifier.coef_.size + self._classifier.intercept_.size)
