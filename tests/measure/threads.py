"""A server of known behaviour for load generators: threads that sleep."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from harness.seams import Served


class Threads:
    """A `Concurrent` with a thread for each request in flight; each answer takes a known time."""

    def __init__(self, threads: int, answer_s: float, *, fails_every: int = 0, late_s: Sequence[float] = ()) -> None:
        """Keep the behaviour.

        Args:
            threads: how many requests are answered at a time; others wait.
            answer_s: seconds from the first piece of an answer to the second, and from the start to the first.
            fails_every: every so manieth request fails at once, 0: none.
            late_s: what it says of its own lateness.
        """
        self.answer_s, self.fails_every, self._late_s = answer_s, fails_every, late_s
        self.sent: list[Any] = []
        self.prepared: Sequence[Any] = ()
        self.most = 0
        self._flying, self._lock = 0, threading.Lock()
        self._pool = ThreadPoolExecutor(threads)
        self._rows: list[Future[Served]] = []

    def prepare(self, inputs: Sequence[Any]) -> None:
        """Keep what could be made ready."""
        self.prepared = inputs

    def send(self, one: Any, first: Callable[[], None], done: Callable[[], None]) -> None:
        """Begin when a thread is free."""
        with self._lock:
            self.sent.append(one)
            self._flying += 1
            self.most = max(self.most, self._flying)
            number = len(self.sent)
            self._rows.append(self._pool.submit(self._answer, time.perf_counter(), number, first, done))

    def _answer(self, sent: float, number: int, first: Callable[[], None], done: Callable[[], None]) -> Served:
        if self.fails_every and number % self.fails_every == 0:
            self._end(done)
            return Served(sent, failure="http 500", attempts=2)
        chunks = []
        for say in (first, None):
            time.sleep(self.answer_s)
            chunks.append(time.perf_counter())
            if say is not None:
                say()
        self._end(done)
        return Served(sent, chunks, input_tokens=number, cached_tokens=0, output_tokens=2)

    def _end(self, done: Callable[[], None]) -> None:
        with self._lock:
            self._flying -= 1
        done()

    def served(self) -> list[Served]:
        """Wait for all."""
        rows, self._rows = self._rows, []
        return [row.result() for row in rows]

    def late_s(self) -> Sequence[float]:
        """Return what was given."""
        return self._late_s
