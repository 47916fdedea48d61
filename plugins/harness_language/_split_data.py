"""Data whose splits are sequences of items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Generic, Self, TypeVar

from harness import Data

Item = TypeVar("Item")


class SplitData(Data, Generic[Item]):
    """Items in splits. A smaller or sampled one keeps the digest, and all that was found from the whole."""

    def __init__(self, splits: Mapping[str, Sequence[Item]]) -> None:
        """Keep the splits `train`, `validation` and `test`; a subclass digests them."""
        self._keep({name: tuple(items) for name, items in splits.items()})

    def smaller(self, train: int, validation: int) -> Self:
        """Return the data with the first `train` and `validation` items of those splits."""
        return self._with(
            {"train": self._splits["train"][:train], "validation": self._splits["validation"][:validation]}
        )

    def only(self, split: str, places: Sequence[int]) -> Self:
        """Return the data with the items of a split at these places alone."""
        return self._with({split: tuple(self._splits[split][place] for place in places)})

    def _with(self, splits: Mapping[str, tuple[Item, ...]]) -> Self:
        data = copy(self)
        data._keep({**self._splits, **splits})  # noqa: SLF001 - a copy of its own kind
        return data

    def _keep(self, splits: Mapping[str, tuple[Item, ...]]) -> None:
        self._splits = splits
        self.sizes = {name: len(items) for name, items in splits.items()}
