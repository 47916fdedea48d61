"""The load table: hand-worked rows, numpy's percentiles, and the summaries of another tool from its raw times."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import Reading
from harness_reports.cells import missing
from harness_reports.explain.tables import rows as explained
from harness_reports.measured.intervals import RESAMPLES
from harness_reports.measured.judgement import judge
from harness_reports.measured.latency import median_interval
from harness_reports.measured.load_figures import load_figures
from harness_reports.measured.load_table import LOAD, load
from harness_reports.measured.results import Results
from harness_reports.measured.runs import loads_of
from harness_reports.measured.tables import throughput

PEER = Path(__file__).parent / "vllm_bench_c4.json"


def test_a_sweep_by_hand(bench: Any) -> None:
    """Ten tokens in ten chunks, the first after a quarter of the latency; only 4/s breaks the limit of 0.3 s."""
    frame = load([bench.swept()]).set_index("run")

    assert list(frame.index) == ["Server 1/s", "Server 2/s", "Server 4/s"]
    assert frame["answers_per_s"].tolist() == pytest.approx([1.0, 2.0, 4.0], rel=0.01)
    assert frame["output_tokens_per_s"].tolist() == pytest.approx([10.0, 20.0, 40.0], rel=0.01)
    assert frame["first_token_median_s"].tolist() == pytest.approx([0.025, 0.05, 0.225])
    assert frame["per_token_median_s"].tolist() == pytest.approx([0.075 / 9, 0.15 / 9, 0.675 / 9])
    assert frame["gap_median_s"].tolist() == pytest.approx(frame["per_token_median_s"].tolist())
    assert frame["user_tokens_per_s"].tolist() == pytest.approx([120.0, 60.0, 9 / 0.675])
    assert frame["latency_p99_s"].tolist() == pytest.approx([0.1, 0.2, 0.9])
    assert frame["goodput_per_s"].tolist() == pytest.approx([1.0, 2.0, 0.0], rel=0.01)
    assert frame["limits_kept"].tolist() == ["met", "met", "missed"]
    assert frame["highest"].tolist() == [False, True, False]
    assert frame["latency_limit_s"].tolist() == [0.3] * 3
    assert frame["valid"].all()
    assert (frame["judgement"] == "ok").all()
    assert (frame["low"] <= frame["answers_per_s"]).all()
    assert (frame["answers_per_s"] <= frame["high"]).all()


def test_seeds_are_pooled_and_requests_are_few(bench: Any) -> None:
    """Two seeds of 40 requests: medians and p90 of 80, no p99, and the judgement says how many it takes."""
    row = load([bench.swept(count=40, seed=seed) for seed in (0, 1)]).iloc[0]

    assert (row["seeds"], row["requests"], row["limits_kept"]) == (2, 80, "unknown")
    assert row["latency_p90_s"] == pytest.approx(0.1)
    assert row["latency_p99_s"] is None
    assert row["judgement"] == "p99 needs 662 requests, 80 were sent: serve for longer."


def test_a_run_that_is_too_short_for_a_rate_says_so(bench: Any) -> None:
    """60 requests at one a second: where each takes 45 s only a quarter of them comes after that."""
    short, enough = (load([bench.load({"Server 1/s": bench.steady(1.0, 60, took)})]).iloc[0] for took in (45.0, 10.0))

    assert missing(short["answers_per_s"])
    assert "No rate: no run is so long" in short["judgement"]
    assert enough["answers_per_s"] == pytest.approx(1.0, rel=0.05)
    assert "No rate" not in enough["judgement"]


def test_errors_caching_and_a_slow_client_are_said(bench: Any) -> None:
    """Shares by name, in the table, in the judgement of the record, and in Chinese nothing is left out."""
    failure = ["HTTP 500"] * 10 + ["timed out"] * 4 + [None] * 686
    columns = bench.steady(1.0, 700, 0.1, failure=failure, cached_tokens=[25] * 600 + [None] * 100)
    record = bench.load({"Server 1/s": columns}, about={"client_cpu_s": 9.5, "wall_s": 10.0})
    row = load([record]).iloc[0]

    assert (row["failed_share"], row["cached_share"], row["client_cpu_share"]) == pytest.approx((0.02, 0.5, 0.95))
    assert not row["valid"]
    assert "14 of 700 requests failed, over 1 %: 10 HTTP 500, 4 timed out." in row["judgement"]
    assert "the client was the limit" in row["judgement"]
    assert "50 % of the input tokens were in the server's cache" in row["judgement"]
    assert [str(reason).startswith("Server 1/s: ") for reason in judge(record)] == [True] * 3
    assert row["answers_per_s"] == pytest.approx(1.0, rel=0.01)


def test_a_short_run_is_said_of_that_run_alone(bench: Any) -> None:
    """The record's own window and the load generator's verdict are those of one run, so they are left out."""
    runs = {"Server 1/s": bench.steady(1.0, 700, 0.1), "Server 1000/s": bench.steady(1000.0, 700, 0.001)}
    record = bench.load(runs)
    used = {**record.used, "load_generator": {"result_valid": False, "invalid_reason": "too early"}}
    readings = {**record.readings, "wall_s": Reading(0.7, "s")}
    frame = load([replace(record, used=used, readings=readings)]).set_index("run")

    assert frame["judgement"]["Server 1/s"] == "ok"
    assert frame["judgement"]["Server 1000/s"] == "The window is under 1 s (0.7 s): serve for longer."


def test_repeated_prompts_are_said_where_caching_is_not(bench: Any) -> None:
    """A server that says that nothing was cached answers the question; a model in the process is audited apart."""
    columns = {
        "silent": {"cached_tokens": None},
        "says": {"cached_tokens": 0},
        "here": {"cached_tokens": None, "batch": 1},
    }
    repeated = {
        name: judge(bench.load({"Server 1/s": bench.steady(1.0, 700, 0.1, **each)}, about={"inputs_repeat": True}))
        for name, each in columns.items()
    }

    assert "Prompts were sent more than once" in str(repeated["silent"])
    assert not repeated["says"]
    assert not repeated["here"]


def test_without_limits_there_is_no_goodput(bench: Any) -> None:
    """Nor where a limit cannot be judged: tokens of an answer that came at once."""
    whole = bench.steady(1.0, 20, 0.1, streamed=False, batch=1)
    limited = bench.load({"Server 1/s": whole}, load={"limits": {"per_token_s": 0.1}, "percentile": 90})

    for record in (bench.load({"Server 1/s": whole}), limited):
        row = load([record]).iloc[0]
        assert (row["goodput_per_s"], row["limits_kept"], row["highest"]) == (None, None, None)
        assert row["first_token_median_s"] is None
        assert row["client_cpu_share"] is None
        assert row["latency_median_s"] == pytest.approx(0.1)


def test_answers_in_one_piece_have_no_tokens_per_second(bench: Any) -> None:
    """Two tokens in one chunk: the user waited for none of them; the other figures are kept."""
    columns = bench.steady(1.0, 700, 0.1, output_tokens=[2] * 700)
    columns["chunks_s"] = [[times[-1]] for times in columns["chunks_s"]]
    columns["streamed"] = [True] * 700
    row = load([bench.load({"Server 1/s": columns})]).iloc[0]

    assert row["user_tokens_per_s"] is None
    assert row["latency_median_s"] == pytest.approx(0.1)


def test_load_is_no_throughput(bench: Any) -> None:
    """The rate of a load is that of its requests: the throughput table, and the fastest serving, leave it out."""
    records = bench.case()
    under_load = bench.swept(base=records[-1])
    (candidate,) = Results.of([*records, under_load]).evaluated

    assert set(throughput([*records, under_load])["scenario"]) == {"Offline", "SingleStream"}
    assert set(candidate.fastest) == {"Offline", "SingleStream"}
    assert load(records).empty
    assert list(load(records).columns) == list(LOAD)


def test_every_figure_explains_its_cell(bench: Any) -> None:
    """By formula and inputs, down to the run of the record."""
    (row, *_) = explained("load", [bench.swept()])
    figures = row.figures()

    assert all(row.cells[name] == figure.value for name, figure in figures.items() if name in row.cells)
    assert {name for name in LOAD if name.endswith("_s") and name != "rate_per_s"} <= figures.keys()
    goodput = figures["goodput_per_s"]
    assert goodput.formula == "sum(kept_answers) / sum(steady_s)"
    assert goodput.inputs[0].source.startswith("run Server 1/s of record ")
    assert "limits: latency_s 0.3 s" in goodput.inputs[0].note


@pytest.mark.parametrize("count", [11, 50, 1000])
def test_a_median_is_in_its_interval_as_often_as_it_says(count: int) -> None:
    """In at least 95 % of samples, and hardly more where they are many; below 11 there is none."""
    random = np.random.default_rng(count)
    samples = random.exponential(1.0, (2000, count))
    inside = np.mean([low <= np.log(2) <= high for low, high in map(median_interval, samples)])  # type: ignore[misc]

    assert 0.94 <= inside <= 0.995
    assert median_interval([1.0] * 10) is None


def test_intervals_of_rates_hold_the_rate_of_arrivals(bench: Any) -> None:
    """Of 60 runs with Poisson arrivals at 5/s at least 50 intervals hold it."""
    held = 0
    for seed in range(60):
        start = np.cumsum(np.random.default_rng(seed).exponential(0.2, 300)).tolist()
        columns = bench.requests(start, [[second + 0.3] for second in start])
        (each,) = loads_of([bench.load({"Server 5/s": columns})])
        figures = load_figures(each)
        held += figures["low"].value <= 5.0 <= figures["high"].value

    assert 50 <= held <= 60
    assert f"{RESAMPLES:,}" in figures["low"].note


def test_the_summary_of_another_tool_from_its_raw_times(bench: Any) -> None:
    """`vllm bench serve` 0.32 at concurrency 4: its own linear percentiles, medians and rates, within 2 µs.

    Its ITL counts from the empty first chunk, and its rates take its own duration, which ends a little later.
    """
    peer = json.loads(PEER.read_text(encoding="utf-8"))
    chunks = [[start + first, *(start + first + np.cumsum(gaps)).tolist()]
              for start, first, gaps in zip(peer["start_times"], peer["ttfts"], peer["itls"], strict=True)]  # fmt: skip
    columns = bench.requests(peer["start_times"], chunks, closed=True, output_tokens=peer["output_lens"])
    (each,) = loads_of([bench.load({"ClosedLoop 4": columns})])
    figures, whole = load_figures(each), each.runs[0].whole
    times = {"ttft": "first_token_s", "tpot": "per_token_s", "itl": "gap_s", "e2el": "latency_s"}

    for theirs, ours in times.items():
        for percentile in (50, 90, 99):
            linear = 1000 * np.percentile(each.seconds(ours), percentile)
            assert linear == pytest.approx(peer[f"p{percentile}_{theirs}_ms"], abs=2e-3)
    assert figures["first_token_median_s"].value * 1000 == pytest.approx(peer["median_ttft_ms"], abs=2e-3)
    assert figures["per_token_median_s"].value * 1000 == pytest.approx(peer["median_tpot_ms"], abs=2e-3)
    assert whole is not None
    assert each.runs[0].tokens(whole) == pytest.approx(peer["total_output_tokens"])
    assert each.runs[0].answers(whole) / whole.seconds == pytest.approx(peer["request_throughput"], rel=2e-3)
    assert each.runs[0].answers(whole) / peer["duration"] == pytest.approx(peer["request_throughput"], rel=1e-5)
