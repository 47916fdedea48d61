"""Server-sent events: from bytes with the time of their arrival to events with the time at which each was whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

Timed: TypeAlias = tuple[float, bytes]
"""When bytes came, by `time.perf_counter()` in seconds, and the bytes.

Plain tuples: of those, unlike of objects, a load keeps many without work for the garbage collector.
"""

DONE = b"[DONE]"
"""The data of the event that ends a stream of OpenAI's form."""


def events(arrivals: Iterable[Timed]) -> Iterator[Timed]:
    r"""Yield the data of the events of a stream, however its bytes were split.

    Lines end with \n or \r\n. Fields other than `data` and comments are left out, as is an event that the end of the
    stream cuts within a line. The last event may lack its empty line.
    """
    parts: list[bytes] = []
    rest, at, whole_at = b"", 0.0, 0.0
    for at, data in arrivals:
        if not (rest or parts) and _is_one(data):
            yield at, data[6:-2]
            continue
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                parts.append(line[5:].removesuffix(b"\r").removeprefix(b" "))
                whole_at = at
            elif not line.removesuffix(b"\r") and parts:
                yield whole_at, b"\n".join(parts)
                parts = []
    if rest.removeprefix(b"data:").strip() == DONE:  # without its line end, this alone is whole
        parts, whole_at = [*parts, DONE], at
    if parts:
        yield whole_at, b"\n".join(parts)


def _is_one(data: bytes) -> bool:
    """Return whether bytes are one event of one line, as most pieces are; such are read at half the cost."""
    return data.startswith(b"data: ") and data.endswith(b"\n\n") and data.find(b"\n") == len(data) - 2
