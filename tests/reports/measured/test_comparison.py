"""The comparison table: paired by item, corrected for many, with what the items can show."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from scipy import stats
from typer.testing import CliRunner

from harness import FactError, StoreError
from harness.why import Change
from harness_reports import harness_commands
from harness_reports.measured import intervals
from harness_reports.measured.comparison import comparison

WON, LOST, BOTH, NONE = 30, 10, 50, 10
ERROR = {"name": "error", "unit": "bits", "column": "bits", "higher_is_better": False, "random_baseline": 8.0}


@pytest.fixture
def two(bench: Any) -> list[Any]:
    """Return two candidates: `bert` wins 30 items and loses 10 of 100."""
    ours = [1.0] * WON + [0.0] * LOST + [1.0] * BOTH + [0.0] * NONE
    theirs = [0.0] * WON + [1.0] * LOST + [1.0] * BOTH + [0.0] * NONE
    return [
        *bench.case(scores=ours, runtime="eager"),
        *bench.case(model="tfidf", size="default", start="scratch", scores=theirs, runtime="eager"),
    ]


def test_a_row_by_hand(two: list[Any]) -> None:
    """McNemar of 30 against 10; an error of the 100 differences; a point of 1 %."""
    (row,) = comparison(two, ["tfidf", "bert"], margin=0.05).to_dict("records")
    deviation = math.sqrt((40 - 100 * 0.2**2) / 99)

    assert (row["candidate"], row["reference"], row["items"]) == ("bert", "tfidf", 100)
    assert (row["value"], row["reference_value"]) == (0.8, 0.6)
    assert row["difference"] == pytest.approx(0.2)
    assert (row["items_won"], row["items_lost"], row["test"]) == (30, 10, "McNemar")
    assert row["p"] == row["p_corrected"] == pytest.approx(2 * stats.binom.cdf(10, 40, 0.5))
    assert (row["result"], row["within_margin"]) == ("better", True)
    assert row["low"] == pytest.approx(0.2 - 1.96 * deviation / 10, abs=0.02)
    assert row["detectable"] == pytest.approx(2.8016 * deviation / 10, rel=1e-4)
    assert row["items_for_point"] == pytest.approx((2.8016 * deviation / 0.01) ** 2, rel=1e-3)
    welch = stats.ttest_ind([1] * 80 + [0] * 20, [1] * 60 + [0] * 40, equal_var=False)
    assert row["unpaired_p"] == pytest.approx(welch.pvalue)
    assert row["unpaired_low"] < row["low"]


def test_the_other_way_round_all_signs_turn(two: list[Any]) -> None:
    """What one gains the other loses."""
    (row,) = comparison(two, ["bert", "tfidf"], margin=0.05).to_dict("records")
    (other,) = comparison(two, ["tfidf", "bert"]).to_dict("records")

    assert (row["difference"], row["low"], row["high"]) == pytest.approx(
        (-other["difference"], -other["high"], -other["low"]), abs=0.01
    )
    assert (row["result"], row["within_margin"]) == ("worse", False)
    assert row["p"] == other["p"]
    assert other["within_margin"] is None


def test_many_are_corrected(bench: Any) -> None:
    """Four candidates that each win 16 and lose 6 items: one alone is no chance, one of four may be."""
    theirs = [0.0] * 16 + [1.0] * 6 + [1.0] * 78
    ours = [1.0] * 16 + [0.0] * 6 + [1.0] * 78
    records = bench.case(model="tfidf", size="default", start="scratch", scores=theirs, runtime="eager")
    names = [f"m{number}" for number in range(4)]
    for name in names:
        records += bench.case(model=name, scores=ours, runtime="eager")
    alone = 2 * stats.binom.cdf(6, 22, 0.5)
    frame = comparison(records, ["tfidf", *names])

    assert list(frame["candidate"]) == names
    assert list(frame["p"]) == pytest.approx([alone] * 4)
    assert list(frame["p_corrected"]) == pytest.approx([min(1.0, 4 * alone)] * 4)
    assert comparison(records, ["tfidf", "m0"])["p_corrected"].tolist() == pytest.approx([alone])


def test_less_is_better_where_the_metric_counts_errors(bench: Any) -> None:
    """Fewer bits win; the margin is upwards."""
    random = np.random.default_rng(0)
    theirs = random.uniform(2, 4, 100)
    records = [
        *bench.case(model="tfidf", size="default", start="scratch", scores=theirs, metric=ERROR, runtime="eager"),
        *bench.case(scores=theirs - 0.2 + random.normal(0, 0.1, 100), metric=ERROR, runtime="eager"),
    ]
    (row,) = comparison(records, ["tfidf", "bert"], margin=0.1).to_dict("records")
    (other,) = comparison(records, ["bert", "tfidf"], margin=0.1).to_dict("records")

    assert (row["result"], row["test"], row["within_margin"]) == ("better", "sign flips", True)
    assert row["items_won"] > row["items_lost"]
    assert (other["result"], other["within_margin"]) == ("worse", False)
    assert row["point"] == pytest.approx(theirs.mean() / 100)


def test_a_metric_that_is_no_mean_is_tested_by_its_draws(bench: Any) -> None:
    """On the same resampled items; single items have no score."""
    metric = {"name": "BLEU", "unit": "points", "column": None, "higher_is_better": True, "ceiling": 100.0}
    random = np.random.default_rng(1)
    draws = random.normal(30, 1, 500)

    def graded(records: list[Any], more: float) -> list[Any]:
        of_all = [{**metric, "value": 30 + more, "replicates": list(draws + more + random.normal(0, 0.1, 500))}]
        return [replace(one, metrics=of_all) if one.step == "evaluate" else one for one in records]

    records = graded(bench.case(model="tfidf", size="default", start="scratch", runtime="eager"), 0.0)
    records += graded(bench.case(runtime="eager"), 1.0)
    (row,) = comparison(records, ["tfidf", "bert"]).to_dict("records")

    assert (row["test"], row["result"], row["point"]) == ("bootstrap", "better", 1.0)
    assert row["low"] < 1 < row["high"]
    assert all(math.isnan(row[name]) for name in ("items_won", "items_lost", "unpaired_low", "unpaired_p"))


def test_one_that_was_measured_in_several_runtimes_is_that_of_the_references(bench: Any, two: list[Any]) -> None:
    """Else the name has to say which."""
    records = [*two, *bench.case(scores=[1.0] * 100, runtime="onnx")]

    assert comparison(records, ["tfidf", "bert"])["value"].tolist() == [0.8]
    assert comparison(records, ["tfidf", "bert@onnx"])["value"].tolist() == [1.0]
    with pytest.raises(
        StoreError, match="'bert' is several candidates on text-classification: name one of 'bert@eager'"
    ):
        comparison(records, ["bert", "tfidf"])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["tfidf", "brt"], "Unknown candidate 'brt'. Did you mean"),
        (["tfidf", "resnet"], "No other candidate answered the items of 'tfidf'"),
    ],
)
def test_a_comparison_that_compares_nothing_is_an_error(
    bench: Any, two: list[Any], names: list[str], message: str
) -> None:
    """It says who was graded where, and what to do."""
    records = [*two, *bench.case(model="resnet", task="image-classification", runtime="eager")]
    with pytest.raises(StoreError, match=message):
        comparison(records, names)


def test_a_gate_does_not_pass_what_was_not_compared(
    bench: Any, two: list[Any], make_store: Any, tmp_path: Path, harness_command: Any
) -> None:
    """Of two candidates one was graded elsewhere: it was left out in silence."""
    records = [*two, *bench.case(model="resnet", task="image-classification", runtime="eager")]
    store = make_store(tmp_path / "store", records)
    done = harness_command(tmp_path, "compare", "tfidf", "bert", "resnet", "--store", store, "--fail-if", "worse")

    assert (done.code, done.stdout) == (2, "")
    assert "Not compared: resnet." in done.stderr


@pytest.mark.parametrize("metric", [None, "accuracy"])
def test_other_data_are_other_items(bench: Any, two: list[Any], metric: str | None) -> None:
    """The same task on data of another content."""
    records = [*two, *bench.case(model="mlp", runtime="eager", fields={"data_digest": "e" * 64})]
    with pytest.raises(StoreError, match="Run them on the same task and data"):
        comparison(records, ["tfidf", "mlp"], metric=metric)


def test_answers_that_never_differ_do_not_prove_that_none_would(bench: Any) -> None:
    """Of 20 items that both answer right: the bound of 0 of 20 by Clopper and Pearson, not an interval of no width."""
    records = bench.case(scores=[1.0] * 20, runtime="eager")
    records += bench.case(model="tfidf", size="default", start="scratch", scores=[1.0] * 20, runtime="eager")
    (row,) = comparison(records, ["tfidf", "bert"], margin=0.1).to_dict("records")
    bound = stats.binomtest(0, 20).proportion_ci(method="exact").high

    assert (row["low"], row["high"]) == pytest.approx((-bound, bound))
    assert (row["p"], row["result"], row["within_margin"]) == (1.0, "no significant difference", False)
    assert row["detectable"] is None
    assert row["items_for_point"] is None


def test_a_difference_is_marked_as_stale(two: list[Any]) -> None:
    """Where the definition of one side has changed since."""
    edited = (Change("plugin edited", {"plugin": "mine", "role": "model", "modules": ""}),)
    changed = [replace(one, stale=edited) if one.spec["model"] == "tfidf" else one for one in two]

    assert comparison(two, ["tfidf", "bert"])["stale"].tolist() == [None]
    assert "plugin mine" in comparison(changed, ["tfidf", "bert"])["stale"].tolist()[0]


def test_intervals_cover_and_alike_candidates_are_not_told_apart() -> None:
    """Over 1,000 simulated experiments of 200 items, in pairs with a difference of 5 points and without one."""
    random, covered, flagged, rounds = np.random.default_rng(2), 0, 0, 1000
    for number in range(rounds):
        gain = 0.05 * (number % 2)
        hard = random.beta(2, 1, 200)
        chances = np.clip(hard + gain, 0, 1), hard
        one, other = ((random.random(200) < chance).astype(float) for chance in chances)
        low, high = intervals.interval_of(intervals.difference_draws([one], [other]))
        covered += low <= float(np.mean(chances[0] - chances[1])) <= high
        flagged += not gain and not low <= 0 <= high

    assert covered / rounds >= 0.93
    assert flagged / (rounds / 2) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / (rounds / 2))


@pytest.fixture
def command(two: list[Any], make_store: Callable[..., str], tmp_path: Path) -> Callable[..., Any]:
    """Return a function that runs the command on a store of two candidates."""
    app = typer.Typer()
    harness_commands(app=app)
    store = make_store(tmp_path / "store", two)
    return lambda *arguments: CliRunner().invoke(app, ["compare", *arguments, "--store", store])


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["tfidf", "bert"], 0),
        (["tfidf", "bert", "--fail-if", "worse"], 0),
        (["bert", "tfidf", "--fail-if", "worse"], 1),
        (["tfidf", "bert", "--fail-if", "different"], 1),
        (["tfidf", "bert", "--fail-if", "not-within-margin", "--margin", "0"], 0),
        (["bert", "tfidf", "--fail-if", "not-within-margin", "--margin", "0.1"], 1),
        (["bert", "tfidf", "--fail-if", "not-within-margin", "--margin", "0.4"], 0),
    ],
)
def test_gates_end_with_code_1_after_the_table(command: Callable[..., Any], arguments: list[str], code: int) -> None:
    """Scripts read the code, people the table."""
    done = command(*arguments)

    assert done.exit_code == code, done.output
    assert "McNemar" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tfidf"], "takes a reference and one candidate or more"),
        (["tfidf", "bert", "--fail-if", "not-within-margin"], "takes a --margin"),
        (["tfidf", "bert", "--margin", "5", "--fail-if", "not-within-margin"], "at most 1: every candidate would be"),
    ],
)
def test_what_cannot_be_compared_is_said(command: Callable[..., Any], arguments: list[str], message: str) -> None:
    """An error of the command line, with an example."""
    done = command(*arguments)

    assert isinstance(done.exception, FactError)
    assert message in str(done.exception)


def test_the_table_is_in_chinese_too(command: Callable[..., Any]) -> None:
    """Headings and results."""
    done = command("bert", "tfidf", "--lang", "zh")

    assert "参照" in done.stdout
    assert "更差" in done.stdout
