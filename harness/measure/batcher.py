"""Batches of requests that arrive one by one, for a predictor in this process.

The policy is that of a dynamic batcher: as soon as the predictor is free, a batch begins when `largest` requests wait,
or when the first of them has waited for `longest_wait_s`. Requests are answered in the order of their arrival. The
predictor runs in the thread that calls `answer`: a framework's thread-local states and thread pools are that thread's.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from harness.measure.outputs import check_outputs
from harness.measure.validity import UNANSWERED
from harness.seams import Predict, Served


@dataclass
class _Request:
    one: Any
    done: Callable[[], None]
    sent: float
    ended: float | None = None
    batch: int = 0


class Batcher:
    """A `Concurrent` that answers in batches."""

    def __init__(
        self, predict: Predict, largest: int, longest_wait_s: float, synchronise: Callable[[], None] = lambda: None
    ) -> None:
        """Keep the predictor and the policy."""
        self._predict, self._synchronise = predict, synchronise
        self._largest, self._longest_wait_s = largest, longest_wait_s
        self._requests: list[_Request] = []
        self.failure: BaseException | None = None
        """What the predictor raised; from then on nothing is answered."""
        self._waiting: deque[_Request] = deque()
        self._changed = threading.Condition()
        self._open, self._until = True, float("inf")

    def send(self, one: Any, first: Callable[[], None], done: Callable[[], None]) -> None:  # noqa: ARG002 - answers come whole
        """Let a request wait for its batch; from any thread."""
        request = _Request(one, done, time.perf_counter())
        with self._changed:
            self._requests.append(request)
            self._waiting.append(request)
            if len(self._waiting) in (1, self._largest):  # all that `_next` waits for
                self._changed.notify()

    def answer(self) -> None:
        """Answer requests until `close` was called and none waits."""
        while batch := self._next():
            if self.failure is None and time.perf_counter() < self._until:
                self._answer(batch)
            for request in batch:
                request.done()

    def _next(self) -> list[_Request]:
        """Wait for a batch as the policy says; empty where nothing more will come."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or not self._open)
            if not self._waiting:
                return []
            due = self._waiting[0].sent + self._longest_wait_s
            while self._open and len(self._waiting) < self._largest and (left_s := due - time.perf_counter()) > 0:
                self._changed.wait(left_s)
            return [self._waiting.popleft() for _ in range(min(self._largest, len(self._waiting)))]

    def _answer(self, batch: Sequence[_Request]) -> None:
        try:
            outputs = self._predict([request.one for request in batch])
            self._synchronise()
            ended = time.perf_counter()
            check_outputs(outputs, len(batch))
        except BaseException as error:  # noqa: BLE001 - raised in the caller's thread when the load generator has ended
            self.failure = error
            return
        for request in batch:
            request.ended, request.batch = ended, len(batch)

    def last(self, within_s: float) -> None:
        """Take note that no request will follow: what still waits after `within_s` is not answered."""
        with self._changed:
            self._until = time.perf_counter() + within_s

    def close(self) -> None:
        """Let `answer` end when none waits."""
        with self._changed:
            self._open = False
            self._changed.notify()

    def served(self) -> list[Served]:
        """Return all requests since the last call, in the order of sending, once `answer` has ended.

        Raises:
            Exception: what the predictor raised.
        """
        if self.failure is not None:
            raise self.failure
        requests, self._requests = self._requests, []
        self._open, self._until = True, float("inf")
        return [
            Served(request.sent, streamed=False, failure=UNANSWERED)
            if request.ended is None
            else Served(request.sent, (request.ended,), streamed=False, batch=request.batch)
            for request in requests
        ]
