"""The accuracy and the throughput table against numbers known beforehand."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from harness import Reading
from harness_reports.measured import tables
from harness_reports.show import formats


def row(frame: pd.DataFrame, **wanted: Any) -> dict[str, Any]:
    """Return the one row with these cells."""
    for name, value in wanted.items():
        frame = frame[frame[name] == value]
    (found,) = frame.to_dict("records")
    return dict(found)


def test_accuracy_has_one_row_for_each_candidate(suite: list[Any]) -> None:
    """Six candidates were evaluated on two tasks."""
    frame = tables.accuracy(suite)

    assert list(frame.columns) == list(tables.ACCURACY)
    assert list(zip(frame["task"], frame["model"], frame["runtime"], strict=True)) == [
        ("CartPole-v1", "linear", "eager"), ("CartPole-v1", "ppo", "onnx"), ("text-classification", "bert", "eager"),
        ("text-classification", "bert", "onnx"), ("text-classification", "lstm", "eager"),
        ("text-classification", "tfidf", "eager"),
    ]  # fmt: skip


def test_accuracy_is_the_mean_with_its_interval(suite: list[Any]) -> None:
    """92 of 100 right are 0.92; chance, ceiling and the baseline's value stand beside it."""
    own = row(tables.accuracy(suite), model="bert", runtime="onnx")

    assert own["value"] == pytest.approx(0.92)
    assert 0.85 < own["low"] < 0.90 < own["high"] < 0.98
    assert (own["items"], own["seeds"], own["random_baseline"], own["ceiling"]) == (100, 1, 0.125, 1.0)
    assert own["baseline_value"] == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("model", "word"),
    [("lstm", "worse"), ("tfidf", "is the baseline"), ("ppo", "better"), ("linear", "is the baseline")],
)
def test_against_baseline_tells_better_from_worse(suite: list[Any], model: str, word: str) -> None:
    """The paired difference by item decides."""
    assert row(tables.accuracy(suite), model=model)["against_baseline"] == word


def test_small_difference_is_not_told_apart(bench: Any) -> None:
    """76 against 75 of 100 right is no difference anybody could see."""
    ours, theirs = (1,) * 76 + (0,) * 24, (0,) * 10 + (1,) * 75 + (0,) * 15
    records = [*bench.case(scores=ours), *bench.case(scores=theirs, model="tfidf", start="scratch")]

    assert row(tables.accuracy(records), model="bert")["against_baseline"] == "no significant difference"


def test_baseline_that_was_not_measured_is_none(bench: Any) -> None:
    """Nothing is claimed against a baseline nobody ran, or one that ran on other data."""
    other = bench.case(model="tfidf", start="scratch", fields={"data_digest": "e" * 64})

    for records in (bench.case(), [*bench.case(), *other]):
        own = row(tables.accuracy(records), model="bert")
        assert own["against_baseline"] is None or pd.isna(own["against_baseline"])
        assert pd.isna(own["baseline_value"])
        assert own["baseline"] == "tfidf"


def test_best_baseline_is_what_counts(bench: Any) -> None:
    """Of two runs of the baseline the stronger one is the bar."""
    weak, strong = (0,) * 90 + (1,) * 10, (1,) * 95 + (0,) * 5
    records = [
        *bench.case(scores=(1,) * 60 + (0,) * 40),
        *bench.case(scores=weak, model="tfidf", size="tiny", start="scratch"),
        *bench.case(scores=strong, model="tfidf", size="base", start="scratch"),
    ]

    own = row(tables.accuracy(records), model="bert")

    assert own["baseline_value"] == pytest.approx(0.95)
    assert own["against_baseline"] == "worse"


def test_where_lower_is_better_less_is_better(bench: Any) -> None:
    """For an error the smaller value beats the baseline."""
    error = {
        "name": "error",
        "unit": "K",
        "column": "error",
        "higher_is_better": False,
        "ceiling": None,
        "random_baseline": 9.0,
    }
    records = [
        *bench.case(scores=(1.0, 1.1) * 20, metric=error),
        *bench.case(scores=(3.0, 3.3) * 20, metric=error, model="tfidf", start="scratch"),
    ]

    assert row(tables.accuracy(records), model="bert")["against_baseline"] == "better"


def test_a_metric_that_is_no_mean_has_its_interval_from_replicates(bench: Any) -> None:
    """Value and interval are those of the record; the baseline is told apart pair by pair."""
    spread = [float(value) for value in range(400)]
    score = {
        "name": "score",
        "unit": "points",
        "column": None,
        "higher_is_better": True,
        "ceiling": None,
        "random_baseline": 1.0,
    }
    own = {"metrics": [{**score, "value": 202.0, "replicates": [value + 1 for value in spread]}]}
    cheap = {"metrics": [{**score, "value": 200.0, "replicates": spread}]}
    records = [*bench.case(), *bench.case(model="tfidf", start="scratch")]
    graded = [
        replace(record, **(own if record.spec["model"] == "bert" else cheap)) if record.metrics else record
        for record in records
    ]

    found = row(tables.accuracy(graded), model="bert")

    assert found["value"] == 202.0
    assert (found["low"], found["high"]) == pytest.approx((10.975, 390.025))
    assert (found["seeds"], found["items"]) == (1, 100)
    assert (found["baseline_value"], found["against_baseline"]) == (200.0, "better")


def test_seeds_are_pooled_by_item(bench: Any) -> None:
    """Seeds at 0.8 and 0.6 give 0.7 over two seeds of 50 items, not 100 items of one."""
    records = [*bench.case(scores=(1,) * 40 + (0,) * 10), *bench.case(scores=(1,) * 30 + (0,) * 20, seed=1)]

    own = row(tables.accuracy(records))

    assert own["value"] == pytest.approx(0.7)
    assert (own["seeds"], own["items"]) == (2, 50)


def test_seeds_with_other_items_are_not_pooled(bench: Any) -> None:
    """Where the number of items changed, the newest evaluation says which number counts."""
    newer = {"started_at": "2026-12-01T00:00:00+00:00"}
    records = [*bench.case(scores=(0,) * 40), *bench.case(scores=(1, 0) * 25, seed=1, fields=newer)]

    own = row(tables.accuracy(records))

    assert (own["value"], own["seeds"], own["items"]) == (0.5, 1, 50)


def test_scores_that_are_no_numbers_are_told(bench: Any) -> None:
    """A NaN makes the value missing and the judgement says why."""
    own = row(tables.accuracy(bench.case(scores=(1.0, math.nan) * 20)))

    assert math.isnan(own["value"])
    assert own["judgement"].startswith("20 scores are not finite")


def test_throughput_row(suite: list[Any]) -> None:
    """1,000 samples in 10 s are 100 per second; Offline has no latency anybody waits for."""
    own = row(tables.throughput(suite), model="bert", runtime="onnx", scenario="Offline")

    assert own["samples_per_s"] == pytest.approx(100.0)
    assert own["low"] == pytest.approx(100.0)
    assert own["batch_size"] == 10
    assert own["load_s"] == 0.5
    assert own["energy_j"] == 500.0
    assert own["energy_kind"] == "measured"
    assert own["largest_difference"] == 1e-6
    assert own["judgement"] == "ok"
    assert all(pd.isna(own[f"latency_p{share}_s"]) for share in (50, 90, 99))


def test_latencies_of_single_queries(bench: Any) -> None:
    """Of 700 latencies, 699 of 20 ms and one of 1 s, the p99 is the largest: one may exceed it only from 838 on."""
    own = row(tables.throughput(bench.case(latency_s=(0.02,) * 699 + (1.0,))), scenario="SingleStream")

    assert (own["latency_p50_s"], own["latency_p90_s"], own["latency_p99_s"]) == (0.02, 0.02, 1.0)
    assert own["samples_per_s"] == pytest.approx(700 / (699 * 0.02 + 1.0))


def test_too_few_queries_have_no_percentile(bench: Any) -> None:
    """63 queries support the median only, and the judgement says what to do."""
    own = row(tables.throughput(bench.case(latency_s=(0.02,) * 63)), scenario="SingleStream")

    assert own["latency_p50_s"] == 0.02
    assert pd.isna(own["latency_p90_s"])
    assert pd.isna(own["latency_p99_s"])
    assert "p99 needs 662 queries, 63 were served" in own["judgement"]


def test_what_is_written_has_a_first_token_and_tokens_per_second(bench: Any) -> None:
    """Of 100 waits MLPerf's rule takes the 37th and the 3rd longest; 700 tokens came in a second."""
    records = bench.writing([0.001 * wait for wait in range(1, 101)], 700.0)
    own = row(tables.throughput(records), scenario="SingleStream")

    assert (own["first_token_p50_s"], own["first_token_p90_s"]) == (pytest.approx(0.064), pytest.approx(0.098))
    assert own["output_tokens_per_s"] == pytest.approx(700)


def test_what_writes_nothing_has_neither(bench: Any) -> None:
    """Missing, not 0; too few waits support no percentile; seeds of which one was not counted have no rate."""
    plain = row(tables.throughput(bench.writing([], None)), scenario="SingleStream")
    few = row(tables.throughput(bench.writing([0.001] * 12, 0.0)), scenario="SingleStream")
    both = [*bench.writing([0.001] * 40, 70.0), *bench.writing([0.003] * 40, None, seed=1)]
    pooled = row(tables.throughput(both), scenario="SingleStream")
    columns = ["first_token_p50_s", "first_token_p90_s", "output_tokens_per_s"]

    assert all(pd.isna(plain[column]) for column in columns)
    assert [few[column] for column in columns[::2]] == [0.001, 0.0]
    assert pd.isna(few["first_token_p90_s"])
    assert pooled["first_token_p90_s"] == 0.003
    assert pd.isna(pooled["output_tokens_per_s"])
    assert not set(columns) & set(formats.shown("throughput", tables.throughput(bench.writing([], None)))[0])


def test_latencies_of_seeds_are_pooled(bench: Any) -> None:
    """Two seeds with 400 queries each support together what neither supports alone."""
    records = [*bench.case(latency_s=(0.02,) * 400), *bench.case(latency_s=(0.03,) * 400, seed=1)]

    own = row(tables.throughput(records), scenario="SingleStream")

    assert own["seeds"] == 2
    assert own["latency_p99_s"] == 0.03


def test_what_one_seed_lacks_makes_the_sum_unknown(bench: Any) -> None:
    """Energy read in one of two windows is not the energy of both."""
    first, second = bench.case(), bench.case(seed=1)
    lacking = [replace(r, readings={n: v for n, v in r.readings.items() if n != "energy_j"}) for r in second]

    own = row(tables.throughput([*first, *lacking]), scenario="Offline")

    assert pd.isna(own["energy_j"])
    assert own["energy_kind"] is None or pd.isna(own["energy_kind"])
    assert own["peak_memory_bytes"] == 5e8


def test_estimated_energy_is_called_estimated(bench: Any) -> None:
    """The weaker kind names the sum."""
    first, second = bench.case(), bench.case(seed=1)
    guessed = [
        replace(r, readings={**r.readings, "energy_j": Reading(1.0, "J", "estimated")}) if r.step == "serve" else r
        for r in second
    ]

    assert row(tables.throughput([*first, *guessed]), scenario="Offline")["energy_kind"] == "estimated"


def test_batch_sizes_have_rows_of_their_own(bench: Any) -> None:
    """Another batch size is another way of serving the same candidate."""
    frame = tables.throughput([*bench.case(batch_size=1, latency_s=None), *bench.case(batch_size=32, latency_s=None)])

    assert list(frame["batch_size"]) == [1, 32]


@pytest.mark.parametrize("make", [tables.accuracy, tables.throughput])
def test_tables_of_nothing_are_empty(bench: Any, make: Any) -> None:
    """No record, or failed ones only: the columns are there and no row is."""
    for records in ([], bench.case(fields={"outcome": "timed out"})):
        frame = make(records)
        assert len(frame) == 0
        assert "model" in frame.columns


@pytest.mark.parametrize("make", [tables.accuracy, tables.throughput])
def test_tables_do_not_depend_on_the_order_of_records(suite: list[Any], make: Any) -> None:
    """The same records in another order make the same table."""
    shuffled = random.Random(3).sample(suite, len(suite))  # noqa: S311 - no secret

    pd.testing.assert_frame_equal(make(shuffled), make(suite))
