"""How late an event loop is: what it adds to the times at which it notes what comes."""

from __future__ import annotations

import asyncio

EVERY_S = 0.01
"""From one timer to the next: rare beside chunks, often beside the stalls that matter."""


class Lateness:
    """Timers of an event loop, and how late each was called. `start` and `stop` are called in the loop's thread."""

    def __init__(self) -> None:
        """Start nothing."""
        self._late_s: list[float] = []
        self._handle: asyncio.TimerHandle | None = None

    def start(self, *_: object) -> None:
        """Begin anew: lateness of an earlier window, a warm-up say, is forgotten."""
        self._late_s = []
        loop = asyncio.get_running_loop()
        self._await(loop, loop.time() + EVERY_S)

    def stop(self, *_: object) -> None:
        """End."""
        if self._handle is not None:
            self._handle.cancel()

    def take(self) -> list[float]:
        """Return how late timers were, in seconds, since the last call or beginning."""
        late_s, self._late_s = self._late_s, []
        return late_s

    def _await(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self._handle = loop.call_at(due, self._note, loop, due)

    def _note(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        """Note one timer; those that a stall has made overdue follow at once, so that it counts for its length."""
        self._late_s.append(max(0.0, loop.time() - due))
        self._await(loop, due + EVERY_S)
