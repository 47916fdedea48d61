"""Byte n-grams with the interpolation of Witten and Bell (1991): the baseline of language modelling."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from harness import Assignment, Learner, Progress, Unsupported
from harness_language.passages import training_texts

WEIGHTS = "counts.safetensors"
BEGIN = 256
"""The symbol before a passage; a byte is 0 to 255."""
BASE = 257
"""Number of symbols."""
LONGEST = 7
"""Symbols in base `BASE` that fit into 64 bits."""


class NgramLearner(Learner):
    """An n-gram is one integer, so that counts are sorted arrays with fast lookups."""

    def __init__(self, assignment: Assignment) -> None:
        """Check the settings.

        Raises:
            Unsupported: a precision other than fp32, or an order out of range.
        """
        self._order = assignment.settings["order"]
        if assignment.precision != "fp32" or not 1 <= self._order <= LONGEST:
            raise Unsupported(f"Counts are exact: use fp32 and an order from 1 to {LONGEST}.")
        self._assignment = assignment
        self._keys: list[np.ndarray] = []
        self._counts: list[np.ndarray] = []

    def step(self) -> Progress:
        """Count the n-grams of the training split."""
        texts = training_texts(self._assignment.data)
        symbols = np.concatenate([_symbols(text, self._order) for text in texts])
        for length in range(1, self._order + 1):
            ngrams = _ngrams(symbols, length)
            keys, counts = np.unique(ngrams[ngrams % BASE != BEGIN], return_counts=True)
            self._keys.append(keys)
            self._counts.append(counts.astype(np.int64))
        return Progress({"samples": len(texts)}, {}, done=True)

    def save(self, folder: Path) -> None:
        """Write n-grams and counts of each length."""
        arrays = {f"keys_{k}": keys for k, keys in enumerate(self._keys)}
        save_file(arrays | {f"counts_{k}": counts for k, counts in enumerate(self._counts)}, folder / WEIGHTS)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        arrays = load_file(folder / WEIGHTS)
        self._keys = [arrays[f"keys_{k}"] for k in range(len(arrays) // 2)]
        self._counts = [arrays[f"counts_{k}"] for k in range(len(arrays) // 2)]
        self._contexts = [_contexts(keys, counts) for keys, counts in zip(self._keys, self._counts, strict=True)]

    def predict(self, inputs: Sequence[str]) -> Sequence[float]:
        """Return the negative log-likelihood of each passage in nats."""
        if not hasattr(self, "_contexts"):
            self._contexts = [_contexts(keys, counts) for keys, counts in zip(self._keys, self._counts, strict=True)]
        return [self._cost(text) for text in inputs]

    def _cost(self, text: str) -> float:
        symbols = _symbols(text, self._order)
        targets = slice(self._order - 1, None)
        probability = np.full(len(symbols) - self._order + 1, 1 / 256)
        # Each order's estimate is the prior of the next: (count + types × prior) / (total + types).
        for length in range(1, self._order + 1):
            ngrams = np.concatenate([np.zeros(length - 1, np.int64), _ngrams(symbols, length)])[targets]
            count = _lookup(self._keys[length - 1], self._counts[length - 1], ngrams)
            contexts, totals, types = self._contexts[length - 1]
            total, type_count = (_lookup(contexts, column, ngrams // BASE) for column in (totals, types))
            seen = total > 0
            estimate = (count + type_count * probability) / np.where(seen, total + type_count, 1)
            probability = np.where(seen, estimate, probability)
        return float(-np.log(probability).sum())

    def parameters(self) -> int | None:
        """Return None: counts are not trained parameters."""
        return None


def _symbols(text: str, order: int) -> np.ndarray:
    """Return the bytes of a text as int64, after `order - 1` times `BEGIN`."""
    content = np.frombuffer(text.encode(), dtype=np.uint8).astype(np.int64)
    return np.concatenate([np.full(order - 1, BEGIN, dtype=np.int64), content])


def _ngrams(symbols: np.ndarray, length: int) -> np.ndarray:
    """Return every n-gram as an integer in base `BASE`, its last symbol lowest."""
    ngrams = np.zeros(len(symbols) - length + 1, dtype=np.int64)
    for offset in range(length):
        ngrams = ngrams * BASE + symbols[offset : offset + len(ngrams)]
    return ngrams


def _contexts(keys: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the contexts of n-grams, how often each occurs, and how many different symbols follow it."""
    contexts, starts = np.unique(keys // BASE, return_index=True)
    return contexts, np.add.reduceat(counts, starts), np.diff(np.append(starts, len(keys)))


def _lookup(keys: np.ndarray, values: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Return the values of keys, 0 for an unknown key; `keys` are sorted."""
    rows = np.minimum(np.searchsorted(keys, queries), len(keys) - 1)
    return np.where(keys[rows] == queries, values[rows], 0)
