"""More than one metric: each has its rows, its baseline and its direction."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from harness import FactError, HarnessError, StoreError
from harness.store import open_store
from harness_reports import harness_commands
from harness_reports.measured.quality_figures import quality_share
from harness_reports.measured.results import Results
from harness_reports.measured.tables import EVERY, accuracy
from harness_reports.prices.frontier import frontier
from harness_reports.prices.pricing import Pricing

SECONDS = {
    "name": "delay",
    "unit": "s",
    "column": "delay",
    "higher_is_better": False,
    "ceiling": None,
    "random_baseline": None,
}
F1 = {
    "name": "macro_f1", "unit": "share", "column": None, "higher_is_better": True, "ceiling": 1.0,
    "random_baseline": None, "value": 0.7, "replicates": [0.6, 0.7, 0.8] * 100,
}  # fmt: skip


@pytest.fixture
def records(bench: Any) -> list[Any]:
    """Return a model with three metrics and a baseline with two of them."""
    own = [*bench.case(), *bench.case(model="tfidf", start="scratch", runtime="eager", scores=(1, 0) * 50)]
    for record in own:
        if record.step == "evaluate":
            bert = record.spec["model"] == "bert"
            record.scores["delay"] = [1.0 if bert else 2.0] * 100
            record.metrics.extend([dict(SECONDS), dict(F1)] if bert else [dict(SECONDS)])
    return own


def test_every_metric_is_a_row(records: list[Any]) -> None:
    """The deciding one first; a candidate has rows for what it was graded by."""
    frame = accuracy(records, EVERY)

    assert Results(records).metric_names == ["accuracy", "delay", "macro_f1"]
    assert list(zip(frame["model"], frame["metric"], frame["value"], strict=True)) == [
        ("bert", "accuracy", 0.75), ("bert", "delay", 1.0), ("bert", "macro_f1", 0.7), ("tfidf", "accuracy", 0.5),
        ("tfidf", "delay", 2.0),
    ]  # fmt: skip


def test_a_metric_is_told_apart_from_its_own_baseline(records: list[Any]) -> None:
    """Less delay is better; where the baseline lacks the metric nothing is told."""
    frame = accuracy(records, EVERY).set_index(["model", "metric"])

    assert frame.loc[("bert", "delay"), "against_baseline"] == "better"
    assert frame.loc[("bert", "delay"), "baseline_value"] == 2.0
    assert pd.isna(frame.loc[("bert", "macro_f1"), "against_baseline"])


def test_the_deciding_metric_stands_where_none_is_named(records: list[Any]) -> None:
    """As before there were others."""
    assert set(accuracy(records)["metric"]) == {"accuracy"}
    assert [own.name for own in Results(records).qualities().values()] == ["accuracy", "accuracy"]


def test_the_frontier_is_that_of_the_metric(records: list[Any], pricing: Pricing) -> None:
    """In delay only what was graded by it; the lower one is not beaten."""
    frame = frontier(records, pricing, "delay")

    assert set(frame["metric"]) == {"delay"}
    assert list(frontier(records, pricing, "macro_f1")["model"]) == ["bert"]
    assert bool(frame.loc[frame["model"] == "bert", "on_frontier"].item())


def test_unknown_metric_is_told(records: list[Any]) -> None:
    """With the nearest name."""
    with pytest.raises(StoreError, match=r"Unknown metric 'macro_f2'\. Did you mean 'macro_f1'"):
        accuracy(records, "macro_f2")


@pytest.mark.parametrize(
    ("ceiling", "higher_is_better", "quality", "share"),
    [
        (1.0, True, 0.9, 0.9), (500.0, True, 250.0, 0.5), (500.0, True, -20.0, 0.0), (1.0, True, 1.5, 1.0),
        (None, True, 0.9, None), (1.0, False, 0.9, None), (1.0, True, float("nan"), None),
    ],
)  # fmt: skip
def test_share_of_answers_that_are_right(
    bench: Any, ceiling: float | None, higher_is_better: bool, quality: float, share: float | None
) -> None:
    """A share needs a ceiling to be a share of, and a metric that counts what is right."""
    metric = {**SECONDS, "ceiling": ceiling, "higher_is_better": higher_is_better}
    (own,) = Results(bench.case(scores=(quality,) * 40, metric=metric)).qualities().values()

    assert quality_share(own).value == (share if share is None else pytest.approx(share))


@pytest.fixture
def store(records: list[Any], tmp_path: Path) -> str:
    """Return a store that has them."""
    opened = open_store(str(tmp_path / "store"), create=True)
    for record in {record.fingerprint: record for record in records}.values():
        opened.add(record)
    opened.close()
    return str(tmp_path / "store")


def _table(store: str, *arguments: str) -> list[dict[str, Any]]:
    app = typer.Typer()
    harness_commands(app=app)
    result = CliRunner().invoke(app, ["table", *arguments, "--store", store, "--format", "json"])
    if isinstance(result.exception, HarnessError):
        raise result.exception
    rows: list[dict[str, Any]] = json.loads(result.stdout)
    return rows


def test_the_command_takes_a_metric(store: str) -> None:
    """One, or all of them."""
    assert {row["metric"] for row in _table(store, "accuracy", "--metric", "delay")} == {"delay"}
    assert len(_table(store, "accuracy", "--metric", "all")) == 5


def test_other_tables_have_no_metric(store: str) -> None:
    """An option that would do nothing is an error."""
    with pytest.raises(FactError, match="--metric belongs to"):
        _table(store, "throughput", "--metric", "delay")
