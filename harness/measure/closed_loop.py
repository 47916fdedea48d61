"""A closed loop: so many requests are in flight always, and the answer to one brings the next."""

from __future__ import annotations

import threading
import time

from harness.measure.draw import Draw
from harness.measure.loadgen_run import nothing
from harness.measure.runs import Driven, Run, System, Terms, run


class _Loop:
    """Sends, from the thread that says that a request has ended."""

    def __init__(self, system: System, draw: Draw, terms: Terms) -> None:
        self._system, self._draw, self._terms = system, draw, terms
        self._lock, self._over = threading.Lock(), threading.Event()
        self._sent = self._ended = 0
        self._last = 0.0
        self.failure: BaseException | None = None

    def drive(self, in_flight: int) -> Driven:
        """Begin with so many, and wait until the last one has ended."""
        self._until = time.perf_counter() + self._terms.seconds
        self._sent = in_flight
        for _ in range(in_flight):
            self._send()
        self._over.wait()
        if self.failure is not None:
            raise self.failure
        return Driven(self._last, {"scenario": "ClosedLoop"})

    def _send(self) -> None:
        try:
            self._system.send(self._draw.next(), nothing, self._done)
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            self.failure = error
            self._done()

    def _done(self) -> None:
        with self._lock:
            self._last = time.perf_counter()
            self._ended += 1
            broken = self.failure or self._system.failure
            more = not broken and (self._last < self._until or self._sent < self._terms.queries)
            self._sent += more
            if self._ended == self._sent:
                self._over.set()
        if more:
            self._send()


def in_flight(system: System, draw: Draw, terms: Terms, requests: int) -> Run:
    """Keep so many requests in flight, at least for `seconds` and as many as `queries` in all."""
    loop = _Loop(system, draw, terms)
    return run(system, draw, terms, lambda: loop.drive(requests), "ClosedLoop", in_flight=requests)
