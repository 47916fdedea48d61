"""Ends a call that takes too long or falls silent, at no cost for each chunk."""

from __future__ import annotations

import asyncio
from time import perf_counter
from types import TracebackType
from typing import Self

from harness_endpoints._answer import Call


class Patience:
    """A block of code that raises TimeoutError after `time_out_s`, or `silence_s` after the last bytes that came.

    Silence counts from the first bytes on: before them a server may still be at work. The clock is looked at once in
    `silence_s` at most, not at each chunk.
    """

    def __init__(self, call: Call, time_out_s: float, silence_s: float) -> None:
        """Watch a call."""
        self._call = call
        self._time_out_s = time_out_s
        self._silence_s = silence_s
        self._timeout = asyncio.timeout(None)
        self._handle: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        """Begin."""
        await self._timeout.__aenter__()
        self._look()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, with TimeoutError where the time was up."""
        if self._handle is not None:
            self._handle.cancel()
        await self._timeout.__aexit__(kind, error, trace)

    def detail(self) -> str:
        """Return what was waited for."""
        if perf_counter() >= self._end():
            return f"No whole answer within {self._time_out_s:g} s"
        return f"The stream was silent for {self._silence_s:g} s"

    def _end(self) -> float:
        return self._call.sent + self._time_out_s

    def _look(self) -> None:
        """End the block if the time is up; otherwise look again when it may be."""
        loop = asyncio.get_running_loop()
        arrivals = self._call.arrivals
        end = min(self._end(), arrivals[-1][0] + self._silence_s) if arrivals else self._end()
        left = end - perf_counter()
        if left <= 0:
            self._timeout.reschedule(loop.time())
        else:
            self._handle = loop.call_later(min(left, self._silence_s), self._look)
