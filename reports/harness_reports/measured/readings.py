"""Readings of records as figures, each with the record that it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from harness.errors import StoreError
from harness.records import Record
from harness_reports.figures.explained import Explained, Kind, derived
from harness_reports.reasons import Reason, Reasons

_WEAKEST_FIRST: tuple[Kind, ...] = ("declared", "estimated", "measured")


def who(record: Record) -> str:
    """Return what identifies a record: its fingerprint's beginning, step, seed and time, and what makes it stale."""
    spec = record.spec
    parts = [record.step, *(str(spec[name]) for name in ("runtime", "scenario") if name in spec)]
    text = f"record {record.fingerprint[:12]}, {' '.join(parts)}, seed {spec.get('seed')}, {record.started_at[:19]}"
    if not record.stale:
        return text
    return text + _stale(tuple((change.code, *sorted(change.values.items())) for change in record.stale))


@lru_cache(maxsize=1024)
def _stale(changes: tuple[tuple[Any, ...], ...]) -> str:
    """Return what has changed, each as a code and its values.

    Many figures name the same record. They are made once for all languages: the sentence is English.
    """
    reasons = Reasons(Reason(code, dict(values)) for code, *values in changes)
    return f", stale: {Reason('stale', {'changes': reasons}).sentence('en')}"


def reading(record: Record, name: str) -> Explained:
    """Return a reading, without a value where the record has none.

    Raises:
        StoreError: it is negative.
    """
    read = record.readings.get(name)
    if read is None:
        return Explained(name, None, note=f"not read in {who(record)}")
    if read.value < 0:
        raise StoreError(
            f"{name} is {read.value:g} {read.unit} in {who(record)}. A reading cannot be negative: a counter ran "
            "over or was reset. Measure it again into another store (--store)."
        )
    return Explained(name, read.value, read.unit, source=who(record), kind=read.kind)


def readings(records: Sequence[Record], name: str) -> tuple[Explained, ...]:
    """Return a reading of each of several records."""
    return tuple(reading(record, name) for record in records)


def combined(how: str, records: Sequence[Record], name: str) -> Explained:
    """Return the `sum`, `mean` or `max` of a reading of several records; of one record the reading as it is."""
    parts = readings(records, name)
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return Explained(name, None, note="there is no record to read it in")
    return derived(name, next((part.unit for part in parts if part.unit), ""), f"{how}({name})", *parts)


def rate(records: Sequence[Record], counted: str = "samples") -> Explained:
    """Return samples, or another count, per second over the windows of several records."""
    name, unit, parts = f"{counted}_per_s", "1/s", (*readings(records, counted), *readings(records, "wall_s"))
    if not sum(record.value("wall_s") or 0.0 for record in records):
        return Explained(name, None, unit, note="no seconds were measured", inputs=parts)
    return derived(name, unit, f"sum({counted}) / sum(wall_s)", *parts)


def energy_kind(energy: Explained) -> Kind | None:
    """Return whether energy was measured, estimated or declared: the weakest of its parts."""
    kinds = [part.kind for part in energy.walk() if part.name == "energy_j" and part.kind in _WEAKEST_FIRST]
    return None if energy.value is None else min(kinds, key=_WEAKEST_FIRST.index, default=None)
