"""Makes train, validation and test of the items of the user's data: the rule that all readers share.

Data without splits are divided 70/10/20; a missing validation split is an eighth of train.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from harness.errors import DataError
from harness.reading import Dropped, SplitRead
from harness.user_data.names import ALL, split_of

TEST, VALIDATION = 0.2, 0.1
"""Shares of data without splits."""
CARVED = VALIDATION / (1 - TEST)
"""Share of a training split that becomes a missing validation split: as much of both as in data without splits."""
T = TypeVar("T")

Divide = Callable[[Sequence[T], float, float], Mapping[str, Sequence[T]]]
"""Items, shares of test and validation → train, validation and test."""


class Division(NamedTuple, Generic[T]):
    """How the items of a source are divided into splits that share none."""

    how: str
    """For people: `by hash of the text`."""
    key: Callable[[T], Hashable]
    """Item → what its copies share."""
    divide: Divide[T]


class Completed(NamedTuple, Generic[T]):
    """Train, validation and test, without common items."""

    splits: dict[str, list[T]]
    origin: dict[str, str]
    dropped: tuple[Dropped, ...]

    def read(self) -> dict[str, SplitRead]:
        """Return the size of each split and where it comes from."""
        return {name: SplitRead(len(items), self.origin[name]) for name, items in self.splits.items()}


def complete(
    source: str, given: Mapping[str, Sequence[T]], origin: Mapping[str, str], division: Division[T]
) -> Completed[T]:
    """Return train, validation and test: what the source gives, and the missing ones made.

    An item that two splits hold stays in test, or in validation.

    Args:
        source: its name in messages.
        given: split → items; a single one, of whatever name, is divided.
        origin: split → what decided it.
        division: makes the missing splits.

    Raises:
        DataError: there are several splits, and none is called train.
    """
    if len(given) == 1:
        ((name, items),) = given.items()
        of = "" if name == ALL else f" of {origin.get(name, name)}, the only split"
        splits = {split: list(part) for split, part in division.divide(items, TEST, VALIDATION).items()}
        return Completed(splits, dict.fromkeys(splits, f"from 70/10/20 {division.how}{of}"), ())
    if "train" not in given:
        raise DataError(f"{source} has the splits {', '.join(given)}. Call the one to train on `train`.")
    return _filled(given, origin, division)


def _filled(given: Mapping[str, Sequence[T]], origin: Mapping[str, str], division: Division[T]) -> Completed[T]:
    key = division.key
    from_test = "test" in given
    tests = list(given["test"] if from_test else given["validation"])
    checks = list(given["validation"]) if from_test and "validation" in given else []
    tested = {key(item) for item in tests}
    kept = [item for item in checks if key(item) not in tested]
    held = tested | {key(item) for item in kept}
    train = [item for item in given["train"] if key(item) not in held]
    lost = {"validation": len(checks) - len(kept), "train": len(given["train"]) - len(train)}
    dropped = tuple(
        Dropped(count, f"in {split} and in {'test' if split == 'validation' or not checks else 'validation or test'}")
        for split, count in lost.items()
        if count
    )
    told = {
        "train": origin["train"],
        "validation": origin.get("validation", ""),
        "test": origin["test"] if from_test else f"{origin['validation']}, as there is no test split",
    }
    if not checks:
        parts = division.divide(train, 0.0, CARVED)
        train, kept = list(parts["train"]), list(parts["validation"])
        told |= {"train": f"the rest of {told['train']}", "validation": f"an eighth of train, {division.how}"}
    return Completed({"train": train, "validation": kept, "test": tests}, told, dropped)


def by_column(source: str, values: Sequence[Any], column: str, *, required: bool) -> list[str] | None:
    """Return each row's split as a column names it, or None if the column holds something else.

    Raises:
        DataError: only some values name splits, or none does and the column is required.
    """
    splits = [split_of(value) if isinstance(value, str) else None for value in values]
    if all(split is not None for split in splits):
        return [split for split in splits if split is not None]
    wrong = next(number for number, split in enumerate(splits) if split is None)
    if not required and not any(splits):
        return None
    raise DataError(
        f"{source}, row {wrong + 1}: column {column!r} holds {values[wrong]!r:.40}, which is no split. Write train, "
        "validation or test into every row, or give the column another name."
    )
