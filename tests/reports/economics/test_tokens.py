"""Prices per token and per call, and energy and carbon of serving."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import FactError
from harness_reports.economics import energy
from harness_reports.economics.textbook.energy import (
    MachineEnergy,
    cpu_load_watts,
    energy_per_1k_requests,
    grid_emissions_kg,
    machine_energy,
)
from harness_reports.economics.textbook.tokens import (
    answer_time,
    blended_usd_per_million_tokens,
    call_usd,
    energy_per_token,
    usd_per_million_tokens,
)

DAY = datetime(2026, 11, 23, tzinfo=UTC)
POSITIVE = st.floats(0.01, 1e5)


@given(POSITIVE, POSITIVE)
def test_a_million_tokens_an_hour_cost_the_hour(usd: float, millions: float) -> None:
    """At any price and rate."""
    cost = usd_per_million_tokens(usd, millions * 1e6 / 3600)

    assert cost * millions == pytest.approx(usd)


@given(POSITIVE, POSITIVE)
def test_joules_and_tokens_per_megawatt_are_reciprocal(kilowatts: float, speed: float) -> None:
    """A megawatt is a million joules per second."""
    joules, rate = energy_per_token(kilowatts, speed)

    assert joules * rate == pytest.approx(1e6)


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 20))
def test_a_blend_lies_between_its_prices(input_usd: float, output_usd: float, mix: float) -> None:
    """At any mix."""
    blend = blended_usd_per_million_tokens(input_usd, output_usd, mix)

    assert min(input_usd, output_usd) - 1e-9 <= blend <= max(input_usd, output_usd) + 1e-9


def test_the_time_of_one_token_by_both_conventions() -> None:
    """TTFT, and TTFT plus one token."""
    assert answer_time(0.5, 10, 1) == pytest.approx((0.5, 0.6))


def test_a_price_depends_on_the_day() -> None:
    """The price of o3 fell by 80 % on 2025-06-10."""
    usage = {"input_tokens": 1_000_000, "output_tokens": 1_000_000}

    assert call_usd("openai", "o3", usage, datetime(2025, 6, 9, tzinfo=UTC)) == 50
    assert call_usd("openai", "o3", usage, DAY) == 10
    assert call_usd("openai", "o3", usage, DAY, {"processing": "batch"}) == 5


def test_a_tier_reprices_every_token() -> None:
    """From 200,000 input tokens to 200,001 the price doubles."""
    below = call_usd("google", "gemini-2.5-pro", {"input_tokens": 200_000}, DAY)
    above = call_usd("google", "gemini-2.5-pro", {"input_tokens": 200_001}, DAY)

    assert below == Decimal("0.25")
    assert above == Decimal("0.5000025")


def test_cached_input_is_a_part_of_the_input() -> None:
    """Fully cached it costs a tenth; more cached than input tokens are an error."""
    fresh = call_usd("anthropic", "claude-sonnet-4-20250514", {"input_tokens": 1000}, DAY)
    cached = call_usd("anthropic", "claude-sonnet-4-20250514", {"input_tokens": 1000, "cache_read_tokens": 1000}, DAY)

    assert cached == fresh / 10
    with pytest.raises(FactError, match="cannot be priced"):
        call_usd("anthropic", "claude-sonnet-4-20250514", {"input_tokens": 10, "cache_read_tokens": 20}, DAY)


def test_a_call_without_a_known_price_is_an_error() -> None:
    """Unknown model, unknown provider, no time zone."""
    with pytest.raises(FactError, match="no-such-model"):
        call_usd("openai", "no-such-model", {"input_tokens": 1}, DAY)
    with pytest.raises(FactError, match="nobody"):
        call_usd("nobody", "gpt-4o", {"input_tokens": 1}, DAY)
    with pytest.raises(FactError, match="time zone"):
        call_usd("openai", "gpt-4o", {"input_tokens": 1}, datetime(2026, 11, 23))  # noqa: DTZ001 - it is refused


def test_a_grid_is_that_of_its_country_and_year() -> None:
    """France's intensity is a twelfth of Poland's; an unknown country is an error."""
    assert energy.grid("FRA").year == 2023
    assert energy.grid("fra") == energy.grid("FRA")
    assert grid_emissions_kg("POL", 1) > 10 * grid_emissions_kg("FRA", 1)
    with pytest.raises(FactError, match="Unknown country 'XXX'"):
        energy.grid("XXX")


@given(st.floats(0, 1), st.floats(0, 1))
def test_energy_grows_with_utilisation(one: float, two: float) -> None:
    """By both estimates."""
    low, high = sorted((one, two))

    assert cpu_load_watts(100, low) <= cpu_load_watts(100, high)
    assert _machine(low).facility_kwh <= _machine(high).facility_kwh


def _machine(utilisation: float) -> MachineEnergy:
    return machine_energy(
        8, 24, utilisation, idle_watts_per_vcpu=0.74, busy_watts_per_vcpu=3.5, memory_gb=32, pue=1.2,
        kg_co2e_per_kwh=0.4, usd_per_kwh=0.1,
    )  # fmt: skip


def test_the_figures_of_a_machine_agree() -> None:
    """CPU and memory are the machine's energy; with the PUE it is the facility's."""
    machine = _machine(0.5)

    assert machine.it_kwh == pytest.approx((machine.cpu_wh + machine.memory_wh) / 1000)
    assert machine.facility_kwh == pytest.approx(machine.it_kwh * 1.2)
    assert (machine.kg_co2e, machine.usd) == pytest.approx((machine.facility_kwh * 0.4, machine.facility_kwh * 0.1))


def test_the_energy_of_a_thousand_requests_at_one_per_second() -> None:
    """3.6 W for 1,000 s are 1 Wh."""
    energy_used = energy_per_1k_requests(3.6, 1.0, pue=1.0, usd_per_kwh=0.1, kg_co2e_per_kwh=0.4)

    assert energy_used == pytest.approx((1.0, 0.0001, 0.4))


@pytest.mark.parametrize(
    "call",
    [
        lambda: usd_per_million_tokens(1, 0),
        lambda: energy_per_token(0, 1),
        lambda: answer_time(1, 0, 10),
        lambda: answer_time(1, 1, 0),
        lambda: cpu_load_watts(100, 1.1),
        lambda: cpu_load_watts(-1, 0.5),
        lambda: grid_emissions_kg("FRA", -1),
        lambda: energy_per_1k_requests(1, 0, pue=1, usd_per_kwh=1, kg_co2e_per_kwh=1),
        lambda: energy_per_1k_requests(1, 1, pue=0.5, usd_per_kwh=1, kg_co2e_per_kwh=1),
    ],
)
def test_invalid_arguments_are_errors(call: Callable[[], object]) -> None:
    """The message says what to give."""
    with pytest.raises(FactError, match=r"Give "):
        call()
