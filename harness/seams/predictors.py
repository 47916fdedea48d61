"""What answers inputs: batches of them, or one by one as they arrive."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

Predict = Callable[[Sequence[Any]], Sequence[Any]]
"""A batch of inputs → as many outputs, of the types of the task's kind."""
Usage = Callable[[], Mapping[str, Sequence[Any]]]
"""Returns a column for each figure (`input_tokens`, `finish`, …), with a value for each input that was answered since
the last call, in their order; None where it is unknown."""


@dataclass(frozen=True)
class StreamingPredictor:
    """A `Predict` that can also stop at the first token, so that the time to the first token can be measured."""

    whole: Predict
    first: Predict
    """Answers with the first token only, and computes no more than that needs."""
    usage: Usage | None = None
    """Says what answers of `whole` consumed, where that is counted."""

    def __call__(self, inputs: Sequence[Any]) -> Sequence[Any]:
        """Return complete outputs."""
        return self.whole(inputs)


class Served(NamedTuple):
    """One request as it was served under load. Times are those of `time.perf_counter()`, in seconds."""

    sent: float
    """When it was first sent."""
    chunks: Sequence[float] = ()
    """When each piece of the answer with content came; of an answer that is not streamed, when all of it was there."""
    streamed: bool = True
    input_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None
    attempts: int = 1
    failure: str | None = None
    """The name of what went wrong, None where it was answered."""
    batch: int | None = None
    """How many requests it was answered with, by a predictor that answers batches; None elsewhere."""
    unseen_tokens: int = 0
    """Those of `output_tokens` that came in no piece, such as reasoning that is billed and not shown."""

    @property
    def streamed_tokens(self) -> int | None:
        """Output tokens that came in pieces: those of a time per token."""
        return None if self.output_tokens is None else self.output_tokens - self.unseen_tokens


class Concurrent(Protocol):
    """Answers requests that arrive one by one, many at a time."""

    def prepare(self, inputs: Sequence[Any]) -> None:
        """Do for these inputs what needs no answer. Called before requests are timed; others may be sent too."""

    def send(self, one: Any, first: Callable[[], None], done: Callable[[], None]) -> None:
        """Send a request and return at once.

        `first` is called when the first piece with content has come, `done` when the answer has ended or failed; both
        from another thread. Nothing else of an answer is read while requests are timed.
        """

    def served(self) -> Sequence[Served]:
        """Wait for what is in flight; return all requests since the last call, in the order of their sending."""
        ...

    def late_s(self) -> Sequence[float]:
        """Return how late timers fired where answers are awaited, in seconds, since the last call.

        Answers may have been noted that much later than they came: where it is a good part of a latency, the client was
        the limit.
        """
        ...


@dataclass(frozen=True)
class BilledPredictor:
    """A `Predict` that says what its answers consumed."""

    whole: Predict
    usage: Usage
    close: Callable[[], None] = lambda: None
    """Ends its connections; called when the step has ended."""
    concurrent: Concurrent | None = None
    """Asks for inputs that arrive one by one; None where it answers batches only."""

    def __call__(self, inputs: Sequence[Any]) -> Sequence[Any]:
        """Return outputs."""
        return self.whole(inputs)
