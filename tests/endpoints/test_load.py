"""Requests that arrive one by one, against a real server of known behaviour: times, tokens, failures by their names."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.errors import SuiteError
from harness.plugin_files import import_file
from harness.seams import Served
from harness_endpoints._answer import Ask, Call, Exchange
from harness_endpoints._blocking import BlockingClient
from harness_endpoints._client import Endpoint, Request, request_of
from harness_endpoints._failures import Failure
from harness_endpoints._lateness import Lateness
from harness_endpoints._load import Load, _row
from harness_endpoints._reading import has_content
from harness_endpoints._retry import Backoff

server = import_file(Path(__file__).with_name("server.py"))
Behaviour, Server = server.Behaviour, server.Server

QUICK = Backoff(tries=3, first_s=0.01, longest_s=2)
SETTINGS = {"max_tokens": 20}


class Flights:
    """What a load generator does: sends, and waits for what comes back."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.events: list[tuple[str, str]] = []
        self.left = threading.Semaphore(0)

    def send(self, prompt: str, *, then: Callable[[], None] = lambda: None) -> None:
        """Send a prompt; `then` is called in the thread of the event loop when it is done."""

        def done() -> None:
            self.events.append(("done", prompt))
            then()
            self.left.release()

        self.load.send(prompt, lambda: self.events.append(("first", prompt)), done)

    def all(self, prompts: list[str]) -> list[Served]:
        """Send all prompts at once; return what became of them."""
        for prompt in prompts:
            self.send(prompt)
        return self.load.served()


def make(endpoint: Endpoint) -> Callable[[str], Request]:
    """Return how a text becomes a request."""
    return lambda text: request_of(endpoint, Ask([{"role": "user", "content": text}], SETTINGS))


@contextmanager
def flights(one: Any, **settings: Any) -> Iterator[Flights]:
    """Open a load against a server, with quick retries."""
    endpoint = Endpoint(one.url, **{"model": "tiny", "backoff": QUICK, **settings})
    with BlockingClient(endpoint) as client:
        yield Flights(Load(lambda: client, make(endpoint)))


def event(at: float, *deltas: dict[str, Any], **more: Any) -> tuple[float, bytes]:
    """Return one arrival: an event for each delta."""
    choices = [[{"index": 0, "delta": delta}] for delta in deltas] or [[]]
    lines = [f"data: {json.dumps({'choices': one, **more})}\n\n" for one in choices]
    return at, "".join(lines).encode()


ROLE, THOUGHT, WORD = {"role": "assistant", "content": ""}, {"reasoning_content": "hm"}, {"content": " the"}
USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 8}}
RECORDED = [
    event(10.1, ROLE),
    event(10.25, THOUGHT),
    event(10.5, WORD, WORD),
    event(11.0, WORD),
    event(11.5, usage=USAGE),
    (11.5, b"data: [DONE]\n\n"),
]


def exchange(*arrivals: tuple[float, bytes], **fields: Any) -> Exchange:
    """Return an exchange of one call that was sent at 10."""
    call = Call(10.0, status=200, content_type="text/event-stream", arrivals=list(arrivals), **fields)
    return Exchange([call], "2026-11-27T12:00:00+00:00", None, 20)


def test_times_are_those_at_which_content_came() -> None:
    """Not those of the empty chunk before it, nor of usage and end after it; two words may come in one piece."""
    assert _row(exchange(*RECORDED)) == Served(10.0, (10.25, 10.5, 10.5, 11.0), True, 9, 8, 4, 1, None)


@pytest.mark.parametrize(
    ("thoughts", "tokens", "unseen"), [(0, 1050, 1000), (1, 1050, 0), (0, 50, 0)]
)  # the last ones come between marks in the text
def test_reasoning_that_is_not_shown_is_billed_and_takes_no_time_per_token(
    thoughts: int, tokens: int, unseen: int
) -> None:
    """50 words come 20 ms apart, after 1,000 tokens that were hidden, or thoughts that were shown."""
    details = {"reasoning_tokens": min(1000, tokens - 10)}
    usage = {"prompt_tokens": 9, "completion_tokens": tokens, "completion_tokens_details": details}
    words = [event(10 + 0.02 * place, THOUGHT if place < thoughts else WORD) for place in range(50)]
    call = exchange(*words, event(11.5, usage=usage), RECORDED[-1]).calls
    one = Exchange(call, "2026-11-27T12:00:00+00:00", None, None)
    row, answer = _row(one), one.read()

    assert (row.output_tokens, row.unseen_tokens, row.failure) == (tokens, unseen, None)
    assert row.streamed_tokens == tokens - unseen
    assert answer.per_output_token_s == pytest.approx(0.98 / (tokens - unseen - 1))


def test_a_try_that_failed_is_counted_from_its_sending() -> None:
    """Latency begins at the first try: waiting for another is part of it."""
    refused = Call(3.0, status=429, failure=None)
    answered = exchange(*RECORDED)
    row = _row(Exchange([refused, *answered.calls], answered.asked_at, None, 20))

    assert (row.sent, row.attempts, row.failure, row.chunks[0]) == (3.0, 2, None, 10.25)


@pytest.mark.parametrize(
    ("arrivals", "failure"),
    [
        (RECORDED[:1] + RECORDED[-2:], "empty"),
        ([event(10.1, {"refusal": "I cannot"}), RECORDED[-1]], None),
        ([*RECORDED[:3], event(11.5, usage=USAGE | {"completion_tokens": 21}), RECORDED[-1]], "impossible usage"),
        (RECORDED[:3], "cut off stream"),
    ],
)
def test_what_ended_without_an_answer_has_a_name(arrivals: Any, failure: str | None) -> None:
    """Nothing at all would be the fastest answer of all; a refusal in words is one."""
    assert _row(exchange(*arrivals)).failure == failure


def test_the_failure_of_a_connection_keeps_its_name() -> None:
    """Though an error came before any status."""
    call = Call(10.0, failure=Failure("unreachable", "No answer"))

    assert _row(Exchange([call], "", None, 20)) == Served(10.0, (), True, attempts=1, failure="unreachable")


@pytest.mark.parametrize(
    ("arrivals", "content"),
    [
        (RECORDED[:1], False),
        (RECORDED[:2], True),
        ([event(10.1, ROLE, WORD)], True),
        ([(10.1, event(10.1, WORD)[1][:30])], False),
        ([(10.1, b": PROCESSING\n\n"), event(10.2, ROLE)], False),
        ([(10.1, b"data: {broken\n\n"), event(10.2, WORD)], False),
        ([(10.1, b"data: [DONE]\n\n")], False),
        ([], False),
    ],
)
def test_the_first_content_is_no_role_comment_or_half_a_line(arrivals: Any, content: bool) -> None:
    """Reasoning is content."""
    assert has_content(arrivals) is content


@pytest.mark.parametrize("first_s", [server.CONSTANT_S, server.BIMODAL_S, server.SLOW_TAIL_S], ids=len)
def test_no_first_token_is_sooner_than_planted(first_s: tuple[float, ...]) -> None:
    """One request after the other; gaps are as planted or longer, and tokens exact."""
    gap_s, count = 0.005, 24
    with Server({"tiny": Behaviour(first_s=first_s, gap_s=gap_s, tokens=6)}) as one, flights(one) as air:
        rows = [air.all(["hello"])[0] for _ in range(count)]

    for number, row in enumerate(rows):
        assert row.chunks[0] - row.sent >= first_s[number % len(first_s)] - 1e-3  # of the server's own clock
        assert row.chunks[-1] - row.sent >= first_s[number % len(first_s)] + 5 * gap_s - 1e-3
        assert list(row.chunks) == sorted(row.chunks)
    assert [(row.output_tokens, len(row.chunks), row.failure) for row in rows] == [(6, 6, None)] * count


def test_requests_are_sent_at_once_and_returned_in_order() -> None:
    """`send` does not wait; each is asked once, and `first` comes once, before `done`."""
    answers = {f"item {n}": " ".join("x" * (n + 1)) for n in range(16)}
    slow = Behaviour(first_s=(0.6,))
    with Server({"tiny": slow}, answers=answers, planted={"item 3": Behaviour()}) as one, flights(one) as air:
        for prompt in answers:
            air.send(prompt)
        before = list(air.events)
        rows = air.load.served()
        nothing = air.load.served()
        most = max(entry["in_flight"] for entry in one.log)
        requested = one.prompts("asked")

    assert not [name for name, prompt in before if prompt != "item 3"]
    assert [row.output_tokens for row in rows] == [n + 1 for n in range(16)]
    assert sorted(requested) == sorted(answers)
    assert most > 8
    assert air.events[0] == ("first", "item 3")
    for prompt in answers:
        assert [name for name, which in air.events if which == prompt] == ["first", "done"]
    assert nothing == []


def test_the_next_may_be_sent_when_one_is_done() -> None:
    """As a closed loop does, from the thread that calls `done`."""
    with Server({"tiny": Behaviour(cached_tokens=1)}) as one, flights(one) as air:
        air.send("a b", then=lambda: air.send("c d e"))
        assert all(air.left.acquire(timeout=10) for _ in range(2))
        rows = air.load.served()

    assert [(row.input_tokens, row.cached_tokens, row.output_tokens) for row in rows] == [(2, 1, 8), (3, 1, 8)]
    assert rows[0].chunks[-1] <= rows[1].sent


def test_without_a_stream_no_first_token_is_reported() -> None:
    """The one time is that of the whole answer."""
    with Server() as one, flights(one, stream=False) as air:
        (row,) = air.all(["hello"])

    assert (row.streamed, len(row.chunks), row.output_tokens) == (False, 1, 8)
    assert air.events == [("done", "hello")]


FAILURES: dict[str, tuple[str, Any, int]] = {
    # the name of the failure, the behaviour, how often it is tried
    "429": ("rate limited", Behaviour(statuses=(429,)), 3),
    "500": ("server error", Behaviour(statuses=(500,)), 3),
    "400": ("bad request", Behaviour(statuses=(400,)), 1),
    "cut": ("cut off stream", Behaviour(ending="cut"), 1),
    "broken": ("broken JSON", Behaviour(ending="broken"), 1),
    "error": ("server error", Behaviour(ending="error"), 1),
    "empty": ("empty", Behaviour(tokens=0), 1),
    "negative": ("impossible usage", Behaviour(usage="negative"), 1),
    "over": ("impossible usage", Behaviour(usage="over"), 1),
}


def test_each_failure_has_its_name_beside_those_that_succeed() -> None:
    """All at once: it is counted once, its tries are in the server's log, and it holds up none of the others."""
    planted = {prompt: how for prompt, (_, how, _) in FAILURES.items()} | {
        "recovers": Behaviour(statuses=(429, 200), retry_after="1")
    }
    prompts = [*planted, *(f"item {n}" for n in range(20))]
    with Server(planted=planted) as one, flights(one) as air:
        rows = dict(zip(prompts, air.all(prompts), strict=True))
        requested = one.prompts("asked")

    expected = {prompt: (name, tries) for prompt, (name, _, tries) in FAILURES.items()}
    assert {prompt: (rows[prompt].failure, rows[prompt].attempts) for prompt in FAILURES} == expected
    assert {prompt: requested.count(prompt) for prompt in prompts} == {p: row.attempts for p, row in rows.items()}
    assert (rows["recovers"].failure, rows["recovers"].attempts) == (None, 2)
    assert rows["recovers"].chunks[0] - rows["recovers"].sent >= 1
    assert {rows[f"item {n}"].failure for n in range(20)} == {None}
    assert [name for name, prompt in air.events if prompt in {"429", "500", "400", "empty"}] == ["done"] * 4


@pytest.mark.parametrize("how", [Behaviour(ending="silence"), Behaviour(tokens=20, gap_s=0.2), Behaviour(first_s=(9,))])
def test_what_takes_too_long_is_a_failure_and_no_latency(how: Any) -> None:
    """Silence within an answer, an answer without an end, and none that began; the first two are not asked again."""
    with Server({"tiny": how}) as one, flights(one, silence_s=0.5, time_out_s=1) as air:
        (row,) = air.all(["hello"])
        requested = one.prompts("asked")

    assert row.failure == "timed out"
    assert row.attempts == len(requested) == (3 if how.first_s == (9,) else 1)


def test_requests_are_made_before_the_window() -> None:
    """Of each input once; another input is made when it is sent."""
    made: list[str] = []
    with Server() as one, BlockingClient(Endpoint(one.url, "tiny")) as client:

        def making(text: str) -> Request:
            made.append(text)
            return make(Endpoint(one.url, "tiny"))(text)

        load = Load(lambda: client, making)
        inputs = ["item 1", "item 2"]
        load.prepare(inputs)
        ahead = list(made)
        air = Flights(load)
        rows = air.all([inputs[1], inputs[0], inputs[1], "item 3"])
        requested = one.prompts("asked")

    assert ahead == inputs
    assert made == [*inputs, "item 3"]
    assert [row.failure for row in rows] == [None] * 4
    assert sorted(requested) == ["item 1", "item 2", "item 2", "item 3"]


def test_what_cannot_be_sent_is_raised_when_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is gone; the load generator hears that the request is done, and does not wait for ever."""
    monkeypatch.delenv("KEY_OF_LOAD", raising=False)
    with Server() as one, flights(one, key_variable="KEY_OF_LOAD") as air:
        with pytest.raises(SuiteError, match="KEY_OF_LOAD is to hold the key and is not set"):
            air.all(["hello"])
        requested = one.prompts("asked")

    assert air.events == [("done", "hello")]
    assert requested == []


def test_a_late_event_loop_is_seen() -> None:
    """Each timer that was due within a stall is late by what was left of it; the next window begins anew."""
    with Server({"tiny": Behaviour(first_s=(0.6,))}) as one, flights(one) as air:
        air.send("hello")
        air.load._connect().soon(lambda _: time.sleep(0.3))
        air.load.served()
        late_s = air.load.late_s()
        again = air.load.late_s()

    stalled = [late for late in late_s if late > 0.1]
    assert max(late_s) > 0.25
    assert len(stalled) >= 15
    assert min(late_s) >= 0
    assert again == []


def test_lateness_of_an_earlier_window_is_forgotten() -> None:
    """A warm-up that nobody asked about says nothing of the run after it."""

    async def watched(lateness: Lateness) -> None:
        lateness.start()
        time.sleep(0.05)  # noqa: ASYNC251 - a stall is what is looked for
        await asyncio.sleep(0.02)
        lateness.stop()

    seen, forgotten = Lateness(), Lateness()
    asyncio.run(watched(seen))
    asyncio.run(watched(forgotten))
    asyncio.run(started(forgotten))

    assert max(seen.take()) > 0.02
    assert forgotten.take() == []


async def started(lateness: Lateness) -> None:
    """Begin a window and end it at once."""
    lateness.start()
    lateness.stop()


def test_the_garbage_collector_leaves_alone_what_was_there() -> None:
    """While requests are timed, and no longer."""
    gc.unfreeze()  # what the tests froze when they began
    with Server({"tiny": Behaviour(first_s=(0.1,))}) as one, flights(one) as air:
        before = gc.get_freeze_count()
        air.send("hello")
        within = gc.get_freeze_count()
        air.load.served()

    assert (before, gc.get_freeze_count()) == (0, 0)
    assert within > 10_000
