"""What a load on endpoints costs beside bare aiohttp: printed with `pytest -s`, and asserted nowhere.

The server, in a process of its own, sends the first token of each stream after 50 ms and then 50 tokens a second.
"""

import asyncio
import json
import resource
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

import aiohttp
import numpy as np
import pytest

from harness.plugin_files import import_file
from harness.seams import Served
from harness_endpoints._answer import Ask
from harness_endpoints._blocking import BlockingClient
from harness_endpoints._client import Endpoint, request_of
from harness_endpoints._load import Load

pytestmark = pytest.mark.benchmark

server = import_file(Path(__file__).parents[1] / "endpoints" / "server.py")
TOKENS, REQUESTS, ROUNDS = 50, 3, 5
PROMPT = [{"role": "user", "content": "Say the same word again and again."}]
SETTINGS = {"max_tokens": TOKENS}
AIPERF = "AIPerf 0.13 on a machine of two cores, 2026-11-26, 50 streams: 0.30 CPU s, first token p50 113, p99 245 ms"


class Cost(NamedTuple):
    """What one client took in one round."""

    window_s: float
    """Processor time of this process per 1,000 tokens, until the last answer came."""
    all_s: float
    """The same, with reading the answers."""
    busy: float
    """Processor time over wall time until the last answer came: 1 is all that one process of Python has."""
    first_s: Sequence[float]
    """Times to the first token."""
    late_s: Sequence[float]
    """How late timers fired."""


class Window:
    """Processor time and wall time from its beginning."""

    def __init__(self) -> None:
        self._cpu_s, self._wall_s = cpu_s(), time.perf_counter()

    def cost(self, streams: int, read: Callable[[], tuple[Sequence[float], Sequence[float]]]) -> Cost:
        """Return what was taken; `read` returns times to the first token, and how late timers fired."""
        within, wall_s = cpu_s() - self._cpu_s, time.perf_counter() - self._wall_s
        first_s, late_s = read()
        thousands = streams * REQUESTS * TOKENS / 1000
        return Cost(within / thousands, (cpu_s() - self._cpu_s) / thousands, within / wall_s, first_s, late_s)


def cpu_s() -> float:
    """Return the processor time of this process, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def with_aiohttp(url: str, streams: int) -> Cost:
    """Note when bytes come, and look at none of them."""
    return asyncio.run(_with_aiohttp(url, streams))


async def _with_aiohttp(url: str, streams: int) -> Cost:
    body = {"model": "tiny", "messages": PROMPT, "stream": True, "stream_options": {"include_usage": True}, **SETTINGS}
    first_s: list[float] = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def stream() -> None:
            for _ in range(REQUESTS):
                sent = time.perf_counter()
                async with session.post(f"{url}/chat/completions", json=body) as response:
                    times = [time.perf_counter() async for _ in response.content.iter_any()]
                first_s.append(times[0] - sent)

        window = Window()
        await asyncio.gather(*(stream() for _ in range(streams)))
        return window.cost(streams, lambda: (first_s, ()))


def with_load(url: str, streams: int) -> Cost:
    """Keep so many requests in flight, and read text, usage and times of every chunk when all have come."""
    with loading(url) as load:
        window = Window()
        closed_loop(load, streams, streams * REQUESTS)

        def read() -> tuple[Sequence[float], Sequence[float]]:
            rows = load.served()
            assert {(row.failure, row.output_tokens, len(row.chunks)) for row in rows} == {(None, TOKENS, TOKENS)}
            return [first_s(row) for row in rows], load.late_s()

        return window.cost(streams, read)


@contextmanager
def loading(url: str) -> Iterator[Load]:
    """Open a load that asks with one prompt."""
    endpoint = Endpoint(url, "tiny")
    with BlockingClient(endpoint) as client:
        load = Load(lambda: client, lambda prompt: request_of(endpoint, Ask(prompt, SETTINGS)))
        load.prepare([PROMPT])
        yield load


def closed_loop(load: Load, streams: int, requests: int) -> None:
    """Send so many requests, the next when one is done; this thread sends, as a load generator's does."""
    done: SimpleQueue[None] = SimpleQueue()
    for number in range(requests):
        if number >= streams:
            done.get()
        load.send(PROMPT, lambda: None, lambda: done.put(None))
    for _ in range(min(streams, requests)):
        done.get()


def first_s(row: Served) -> float:
    """Return the time to the first token."""
    return row.chunks[0] - row.sent


@pytest.mark.parametrize("streams", [50, 200])
def test_load_beside_bare_aiohttp(streams: int, capsys: Any) -> None:
    """In turns, after a round that is not counted."""
    costs: dict[Any, list[Cost]] = {with_aiohttp: [], with_load: []}
    with server.own_process("--first", "0.05", "--gap", "0.02", "--tokens", str(TOKENS)) as url:
        for _ in range(ROUNDS + 1):
            for one, taken in costs.items():
                taken.append(one(url, streams))
    bare, ours = (taken[1:] for taken in costs.values())
    lines = [
        f"{streams} streams:     CPU s per 1,000 tokens (reading included), busy, first token of 50 ms p50, p99",
        f"bare aiohttp    {line(bare)}",
        f"load            {line(ours)}; timers late {percentiles(ours, 'late_s')}",
        f"load / bare     {ratios(bare, ours, 'window_s')}, reading included {ratios(bare, ours, 'all_s')}",
    ]
    with capsys.disabled():
        print("", *lines, AIPERF, sep="\n")  # noqa: T201 - it is there to be read

    assert len(ours) == len(bare) == ROUNDS


def line(costs: list[Cost]) -> str:
    """Return medians of all rounds in words."""
    window, whole, busy = (statistics.median(values) for values in list(zip(*costs, strict=True))[:3])
    return f"{window:.3f} ({whole:.3f}), {busy:.0%}, {percentiles(costs, 'first_s')}"


def percentiles(costs: list[Cost], name: str) -> str:
    """Return 50th and 99th percentile over all rounds."""
    p50, p99 = np.percentile([value for cost in costs for value in getattr(cost, name)], [50, 99]) * 1000
    return f"{p50:.1f} ms, {p99:.1f} ms"


def ratios(bare: list[Cost], ours: list[Cost], name: str) -> str:
    """Return the median ratio of the rounds, with the least and the largest."""
    each = [getattr(one, name) / getattr(other, name) for one, other in zip(ours, bare, strict=True)]
    return f"{statistics.median(each):.2f} ({min(each):.2f} to {max(each):.2f})"


@pytest.mark.parametrize("planted_s", [server.CONSTANT_S, server.BIMODAL_S, server.SLOW_TAIL_S], ids=len)
def test_latencies_beside_those_planted(planted_s: tuple[float, ...], tmp_path: Path, capsys: Any) -> None:
    """Errors of first tokens and of gaps, one request after the other.

    The server is late itself: its event loop wakes at whole milliseconds. Its log has the time that it took.
    """
    requests, gap_s, log = 40, 0.01, tmp_path / "log.jsonl"
    arguments = ["--first", *map(str, planted_s), "--gap", str(gap_s), "--tokens", "20", "--log", str(log)]
    with server.own_process(*arguments) as url, loading(url) as load:
        closed_loop(load, 1, requests)
        rows = load.served()
    logged = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    sent_s = [entry["first_s"] for entry in logged if entry["event"] == "answered"]
    planted = [planted_s[number % len(planted_s)] for number in range(requests)]
    waited_s = [first_s(row) for row in rows]
    gaps = [later - sooner for row in rows for sooner, later in pairwise(row.chunks)]
    of_server, of_client = errors(sent_s, planted), errors(waited_s, sent_s)
    lines = [
        f"first token planted {statistics.median(planted_s) * 1e3:g} ms, median error {errors(waited_s, planted)} ms",
        f"            of it the server's {of_server} ms, the client's and the way's {of_client} ms",
        f"gap         planted {gap_s * 1e3:g} ms, median error {errors(gaps, [gap_s] * len(gaps))} ms",
    ]
    with capsys.disabled():
        print("", *lines, sep="\n")  # noqa: T201 - it is there to be read

    assert (len(sent_s), len(gaps)) == (requests, requests * 19)


def errors(measured_s: Sequence[float], true_s: Sequence[float]) -> str:
    """Return the median difference, in milliseconds."""
    differences = [one - other for one, other in zip(measured_s, true_s, strict=True)]
    return f"{statistics.median(differences) * 1e3:.2f}"
