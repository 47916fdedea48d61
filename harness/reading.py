"""How data of the user's were read: files, columns, splits, classes, and what was left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

MOST_FILES = 100
"""Files that a record names; of more it keeps the number."""
MOST_SHOWN = 6
"""Names in a line for people."""


class FileRead(NamedTuple):
    """A file that was read, or a folder of pictures or clips of one class."""

    name: str
    """Relative to the source."""
    items: int
    split: str | None
    """The split that it belongs to; None: it was divided."""


class SplitRead(NamedTuple):
    """A split as the task uses it."""

    items: int
    origin: str
    """Where it comes from: `the file train.csv`, `an eighth of train, by hash of the text`."""


class Dropped(NamedTuple):
    """Items that were read and are not used."""

    items: int
    why: str


@dataclass(frozen=True, kw_only=True)
class HowRead:
    """What a reader did with a source. Every record of an evaluation holds it."""

    unit: str
    """What an item is, in the plural: rows, images, clips."""
    files: tuple[FileRead, ...]
    splits: Mapping[str, SplitRead]
    ignored: tuple[str, ...] = ()
    """Files that hold no data (hidden, a licence), and splits that are not used, each with the reason."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Role or setting → column that was read."""
    unused_columns: tuple[str, ...] = ()
    classes: Mapping[str, int] = field(default_factory=dict)
    """Class → items in all splits together."""
    dropped: tuple[Dropped, ...] = ()

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, with the first `MOST_FILES` files."""
        files = [file._asdict() for file in self.files[:MOST_FILES]]
        splits = {name: split._asdict() for name, split in self.splits.items()}
        dropped = [one._asdict() for one in self.dropped]
        rest = {"files": files, "splits": splits, "dropped": dropped, "more_files": len(self.files) - len(files)}
        return {name: _listed(value) for name, value in (asdict(self) | rest).items()}

    def lines(self) -> list[str]:
        """Return it in sentences for people."""
        lines = [f"{self.unit} read: {_listing(f'{visible(file.name)} ({file.items:,})' for file in self.files)}"]
        if self.ignored:
            lines.append(f"not read: {_listing(self.ignored)}")
        if self.columns:
            lines.append(f"columns: {_listing(f'{role} {visible(column)}' for role, column in self.columns.items())}")
        if self.unused_columns:
            lines.append(f"columns not used: {_listing(map(visible, self.unused_columns))}")
        lines += [f"{name}: {self._count(split.items)}, {split.origin}" for name, split in self.splits.items()]
        if self.classes:
            counts = (f"{visible(name)} ({count:,})" for name, count in self.classes.items())
            lines.append(f"{len(self.classes)} classes: {_listing(counts, 2 * MOST_SHOWN)}")
        if alike := _alike(self.classes):
            lines.append(f"classes that differ in white space or capitals alone: {_listing(map(repr, alike))}")
        return [*lines, *(f"left out: {self._count(one.items)}, {one.why}" for one in self.dropped)]

    def _count(self, items: int) -> str:
        return f"{items:,} {self.unit.removesuffix('s') if items == 1 else self.unit}"


def visible(name: str) -> str:
    """Return a name as it is, or in quotes where one would not see all of it: white space at an end, no character."""
    return name if name.isprintable() and name == name.strip() and name else repr(name)


def _alike(names: Iterable[str]) -> list[str]:
    """Return names that are taken for one another: those that are equal but for white space and capitals."""
    same: dict[str, list[str]] = {}
    for name in names:
        same.setdefault(" ".join(name.split()).casefold(), []).append(name)
    return [name for group in same.values() if len(group) > 1 for name in group]


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _listing(names: Iterable[str], most: int = MOST_SHOWN) -> str:
    names = list(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")


def some(names: Sequence[str]) -> str:
    """Return the first names and how many more there are, for a message."""
    return _listing(names)
