"""The client against a real server of known behaviour: tokens exact, each failure by its name, each try counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from harness.errors import SuiteError
from harness.plugin_files import import_file
from harness_endpoints._answer import Answer, Ask
from harness_endpoints._blocking import BlockingClient
from harness_endpoints._client import Client, Endpoint
from harness_endpoints._failures import REMEDIES
from harness_endpoints._retry import Backoff
from harness_endpoints._usage import Usage

server = import_file(Path(__file__).with_name("server.py"))
Behaviour, Server = server.Behaviour, server.Server

POEM = "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich – 天地玄黃 宇宙洪荒 🎲"


def messages(text: str) -> list[dict[str, str]]:
    """Return one turn of a user."""
    return [{"role": "user", "content": text}]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("api", ["chat", "completions"])
def test_an_answer_is_as_planted(ask_once: Callable[..., Answer], api: str, stream: bool) -> None:
    """Text, tokens, finish reason, model, one try and the day, by both ways to ask and to answer."""
    with Server({"tiny": Behaviour(cached_tokens=1)}, answers={"a b c": POEM}) as one:
        answer = ask_once(one, "a b c", api=api, stream=stream)

    assert (answer.text, answer.failure, answer.finish, answer.model) == (POEM, None, "stop", "tiny")
    assert answer.usage == Usage(3, 1, None, 14, 0)
    assert (answer.attempts, answer.usage_fault, answer.streamed) == (1, None, stream)
    assert len(answer.chunks) == (14 if stream else 1)
    assert datetime.fromisoformat(answer.asked_at).tzinfo is not None
    assert (answer.first_token_s is None) is not stream


@pytest.mark.parametrize(
    "how",
    [
        Behaviour(chunks_per_write=3),
        Behaviour(chunks_per_write=100),
        Behaviour(bytes_per_write=7),
        Behaviour(bytes_per_write=50, line_end="\r\n"),
        Behaviour(ending="no done"),
    ],
)
def test_pieces_of_the_connection_do_not_matter(ask_once: Callable[..., Answer], how: Any) -> None:
    """Several chunks in one piece, and pieces that cut lines and characters."""
    with Server({"tiny": how}, answers={"poem": POEM}) as one:
        answer = ask_once(one, "poem")

    assert (answer.text, answer.failure, len(answer.chunks)) == (POEM, None, 14)


def test_a_chunk_is_not_a_token(ask_once: Callable[..., Answer]) -> None:
    """Tokens are as the server counts them; chunks are what came."""
    with Server({"tiny": Behaviour(tokens=10, tokens_per_chunk=4, gap_s=0.01)}) as one:
        answer = ask_once(one)

    assert (answer.usage.output_tokens, len(answer.chunks), len(answer.between_chunks_s)) == (10, 3, 2)
    assert answer.per_output_token_s == (answer.chunks[-1] - answer.chunks[0]) / 9


def test_reasoning_is_counted_and_is_no_text(ask_once: Callable[..., Answer]) -> None:
    """Its first chunk is the first token."""
    with Server({"tiny": Behaviour(reasoning="let me think", tokens=2)}) as one:
        answer, whole = ask_once(one), ask_once(one, stream=False)

    for given in (answer, whole):
        assert (given.text, given.reasoning) == (" the the", "let me think")
        assert (given.usage.output_tokens, given.usage.reasoning_tokens) == (5, 3)
    assert len(answer.chunks) == 5


def test_max_tokens_ends_with_length(ask_once: Callable[..., Answer]) -> None:
    """The finish reason is the server's; it is no failure of the call."""
    with Server(answers={"poem": POEM}) as one:
        answer = ask_once(one, "poem", {"max_tokens": 3})

    assert (answer.text, answer.finish, answer.failure) == ("Zwölf Boxkämpfer jagen", "length", None)
    assert answer.usage.output_tokens == 3


@pytest.mark.parametrize(
    ("usage", "counted", "fault"), [("none", None, None), ("negative", None, "-3"), ("over", 10, "max_tokens is 3")]
)
def test_wrong_usage_is_named(
    ask_once: Callable[..., Answer], usage: str, counted: int | None, fault: str | None
) -> None:
    """The text stays; what no count can be is None, and no server has to send any."""
    with Server({"tiny": Behaviour(usage=usage)}) as one:
        answer = ask_once(one, "hello", {"max_tokens": 3})

    assert (answer.failure, answer.text, answer.usage.output_tokens) == (None, " the the the", counted)
    assert (fault in answer.usage_fault) if fault else answer.usage_fault is None


def error(**fields: Any) -> dict[str, Any]:
    """Return an error object."""
    return {"message": "planted", "type": "planted", "code": None, **fields}


SILENT = Behaviour(ending="silence")
FAILURES: dict[str, tuple[str, Any, int, str]] = {
    # the name of the failure, the behaviour, how often it is tried, the text that came
    "429": ("rate limited", Behaviour(statuses=(429,)), 3, ""),
    "no credit": ("no credit", Behaviour(statuses=(429,), error=error(code="insufficient_quota")), 1, ""),
    "500": ("server error", Behaviour(statuses=(500,)), 3, ""),
    "501": ("server error", Behaviour(statuses=(501,)), 1, ""),
    "502": ("server error", Behaviour(statuses=(502,)), 3, ""),
    "503": ("server error", Behaviour(statuses=(503,)), 3, ""),
    "504": ("server error", Behaviour(statuses=(504,)), 3, ""),
    "400": ("bad request", Behaviour(statuses=(400,)), 1, ""),
    "403": ("unauthorised", Behaviour(statuses=(403,)), 1, ""),
    "307": ("wrong URL", Behaviour(statuses=(307,)), 1, ""),
    "filtered request": ("refused", Behaviour(statuses=(400,), error=error(code="content_filter")), 1, ""),
    "long": ("context too long", Behaviour(statuses=(400,), error=error(code="context_length_exceeded")), 1, ""),
    "cut": ("cut off stream", Behaviour(ending="cut"), 1, " the the"),
    "broken": ("broken JSON", Behaviour(ending="broken"), 1, " the the"),
    "silence": ("timed out", SILENT, 1, " the the"),
    "silence at first": ("timed out", Behaviour(first_s=(60,)), 3, ""),
    "error in the stream": ("server error", Behaviour(ending="error"), 1, " the the"),
    "error in pieces": ("server error", Behaviour(ending="error", bytes_per_write=9), 1, " the the"),
    "error before the text": ("server error", Behaviour(ending="error", ending_after=0), 3, ""),
    "refusal": ("refused", Behaviour(refusal="I cannot"), 1, "I cannot"),
    "filtered": ("refused", Behaviour(finish="content_filter", tokens=1), 1, " the"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_each_failure_has_its_name(ask_once: Callable[..., Answer], case: str) -> None:
    """It is tried again only where nothing of an answer came, and every try is counted, by the server too."""
    name, how, tries, text = FAILURES[case]
    with Server({"tiny": how}) as one:
        limits = {"silence": {"silence_s": 0.3}, "silence at first": {"time_out_s": 0.3}}.get(case, {})
        answer = ask_once(one, **limits)
        sent = len(one.prompts("asked"))

    assert (answer.failure, answer.attempts, answer.text) == (name, tries, text)
    assert [one.failure for one in answer.tries] == [name] * tries
    assert sent == tries
    assert answer.detail is not None
    assert answer.detail.endswith(f"Next: {REMEDIES[name]}")


@pytest.mark.parametrize(
    ("how", "name"),
    [
        (Behaviour(ending="cut"), "cut off stream"),
        (Behaviour(ending="broken"), "broken JSON"),
        (Behaviour(refusal="I cannot"), "refused"),
        (SILENT, "timed out"),
    ],
)
def test_each_failure_of_a_whole_body_has_its_name(ask_once: Callable[..., Answer], how: Any, name: str) -> None:
    """Without a stream too."""
    with Server({"tiny": how}) as one:
        answer = ask_once(one, stream=False, time_out_s=0.3 if how is SILENT else 30)

    assert answer.failure == name


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_server_that_recovers_is_asked_again(ask_once: Callable[..., Answer], status: int) -> None:
    """The answer counts the tries before it, each with its name and time."""
    with Server({"tiny": Behaviour(statuses=(status, status, 200), tokens=1)}) as one:
        answer = ask_once(one)

    name = "rate limited" if status == 429 else "server error"
    assert (answer.failure, answer.text) == (None, " the")
    assert [one.failure for one in answer.tries] == [name, name, None]
    assert answer.tries[0].sent < answer.tries[1].sent < answer.tries[2].sent


def test_retry_after_is_honoured(ask_once: Callable[..., Answer]) -> None:
    """No try comes sooner than the server asks, though pauses are short; latency has the waiting in it."""
    with Server({"tiny": Behaviour(statuses=(429, 200), retry_after="1")}) as one:
        answer = ask_once(one)

    assert answer.failure is None
    assert answer.tries[1].sent - answer.tries[0].sent >= 1
    assert answer.latency_s is not None
    assert answer.latency_s >= 1


def test_too_long_a_wait_is_a_failure(ask_once: Callable[..., Answer]) -> None:
    """The longest pause is two seconds here; an hour is not waited for."""
    with Server({"tiny": Behaviour(statuses=(429, 200), retry_after="3600")}) as one:
        answer = ask_once(one)

    assert (answer.failure, answer.attempts) == ("rate limited", 1)


def test_a_long_first_token_is_no_silence(ask_once: Callable[..., Answer]) -> None:
    """Silence counts between pieces of an answer: before the first a server works."""
    with Server({"tiny": Behaviour(first_s=(0.5,), chunks_per_write=100)}) as one:
        answer = ask_once(one, silence_s=0.2)

    assert answer.failure is None


def test_a_stream_that_goes_on_too_long_is_ended(ask_once: Callable[..., Answer]) -> None:
    """Though it is never silent; what came is kept."""
    with Server({"tiny": Behaviour(tokens=500, gap_s=0.02)}) as one:
        answer = ask_once(one, time_out_s=1)

    assert (answer.failure, answer.attempts) == ("timed out", 1)
    assert answer.text.startswith(" the the")
    assert "within 1 s" in str(answer.detail)


def test_an_answer_in_one_piece_instead_of_a_stream_is_read(ask_once: Callable[..., Answer]) -> None:
    """Some servers ignore that a stream is asked for: no time to the first token then."""
    with Server({"tiny": Behaviour(ignores_stream=True)}) as one:
        answer = ask_once(one)

    assert (answer.failure, answer.streamed, answer.first_token_s) == (None, False, None)
    assert answer.usage.output_tokens == 8


def test_latency_begins_at_the_scheduled_time() -> None:
    """In open loop a request that is sent late was waited for."""
    with Server() as one:

        async def ask() -> tuple[float, Answer]:
            async with Client(Endpoint(one.url, "tiny")) as client:
                due = time.perf_counter() - 5
                return due, await client.answer(Ask(messages("hello")), scheduled=due)

        due, answer = asyncio.run(ask())

    assert answer.scheduled == answer.start == due
    assert answer.first_token_s is not None
    assert answer.first_token_s > 5


def test_what_is_asked_is_what_is_sent(ask_once: Callable[..., Answer]) -> None:
    """Settings as they are; the extra body replaces, and None removes."""
    with Server({"other": Behaviour()}) as one:
        answer = ask_once(one, "hello", {"max_tokens": 2, "top_p": 1}, {"model": "other", "stream_options": None})

    assert (answer.model, answer.usage.output_tokens, answer.text) == ("other", None, " the the")


def test_blocking_answers_stand_in_order_and_come_as_they_come() -> None:
    """With so many in flight as allowed, over connections that are kept."""
    slow = Behaviour(first_s=(0.5,))
    with (
        Server(answers={f"item {n}": f"answer {n}" for n in range(20)}, planted={"item 0": slow}) as one,
        BlockingClient(Endpoint(one.url, "tiny", concurrency=4)) as client,
    ):
        came: list[int] = []
        answers = client.answers(
            (Ask(messages(f"item {n}")) for n in range(20)), lambda place, answer: came.append(place)
        )
        again = client.answers([Ask(messages("item 3"))])
        most = max(entry["in_flight"] for entry in one.log)

    assert [answer.text for answer in answers] == [f"answer {n}" for n in range(20)]
    assert sorted(came) == list(range(20))
    assert came[0] != 0
    assert most <= 4
    assert again[0].text == "answer 3"
    assert client.answers([]) == []


def test_requests_are_taken_when_there_is_room() -> None:
    """So that a caller can reserve the money of each before it is sent."""
    taken: list[int] = []
    ahead: list[int] = []

    def asks() -> Any:
        for n in range(6):
            taken.append(n)
            yield Ask(messages(f"item {n}"))

    with Server() as one, BlockingClient(Endpoint(one.url, "tiny", concurrency=2)) as client:
        client.answers(asks(), lambda place, answer: ahead.append(len(taken)))

    assert ahead == [2, 3, 4, 5, 6, 6]


def test_what_a_caller_raises_ends_what_is_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes out as it is; no further request is sent, and the client can be used again."""
    monkeypatch.setattr("harness_endpoints._blocking.LAST_S", 0.1)

    def stop(place: int, answer: Answer) -> None:
        raise LookupError("enough")

    slow = {f"item {n}": Behaviour(first_s=(60,)) for n in range(1, 9)}
    with Server(planted=slow) as one, BlockingClient(Endpoint(one.url, "tiny", concurrency=3)) as client:
        with pytest.raises(LookupError, match="enough"):
            client.answers((Ask(messages(f"item {n}")) for n in range(9)), stop)
        sent = len(one.prompts("asked"))
        again = client.answers([Ask(messages("more"))])

    assert sent <= 3
    assert again[0].failure is None


@pytest.mark.parametrize(("error", "kept"), [(LookupError, {1, 2, 3}), (KeyboardInterrupt, {0, 1, 2})])
def test_what_lands_beside_an_answer_that_is_not_taken_is_handed_over(
    error: type[BaseException], kept: set[int]
) -> None:
    """It is paid for. Ctrl-C waits for nothing that is still in flight; no further request is sent.

    Ctrl-C comes once, and the answer that was being taken is handed over again; the other fault stays.
    """
    handed: list[int] = []
    interrupts = [0]

    def take(place: int, answer: Answer) -> None:
        if place == 0 and (error is LookupError or interrupts):
            interrupts.clear()
            deadline = time.monotonic() + 20
            while len(one.prompts("answered")) < 3 and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(0.7)  # until the client has read them
            raise error("enough")
        handed.append(place)

    planted = {f"item {n}": Behaviour(first_s=(wait_s,)) for n, wait_s in ((1, 0.1), (2, 0.1), (3, 4.0))}
    with Server(planted=planted) as one, BlockingClient(Endpoint(one.url, "tiny", concurrency=4)) as client:
        with pytest.raises(error, match="enough"):
            client.answers((Ask(messages(f"item {n}")) for n in range(9)), take)
        sent = len(one.prompts("asked"))

    assert set(handed) == kept
    assert sent == 4


def test_nothing_is_sent_again_beside_an_answer_that_is_not_taken() -> None:
    """A further try may be billed, and its answer would be thrown away."""

    def stop(place: int, answer: Answer) -> None:
        raise LookupError("enough")

    planted = {"item 0": Behaviour(first_s=(0.3,)), "item 1": Behaviour(statuses=(500, 200))}
    with (
        Server(planted=planted) as one,
        BlockingClient(Endpoint(one.url, "tiny", backoff=Backoff(first_s=2.0))) as client,
    ):
        with pytest.raises(LookupError, match="enough"):
            client.answers([Ask(messages(f"item {n}")) for n in range(2)], stop)
        prompts = sorted(one.prompts("asked"))

    assert prompts == ["item 0", "item 1"]


def test_planted_faults_among_references_are_exact() -> None:
    """Each item's answer or failure, the tokens of all, and the tries."""
    planted = {
        "item 3": Behaviour(ending="cut"),
        "item 5": Behaviour(statuses=(500, 200)),
        "item 7": Behaviour(ending="broken"),
        "item 8": Behaviour(refusal="no way"),
        "item 9": Behaviour(statuses=(400,)),
    }
    answers = {f"item {n}": f"this is answer {n}" for n in range(12)}
    with (
        Server(answers=answers, planted=planted) as one,
        BlockingClient(Endpoint(one.url, "tiny", backoff=Backoff(first_s=0.01))) as client,
    ):
        replies = client.answers(Ask(messages(f"item {n}")) for n in range(12))

    failures = {n: reply.failure for n, reply in enumerate(replies) if reply.failure}
    right = [n for n, reply in enumerate(replies) if reply.text == answers[f"item {n}"] and not reply.failure]
    assert failures == {3: "cut off stream", 7: "broken JSON", 8: "refused", 9: "bad request"}
    assert right == [0, 1, 2, 4, 5, 6, 10, 11]
    assert sum(reply.usage.output_tokens or 0 for reply in replies if not reply.failure) == 4 * 8
    assert [reply.attempts for reply in replies] == [2 if n == 5 else 1 for n in range(12)]


def test_the_server_serves_from_the_command_line(tmp_path: Path, ask_once: Callable[..., Answer]) -> None:
    """In a process of its own, with a log that outlives what asked."""
    answers, log = tmp_path / "answers.json", tmp_path / "log.jsonl"
    answers.write_text('{"hello": "well met"}', encoding="utf-8")

    class There:
        url = ""

    with server.own_process("--answers", str(answers), "--log", str(log), "--key", "") as There.url:
        answer = ask_once(There)

    assert answer.text == "well met"
    assert [line.split('"')[3] for line in log.read_text(encoding="utf-8").splitlines()] == ["asked", "answered"]


def test_a_prompt_of_the_other_form_is_refused(ask_once: Callable[..., Answer]) -> None:
    """Before anything is sent."""
    with Server() as one:
        with pytest.raises(SuiteError, match="asked with a text"):
            ask_once(one, messages("hello"), api="completions")

        assert one.log == []
