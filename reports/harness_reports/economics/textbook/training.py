"""Utilisation, time and rental cost of a training run, and extrapolation to larger clusters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from harness_reports.economics.checks import above, at_least, within
from harness_reports.economics.training import (
    HOURS_PER_DAY,
    SECONDS_PER_HOUR,
    energy_mwh,
    training_flops,
)

SECONDS_PER_DAY = 86400


RECOMPUTATION = 4 / 3
"""Executed over model operations with full activation recomputation: 8ND over 6ND."""


def mfu_from_throughput(
    flops_of_a_token: float, tokens_per_s: float, accelerators: float, peak_flops_per_s: float
) -> float:
    """Return model FLOPs utilisation: the model's operations per second over the peak of the accelerators.

    Above 1 the inputs contradict each other, most often by the peak of another precision.

    Raises:
        FactError: a number that is not positive.
    """
    needed = above("flops_of_a_token", flops_of_a_token) * at_least("tokens_per_s", tokens_per_s)
    return needed / (above("accelerators", accelerators) * above("peak_flops_per_s", peak_flops_per_s))


def hfu(mfu: float, *, full_recomputation: bool) -> float:
    """Return hardware FLOPs utilisation: 4/3 of the MFU with full activation recomputation, else the MFU."""
    return mfu * RECOMPUTATION if full_recomputation else mfu


def mfu_from_hours(params_active: float, tokens: float, accelerator_hours: float, peak_flops_per_s: float) -> float:
    """Return the MFU that a run's hours imply, restarts and evaluation included; published runs: .10 to .65.

    Raises:
        FactError: a number that is not positive.
    """
    seconds = above("accelerator_hours", accelerator_hours) * SECONDS_PER_HOUR
    return training_flops(params_active, tokens) / (seconds * above("peak_flops_per_s", peak_flops_per_s))


def training_days(params: float, tokens: float, accelerators: float, achieved_flops_per_s: float) -> float:
    """Return 8·N·D / (n·X) in days (Narayanan and others 2021, arXiv:2104.04473).

    8 and not 6: X is what the HARDWARE executes per accelerator, with recomputed activations.

    Raises:
        FactError: a number that is not positive.
    """
    work = training_flops(params, tokens) * RECOMPUTATION
    speed = above("accelerators", accelerators) * above("achieved_flops_per_s", achieved_flops_per_s)
    return work / speed / SECONDS_PER_DAY


class RentalCost(NamedTuple):
    """Cost of rented accelerators."""

    accelerator_hours: float
    usd: float
    usd_by_stage: dict[str, float]


def rental_cost(hours_by_stage: Mapping[str, float], usd_per_accelerator_hour: float) -> RentalCost:
    """Return the rental cost of the final run, without research, failed runs and staff.

    Raises:
        FactError: a negative number.
    """
    price = at_least("usd_per_accelerator_hour", usd_per_accelerator_hour)
    hours = {stage: at_least(f"hours of {stage}", value) for stage, value in hours_by_stage.items()}
    total = sum(hours.values())
    return RentalCost(total, total * price, {stage: value * price for stage, value in hours.items()})


def energy_of_days_mwh(accelerators: float, days: float, watts_per_accelerator: float, pue: float) -> float:
    """Return the energy in MWh of accelerators that run for days.

    Raises:
        FactError: as `energy_mwh`.
    """
    hours = at_least("accelerators", accelerators) * at_least("days", days) * HOURS_PER_DAY
    return energy_mwh(hours, watts_per_accelerator, pue)


class ClusterRun(NamedTuple):
    """A run extrapolated to another number of devices."""

    wall_hours: float
    device_hours: float
    usd: float
    """Of all wall hours, with those lost to failures."""


def extrapolate_cluster(
    measured_tokens_per_s: float,
    measured_devices: float,
    target_tokens: float,
    target_devices: float,
    scaling_efficiency: float,
    availability: float,
    usd_per_device_hour: float,
) -> ClusterRun:
    """Return time and cost of a run from a measured throughput.

    Args:
        measured_tokens_per_s: throughput of the measured devices.
        measured_devices: number of them.
        target_tokens: tokens of the run.
        target_devices: devices of the run.
        scaling_efficiency: throughput per device over the measured one.
        availability: share of the time without failures.
        usd_per_device_hour: price.

    Raises:
        FactError: a number that is not positive, or an availability above 1.
    """
    per_device = above("measured_tokens_per_s", measured_tokens_per_s) / above("measured_devices", measured_devices)
    devices = above("target_devices", target_devices)
    speed = per_device * devices * above("scaling_efficiency", scaling_efficiency)
    up = above("availability", within("availability", availability))
    hours = above("target_tokens", target_tokens) / speed / SECONDS_PER_HOUR / up
    return ClusterRun(hours, hours * devices, hours * devices * at_least("usd_per_device_hour", usd_per_device_hour))
