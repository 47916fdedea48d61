"""What the bytes of an answer say: text, reasoning, finish reason, usage, and when each chunk of content came."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import from_json

from harness_endpoints._stream import DONE, Timed, events


@dataclass
class Reading:
    """What was read of one answer; what came before a fault is kept, for it may have been billed."""

    text: str = ""
    """The answer, without reasoning."""
    reasoning: str = ""
    refusal: str = ""
    """What the model says in place of an answer, where the server marks it so."""
    finish: str | None = None
    """Why it ended, as the server says it: stop, length, content_filter, …"""
    model: str | None = None
    """The model as the server names it."""
    version: str | None = None
    """What the server calls its configuration, `system_fingerprint`."""
    usage: Mapping[str, Any] | None = None
    """The object `usage` as the server sent it."""
    logprobs: list[Any] = field(default_factory=list)
    """The objects `logprobs` of the chunks that have one, as the server sent them."""
    chunks: list[float] = field(default_factory=list)
    """When each chunk with content was whole, by `time.perf_counter()` in seconds, reasoning and refusals included. A
    chunk may hold several tokens."""
    error: Mapping[str, Any] | None = None
    """An answer that is an error object, though its status is 200."""
    broken: bool = False
    """Whether a part is no JSON, or no answer of OpenAI's form."""
    choices: int = 0
    """How many choices came, in chunks."""
    done: bool = False
    """Whether the end was announced."""

    @property
    def complete(self) -> bool:
        """Whether the server said that this is all."""
        return self.done or self.finish is not None


def read_stream(arrivals: Iterable[Timed]) -> Reading:
    """Read a stream of server-sent events."""
    reading = Reading()
    for at, data in events(arrivals):
        if data == DONE:
            reading.done = True
            break
        if not _take(reading, at, data):
            break
    return _mended(reading)


def has_content(arrivals: Iterable[Timed]) -> bool:
    """Return whether what came of a stream holds content; no more of it is read than that needs."""
    reading = Reading()
    for at, data in events(arrivals):
        if data == DONE or not _take(reading, at, data):
            return False
        if reading.chunks:
            return True
    return False


def read_body(arrivals: Sequence[Timed]) -> Reading:
    """Read an answer that is one JSON object."""
    reading = Reading()
    at = arrivals[-1][0] if arrivals else 0.0
    whole = _take(reading, at, b"".join(data for _, data in arrivals))
    reading.done = whole and reading.choices > 0
    return _mended(reading)


def _take(reading: Reading, at: float, data: bytes) -> bool:
    """Add one JSON object to a reading; return whether it is one of an answer."""
    try:
        body = _parsed(data)
        if body.get("error"):
            reading.error = body
            return False
        _add(reading, body, at)
    except (ValueError, TypeError, AttributeError, RecursionError):  # no JSON, or of another form
        reading.broken = True
    return not reading.broken


def _parsed(data: bytes) -> Any:
    """Return what JSON says; half a character, which is none for the quick parser, is kept."""
    try:
        return from_json(data)
    except ValueError:
        return json.loads(data)


def _mended(reading: Reading) -> Reading:
    """Join halves of characters in a text, for some servers cut an emoji in two; one alone becomes U+FFFD."""
    try:
        reading.text.encode()
    except UnicodeEncodeError:
        reading.text = reading.text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return reading


def _add(reading: Reading, body: Mapping[str, Any], at: float) -> None:
    reading.model = body.get("model") or reading.model
    reading.version = body.get("system_fingerprint") or reading.version
    reading.usage = body.get("usage") or reading.usage
    for choice in body.get("choices") or ():
        reading.choices += 1
        part = choice.get("delta") or choice.get("message") or choice
        content = part.get("content") or part.get("text")
        reasoning = part.get("reasoning_content") or part.get("reasoning")
        refusal = part.get("refusal")
        if content or reasoning or refusal:
            reading.chunks.append(at)
            reading.text += content or ""
            reading.reasoning += reasoning or ""
            reading.refusal += refusal or ""
        reading.finish = choice.get("finish_reason") or reading.finish
        if logprobs := choice.get("logprobs"):
            reading.logprobs.append(logprobs)
