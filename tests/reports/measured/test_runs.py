"""What requests under load took: worked by hand, against other formulas, and against a simulated queue."""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import SuiteError
from harness.measure import runs as measure
from harness.measure.search import broken
from harness.seams import Served
from harness_reports.measured.runs import Run, Window, loads_of, runs_of


def run(columns: dict[str, list[Any]], rate_per_s: float | None = 1.0) -> Run:
    """Return a run; without a rate it is a closed loop."""
    return Run(None, "run", columns, {"rate_per_s": rate_per_s})  # type: ignore[arg-type] # no record is read


def searched(served: list[Served]) -> measure.Run:
    """Return a run as a search sees it, of requests that were due at 0."""
    return measure.Run(
        "Server", 1.0, None, served, [0.0] * len(served), 2.0, 0.0, [],
        wire=True, log={}, readings={}, repeats=False,
    )  # fmt: skip


@pytest.fixture
def three(bench: Any) -> Run:
    """Requests at 0, 1 and 2 s: four tokens in three chunks, one token, and one that failed."""
    chunks = [[0.5, 0.7, 1.1], [1.25], []]
    failure = [None, None, "timed out"]
    return run(bench.requests([0.0, 1.0, 2.0], chunks, output_tokens=[4, 1, None], failure=failure))


def test_the_times_of_a_request(three: Run) -> None:
    """First token, end to end, and (end to end - first) / (tokens - 1): none for one token, none of a failure."""
    assert three.first_token_s[:2] == pytest.approx([0.5, 0.25])
    assert three.latency_s[:2] == pytest.approx([1.1, 0.25])
    assert three.per_token_s[0] == pytest.approx(0.6 / 3)
    assert np.isnan(three.per_token_s[1])
    assert three.gap_s == pytest.approx([0.2, 0.4])
    assert all(np.isnan(values[2]) for values in (three.first_token_s, three.latency_s, three.per_token_s))
    assert three.failures == {"timed out": 1}


def test_an_open_loop_counts_from_the_schedule_and_a_closed_one_from_the_sending(bench: Any) -> None:
    """A client that sends 0.2 s late does not make a server faster."""
    late = bench.requests([0.0], [[1.0]], scheduled_s=[0.0], sent_s=[0.2])

    assert run(late).latency_s.tolist() == [1.0]
    assert run(late | {"scheduled_s": [None]}, None).latency_s.tolist() == [0.8]


def test_an_answer_that_is_not_streamed_has_no_first_token(bench: Any) -> None:
    """All of it is there at once: neither a first token nor gaps nor a time per token were seen."""
    whole = run(bench.requests([0.0, 1.0], [[0.5], [1.5]], streamed=False, output_tokens=20, batch=2))

    assert np.isnan(whole.first_token_s).all()
    assert np.isnan(whole.per_token_s).all()
    assert whole.gap_s.size == 0
    assert whole.latency_s.tolist() == [0.5, 0.5]


def test_the_steady_part_has_the_rate_of_the_server(bench: Any) -> None:
    """By hand: 2 requests a second of 10 tokens, and 4 in flight of 0.5 s each: 8 a second; the whole has less."""
    open_loop = run(bench.steady(2.0, 50, 3.0))
    start = [0.5 * turn for turn in range(10) for _ in range(4)]
    closed = run(bench.requests(start, [[s + 0.25, s + 0.5] for s in start], closed=True), None)

    for each, rate, tokens in ((open_loop, 2.0, 20.0), (closed, 8.0, 16.0)):
        steady, whole = each.steady, each.whole
        assert steady is not None
        assert whole is not None
        assert each.answers(steady) / steady.seconds == pytest.approx(rate)
        assert each.tokens(steady) == pytest.approx(tokens * steady.seconds, rel=0.02)
        assert each.answers(whole) / whole.seconds < rate + 1e-9
        assert each.tokens(whole) == each.output_tokens.sum()


def test_without_a_steady_part_there_is_none(bench: Any) -> None:
    """All requests are sent at once, or the first answer comes after the last request, or none comes."""
    assert run(bench.requests([0.0, 0.0], [[1.0], [1.0]], closed=True), None).steady is None
    assert run(bench.requests([0.0, 0.5], [[1.0], [1.5]])).steady is None
    assert run(bench.requests([0.0], [[]], failure="refused")).whole is None


@pytest.mark.parametrize(
    ("rate_per_s", "seconds", "latency_s", "steady"),
    [
        (16.0, 10.0, (2.0, 10.0), 0),
        (32.0, 10.0, (2.0, 10.0), 0),
        (50.0, 14.0, (1.0, 8.0), 49),
        (8.0, 60.0, (2.0, 10.0), 50),
    ],
)
def test_answers_that_take_a_good_part_of_a_run_are_neither_a_backlog_nor_a_rate(
    bench: Any, rate_per_s: float, seconds: float, latency_s: tuple[float, float], steady: int
) -> None:
    """Of 50 servers that never queue one at most is called saturated; the rate is that of the arrivals or none."""
    saturated, rates = 0, []
    for seed in range(50):
        random = np.random.default_rng(seed)
        start = np.cumsum(random.exponential(1 / rate_per_s, int(rate_per_s * seconds)))
        each = run(bench.requests(start.tolist(), [[end] for end in start + random.uniform(*latency_s, start.size)]))
        saturated += each.saturated
        if each.steady is not None and not each.saturated:
            rates.append(each.answers(each.steady) / each.steady.seconds)

    assert saturated <= 1
    assert len(rates) >= steady if steady else not rates
    assert not rates or np.mean(rates) == pytest.approx(rate_per_s, rel=0.02)


def test_a_saturated_run_has_the_rate_of_its_server(bench: Any) -> None:
    """Twice and five times as many requests come as one server answers, one a second."""
    for load in (2.0, 5.0):
        each = run(bench.requests(*queue(load, 2000, 1)))
        assert each.saturated
        assert each.steady is not None
        assert each.answers(each.steady) / each.steady.seconds == pytest.approx(1.0, rel=0.15)


def test_a_server_that_shares_itself_among_all_requests_is_seen_to_be_full(bench: Any) -> None:
    """Requests of one second of work at 1.5 a second: those that are answered after the last start all end together."""
    start, ends = np.arange(1, 301) / 1.5, np.zeros(300)
    left: dict[int, float] = {}
    for place, (now, until) in enumerate(zip(start, [*start[1:], np.inf], strict=True)):
        left[place] = 1.0
        while left and now + min(left.values()) * len(left) <= until:
            least, done = min((work, one) for one, work in left.items())
            now += least * len(left)  # noqa: PLW2901 - the clock
            ends[done] = now
            left = {one: work - least for one, work in left.items() if one != done}
        left = {one: work - (until - now) / len(left) for one, work in left.items()}

    assert run(bench.requests(start.tolist(), [[end] for end in ends])).saturated


def test_a_query_of_several_requests_is_one_latency(bench: Any) -> None:
    """100 queries of 8, a second each: 8 answers a second, and 100 latencies, each of the slowest request."""
    start = [float(second) for second in range(100) for _ in range(8)]
    ends = [[s + 0.5 + 0.05 * (place % 8)] for place, s in enumerate(start)]
    failure = [None] * 799 + ["HTTP 500"]
    columns = bench.requests(start, ends, closed=True, failure=failure)
    record = bench.load({"MultiStream 8": columns}, load={"limits": {"latency_s": 0.86}, "percentile": 50})
    (load,) = loads_of([record])
    (each,) = load.runs

    assert load.seconds("latency_s") == pytest.approx([0.85] * 99)
    assert load.waits_s[-1] == np.inf
    assert len(load.waits_s) == 100
    assert (load.kept().slow, load.objective(0.84, 0.5).slow, load.objective(0.86, 0.5).slow) == (1, 100, 1)  # type: ignore[union-attr]
    assert load.requests == each.answered.size == 800
    assert load.requests_per_s == pytest.approx(8.0)


def test_failed_requests_are_no_speed(bench: Any) -> None:
    """Instant errors add neither answers nor tokens, whatever pieces had come."""
    good = bench.steady(1.0, 20, 0.5)
    broken = {name: values + values for name, values in good.items()} | {"failure": [None] * 20 + ["HTTP 500"] * 20}

    assert run(broken).answers(Window(0.0, 30.0)) == run(good).answers(Window(0.0, 30.0)) == 20
    assert run(broken).tokens(Window(0.0, 30.0)) == run(good).tokens(Window(0.0, 30.0)) == 200
    assert np.nansum(run(broken).latency_s) == pytest.approx(10.0)


def test_reasoning_that_is_not_shown_takes_no_time_per_token(bench: Any) -> None:
    """50 words 20 ms apart after 1,000 hidden tokens: 20 ms a token; all 1,050 are billed. Older records have none."""
    columns = bench.requests([0.0], [np.linspace(1.0, 1.98, 50).tolist()], output_tokens=1050)
    hidden = run(columns | {"unseen_tokens": [1000]})

    assert hidden.per_token_s == pytest.approx([0.02])
    assert run(columns).per_token_s == pytest.approx([0.98 / 1049])
    assert hidden.tokens(Window(0.0, 2.0)) == pytest.approx(1050)
    for limit_s, kept in ((0.019, False), (0.021, True)):
        limits = {"per_token_s": limit_s}
        served = [Served(0.0, tuple(columns["chunks_s"][0]), output_tokens=1050, unseen_tokens=1000)]
        assert hidden.kept(limits).tolist() == [kept]  # type: ignore[union-attr]
        assert broken(searched(served), limits) == (not kept)


def test_tokens_that_are_not_known_are_not_counted(bench: Any) -> None:
    """One answer without a count: the rate of tokens is unknown, not lower."""
    assert run(bench.steady(1.0, 3, 0.5, output_tokens=[10, None, 10])).tokens(Window(0.0, 9.0)) is None


def test_a_request_keeps_every_limit_or_does_not_count(three: Run, bench: Any) -> None:
    """One token has no time per token; a failure keeps none; what was not seen leaves it unknown."""
    assert three.kept({}).tolist() == [True, True, False]  # type: ignore[union-attr]
    assert three.kept({"first_token_s": 0.4, "latency_s": None}).tolist() == [False, True, False]  # type: ignore[union-attr]
    assert three.kept({"per_token_s": 0.1}).tolist() == [False, True, False]  # type: ignore[union-attr]
    assert three.kept({"per_token_s": 0.3, "latency_s": 1.0}).tolist() == [False, True, False]  # type: ignore[union-attr]
    whole = run(bench.requests([0.0], [[0.5]], streamed=False))
    assert whole.kept({"first_token_s": 1.0}) is None
    assert whole.kept({"latency_s": 1.0}).tolist() == [True]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("tokens", "streamed", "kept"),
    [(0, True, True), (1, True, True), (1, False, True), (2, True, False), (7, True, True), (None, True, None),
     (7, False, None)],
)  # fmt: skip
def test_search_and_table_judge_the_time_per_token_alike(
    bench: Any, tokens: int | None, streamed: bool, kept: bool | None
) -> None:
    """Half a second between two chunks, and a limit of 0.1 s; where it cannot be checked the search says so."""
    limits = {"per_token_s": 0.1}
    columns = bench.requests([0.0], [[1.0, 1.5]], output_tokens=tokens, streamed=streamed)
    judged = run(columns).kept(limits)
    made = searched([Served(0.0, (1.0, 1.5), streamed, output_tokens=tokens)])

    if kept is None:
        assert judged is None
        with pytest.raises(SuiteError, match="per_token_s cannot be checked"):
            broken(made, limits)
    else:
        assert judged is not None
        assert judged.tolist() == [kept]
        assert broken(made, limits) == (not kept)


def queue(load: float, count: int, seed: int, servers: int = 1) -> tuple[list[float], list[list[float]]]:
    """Return starts and ends of a queue with Poisson arrivals and exponential service of 1 s."""
    random = np.random.default_rng(seed)
    start = np.cumsum(random.exponential(1 / (load * servers), count))
    free, ends = [0.0] * servers, []
    for arrival in start:
        ends.append(max(arrival, heapq.heappop(free)) + random.exponential(1.0))
        heapq.heappush(free, ends[-1])
    return start.tolist(), [[end] for end in ends]


@pytest.mark.parametrize("servers", [1, 8])
def test_a_growing_backlog_is_seen_and_a_waiting_queue_is_not_taken_for_one(bench: Any, servers: int) -> None:
    """Of 50 simulated queues at half and at 80 % of their capacity none is saturated; at 150 % nearly all are."""
    saturated = {
        load: sum(run(bench.requests(*queue(load, 700, seed, servers))).saturated for seed in range(50))
        for load in (0.5, 0.8, 1.5)
    }

    assert saturated[0.5] == saturated[0.8] == 0
    assert saturated[1.5] >= 49


def test_long_answers_are_no_backlog(bench: Any) -> None:
    """40 requests are always in flight, since an answer takes as long as 40 arrivals; in a closed loop none waits."""
    assert not run(bench.steady(1.0, 60, 40.0)).saturated
    start, ends = queue(3.0, 300, 1)
    assert run(bench.requests(start, ends)).saturated
    assert not run(bench.requests(start, ends, closed=True), None).saturated


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0.001, 50), st.integers(1, 30)), min_size=2, max_size=40))
def test_times_add_up(bench: Any, requests: list[tuple[float, float, int]]) -> None:
    """First token + time per token x (tokens - 1) = end to end; gaps add up to the same; windows add up."""
    start = sorted(begin for begin, _, _ in requests)
    chunks = [np.linspace(s + took / 2, s + took, tokens).tolist()
              for s, (_, took, tokens) in zip(start, requests, strict=True)]  # fmt: skip
    each = run(bench.requests(start, chunks))
    later = np.array([tokens - 1 for _, _, tokens in requests])
    decoded = np.where(later > 0, np.nan_to_num(each.per_token_s) * later, 0.0)

    assert each.first_token_s + decoded == pytest.approx(each.latency_s)
    assert each.gap_s.sum() == pytest.approx(decoded.sum())
    assert each.whole is not None
    middle = (each.whole.begin_s + each.whole.end_s) / 2
    parts = (Window(each.whole.begin_s, middle), Window(middle, each.whole.end_s))
    assert sum(each.answers(part) for part in parts) == len(start)
    assert sum(each.tokens(part) or 0 for part in parts) == pytest.approx(each.output_tokens.sum())


def test_records_hold_runs_by_name(bench: Any) -> None:
    """Each with its own description; a record of another scenario holds none."""
    record = bench.load({"Server 1/s": bench.steady(1.0, 5, 0.5), "Server 2/s": bench.steady(2.0, 5, 0.5)})

    assert [(each.name, each.about["rate_per_s"], each.open_loop) for each in runs_of(record)] == [
        ("Server 1/s", 1.0, True), ("Server 2/s", 2.0, True)]  # fmt: skip
    assert runs_of(bench.batches([0.1] * 10)) == []
