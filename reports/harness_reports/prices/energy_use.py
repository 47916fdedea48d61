"""The energy a step used: read from a meter, or estimated from its processor time where none could be read.

The estimate is Cloud Carbon Footprint's of a virtual machine at AWS: every vCPU between its idle and its busy power, by
the processor time that was measured, and memory by its size. Its band is all vCPUs idle to all busy. A device other
than the processor has no estimate: missing is not 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from harness.records import Record
from harness_reports.prices.energy_facts import power

IDLE, BUSY, MEMORY = "AWS idle vCPU", "AWS busy vCPU", "memory"
J_PER_KWH = 3.6e6
Kind = Literal["measured", "estimated", "declared"]
_WEAKEST_FIRST: tuple[Kind, ...] = ("declared", "estimated", "measured")


class EnergyUse(NamedTuple):
    """Joules of a step, of the machine alone: the building's overhead comes on top."""

    joules: float
    low: float
    high: float
    kind: Kind

    @property
    def amounts(self) -> tuple[float, float, float]:
        """Joules, and the ends of their band."""
        return self.joules, self.low, self.high


NONE_USED = EnergyUse(0.0, 0.0, 0.0, "measured")
"""Of a step that there was none of."""


def energy_use(record: Record) -> EnergyUse | None:
    """Return the energy of a step; None where it was neither read nor can be estimated."""
    read = record.readings.get("energy_j")
    if read is not None:
        return EnergyUse(read.value, read.value, read.value, read.kind)
    parts = estimate_parts(record)
    if parts is None:
        return None
    vcpus, seconds, busy_s, memory_gb = parts
    idle, busy = power(IDLE).value, power(BUSY).value
    memory = memory_gb * power(MEMORY).value * seconds
    low, high = (vcpus * seconds * watts + memory for watts in (idle, busy))
    return EnergyUse(vcpus * seconds * idle + busy_s * (busy - idle) + memory, low, high, "estimated")


def estimate_parts(record: Record) -> tuple[float, float, float, float] | None:
    """Return vCPUs, seconds, processor seconds and gigabytes of memory, None where an estimate has no ground."""
    environment = record.environment
    hardware, seconds, busy_s = environment.get("hardware") or {}, record.value("wall_s"), record.value("cpu_s")
    vcpus, memory = hardware.get("logical_cores"), environment.get("memory_bytes")
    if vcpus is None or memory is None or seconds is None or busy_s is None:
        return None
    return float(vcpus), seconds, min(busy_s, vcpus * seconds), memory / 1e9


def together(steps: Sequence[Record | None]) -> EnergyUse | None:
    """Return the energy of several steps, as weak as the weakest; None where that of one is not known."""
    each = [energy_use(record) if record else None for record in steps]
    known = [use for use in each if use is not None]
    if not known or len(known) < len(each):
        return None
    joules, low, high = (sum(amounts) for amounts in zip(*(use.amounts for use in known), strict=True))
    return EnergyUse(joules, low, high, weaker(*(use.kind for use in known)))


def weaker(*kinds: Kind) -> Kind:
    """Return the kind that says least."""
    return min(kinds, key=_WEAKEST_FIRST.index)
