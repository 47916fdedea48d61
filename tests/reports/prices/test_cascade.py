"""Costs of cascades by hand: both on machines, the expensive one by the call; their table and their points."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import FactError, StoreError
from harness_reports import cells
from harness_reports.explain.tables import rows
from harness_reports.measured import intervals
from harness_reports.measured.results import Results
from harness_reports.prices.cascade import Cascade, Part, cascades
from harness_reports.prices.cascade_table import cascade
from harness_reports.prices.frontier import frontier
from harness_reports.prices.pricing import Pricing
from harness_reports.show.charts import cost_accuracy
from harness_reports.show.formats import text

CHEAP, EXPENSIVE = 0.1 / 3.6 / 10_000, 0.1 / 3.6 / 100
"""Of 1,000 inferences at 0.10 USD an hour."""
SHORT, LONG = 0.00021, 0.00042
"""gpt-4o-mini, 0.15 USD per million input tokens and 0.60 output: 1,000 and 100 tokens, and twice that."""
MakeCascade = Callable[..., list[Any]]


def only(frame: Any) -> dict[str, Any]:
    """Return the one row."""
    (row,) = cells.rows(frame)
    return row


@pytest.fixture
def by_calls(bench: Any, make_cascade: MakeCascade) -> list[Any]:
    """Return the cheap one on a machine, and a served one whose calls for items of 0.3 have twice the tokens.

    It is right like the expensive one of `make_cascade`; 0.3 are the last ten of 100 items.
    """
    machines = make_cascade()
    (expensive,) = (each for each in machines if each.step == "evaluate" and each.spec["model"] == "bert")
    calls = [(1000, 0, 100)] * 90 + [(2000, 0, 200)] * 10
    served = bench.prompted(calls, scores=expensive.scores["correct"], validation=True)
    answers = {split: {"output": ["a"] * 100} for split in ("test", "validation")}
    answers["validation"]["correct"] = expensive.answers["validation"]["correct"]
    usage = {**served.usage, "validation": served.usage["test"]}
    return [each for each in machines if each.spec["model"] == "tfidf"] + [
        replace(served, answers=answers, usage=usage)
    ]


def test_two_planted_predictors_by_hand(make_cascade: MakeCascade, pricing: Pricing) -> None:
    """75 and 92 right of 100. The cheap one is right in the 60 that it is sure of; of the 40 others 34 are right."""
    row = only(cascade(make_cascade(), pricing))

    assert (row["cheap"], row["expensive"]) == ("tfidf@eager", "bert tiny (pretrained)@eager")
    assert (row["cheap_value"], row["expensive_value"]) == (0.75, 0.92)
    # At 0.6 only 10 are passed on: 82 right, too few. At 0.9 no more is lost than a point.
    assert (row["threshold"], row["chosen"], row["tolerance"]) == (0.9, "on validation", 0.01)
    assert row["share"] == 0.4
    assert row["value"] == pytest.approx(0.94)
    assert row["difference"] == pytest.approx(0.02)
    assert row["usd_per_1k_inferences"] == pytest.approx(CHEAP + 0.4 * EXPENSIVE)
    assert (row["cheap_usd_per_1k"], row["expensive_usd_per_1k"]) == pytest.approx((CHEAP, EXPENSIVE))
    assert row["latency_p99_s"] == pytest.approx(0.021)
    assert row["train_usd"] == pytest.approx((1.8 + 360 + 180) * 0.1 / 3600)
    assert row["evaluate_usd"] == pytest.approx(2 * 36 * 0.1 / 3600)
    assert (row["items"], row["validation_items"], row["seeds"], row["note"]) == (100, 100, 1, None)


def test_calls_are_paid_for_the_items_that_are_passed_on(by_calls: list[Any], pricing: Pricing) -> None:
    """The ten items of 0.3 have long calls; at 0.5 only they are passed on."""
    row = only(cascade(by_calls, pricing, threshold=0.5))

    assert row["expensive_usd_per_1k"] == pytest.approx(1000 * (0.9 * SHORT + 0.1 * LONG))
    assert (row["share"], row["chosen"], row["tolerance"]) == (0.1, "given", None)
    assert row["usd_per_1k_inferences"] == pytest.approx(CHEAP + 100 * LONG)
    double = only(cascade(by_calls, replace(pricing, multiplier=Decimal(2)), threshold=0.5))
    assert double["usd_per_1k_inferences"] == pytest.approx(2 * row["usd_per_1k_inferences"])


def test_thresholds_at_the_ends_are_the_parts(make_cascade: MakeCascade, pricing: Pricing) -> None:
    """At 0 the cheap one alone; at 1 the cheap one is paid for nothing, and the other answers all."""
    nothing, everything = (only(cascade(make_cascade(), pricing, threshold=end)) for end in (0.0, 1.0))

    assert (nothing["share"], nothing["share_low"], nothing["share_high"]) == (0, 0, 0)
    assert nothing["value"] == nothing["cheap_value"]
    assert nothing["usd_per_1k_inferences"] == pytest.approx(CHEAP)
    assert nothing["latency_p99_s"] == pytest.approx(0.001)
    assert everything["share"] == 1
    assert (everything["value"], everything["difference"]) == (everything["expensive_value"], 0)
    assert everything["usd_per_1k_inferences"] == pytest.approx(CHEAP + EXPENSIVE)


@pytest.mark.parametrize("threshold", [-0.01, 1.5, float("nan")])
def test_a_threshold_outside_0_to_1_is_refused(make_cascade: MakeCascade, pricing: Pricing, threshold: float) -> None:
    """Whatever is in the store."""
    with pytest.raises(FactError, match="Give a confidence from 0"):
        cascade(make_cascade(), pricing, threshold=threshold)
    with pytest.raises(FactError, match="Give a confidence from 0"):
        cascade([], pricing, threshold=threshold)


def test_intervals_are_those_of_resampled_items(by_calls: list[Any], pricing: Pricing) -> None:
    """Against the binomial distribution of the share, and a bootstrap of price and share together."""
    row = only(cascade(by_calls, pricing, threshold=0.5))
    random = np.random.default_rng(1)
    passed = random.binomial(100, 0.1, 20_000) / 100
    low, high = np.quantile(passed, (0.025, 0.975))

    assert (row["share_low"], row["share_high"]) == pytest.approx((low, high), abs=0.011)
    assert row["usd_per_1k_low"] == pytest.approx(CHEAP + 1000 * low * LONG, rel=0.15)
    assert row["usd_per_1k_high"] == pytest.approx(CHEAP + 1000 * high * LONG, rel=0.15)
    right = random.binomial(100, row["value"], 20_000) / 100
    assert (row["low"], row["high"]) == pytest.approx(np.quantile(right, (0.025, 0.975)), abs=0.011)


def test_the_cost_of_machines_varies_with_share_and_rates(make_cascade: MakeCascade, pricing: Pricing) -> None:
    """Equal batches: the spread is that of the share alone."""
    (made,) = cascades([Part.of(each, pricing) for each in Results.of(make_cascade()).evaluated])
    at = made.at(0.9)
    draws = at.usd_draws

    assert draws is not None
    assert draws.mean() == pytest.approx(at.usd_per_1k, rel=0.02)
    assert draws.std() == pytest.approx(EXPENSIVE * np.sqrt(0.4 * 0.6 / 100), rel=0.1)
    assert draws.size == intervals.RESAMPLES


def test_pairs_are_of_the_frontier(bench: Any, make_cascade: MakeCascade, pricing: Pricing) -> None:
    """A dominated one is in none; of three on the frontier the two that say their confidence come first."""
    worse = bench.case(scores=(1, 0) * 50, model="lstm", start="scratch", rate=50.0, runtime="eager")
    best = bench.case(scores=(1,) * 99 + (0,), model="gpt", start="scratch", rate=10.0, runtime="eager")

    def pairs(records: list[Any]) -> list[tuple[str, str]]:
        made: list[Cascade] = cascades([Part.of(each, pricing) for each in Results.of(records).evaluated])
        return [(each.cheap.measured.key.model, each.expensive.measured.key.model) for each in made]

    assert pairs([*make_cascade(), *worse, *best]) == [("tfidf", "bert"), ("tfidf", "gpt")]
    # Where none says its confidence, the ends of the frontier stand for all, with the reason.
    silent = [record for record in (*worse, *best) if record.spec["model"] != "tfidf"]
    assert pairs([*silent, *bench.case(runtime="eager")]) == [("bert", "gpt")]
    row = only(cascade([*silent, *bench.case(runtime="eager")], pricing))
    assert row["threshold"] is None
    assert "set `validation: true` under `evaluate` in the suite" in row["note"]
    assert pairs(worse) == []


def test_a_model_that_names_its_answer_alone_cannot_be_first(make_cascade: MakeCascade, pricing: Pricing) -> None:
    """Its row says so, with empty cells."""
    silent = [
        replace(record, answers={split: {name: column for name, column in columns.items() if name != "confidence"}
                                 for split, columns in record.answers.items()})
        for record in make_cascade()
    ]  # fmt: skip
    row = only(cascade(silent, pricing))

    assert row["note"].startswith("tfidf@eager does not say how confident it is")
    assert all(row[name] is None for name in ("threshold", "share", "value", "usd_per_1k_inferences", "chosen"))
    assert row["cheap_value"] == 0.75


def test_a_cascade_is_a_point_of_the_frontier(make_cascade: MakeCascade, pricing: Pricing) -> None:
    """Better than the expensive one for less: that is on the frontier no more."""
    frame = frontier(make_cascade(), pricing)
    by_model = {row["model"]: row for row in cells.rows(frame)}
    row = by_model["tfidf → bert tiny (pretrained)"]

    assert list(by_model) == ["bert", "tfidf", "tfidf → bert tiny (pretrained)"]
    assert (row["runtime"], row["hardware"], row["value"], row["against_baseline"]) == (
        "cascade",
        "cpu",
        0.94,
        "better",
    )
    assert [by_model[model]["on_frontier"] for model in by_model] == [False, True, True]
    assert row["usd_per_1k_low"] < row["usd_per_1k_inferences"] < row["usd_per_1k_high"]
    drawn = [trace.name for trace in cost_accuracy(frame).data]
    assert any("tfidf → bert tiny (pretrained) · cascade cpu" in str(name) for name in drawn)


def test_a_cascade_that_another_candidate_beats_is_no_point(
    bench: Any, make_cascade: MakeCascade, pricing: Pricing
) -> None:
    """A third one is better for less."""
    third = bench.case(scores=(1,) * 97 + (0,) * 3, model="mlp", start="scratch", rate=5000.0, runtime="eager")
    frame = frontier([*make_cascade(), *third], pricing)

    assert set(frame["runtime"]) == {"eager"}


def test_every_figure_of_a_cascade_follows_from_its_inputs(
    check: Callable[..., int], make_cascade: MakeCascade, by_calls: list[Any], pricing: Pricing
) -> None:
    """On machines and by the call, down to records and prices."""
    for records in (make_cascade(), by_calls):
        assert check(rows("cascade", records, pricing), cascade(records, pricing)) > 5


def test_the_command_and_its_text(
    make_cascade: MakeCascade, make_store: Callable[..., str], invoke: Callable[..., str], tmp_path: Path
) -> None:
    """The table with a threshold; a threshold for another table, or none, is refused."""
    store = make_store(tmp_path, make_cascade())
    book = tmp_path / "book.yaml"
    book.write_text(
        "prices: [{item: CPU, usd: 0.05, per: hour, provider: Ours, offer: c1, region: eu, as_of: 2026-11-01, "
        "source: invoice}]"
    )
    given = ("--store", store, "--price-book", str(book))
    (row,) = json.loads(invoke("table", "cascade", *given, "--threshold", "0.5", "--format", "json"))

    assert (row["threshold"], row["share"], row["chosen"]) == (0.5, 0.1, "given")
    assert "便宜模型" in invoke("table", "cascade", *given, "--lang", "zh")
    assert "share = 0.4" in invoke("explain", "cascade", *given, "--column", "share")
    for arguments, sentence in (
        (("cascade", "--threshold", "2"), "The threshold is 2"),
        (("cost", "--threshold", "0.5"), "--threshold belongs to `cascade`"),
    ):
        with pytest.raises(FactError, match=sentence):
            invoke("table", *arguments, *given)
    alone = make_store(tmp_path / "alone", [each for each in make_cascade() if each.spec["model"] == "bert"])
    with pytest.raises(StoreError, match="it takes two candidates that were evaluated and served on the same data"):
        invoke("table", "cascade", "--store", alone, "--price-book", str(book))


def test_the_text_says_why_there_is_none(bench: Any, pricing: Pricing) -> None:
    """Below the table, under both names."""
    records = [*bench.suite()]
    written = text("cascade", cascade(records, pricing), width=300)

    assert "tfidf@eager bert tiny (pretrained)@onnx" in written
    assert "set `validation: true`" in written
