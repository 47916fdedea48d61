"""Several metrics of an evaluation: rows, baselines and directions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness import FactError, StoreError
from harness.sampling import places
from harness_reports.measured.quality_figures import quality_share
from harness_reports.measured.results import Results
from harness_reports.measured.tables import EVERY, accuracy
from harness_reports.prices.frontier import frontier
from harness_reports.prices.pricing import Pricing

F1 = {
    "name": "macro_f1", "unit": "share", "column": None, "higher_is_better": True, "ceiling": 1.0,
    "random_baseline": None, "value": 0.7, "replicates": [0.6, 0.7, 0.8] * 100,
}  # fmt: skip


@pytest.fixture
def records(bench: Any, error_metric: dict[str, Any]) -> list[Any]:
    """Return the records of a model with three metrics and of a baseline with two of them."""
    records = [*bench.case(), *bench.case(model="tfidf", start="scratch", runtime="eager", scores=(1, 0) * 50)]
    delay = {**error_metric, "name": "delay", "column": "delay"}
    for record in records:
        if record.step == "evaluate":
            bert = record.spec["model"] == "bert"
            record.scores["delay"] = [1.0 if bert else 2.0] * 100
            record.metrics.extend([delay, dict(F1)] if bert else [delay])
    return records


def test_every_metric_is_a_row(records: list[Any]) -> None:
    """The deciding one first; a candidate has rows for its own metrics only."""
    frame = accuracy(records, EVERY)

    assert Results(records).metric_names == ["accuracy", "delay", "macro_f1"]
    assert list(zip(frame["model"], frame["metric"], frame["value"], strict=True)) == [
        ("bert", "accuracy", 0.75), ("bert", "delay", 1.0), ("bert", "macro_f1", 0.7), ("tfidf", "accuracy", 0.5),
        ("tfidf", "delay", 2.0),
    ]  # fmt: skip


def test_a_metric_is_compared_with_the_baseline_in_it(records: list[Any]) -> None:
    """Less delay is better; without the metric in the baseline there is no comparison."""
    frame = accuracy(records, EVERY).set_index(["model", "metric"])

    assert frame.loc[("bert", "delay"), "against_baseline"] == "better"
    assert frame.loc[("bert", "delay"), "baseline_value"] == 2.0
    assert pd.isna(frame.loc[("bert", "macro_f1"), "against_baseline"])


def test_the_deciding_metric_is_the_default(records: list[Any]) -> None:
    """The first of an evaluation."""
    assert set(accuracy(records)["metric"]) == {"accuracy"}
    assert [quality.name for quality in Results(records).qualities().values()] == ["accuracy", "accuracy"]


def test_the_frontier_is_that_of_the_metric(records: list[Any], pricing: Pricing) -> None:
    """Only candidates with the metric, and lower delay is better."""
    frame = frontier(records, pricing, "delay")

    assert set(frame["metric"]) == {"delay"}
    assert list(frontier(records, pricing, "macro_f1")["model"]) == ["bert"]
    assert bool(frame.loc[frame["model"] == "bert", "on_frontier"].item())


def test_unknown_metric_is_refused(records: list[Any]) -> None:
    """With the nearest name."""
    with pytest.raises(StoreError, match=r"Unknown metric 'macro_f2'\. Did you mean 'macro_f1'"):
        accuracy(records, "macro_f2")


@pytest.mark.parametrize(
    ("ceiling", "higher", "quality", "share"),
    [
        (1.0, True, 0.9, 0.9), (500.0, True, 250.0, 0.5), (500.0, True, -20.0, 0.0), (1.0, True, 1.5, 1.0),
        (None, True, 0.9, None), (1.0, False, 0.9, None), (1.0, True, float("nan"), None),
    ],
)  # fmt: skip
def test_share_of_right_answers(
    bench: Any, error_metric: dict[str, Any], ceiling: float | None, higher: bool, quality: float, share: float | None
) -> None:
    """It needs a ceiling and a metric in which higher is better."""
    metric = {**error_metric, "ceiling": ceiling, "higher_is_better": higher}
    (graded,) = Results(bench.case(scores=(quality,) * 40, metric=metric)).qualities().values()

    assert quality_share(graded).value == (share if share is None else pytest.approx(share))


@pytest.fixture
def table(
    invoke: Callable[..., str], make_store: Any, records: list[Any], tmp_path: Path
) -> Callable[..., list[dict[str, Any]]]:
    """Return a function that prints a table of a store with the records, and returns its rows."""
    store = make_store(tmp_path / "store", records)
    return lambda *arguments: json.loads(invoke("table", *arguments, "--store", store, "--format", "json"))


def test_the_command_takes_a_metric(table: Any) -> None:
    """One, or all of them."""
    assert {row["metric"] for row in table("accuracy", "--metric", "delay")} == {"delay"}
    assert len(table("accuracy", "--metric", "all")) == 5


def test_other_tables_have_no_metric(table: Any) -> None:
    """An option without effect is an error."""
    with pytest.raises(FactError, match="--metric belongs to"):
        table("throughput", "--metric", "delay")


def test_a_sample_is_paired_with_its_items_of_the_whole(bench: Any) -> None:
    """Of 100 items the model was evaluated on 40: the baseline counts there with the same ones."""
    chosen = places(100, 40)
    hard = [float(place in chosen[:20]) for place in range(100)]  # of these the baseline gets 20 in the sample
    part = {"used": {"sample": {"test": {"items": 40, "of": 100, "seed": 0}}}}
    records = [
        *bench.case(scores=[hard[place] for place in chosen], fields=part),
        *bench.case(model="tfidf", start="scratch", runtime="eager", scores=hard),
    ]
    bert, tfidf = sorted(Results(records).qualities().values(), key=lambda one: one.items)

    assert (bert.items, tfidf.items) == (40, 100)
    assert tuple(bert.minus(tfidf)) == tuple(tfidf.minus(bert)) == (0.0, 0.0)
    assert (bert.value, tfidf.value) == (0.5, 0.2)
    judgement = accuracy(records).set_index("model").loc["bert", "judgement"]
    assert judgement == "40 of 100 items, drawn with seed 0: the interval is that of the sample."
