"""Divides labelled texts into splits that share no text, the same on every machine."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING

from harness.user_data.splits import TEST, VALIDATION

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

SEED = 20261123


def divide(
    texts: Sequence[str], labels: Sequence[Hashable], test: float = TEST, validation: float = VALIDATION
) -> dict[str, list[int]]:
    """Divide rows into train, validation and test, stratified by label.

    A text's split depends on hashes of its class's texts, not on the order of the rows. Rows with the same text are in
    the same split.

    Args:
        texts: n texts.
        labels: n labels.
        test: share of the texts; 0 gives an empty split.
        validation: share of the texts.

    Returns:
        Split → row numbers, ascending.
    """
    splits = {}
    for group in _classes(texts, labels):
        tests, validations = _share(test, len(group)), _share(validation, len(group))
        for rank, text in enumerate(group):
            held_out = "test" if rank < tests else "validation"
            splits[text] = held_out if rank < tests + validations else "train"
    return _rows(splits, texts)


def _classes(texts: Sequence[str], labels: Sequence[Hashable]) -> Iterable[list[str]]:
    """Return the unique texts of each label, in the order of their hashes; the first label of a text counts."""
    first: dict[str, Hashable] = {}
    for text, label in zip(texts, labels, strict=True):
        first.setdefault(text, label)
    groups: dict[Hashable, list[str]] = defaultdict(list)
    for text, label in first.items():
        groups[label].append(text)
    return [sorted(group, key=_hash) for group in groups.values()]


def _hash(text: str) -> str:
    return hashlib.sha256(f"{SEED}\n{text}".encode()).hexdigest()


def _share(share: float, count: int) -> int:
    """Return a split's number of texts in a class: at least one if the class has three."""
    if not share:
        return 0
    return max(round(share * count), 1 if count > 2 else 0)  # noqa: PLR2004 - one each for three splits


def _rows(splits: dict[str, str], texts: Sequence[str]) -> dict[str, list[int]]:
    """Return split → row numbers from text → split."""
    rows: dict[str, list[int]] = {"train": [], "validation": [], "test": []}
    for row, text in enumerate(texts):
        rows[splits[text]].append(row)
    return rows
