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
    data: list[bytes] = []
    whole_at = 0.0
    for at, line in _lines(arrivals):
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
            whole_at = at
        elif not line and data:
            yield whole_at, b"\n".join(data)
            data = []
    if data:
        yield whole_at, b"\n".join(data)


def _lines(arrivals: Iterable[Timed]) -> Iterator[Timed]:
    """Yield whole lines with the time at which each was whole; without its line end, `data: [DONE]` alone is whole."""
    rest, at = b"", 0.0
    for at, data in arrivals:
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield at, line.removesuffix(b"\r")
    if rest.removeprefix(b"data:").strip() == DONE:
        yield at, rest
