"""The cost table against hand-computed amounts: the Bench 9000 costs 0.10 USD an hour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from harness import FactError, Price
from harness_reports.cells import missing, rows
from harness_reports.measured.tables import accuracy
from harness_reports.prices.cost import COST, cost
from harness_reports.prices.pricing import Pricing


def only(frame: pd.DataFrame) -> dict[str, Any]:
    """Return the one row."""
    (row,) = frame.to_dict("records")
    return dict(row)


def test_row_worked_out_by_hand(bench: Any, pricing: Pricing) -> None:
    """360 s, 180 s and 36 s at 0.10 USD an hour; 0.10 / (100 · 3600) · 1000 = 0.000277… for 1,000 inferences."""
    frame = cost(bench.case(), pricing)
    row = only(frame)

    assert list(frame.columns) == list(COST)
    assert row["pretrain_usd"] == pytest.approx(0.01)
    assert row["finetune_usd"] == pytest.approx(0.005)
    assert row["train_usd"] == pytest.approx(0.015)
    assert row["evaluate_usd"] == pytest.approx(0.001)
    assert row["usd_per_1k_inferences"] == pytest.approx(0.1 / 360)
    assert row["usd_per_1k_single_stream"] == pytest.approx(0.1 / (50 * 3600) * 1000)
    assert row["energy_j_per_1k"] == pytest.approx(500.0)
    assert row["usd_per_hour"] == pytest.approx(0.10)


def test_the_price_is_in_the_row(bench: Any, pricing: Pricing) -> None:
    """With offer, provider, region, day and source."""
    row = only(cost(bench.case(), pricing))

    assert [row[f"price_{name}"] for name in ("item", "offer", "provider", "region", "as_of", "source")] == [
        "CPU", "c1.small", "Bench Cloud", "eu-1", "2026-11-01", "bench.example/prices",
    ]  # fmt: skip


def test_a_baseline_on_a_processor_is_compared_with_a_model_on_a_chip(
    bench: Any, pricing: Pricing, make_price: Callable[..., Price]
) -> None:
    """Each costs its own machine's hour."""
    chip = {"name": "chip", "device_name": "chip", "price_item": "chip", "price_quantity": 1}
    fast = bench.case(hardware="chip", fields={"environment": {"hardware": chip}})
    records = [*fast, *bench.case(scores=(0, 1) * 50, model="tfidf", start="scratch")]
    prices = {**pricing.prices, "chip": make_price(item="chip", usd=Decimal(3))}
    hours = {row["model"]: row["usd_per_hour"] for row in rows(cost(records, replace(pricing, prices=prices)))}
    graded = {row["model"]: row["against_baseline"] for row in rows(accuracy(records))}

    assert hours == pytest.approx({"bert": 3.0, "tfidf": 0.10})
    assert graded["bert"] == "better"


def test_without_offline_the_rate_under_load_counts(bench: Any, pricing: Pricing) -> None:
    """20 answers a second; with Offline's 100 a second those count."""
    records = bench.case()
    (evaluation,) = (record for record in records if record.step == "evaluate")
    load = bench.load({"Server 20/s": bench.steady(20.0, 700, 0.1)}, base=evaluation)
    row = only(cost([*(record for record in records if record.step != "serve"), load], pricing))
    both = only(cost([*records, load], pricing))

    assert row["usd_per_1k_inferences"] == pytest.approx(0.1 / (20 * 3600) * 1000, rel=0.01)
    assert row["usd_per_1k_correct"] > row["usd_per_1k_inferences"]
    assert missing(row["usd_per_1k_low"])
    assert both["usd_per_1k_inferences"] == pytest.approx(0.1 / 360)


@pytest.mark.parametrize(
    ("usd_per_hour", "rate", "utilisation", "expected"),
    [("0.1008", 45.0, 0.35, 0.0017777777777777776), ("1.01", 820.0, 0.6, 0.0005702348690153568)],
)
def test_unit_cost_divides_by_utilisation(
    bench: Any, pricing: Pricing, usd_per_hour: str, rate: float, utilisation: float, expected: float
) -> None:
    """At 35 % an inference costs 2.86 times as much."""
    assumed = replace(pricing, multiplier=Decimal(usd_per_hour) * 10, utilisation=utilisation)

    row = only(cost(bench.case(rate=rate), assumed))

    assert row["usd_per_1k_inferences"] == pytest.approx(expected, rel=1e-9)


def test_utilisation_and_multiplier_reprice_without_measuring(bench: Any, pricing: Pricing) -> None:
    """Half the utilisation doubles the unit cost, thrice the price triples all costs."""
    records = bench.case()
    base, idle = only(cost(records, pricing)), only(cost(records, replace(pricing, utilisation=0.5)))
    tripled = only(cost(records, replace(pricing, multiplier=Decimal(3))))

    assert idle["usd_per_1k_inferences"] == pytest.approx(2 * base["usd_per_1k_inferences"])
    assert idle["train_usd"] == base["train_usd"]
    for name in ("pretrain_usd", "finetune_usd", "usd_per_1k_inferences", "usd_per_1k_single_stream"):
        assert tripled[name] == pytest.approx(3 * base[name])


def test_seeds_share_their_pretraining(bench: Any, pricing: Pricing) -> None:
    """Fine-tunings of 180 and 540 s cost 0.01 USD on average; the pretraining counts once."""
    row = only(cost([*bench.case(), *bench.case(seed=1, finetune_s=540.0)], pricing))

    assert row["seeds"] == 2
    assert row["finetune_usd"] == pytest.approx(0.01)
    assert row["pretrain_usd"] == pytest.approx(0.01)
    assert row["train_usd"] == pytest.approx(0.02)


def test_pretraining_from_scratch_costs_nothing(bench: Any, pricing: Pricing) -> None:
    """0, not None."""
    row = only(cost(bench.case(start="scratch"), pricing))

    assert row["pretrain_usd"] == 0.0
    assert row["train_usd"] == pytest.approx(0.005)


def test_what_is_measured_as_it_is_has_no_training_to_pay(bench: Any, pricing: Pricing) -> None:
    """0, not None: no record of a training is missing."""
    untrained = [
        replace(r, inputs={}) for r in bench.case(start="as-is", runtime="eager") if r.step in ("evaluate", "serve")
    ]
    row = only(cost(untrained, pricing))

    assert (row["pretrain_usd"], row["finetune_usd"], row["train_usd"]) == (0.0, 0.0, 0.0)
    assert row["evaluate_usd"] > 0


def test_missing_training_is_not_free(bench: Any, pricing: Pricing) -> None:
    """Without the pretraining's record its cost and the sum are None."""
    row = only(cost([record for record in bench.case() if record.step != "pretrain"], pricing))

    assert pd.isna(row["pretrain_usd"])
    assert pd.isna(row["train_usd"])
    assert row["finetune_usd"] == pytest.approx(0.005)


def test_a_stage_without_seconds_has_no_cost(bench: Any, pricing: Pricing) -> None:
    """It is None, not 0."""
    records = [replace(record, readings={}) if record.step == "finetune" else record for record in bench.case()]
    row = only(cost(records, pricing))

    assert pd.isna(row["finetune_usd"])
    assert row["pretrain_usd"] == pytest.approx(0.01)


def test_the_unit_cost_is_that_of_the_cheapest_batch_size(bench: Any, pricing: Pricing) -> None:
    """Batches of 32 at 200 per second beat single samples at 50."""
    records = [*bench.case(batch_size=1, rate=50.0), *bench.case(batch_size=32, rate=200.0)]

    row = only(cost(records, pricing))

    assert row["batch_size"] == 32
    assert row["usd_per_1k_inferences"] == pytest.approx(0.1 / 720)


def test_no_serving_no_unit_cost(bench: Any, pricing: Pricing) -> None:
    """An evaluated candidate has a training cost and no unit cost."""
    row = only(cost([record for record in bench.case() if record.step != "serve"], pricing))

    assert pd.isna(row["usd_per_1k_inferences"])
    assert pd.isna(row["energy_j_per_1k"])
    assert row["train_usd"] == pytest.approx(0.015)


def test_served_without_evaluation_is_priced_too(bench: Any, pricing: Pricing) -> None:
    """A failed evaluation does not hide the serving."""
    row = only(cost([record for record in bench.case() if record.step != "evaluate"], pricing))

    assert pd.isna(row["evaluate_usd"])
    assert row["usd_per_1k_inferences"] == pytest.approx(0.1 / 360)


def test_failed_steps_are_never_priced(bench: Any, pricing: Pricing) -> None:
    """They give no row."""
    assert len(cost(bench.case(fields={"outcome": "out of memory"}), pricing)) == 0


def test_unpriced_hardware_stops_the_table(bench: Any, pricing: Pricing) -> None:
    """A record on hardware without a price is an error, not a row with 0."""
    other = {"environment": {"hardware": {"device_name": "X", "price_item": "TPU", "price_quantity": 1}}}

    with pytest.raises(FactError, match="'TPU'"):
        cost([*bench.case(), *bench.case(model="lstm", fields=other)], pricing)


def test_interval_of_the_unit_cost_is_that_of_the_rate(bench: Any, pricing: Pricing) -> None:
    """Seeds at 100 and 80 per second: the cost lies between those of both."""
    row = only(cost([*bench.case(rate=100.0), *bench.case(seed=1, rate=80.0)], pricing))

    assert row["usd_per_1k_low"] == pytest.approx(0.1 / 360)
    assert row["usd_per_1k_high"] == pytest.approx(0.1 / 288)
    assert row["usd_per_1k_low"] < row["usd_per_1k_inferences"] < row["usd_per_1k_high"]
