"""Names of files and folders that stand for splits.

Only a name that is exactly that of a split decides: `train.csv` does, `train-tickets.csv` does not.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from harness.errors import DataError
from harness.reading import some

ALL = "all"
"""Stands for the split of data that come without splits."""
SPLITS = {
    **dict.fromkeys(("train", "training", "训练", "训练集"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "验证", "验证集"), "validation"),
    **dict.fromkeys(("test", "testing", "测试", "测试集"), "test"),
}
"""Name of a file or folder, in small letters and without its suffix → split."""
_SHARD = re.compile(r"(?P<name>.+?)-(?P<number>\d+)-of-(?P<count>\d+)(-[0-9a-f]{16})?")
"""A file of a split that the hub's libraries wrote in several."""


def split_of(name: str) -> str | None:
    """Return the split that the name of a file (without its suffix), a folder or a hub's split stands for, or None."""
    shard = _SHARD.fullmatch(name)
    return SPLITS.get((shard["name"] if shard else name).casefold())


class SplitFiles(NamedTuple):
    """The files of a folder by split."""

    files: dict[str, list[Path]]
    """Split → its files; without splits `all` → all files."""
    origin: dict[str, str]
    """Split → what decided it, such as `the folder train`."""
    ignored: tuple[str, ...] = ()
    """Files without data, relative to the folder, each with the reason."""


def by_name(folder: Path, names: Mapping[Path, Mapping[str, str]]) -> SplitFiles:
    """Return files by the splits that their names stand for.

    Args:
        folder: their source, for messages.
        names: file → what may be named as a split (`the folder train`), from the outside → its name (`train`).

    Raises:
        DataError: only some name a split, one names two, or a part of a split is missing.
    """
    splits: dict[str, list[Path]] = defaultdict(list)
    reasons: dict[str, dict[str, None]] = defaultdict(dict)
    without = []
    for path, parts in names.items():
        stands_for: dict[str, str] = {}
        for what, name in parts.items():
            if (split := split_of(name)) is not None:
                stands_for.setdefault(split, what)
        if len(stands_for) > 1:
            raise DataError(f"{path}: {' and '.join(stands_for.values())} stand for two splits. Rename one of them.")
        for split, what in stands_for.items():
            splits[split].append(path)
            reasons[split][what] = None
        if not stands_for:
            without.append(path)
    _require_all_or_none(folder, splits, without)
    _require_shards(names)
    if not splits:
        return SplitFiles({ALL: list(names)}, {})
    return SplitFiles(dict(splits), {split: some(list(whats)) for split, whats in reasons.items()})


def _require_all_or_none(folder: Path, splits: Mapping[str, Sequence[Path]], without: Sequence[Path]) -> None:
    if splits and without:
        named = [path.relative_to(folder).as_posix() for paths in splits.values() for path in paths]
        others = [path.relative_to(folder).as_posix() for path in without]
        raise DataError(
            f"{folder}: {some(named)} {are(named)} named as a split, {some(others)} {are(others)} not. Call every "
            "file, or a folder that it lies in, train, validation or test, or none."
        )


def _require_shards(names: Iterable[Path]) -> None:
    """Check that no part of a split that was written in several files is missing."""
    parts: dict[tuple[Path, str, int], set[int]] = defaultdict(set)
    for path in names:
        if (shard := _SHARD.fullmatch(path.stem)) and split_of(path.stem):
            parts[path.parent, shard["name"], int(shard["count"])].add(int(shard["number"]))
    for (parent, name, count), present in parts.items():
        if missing := sorted(set(range(count)) - present):
            raise DataError(
                f"{parent}: of the {count} files of {name} number {missing[0]} is missing. Add it, or rename the rest."
            )


def are(names: Sequence[str]) -> str:
    """Return the verb for some names."""
    return "is" if len(names) == 1 else "are"
