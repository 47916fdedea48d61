"""The energy of a request is measured or estimated, and says which; an estimate has an interval."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import Reading, StoreError
from harness_reports.economics.distributions import Distribution, Empirical, Fixed, Pert
from harness_reports.prices.request_energy import RequestEnergy, idle_caveat, idle_watts

MACHINE = {"memory_bytes": 10e9, "hardware": {"logical_cores": 2, "price_item": "CPU", "price_quantity": 2}}
GPU = {"memory_bytes": 10e9, "hardware": {"price_item": "H200-141GB", "price_quantity": 1}}


def window(bench: Any, *, samples: float = 1000, environment: Any = MACHINE, **readings: float) -> Any:
    """Return a serving of 100 s on two vCPUs with 10 GB, without a meter."""
    read = {"wall_s": 100.0, "cpu_s": 50.0, "samples": samples} | readings
    return bench.record(
        "serve", {"seed": 0, "hardware": "cuda" if environment is GPU else "cpu"}, {}, read, environment=environment
    )


def metered(bench: Any, joules: float, samples: float, kind: Any = "measured") -> Any:
    """Return a serving with a meter."""
    record = window(bench, samples=samples)
    return replace(record, readings={**record.readings, "energy_j": Reading(joules, "J", kind)})


def energy_per_request(records: list[Any]) -> tuple[Distribution | None, str | None]:
    """Return the distribution of the energy of a request, and its kind."""
    energy = RequestEnergy(records)
    return energy.distribution, energy.band.kind


def test_one_metered_window_is_certain(bench: Any) -> None:
    """50 J for 100 requests."""
    assert energy_per_request([metered(bench, 50, 100)]) == (Fixed(0.5), "measured")
    assert RequestEnergy([metered(bench, 50, 100)]).figure.value == 0.5
    assert RequestEnergy([metered(bench, 50, 100)]).caveat is None


def test_metered_windows_count_by_their_requests(bench: Any) -> None:
    """100 J for 100 requests and 30 J for 300: 130 J for 400. Draws lie between the windows, around that mean."""
    records = [metered(bench, 100, 100), metered(bench, 30, 300)]
    energy, kind = energy_per_request(records)

    assert isinstance(energy, Empirical)
    assert kind == "measured"
    assert energy.mean == RequestEnergy(records).figure.value == pytest.approx(0.325)
    assert (energy.values.min(), energy.values.max()) == pytest.approx((0.1, 1.0))
    assert np.median(energy.values) == pytest.approx(0.325)


def test_an_estimate_worked_out_by_hand(bench: Any) -> None:
    """Idle 2 x 0.74 W, busy 3.5 W, memory 3.92 W: 540 J, 678 J with 50 s of processor time, at most 1,092 J."""
    records = [window(bench)]
    energy, kind = energy_per_request(records)

    assert isinstance(energy, Pert)
    assert kind == "estimated"
    assert (energy.low, energy.mode, energy.high) == pytest.approx((0.540, 0.678, 1.092))
    assert energy.mean == RequestEnergy(records).figure.value == pytest.approx((0.540 + 4 * 0.678 + 1.092) / 6)
    assert (
        str(RequestEnergy(records).caveat)
        == "The energy of a request is an estimate: 0.678 J, between 0.54 and 1.09 J."
    )


def test_records_share_the_error_of_an_estimate(bench: Any) -> None:
    """Three windows do not narrow its interval: the formula errs in all of them alike."""
    one, _ = energy_per_request([window(bench)])
    three, _ = energy_per_request([window(bench)] * 3)

    assert isinstance(one, Pert)
    assert isinstance(three, Pert)
    assert (three.low, three.mode, three.high) == pytest.approx((one.low, one.mode, one.high))


def test_one_estimated_window_makes_it_an_estimate(bench: Any) -> None:
    """The metered half of the energy has no band."""
    energy, kind = energy_per_request([metered(bench, 1000, 1000), window(bench)])

    assert isinstance(energy, Pert)
    assert kind == "estimated"
    assert (energy.low, energy.mode, energy.high) == pytest.approx((0.770, 0.839, 1.046))


def test_an_estimate_without_an_interval_keeps_its_kind(bench: Any) -> None:
    """A plugin may estimate energy itself, and gives one number."""
    records = [metered(bench, 50, 100, "estimated")]

    assert energy_per_request(records) == (Fixed(0.5), "estimated")
    assert RequestEnergy(records).caveat is not None


@given(wall_s=st.floats(0.001, 1e5), busy=st.floats(0, 3), samples=st.integers(1, 10**9))
def test_any_estimate_is_a_distribution(bench: Any, wall_s: float, busy: float, samples: int) -> None:
    """Also where the processors were idle, or all busy: rounding does not put the middle beside the band."""
    energy, _ = energy_per_request([window(bench, samples=samples, wall_s=wall_s, cpu_s=busy * wall_s)])

    assert isinstance(energy, Pert)
    assert energy.low <= energy.quantile(0.5) <= energy.high


@pytest.mark.parametrize("change", [{"environment": GPU}, {"samples": 0}])
def test_energy_that_is_not_known_has_no_kind(bench: Any, change: dict[str, Any]) -> None:
    """An accelerator without a meter, or no request. Where energy is paid, that is a gap and not free."""
    records = [window(bench, **change)]

    assert energy_per_request(records) == (None, None)
    assert RequestEnergy(records).figure.value is None
    assert RequestEnergy(records).caveat is None
    assert "neither metered nor" in str(RequestEnergy(records).gap)
    assert RequestEnergy([window(bench)]).gap is None
    assert energy_per_request([]) == (None, None)


def test_a_negative_reading_is_an_error(bench: Any) -> None:
    """Not missing, not its absolute value: the record is named, and what to do."""
    for ask in ("distribution", "figure", "caveat", "gap"):
        with pytest.raises(StoreError, match=r"energy_j is -3 J in record \w{12}, serve.* another store"):
            getattr(RequestEnergy([metered(bench, -3, 100)]), ask)


def test_the_power_of_an_idle_machine(bench: Any) -> None:
    """2 x 0.74 W of processors and 10 x 0.392 W of memory; a machine that only idles takes the low end of its band."""
    idle = idle_watts(window(bench))
    energy, _ = energy_per_request([window(bench)])

    assert idle.value == pytest.approx(5.4)
    assert (idle.kind, idle.unit) == ("estimated", "W")
    assert isinstance(energy, Pert)
    assert idle.value * 100 == pytest.approx(energy.low * 1000)


def test_an_idle_accelerator_has_no_estimate(bench: Any) -> None:
    """The facts are of processors; the record is named."""
    gpu = window(bench, environment=GPU)
    idle = idle_watts(gpu)

    assert idle.value is None
    assert "not estimable in record" in idle.note
    assert str(idle_caveat(gpu)).startswith("The power of cuda while it waits is not known")
    assert idle_caveat(window(bench)) is None
