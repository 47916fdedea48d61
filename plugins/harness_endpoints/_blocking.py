"""A client for code that is not asynchronous."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Future, as_completed
from itertools import islice
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any, Self, TypeVar

from harness_endpoints import _models
from harness_endpoints._answer import Answer, Ask
from harness_endpoints._client import Client, Endpoint

T = TypeVar("T")

LAST_S = 30.0
"""How long answers in flight are waited for when one of them cannot be taken."""


class BlockingClient:
    """Asks an endpoint from a thread with an event loop of its own: `with BlockingClient(endpoint) as client`."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Keep the endpoint; the thread starts when the client is entered."""
        self._client = Client(endpoint)
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="endpoint", daemon=True)

    def __enter__(self) -> Self:
        """Start the thread and open the session."""
        self._thread.start()
        self._submit(self._client.__aenter__()).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections and end the thread."""
        self._submit(self._close()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def check(self) -> None:
        """Raise SuiteError, with the remedy, where the endpoint cannot be asked."""
        self._submit(_models.check(self._client)).result()

    def answers(
        self,
        asks: Iterable[Ask],
        on_answer: Callable[[int, Answer], object] | None = None,
        *,
        concurrency: int | None = None,
    ) -> list[Answer]:
        """Return the answers in the order of the requests, with up to `concurrency` in flight, else the endpoint's.

        A request is taken from `asks` when there is room for it. `on_answer` gets the place and the answer of each as
        it comes. Both run in the caller's thread. When they raise nothing more is sent, and `on_answer` gets what
        has landed or lands within `LAST_S`, on Ctrl-C what has landed: it is paid for. The rest is cancelled.
        """
        most = self._client.endpoint.concurrency if concurrency is None else concurrency
        flight = _Flight(enumerate(asks), lambda ask: self._submit(self._client.answer(ask)))
        answers: dict[int, Answer] = {}

        def take(place: int, answer: Answer) -> None:
            answers[place] = answer
            if on_answer is not None:
                on_answer(place, answer)

        self._client.tries_again = True
        try:
            flight.fill(most)
            while flight.calls:
                flight.hand_over(take)
                flight.fill(most)
        except BaseException as error:
            self._client.tries_again = False
            flight.hand_over_last(take, LAST_S if isinstance(error, Exception) else 0)
            raise
        finally:
            flight.cancel()
        return [answers[place] for place in range(len(answers))]

    def soon(self, begin: Callable[[Client], object]) -> None:
        """Call a function with the client in the thread of the event loop, and return at once."""
        self._loop.call_soon_threadsafe(begin, self._client)

    async def _close(self) -> None:
        """End what is still under way, then close the connections."""
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.__aexit__(None, None, None)

    def _submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)


class _Flight:
    """The requests that are under way."""

    def __init__(self, asks: Iterable[tuple[int, Ask]], send: Callable[[Ask], Future[Answer]]) -> None:
        self._asks = iter(asks)
        self._send = send
        self._done: SimpleQueue[int] = SimpleQueue()
        self.calls: dict[int, Future[Answer]] = {}

    def fill(self, concurrency: int) -> None:
        """Send requests until there are as many as may be."""
        for place, ask in islice(self._asks, concurrency - len(self.calls)):
            self.calls[place] = self._send(ask)
            self.calls[place].add_done_callback(lambda _, place=place: self._done.put(place))  # type: ignore[misc]

    def hand_over(self, take: Callable[[int, Answer], object]) -> None:
        """Wait for an answer and hand it over; until that is done it counts as under way."""
        place = self._done.get()
        take(place, self.calls[place].result())
        del self.calls[place]

    def hand_over_last(self, take: Callable[[int, Answer], object], seconds: float) -> None:
        """Hand over what has landed, or lands within some seconds; an answer that is not taken does not stop others."""
        places = {call: place for place, call in self.calls.items()}
        with contextlib.suppress(TimeoutError):
            for call in as_completed(places, timeout=seconds):
                with contextlib.suppress(Exception):
                    take(places[call], call.result())

    def cancel(self) -> None:
        """Give up what is under way."""
        for call in self.calls.values():
            call.cancel()
