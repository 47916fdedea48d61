"""Every figure equals that of the table and follows from its inputs."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness import FactError
from harness_reports.explain.tables import COLUMNS, NAMES, Row, find, rows
from harness_reports.figures.explained import as_data, text
from harness_reports.measured.tables import EVERY, accuracy, throughput
from harness_reports.prices.cost import cost
from harness_reports.prices.pricing import Pricing

Check = Callable[[list[Row], Any], int]
BOOK = """
prices:
  - {item: CPU, usd: 0.05, per: hour, provider: Ours, offer: c1.small, region: eu, as_of: 2026-11-01, source: invoice}
"""


def test_every_figure_is_the_tables_and_follows_from_its_inputs(
    check: Check, suite: list[Any], pricing: Pricing
) -> None:
    """All figures of all rows of three tables, down to readings."""
    assert check(rows("cost", suite, pricing), cost(suite, pricing)) > 50
    assert check(rows("throughput", suite), throughput(suite)) > 10
    assert check(rows("accuracy", suite), accuracy(suite)) > 10


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seconds=st.lists(st.floats(0.5, 1e4), min_size=1, max_size=3),
    speed=st.floats(0.1, 1e5),
    utilisation=st.floats(0.01, 1.0),
    multiplier=st.decimals("0.1", "10", places=2),
)
def test_explanations_hold_for_all_seeds_and_assumptions(
    check: Check,
    bench: Any,
    pricing: Pricing,
    seconds: list[float],
    speed: float,
    utilisation: float,
    multiplier: Decimal,
) -> None:
    """For any durations, rates, utilisation and multiplier."""
    records = [
        record
        for seed, finetune_s in enumerate(seconds)
        for record in bench.case(seed=seed, finetune_s=finetune_s, rate=speed * (seed + 1))
    ]
    assumed = replace(pricing, utilisation=utilisation, multiplier=multiplier)

    assert check(rows("cost", records, assumed), cost(records, assumed)) > 0
    assert check(rows("throughput", records), throughput(records)) > 0


def test_every_number_of_the_cost_table_can_be_opened(suite: list[Any], pricing: Pricing) -> None:
    """All columns but counts and names."""
    figures = rows("cost", suite, pricing)[0].figures()
    plain = {"seeds", "batch_size", "energy_kind", "train_energy_kind", "grid", "note", "tokens_are"} | {
        name for name in COLUMNS["cost"] if name.startswith("price_")
    }
    prices = {name for name in figures if name.startswith("price_")}

    assert set(COLUMNS["cost"]) - set(NAMES["cost"]) - plain == set(figures) - prices
    assert prices == {"price_usd", "price_multiplier", "price_usd_per_million_input", "price_usd_per_million_output"}


def test_figures_end_in_sources(suite: list[Any], pricing: Pricing) -> None:
    """A record, a dated price or an assumption; or a note of what is missing."""
    for row in [*rows("cost", suite, pricing), *rows("throughput", suite), *rows("accuracy", suite)]:
        for figure in row.figures().values():
            for part in figure.walk():
                assert part.inputs or part.source or part.note, part.name
                assert part.kind == "derived" or part.source
                if part.kind == "price":
                    assert "as of 2026-11-01" in part.source
                    assert "bench.example/prices" in part.source


def test_metrics_that_are_no_mean_are_explained(check: Check, bench: Any) -> None:
    """With their record, and the method of the interval."""
    f1 = {
        "name": "f1", "unit": "share", "column": None, "higher_is_better": True, "ceiling": 1.0,
        "random_baseline": None, "value": 0.7, "replicates": [0.6, 0.7, 0.8] * 100,
    }  # fmt: skip
    records = [*bench.case(), *bench.case(seed=1)]
    for record in records:
        record.metrics.extend([f1] if record.step == "evaluate" else [])
    table = rows("accuracy", records)

    assert [row.cells["metric"] for row in table] == ["accuracy", "f1"]
    assert check(table, accuracy(records, EVERY)) > 0
    assert "300 values over resampled items" in table[1].explain("low").note
    assert "it is no mean" in table[1].explain("value").inputs[0].note


def test_a_flawless_model_has_the_exact_bound(bench: Any) -> None:
    """The note names it instead of the bootstrap."""
    (row,) = rows("accuracy", bench.case(scores=(1,) * 50))

    assert "Clopper and Pearson" in row.explain("low").note


def test_missing_figures_have_a_note(check: Check, bench: Any, pricing: Pricing) -> None:
    """Of a missing training and a missing serving."""
    records = [record for record in bench.case() if record.step not in ("pretrain", "serve")]
    (row,) = rows("cost", records, pricing)

    assert row.explain("pretrain_usd").value is None
    assert "missing" in row.explain("pretrain_usd").note
    assert "no serving in the scenario Offline" in row.explain("usd_per_1k_inferences").note
    assert check([row], cost(records, pricing)) > 0


def test_first_tokens_and_tokens_per_second_are_explained(check: Check, bench: Any) -> None:
    """With rank and records; without streaming there is a note."""
    writes, reads = bench.writing([0.001 * wait for wait in range(1, 101)], 700.0), bench.writing([], None)
    (written, other) = (
        next(one for one in rows("throughput", records) if "SingleStream" in one.title) for records in (writes, reads)
    )

    assert written.explain("output_tokens_per_s").put_in == "sum(700) / sum(1)"
    assert written.explain("first_token_p90_s").value == pytest.approx(0.098)
    assert "number 3 of 100 latencies" in written.explain("first_token_p90_s").note
    assert "first_token_s of record" in written.explain("first_token_p90_s").source
    assert check(rows("throughput", writes), throughput(writes)) > 3
    assert other.explain("output_tokens_per_s").value is None
    assert "no output tokens" in other.explain("output_tokens_per_s").note
    assert other.explain("first_token_p50_s").value is None


def test_text_shows_formula_values_and_sources(bench: Any, pricing: Pricing) -> None:
    """The formula in names and in values, and a branch for each input."""
    (row,) = rows("cost", bench.case(), pricing)
    shown = text(row.explain("usd_per_1k_inferences"))

    for line in (
        "usd_per_1k_inferences = 0.0002778 USD per 1,000 inferences",
        "│  usd_per_hour / (samples_per_s × 3600 × utilisation) × 1000",
        "│  = 0.1 / (100 × 3600 × 1) × 1000",
        "├─ usd_per_hour = 0.1 USD",
        "└─ utilisation = 1",
    ):
        assert line in shown.splitlines()
    assert (
        "Bench Cloud c1.small, eu-1, as of 2026-11-01; paid whole hours, idle or not, energy included; bench" in shown
    )


def test_data_is_plain_json(suite: list[Any], pricing: Pricing) -> None:
    """With the same tree."""
    (row, *_) = rows("cost", suite, pricing)
    body = json.loads(json.dumps(as_data(row.explain("train_usd")), allow_nan=False))

    assert body["formula"] == "pretrain_usd + finetune_usd"
    assert math.isclose(sum(part["value"] for part in body["inputs"]), body["value"])


def test_a_row_is_found_by_its_cells(suite: list[Any], pricing: Pricing) -> None:
    """Or an error says what narrows the rows down."""
    table = rows("cost", suite, pricing)

    assert find(table, {"model": "lstm"}).cells["model"] == "lstm"
    with pytest.raises(FactError, match=r"2 rows fit.* runtime \(eager, onnx\)"):
        find(table, {"model": "bert"})
    with pytest.raises(FactError, match="Did you mean 'bert'"):
        find(table, {"model": "brt"})
    with pytest.raises(FactError, match="Unknown column that names a row 'modl'"):
        find(table, {"modl": "bert"})
    with pytest.raises(FactError, match="has no rows"):
        find([], {})


def test_stale_rows_are_distinguished_by_other_columns(suite: list[Any], pricing: Pricing) -> None:
    """The long mark narrows rows down only where nothing else does."""
    fresh = rows("cost", suite, pricing)
    stale = [row._replace(cells={**row.cells, "stale": f"{row.cells['runtime']} changed"}) for row in fresh]

    assert stale[0].title == f"{fresh[0].title} (stale: {fresh[0].cells['runtime']} changed)"
    with pytest.raises(FactError) as caught:
        find(stale, {"model": "bert"})
    assert str(caught.value) == "2 rows fit. Narrow them down by runtime (eager, onnx)."
    with pytest.raises(FactError, match=r"stale \("):
        find([fresh[0], stale[0]], {})


def test_an_unknown_column_or_table_is_refused(suite: list[Any], pricing: Pricing) -> None:
    """With the known ones."""
    with pytest.raises(FactError, match="Did you mean 'train_usd'"):
        rows("cost", suite, pricing)[0].explain("train")
    with pytest.raises(FactError, match="Unknown table that can be explained 'costs'"):
        rows("costs", suite, pricing)
    with pytest.raises(FactError, match="needs prices"):
        rows("cost", suite)


@pytest.fixture
def run(invoke: Callable[..., str], make_store: Any, suite: list[Any], tmp_path: Path) -> Callable[..., str]:
    """Return a function that runs a command on a store of the suite."""
    store = make_store(tmp_path / "store", suite)
    (tmp_path / "ours.yaml").write_text(BOOK, encoding="utf-8")
    return lambda *arguments: invoke(*arguments, "--store", store, "--price-book", str(tmp_path / "ours.yaml"))


def test_the_command_gives_the_tables_figure(run: Callable[..., str]) -> None:
    """`harness explain` and `harness table` agree."""
    picked = ("--model", "bert", "--task", "text-classification", "--where", "runtime=onnx")
    body = json.loads(run("explain", "cost", *picked, "--column", "usd_per_1k_inferences", "--format", "json"))
    table = json.loads(run("table", "cost", "--task", "text-classification", "--format", "json"))
    (row,) = [each for each in table if (each["model"], each["runtime"]) == ("bert", "onnx")]

    assert body["figures"][0]["value"] == row["usd_per_1k_inferences"]


def test_without_a_column_every_figure_opens(run: Callable[..., str]) -> None:
    """Of the matching row."""
    shown = run("explain", "accuracy", "--model", "lstm")

    for name in ("value = ", "low = ", "random_baseline = ", "baseline_value = ", "against_baseline = worse"):
        assert f"\n{name}" in shown


def test_where_needs_name_and_value(run: Callable[..., str]) -> None:
    """The message has the syntax."""
    with pytest.raises(FactError, match="write NAME=VALUE"):
        run("explain", "cost", "--where", "runtime")
