"""Dividing labelled texts into splits that share no text, the same way on every machine."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

SEED = 20261123
TEST = 0.2
VALIDATION = 0.1


def divide(texts: Sequence[str], labels: Sequence[Hashable]) -> dict[str, list[int]]:
    """Divide rows into train, validation and test (70/10/20), each class in these shares.

    A text's place depends on hashes of its class's texts, not on the order of the rows; rows with the same text stay
    together, so that no text of one split occurs in another.

    Args:
        texts: n texts.
        labels: n labels.

    Returns:
        Split → rows, in their first order.
    """
    place = {}
    for group in _classes(texts, labels):
        tests, validations = _share(TEST, len(group)), _share(VALIDATION, len(group))
        for rank, text in enumerate(group):
            first = "test" if rank < tests else "validation"
            place[text] = first if rank < tests + validations else "train"
    return _rows(place, texts)


def carve(texts: Sequence[str], labels: Sequence[Hashable]) -> dict[str, list[int]]:
    """Take a validation split out of rows whose test split is given: an eighth, as much as `divide` takes."""
    place = {}
    for group in _classes(texts, labels):
        validations = _share(VALIDATION / (1 - TEST), len(group))
        place.update({text: "validation" if rank < validations else "train" for rank, text in enumerate(group)})
    return {split: rows for split, rows in _rows(place, texts).items() if split != "test"}


def _classes(texts: Sequence[str], labels: Sequence[Hashable]) -> Iterable[list[str]]:
    """Group the different texts by the label they first have, each group in the order of the texts' hashes."""
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
    """Return how many of a class's texts go into a split: at least one where there are three to be divided."""
    return max(round(share * count), 1 if count > 2 else 0)  # noqa: PLR2004 - one each for three splits


def _rows(place: dict[str, str], texts: Sequence[str]) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {"train": [], "validation": [], "test": []}
    for row, text in enumerate(texts):
        rows[place[text]].append(row)
    return rows
