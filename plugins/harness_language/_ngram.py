"""Byte n-grams, interpolated after Witten and Bell (1991): the cheap baseline of language modelling."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from harness import Assignment, Learner, Progress, Unsupported
from harness_language.passages import training_texts

WEIGHTS = "counts.safetensors"
BEGIN = 256
"""Stands before a passage; a byte is 0 to 255."""
BASE = 257
LONGEST = 7
"""Symbols that fit into 64 bits."""


class NgramLearner(Learner):
    """Counts once. A run of k symbols is one whole number, so that counts are sorted arrays and lookups are fast."""

    def __init__(self, assignment: Assignment) -> None:
        """Look at the settings.

        Raises:
            Unsupported: another precision than fp32, or an order that does not fit.
        """
        self._order = assignment.settings["order"]
        if assignment.precision != "fp32" or not 1 <= self._order <= LONGEST:
            raise Unsupported(f"Counts are exact: ask for fp32 and an order from 1 to {LONGEST}.")
        self._assignment = assignment
        self._keys: list[np.ndarray] = []
        self._counts: list[np.ndarray] = []

    def step(self) -> Progress:
        """Count everything."""
        texts = training_texts(self._assignment.data)
        symbols = np.concatenate([_symbols(text, self._order) for text in texts])
        for length in range(1, self._order + 1):
            runs = _runs(symbols, length)
            keys, counts = np.unique(runs[runs % BASE != BEGIN], return_counts=True)
            self._keys.append(keys)
            self._counts.append(counts.astype(np.int64))
        return Progress({"samples": len(texts)}, {}, done=True)

    def save(self, folder: Path) -> None:
        """Write keys and counts of every length."""
        arrays = {f"keys_{k}": keys for k, keys in enumerate(self._keys)}
        save_file(arrays | {f"counts_{k}": counts for k, counts in enumerate(self._counts)}, folder / WEIGHTS)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        arrays = load_file(folder / WEIGHTS)
        self._keys = [arrays[f"keys_{k}"] for k in range(len(arrays) // 2)]
        self._counts = [arrays[f"counts_{k}"] for k in range(len(arrays) // 2)]
        self._contexts = [_contexts(keys, counts) for keys, counts in zip(self._keys, self._counts, strict=True)]

    def predict(self, inputs: Sequence[str]) -> Sequence[float]:
        """Return each passage's cost in nats."""
        if not hasattr(self, "_contexts"):
            self._contexts = [_contexts(keys, counts) for keys, counts in zip(self._keys, self._counts, strict=True)]
        return [self._cost(text) for text in inputs]

    def _cost(self, text: str) -> float:
        symbols = _symbols(text, self._order)
        wanted = slice(self._order - 1, None)
        share = np.full(len(symbols) - self._order + 1, 1 / 256)
        for length in range(1, self._order + 1):
            runs = np.concatenate([np.zeros(length - 1, np.int64), _runs(symbols, length)])[wanted]
            seen = _lookup(self._keys[length - 1], self._counts[length - 1], runs)
            context, totals, kinds = self._contexts[length - 1]
            total, kind = (_lookup(context, column, runs // BASE) for column in (totals, kinds))
            known = total > 0
            share = np.where(known, (seen + kind * share) / np.where(known, total + kind, 1), share)
        return float(-np.log(share).sum())

    def parameters(self) -> int | None:
        """Return None: counts are not trained parameters."""
        return None


def _symbols(text: str, order: int) -> np.ndarray:
    """Return the bytes of a text as int64, after as many beginnings as the longest context has."""
    content = np.frombuffer(text.encode(), dtype=np.uint8).astype(np.int64)
    return np.concatenate([np.full(order - 1, BEGIN, dtype=np.int64), content])


def _runs(symbols: np.ndarray, length: int) -> np.ndarray:
    """Return every run of `length` symbols as one number, the last symbol lowest."""
    runs = np.zeros(len(symbols) - length + 1, dtype=np.int64)
    for place in range(length):
        runs = runs * BASE + symbols[place : place + len(runs)]
    return runs


def _contexts(keys: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the contexts of runs, how often each occurs, and how many different symbols follow it."""
    contexts, starts = np.unique(keys // BASE, return_index=True)
    return contexts, np.add.reduceat(counts, starts), np.diff(np.append(starts, len(keys)))


def _lookup(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, values[places], 0)
