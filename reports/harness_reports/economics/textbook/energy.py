"""Energy of machines and requests by published estimates; metered energy comes first."""

from __future__ import annotations

from typing import NamedTuple

from harness_reports.economics.checks import above, at_least, within
from harness_reports.economics.energy import grid

MEMORY_WATTS_PER_GB = 0.392
"""Cloud Carbon Footprint's methodology."""


class MachineEnergy(NamedTuple):
    """Estimated energy of a virtual machine."""

    cpu_wh: float
    memory_wh: float
    it_kwh: float
    facility_kwh: float
    """With the data centre's overhead (PUE)."""
    kg_co2e: float
    usd: float


def machine_energy(
    vcpus: float,
    hours: float,
    utilisation: float,
    *,
    idle_watts_per_vcpu: float,
    busy_watts_per_vcpu: float,
    memory_gb: float,
    memory_watts_per_gb: float = MEMORY_WATTS_PER_GB,
    pue: float,
    kg_co2e_per_kwh: float,
    usd_per_kwh: float,
) -> MachineEnergy:
    """Return Cloud Carbon Footprint's estimate: vCPUs · hours · (idle + utilisation · (busy - idle)), and memory.

    Its uncertainty is the range from utilisation 0 to 1.

    Raises:
        FactError: a share outside 0 to 1, a negative number, busy below idle, or a PUE below 1.
    """
    idle = at_least("idle_watts_per_vcpu", idle_watts_per_vcpu)
    busy = at_least("busy_watts_per_vcpu", busy_watts_per_vcpu, idle)
    time = at_least("hours", hours)
    cpu = at_least("vcpus", vcpus) * time * (idle + within("utilisation", utilisation) * (busy - idle))
    memory = at_least("memory_gb", memory_gb) * at_least("memory_watts_per_gb", memory_watts_per_gb) * time
    machine = (cpu + memory) / 1000
    facility = machine * at_least("pue", pue, 1)
    carbon, price = at_least("kg_co2e_per_kwh", kg_co2e_per_kwh), at_least("usd_per_kwh", usd_per_kwh)
    return MachineEnergy(cpu, memory, machine, facility, facility * carbon, facility * price)


def cpu_load_watts(rated_watts: float, load: float) -> float:
    """Return codecarbon's estimate of a machine's power: rated power · (0.1 + 0.9 · load^3).

    The cubic law is low at part load: 21 % of the rated power at a load of .5.

    Raises:
        FactError: negative power, or a load outside 0 to 1.
    """
    return at_least("rated_watts", rated_watts) * (0.1 + 0.9 * within("load", load) ** 3)


class RequestEnergy(NamedTuple):
    """Energy of 1,000 requests."""

    watt_hours: float
    usd: float
    g_co2e: float


def energy_per_1k_requests(
    watts: float, requests_per_s: float, *, pue: float, usd_per_kwh: float, kg_co2e_per_kwh: float
) -> RequestEnergy:
    """Return energy, its cost and its carbon for 1,000 requests at a constant rate.

    Raises:
        FactError: a negative number, no requests, or a PUE below 1.
    """
    power = at_least("watts", watts) * at_least("pue", pue, 1)
    watt_hours = power / above("requests_per_s", requests_per_s) * 1000 / 3600
    price, carbon = at_least("usd_per_kwh", usd_per_kwh), at_least("kg_co2e_per_kwh", kg_co2e_per_kwh)
    return RequestEnergy(watt_hours, watt_hours / 1000 * price, watt_hours * carbon)


def grid_emissions_kg(country: str, kwh: float) -> float:
    """Return the carbon of electricity from a country's grid.

    Raises:
        FactError: an unknown country, or negative energy.
    """
    return grid(country).g_co2e_per_kwh * at_least("kwh", kwh) / 1000
