"""What is asked of an endpoint, what a call brought, and the answer read from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from harness_endpoints import _latency, _usage
from harness_endpoints._failures import (
    BROKEN_JSON,
    CUT_OFF,
    REFUSED,
    SPEND_CAP,
    WRONG_URL,
    Failure,
    of_error,
    of_status,
)
from harness_endpoints._key import Key
from harness_endpoints._reading import Reading, read_body, read_stream
from harness_endpoints._stream import Timed
from harness_endpoints._usage import Usage

OK = 200
LENGTH_OF_DETAIL = 300
TAIL_BYTES = 4096
"""More than the last events of a stream take: usage, finish reason, end."""
NO_KEY = Key(None)


@dataclass(frozen=True)
class Ask:
    """One request."""

    prompt: str | Sequence[Mapping[str, Any]]
    """Messages of OpenAI's form; for `completions` a text."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the request such as `temperature` and `max_tokens`, as the server names them."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further fields; they replace any other of the same name, and None removes it."""


@dataclass
class Call:
    """One try, as it went over the wire; nothing of it is parsed yet."""

    sent: float
    """When the request was sent: `time.perf_counter()`, in seconds."""
    key: Key = NO_KEY
    """What was sent as the key: some servers repeat it in their errors."""
    status: int | None = None
    """The HTTP status; None where no answer began."""
    content_type: str = ""
    retry_after: str | None = None
    arrivals: list[Timed] = field(default_factory=list)
    """The bytes of the body, as they were read."""
    failure: Failure | None = None
    """What ended it, if not the server."""
    arrived: bool = True
    """Whether the server may have got the request: not where no connection was made."""


class Try(NamedTuple):
    """One time that a request was sent."""

    sent: float
    """`time.perf_counter()`, in seconds."""
    failure: str | None
    """The name of its failure; None where it was answered."""


@dataclass(frozen=True)
class Answer:
    """What became of one request."""

    text: str
    """The answer without reasoning; with a failure, what came of it."""
    reasoning: str
    finish: str | None
    """Why it ended, as the server says it: stop, length, content_filter, …"""
    model: str | None
    """The model as the server names it."""
    version: str | None
    """The `system_fingerprint`, where the server says one."""
    usage: Usage
    usage_fault: str | None
    """What is impossible in the usage that the server reported."""
    logprobs: tuple[Any, ...]
    """As the server sent them, one object a chunk."""
    failure: str | None
    """The name of what went wrong, one of `_failures.REMEDIES`; None where the request was answered."""
    detail: str | None
    """The failure in a sentence, with what to do next."""
    tries: tuple[Try, ...]
    """Every time that the request was sent, the last of them with the outcome."""
    asked_at: str
    """When it was sent first: UTC, ISO 8601."""
    scheduled: float | None
    """When it was to be sent, in open loop: `time.perf_counter()`, in seconds."""
    chunks: tuple[float, ...]
    """When each piece with content came, in seconds of `time.perf_counter()`; of an answer that was not streamed, when
    all of it was there."""
    streamed: bool

    @property
    def attempts(self) -> int:
        """How often the request was sent."""
        return sum(one.failure != SPEND_CAP for one in self.tries)

    @property
    def start(self) -> float:
        """Where latencies begin: the scheduled time in open loop, else the first sending."""
        return self.tries[0].sent if self.scheduled is None else self.scheduled

    @property
    def first_token_s(self) -> float | None:
        """Seconds to the first chunk with content; None without a stream."""
        return _latency.first_token_s(self.start, self.chunks) if self.streamed else None

    @property
    def between_chunks_s(self) -> list[float]:
        """Seconds between the chunks."""
        return _latency.between_chunks_s(self.chunks)

    @property
    def per_output_token_s(self) -> float | None:
        """Seconds by streamed token after the first; None without a stream, or where the server counts no tokens."""
        output = self.usage.output_tokens
        came = None if output is None else output - self.unseen_tokens
        return _latency.per_output_token_s(self.chunks, came) if self.streamed else None

    @property
    def unseen_tokens(self) -> int:
        """Output tokens that came in no chunk."""
        return _latency.unseen_tokens(self.reasoning, self.chunks, self.usage)

    @property
    def latency_s(self) -> float | None:
        """Seconds to the end of the answer."""
        return _latency.end_to_end_s(self.start, self.chunks)


def may_come_again(call: Call) -> bool:
    """Return whether a call failed so that the same request may succeed, and brought nothing of an answer.

    Only what looks like a failure is read.
    """
    ending = b"".join(data for _, data in call.arrivals[-3:])
    if call.status == OK and call.failure is None and b'"error"' not in ending:
        return False
    reading, failure = read_call(call)
    return failure is not None and failure.again and not reading.chunks


def read_call(call: Call) -> tuple[Reading, Failure | None]:
    """Return what a call brought, and why that is no answer, without the key."""
    reading, failure = _read(call)
    if failure is None:
        return reading, None
    return reading, failure._replace(detail=call.key.hide(failure.detail)[:LENGTH_OF_DETAIL])


def _read(call: Call) -> tuple[Reading, Failure | None]:
    if call.status is None:
        return Reading(), call.failure
    if call.status != OK:
        failure = of_status(call.status, b"".join(data for _, data in call.arrivals))
        return Reading(), failure
    if "html" in call.content_type:
        return Reading(), Failure(WRONG_URL, "The server answers with a web page")
    reading = read_stream(call.arrivals) if streamed(call) else read_body(call.arrivals)
    return reading, _failure(call, reading)


def streamed(call: Call) -> bool:
    """Return whether the answer came as a stream: a server may ignore that one was asked for."""
    return "json" not in call.content_type


def read_tail(call: Call) -> Reading:
    """Return the end of an answer, where its usage stands, without the time that reading all of a long stream takes."""
    if not streamed(call):
        return read_body(call.arrivals)
    size, first = 0, len(call.arrivals)
    while first > 0 and size < TAIL_BYTES:
        first -= 1
        size += len(call.arrivals[first][1])
    return read_stream(call.arrivals[first:])


def _failure(call: Call, reading: Reading) -> Failure | None:
    if reading.error is not None:
        return of_error(reading.error)
    if call.failure is not None and not reading.complete:
        return call.failure  # before broken JSON: a body that was cut off is also that
    if reading.broken:
        return Failure(BROKEN_JSON, "The server answers with what is no answer in JSON")
    if not reading.complete:
        return Failure(CUT_OFF, f"The stream ended after {len(reading.chunks)} chunks, without its end")
    if reading.refusal or reading.finish == "content_filter":
        return Failure(REFUSED, f"The model refuses: {reading.refusal or reading.finish}")
    return None


@dataclass(frozen=True)
class Exchange:
    """All calls of one request. Reading them takes the processor's time: under load, do it after the window."""

    calls: Sequence[Call]
    """At least one; the last of them has the outcome."""
    asked_at: str
    scheduled: float | None
    max_tokens: int | None
    input_at_most: int | None = None
    """The input tokens that its price was reserved for; None where it has none."""

    def read(self) -> Answer:
        """Return the answer."""
        outcomes = [read_call(call) for call in self.calls]
        tries = [
            Try(call.sent, failure and failure.name) for call, (_, failure) in zip(self.calls, outcomes, strict=True)
        ]
        reading, failure = outcomes[-1]
        return Answer(
            text=reading.text or reading.refusal,
            reasoning=reading.reasoning,
            finish=reading.finish,
            model=reading.model,
            version=reading.version,
            usage=_usage.read_usage(reading.usage),
            usage_fault=_usage.usage_fault(reading.usage, self.max_tokens, self.input_at_most),
            logprobs=tuple(reading.logprobs),
            failure=failure and failure.name,
            detail=failure and failure.sentence(),
            tries=tuple(tries),
            asked_at=self.asked_at,
            scheduled=self.scheduled,
            chunks=tuple(reading.chunks),
            streamed=streamed(self.calls[-1]),
        )
