"""Data for classification: inputs with one class each, in splits, graded by the most probable class.

An output is a row of class probabilities: a batch's outputs are a float array [n, classes]. A row of zeros is no
answer: it is wrong, whatever the class is.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from copy import copy
from typing import Any, NamedTuple, Protocol, Self, cast, runtime_checkable

import numpy as np

from harness.errors import Unsupported
from harness.seams import Data, Grades, Predict

SHARE_ERROR = 0.02
"""Largest difference from 1 of a row's sum, which bf16 rounds."""
NO_CLASS = -1
"""Stands for the class of an answer that is none."""


class Examples(NamedTuple):
    """One split."""

    inputs: Sequence[Any]
    labels: Sequence[int]
    """Positions in `classes`."""


@runtime_checkable
class Labelled(Protocol):
    """What classifiers need of a task's data; any data may offer it."""

    classes: tuple[str, ...]

    def examples(self, split: str) -> Examples:
        """Return the split `train`, `validation` or `test`."""


def labelled(data: Data) -> Labelled:
    """Return a task's data as labelled examples.

    Raises:
        Unsupported: the data offers neither `classes` nor `examples`.
    """
    if not isinstance(data, Labelled):
        raise Unsupported(
            f"{type(data).__name__} offers no `classes` and `examples(split)`, which classifiers learn from."
        )
    return cast("Labelled", data)


def fit_classes(classifier: Any, features: Any, labels: Sequence[int]) -> float:
    """Fit a logistic regression of scikit-learn and return its mean loss.

    scikit-learn refuses examples of one class. That class is then the answer to everything.
    """
    present = np.unique(labels)
    if len(present) > 1:
        classifier.fit(features, labels)
    else:
        classifier.classes_ = present
        classifier.coef_, classifier.intercept_ = np.zeros((1, features.shape[1])), np.zeros(1)
    fitted = fitted_probabilities(classifier, features)
    likelihoods = fitted[np.arange(len(labels)), np.searchsorted(classifier.classes_, labels)]
    return float(np.log(1 / likelihoods).mean())


def fitted_probabilities(classifier: Any, features: Any) -> np.ndarray:
    """Return probabilities [n, fitted] of the classes that `fit_classes` saw, in the order of `classes_`."""
    if len(classifier.classes_) == 1:
        return np.ones((features.shape[0], 1))
    return np.asarray(classifier.predict_proba(features))


def class_probabilities(classifier: Any, features: Any, classes: int) -> np.ndarray:
    """Return probabilities [n, classes] with a column for each class of the task; 0 for those that were not seen."""
    probabilities = np.zeros((features.shape[0], classes))
    probabilities[:, classifier.classes_] = fitted_probabilities(classifier, features)
    return probabilities


class LabelledData(Data):
    """Inputs with one class each. A subclass says what the bytes of an input are."""

    def __init__(self, classes: Sequence[str], splits: Mapping[str, Examples], metric: str) -> None:
        """Keep the splits and digest them.

        Args:
            classes: names, in the order of the outputs' columns.
            splits: `train`, `validation` and `test`.
            metric: name of the task's metric that reads the column `correct`; its random baseline is found here.
        """
        self.classes = tuple(classes)
        self._splits = dict(splits)
        self._metric = metric
        self.sizes = {name: len(split.labels) for name, split in self._splits.items()}
        self.digest = self._digest()

    @staticmethod
    @abstractmethod
    def content(one: Any) -> bytes:
        """Return the bytes of an input."""

    def examples(self, split: str) -> Examples:
        """Return one split."""
        return self._splits[split]

    def with_labels(self, count: int) -> Self:
        """Return it with `count` training examples, stratified; a larger choice contains the smaller ones.

        Raises:
            Unsupported: the training split has fewer.
        """
        if count > self.sizes["train"]:
            raise Unsupported(f"{count} labels are requested; the training split has {self.sizes['train']}.")
        return self._with({"train": self._fewer("train", count)})

    def smaller(self, train: int, validation: int) -> Self:
        """Return it with less of `train` and `validation`, stratified."""
        return self._with({"train": self._fewer("train", train), "validation": self._fewer("validation", validation)})

    def only(self, split: str, places: Sequence[int]) -> Self:
        """Return it with the examples of a split at these places alone."""
        return self._with({split: self._at(split, places)})

    def _with(self, splits: Mapping[str, Examples]) -> Self:
        data = copy(self)
        data._splits = {**self._splits, **splits}  # noqa: SLF001 - a copy of its own kind
        data.sizes = {name: len(split.labels) for name, split in data._splits.items()}  # noqa: SLF001
        return data

    def _fewer(self, split: str, count: int) -> Examples:
        labels = self._splits[split].labels
        sizes, seen = Counter(labels), Counter[int]()
        places = []
        for place, label in enumerate(labels):
            places.append(((seen[label] + 0.5) / sizes[label], place))
            seen[label] += 1
        return self._at(split, sorted(place for _, place in sorted(places)[:count]))

    def _at(self, split: str, places: Sequence[int]) -> Examples:
        inputs, labels = self._splits[split]
        part = inputs[list(places)] if isinstance(inputs, np.ndarray) else [inputs[place] for place in places]
        return Examples(part, [labels[place] for place in places])

    def evaluate(self, predict: Predict, batch_size: int, split: str = "test") -> Grades:
        """Grade the most probable class: columns `correct` (0 or 1), `label` and `predicted`.

        These are positions in `classes`, `NO_CLASS` without an answer.

        Raises:
            ValueError: a batch's outputs do not have the shape [n, classes].
        """
        inputs, labels = self._splits[split]
        predicted: list[int] = []
        confidence: list[float] = []
        are_shares = True
        for start in range(0, len(labels), batch_size):
            batch = inputs[start : start + batch_size]
            answer, wanted = np.asarray(predict(batch)), (len(batch), len(self.classes))
            if answer.shape != wanted:
                raise ValueError(
                    f"The model answered with the shape {answer.shape} instead of {wanted}: inputs x classes."
                )
            answered = answer.any(axis=1)
            predicted += np.where(answered, answer.argmax(axis=1), NO_CLASS).tolist()
            confidence += answer.max(axis=1).astype(float).tolist()
            are_shares = are_shares and _are_shares(answer)
        correct = [guess == label for guess, label in zip(predicted, labels, strict=True)]
        columns = {"correct": correct, "label": labels, "predicted": predicted}
        scores = {name: [float(value) for value in column] for name, column in columns.items()}
        answers: dict[str, Sequence[Any]] = {"output": [self._name(one) for one in predicted]}
        # A model that only names a class says nothing of its confidence, nor does one that answers logits.
        if are_shares and not set(confidence) <= {0.0, 1.0}:
            answers["confidence"] = confidence
        return Grades(scores, answers=answers)

    def _name(self, place: int) -> str | None:
        return None if place == NO_CLASS else self.classes[place]

    def items(self, split: str) -> Mapping[str, Sequence[Any]]:
        """Return the key of each input, and the name of its class."""
        return {
            "input": list(self.keys(split)),
            "reference": [self.classes[label] for label in self._splits[split].labels],
        }

    def keys(self, split: str) -> Sequence[Hashable]:
        """Return the SHA-256 of each input of a split."""
        return [hashlib.sha256(self.content(one)).hexdigest() for one in self._splits[split].inputs]

    def references(self, split: str) -> Sequence[Any]:
        """Return a one-hot row for each input."""
        return list(np.eye(len(self.classes))[list(self._splits[split].labels)])

    def queries(self) -> Sequence[Any]:
        """Return the test split's inputs."""
        return self._splits["test"].inputs

    def random_baseline(self) -> Mapping[str, float]:
        """Return the accuracy of the training split's most frequent class."""
        counts = Counter(self._splits["train"].labels)
        usual = min(counts, key=lambda label: (-counts[label], label))
        labels = self._splits["test"].labels
        return {self._metric: sum(label == usual for label in labels) / len(labels)}

    def _digest(self) -> str:
        """Return a SHA-256 over classes, inputs and labels; lengths keep different contents apart."""
        sha = hashlib.sha256(repr(self.classes).encode())
        for name in sorted(self._splits):
            inputs, labels = self._splits[name]
            sha.update(f"\n{name} {len(labels)}\n".encode())
            for one, label in zip(inputs, labels, strict=True):
                content = self.content(one)
                sha.update(f"{label} {len(content)} ".encode() + content)
        return sha.hexdigest()


def _are_shares(answer: np.ndarray) -> bool:
    """Return whether rows are probabilities that add up to 1, or are no answer."""
    sums = answer.sum(axis=1)
    return bool(((answer >= 0).all(axis=1) & (abs(sums - answer.any(axis=1)) <= SHARE_ERROR)).all())
