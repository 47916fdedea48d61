"""The energy of a candidate's trainings, as far as the prices of their machines leave it out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import NamedTuple

from harness.records import Record
from harness_reports.figures.explained import Explained, derived
from harness_reports.measured.results import Measured
from harness_reports.prices.energy_band import EnergyBand
from harness_reports.prices.energy_use import Bound, step_energy
from harness_reports.prices.pricing import Pricing
from harness_reports.reasons import Reason

INCLUDED = "included in the machine's price"
PAID_ALREADY = "the cheap one is of the same training, which is paid once"
_Records = Sequence[Record | None] | None
"""Of a stage; None where it is paid already."""


class TrainingEnergy(NamedTuple):
    """The energy that is paid apart from machines; each the mean of its seeds, estimates with their band."""

    pretraining: EnergyBand
    tuning: EnergyBand
    """One fine-tuning and its evaluation."""

    @property
    def caveats(self) -> list[Reason]:
        """That a part is an estimate."""
        bands = [band for band in self if band.kind == "estimated"]
        joules = {bound: sum(band.joules[bound] for band in bands) for bound in ("low", "middle", "high")}
        return [Reason("training energy estimated", joules)] if bands else []

    @property
    def gaps(self) -> list[Reason]:
        """That a part is not known: energy that is paid cannot be taken as free."""
        return [Reason("training energy not known")] if any(band.middle.value is None for band in self) else []


def training_energy(candidate: Measured, pricing: Pricing, paid: Collection[str] = ()) -> TrainingEnergy | None:
    """Return the energy of a candidate's trainings that is paid apart from machines; None if every price includes it.

    Args:
        candidate: the candidate.
        pricing: the prices.
        paid: figures of the cost of trainings that are paid already (`pretrain_usd`, `finetune_usd`), their energy too.

    Raises:
        FactError: a record's hardware has no price.
    """
    finetunings = [chain.finetune for chain in candidate.chains]
    records = [*candidate.pretrainings, *finetunings, *(chain.leaf for chain in candidate.evaluations)]
    if all(record is None or pricing.price(record).energy == "included" for record in records):
        return None
    return TrainingEnergy(
        EnergyBand.of(
            partial(_stage, "pretrain_j", None if "pretrain_usd" in paid else candidate.pretrainings, pricing)
        ),
        EnergyBand.of(partial(_tuning, candidate, None if "finetune_usd" in paid else finetunings, pricing)),
    )


def _tuning(candidate: Measured, finetunings: _Records, pricing: Pricing, bound: Bound) -> Explained:
    finetune = _stage("finetune_j", finetunings, pricing, bound)
    evaluate = _stage("evaluate_j", [chain.leaf for chain in candidate.evaluations], pricing, bound)
    formula = f"{finetune.name} + {evaluate.name}"
    return derived(f"tuning_j_{bound}", "J", formula, finetune, evaluate)


def _stage(name: str, records: _Records, pricing: Pricing, bound: Bound) -> Explained:
    """Return the mean energy of a stage's seeds."""
    name = f"{name}_{bound}"
    if not records:
        return Explained(name, 0.0, "J", note="nothing was pretrained here" if records is not None else PAID_ALREADY)
    return derived(name, "J", "mean(energy_j)", *(_step(record, pricing, bound) for record in records))


def _step(record: Record | None, pricing: Pricing, bound: Bound) -> Explained:
    if record is not None and pricing.price(record).energy == "included":
        return Explained("energy_j", 0.0, "J", note=INCLUDED)
    return step_energy(record, bound)
