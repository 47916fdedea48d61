"""Readings of records as figures, each with the record that it was read in."""

from __future__ import annotations

from collections.abc import Sequence

from harness.records import Record
from harness_reports.figures.explained import Explained, Kind, derived

KINDS: dict[str, Kind] = {"measured": "measured", "estimated": "estimated", "declared": "declared"}


def who(record: Record) -> str:
    """Return what finds a record again: its fingerprint's beginning, what it did, when."""
    asked = record.asked
    parts = [record.step, *(str(asked[name]) for name in ("runtime", "scenario") if name in asked)]
    said = f"record {record.fingerprint[:12]}, {' '.join(parts)}, seed {asked.get('seed')}, {record.started_at[:19]}"
    return f"{said}, stale: {record.stale}" if record.stale else said


def reading(record: Record, name: str) -> Explained:
    """Return a reading."""
    read = record.readings.get(name)
    if read is None:
        return Explained(name, None, note=f"not read in {who(record)}")
    return Explained(name, read.value, read.unit, source=who(record), kind=KINDS[read.kind])


def readings(records: Sequence[Record], name: str) -> tuple[Explained, ...]:
    """Return a reading of each of several records."""
    return tuple(reading(record, name) for record in records)


def rate(records: Sequence[Record], counted: str = "samples") -> Explained:
    """Return samples, or something else that is counted, per second over the windows of several records."""
    parts = (*readings(records, counted), *readings(records, "wall_s"))
    return derived(f"{counted}_per_s", "1/s", f"sum({counted}) / sum(wall_s)", *parts)
