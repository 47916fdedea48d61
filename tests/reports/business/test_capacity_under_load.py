"""Machines whose rate was measured under load, in place of a computed wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness import UseCase
from harness_reports.business.capacity import Capacity, capacities
from harness_reports.business.serving import serving
from harness_reports.business.supply import HOURS_PER_YEAR
from harness_reports.business.viability import viability
from harness_reports.explain.tables import Assumed
from harness_reports.explain.tables import rows as explained
from harness_reports.measured.results import Measured, Results
from harness_reports.prices.pricing import Pricing

MakeUseCase = Callable[..., UseCase]
SECONDS = HOURS_PER_YEAR * 3600


@pytest.fixture
def records(bench: Any) -> list[Any]:
    """Return a candidate measured in every scenario; under load it answers 2 a second within 0.3 s, 4 in 0.9 s."""
    records = bench.case()
    return [*records, bench.swept(base=records[-1])]


def measured(records: list[Any]) -> Measured:
    """Return the only candidate."""
    (candidate,) = Results.of(records).evaluated
    return candidate


def number(capacity: Capacity, peak_per_s: float) -> int:
    """Return the machines that a peak needs."""
    return int(capacity.machines(np.array([peak_per_s]))[0])


def test_machines_bear_the_rate_that_was_measured_within_the_limit(records: list[Any]) -> None:
    """2 a second within 0.3 s and 4 within 1 s, each machine the same; the wait is that of the load."""
    tight, wide = (capacities(measured(records), limit) for limit in (0.3, 1.0))

    assert [len(ways) for ways in (tight, wide)] == [1, 1]
    assert tight[0].samples_per_s == pytest.approx(2.0, rel=0.01)
    assert wide[0].samples_per_s == pytest.approx(4.0, rel=0.01)
    assert [number(tight[0], peak) for peak in (0.0, 1.99, 2.1, 99.0)] == [1, 1, 2, 50]
    assert tight[0].answer_s(1.0, 1) == pytest.approx(0.2)
    assert tight[0].serving.scenario == "Server"
    assert tight[0].rate_draws is None


def test_without_a_limit_throughput_decides_where_it_was_measured(bench: Any, records: list[Any]) -> None:
    """A queue is worked off later; under load alone the highest rate counts that keeps the suite's limit of 0.3 s."""
    evaluated = [record for record in records if record.spec.get("scenario") not in ("Offline", "SingleStream")]
    (offline,), (alone,) = capacities(measured(records), None), capacities(measured(evaluated), None)

    assert (offline.serving.scenario, offline.samples_per_s) == ("Offline", 100.0)
    assert (alone.serving.scenario, alone.load and alone.load.name) == ("Server", "Server 2/s")


def test_where_no_load_keeps_the_limit_the_wait_is_computed(bench: Any) -> None:
    """By single requests of 0.02 s; the way says why no load is taken. Without any load it says nothing."""
    records = bench.case()
    few = bench.swept(count=100, base=records[-1])
    (way, *_), (plain, *_) = (capacities(measured(each), 0.3) for each in ([*records, few], records))

    assert way.load is None
    assert way.serving.scenario == "SingleStream"
    assert "serve at least 459" in str(way.basis)
    assert plain.basis is None
    assert plain.bound(1) == way.bound(1)


def test_a_closed_loop_is_named(bench: Any) -> None:
    """Its requests never wait for one another's arrival."""
    records = bench.case()
    start = [0.25 * turn for turn in range(350) for _ in range(2)]
    closed = bench.load({"ClosedLoop 2": bench.requests(start, [[s + 0.25] for s in start], closed=True)},
                        base=records[-1])  # fmt: skip
    (way,) = capacities(measured([*records, closed]), 0.3)

    assert way.samples_per_s == pytest.approx(8.0)
    assert way.basis is not None
    assert way.basis.code == "rate in closed loop"


def test_the_serving_table_by_hand(records: list[Any], pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """9.9 a second, 29.7 at the peak, 0.3 s: 15 machines of 2 a second, at 0.10 USD an hour; a note says so."""
    case = make_use_case(requests_per_year=9.9 * SECONDS, needs={"quality": 0.6, "latency_s": 0.3})
    (row,) = serving(records, pricing, [case]).to_dict("records")
    rate = row["samples_per_s"]

    assert (row["scenario"], row["batch_size"], row["replicas"]) == ("Server", 8, 15)
    assert rate == pytest.approx(2.0, rel=0.01)
    assert row["replicas"] == np.ceil(29.7 / rate)
    assert row["usd_per_year"] == pytest.approx(15 * 0.10 * HOURS_PER_YEAR)
    assert row["utilisation"] == pytest.approx(9.9 / (15 * rate))
    assert row["answer_s"] == pytest.approx(0.2)
    assert "measured under load within the limit (run Server 2/s)" in row["note"]


def test_the_explanation_leads_to_the_run(records: list[Any], pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """Machines, from answers and seconds of the run; every figure is that of the table."""
    case = make_use_case(requests_per_year=10.0 * SECONDS, needs={"quality": 0.6, "latency_s": 0.3})
    (row,) = explained("serving", records, pricing, Assumed({case.name: case}))
    figures = row.figures()
    speed = next(each for each in figures["replicas"].walk() if each.name == "samples_per_s")

    assert figures["samples_per_s"].value == row.cells["samples_per_s"]
    assert "Server 2/s has the highest rate at which 99 of 100 requests were answered within 0.3 s" in speed.note
    assert speed.formula == "sum(answers) / sum(steady_s)"
    assert speed.inputs[0].source.startswith("run Server 2/s of record")
    assert figures["answer_s"].value == row.cells["answer_s"]


def test_a_verdict_rests_on_the_load(records: list[Any], pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """Its machines and costs are those of the serving table, in chart, verdict and explanation."""
    case = make_use_case(requests_per_year=9.9 * SECONDS, needs={"quality": 0.6, "latency_s": 0.3})
    (judged,) = viability(records, pricing, [case]).to_dict("records")
    (served,) = serving(records, pricing, [case]).to_dict("records")
    (row,) = explained("viability", records, pricing, Assumed({case.name: case}))

    assert judged["served_as"] == "Server"
    assert judged["replicas"] == served["replicas"] == 15
    assert judged["usd_per_year"] == served["usd_per_year"]
    assert all(row.cells[name] == figure.value for name, figure in row.figures().items() if name in row.cells)


def test_what_no_load_bears_is_said(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """A candidate that was served under load alone, at rates that break the limit: its row and its verdict say so."""
    *others, offline, single = bench.case()
    alone = [*others, bench.swept(base=others[-1], precision="fp32")]
    case = make_use_case(requests_per_year=9.9 * SECONDS, needs={"quality": 0.6, "latency_s": 0.05})
    (served,), (judged,) = (table(alone, pricing, [case]).to_dict("records") for table in (serving, viability))

    assert {offline.spec["scenario"], single.spec["scenario"]} == {"Offline", "SingleStream"}
    assert served["replicas"] is None
    for text in (served["note"], judged["reasons"]):
        assert "At every measured rate under 99 % of requests were answered in 0.05 s" in text


def test_the_window_of_the_load_counts(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """700 requests at 1,000 a second take 0.7 s: too short for a verdict, whatever the record's other runs took."""
    *others, _, _ = bench.case()
    brief = bench.load({"Server 1000/s": bench.steady(1000.0, 700, 0.01)}, base=others[-1])
    case = make_use_case(needs={"quality": 0.6, "latency_s": 0.3})
    (judged,) = viability([*others, brief], pricing, [case]).to_dict("records")

    assert judged["verdict"] == "not enough evidence"
    assert "The measured window of Server 1000/s is under 1 s" in judged["reasons"]


def test_a_verdict_says_that_its_rate_is_of_a_closed_loop(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """Requests that arrive by a clock wait longer."""
    records = bench.case()
    start = [0.25 * turn for turn in range(350) for _ in range(2)]
    columns = bench.requests(start, [[s + 0.25] for s in start], closed=True)
    case = make_use_case(needs={"quality": 0.6, "latency_s": 0.3})
    closed = bench.load({"ClosedLoop 2": columns}, base=records[-1])
    (judged,) = viability([*records, closed], pricing, [case]).to_dict("records")

    assert "as in the closed loop ClosedLoop 2" in judged["reasons"]
