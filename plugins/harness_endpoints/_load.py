"""Asks an endpoint for inputs that arrive one by one, and says of each request when it was served.

All requests run in the thread of one event loop. While they are timed it notes when bytes come and reads no further
than the first content; `served()` reads the rest.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any

from harness.seams import Served
from harness.seams.prompts import EMPTY
from harness_endpoints._answer import Exchange
from harness_endpoints._blocking import BlockingClient
from harness_endpoints._client import Client, Request
from harness_endpoints._failures import REFUSED, SPEND_CAP
from harness_endpoints._lateness import Lateness
from harness_endpoints._spend import CapReachedError

IMPOSSIBLE_USAGE = "impossible usage"


class Load:
    """A `Concurrent` of `harness.seams` that asks an endpoint."""

    def __init__(self, connect: Callable[[], BlockingClient], make: Callable[[Any], Request]) -> None:
        """Keep how the client is had, and how an input becomes a request; nothing is connected yet."""
        self._connect = connect
        self._make = make
        self._made: dict[int, tuple[Any, Request]] = {}
        self._sent: list[_Sent] = []
        self._ended: SimpleQueue[None] = SimpleQueue()
        self._lateness = Lateness()

    def prepare(self, inputs: Sequence[Any]) -> None:
        """Connect, and make the requests of these inputs; each is kept with its input, whose id it is found by."""
        self._connect()
        self._made = {id(one): (one, self._make(one)) for one in inputs}

    def send(self, one: Any, first: Callable[[], None], done: Callable[[], None]) -> None:
        """Send a request and return at once; may be called from any thread."""
        made = self._made.get(id(one))
        request = self._make(one) if made is None else made[1]
        if not self._sent:
            gc.freeze()  # else each full collection is a pause: with torch loaded one of a second in 8,000 requests
            self._connect().soon(self._lateness.start)
        self._sent.append(sent := _Sent(request, first, done, self._ended))
        self._connect().soon(sent.begin)

    def served(self) -> list[Served]:
        """Wait for what is in flight and read it; return all requests since the last call, in the order of sending.

        Raises:
            Exception: what `first` or `done` raised; CapReachedError where the spend cap was reached; SuiteError where
                the variable of the key is not set.
        """
        sent, self._sent = self._sent, []
        for _ in sent:
            self._ended.get()
        if sent:
            self._connect().soon(self._lateness.stop)
            gc.unfreeze()
        return [_row(one.exchange()) for one in sent]

    def late_s(self) -> list[float]:
        """Return how late the event loop called a timer, in seconds, in the last window that was read."""
        return self._lateness.take()


class _Sent:
    """A request that was handed to the event loop."""

    def __init__(
        self, request: Request, first: Callable[[], None], done: Callable[[], None], ended: SimpleQueue[None]
    ) -> None:
        self._request = request
        self._first = first
        self._done = done
        self._ended = ended
        self._outcome: Exchange | Exception

    def begin(self, client: Client) -> None:
        """Send it; called in the thread of the event loop, which itself keeps no task alive."""
        self._task = asyncio.get_running_loop().create_task(self._run(client))

    async def _run(self, client: Client) -> None:
        try:
            self._outcome = await client.send(self._request, first=self._first)
            self._done()
        except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
            self._outcome = error
            self._done()
        finally:
            self._ended.put(None)

    def exchange(self) -> Exchange:
        """Return what came of it, once it has ended."""
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


def _row(exchange: Exchange) -> Served:
    """Return one request as it was served. A refusal in words is an answer; no words at all are none."""
    answer = exchange.read()
    failure = answer.failure
    if failure == SPEND_CAP:
        raise CapReachedError(f"{failure}: {answer.detail}")
    if failure is None and answer.usage_fault is not None:
        failure = IMPOSSIBLE_USAGE
    if failure == REFUSED and answer.chunks:
        failure = None
    if failure is None and not answer.chunks:
        failure = EMPTY
    return Served(
        sent=answer.tries[0].sent,
        chunks=answer.chunks,
        streamed=answer.streamed,
        input_tokens=answer.usage.input_tokens,
        cached_tokens=answer.usage.cached_tokens,
        output_tokens=answer.usage.output_tokens,
        attempts=answer.attempts,
        failure=failure,
        unseen_tokens=answer.unseen_tokens,
    )
