"""Energy is read from a meter, or estimated and marked so, or missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import FactError, Reading
from harness_reports.measured.readings import combined, energy_kind
from harness_reports.prices.cost import cost
from harness_reports.prices.energy_use import step_energy
from harness_reports.prices.pricing import Pricing

MACHINE: dict[str, Any] = {
    "memory_bytes": 10e9,
    "hardware": {"logical_cores": 2, "price_item": "CPU", "price_quantity": 2},
}


def step(bench: Any, *, wall_s: float = 100.0, cpu_s: float = 100.0, **fields: Any) -> Any:
    """Return a step without a meter."""
    return bench.record("serve", {}, {}, {"wall_s": wall_s, "cpu_s": cpu_s}, environment=MACHINE, **fields)


def joules(record: Any) -> list[float | None]:
    """Return the energy of a step and the ends of its band."""
    return [step_energy(record, bound).value for bound in ("middle", "low", "high")]


def test_an_estimate_worked_out_by_hand(bench: Any) -> None:
    """Two vCPUs for 100 s, one busy: 200 · 0.74 + 100 · 2.76 J, and 10 GB · 0.392 W · 100 s."""
    assert joules(step(bench)) == pytest.approx([816.0, 540.0, 1092.0])
    assert energy_kind(step_energy(step(bench))) == "estimated"


def test_a_container_has_its_share_of_the_machine(bench: Any) -> None:
    """Half a processor of the two is priced: a quarter of 540 J if idle, and busy for half of the 100 s."""
    hardware = {**MACHINE["hardware"], "price_quantity": 0.5, "price_unit": "vCPU"}
    part = replace(step(bench), environment={**MACHINE, "hardware": hardware})

    assert joules(part) == pytest.approx([135 + 50 * 2.76, 135.0, 135 + 50 * 2.76])


def test_a_meter_comes_first(bench: Any) -> None:
    """A reading has no band."""
    read = replace(step(bench), readings={"energy_j": Reading(7.0, "J", "measured")})

    assert joules(read) == [7.0, 7.0, 7.0]
    assert energy_kind(step_energy(read)) == "measured"


def test_a_device_without_a_meter_has_no_energy(bench: Any) -> None:
    """There is no estimate for a GPU."""
    gpu = bench.record("serve", {}, {}, {"wall_s": 1.0, "cpu_s": 1.0}, environment={"hardware": {}, "memory_bytes": 1})

    assert joules(gpu) == [None] * 3
    assert energy_kind(step_energy(gpu)) is None
    assert step_energy(None).value is None


@given(wall_s=st.floats(0.001, 1e5), busy=st.floats(0, 3))
def test_an_estimate_lies_in_its_band(bench: Any, wall_s: float, busy: float) -> None:
    """For any processor time."""
    middle, low, high = joules(step(bench, wall_s=wall_s, cpu_s=wall_s * busy))

    assert low <= middle * (1 + 1e-12)
    assert middle <= high * (1 + 1e-12)


@pytest.mark.parametrize("weakest", ["estimated", "declared"])
def test_a_sum_is_as_weak_as_its_weakest_part(bench: Any, weakest: Any) -> None:
    """One estimate makes the sum an estimate."""
    parts = [replace(step(bench), readings={"energy_j": Reading(7.0, "J", kind)})
             for kind in ("measured", weakest, "measured")]  # fmt: skip

    assert energy_kind(combined("sum", parts, "energy_j")) == weakest


def test_the_cost_table_has_energy_and_carbon(bench: Any, pricing: Pricing) -> None:
    """50 W at 100 samples per second: 500 J for 1,000; 1.15 x 369 g CO2e per 3.6 MJ in the USA, 56 in France."""
    records = bench.case()
    (row,) = cost(records, pricing).to_dict("records")
    (france,) = cost(records, replace(pricing, grid="FRA", pue=1.0)).to_dict("records")

    assert (row["energy_j_per_1k"], row["energy_kind"]) == (500.0, "measured")
    assert row["co2e_g_per_1k"] == pytest.approx(500 / 3.6e6 * 1.15 * row["grid_g_co2e_per_kwh"])
    assert row["grid_g_co2e_per_kwh"] == pytest.approx(369, abs=1)
    assert france["co2e_g_per_1k"] == pytest.approx(500 / 3.6e6 * 56, rel=0.01)


def test_a_right_answer_costs_more_than_an_answer(bench: Any, pricing: Pricing) -> None:
    """Three of four are right: a third more."""
    (row,) = cost(bench.case(scores=(1, 1, 1, 0) * 25), pricing).to_dict("records")

    assert row["usd_per_1k_correct"] == pytest.approx(row["usd_per_1k_inferences"] / 0.75)


def test_output_tokens_have_a_price(bench: Any, pricing: Pricing) -> None:
    """0.10 USD an hour and 2,000 tokens in 10 s: 0.10 / (200 · 3600) · 1e6; None without a count."""
    records = bench.case()
    written = [
        replace(record, readings={**record.readings, "output_tokens": Reading(2000.0, "count")})
        if record.spec.get("scenario") == "Offline" else record
        for record in records
    ]  # fmt: skip
    (row,) = cost(written, pricing).to_dict("records")
    (none,) = cost(records, pricing).to_dict("records")

    assert row["usd_per_million_output_tokens"] == pytest.approx(0.10 / (200 * 3600) * 1e6)
    assert none["usd_per_million_output_tokens"] is None


@pytest.mark.parametrize("wrong", [{"pue": 0.9}, {"grid": "XYZ"}])
def test_an_unknown_grid_is_refused(pricing: Pricing, wrong: dict[str, Any]) -> None:
    """It is not taken to be clean."""
    with pytest.raises(FactError):
        replace(pricing, **wrong)
