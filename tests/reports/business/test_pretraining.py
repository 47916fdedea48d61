"""Does pretraining pay? Pairs at equal budgets, the gain with its interval, and break-even uses."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from harness import UseCase
from harness_reports.business.pretraining import PRETRAINING, pretraining
from harness_reports.prices.cost import cost
from harness_reports.prices.pricing import Pricing

MakeUseCase = Callable[..., UseCase]


def pair(bench: Any, pretrained: int, scratch: int, **changes: Any) -> list[Any]:
    """Return a pretrained and a scratch case with so many of 100 items right."""
    return [
        *bench.case(scores=(1,) * pretrained + (0,) * (100 - pretrained), **changes),
        *bench.case(scores=(1,) * scratch + (0,) * (100 - scratch), start="scratch", **changes),
    ]


def only(frame: pd.DataFrame) -> dict[str, Any]:
    """Return the one row."""
    (row,) = frame.to_dict("records")
    return {str(name): value for name, value in row.items()}


def test_row_worked_out_by_hand(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """12 points of accuracy save 0.12 · 0.20 a request; a pretraining of 360 s costs one cent, twice."""
    case = make_use_case(needs={"latency_s": 0.5})
    frame = pretraining(pair(bench, 92, 80), pricing, [case])
    row = only(frame)
    gain = 0.12 * 0.20 * 1_000_000 * sum(1.1**-year for year in (1, 2, 3))

    assert list(frame.columns) == list(PRETRAINING)
    assert (row["scratch"], row["pretrained"], row["difference"]) == (0.8, 0.92, "better")
    assert row["gain"] == pytest.approx(0.12)
    assert row["gain_low"] < 0.12 < row["gain_high"]
    assert row["pretrain_usd"] == pytest.approx(0.01)
    assert row["gain_usd_per_use"] == pytest.approx(gain, rel=1e-6)
    assert (row["break_even_uses"], row["pays"]) == (1, True)


def test_expensive_pretraining_needs_many_uses(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """It breaks even at the next whole number of uses."""
    case = make_use_case(needs={"latency_s": 0.5}, development_multiplier=2e7)
    row = only(pretraining(pair(bench, 92, 80), pricing, [case], {"pretraining_uses": 3.0, "upfront_cost_usd": 0.0}))
    uses = row["break_even_uses"]

    assert pd.isna(uses) or uses == math.ceil(row["pretrain_usd"] * 2e7 / row["gain_usd_per_use"])
    assert row["pays"] == (not pd.isna(uses) and uses <= 3)


def test_without_a_significant_difference_there_is_no_gain(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """One point of a hundred: no number of uses breaks even."""
    row = only(pretraining(pair(bench, 91, 90), pricing, [make_use_case(needs={"latency_s": 0.5})]))

    assert row["difference"] in ("no significant difference", "better")
    if row["difference"] == "no significant difference":
        assert row["gain_usd_per_use"] == 0
        assert pd.isna(row["break_even_uses"])
        assert row["pays"] is False


def test_reaching_the_needed_quality_is_worth_the_whole_business(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """From scratch the need is missed, so its net present value counts as 0."""
    row = only(pretraining(pair(bench, 92, 70), pricing, [make_use_case(needs={"quality": 0.8, "latency_s": 0.5})]))
    free = only(pretraining(pair(bench, 92, 70), pricing, [make_use_case(needs={"latency_s": 0.5})]))

    assert row["gain_usd_per_use"] > free["gain_usd_per_use"] > 0


def test_pretraining_that_hurts_never_pays(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """Its gain is negative."""
    row = only(pretraining(pair(bench, 60, 80), pricing, [make_use_case(needs={"latency_s": 0.5})]))

    assert row["difference"] == "worse"
    assert row["gain_usd_per_use"] < 0
    assert pd.isna(row["break_even_uses"])


def test_error_metric_gains_by_falling(bench: Any, error_metric: dict[str, Any], pricing: Pricing) -> None:
    """The gain is the reduction of the error; without a use case it has no price."""
    records = [
        *bench.case(scores=(1.0, 1.2) * 30, metric=error_metric),
        *bench.case(scores=(2.0, 2.2) * 30, metric=error_metric, start="scratch"),
    ]
    row = only(pretraining(records, pricing))

    assert row["gain"] == pytest.approx(1.0)
    assert row["difference"] == "better"
    assert row["use_case"] is None or pd.isna(row["use_case"])
    assert pd.isna(row["break_even_uses"])


def test_only_equal_budgets_are_compared(bench: Any, pricing: Pricing) -> None:
    """Another fine-tuning budget, setting, runtime or size makes no pair."""
    pretrained = bench.case(scores=(1,) * 90 + (0,) * 10)
    for other in ({"budget": {"steps": 99}}, {"settings": {"lr": 0.1}}, {"runtime": "eager"}, {"size": "small"}):
        scratch = bench.case(scores=(1,) * 80 + (0,) * 20, start="scratch", **other)

        assert len(pretraining([*pretrained, *scratch], pricing)) == 0


def test_a_pretrained_checkpoint_has_no_cost_of_pretraining(bench: Any, pricing: Pricing) -> None:
    """But a pretraining of one's own whose record is missing has an unknown cost."""
    records = bench.case(scores=(1,) * 90 + (0,) * 10)
    missing = [record for record in records if record.step != "pretrain"]
    tuned = next(record for record in records if record.step == "finetune")
    checkpoint = [type(r)(**{**vars(r), "inputs": {}}) if r is tuned else r for r in missing]

    assert pd.isna(cost(missing, pricing)["pretrain_usd"].iloc[0])
    assert cost(checkpoint, pricing)["pretrain_usd"].iloc[0] == 0.0


def test_the_gain_by_the_number_of_labels(bench: Any, pricing: Pricing, make_use_case: Callable[..., UseCase]) -> None:
    """Pairs come by labels: with 50 the gain pays after one use, with 5,000 it is noise."""
    records = [
        record
        for labels, starts in ((5000, (92, 91)), (50, (90, 60)))
        for start, right in zip(("pretrained", "scratch"), starts, strict=True)
        for record in bench.case(scores=(1,) * right + (0,) * (100 - right), start=start,
                                 budget={"steps": 50, "labels": labels}, fields={"used": {"train_items": labels}})
    ]  # fmt: skip
    frame = pretraining(records, pricing, [make_use_case(needs={})])

    assert frame["labels"].tolist() == [50, 5000]
    assert frame["gain"].tolist() == pytest.approx([0.30, 0.01])
    assert frame["difference"].tolist() == ["better", "no significant difference"]
    assert frame["break_even_uses"].tolist()[0] == 1
    assert frame["gain_usd_per_use"].tolist()[1] == 0
