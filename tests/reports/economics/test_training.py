"""Training at scale: utilisation, cost, scaling laws, owned hardware."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import FactError
from harness_reports.economics import ownership, scaling, training
from harness_reports.economics.textbook.training import (
    energy_of_days_mwh,
    extrapolate_cluster,
    hfu,
    mfu_from_hours,
    mfu_from_throughput,
    rental_cost,
)

FLOPS = st.floats(1e18, 1e27)
LAWS = st.sampled_from(sorted(scaling.CONSTANTS))


@given(FLOPS, st.floats(1e12, 1e16), st.floats(0.05, 1.0))
def test_hours_imply_their_utilisation(flops: float, peak: float, mfu: float) -> None:
    """Time from utilisation and utilisation from time are inverse."""
    hours = training.accelerator_hours(flops, peak, mfu)

    assert mfu_from_hours(flops / 6, 1, hours, peak) == pytest.approx(mfu)


def test_recomputation_raises_the_hfu_alone() -> None:
    """GLM-130B: MFU 32.5 %, HFU 43.3 %."""
    assert hfu(0.325, full_recomputation=True) == pytest.approx(0.433, abs=5e-4)
    assert hfu(0.325, full_recomputation=False) == 0.325


def test_attention_adds_to_the_operations_of_a_token() -> None:
    """PaLM: MFU 45.7 % without, 46.2 % with it."""
    plain, full = training.flops_per_token(540.35e9), training.flops_per_token(540.35e9, 118, 12288, 2048)

    assert mfu_from_throughput(full, 238_300, 6144, 275e12) == pytest.approx(0.462, abs=5e-4)
    assert full > plain == 6 * 540.35e9


def test_a_cluster_that_scales_perfectly_costs_the_same() -> None:
    """Eight times the devices take an eighth of the time."""
    small = extrapolate_cluster(1000, 1, 1e9, 8, 1.0, 1.0, 2.0)
    large = extrapolate_cluster(1000, 1, 1e9, 64, 1.0, 1.0, 2.0)

    assert large.wall_hours == pytest.approx(small.wall_hours / 8)
    assert large.usd == pytest.approx(small.usd)


def test_hours_lost_to_failures_are_billed() -> None:
    """A quarter more at 80 % availability."""
    ideal = extrapolate_cluster(1000, 1, 1e9, 8, 1.0, 1.0, 2.0)

    assert extrapolate_cluster(1000, 1, 1e9, 8, 1.0, 0.8, 2.0).usd == pytest.approx(ideal.usd / 0.8)


def test_stages_add_up() -> None:
    """DeepSeek-V3: 2,788 thousand hours at 2 USD."""
    cost = rental_cost({"pretrain": 2_664_000, "context": 119_000, "post": 5_000}, 2.0)

    assert cost.usd == sum(cost.usd_by_stage.values()) == 5_576_000


def test_energy_is_the_same_by_hours_and_by_days() -> None:
    """10 accelerators for 2 days are 480 hours."""
    assert energy_of_days_mwh(10, 2, 400, 1.1) == pytest.approx(training.energy_mwh(480, 400, 1.1))


@given(LAWS, FLOPS)
def test_the_optimal_allocation_spends_all_operations(law: str, flops: float) -> None:
    """6·N·D = flops."""
    best = scaling.optimal_allocation(flops, scaling.CONSTANTS[law])

    assert training.training_flops(best.params, best.tokens) == pytest.approx(flops)
    assert best.tokens_per_param == pytest.approx(best.tokens / best.params)


@given(LAWS, FLOPS, st.floats(0.2, 5.0))
def test_no_other_allocation_has_a_lower_loss(law: str, flops: float, stretch: float) -> None:
    """A larger model on fewer tokens, or a smaller one on more."""
    constants = scaling.CONSTANTS[law]
    best = scaling.optimal_allocation(flops, constants)

    assert scaling.loss(best.params * stretch, best.tokens / stretch, constants) >= best.loss - 1e-12


def test_the_three_fits_disagree_at_the_gopher_budget() -> None:
    """32, 40 and 72 billion parameters."""
    params = [scaling.optimal_allocation(5.76e23, law).params / 1e9 for law in scaling.CONSTANTS.values()]

    assert params == pytest.approx([32.2, 40.3, 72.2], abs=0.1)


@settings(deadline=None)
@given(LAWS, st.floats(1e19, 1e25), st.floats(0, 3))
def test_serving_makes_the_best_model_smaller(law: str, flops: float, ratio: float) -> None:
    """And trained longer; without serving it is Chinchilla's."""
    constants = scaling.CONSTANTS[law]
    best = scaling.optimal_allocation(flops, constants)
    idle = scaling.size_for_life(best.loss, 0, constants)
    busy = scaling.size_for_life(best.loss, ratio * best.tokens, constants)

    assert idle is not None
    assert busy is not None
    assert idle.params == pytest.approx(best.params, rel=1e-2)
    assert busy.params <= idle.params * (1 + 1e-4)
    assert busy.tokens >= idle.tokens * (1 - 1e-4)
    assert busy.loss == pytest.approx(best.loss)
    of_idle = idle.training_flops + 2 * idle.params * ratio * best.tokens
    assert busy.training_flops + busy.serving_flops <= of_idle * (1 + 1e-9)


def test_below_the_irreducible_loss_there_is_no_model() -> None:
    """None."""
    assert scaling.size_for_life(1.5, 1e12, scaling.CONSTANTS["hoffmann_rounded"]) is None


def test_hardware_depreciates_by_27_percent_a_year() -> None:
    """0.14 orders of magnitude (Epoch AI)."""
    assert 1 - ownership.depreciated_usd(1.0, 1) == pytest.approx(0.276, abs=5e-4)
    assert ownership.depreciated_usd(100, 0) == 100


def test_a_year_of_use_costs_about_its_depreciation() -> None:
    """A little more, as the rate is that of the year's start."""
    cost = ownership.amortised_cost(
        1000, ownership.HOURS_PER_YEAR, tdp_w=0, server_power_factor=1, power_share=0.5, pue=1, usd_per_kwh=0.1
    )

    assert cost.hardware_usd == pytest.approx(1000 * 0.14 * math.log(10))
    assert cost.hardware_usd > 1000 - ownership.depreciated_usd(1000, 1)
    assert cost.interconnect_usd / (cost.interconnect_usd + cost.hardware_usd) == pytest.approx(0.19)
    assert cost.energy_usd == 0
    assert cost.total_usd == pytest.approx(cost.hardware_usd + cost.interconnect_usd)


@pytest.mark.parametrize(
    "call",
    [
        lambda: training.training_flops(0, 1e9),
        lambda: training.training_flops(1e9, math.nan),
        lambda: mfu_from_hours(1e9, 1e9, 0, 1e12),
        lambda: training.accelerator_hours(1e20, 1e12, 0),
        lambda: training.accelerator_hours(1e20, 1e12, 1.5),
        lambda: rental_cost({"a": -1}, 2),
        lambda: training.energy_mwh(1, 1, 0.9),
        lambda: extrapolate_cluster(1, 1, 1, 1, 1, 0, 1),
        lambda: scaling.loss(-1, 1, scaling.CONSTANTS["besiroglu_2024"]),
        lambda: scaling.optimal_allocation(0, scaling.CONSTANTS["besiroglu_2024"]),
        lambda: ownership.depreciated_usd(-1, 1),
    ],
)
def test_invalid_arguments_are_errors(call: Callable[[], object]) -> None:
    """The message says what to give."""
    with pytest.raises(FactError, match=r"Give "):
        call()
