"""The figures of energy and carbon: read from a meter, or estimated from processor time where there is none.

The estimate is Cloud Carbon Footprint's of a virtual machine at AWS: each vCPU between its idle and its busy power, by
measured processor time, and memory by its size. Its band is all vCPUs idle to all busy. Accelerators have no estimate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from harness.records import Record
from harness_reports.economics.energy import grid
from harness_reports.figures.explained import Explained, derived
from harness_reports.measured import readings as leaf
from harness_reports.measured.results import Measured, Serving
from harness_reports.prices.energy_facts import power
from harness_reports.prices.price_figures import chosen
from harness_reports.prices.pricing import Pricing

Bound = Literal["middle", "low", "high"]
_PER_1K: Mapping[str, Bound] = {
    "energy_j_per_1k": "middle", "energy_j_per_1k_low": "low", "energy_j_per_1k_high": "high",
}  # fmt: skip
_MEMORY = "memory_gb * memory_watts * wall_s"
_ESTIMATES: Mapping[Bound, tuple[str, str]] = {
    "middle": (f"vcpus * wall_s * idle_watts + cpu_s * (busy_watts - idle_watts) + {_MEMORY}",
               "by measured processor time"),
    "low": (f"vcpus * wall_s * idle_watts + {_MEMORY}", "if no processor worked"),
    "high": (f"vcpus * wall_s * busy_watts + {_MEMORY}", "if every processor worked all the time"),
}  # fmt: skip
"""Bound → its formula and its assumption. `cpu_s` is at most `vcpus * wall_s`."""
_WATTS = {"idle_watts": "AWS idle vCPU", "busy_watts": "AWS busy vCPU", "memory_watts": "memory"}


def energy_figures(candidate: Measured, pricing: Pricing) -> list[Explained]:
    """Return the figures of energy and carbon of a row of the cost table."""
    factors = _pue(pricing), _grid(pricing)
    served, trained = _served(candidate.fastest.get("Offline")), _trained(candidate)
    carbon = (_carbon("co2e_g_per_1k", served[0], *factors), _carbon("train_co2e_g", trained, *factors))
    return [*served, carbon[0], trained, carbon[1], *factors]


def step_energy(record: Record | None, bound: Bound = "middle") -> Explained:
    """Return the energy of a step without the building's overhead: read, else estimated, else without a value."""
    if record is None:
        return Explained("energy_j", None, "J", note="the record of this step is missing")
    if "energy_j" in record.readings:
        return leaf.reading(record, "energy_j")
    inputs = _estimate_inputs(record)
    if inputs is None:
        return Explained("energy_j", None, "J", note=f"neither read nor estimable in {leaf.who(record)}")
    formula, note = _ESTIMATES[bound]
    energy = derived("energy_j", "J", formula, *(part for part in inputs if part.name in formula), note=note)
    return replace(energy, kind="estimated", source=leaf.who(record))


def _estimate_inputs(record: Record) -> list[Explained] | None:
    """Return the inputs of an estimate, None where one is missing."""
    machine, where = machine_inputs(record), leaf.who(record)
    seconds, busy_s = record.value("wall_s"), record.value("cpu_s")
    if machine is None or seconds is None or busy_s is None:
        return None
    vcpus = machine[0].value
    return [
        Explained("wall_s", seconds, "s", source=where, kind="measured"),
        # Processor time is read at other moments than the window: it may exceed what the processors had.
        Explained("cpu_s", min(busy_s, vcpus * seconds), "s", source=where, kind="measured"),
        *machine,
    ]


def machine_inputs(record: Record) -> list[Explained] | None:
    """Return the processors that a step may use and is priced for, their share of the memory, and the power of both.

    None where the hardware does not state its processors.
    """
    hardware, where = record.hardware, leaf.who(record)
    cores, memory = hardware.get("logical_cores"), record.environment.get("memory_bytes")
    if not cores or memory is None:
        return None
    # In a container they are fewer than the machine's: the rest of the machine works for others, and is not priced.
    vcpus = hardware["price_quantity"] if hardware.get("price_unit") == "vCPU" else cores
    gigabytes = memory / 1e9 * vcpus / cores
    return [
        Explained("vcpus", vcpus, source=f"the hardware's own description in {where}", kind="declared"),
        Explained(
            "memory_gb",
            gigabytes,
            "GB",
            source=f"the machine's own description in {where}",
            kind="declared",
            note=f"the share of {vcpus:g} of {cores} processors",
        ),
        *(_watts(name, part) for name, part in _WATTS.items()),
    ]


def _watts(name: str, part: str) -> Explained:
    fact = power(part)
    return Explained(name, fact.value, fact.unit, source=f"{part}; {fact.source}", kind="assumed")


def _served(window: Serving | None) -> list[Explained]:
    unit, formula = "J per 1,000 inferences", "sum(energy_j) / sum(samples) * 1000"
    if window is None:
        note = "no serving in the scenario Offline has finished"
        return [Explained(name, None, unit, note=note) for name in _PER_1K]
    samples = leaf.readings(window.leaves, "samples")
    return [
        derived(name, unit, formula, *(step_energy(record, bound) for record in window.leaves), *samples)
        for name, bound in _PER_1K.items()
    ]


def _trained(candidate: Measured) -> Explained:
    """Return the energy of the mean fine-tuning and, if there was one, of pretraining."""
    if candidate.key.start == "as-is":
        return Explained("train_energy_j", 0.0, "J", note="it is measured as it is: nothing was trained here")
    parts = [_mean("finetune_j", [chain.finetune for chain in candidate.chains])]
    parts += [_mean("pretrain_j", candidate.pretrainings)] if candidate.pretrainings else []
    return derived("train_energy_j", "J", " + ".join(part.name for part in parts), *parts)


def _mean(name: str, records: Sequence[Record | None]) -> Explained:
    return derived(name, "J", "mean(energy_j)", *map(step_energy, records))


def _carbon(name: str, energy: Explained, pue: Explained, country: Explained) -> Explained:
    return derived(name, "g CO2e", f"{energy.name} / 3600000 * pue * grid_g_co2e_per_kwh", energy, pue, country)


def _pue(pricing: Pricing) -> Explained:
    source = (
        f"{chosen(pricing.pue, Pricing.pue)}; 1.15 is AWS's of 2023: energy of the building over that of its machines"
    )
    return Explained("pue", pricing.pue, source=source, kind="assumed")


def _grid(pricing: Pricing) -> Explained:
    mix = grid(pricing.grid)
    source = f"{mix.country}, {mix.year}, location-based; codecarbon 3.3.2, global_energy_mix.json"
    return Explained("grid_g_co2e_per_kwh", mix.g_co2e_per_kwh, "g CO2e per kWh", source=source, kind="assumed")
