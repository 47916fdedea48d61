"""What the client of endpoints costs beside bare aiohttp: printed with `pytest -s`, and asserted nowhere.

The server, in a process of its own, sends the first token of each stream after 50 ms and then 50 tokens a second.
"""

import asyncio
import resource
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import numpy as np
import pytest

from harness.plugin_files import import_file
from harness_endpoints._answer import Ask, Exchange
from harness_endpoints._blocking import BlockingClient
from harness_endpoints._client import Client, Endpoint

pytestmark = pytest.mark.benchmark

server = import_file(Path(__file__).parents[1] / "endpoints" / "server.py")
TOKENS, REQUESTS, ROUNDS = 50, 3, 3
PROMPT = [{"role": "user", "content": "Say the same word again and again."}]
SETTINGS = {"max_tokens": TOKENS}
AIPERF = "AIPerf 0.13 on a machine of two cores, 2026-11-26, 50 streams: 0.30 CPU s, first token p50 113, p99 245 ms"


class Cost(NamedTuple):
    """What one client took in one round."""

    cpu_s: float
    """Processor time of this process per 1,000 tokens, with reading them."""
    busy: float
    """Processor time over wall time until the last answer came: 1 is all that one process of Python has."""
    first_s: list[float]
    """Times to the first token."""


async def measured(streams: int, ask: Callable[[], Awaitable[Any]], first_token_s: Callable[[Any], float]) -> Cost:
    """Ask in so many streams, each one request after the other; what `ask` returns is read after the window."""
    came: list[Any] = []

    async def stream() -> None:
        came.extend([await ask() for _ in range(REQUESTS)])

    began_cpu, began = cpu_s(), time.perf_counter()
    await asyncio.gather(*(stream() for _ in range(streams)))
    within, wall_s = cpu_s() - began_cpu, time.perf_counter() - began
    first_s = [first_token_s(one) for one in came]
    return Cost((cpu_s() - began_cpu) / (streams * REQUESTS * TOKENS) * 1000, within / wall_s, first_s)


def cpu_s() -> float:
    """Return the processor time of this process, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def with_aiohttp(url: str, streams: int) -> Cost:
    """Note when bytes come, and look at none of them."""
    body = {"model": "tiny", "messages": PROMPT, "stream": True, "stream_options": {"include_usage": True}, **SETTINGS}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask() -> float:
            sent = time.perf_counter()
            async with session.post(f"{url}/chat/completions", json=body) as response:
                times = [time.perf_counter() async for _ in response.content.iter_any()]
            return times[0] - sent

        return await measured(streams, ask, float)


async def with_client(url: str, streams: int) -> Cost:
    """Ask with the client, which reads text, usage and times of every chunk."""
    async with Client(Endpoint(url, "tiny")) as client:

        async def ask() -> Exchange:
            return await client.exchange(Ask(PROMPT, SETTINGS))

        return await measured(streams, ask, first_token_s)


def first_token_s(exchange: Exchange) -> float:
    """Read an answer; return the time to its first token."""
    answer = exchange.read()
    assert answer.usage.output_tokens == len(answer.chunks) == TOKENS
    assert answer.first_token_s is not None
    return answer.first_token_s


@pytest.mark.parametrize("streams", [50, 200])
def test_client_beside_bare_aiohttp(streams: int, capsys: Any) -> None:
    """In turns, after a round that is not counted."""
    costs: dict[Any, list[Cost]] = {with_aiohttp: [], with_client: []}
    with server.own_process("--first", "0.05", "--gap", "0.02", "--tokens", str(TOKENS)) as url:
        for _ in range(ROUNDS + 1):
            for one, taken in costs.items():
                taken.append(asyncio.run(one(url, streams)))
    bare, ours = (taken[1:] for taken in costs.values())
    ratios = [one.cpu_s / other.cpu_s for one, other in zip(ours, bare, strict=True)]
    with capsys.disabled():
        print(f"\n{streams} streams:    CPU s per 1,000 tokens, busy, first token of 50 ms at p50 and p99")  # noqa: T201 - it is there to be read
        print(f"bare aiohttp  {line(bare)}")  # noqa: T201 - as above
        print(f"client        {line(ours)}")  # noqa: T201 - as above
        print(f"client / bare {statistics.median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f}")  # noqa: T201 - as above
        print(AIPERF)  # noqa: T201 - as above

    assert len(ratios) == ROUNDS


def line(costs: list[Cost]) -> str:
    """Return the median of all rounds in words."""
    cpu, busy = (statistics.median(values) for values in ([c.cpu_s for c in costs], [c.busy for c in costs]))
    p50, p99 = np.percentile([first for cost in costs for first in cost.first_s], [50, 99]) * 1000
    return f"{cpu:.3f}, {busy:.0%}, {p50:.0f} ms, {p99:.0f} ms"


@pytest.mark.parametrize("first_s", [server.CONSTANT_S, server.BIMODAL_S, server.SLOW_TAIL_S], ids=len)
def test_latencies_beside_those_planted(first_s: tuple[float, ...], capsys: Any) -> None:
    """Medians of first tokens and of gaps, one request after the other; what is planted is the truth."""
    requests, gap_s = 40, 0.01
    arguments = ["--first", *map(str, first_s), "--gap", str(gap_s), "--tokens", "20"]
    with server.own_process(*arguments) as url, BlockingClient(Endpoint(url, "tiny", concurrency=1)) as client:
        answers = client.answers([Ask(PROMPT)] * requests)
    planted_s = statistics.median(first_s[number % len(first_s)] for number in range(requests))
    first = statistics.median(answer.first_token_s or 0 for answer in answers)
    gap = statistics.median(gap for answer in answers for gap in answer.between_chunks_s)
    with capsys.disabled():
        print(f"\nfirst token {first * 1e3:.2f} ms, planted {planted_s * 1e3:g}")  # noqa: T201 - it is there to be read
        print(f"gap         {gap * 1e3:.2f} ms, planted {gap_s * 1e3:g}")  # noqa: T201 - as above

    assert len(answers) == requests
