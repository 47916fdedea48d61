"""What `harness data` prints: how data are read, and their rows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from harness.seams import Data

FIRST = 2
"""Rows shown of each split."""
CLIPPED = 100
"""Most characters of a cell that is shown."""


def as_text(data: Data) -> str:
    """Return how data were read and the first rows of each split, for a person."""
    lines = data.how_read.lines() if data.how_read else [f"{name}: {size:,}" for name, size in data.sizes.items()]
    for split, rows in _first(data).items():
        lines += ["", f"{split}, first rows:"]
        lines += [f"  {_shown(row)}" for row in rows]
    return "\n".join(lines)


def _shown(row: Mapping[str, str]) -> str:
    cells = ((name, " ".join(value.split())) for name, value in row.items() if value != "[]")  # as of further answers
    return " | ".join(f"{name}: {value[:CLIPPED]}{'…' if len(value) > CLIPPED else ''}" for name, value in cells)


def as_json(data: Data) -> str:
    """Return the same as JSON, with whole rows."""
    how = None if data.how_read is None else data.how_read.plain()
    body = {"sizes": dict(data.sizes), "digest": data.digest, "how_read": how, "first": _first(data)}
    return json.dumps(body, indent=2, ensure_ascii=False)


def _first(data: Data) -> dict[str, list[dict[str, Any]]]:
    rows = {split: data.rows(split) for split in data.sizes}
    return {split: [dict(row) for row in islice(of_split, FIRST)] for split, of_split in rows.items() if of_split}


def as_csv(data: Data) -> bytes | None:
    """Return all rows with their splits as CSV in UTF-8, or None if the data have no such form."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    names: Sequence[str] = ()
    for split, row in _all(data):
        if not names:
            names = list(row)
            writer.writerow(["split", *names])
        writer.writerow([split, *(row[name] for name in names)])
    return file.getvalue().encode("utf-8", "surrogatepass") if names else None


def _all(data: Data) -> Iterator[tuple[str, Mapping[str, str]]]:
    for split in data.sizes:
        for row in data.rows(split) or ():
            yield split, row
