"""Statistics against numbers that can be worked out by hand, and laws that hold for any data."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness_reports.measured import statistics


def test_interval_of_a_share_is_near_the_normal_approximation() -> None:
    """Of 400 items with 300 right the bootstrap gives about 0.75 ± 1.96 · sqrt(0.75 · 0.25 / 400) = 0.75 ± 0.0424."""
    low, high = statistics.mean_interval([[1.0] * 300 + [0.0] * 100])

    assert low == pytest.approx(0.75 - 0.0424, abs=0.006)
    assert high == pytest.approx(0.75 + 0.0424, abs=0.006)


def test_interval_is_the_same_each_time() -> None:
    """The random numbers are seeded: a table does not change when it is made again."""
    scores = [[1.0, 0.0, 1.0, 1.0, 0.0]]

    first = statistics.mean_interval(scores)
    statistics._resampled.cache_clear()

    assert statistics.mean_interval(scores) == first


@pytest.mark.parametrize(("score", "edge"), [(1.0, 0.025 ** (1 / 50)), (0.0, 1 - 0.025 ** (1 / 50))])
def test_unanimous_scores_get_the_exact_bound(score: float, edge: float) -> None:
    """50 of 50 right does not mean certainty: Clopper and Pearson's bound is 0.025^(1/50) = 0.929."""
    interval = statistics.mean_interval([[score] * 50])

    assert sorted(interval) == pytest.approx(sorted([score, edge]))
    assert stats.binomtest(50, 50).proportion_ci().low == pytest.approx(0.025 ** (1 / 50))


def test_replicates_that_differ_widen_the_interval() -> None:
    """Two seeds at 0.6 and 0.9 say less than one at 0.75 with as many items each."""
    items = 1000
    apart = [[1.0] * 600 + [0.0] * 400, [1.0] * 900 + [0.0] * 100]
    alike = [[1.0] * 750 + [0.0] * 250] * 2

    wide, narrow = (statistics.mean_interval(scores) for scores in (apart, alike))

    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)
    assert items == len(apart[0])


def test_pairing_takes_the_difficulty_of_items_out() -> None:
    """One model right on all the other gets right and 10 of 100 more: the paired difference is surely above 0."""
    worse, better = [[1.0] * 50 + [0.0] * 50], [[1.0] * 60 + [0.0] * 40]

    paired = statistics.difference_interval(better, worse)
    unpaired = statistics.difference_interval(better, [[*worse[0], 0.0, 1.0]])

    assert paired.low > 0
    assert unpaired.low < 0 < unpaired.high


def test_replicates_of_one_training_are_their_own_interval() -> None:
    """The ends are the quantiles of the values over resampled items."""
    assert statistics.replicates_interval([list(range(1001))]) == pytest.approx((25.0, 975.0))


def test_trainings_that_differ_widen_the_interval_of_replicates() -> None:
    """Two seeds a world apart say less than two that agree."""
    near, far = [[1.0, 1.1] * 200] * 2, [[1.0, 1.1] * 200, [5.0, 5.1] * 200]

    narrow, wide = (statistics.replicates_interval(replicates) for replicates in (near, far))

    assert wide.high - wide.low > 10 * (narrow.high - narrow.low)


def test_replicates_are_paired_by_item() -> None:
    """A model that is better on every sample of items by the same is better for sure, however far the samples go."""
    other = list(np.random.default_rng(0).normal(0, 10, 400))

    assert statistics.replicates_difference([[value + 1 for value in other]], [other]) == pytest.approx((1.0, 1.0))


def test_a_score_that_is_no_number_makes_the_interval_no_number() -> None:
    """A NaN among the scores is not quietly left out."""
    assert all(math.isnan(edge) for edge in statistics.mean_interval([[1.0, math.nan]]))


def test_chunks_of_many_items_keep_memory_small() -> None:
    """A hundred thousand items are resampled in parts, all of them together as many as asked."""
    chunks = statistics._chunks(100_000)

    assert sum(chunks) == statistics.RESAMPLES
    assert max(chunks) * 100_000 <= statistics._CHUNK


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-100, 100), min_size=2, max_size=40))
def test_interval_holds_its_order_and_stays_within_the_scores(scores: list[float]) -> None:
    """Low never exceeds high, and a mean of resampled scores cannot leave their range."""
    low, high = statistics.mean_interval([scores])

    assert low <= high
    assert (min(scores) - 1e-9 <= low and high <= max(scores) + 1e-9) or set(scores) <= {0.0, 1.0}


# Percentiles --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share", "slow", "count"),
    [(0.5, 1, 11), (0.5, 10, 35), (0.9, 0, 44), (0.9, 1, 64), (0.9, 5, 127), (0.99, 0, 459), (0.99, 1, 662),
     (0.99, 2, 838), (0.99, 10, 2010), (0.999, 1, 6636)],
)  # fmt: skip
def test_minimum_counts_are_those_of_the_load_generator(share: float, slow: int, count: int) -> None:
    """MLPerf's table: 64 queries for p90 and 662 for p99 with one slow query allowed."""
    assert statistics.minimum_count(share, slow) == count


@pytest.mark.parametrize(("share", "count"), [(0.5, 11), (0.9, 64), (0.99, 662)])
def test_percentile_needs_its_count(share: float, count: int) -> None:
    """One query less and there is no percentile; with just enough it is the largest latency."""
    latencies = [float(n) for n in range(1, count + 1)]

    assert statistics.percentile(latencies[:-1], share) is None
    assert statistics.percentile(latencies, share) == count


def test_percentile_is_the_value_at_the_early_stopping_rank() -> None:
    """Of 1,000 latencies 2 may exceed the p99 (838 allow 2, 1,001 allow 3): the 2nd largest is reported."""
    allowed = statistics.allowed_slow(1000, 0.99)

    assert allowed == 2
    assert statistics.minimum_count(0.99, 3) == 1001
    assert statistics.percentile([float(n) for n in range(1000)], 0.99) == 998.0


@settings(max_examples=30, deadline=None)
@given(st.integers(11, 3000), st.sampled_from([0.5, 0.9, 0.99]))
def test_reported_percentile_is_never_below_the_raw_one(count: int, share: float) -> None:
    """The rule is careful: its value is at or above the sample's own percentile."""
    latencies = [float(n) for n in range(count)]
    reported = statistics.percentile(latencies, share)

    assert reported is None or reported >= np.percentile(latencies, 100 * share, method="lower")


@pytest.mark.parametrize(
    ("fast", "slow", "kept"),
    [
        (459, 0, "kept"),
        (458, 0, "not told"),
        (661, 1, "kept"),
        (660, 1, "not told"),
        (0, 2, "broken"),
        (50, 10, "broken"),
    ],
)
def test_promise_is_kept_broken_or_not_told(fast: int, slow: int, kept: str) -> None:
    """459 fast queries show that 99 % are fast; 10 slow of 60 show that they are not; in between nothing is claimed."""
    told = statistics.promise([0.1] * fast + [9.0] * slow, limit_s=1.0)

    assert told.kept == kept
    assert told.slow == slow


def test_promise_says_how_many_queries_are_missing() -> None:
    """After one slow query 662 are needed in all."""
    assert statistics.promise([0.1] * 100 + [9.0], limit_s=1.0).needed == 662


# Rates --------------------------------------------------------------------------------------------------------


def serving(bench: Any, durations: list[float], wall_s: float | None = None, scenario: str = "Offline") -> Any:
    """Return a serving whose batches of 10 took these durations."""
    readings = {"wall_s": sum(durations) if wall_s is None else wall_s, "samples": 10.0 * len(durations)}
    asked = bench.asked(runtime="eager", batch_size=10, scenario=scenario)
    return bench.record("serve", asked, {}, readings, series={"latency_s": durations})


def test_rate_adds_up_windows(bench: Any) -> None:
    """100 samples in 10 s and 100 in 40 s are 200 in 50 s: 4 per second, not the mean of 10 and 2.5."""
    assert statistics.rate([serving(bench, [1.0] * 10), serving(bench, [4.0] * 10)]) == pytest.approx(4.0)


def test_rate_of_a_record_without_a_window_is_not_known(bench: Any) -> None:
    """What was not read is None, not 0."""
    lacking = bench.record("serve", bench.asked(scenario="Offline", batch_size=1), {}, {"samples": 5.0})

    assert statistics.rate([lacking]) is None
    assert statistics.rate_interval([lacking]) is None


def test_rate_interval_holds_the_spread_of_batches(bench: Any) -> None:
    """Batches of 0.9 and 1.1 s in turn: the mean's standard error is 1 %, the interval about ±2 % of 10 a second."""
    low, high = statistics.rate_interval([serving(bench, [0.9, 1.1] * 50)]) or (0.0, 0.0)

    assert low == pytest.approx(9.8, abs=0.1)
    assert high == pytest.approx(10.2, abs=0.1)


def test_rate_interval_holds_the_spread_between_records(bench: Any) -> None:
    """Two steady processes at 10 and 8 per second: the interval reaches from one to the other."""
    low, high = statistics.rate_interval([serving(bench, [1.0] * 20), serving(bench, [1.25] * 20)]) or (0.0, 0.0)

    assert low == pytest.approx(8.0, abs=0.01)
    assert high == pytest.approx(10.0, abs=0.01)


def test_series_that_does_not_fill_the_window_gives_no_interval(bench: Any) -> None:
    """Latencies that add up to ten times the window are waiting times, not durations."""
    assert statistics.rate_interval([serving(bench, [1.0] * 10, wall_s=1.0)]) is None


# Judgement ----------------------------------------------------------------------------------------------------


def test_good_serving_is_not_objected_to(bench: Any) -> None:
    """Steady batches over ten seconds leave nothing to say."""
    assert statistics.judge(serving(bench, [0.1] * 100)) == []


@pytest.mark.parametrize(
    ("durations", "word"),
    [
        ([0.01] * 20, "window under 1 s"),
        ([0.5] * 5 + [1.5] * 10 + [0.5] * 5, "spread over 10 %"),
        ([0.5] * 10 + [1.0] * 10, "drifted by +100%"),
    ],
)
def test_bad_serving_is_told_with_what_to_do(bench: Any, durations: list[float], word: str) -> None:
    """Each fault has its sentence, and each sentence says what to do next."""
    reasons = statistics.judge(serving(bench, durations))

    assert any(reason.startswith(word) for reason in reasons)
    assert all(": " in reason for reason in reasons)


def test_batches_may_differ_where_long_stretches_do_not(bench: Any) -> None:
    """Short and long texts in turn are the task's doing: the parts of the window agree."""
    assert statistics.judge(serving(bench, [0.05, 0.15] * 100)) == []


def test_load_generators_own_verdict_is_told(bench: Any) -> None:
    """What LoadGen calls invalid is not quietly a result."""
    log = {"result_valid": False, "invalid_reason": "Increase the duration.", "elapsed_s": 9.0}

    assert statistics.judge(replace(serving(bench, [0.1] * 100), used={"load_generator": log})) == [
        "not valid by the load generator's rules: Increase the duration."
    ]


@pytest.mark.parametrize(("load", "busy"), [(4.1, True), (3.9, False), (None, False)])
def test_busy_machine_is_told(bench: Any, load: float | None, busy: bool) -> None:
    """More than twice as much waiting work as cores is somebody else's."""
    crowded = replace(serving(bench, [0.1] * 100), environment={"load_average_1m": load, "usable_cores": 2})

    assert any(reason.startswith("busy machine") for reason in statistics.judge(crowded)) == busy


def test_window_is_the_load_generators_where_it_was_read(bench: Any) -> None:
    """A predictor of 3 µs is at work for half a second of the two it was watched."""
    quick = replace(serving(bench, [0.005] * 100), used={"load_generator": {"elapsed_s": 2.0}})

    assert statistics.window_s(quick) == 2.0
    assert statistics.judge(quick) == []


def test_single_queries_may_differ_but_must_be_many(bench: Any) -> None:
    """Texts differ in length, so spread is no fault of single queries; too few of them for p99 is."""
    reasons = statistics.judge(serving(bench, [0.01, 0.05] * 50, scenario="SingleStream"))

    assert reasons == ["p99 needs 662 queries, 100 were served: serve more queries"]


def test_evaluation_is_judged(bench: Any) -> None:
    """Few items and scores that are no numbers are told."""
    few = bench.record("evaluate", bench.asked(), scores={"correct": [1.0, math.inf]})

    assert statistics.judge(few) == [
        "only 2 items: evaluate on at least 30",
        "1 scores are not finite: look at the model's outputs",
    ]


def test_trainings_are_not_judged(bench: Any) -> None:
    """A training has no window whose length was chosen."""
    assert statistics.judge(bench.record("finetune", bench.asked(), readings={"wall_s": 0.1})) == []
