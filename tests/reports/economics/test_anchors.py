"""Published figures against the functions, each with its source."""

from __future__ import annotations

from datetime import date

import pytest

from harness_reports.economics import energy, ownership, scaling, training
from harness_reports.economics.cashflow import irr, xirr
from harness_reports.economics.textbook import appraisal, tokens
from harness_reports.economics.textbook.queueing import service_level
from harness_reports.economics.textbook.training import (
    energy_of_days_mwh,
    hfu,
    mfu_from_hours,
    mfu_from_throughput,
    training_days,
)

H100, A100, V100, TPU4 = 989.4e12, 312e12, 125e12, 275e12

CHINCHILLA_TABLE_3 = [
    (400e6, 1.92e19, 8.0e9),
    (1e9, 1.21e20, 20.2e9),
    (67e9, 5.76e23, 1.5e12),
    (1e12, 1.27e26, 21.2e12),
]
"""Parameters, operations, tokens: Hoffmann and others 2022, arXiv:2203.15556, table 3."""


@pytest.mark.parametrize(("params", "flops", "tokens"), CHINCHILLA_TABLE_3)
def test_the_chinchilla_table_satisfies_six_n_d(params: float, flops: float, tokens: float) -> None:
    """Within 5 %."""
    assert training.training_flops(params, tokens) == pytest.approx(flops, rel=0.05)


@pytest.mark.parametrize(
    ("law", "billions", "trillions"),
    [("hoffmann_rounded", 32.2, 2.98), ("hoffmann_unrounded_exponents", 40.3, 2.38), ("besiroglu_2024", 72.2, 1.33)],
)
def test_the_laws_at_the_gopher_budget(law: str, billions: float, trillions: float) -> None:
    """5.76e23 operations; the paper says 40 billion parameters."""
    best = scaling.optimal_allocation(5.76e23, scaling.CONSTANTS[law])

    assert (best.params / 1e9, best.tokens / 1e12) == pytest.approx((billions, trillions), rel=5e-3)


def test_the_replication_holds_twenty_tokens_a_parameter() -> None:
    """Besiroglu and others 2024, arXiv:2404.10102, at the budgets of the paper."""
    best = scaling.optimal_allocation(5.76e23, scaling.CONSTANTS["besiroglu_2024"])

    assert best.tokens_per_param == pytest.approx(20, abs=3)


@pytest.mark.parametrize(
    ("params", "tokens", "hours", "peak", "mfu"),
    [
        (405.853e9, 15.6e12, 30.84e6, H100, 0.346),  # Llama 3.1 405B, model card
        (8.03e9, 15e12, 1.46e6, H100, 0.139),  # Llama 3.1 8B, model card
        (174.6e9, 300e9, 3.552e6, V100, 0.197),  # GPT-3: 24.6 of 125 TFLOP/s, Patterson and others 2021
        (176.247e9, 366e9, 1_082_990, A100, 0.318),  # BLOOM, Luccioni and others 2022
        (37e9, 14.8e12, 2.664e6, H100, 0.346),  # DeepSeek-V3, active parameters, arXiv:2412.19437
    ],
)
def test_the_mfu_of_published_hours(params: float, tokens: float, hours: float, peak: float, mfu: float) -> None:
    """To the third digit."""
    assert mfu_from_hours(params, tokens, hours, peak) == pytest.approx(mfu, abs=1e-3)


def test_palm_with_its_recomputation() -> None:
    """MFU 46.2 %, HFU 57.8 % (arXiv:2204.02311): some activations are recomputed, so HFU is below 4/3 of MFU."""
    flops = training.flops_per_token(540.35e9, 118, 12288, 2048)
    mfu = mfu_from_throughput(flops, 238_300, 6144, TPU4)

    assert mfu == pytest.approx(0.462, abs=5e-4)
    assert mfu < 0.578 < hfu(mfu, full_recomputation=True)


def test_a_sparse_peak_halves_the_utilisation() -> None:
    """1,979 TFLOP/s is the sparse peak of an H100."""
    dense = mfu_from_hours(405.853e9, 15.6e12, 30.84e6, H100)

    assert mfu_from_hours(405.853e9, 15.6e12, 30.84e6, 1979e12) == pytest.approx(dense / 2, rel=1e-3)


def test_gpt3_took_34_days_on_1024_accelerators() -> None:
    """At 140 TFLOP/s of the hardware (Narayanan and others 2021)."""
    assert training_days(175e9, 300e9, 1024, 140e12) == pytest.approx(34, abs=0.1)


@pytest.mark.parametrize(
    ("accelerators", "days", "watts", "pue", "mwh"),
    [(10_000, 14.8, 330, 1.1, 1287), (512, 20, 310, 1.12, 85.7), (1024, 3.1, 288, 1.09, 24.1)],
)
def test_the_energy_of_published_trainings(
    accelerators: float, days: float, watts: float, pue: float, mwh: float
) -> None:
    """GPT-3, T5 and GShard (Patterson and others 2021, table 4): within 1 %."""
    assert energy_of_days_mwh(accelerators, days, watts, pue) == pytest.approx(mwh, rel=0.01)


def test_the_carbon_of_llama() -> None:
    """LLaMA-13B: 59 MWh, 23 t (arXiv:2302.13971, table 15)."""
    mwh = training.energy_mwh(135_168, 400, 1.1)

    assert (mwh, training.carbon_tonnes(mwh, 0.385)) == pytest.approx((59, 23), rel=0.01)


def test_an_owned_hour_is_cheaper_than_a_rented_one() -> None:
    """An H100 of 31,905 USD with its server: about 2 USD an hour in the first year, 6.88 on demand."""
    cost = ownership.amortised_cost(
        31_904.63 * 1.64, 1.0, tdp_w=700, server_power_factor=1.82, power_share=0.75, pue=1.25, usd_per_kwh=0.0826
    )

    assert 1.5 < cost.total_usd < 3.0
    assert cost.energy_usd / cost.total_usd < 0.06


def test_the_call_centre_with_fourteen_agents() -> None:
    """100 calls of 180 s in half an hour: 17.4 % wait, 88.8 % are answered in 20 s, mean wait 7.8 s."""
    level = service_level(200 / 3600, 180, 14, 20)

    assert level[:3] == pytest.approx((0.174, 0.888, 7.8), rel=5e-3)


def test_the_spreadsheets_worked_examples() -> None:
    """-70,000, 12,000, 15,000, 18,000, 21,000: -2.1 %; with 26,000 more 8.7 %."""
    assert irr([-70_000, 12_000, 15_000, 18_000, 21_000]).single == pytest.approx(-0.0212, abs=1e-4)
    assert irr([-70_000, 12_000, 15_000, 18_000, 21_000, 26_000]).single == pytest.approx(0.0866, abs=1e-4)


def test_the_spreadsheets_dated_example() -> None:
    """-10,000 and four incomes within 14 months: 37.34 %."""
    days = [date(2008, 1, 1), date(2008, 3, 1), date(2008, 10, 30), date(2009, 2, 15), date(2009, 4, 1)]

    assert xirr([-10_000, 2_750, 4_250, 3_250, 2_750], days).single == pytest.approx(0.373362535, abs=1e-7)


def test_machines_of_unequal_lives() -> None:
    """50,000 for 3 years and 13,000 a year cost more per year than 150,000 for 8 years and 7,500."""
    short = appraisal.equivalent_annual_cost_usd(50_000, 3, 13_000, 0.05)
    long = appraisal.equivalent_annual_cost_usd(150_000, 8, 7_500, 0.05)

    assert (short, long) == pytest.approx((31_360.43, 30_708.27), abs=0.01)


def test_all_in_power_of_an_h100() -> None:
    """InferenceX: 1.73 kW a GPU at 2,400 tokens a second are .72 J a token."""
    assert tokens.energy_per_token(1.73, 2400).joules_per_token == pytest.approx(0.72, abs=5e-3)


@pytest.mark.parametrize(("country", "grams"), [("FRA", 56), ("SWE", 41), ("USA", 369), ("POL", 662), ("IND", 713)])
def test_grids_of_2023(country: str, grams: float) -> None:
    """Grams per kWh from codecarbon 3.3.2."""
    assert energy.grid(country).g_co2e_per_kwh == pytest.approx(grams, abs=0.6)
