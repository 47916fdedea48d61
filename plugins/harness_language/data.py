"""Labelled texts in splits: the data of every task of the kind `text-classification`.

An input is a string; an output is a row of probabilities, one for each class: a batch answers with a float array
[n, classes].
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast, runtime_checkable

import numpy as np

from harness import Data, Unsupported

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness import Predict, Scores

KIND = "text-classification"


class Examples(NamedTuple):
    """One split."""

    texts: tuple[str, ...]
    labels: tuple[int, ...]
    """Positions in `classes`."""


@runtime_checkable
class LabelledTexts(Protocol):
    """What the models of this kind need of a task's data; a stranger's task may offer the same."""

    classes: tuple[str, ...]

    def examples(self, split: str) -> Examples:
        """Return the split `train`, `validation` or `test`."""


def labelled(data: Data) -> LabelledTexts:
    """Return a task's data as labelled texts.

    Raises:
        Unsupported: the data offers neither `classes` nor `examples`.
    """
    if not isinstance(data, LabelledTexts):
        raise Unsupported(
            f"{type(data).__name__} offers no `classes` and `examples(split)`, "
            f"which models of the kind {KIND!r} learn from."
        )
    return cast("LabelledTexts", data)


class TextClassificationData(Data):
    """Texts with one class each."""

    def __init__(self, classes: Sequence[str], splits: Mapping[str, Examples]) -> None:
        """Keep the splits and digest them.

        Args:
            classes: names, in the order of the outputs' columns.
            splits: `train`, `validation` and `test`.
        """
        self.classes = tuple(classes)
        self._splits = dict(splits)
        self.sizes = {name: len(split.texts) for name, split in self._splits.items()}
        self.digest = _digest(self.classes, self._splits)

    def examples(self, split: str) -> Examples:
        """Return one split."""
        return self._splits[split]

    def evaluate(self, predict: Predict, batch_size: int, split: str = "test") -> Scores:
        """Grade the most probable class: columns `correct` (0 or 1), `label` and `predicted` (positions in `classes`).

        Raises:
            ValueError: a batch's answer is not of the shape [n, classes].
        """
        texts, labels = self._splits[split]
        predicted: list[float] = []
        for start in range(0, len(texts), batch_size):
            batch = texts[start : start + batch_size]
            answer = np.asarray(predict(batch))
            if answer.shape != (len(batch), len(self.classes)):
                wanted = (len(batch), len(self.classes))
                raise ValueError(
                    f"The model answered with the shape {answer.shape} instead of {wanted}: texts x classes."
                )
            predicted += answer.argmax(axis=1).astype(float).tolist()
        correct = [float(guess == label) for guess, label in zip(predicted, labels, strict=True)]
        return {"correct": correct, "label": [float(label) for label in labels], "predicted": predicted}

    def keys(self, split: str) -> Sequence[str]:
        """Return the split's texts."""
        return self._splits[split].texts

    def references(self, split: str) -> Sequence[Any]:
        """Return a row for each text with all of the probability on its class."""
        return list(np.eye(len(self.classes))[list(self._splits[split].labels)])

    def queries(self) -> Sequence[str]:
        """Return the test split's texts."""
        return self._splits["test"].texts

    def chance(self) -> Mapping[str, float]:
        """Return the accuracy of always answering with the training split's most frequent class."""
        counts = Counter(self._splits["train"].labels)
        usual = min(counts, key=lambda label: (-counts[label], label))
        labels = self._splits["test"].labels
        return {"accuracy": labels.count(usual) / len(labels)}


def _digest(classes: tuple[str, ...], splits: Mapping[str, Examples]) -> str:
    """Return a SHA-256 over classes, texts and labels; lengths go in too, so that no two contents read the same."""
    sha = hashlib.sha256(repr(classes).encode())
    for name in sorted(splits):
        sha.update(f"\n{name} {len(splits[name].texts)}\n".encode())
        for text, label in zip(*splits[name], strict=True):
            content = text.encode("utf-8", "surrogatepass")
            sha.update(f"{label} {len(content)} ".encode() + content)
    return sha.hexdigest()
