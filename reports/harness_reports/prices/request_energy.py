"""The energy of one request and of an idle machine, with what is known of it: measured, estimated or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from harness.records import Record
from harness_reports.economics.distributions import Distribution, Empirical
from harness_reports.figures.explained import Explained, derived
from harness_reports.measured import readings as leaf
from harness_reports.measured.intervals import RESAMPLES
from harness_reports.prices.energy_band import EnergyBand
from harness_reports.prices.energy_use import Bound, machine_inputs, step_energy
from harness_reports.reasons import Reason


@dataclass(frozen=True, eq=False)
class RequestEnergy:
    """The energy of a request over a candidate's servings; it is computed once.

    Its figures raise StoreError where a record holds a negative reading.
    """

    records: Sequence[Record]

    @cached_property
    def band(self) -> EnergyBand:
        """All energy over all samples."""
        return EnergyBand.of(lambda bound: _per_request(self.records, bound))

    @cached_property
    def distribution(self) -> Distribution | None:
        """Its distribution in J; None where a record has neither a reading nor an estimate.

        Measured energy is distributed as all energy over all samples of resampled records, certain if there is one. An
        estimate has the interval of its formula, which all records share.
        """
        if self.band.is_read and self.band.middle.value is not None:
            draws = _draws(self.records)
            if np.ptp(draws):
                return Empirical(draws, self.band.middle.value)
        return self.band.distribution

    @cached_property
    def figure(self) -> Explained:
        """The mean of the distribution."""
        return self.band.mean("energy_j_per_request")

    @property
    def caveat(self) -> Reason | None:
        """That it is an estimate; None where it is not."""
        return Reason("energy estimated", self.band.joules) if self.band.kind == "estimated" else None

    @property
    def gap(self) -> Reason | None:
        """That it is not known, None where it is: energy that is paid cannot be taken as free."""
        return Reason("energy not known") if self.band.middle.value is None else None


def idle_watts(record: Record) -> Explained:
    """Return the estimated power of a record's machine that waits for requests, without a value if it has no estimate.

    An accelerator has none: the facts are of processors and memory.
    """
    name, inputs = "idle_machine_watts", machine_inputs(record)
    if inputs is None:
        return Explained(name, None, "W", note=f"not estimable in {leaf.who(record)}: its processors are not described")
    idle = derived(name, "W", "vcpus * idle_watts + memory_gb * memory_watts", *inputs)
    return replace(idle, kind="estimated", source=leaf.who(record))


def idle_caveat(record: Record) -> Reason | None:
    """Return that the power of an idle machine is not known, None where it is."""
    unknown = idle_watts(record).value is None
    return Reason("idle power not known", {"hardware": record.spec["hardware"]}) if unknown else None


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
