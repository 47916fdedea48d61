"""Which runs count, and the highest rate within a latency limit."""

from __future__ import annotations

from typing import Any

import pytest

from harness_reports.measured.loads import faults, loads_of, rate_under
from harness_reports.measured.results import Results


def swept(bench: Any, latencies: dict[float, float], count: int = 700, **more: Any) -> Any:
    """Return a record with a run for each rate, and its latency."""
    return bench.load({f"Server {rate:g}/s": bench.steady(rate, count, s) for rate, s in latencies.items()}, **more)


def test_the_highest_rate_within_a_limit(bench: Any) -> None:
    """Of 1, 2 and 4 a second with 0.1, 0.2 and 0.9 s: by the limit, and without one the highest of all."""
    record = swept(bench, {1.0: 0.1, 2.0: 0.2, 4.0: 0.9})
    rates = {limit: rate_under(record, limit) for limit in (0.15, 0.2001, 1.0, None)}

    assert [rate.per_s for rate in rates.values()] == pytest.approx([1.0, 2.0, 4.0, 4.0], rel=0.01)
    assert rates[0.15].load is not None
    assert rates[0.15].load.name == "Server 1/s"
    assert rates[0.15].why_not is None


def test_a_candidate_has_the_rates_of_all_its_servings(bench: Any) -> None:
    """Two largest batches were tried; runs of two seeds at one rate are one load of 1,400 requests."""
    records = [swept(bench, {1.0: 0.1, 3.0: 0.4}, batch_size=8), swept(bench, {2.0: 0.1}, batch_size=16, seed=0),
               swept(bench, {2.0: 0.1}, batch_size=16, seed=1)]  # fmt: skip
    (candidate,) = Results.of(records).candidates.values()
    rate = rate_under(candidate, 0.3)

    assert rate.per_s == pytest.approx(2.0, rel=0.01)
    assert rate.load is not None
    assert rate.load.requests == 1400


def test_a_limit_needs_enough_requests(bench: Any) -> None:
    """The 99th percentile of 100 requests is not known: the reason says how many are needed."""
    rate = rate_under(swept(bench, {1.0: 0.1}, count=100), 0.5)

    assert rate.per_s is None
    assert str(rate.why_not).endswith("serve at least 459 at a rate.")


def test_a_limit_that_no_rate_keeps(bench: Any) -> None:
    """The reason names the limit."""
    assert "in 0.05 s" in str(rate_under(swept(bench, {1.0: 0.1}), 0.05).why_not)


def test_failed_requests_keep_no_limit(bench: Any) -> None:
    """Seven of 700 are within the share that may fail, but were not answered in time; eight are over it."""
    for count, words in ((7, "serve at least"), (8, "8 of 700 requests failed, over 1 %: 8 HTTP 500")):
        failure = ["HTTP 500"] * count + [None] * (700 - count)
        record = bench.load({"Server 1/s": bench.steady(1.0, 700, 0.1, failure=failure)})
        assert words in str(rate_under(record, 0.5).why_not)


def test_arrivals_by_a_clock_decide(bench: Any) -> None:
    """A closed loop sends no request while one waits: its rate stands without a limit, or without others."""
    start = [0.25 * turn for turn in range(350) for _ in range(2)]
    closed = bench.load({"ClosedLoop 2": bench.requests(start, [[s + 0.25] for s in start], closed=True)})
    (both,) = Results.of([closed, swept(bench, {1.0: 0.1})]).candidates.values()

    assert rate_under(closed, 0.3).per_s == pytest.approx(8.0)
    assert rate_under(both, 0.3).per_s == pytest.approx(1.0, rel=0.01)
    assert rate_under(both, None).per_s == pytest.approx(8.0)


@pytest.mark.parametrize(
    ("about", "code"),
    [
        ({"valid": False, "why_not": "the client was the limit"}, "client too slow"),
        ({"client_cpu_s": 9.0, "wall_s": 10.0}, "client too slow"),
        ({"valid": False, "why_not": "early stopping"}, "load not valid"),
        ({"client_cpu_s": 8.9, "wall_s": 10.0}, None),
    ],
)
def test_a_run_that_does_not_count_gives_no_rate(bench: Any, about: dict[str, Any], code: str | None) -> None:
    """The client was the limit, by the record or by its CPU seconds; or the record says another reason."""
    record = swept(bench, {1.0: 0.1}, about=about)
    (load,) = loads_of([record])
    rate = rate_under(record, 0.5)

    assert [fault.code for fault in faults(load)] == ([code] if code else [])
    assert (rate.per_s is None, rate.why_not and rate.why_not.code) == (code is not None, code)


def test_the_cpu_of_a_model_in_the_process_is_no_client(bench: Any) -> None:
    """It answers in batches there: its own work fills the core."""
    columns = bench.steady(1.0, 700, 0.1, batch=[4] * 700)
    busy = bench.load({"Server 1/s": columns}, about={"client_cpu_s": 10.0, "wall_s": 10.0})

    assert rate_under(busy, 0.5).per_s == pytest.approx(1.0, rel=0.01)


def test_a_saturated_rate_is_no_capacity(bench: Any) -> None:
    """Latency grows from request to request: the rate below it counts."""
    start = [place / 4 for place in range(700)]
    growing = bench.requests(start, [[0.4 * (place + 1)] for place in range(700)])
    record = bench.load({"Server 1/s": bench.steady(1.0, 700, 0.1), "Server 4/s": growing})

    assert [fault.code for load in loads_of([record]) for fault in faults(load)] == ["load saturated"]
    assert rate_under(record, None).per_s == pytest.approx(1.0, rel=0.01)


def test_requests_that_were_left_are_saturation(bench: Any) -> None:
    """Not failures of the model: the run ended before their turn came."""
    failure = [None] * 600 + ["unanswered"] * 100
    (load,) = loads_of([bench.load({"Server 1/s": bench.steady(1.0, 700, 0.1, failure=failure)})])

    assert [fault.code for fault in faults(load)] == ["load saturated"]


def test_without_load_there_is_no_rate(bench: Any) -> None:
    """Other scenarios have none; a run that ends before its first answer has none either."""
    (candidate,) = Results.of(bench.case()).evaluated
    short = bench.load({"Server 1/s": bench.requests([0.0, 0.5], [[1.0], [1.5]])})

    assert rate_under(candidate, 0.5).why_not is not None
    assert rate_under(candidate, 0.5).why_not.code == "load not measured"
    assert rate_under(short, 5.0).why_not.code == "load too short"  # type: ignore[union-attr]
