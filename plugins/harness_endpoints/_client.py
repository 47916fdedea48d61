"""The asynchronous client of an OpenAI-compatible endpoint.

A call notes the time of what comes from the socket and nothing else; it is read when it has ended. A request is sent
again only where nothing of an answer came, and every sending is counted: what was paid for is never asked again.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self
from urllib.parse import urlsplit

import aiohttp

from harness.errors import SuiteError
from harness_endpoints._answer import OK, Answer, Ask, Call, Exchange, may_come_again, streamed
from harness_endpoints._failures import CUT_OFF, TIMED_OUT, UNREACHABLE, Failure
from harness_endpoints._key import Key, read_key
from harness_endpoints._patience import Patience
from harness_endpoints._reading import has_content
from harness_endpoints._retry import Backoff, retry_after_s
from harness_endpoints._spend import Spending, input_at_most, output_at_most
from harness_endpoints._stream import Timed

PATHS = {"chat": "/chat/completions", "completions": "/completions"}


@dataclass(frozen=True)
class Endpoint:
    """A model behind a URL."""

    base_url: str
    """Up to and with the version: `http://127.0.0.1:8000/v1`."""
    model: str
    """The model's name in requests."""
    key_variable: str | None = None
    """The name of the environment variable that holds the key; None where the server asks for none."""
    api: Literal["chat", "completions"] = "chat"
    stream: bool = True
    time_out_s: float = 600.0
    """The longest time of one try."""
    silence_s: float = 120.0
    """The longest time between two pieces of one answer."""
    concurrency: int = 8
    """How many requests a `BlockingClient` has in flight."""
    backoff: Backoff = field(default_factory=Backoff)
    spending: Spending | None = None
    """What pays for its calls; None where they have no price. Every call to the model passes it."""

    def __post_init__(self) -> None:
        """Refuse a URL that cannot be one, or that holds a secret."""
        url = urlsplit(self.base_url)
        if url.scheme not in {"http", "https"} or not url.hostname:
            raise SuiteError(f"{self.base_url!r} is no base URL. Next: give one such as http://127.0.0.1:8000/v1")
        if url.username or url.password or url.query or url.fragment:
            raise SuiteError(
                f"The base URL of {url.hostname} has a user, a query or a fragment. Next: give it without; "
                "a key stands in an environment variable, whose name is key_variable"
            )

    def url(self, path: str) -> str:
        """Return the URL of a part of the API."""
        return self.base_url.rstrip("/") + path


class Client:
    """Asks an endpoint, over connections that are kept: `async with Client(endpoint) as client`.

    It sets no limit to what is in flight: that is for the caller, who holds a concurrency or a schedule.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        """Keep the endpoint; connections are made when the client is entered."""
        self.endpoint = endpoint
        self.tries_again = True
        """Whether a request that failed is sent again; another thread may change it."""
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the session."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),  # Patience watches at a lower cost
            headers={"Accept-Encoding": "identity"},  # what is compressed comes later than it is made
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def answer(self, ask: Ask, *, scheduled: float | None = None) -> Answer:
        """Return what became of a request, as `exchange` does, but read."""
        return (await self.exchange(ask, scheduled=scheduled)).read()

    async def exchange(self, ask: Ask, *, scheduled: float | None = None) -> Exchange:
        """Send a request, again where that may help, and return all that came; failures are read from it.

        `scheduled` is when it was to be sent, by `time.perf_counter()`: latencies then begin there. Raises SuiteError
        where the variable of the key is not set: nothing was sent then.
        """
        return await self.send(request_of(self.endpoint, ask), scheduled=scheduled)

    async def send(
        self, request: Request, *, scheduled: float | None = None, first: Callable[[], None] | None = None
    ) -> Exchange:
        """Return what `exchange` does, for a request that is made already.

        `first` is called when the first content of a stream has come.
        """
        key = read_key(self.endpoint.key_variable)
        asked_at = datetime.now(UTC).isoformat()
        calls = [await self._paid(request, key, first)]
        while (pause_s := self._pause_s(calls)) is not None:
            await asyncio.sleep(pause_s)
            if not self.tries_again:
                break
            calls.append(await self._paid(request, key, first))
        bound = None if self.endpoint.spending is None else input_at_most(request.body)
        return Exchange(calls, asked_at, scheduled, output_at_most(request.body), bound)

    def _pause_s(self, calls: list[Call]) -> float | None:
        """Return the seconds to wait before the next try; None where there is none."""
        if not (self.tries_again and may_come_again(calls[-1])):
            return None
        return self.endpoint.backoff.pause_s(len(calls), retry_after_s(calls[-1].retry_after))

    async def get(self, path: str) -> Call:
        """Return what the server sends for a part of the API, in one try."""
        return await self._call("GET", path, None, read_key(self.endpoint.key_variable))

    async def _paid(self, request: Request, key: Key, first: Callable[[], None] | None) -> Call:
        """Send a request once what it may cost is reserved."""
        if (spending := self.endpoint.spending) is None:
            return await self._post(request.data, key, first)
        reservation = await spending.reserve(request.body)
        if isinstance(reservation, Failure):
            return Call(perf_counter(), key, failure=reservation, arrived=False)
        call = None
        try:
            call = await self._post(request.data, key, first)
        finally:
            await spending.settle(reservation, call)
        return call

    async def _post(self, data: bytes, key: Key, first: Callable[[], None] | None) -> Call:
        return await self._call("POST", PATHS[self.endpoint.api], data, key, first)

    async def _call(
        self, method: str, path: str, data: bytes | None, key: Key, first: Callable[[], None] | None = None
    ) -> Call:
        """Send one request and note what comes, and when; no exception holds the key, for none leaves."""
        assert self._session is not None, "the client is not entered"  # noqa: S101 - a mistake of the caller's code
        headers = {"Content-Type": "application/json", **key.headers()} if data else key.headers()
        call = Call(perf_counter(), key)
        patience = Patience(call, self.endpoint.time_out_s, self.endpoint.silence_s)
        try:
            async with (
                patience,
                self._session.request(
                    method, self.endpoint.url(path), data=data, headers=headers, allow_redirects=False
                ) as response,
            ):
                call.status, call.content_type = response.status, response.headers.get("Content-Type", "")
                call.retry_after = response.headers.get("Retry-After")
                if first is not None and call.status == OK and streamed(call):
                    await _note_first(response.content, call.arrivals, first)
                await _note_arrivals(response.content, call.arrivals)
        except TimeoutError:
            call.failure = Failure(TIMED_OUT, patience.detail(), again=not call.arrivals)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            call.failure = _lost(self.endpoint, call, error)
            call.arrived = not isinstance(error, aiohttp.ClientConnectorError)
        return call


async def _note_arrivals(content: aiohttp.StreamReader, arrivals: list[Timed]) -> None:
    """Note the bytes of an answer and when they came: all that happens while it is timed."""
    read, note, now = content.readany, arrivals.append, perf_counter
    while data := await read():
        note((now(), data))


async def _note_first(content: aiohttp.StreamReader, arrivals: list[Timed], first: Callable[[], None]) -> None:
    """Note arrivals up to the first with content, and say that it came."""
    while data := await content.readany():
        arrivals.append((perf_counter(), data))
        if has_content(arrivals):
            return first()
    return None


class Request(NamedTuple):
    """What is sent, made before it is timed."""

    body: Mapping[str, Any]
    """Its fields."""
    data: bytes
    """The same, as they are sent."""


def request_of(endpoint: Endpoint, ask: Ask) -> Request:
    """Return the request that asks this of an endpoint."""
    body = request_body(endpoint, ask)
    return Request(body, json.dumps(body).encode())


def request_body(endpoint: Endpoint, ask: Ask) -> dict[str, Any]:
    """Return the fields of a request."""
    body: dict[str, Any] = {"model": endpoint.model, _prompt_field(endpoint, ask.prompt): ask.prompt, **ask.settings}
    if endpoint.stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    body |= ask.extra
    return {name: value for name, value in body.items() if value is not None}


def _prompt_field(endpoint: Endpoint, prompt: Any) -> str:
    if isinstance(prompt, str) != (endpoint.api == "completions"):
        form = "a text" if endpoint.api == "completions" else "messages"
        raise SuiteError(f"The API {endpoint.api} is asked with {form}. Next: choose the other API")
    return "prompt" if endpoint.api == "completions" else "messages"


def _lost(endpoint: Endpoint, call: Call, error: Exception) -> Failure:
    """Return the failure of a connection: before the answer began, or within it."""
    if call.status is not None:
        return Failure(CUT_OFF, f"The connection ended within the answer ({type(error).__name__})")
    return Failure(UNREACHABLE, f"No answer from {endpoint.base_url} ({_reason(error)})", again=True)


def _reason(error: Exception) -> str:
    """Return why a connection failed; not the text of the exception, which may hold what was sent."""
    cause: Any = getattr(error, "os_error", error)
    if (getattr(cause, "errno", None) or 0) > 0:
        return os.strerror(cause.errno)
    return getattr(cause, "strerror", None) or type(error).__name__  # of a name without an address
