"""Training at scale: operations, utilisation, time, rental cost, energy and carbon.

Peaks are DENSE and of the precision that is used; a sparse peak ("1,979" of an H100) is twice that. Parameters are
those active for a token: fewer than all in a mixture of experts, and about half in an encoder-decoder.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from harness_reports.economics.checks import above, at_least, within

SECONDS_PER_HOUR = 3600
SECONDS_PER_DAY = 86400
HOURS_PER_DAY = 24
RECOMPUTATION = 4 / 3
"""Operations executed over model operations where every activation is computed twice: 8ND over 6ND."""


def training_flops(params_active: float, tokens: float) -> float:
    """Return 6·N·D, the operations of training a dense decoder: 2ND forward, 4ND backward, attention left out.

    N counts the output projection, not embeddings that are only looked up.

    Raises:
        FactError: no parameters or tokens.
    """
    return 6 * above("params_active", params_active) * above("tokens", tokens)


def flops_per_token(
    params_active: float, layers: float = 0, attention_width: float = 0, sequence_length: float = 0
) -> float:
    """Return 6·N + 12·L·d·s (PaLM, arXiv:2204.02311, appendix B), full attention, not its causal half.

    Args:
        params_active: parameters a token passes.
        layers: L.
        attention_width: d, heads times the width of a head.
        sequence_length: s, tokens.

    Raises:
        FactError: no parameters, or a negative number.
    """
    attention = at_least("layers", layers) * at_least("attention_width", attention_width)
    return 6 * above("params_active", params_active) + 12 * attention * at_least("sequence_length", sequence_length)


def mfu_from_throughput(
    flops_of_a_token: float, tokens_per_s: float, accelerators: float, peak_flops_per_s: float
) -> float:
    """Return model FLOPs utilisation: operations per second the model needs over what the accelerators could do.

    Above 1 the inputs contradict each other: most often a peak of another precision.

    Raises:
        FactError: a number that is not positive.
    """
    needed = above("flops_of_a_token", flops_of_a_token) * at_least("tokens_per_s", tokens_per_s)
    return needed / (above("accelerators", accelerators) * above("peak_flops_per_s", peak_flops_per_s))


def hfu(mfu: float, *, full_recomputation: bool) -> float:
    """Return hardware FLOPs utilisation: 4/3 of the MFU where all activations are recomputed, else the MFU."""
    return mfu * RECOMPUTATION if full_recomputation else mfu


def mfu_from_hours(params_active: float, tokens: float, accelerator_hours: float, peak_flops_per_s: float) -> float:
    """Return the MFU that a whole run's hours imply; restarts and evaluation make it lower than a step's.

    Published runs lie between .10 and .65.

    Raises:
        FactError: a number that is not positive.
    """
    seconds = above("accelerator_hours", accelerator_hours) * SECONDS_PER_HOUR
    return training_flops(params_active, tokens) / (seconds * above("peak_flops_per_s", peak_flops_per_s))


def accelerator_hours(flops: float, peak_flops_per_s: float, mfu: float) -> float:
    """Return the hours of one accelerator that a number of operations takes.

    Raises:
        FactError: no operations or peak, or a utilisation outside 0 to 1.
    """
    speed = above("peak_flops_per_s", peak_flops_per_s) * above("mfu", within("mfu", mfu))
    return above("flops", flops) / speed / SECONDS_PER_HOUR


def training_days(params: float, tokens: float, accelerators: float, achieved_flops_per_s: float) -> float:
    """Return 8·N·D / (n·X) in days (Narayanan and others 2021, arXiv:2104.04473).

    8 and not 6: X is what the HARDWARE executes on each accelerator, the recomputed activations included.

    Raises:
        FactError: a number that is not positive.
    """
    work = training_flops(params, tokens) * RECOMPUTATION
    speed = above("accelerators", accelerators) * above("achieved_flops_per_s", achieved_flops_per_s)
    return work / speed / SECONDS_PER_DAY


class RentalCost(NamedTuple):
    """What rented accelerators cost."""

    accelerator_hours: float
    usd: float
    usd_by_stage: dict[str, float]


def rental_cost(hours_by_stage: Mapping[str, float], usd_per_accelerator_hour: float) -> RentalCost:
    """Return the stages' hours at one price: the final run only, without research, failed runs and staff.

    Raises:
        FactError: a negative number.
    """
    price = at_least("usd_per_accelerator_hour", usd_per_accelerator_hour)
    hours = {stage: at_least(f"hours of {stage}", value) for stage, value in hours_by_stage.items()}
    total = sum(hours.values())
    return RentalCost(total, total * price, {stage: value * price for stage, value in hours.items()})


def energy_mwh(accelerator_hours: float, watts_per_accelerator: float, pue: float) -> float:
    """Return the energy of a run; power per accelerator with or without its share of the server, as the caller says.

    A published figure made of rated power x hours is no measurement.

    Raises:
        FactError: a negative number, or a power usage effectiveness below 1.
    """
    watts = at_least("watts_per_accelerator", watts_per_accelerator) * at_least("pue", pue, 1)
    return at_least("accelerator_hours", accelerator_hours) * watts / 1e6


def energy_of_days_mwh(accelerators: float, days: float, watts_per_accelerator: float, pue: float) -> float:
    """Return the energy of accelerators that run for days.

    Raises:
        FactError: as `energy_mwh`.
    """
    hours = at_least("accelerators", accelerators) * at_least("days", days) * HOURS_PER_DAY
    return energy_mwh(hours, watts_per_accelerator, pue)


def carbon_tonnes(mwh: float, kg_co2e_per_kwh: float) -> float:
    """Return tonnes of CO2 equivalent; kg per kWh is tonnes per MWh.

    Raises:
        FactError: a negative number.
    """
    return at_least("mwh", mwh) * at_least("kg_co2e_per_kwh", kg_co2e_per_kwh)


class ClusterRun(NamedTuple):
    """A run on many devices, foreseen from one on few."""

    wall_hours: float
    device_hours: float
    usd: float
    """Wall hours are billed, those lost to failures too."""


def extrapolate_cluster(
    measured_tokens_per_s: float,
    measured_devices: float,
    target_tokens: float,
    target_devices: float,
    scaling_efficiency: float,
    availability: float,
    usd_per_device_hour: float,
) -> ClusterRun:
    """Return what a run takes if devices keep `scaling_efficiency` of their measured speed, `availability` of the time.

    Raises:
        FactError: a number that is not positive, or an availability above 1.
    """
    each = above("measured_tokens_per_s", measured_tokens_per_s) / above("measured_devices", measured_devices)
    devices = above("target_devices", target_devices)
    speed = each * devices * above("scaling_efficiency", scaling_efficiency)
    up = above("availability", within("availability", availability))
    hours = above("target_tokens", target_tokens) / speed / SECONDS_PER_HOUR / up
    return ClusterRun(hours, hours * devices, hours * devices * at_least("usd_per_device_hour", usd_per_device_hour))
