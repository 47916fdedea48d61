"""Checks of a record's numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from harness import Reading
from harness.seams.prompts import CUT_OFF, EMPTY, REFUSED, UNPARSABLE
from harness_endpoints._failures import REMEDIES, SPEND_CAP
from harness_endpoints._load import IMPOSSIBLE_USAGE
from harness_reports.measured import judgement
from harness_reports.reasons import Reason
from harness_reports.reasons.names import FAILURES


def test_good_serving_has_no_remarks(bench: Any) -> None:
    """Steady batches over ten seconds."""
    assert judgement.judge(bench.batches([0.1] * 100)) == ()


@pytest.mark.parametrize(
    ("durations", "word"),
    [
        ([0.01] * 20, "The window is under 1 s (0.2 s)"),
        ([0.5] * 5 + [1.5] * 10 + [0.5] * 5, "The spread between parts of the window is"),
        ([0.5] * 10 + [1.0] * 10, "The speed drifted by +100 %"),
    ],
)
def test_bad_serving_has_a_remark_with_the_next_step(bench: Any, durations: list[float], word: str) -> None:
    """Too short, noisy or drifting."""
    reasons = list(map(str, judgement.judge(bench.batches(durations))))

    assert any(reason.startswith(word) for reason in reasons)
    assert all(": " in reason for reason in reasons)


def test_batches_may_differ_where_tenths_do_not(bench: Any) -> None:
    """Alternating short and long inputs are no noise."""
    assert judgement.judge(bench.batches([0.05, 0.15] * 100)) == ()


def test_invalid_by_the_load_generator_is_reported(bench: Any) -> None:
    """With LoadGen's reason."""
    log = {"result_valid": False, "invalid_reason": "Increase the duration.", "elapsed_s": 9.0}

    reasons = judgement.judge(replace(bench.batches([0.1] * 100), used={"load_generator": log}))

    assert reasons == (Reason("load invalid", {"why": "Increase the duration."}),)


@pytest.mark.parametrize(("load", "busy"), [(4.1, True), (3.9, False), (None, False)])
def test_busy_machine_is_reported(bench: Any, load: float | None, busy: bool) -> None:
    """From a load of twice the cores on."""
    crowded = replace(bench.batches([0.1] * 100), environment={"load_average_1m": load, "usable_cores": 2})

    assert any(reason.code == "machine busy" for reason in judgement.judge(crowded)) == busy


def test_window_is_the_load_generators_where_it_was_read(bench: Any) -> None:
    """A fast predictor is busy for half a second of the two seconds of the window."""
    quick = replace(bench.batches([0.005] * 100), used={"load_generator": {"elapsed_s": 2.0}})

    assert judgement.window_s(quick) == 2.0
    assert judgement.judge(quick) == ()


@pytest.mark.parametrize(("overhead_s", "reported"), [(None, False), (0.05, False), (0.4, True)])
def test_large_overhead_is_reported(bench: Any, overhead_s: float | None, reported: bool) -> None:
    """From a tenth of the window on; older records have no such reading."""
    record = bench.batches([0.02] * 100, wall_s=2.0 + (overhead_s or 0.0))
    if overhead_s is not None:
        record.readings["overhead_s"] = Reading(overhead_s, "s")

    assert [reason.code for reason in judgement.judge(record)] == ["overhead large"] * reported


@pytest.mark.parametrize(("environment", "reported"), [({}, False), ({"threads": 4}, False), ({"threads": 2}, True)])
def test_other_threads_are_reported(bench: Any, environment: dict[str, int], reported: bool) -> None:
    """Runtimes are compared at one number of threads."""
    record = replace(bench.batches([0.02] * 100), environment={"torch_threads": 4, **environment})

    assert [reason.code for reason in judgement.judge(record)] == ["threads differ"] * reported


def test_single_queries_may_differ_but_must_be_many(bench: Any) -> None:
    """Spread is no fault of single queries; too few of them for p99 is."""
    reasons = judgement.judge(bench.batches([0.01, 0.05] * 50, scenario="SingleStream"))

    assert str(reasons) == "p99 needs 662 queries, 100 were served: serve more queries."


def test_evaluation_is_checked(bench: Any) -> None:
    """For too few items and scores that are not finite."""
    few = bench.record("evaluate", bench.spec(), scores={"correct": [1.0, math.inf]})

    assert str(judgement.judge(few)) == (
        "Only 2 items were evaluated; at least 30 are needed. 1 scores are not finite: check the model's outputs."
    )


@pytest.mark.parametrize(("used", "marked"), [({"repeatable": False}, True), ({}, False)])
def test_items_that_ignore_their_seed_are_marked(bench: Any, used: dict[str, bool], marked: bool) -> None:
    """As another evaluation has others."""
    evaluated = bench.record("evaluate", bench.spec(), scores={"correct": [1.0] * 40}, used=used)

    assert any(reason.code == "items not repeatable" for reason in judgement.judge(evaluated)) is marked


def test_items_that_are_all_the_same_are_marked(bench: Any) -> None:
    """Their interval has no width, which looks certain."""
    evaluated = bench.record("evaluate", bench.spec(), scores={"correct": [1.0] * 40}, used={"all_alike": True})

    assert str(judgement.judge(evaluated)).startswith("All 40 items are the same, whatever their seeds: the interval")


@pytest.mark.parametrize(("error", "marked"), [(0.0, True), (-0.0, True), (0.1, False)])
def test_a_deciding_error_of_nothing_is_marked(
    bench: Any, error_metric: dict[str, Any], error: float, marked: bool
) -> None:
    """Such as 0 bits for every text; not a count that is 0 beside the deciding metric, such as collisions."""
    metric = error_metric | {"random_baseline": 2.0}
    scores = {"error": [error] + [0.0] * 39}
    deciding, beside = (
        bench.record("evaluate", bench.spec(), scores=scores, metrics=[*before, metric])
        for before in ((), ({**metric, "column": None, "value": 1.0},))
    )

    assert ("no error at all" in [reason.code for reason in judgement.judge(deciding)]) is marked
    assert judgement.judge(beside) == ()


def test_answers_that_are_none_are_counted_by_their_names_in_both_languages(bench: Any) -> None:
    """The most frequent first; a name that has no translation stands as it is."""
    whys = [None] * 93 + ["cut off", "unparsable", "unparsable", "cut off", "unparsable", "odd", "odd"]
    scores = {"correct": [1.0] * 93 + [0.0] * 7}
    record = replace(bench.record("evaluate", bench.spec(), scores=scores), usage={"test": {"why": whys}})
    reasons = judgement.judge(record)

    assert str(reasons) == "7 of 100 answers are none and count as wrong: 3 unparsable, 2 cut off, 2 odd."
    assert reasons.sentence("zh") == "100 个回答中 7 个无效，计为错误：3 无法解析、2 被截断、2 odd。"
    assert judgement.judge(replace(record, usage={"test": {"why": [None] * 100}})) == ()


@pytest.mark.parametrize("name", [*REMEDIES, UNPARSABLE, EMPTY, REFUSED, CUT_OFF, IMPOSSIBLE_USAGE])
def test_each_failure_has_a_chinese_name(name: str) -> None:
    """Those of prompts and those of the wire, but for the one that ends a step."""
    assert name in FAILURES or name == SPEND_CAP


def test_trainings_are_not_checked(bench: Any) -> None:
    """Their duration is not a chosen window."""
    assert judgement.judge(bench.record("finetune", bench.spec(), readings={"wall_s": 0.1})) == ()
