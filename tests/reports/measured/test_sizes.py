"""Scaling laws of measured sizes, and when there is none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import FactError, Reading
from harness_reports.measured.sizes import FARTHEST, SIZES, fit, measured_mfu, size_table

WIDTHS = {"tiny": 1e6, "small": 1e7, "base": 1e8, "large": 1e9}


def sized(bench: Any, size: str, right: int, **more: Any) -> list[Any]:
    """Return a case of a size: 1,000 items, `right` of them right, with its parameters."""
    records = bench.case(size=size, scores=(1,) * right + (0,) * (1000 - right), **more)
    read = {"parameters": Reading(WIDTHS[size], "count")}
    return [replace(record, readings={**record.readings, **read}) if record.step == "finetune" else record
            for record in records]  # fmt: skip


def row(records: list[Any], params: float) -> dict[str, Any]:
    """Return the one row."""
    (only,) = size_table(records, params).to_dict("records")
    return dict(only)


@given(exponent=st.floats(0.05, 1.0), factor=st.floats(0.1, 100.0))
def test_a_law_is_recovered(exponent: float, factor: float) -> None:
    """From errors that follow it exactly, with its predictions."""
    sizes = [1e6, 1e7, 1e8, 1e9]
    line = fit(sizes, [factor * size**-exponent for size in sizes])

    assert line.exponent == pytest.approx(exponent)
    assert line.low == pytest.approx(exponent, abs=1e-6)
    assert line.predict(3e7)[0] == pytest.approx(factor * 3e7**-exponent)


def test_an_interval_holds_the_truth_in_95_percent() -> None:
    """Of 300 noisy laws, within sampling error."""
    random, sizes = np.random.default_rng(0), np.logspace(6, 9, 5)
    held = [
        (line := fit(sizes.tolist(), (sizes**-0.2 * np.exp(random.normal(0, 0.05, 5))).tolist())).low
        <= 0.2
        <= line.high
        for _ in range(300)
    ]

    assert 0.91 <= np.mean(held) <= 0.985


def test_errors_of_measured_sizes_fall(bench: Any) -> None:
    """40, 20 and 10 % errors at ten times the size each: 5 % at the next."""
    records = [*sized(bench, "tiny", 600), *sized(bench, "small", 800), *sized(bench, "base", 900)]
    cells = row(records, 1e9)

    assert list(cells) == list(SIZES)
    assert (cells["sizes"], cells["params_low"], cells["params_high"]) == (3, 1e6, 1e8)
    assert cells["exponent"] == pytest.approx(np.log10(2))
    assert cells["predicted"] == pytest.approx(0.95)
    assert cells["predicted_low"] <= cells["predicted"] <= cells["predicted_high"]
    assert cells["refused"] is None


def test_sizes_of_what_is_not_trained_are_those_of_its_evaluations(bench: Any) -> None:
    """The same law as with trainings that count the parameters."""
    trained = [
        one for size, right in (("tiny", 600), ("small", 800), ("base", 900)) for one in sized(bench, size, right)
    ]
    counted = {record.spec["size"]: record.readings["parameters"] for record in trained if record.step == "finetune"}
    untrained = [
        replace(
            record,
            inputs={},
            spec={**record.spec, "start": "as-is"},
            readings={**record.readings, "parameters": counted[record.spec["size"]]},
        )
        for record in trained
        if record.step == "evaluate"
    ]

    assert row(untrained, 1e9)["exponent"] == pytest.approx(np.log10(2))
    assert row(untrained, 1e9)["start"] == "as-is"


@pytest.mark.parametrize(
    ("right", "params", "reason"),
    [
        ({"tiny": 600, "small": 800}, 1e9, "Sizes measured: 2. A law needs 3"),
        ({"tiny": 800, "small": 600, "base": 801, "large": 700}, 1e9, "holds 0: these sizes show no law"),
        ({"tiny": 600, "small": 800, "base": 900}, 1e8 * FARTHEST * 1.01, "over 10 times the largest size"),
        ({"tiny": 600, "small": 800, "base": 1000}, 1e8, "makes no errors"),
    ],
)
def test_without_a_law_there_is_a_reason(bench: Any, right: dict[str, int], params: float, reason: str) -> None:
    """Instead of a prediction."""
    records = [record for size, count in right.items() for record in sized(bench, size, count)]
    cells = row(records, params)

    assert reason in cells["refused"]
    assert cells["predicted"] is None


def test_a_metric_that_is_not_finite_is_not_fitted(bench: Any) -> None:
    """The reason says so."""
    broken = sized(bench, "large", 950)
    broken = [replace(record, scores={"correct": [float("nan")] * 1000}) if record.scores else record
              for record in broken]  # fmt: skip
    records = [*sized(bench, "tiny", 600), *sized(bench, "small", 800), *sized(bench, "base", 900), *broken]

    assert "accuracy is not a number" in row(records, 1e8)["refused"]


def test_a_metric_without_a_ceiling_has_no_errors(bench: Any) -> None:
    """Unless the metric itself counts errors."""
    metric = {"name": "reward", "unit": "points", "column": "correct", "higher_is_better": True, "ceiling": None}
    records = [record for size in ("tiny", "small", "base") for record in sized(bench, size, 600, metric=metric)]
    falling = {**metric, "name": "loss", "higher_is_better": False}
    losses = [record for size, right in (("tiny", 800), ("small", 400), ("base", 200))
              for record in sized(bench, size, right, metric=falling)]  # fmt: skip

    assert "reward has no ceiling" in row(records, 1e8)["refused"]
    assert row(losses, 1e9)["predicted"] == pytest.approx(0.1, rel=0.1)


def test_utilisation_is_that_of_trainings(bench: Any) -> None:
    """6 · 1e9 parameters · 1,000 tokens in 10 s on two devices of 1e12 operations per second: 30 %."""
    machine = {"hardware": {"price_item": "X100", "price_quantity": 2}}
    read = {"parameters": 1e9, "tokens": 1000.0, "wall_s": 10.0}
    trained = bench.record("finetune", bench.spec(model="gpt"), {}, read, environment=machine)

    assert measured_mfu([trained], {"X100": 1e12}) == pytest.approx(0.3)
    with pytest.raises(FactError, match="device whose peak is known"):
        measured_mfu([trained], {"H100": 1e12})
    with pytest.raises(FactError, match="Unknown trained model 'bert'"):
        measured_mfu([trained], {"X100": 1e12}, "bert")
