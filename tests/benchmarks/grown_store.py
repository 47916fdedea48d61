"""A large store, made of a real one: its records many times, on other devices, with other budgets and other seeds.

`python tests/benchmarks/grown_store.py STORE COUNT FOLDER` writes one.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import sys
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from harness.records import VERSION, Record
from harness.store import open_store

SEEDS, DEVICES = 5, 4
"""Every setting is measured with so many seeds on so many devices."""


def grow(source: Path, number: int, folder: Path) -> None:
    """Write a store of so many records.

    Args:
        source: a folder with a store of one suite.
        number: of records.
        folder: of the new store.
    """
    with tempfile.TemporaryDirectory() as copied:
        shutil.copy(source / "harness.db", copied)  # opening a database writes to it
        read = open_store(copied)
        records = read.records()
        store = open_store(str(folder), create=True)
        sa.event.listen(store._engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
        store.close()  # connections made from now on do not wait for the disk
        for record, _ in zip(copies(records), range(number), strict=False):
            store.add(record)
        for opened in (read, store):
            opened.close()


def copies(records: Sequence[Record]) -> Iterator[Record]:
    """Return endless copies of the records of one suite; each suite is another seed, device or budget."""
    for place in count():
        yield from (_copy(record, place) for record in records)


def _copy(record: Record, place: int) -> Record:
    setting, device = divmod(place // SEEDS, DEVICES)
    spec = {**record.spec, "seed": place % SEEDS}
    if "budget" in spec:
        spec["budget"] = {**spec["budget"], "steps": (spec["budget"].get("steps") or 100) + setting}
    hardware = record.environment.get("hardware") or {}
    drawn = random.Random(f"{record.fingerprint} {place}")  # noqa: S311 - the same store every time
    return replace(
        record,
        id=str(uuid.UUID(int=drawn.getrandbits(128))),
        fingerprint=_renamed(record.fingerprint, place),
        inputs={role: _renamed(each, place) for role, each in record.inputs.items()},
        spec=spec,
        started_at=(datetime.fromisoformat(record.started_at) + timedelta(hours=place)).isoformat(),
        environment={**record.environment, "hardware": {**hardware, "device_name": f"processor {device}"}},
        series={name: [value * (1 + place / 1e4) for value in values] for name, values in record.series.items()},
        scores=_drawn(record.scores, drawn),
        answers={split: _turned(columns, place) for split, columns in record.answers.items()},
        runs={name: _later(columns, place) for name, columns in record.runs.items()},
        version=VERSION,
    )


def _renamed(fingerprint: str, place: int) -> str:
    return hashlib.sha256(f"{fingerprint} {place}".encode()).hexdigest()


def _drawn(columns: Any, drawn: random.Random) -> dict[str, list[float]]:
    """Return items drawn with replacement, so that every copy has another quality."""
    items = max(map(len, columns.values()), default=0)
    rows = [drawn.randrange(items) for _ in range(items)]
    return {name: [values[row] for row in rows] for name, values in columns.items()}


def _turned(columns: dict[str, list[Any]], place: int) -> dict[str, list[Any]]:
    return {name: values[(turn := place % max(len(values), 1)) :] + values[:turn] for name, values in columns.items()}


def _later(columns: dict[str, list[Any]], place: int) -> dict[str, list[Any]]:
    return {name: [_scaled(name, value, place) for value in values] for name, values in columns.items()}


def _scaled(name: str, value: Any, place: int) -> Any:
    if not name.endswith("_s") or value is None:
        return value
    return [each * (1 + place / 1e4) for each in value] if isinstance(value, list) else value * (1 + place / 1e4)


if __name__ == "__main__":
    grow(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
