"""The energy of one request and of an idle machine, with what is known of it: measured, estimated or nothing.

An estimate is a PERT distribution from all processors idle to all busy, likeliest at the measured processor time. The
ends are limits that the measured time speaks against: PERT's mean gives the middle four times the weight of an end, a
triangular distribution's would give each a third.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from harness.records import Record
from harness_reports.economics.distributions import Distribution, Empirical, Fixed, Pert
from harness_reports.figures.explained import Explained, Kind, derived, named
from harness_reports.measured import readings as leaf
from harness_reports.measured.intervals import RESAMPLES
from harness_reports.prices.energy_use import Bound, machine_inputs, step_energy
from harness_reports.reasons import Reason

NAME = "energy_j_per_request"
_PERT_MEAN = "(energy_j_low + 4 * energy_j_middle + energy_j_high) / 6"


def energy_per_request(records: Sequence[Record]) -> tuple[Distribution | None, Kind | None]:
    """Return the energy of a request in J over a candidate's servings, and its kind, the weakest of the records'.

    Measured energy is distributed as all energy over all samples of resampled records, certain if there is one record.
    An estimate has the interval of its formula, which all records share. Its mean is that of `request_energy`. Both are
    None where a record has neither a reading nor an estimate. The building's overhead is not included.

    Raises:
        StoreError: a record holds a negative reading.
    """
    low, middle, high = _band(records)
    if middle.value is None:
        return None, None
    if low.value < high.value:
        return Pert(low.value, min(max(low.value, middle.value), high.value), high.value), leaf.energy_kind(middle)
    draws = _draws(records)
    return Empirical(draws, middle.value) if np.ptp(draws) else Fixed(middle.value), leaf.energy_kind(middle)


def request_energy(records: Sequence[Record]) -> Explained:
    """Return the mean energy of a request, as `energy_per_request` distributes it."""
    low, middle, high = _band(records)
    if middle.value is None or low.value == high.value:
        return named(middle, NAME)
    note = "mean of a PERT distribution: likeliest by measured processor time, least and most if no or every one worked"
    return derived(NAME, "J", _PERT_MEAN, low, middle, high, note=note)


def idle_watts(record: Record) -> Explained:
    """Return the estimated power of a record's machine that waits for requests, without a value if it has no estimate.

    An accelerator has none: the facts are of processors and memory.
    """
    name, inputs = "idle_machine_watts", machine_inputs(record)
    if inputs is None:
        return Explained(name, None, "W", note=f"not estimable in {leaf.who(record)}: its processors are not described")
    idle = derived(name, "W", "vcpus * idle_watts + memory_gb * memory_watts", *inputs)
    return replace(idle, kind="estimated", source=leaf.who(record))


def energy_caveat(records: Sequence[Record]) -> Reason | None:
    """Return that a request's energy is an estimate, None where it is not."""
    low, middle, high = _band(records)
    if leaf.energy_kind(middle) != "estimated":
        return None
    joules = {"low": low.value, "middle": middle.value, "high": high.value}
    return Reason("energy estimated", joules)


def energy_gap(records: Sequence[Record]) -> Reason | None:
    """Return that a request's energy is not known, None where it is: energy that is paid cannot be taken as free."""
    return Reason("energy not known") if _per_request(records, "middle").value is None else None


def idle_caveat(record: Record) -> Reason | None:
    """Return that the power of an idle machine is not known, None where it is."""
    unknown = idle_watts(record).value is None
    return Reason("idle power not known", {"hardware": record.spec["hardware"]}) if unknown else None


def _band(records: Sequence[Record]) -> tuple[Explained, Explained, Explained]:
    """Return the energy of a request at the low end, the middle and the high end; all are equal where it was read."""
    low, middle, high = (_per_request(records, bound) for bound in ("low", "middle", "high"))
    return low, middle, high


def _per_request(records: Sequence[Record], bound: Bound) -> Explained:
    name, samples = f"energy_j_{bound}", leaf.readings(records, "samples")
    if not sum(each.value or 0.0 for each in samples):
        return Explained(name, None, "J", note="no request was served")
    return derived(name, "J", "sum(energy_j) / sum(samples)", *(step_energy(each, bound) for each in records), *samples)


def _draws(records: Sequence[Record]) -> np.ndarray:
    """Return all energy over all samples of resampled records."""
    joules, samples = np.array([(step_energy(each).value, each.value("samples")) for each in records]).T
    indexes = np.random.default_rng([5, len(records)]).integers(0, len(records), (RESAMPLES, len(records)))
    return np.asarray(joules[indexes].sum(axis=1) / samples[indexes].sum(axis=1))
