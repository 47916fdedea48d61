"""The accuracy and the throughput table against known numbers."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd
import pytest

from harness import Reading, StoreError
from harness_reports.measured import tables
from harness_reports.prices.cost import cost
from harness_reports.prices.pricing import Pricing
from harness_reports.show import formats


def row(frame: pd.DataFrame, **wanted: Any) -> dict[str, Any]:
    """Return the one row with these cells."""
    for name, value in wanted.items():
        frame = frame[frame[name] == value]
    (cells,) = frame.to_dict("records")
    return dict(cells)


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
    """92 of 100 right are 0.92, with random baseline, ceiling and the baseline's value."""
    cells = row(tables.accuracy(suite), model="bert", runtime="onnx")

    assert cells["value"] == pytest.approx(0.92)
    assert 0.85 < cells["low"] < 0.90 < cells["high"] < 0.98
    assert (cells["items"], cells["seeds"], cells["random_baseline"], cells["ceiling"]) == (100, 1, 0.125, 1.0)
    assert cells["baseline_value"] == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("model", "word"),
    [("lstm", "worse"), ("tfidf", "is the baseline"), ("ppo", "better"), ("linear", "is the baseline")],
)
def test_against_baseline_is_better_or_worse(suite: list[Any], model: str, word: str) -> None:
    """By the paired difference by item."""
    assert row(tables.accuracy(suite), model=model)["against_baseline"] == word


def test_small_difference_is_not_significant(bench: Any) -> None:
    """76 against 75 of 100 right."""
    ours, theirs = (1,) * 76 + (0,) * 24, (0,) * 10 + (1,) * 75 + (0,) * 15
    records = [*bench.case(scores=ours), *bench.case(scores=theirs, model="tfidf", start="scratch")]

    assert row(tables.accuracy(records), model="bert")["against_baseline"] == "no significant difference"


def test_baseline_that_was_not_measured_is_none(bench: Any) -> None:
    """Nor is one that was measured on other data."""
    other = bench.case(model="tfidf", start="scratch", fields={"data_digest": "e" * 64})

    for records in (bench.case(), [*bench.case(), *other]):
        cells = row(tables.accuracy(records), model="bert")
        assert cells["against_baseline"] is None or pd.isna(cells["against_baseline"])
        assert pd.isna(cells["baseline_value"])
        assert cells["baseline"] == "tfidf"


def test_the_best_candidate_of_the_baseline_counts(bench: Any) -> None:
    """Of two."""
    weak, strong = (0,) * 90 + (1,) * 10, (1,) * 95 + (0,) * 5
    records = [
        *bench.case(scores=(1,) * 60 + (0,) * 40),
        *bench.case(scores=weak, model="tfidf", size="tiny", start="scratch"),
        *bench.case(scores=strong, model="tfidf", size="base", start="scratch"),
    ]

    cells = row(tables.accuracy(records), model="bert")

    assert cells["baseline_value"] == pytest.approx(0.95)
    assert cells["against_baseline"] == "worse"


@pytest.mark.parametrize(
    ("right", "word"), [(50, "better than guessing"), (14, "no better than guessing"), (2, "no better than guessing")]
)
@pytest.mark.parametrize("cheap", [0, 12, 14])
def test_a_baseline_no_better_than_guessing_is_replaced_by_guessing(
    bench: Any, right: int, word: str, cheap: int
) -> None:
    """Guessing reaches 0.125; the baseline's own value stays in the table, and its row says what it is."""
    records = [
        *bench.case(scores=(1,) * right + (0,) * (100 - right)),
        *bench.case(scores=(0,) * (100 - cheap) + (1,) * cheap, model="tfidf", start="scratch"),
    ]
    frame = tables.accuracy(records)
    cells = row(frame, model="bert")

    assert cells["against_baseline"] == word
    assert cells["baseline_value"] == pytest.approx(cheap / 100)
    assert row(frame, model="tfidf")["against_baseline"] == "is the baseline, no better than guessing"


def test_a_baseline_that_may_guess_is_still_compared_with(bench: Any) -> None:
    """A candidate better than guessing that is not better than the baseline is no "better than guessing"."""
    baseline = bench.case(scores=(0,) * 81 + (1,) * 19, model="tfidf", start="scratch")  # 12 to 27 of 100
    verdicts = [
        row(tables.accuracy([*bench.case(scores=scores), *baseline]), model="bert")["against_baseline"]
        for scores in ((0,) * 79 + (1,) * 21, (0,) * 60 + (1,) * 40)
    ]

    assert verdicts == ["no significant difference", "better than guessing"]


def test_an_error_above_that_of_guessing_is_no_baseline(bench: Any, error_metric: dict[str, Any]) -> None:
    """Where less is better."""
    metric = error_metric | {"random_baseline": 2.0}
    worse = bench.case(scores=(3.0, 3.3) * 20, metric=metric, model="tfidf", start="scratch")
    words = [
        row(tables.accuracy([*bench.case(scores=scores, metric=metric), *worse]), model="bert")["against_baseline"]
        for scores in ((1.0, 1.1) * 20, (1.9, 2.2) * 20, (2.5, 2.6) * 20)
    ]

    assert words == ["better than guessing", "no better than guessing", "no better than guessing"]


def test_lower_error_is_better(bench: Any, error_metric: dict[str, Any]) -> None:
    """Than the baseline's."""
    records = [
        *bench.case(scores=(1.0, 1.1) * 20, metric=error_metric),
        *bench.case(scores=(3.0, 3.3) * 20, metric=error_metric, model="tfidf", start="scratch"),
    ]

    assert row(tables.accuracy(records), model="bert")["against_baseline"] == "better"


def test_a_metric_that_is_no_mean_has_its_interval_from_replicates(bench: Any) -> None:
    """Paired by sample of items with the baseline's."""
    spread = [float(value) for value in range(400)]
    score = {
        "name": "score",
        "unit": "points",
        "column": None,
        "higher_is_better": True,
        "ceiling": None,
        "random_baseline": 1.0,
    }
    bert = {"metrics": [{**score, "value": 202.0, "replicates": [value + 1 for value in spread]}]}
    cheap = {"metrics": [{**score, "value": 200.0, "replicates": spread}]}
    records = [*bench.case(), *bench.case(model="tfidf", start="scratch")]
    graded = [
        replace(record, **(bert if record.spec["model"] == "bert" else cheap)) if record.metrics else record
        for record in records
    ]

    cells = row(tables.accuracy(graded), model="bert")

    assert cells["value"] == 202.0
    assert (cells["low"], cells["high"]) == pytest.approx((10.975, 390.025))
    assert (cells["seeds"], cells["items"]) == (1, 100)
    assert (cells["baseline_value"], cells["against_baseline"]) == (200.0, "better")


def test_seeds_are_pooled_by_item(bench: Any) -> None:
    """Seeds at 0.8 and 0.6 give 0.7 over two seeds of 50 items."""
    records = [*bench.case(scores=(1,) * 40 + (0,) * 10), *bench.case(scores=(1,) * 30 + (0,) * 20, seed=1)]

    cells = row(tables.accuracy(records))

    assert cells["value"] == pytest.approx(0.7)
    assert (cells["seeds"], cells["items"]) == (2, 50)


def test_seeds_with_other_items_are_not_pooled(bench: Any) -> None:
    """The newest evaluation decides which number of items counts."""
    newer = {"started_at": "2026-12-01T00:00:00+00:00"}
    records = [*bench.case(scores=(0,) * 40), *bench.case(scores=(1, 0) * 25, seed=1, fields=newer)]

    cells = row(tables.accuracy(records))

    assert (cells["value"], cells["seeds"], cells["items"]) == (0.5, 1, 50)


def test_scores_that_are_not_finite_are_reported(bench: Any) -> None:
    """The value is missing and the judgement says why."""
    cells = row(tables.accuracy(bench.case(scores=(1.0, math.nan) * 20)))

    assert math.isnan(cells["value"])
    assert cells["judgement"].startswith("20 scores are not finite")


def test_throughput_row(suite: list[Any]) -> None:
    """1,000 samples in 10 s are 100 per second; Offline has no latencies."""
    cells = row(tables.throughput(suite), model="bert", runtime="onnx", scenario="Offline")

    assert cells["samples_per_s"] == pytest.approx(100.0)
    assert cells["low"] == pytest.approx(100.0)
    assert cells["batch_size"] == 10
    assert cells["load_s"] == 0.5
    assert cells["energy_j"] == 500.0
    assert cells["energy_kind"] == "measured"
    assert cells["largest_difference"] == 1e-6
    assert cells["judgement"] == "ok"
    assert all(pd.isna(cells[f"latency_p{share}_s"]) for share in (50, 90, 99))


def test_latencies_of_single_queries(bench: Any) -> None:
    """Of 700 latencies the largest is the p99: one may exceed it only from 838 on."""
    cells = row(tables.throughput(bench.case(latency_s=(0.02,) * 699 + (1.0,))), scenario="SingleStream")

    assert (cells["latency_p50_s"], cells["latency_p90_s"], cells["latency_p99_s"]) == (0.02, 0.02, 1.0)
    assert cells["samples_per_s"] == pytest.approx(700 / (699 * 0.02 + 1.0))


def test_too_few_queries_have_no_percentile(bench: Any) -> None:
    """63 queries support the median only, and the judgement says what to do."""
    cells = row(tables.throughput(bench.case(latency_s=(0.02,) * 63)), scenario="SingleStream")

    assert cells["latency_p50_s"] == 0.02
    assert pd.isna(cells["latency_p90_s"])
    assert pd.isna(cells["latency_p99_s"])
    assert "p99 needs 662 queries, 63 were served" in cells["judgement"]


def test_streamed_answers_have_a_first_token_and_tokens_per_second(bench: Any) -> None:
    """Of 100 times MLPerf's rule takes the 37th and the 3rd longest; 700 tokens in 1 s."""
    records = bench.writing([0.001 * wait for wait in range(1, 101)], 700.0)
    cells = row(tables.throughput(records), scenario="SingleStream")

    assert (cells["first_token_p50_s"], cells["first_token_p90_s"]) == (pytest.approx(0.064), pytest.approx(0.098))
    assert cells["output_tokens_per_s"] == pytest.approx(700)


def test_other_answers_have_neither(bench: Any) -> None:
    """None, not 0; also with too few times, or where one of several seeds was not counted."""
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
    """Two seeds of 400 queries support a p99 together."""
    records = [*bench.case(latency_s=(0.02,) * 400), *bench.case(latency_s=(0.03,) * 400, seed=1)]

    cells = row(tables.throughput(records), scenario="SingleStream")

    assert cells["seeds"] == 2
    assert cells["latency_p99_s"] == 0.03


def test_a_reading_missing_in_one_seed_makes_the_sum_missing(bench: Any) -> None:
    """Energy of one of two windows is not that of both."""
    first, second = bench.case(), bench.case(seed=1)
    lacking = [replace(r, readings={n: v for n, v in r.readings.items() if n != "energy_j"}) for r in second]

    cells = row(tables.throughput([*first, *lacking]), scenario="Offline")

    assert pd.isna(cells["energy_j"])
    assert cells["energy_kind"] is None or pd.isna(cells["energy_kind"])
    assert cells["peak_memory_bytes"] == 5e8


def test_a_negative_reading_ends_the_table(bench: Any, pricing: Pricing) -> None:
    """It would lower a sum unseen: the record is named, and what to do."""
    broken = [
        replace(r, readings={**r.readings, "energy_j": Reading(-7.5, "J")}) if r.step == "serve" else r
        for r in bench.case(seed=1)
    ]

    for table in (tables.throughput, partial(cost, pricing=pricing)):
        with pytest.raises(StoreError, match=r"energy_j is -7\.5 J in record \w{12}, serve .*seed 1.* another store"):
            table([*bench.case(), *broken])


def test_estimated_energy_is_called_estimated(bench: Any) -> None:
    """The weaker kind of the parts is that of the sum."""
    first, second = bench.case(), bench.case(seed=1)
    guessed = [
        replace(r, readings={**r.readings, "energy_j": Reading(1.0, "J", "estimated")}) if r.step == "serve" else r
        for r in second
    ]

    assert row(tables.throughput([*first, *guessed]), scenario="Offline")["energy_kind"] == "estimated"


def test_batch_sizes_have_rows_of_their_own(bench: Any) -> None:
    """Each is another serving of the same candidate."""
    frame = tables.throughput([*bench.case(batch_size=1, latency_s=None), *bench.case(batch_size=32, latency_s=None)])

    assert list(frame["batch_size"]) == [1, 32]


@pytest.mark.parametrize("make", [tables.accuracy, tables.throughput])
def test_tables_of_nothing_are_empty(bench: Any, make: Any) -> None:
    """But have their columns."""
    for records in ([], bench.case(fields={"outcome": "timed out"})):
        frame = make(records)
        assert len(frame) == 0
        assert "model" in frame.columns


@pytest.mark.parametrize("make", [tables.accuracy, tables.throughput])
def test_tables_do_not_depend_on_the_order_of_records(suite: list[Any], make: Any) -> None:
    """The same records in another order make the same table."""
    shuffled = random.Random(3).sample(suite, len(suite))  # noqa: S311 - no secret

    pd.testing.assert_frame_equal(make(shuffled), make(suite))
