"""Where the energy and the carbon of the cost table come from: a meter, or the estimate's parts."""

from __future__ import annotations

from collections.abc import Sequence

from harness.records import Record
from harness_reports.economics.energy import grid
from harness_reports.figures.explained import Explained
from harness_reports.measured import readings as leaf
from harness_reports.measured.results import Measured, Serving
from harness_reports.prices.cost import Costed, pretrainings, training_energy
from harness_reports.prices.energy_facts import power
from harness_reports.prices.energy_use import BUSY, IDLE, MEMORY, energy_use, estimate_parts, together
from harness_reports.prices.pricing import Pricing

_BOUNDS = (("energy_j_per_1k", "mid"), ("energy_j_per_1k_low", "low"), ("energy_j_per_1k_high", "high"))
_ESTIMATES = {
    "mid": "vcpus * wall_s * idle_watts + cpu_s * (busy_watts - idle_watts) + memory_gb * memory_watts * wall_s",
    "low": "vcpus * wall_s * idle_watts + memory_gb * memory_watts * wall_s",
    "high": "vcpus * wall_s * busy_watts + memory_gb * memory_watts * wall_s",
}


def energy_figures(own: Costed, pricing: Pricing) -> list[Explained]:
    """Return the figures of energy and carbon of a row of the cost table."""
    factors = _pue(pricing), _grid(pricing)
    served = _served(own.windows.get("Offline"))
    trained = _trained(own.measured)
    return [
        *served, _carbon("co2e_g_per_1k", served[0], pricing, factors),
        trained, _carbon("train_co2e_g", trained, pricing, factors), *factors,
    ]  # fmt: skip


def _served(window: Serving | None) -> list[Explained]:
    unit, formula = "J per 1,000 inferences", "sum(energy_j) / sum(samples) * 1000"
    if window is None:
        note = "no serving in the scenario Offline has finished"
        return [Explained(name, None, unit, note=note) for name, _ in _BOUNDS]
    used, samples = together(window.leaves), leaf.readings(window.leaves, "samples")
    total = sum(each.value or 0.0 for each in samples)
    if used is None or not total:
        return [Explained(name, None, unit, note="energy was neither read nor can it be estimated", inputs=samples)
                for name, _ in _BOUNDS]  # fmt: skip
    ends = {"mid": used.joules, "low": used.low, "high": used.high}
    return [
        Explained(name, ends[bound] / total * 1000, unit, formula,
                  inputs=(*(_step(record, bound) for record in window.leaves), *samples))
        for name, bound in _BOUNDS
    ]  # fmt: skip


def _step(record: Record, bound: str = "mid") -> Explained:
    """Return the energy of one step: as it was read, or out of the estimate's parts."""
    if "energy_j" in record.readings:
        return leaf.reading(record, "energy_j")
    used, parts = energy_use(record), estimate_parts(record)
    if used is None or parts is None:
        return Explained("energy_j", None, "J", note=f"neither read nor to be estimated in {leaf.who(record)}")
    value = {"mid": used.joules, "low": used.low, "high": used.high}[bound]
    vcpus, seconds, busy_s, memory = parts
    where = leaf.who(record)
    given = (
        Explained("vcpus", vcpus, source=f"the hardware's own description in {where}", kind="declared"),
        Explained("wall_s", seconds, "s", source=where, kind="measured"),
        *([Explained("cpu_s", busy_s, "s", source=where, kind="measured")] if bound == "mid" else []),
        *(_watts(name, part) for name, part in (("idle_watts", IDLE), ("busy_watts", BUSY))
          if name in _ESTIMATES[bound]),
        Explained("memory_gb", memory, "GB", source=f"the machine's own description in {where}", kind="declared"),
        _watts("memory_watts", MEMORY),
    )  # fmt: skip
    said = {"mid": "by the processor time that was measured", "low": "if no processor worked",
            "high": "if every processor worked all the time"}[bound]  # fmt: skip
    return Explained("energy_j", value, "J", _ESTIMATES[bound], note=f"estimated, {said}", inputs=given)


def _watts(name: str, part: str) -> Explained:
    fact = power(part)
    return Explained(name, fact.value, fact.unit, source=f"{part}; {fact.source}", kind="assumed")


def _trained(own: Measured) -> Explained:
    used, before = training_energy(own), pretrainings(own)
    tuned = [chain.finetune for chain in own.chains]
    if used is None:
        note = "the energy of a training was neither read nor can it be estimated"
        return Explained("train_energy_j", None, "J", note=note)
    parts = [_mean("finetune_j", tuned), *([_mean("pretrain_j", before)] if before else [])]
    return Explained("train_energy_j", used.joules, "J", " + ".join(part.name for part in parts), inputs=tuple(parts))


def _mean(name: str, records: Sequence[Record | None]) -> Explained:
    each = tuple(_step(record) for record in records if record is not None)
    return Explained(name, sum(part.value for part in each) / len(each), "J", "mean(energy_j)", inputs=each)


def _carbon(name: str, energy: Explained, pricing: Pricing, factors: tuple[Explained, ...]) -> Explained:
    formula = f"{energy.name} / 3600000 * pue * grid_g_co2e_per_kwh"
    value = pricing.co2e_g(energy.value)
    if value is None:
        return Explained(name, None, "g CO2e", note="the energy is not known", inputs=(energy,))
    return Explained(name, value, "g CO2e", formula, inputs=(energy, *factors))


def _pue(pricing: Pricing) -> Explained:
    source = "the reader's; 1.15 is AWS's of 2023: energy of the building over that of its machines"
    return Explained("pue", pricing.pue, source=source, kind="assumed")


def _grid(pricing: Pricing) -> Explained:
    found = grid(pricing.grid)
    source = f"{found.country}, {found.year}, location-based; codecarbon 3.3.2, global_energy_mix.json"
    return Explained("grid_g_co2e_per_kwh", found.g_co2e_per_kwh, "g CO2e per kWh", source=source, kind="assumed")
