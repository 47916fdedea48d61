"""The price of every call is reserved before it is sent: the server's own bill never passes the cap."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from harness.plugin_files import import_file
from harness.seams import Spend
from harness_endpoints._answer import Answer, Ask
from harness_endpoints._blocking import BlockingClient
from harness_endpoints._client import Client, Endpoint
from harness_endpoints._failures import Failure
from harness_endpoints._ledger import Ledger
from harness_endpoints._prices import Entry
from harness_endpoints._retry import Backoff
from harness_endpoints._spend import Spending, input_at_most

server = import_file(Path(__file__).with_name("server.py"))
Behaviour, Server = server.Behaviour, server.Server

GPT = Entry("openai", "gpt-4o")
INPUT, OUTPUT = Decimal("2.5") / 10**6, Decimal(10) / 10**6
"""USD a token, read off the list by hand."""
LONGEST = 8
ASK = Ask([{"role": "user", "content": "how are you today"}], {"max_tokens": LONGEST})
INPUT_TOKENS, OUTPUT_TOKENS = 4, 8
"""What the test server counts."""
PAID = INPUT_TOKENS * INPUT + OUTPUT_TOKENS * OUTPUT


@pytest.fixture
def spend(tmp_path: Path) -> Spend:
    """Return a cap of one dollar."""
    return Spend(1.0, tmp_path / "ledger", "step", frozenset({"step"}))


def endpoint(url: str, spend: Spend | None, *, waits: bool = True, **settings: Any) -> Endpoint:
    """Return an endpoint whose calls have a price."""
    backoff = Backoff(tries=3, first_s=0.01, longest_s=0.05)
    return Endpoint(url, "tiny", **{"backoff": backoff, "spending": Spending(GPT, spend, waits=waits), **settings})


def ask(one: Endpoint, asks: Sequence[Ask] = (ASK,)) -> list[Answer]:
    """Return the answers."""

    async def answers() -> list[Answer]:
        async with Client(one) as client:
            return await asyncio.gather(*(client.answer(each) for each in asks))

    return asyncio.run(answers())


def reserved(url: str) -> Decimal:
    """Return what is reserved for the request."""
    with_stream = {"model": "tiny", "messages": ASK.prompt, "max_tokens": LONGEST, "stream": True}
    body = with_stream | {"stream_options": {"include_usage": True}}
    return input_at_most(body) * INPUT + LONGEST * OUTPUT


def spent(spend: Spend) -> Decimal:
    """Return what the ledger holds."""
    ledger = Ledger(spend)
    assert ledger.reserve(Decimal(1000)) is None
    return ledger.total


PLANTED: dict[str, tuple[dict[str, Any], Callable[[Decimal], Decimal]]] = {
    "streamed": ({}, lambda _: PAID),
    "in one piece": ({"ignores_stream": True}, lambda _: PAID),
    "from the cache": ({"cached_tokens": 4}, lambda _: PAID - 4 * INPUT / 2),
    "long, in small pieces": ({"bytes_per_write": 7}, lambda _: PAID),
    "without usage": ({"usage": "none"}, lambda most: most),
    "impossible usage": ({"usage": "negative"}, lambda most: most),
    "more than max_tokens": ({"usage": "over"}, lambda _: PAID + 7 * OUTPUT),
    "cut off": ({"ending": "cut"}, lambda most: most),
    "refused as too many, then answered": ({"statuses": (429, 200)}, lambda _: PAID),
    "refused as unknown": ({"statuses": (404,)}, lambda _: Decimal(0)),
    "refused by a filter": ({"statuses": (400,)}, lambda most: most),
    "a fault of the server, then answered": ({"statuses": (500, 200)}, lambda most: most + PAID),
    "a fault of the server for good": ({"statuses": (500,)}, lambda most: 3 * most),
}
"""How a call goes → what is spent on it, from what was reserved."""


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_spent_on_a_call_is_exact(name: str, spend: Spend) -> None:
    """To the last token where the server says them; what it leaves open stays reserved, each try for itself."""
    behaviour, expected = PLANTED[name]
    with Server({"tiny": Behaviour(**behaviour)}) as one:
        ask(endpoint(one.url, spend))

    assert spent(spend) == expected(reserved(one.url))


def test_without_a_connection_nothing_is_spent(spend: Spend) -> None:
    """No try reached a server."""
    with Server() as one:
        url = one.url
    (answer,) = ask(endpoint(url, spend))

    assert (answer.failure, answer.attempts) == ("unreachable", 3)
    assert spent(spend) == 0


def test_what_is_given_up_stays_reserved(spend: Spend) -> None:
    """A time-out and a cancelled call may have been billed."""

    async def cancelled(one: Endpoint) -> None:
        async with Client(one) as client:
            call = asyncio.create_task(client.answer(ASK))
            await asyncio.sleep(0.5)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)

    slow = {"tiny": Behaviour(first_s=(5.0,))}
    with Server(slow) as one_server:
        asyncio.run(cancelled(endpoint(one_server.url, spend)))
        assert len(one_server.prompts("asked")) == 1
        assert spent(spend) == reserved(one_server.url)
        (answer,) = ask(endpoint(one_server.url, spend, time_out_s=0.1, backoff=Backoff(tries=1)))

    assert answer.failure == "timed out"
    assert spent(spend) == 2 * reserved(one_server.url)


def test_a_call_beyond_the_cap_is_not_sent(spend: Spend) -> None:
    """It ends by name, with the remedy; what is in the ledger is what the server was paid."""
    with Server() as one:
        cap = 2 * PAID + reserved(one.url)  # for the third, two must have been settled
        little = spend._replace(cap_usd=float(cap))
        answers = [ask(endpoint(one.url, little))[0] for _ in range(5)]

        assert len(one.prompts("asked")) == 3
    last = answers[-1]
    assert [answer.failure for answer in answers] == [None] * 3 + ["spend cap reached"] * 2
    assert (last.attempts, last.text) == (0, "")
    sentence = f"{3 * PAID:.4f} of {little.cap_usd} USD are spent or reserved, and the next call may cost "
    assert str(last.detail).startswith(f"{sentence}{reserved(one.url):.4f}. Next: raise spend_usd in the budgets")
    assert spent(little) == 3 * PAID


def test_calls_wait_for_room_where_their_speed_is_not_measured(spend: Spend) -> None:
    """Twenty at once need little, though the reservations of two fill the cap; timed ones end by name instead."""
    with Server({"tiny": Behaviour(first_s=(0.02,))}) as one:
        most = reserved(one.url)
        tight = spend._replace(cap_usd=float(18 * PAID + 2 * most))
        waited = ask(endpoint(one.url, tight), [ASK] * 20)
        assert max(entry["in_flight"] for entry in one.log) < 20

        fresh = tight._replace(ledger=tight.ledger.with_name("fresh"), cap_usd=float(2 * most))
        timed = ask(endpoint(one.url, fresh, waits=False), [ASK] * 20)

    assert [answer.failure for answer in waited] == [None] * 20
    assert spent(tight) == 20 * PAID
    assert sorted(str(answer.failure) for answer in timed) == ["None"] * 2 + ["spend cap reached"] * 18


def test_waiting_ends_when_nothing_can_make_room(spend: Spend) -> None:
    """The last calls under way are answered; the rest ends by name and not by waiting for ever."""
    with Server({"tiny": Behaviour(first_s=(0.02,))}) as one:
        tight = spend._replace(cap_usd=float(4 * PAID + reserved(one.url)))
        answers = ask(endpoint(one.url, tight), [ASK] * 20)

        assert len(one.prompts("answered")) == 5
    assert sorted(str(answer.failure) for answer in answers) == ["None"] * 5 + ["spend cap reached"] * 15


@pytest.mark.parametrize(("cap", "settings"), [(None, {"max_tokens": 8}), (1.0, {})])
def test_without_a_cap_or_a_limit_nothing_is_sent(cap: float | None, settings: Any, spend: Spend) -> None:
    """However the endpoint was reached: the check before a run says the same earlier."""
    with Server() as one:
        (answer,) = ask(endpoint(one.url, spend if cap else None), [replace(ASK, settings=settings)])

        assert one.log == []
    assert answer.failure == "spend cap reached"
    assert ("no spend_usd" if cap is None else "no max_tokens") in str(answer.detail)


def test_more_input_than_was_reserved_ends_the_step_by_name(spend: Spend, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is paid, it counts, and nothing of the kind is asked again."""
    monkeypatch.setattr(server, "input_tokens", lambda _: 5000)
    with Server() as one:
        (answer,) = ask(endpoint(one.url, spend))

    assert "reports 5000 input_tokens, and no more than" in str(answer.usage_fault)
    assert spent(spend) == 5000 * INPUT + OUTPUT_TOKENS * OUTPUT


def bill(log: Sequence[dict[str, Any]]) -> Decimal:
    """Return what a server asks for: everything that it began to answer, at the usage that it counted."""
    return sum((entry["billed"][0] * INPUT + entry["billed"][1] * OUTPUT for entry in log), Decimal(0))


class Billing:
    """A client's session in which a server answers at once, with random faults and usage; it keeps its own bill."""

    def __init__(self, draw: Random) -> None:
        """Begin."""
        self.draw, self.log = draw, list[dict[str, Any]]()

    async def post(self, body: dict[str, Any], call: Any) -> None:
        """Answer a request."""
        draw = self.draw
        await asyncio.sleep(draw.random() / 500)
        size = len(body["messages"][0]["content"].encode())
        usage = {"prompt_tokens": draw.randint(1, size), "completion_tokens": draw.randint(0, body["max_tokens"])}
        kind = draw.choice(["sound"] * 6 + ["silent", "cut", "error", "refused"])
        call.status, call.content_type = {"error": 500, "refused": 429}.get(kind, 200), "application/json"
        if kind != "refused":  # whatever else happens, it may be billed
            self.log.append({"billed": tuple(usage.values())})
        choice = {"message": {"content": "yes"}, "finish_reason": "stop"}
        answer = {"choices": [choice], **({"usage": usage} if kind == "sound" else {})}
        data = json.dumps(answer).encode()
        call.arrivals.append((0.0, data[: len(data) // 2] if kind == "cut" else data))


def seeded_run(seed: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Decimal, Decimal, Decimal]:
    """Ask with random prompts, limits, faults and kills; return the cap, the server's bill and the ledger's total."""
    draw = Random(seed)  # noqa: S311 - no secret
    cap = draw.choice([0.002, 0.01, 0.05])
    spend = Spend(cap, folder / str(seed), "step", frozenset({"step"}))
    billing = Billing(draw)

    async def post(client: Client, data: bytes, key: Any) -> Any:
        from harness_endpoints._answer import Call

        call = Call(0.0, key)
        await billing.post(json.loads(data), call)
        return call

    monkeypatch.setattr(Client, "_post", post)

    async def attempt() -> None:
        one = endpoint("http://127.0.0.1:1/v1", spend, waits=draw.random() < 0.5)
        async with Client(one) as client:
            calls = [asyncio.create_task(client.answer(some_ask(draw))) for _ in range(draw.randint(1, 12))]
            if draw.random() < 0.5:  # as a kill does: nothing is settled
                await asyncio.sleep(draw.random() / 200)
                for call in calls:
                    call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)

    for _ in range(draw.randint(1, 4)):
        asyncio.run(attempt())
    return Decimal(str(cap)), bill(billing.log), spent(spend)


def some_ask(draw: Random) -> Ask:
    """Return a request of random length."""
    text = draw.choice("aé字🙂 ") * draw.randint(1, 400)
    return Ask([{"role": "user", "content": text}], {"max_tokens": draw.choice([1, 16, 200])})


@pytest.mark.parametrize("given_up", [True, False], ids=["given up", "broken disk"])
def test_a_reservation_that_ends_otherwise_is_not_waited_for(
    given_up: bool, spend: Spend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that is given up while it reserves, or whose disk fails, makes no room: others end by name."""
    body = {"model": "tiny", "messages": ASK.prompt, "max_tokens": LONGEST}
    most = GPT.usd_at_most(input_at_most(body), LONGEST, datetime.now(UTC))
    spending = Spending(GPT, spend._replace(cap_usd=float(most)), waits=True)
    reserve = Ledger.reserve

    def slowly(ledger: Ledger, usd: Decimal) -> str | None:
        monkeypatch.setattr(Ledger, "reserve", reserve)  # once
        time.sleep(0.2)
        if not given_up:
            raise OSError("the disk is full")
        return reserve(ledger, usd)

    async def calls() -> Any:
        first = await spending.reserve(body)
        assert not isinstance(first, Failure)
        waiting = asyncio.create_task(spending.reserve(body))
        await asyncio.sleep(0.1)
        monkeypatch.setattr(Ledger, "reserve", slowly)
        ended = asyncio.create_task(spending.reserve(body))
        await asyncio.sleep(0.05)
        if given_up:
            ended.cancel()
        await asyncio.gather(ended, return_exceptions=True)
        await spending.settle(first, None)
        return await asyncio.wait_for(waiting, 10)

    outcome = asyncio.run(calls())

    assert isinstance(outcome, Failure)
    assert outcome.name == "spend cap reached"


def test_a_settlement_does_not_stop_the_streams_of_others(spend: Spend, monkeypatch: pytest.MonkeyPatch) -> None:
    """The event loop goes on while another process holds the lock of the ledger."""
    reached, free, turns = threading.Event(), threading.Event(), []
    settle = Ledger.settle

    def held(ledger: Ledger, call: str, usd: Decimal) -> None:
        reached.set()
        assert free.wait(20)
        settle(ledger, call, usd)

    async def calls(one: Endpoint) -> Answer:
        async with Client(one) as client:
            call = asyncio.create_task(client.answer(ASK))
            assert await asyncio.to_thread(reached.wait, 20)
            for _ in range(50):
                await asyncio.sleep(0.01)
                turns.append(call.done())
            free.set()
            return await call

    monkeypatch.setattr(Ledger, "settle", held)
    with Server() as one_server:
        answer = asyncio.run(calls(endpoint(one_server.url, spend)))

    assert turns == [False] * 50
    assert answer.failure is None
    assert spent(spend) == PAID


@pytest.mark.parametrize("seeds", [range(20), pytest.param(range(200), marks=pytest.mark.slow)], ids=len)
def test_the_cap_holds_over_seeded_runs(seeds: range, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has random usage, faults, retries and attempts that are broken off."""
    runs = [seeded_run(seed, tmp_path, monkeypatch) for seed in seeds]

    assert [billed for cap, billed, total in runs if not billed <= total <= cap] == []
    near = [cap for cap, _, total in runs if total > cap * Decimal("0.8")]
    assert len(near) > len(seeds) / 10  # many do reach it


def test_the_client_of_a_predictor_asks_within_the_cap(spend: Spend) -> None:
    """Through its own thread, as evaluations do."""
    with Server() as one, BlockingClient(endpoint(one.url, spend, concurrency=4)) as client:
        answers = client.answers([ASK] * 10)

    assert [answer.failure for answer in answers] == [None] * 10
    assert spent(spend) == 10 * PAID
