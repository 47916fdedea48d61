"""Passages of documents: the data of every task of the kind `language-modelling`.

An input is a passage, a string; an output is its negative log-likelihood in nats. The outputs of a batch are n numbers.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np

from harness import Data, Predict, Prompts, Scores

KIND = "language-modelling"
LENGTH = 256
"""Characters of a passage. All are equally long, so that the mean over passages is nearly that over all bytes."""


class PassageData(Data):
    """Documents in splits; held-out documents are cut into passages, the evaluated items."""

    def __init__(self, splits: Mapping[str, Sequence[str]]) -> None:
        """Keep the documents.

        Args:
            splits: `train`, `validation` and `test`.
        """
        self._documents = {name: tuple(texts) for name, texts in splits.items()}
        self._passages = {name: _cut(texts) for name, texts in self._documents.items() if name != "train"}
        self.sizes = {"train": len(self._documents["train"])} | {n: len(p) for n, p in self._passages.items()}
        sha = hashlib.sha256()
        for name in sorted(self._documents):
            sha.update(f"\n{name}\n".encode())
            for text in self._documents[name]:
                content = text.encode()
                sha.update(f"{len(content)} ".encode() + content)
        self.digest = sha.hexdigest()

    def smaller(self, train: int, validation: int) -> PassageData:
        """Return the data with fewer training documents and fewer passages for validation."""
        data = copy(self)
        data._documents = {**self._documents, "train": self._documents["train"][:train]}  # noqa: SLF001 - a copy
        data._passages = {**self._passages, "validation": self._passages["validation"][:validation]}  # noqa: SLF001
        data.sizes = {"train": len(data.texts("train"))} | {n: len(p) for n, p in data._passages.items()}  # noqa: SLF001
        return data

    def only(self, split: str, places: Sequence[int]) -> PassageData:
        """Return the data with the passages of `validation` or `test` at these places alone."""
        data = copy(self)
        part = tuple(self._passages[split][place] for place in places)
        data._passages = {**self._passages, split: part}  # noqa: SLF001 - a copy
        data.sizes = {**self.sizes, split: len(part)}
        return data

    def texts(self, split: str) -> tuple[str, ...]:
        """Return a split's documents."""
        return self._documents[split]

    def evaluate(self, predict: Predict, batch_size: int, split: str = "test") -> Scores:
        """Return each passage's bits per byte and its number of bytes.

        Raises:
            ValueError: an output is negative or NaN.
        """
        passages = self._passages[split]
        nats: list[float] = []
        for start in range(0, len(passages), batch_size):
            nats += np.asarray(predict(passages[start : start + batch_size]), dtype=float).tolist()
        if not all(cost >= 0 for cost in nats):
            raise ValueError("An output is negative or NaN: return the negative log-likelihood of each passage.")
        lengths = [len(passage.encode()) for passage in passages]
        bits = [cost / math.log(2) / length for cost, length in zip(nats, lengths, strict=True)]
        return {"bits_per_byte": bits, "bytes": [float(length) for length in lengths]}

    def prompts(self) -> Prompts:
        """Return that the likelihood of a passage is asked for."""
        from harness_language._prompts import PassagePrompts

        return PassagePrompts()

    def items(self, split: str) -> Mapping[str, Sequence[Any]]:
        """Return the passages."""
        return {"input": self._passages[split]}

    def queries(self) -> Sequence[str]:
        """Return the test split's passages."""
        return self._passages["test"]

    def keys(self, split: str) -> Sequence[str]:
        """Return the split's documents."""
        return self._documents[split]

    def rows(self, split: str) -> Iterable[Mapping[str, str]]:
        """Return documents."""
        return ({"text": text} for text in self._documents[split])

    def random_baseline(self) -> Mapping[str, float]:
        """Return the bits per byte of a unigram model of bytes with add-one smoothing."""
        counts = Counter("".join(self._documents["train"]).encode())
        total = counts.total() + 256
        bits = [-math.log2((counts[byte] + 1) / total) for byte in "".join(self._passages["test"]).encode()]
        return {"bits per byte": sum(bits) / len(bits)}


def _cut(texts: Sequence[str]) -> tuple[str, ...]:
    """Cut documents into passages; a shorter rest at the end is dropped."""
    return tuple(text[i : i + LENGTH] for text in texts for i in range(0, len(text) - LENGTH + 1, LENGTH))


def training_texts(data: Any) -> Sequence[str]:
    """Return the training split's texts of any data with texts."""
    from harness.labelled import labelled

    texts: Sequence[str] = data.texts("train") if hasattr(data, "texts") else labelled(data).examples("train").inputs
    return texts
