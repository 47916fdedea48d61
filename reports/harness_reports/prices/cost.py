"""What a candidate costs: its trainings once, its inferences for ever; measured seconds times a dated price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from harness.records import Record
from harness_reports.economics.energy import grid
from harness_reports.economics.serving import usd_per_million_tokens
from harness_reports.measured.intervals import Interval, interval_of
from harness_reports.measured.lineage import KEYS, Candidate
from harness_reports.measured.quality_figures import quality_share
from harness_reports.measured.results import Measured, Results, Serving
from harness_reports.prices.energy_use import NONE_USED, EnergyUse, together, weaker
from harness_reports.prices.pricing import SECONDS_PER_HOUR, Pricing

COST = (
    *KEYS, "seeds", "pretrain_usd", "finetune_usd", "train_usd", "evaluate_usd", "usd_per_1k_inferences",
    "usd_per_1k_low", "usd_per_1k_high", "batch_size", "usd_per_1k_single_stream", "usd_per_1k_single_stream_low",
    "usd_per_1k_single_stream_high", "usd_per_1k_correct", "usd_per_million_output_tokens", "energy_j_per_1k",
    "energy_j_per_1k_low", "energy_j_per_1k_high", "energy_kind", "co2e_g_per_1k", "usd_per_hour", "utilisation",
    "train_energy_j", "train_energy_kind", "train_co2e_g", "pue", "grid", "grid_g_co2e_per_kwh", "price_item",
    "price_usd", "price_multiplier", "price_offer", "price_provider", "price_region", "price_as_of",
    "price_as_of_note", "price_source",
)  # fmt: skip
UNIT_COSTS: Mapping[str, tuple[str, str, str]] = {
    "Offline": ("usd_per_1k_inferences", "usd_per_1k_low", "usd_per_1k_high"),
    "SingleStream": ("usd_per_1k_single_stream", "usd_per_1k_single_stream_low", "usd_per_1k_single_stream_high"),
}
"""Scenario → what 1,000 inferences cost served that way: point, low, high."""
_SERVING = COST[COST.index("usd_per_1k_inferences") : COST.index("usd_per_hour")]


def cost(records: Sequence[Record], pricing: Pricing) -> pd.DataFrame:
    """Return one row for each candidate that was evaluated or served.

    A stage costs its measured seconds (the training loop, without loading) at the machine's hourly rate: the mean over
    seeds for fine-tuning and evaluation, and one pretraining, which all seeds share. From scratch, and from a
    checkpoint that comes pretrained, pretraining costs 0 because there was none here; where its record is missing, it
    is None. `usd_per_1k_inferences` is that of the cheapest
    Offline batch size, on a machine that answers in `utilisation` of the time it is paid for: usd per hour / (samples
    per s · 3600 · utilisation) · 1000. `..._single_stream` is the same for one request at a time, as latencies are
    measured. `usd_per_1k_correct` is served Offline, over the share of answers that are right (quality over its
    ceiling); what errors, retries and checking cost on top is a use case's, see `serving`. `usd_per_million_output_
    tokens` counts what was written, where that was measured. Energy is the machine's, metered or estimated
    (`energy_kind`; the band of an estimate is all processors idle to all busy); carbon has the building's overhead
    (`pue`) and the country's grid in it. Sums are made in Decimal; the cells are floats for charts.

    Raises:
        FactError: a record's hardware has no price in `pricing`.
    """
    return pd.DataFrame(cost_rows(Results.of(records), pricing).values(), columns=list(COST))


def cost_rows(results: Results, pricing: Pricing) -> dict[Candidate, dict[str, Any]]:
    """Return the rows of the cost table by candidate; missing cells are None.

    Beside the table's columns `..._draws`: values that a unit cost may have, where it was served.
    """
    return {key: cost_row(costed(own, pricing), pricing) for key, own in results.candidates.items()}


class Costed(NamedTuple):
    """What a row of the cost table is made of."""

    measured: Measured
    windows: Mapping[str, Serving]
    """Scenario → the batch size that is the cheapest."""


def costed(own: Measured, pricing: Pricing) -> Costed:
    """Return what a candidate's row is made of."""
    cheapest = {name: _cheapest([each for each in own.servings if each.scenario == name], pricing)
                for name in UNIT_COSTS}  # fmt: skip
    return Costed(own, {name: serving for name, serving in cheapest.items() if serving is not None})


def cost_row(own: Costed, pricing: Pricing) -> dict[str, Any]:
    """Return one row of the cost table, as `cost_rows` does."""
    measured = own.measured
    return {
        **measured.columns,
        "seeds": len(measured.chains),
        **_training(measured, pricing),
        "evaluate_usd": mean_usd([chain.leaf for chain in measured.evaluations], pricing),
        **_serving(own.windows, pricing, quality_share(measured.graded).value if measured.graded else None),
        **_training_energy(measured, pricing),
        "pue": pricing.pue, "grid": pricing.grid, "grid_g_co2e_per_kwh": grid(pricing.grid).g_co2e_per_kwh,
        **_price(measured.machine, pricing),
    }  # fmt: skip


def _training_energy(own: Measured, pricing: Pricing) -> dict[str, Any]:
    used = training_energy(own)
    joules = used and used.joules
    return {
        "train_energy_j": joules, "train_energy_kind": used and used.kind, "train_co2e_g": pricing.co2e_g(joules),
    }  # fmt: skip


def training_energy(own: Measured) -> EnergyUse | None:
    """Return the energy of one pretraining, where there was one, and of the mean fine-tuning."""
    tuned, before = together([chain.finetune for chain in own.chains]), pretrainings(own)
    first = together(before) if before else NONE_USED
    if tuned is None or first is None:
        return None
    parts = ((tuned, len(own.chains)), (first, max(1, len(before))))
    joules, low, high = (sum(use.amounts[place] / count for use, count in parts) for place in range(3))
    return EnergyUse(joules, low, high, weaker(tuned.kind, first.kind))


def _training(own: Measured, pricing: Pricing) -> dict[str, float | None]:
    finetune = mean_usd([chain.finetune for chain in own.chains], pricing)
    before = pretrainings(own)
    pretrain = mean_usd(before, pricing) if before else 0.0
    train = None if pretrain is None or finetune is None else pretrain + finetune
    return {"pretrain_usd": pretrain, "finetune_usd": finetune, "train_usd": train}


def pretrainings(own: Measured) -> list[Record | None]:
    """Return the pretrainings that all seeds share; none from scratch, and of a checkpoint that comes pretrained."""
    here = [chain for chain in own.chains if chain.finetune is None or "pretrained" in chain.finetune.inputs]
    return [] if own.key.start == "scratch" else _distinct([chain.pretrain for chain in here])


def _distinct(records: Sequence[Record | None]) -> list[Record | None]:
    return list({record.fingerprint if record else None: record for record in records}.values())


def mean_usd(records: Sequence[Record | None], pricing: Pricing) -> float | None:
    """Return the mean cost of a stage over seeds, None where a record or its seconds are missing."""
    stages = [pricing.stage_usd(record) if record else None for record in records]
    known = [stage for stage in stages if stage is not None]
    return float(sum(known, Decimal(0)) / len(known)) if known and len(known) == len(stages) else None


def _serving(windows: Mapping[str, Serving], pricing: Pricing, share: float | None) -> dict[str, Any]:
    cells: dict[str, Any] = dict.fromkeys(_SERVING)
    for scenario, serving in windows.items():
        cells |= _bounds(serving, pricing, *UNIT_COSTS[scenario])
    if (offline := windows.get("Offline")) is not None:
        cells |= {"batch_size": offline.batch_size, **_energy(offline.leaves, pricing)}
        cells["usd_per_1k_correct"] = cells["usd_per_1k_inferences"] / share if share else None
        cells["usd_per_million_output_tokens"] = usd_per_million_output_tokens(offline.leaves, pricing)
    return cells


def usd_per_million_output_tokens(leaves: Sequence[Record], pricing: Pricing) -> float | None:
    """Return what a million of the tokens that were written cost, None where they were not counted."""
    tokens, seconds = ([leaf.value(name) or 0.0 for leaf in leaves] for name in ("output_tokens", "wall_s"))
    if not all(tokens) or not all(seconds):
        return None
    speed = sum(tokens) / sum(seconds) * pricing.utilisation
    return usd_per_million_tokens(float(pricing.rate_usd_per_hour(leaves[0])), speed)


def _energy(leaves: Sequence[Record], pricing: Pricing) -> dict[str, Any]:
    used, samples = together(leaves), [leaf.value("samples") for leaf in leaves]
    if used is None or not all(samples):
        return {}
    joules, low, high = (part / sum(s for s in samples if s) * 1000 for part in used.amounts)
    return {
        "energy_j_per_1k": joules, "energy_j_per_1k_low": low, "energy_j_per_1k_high": high, "energy_kind": used.kind,
        "co2e_g_per_1k": pricing.co2e_g(joules),
    }  # fmt: skip


def _cheapest(servings: Sequence[Serving], pricing: Pricing) -> Serving | None:
    rated = [(each.samples_per_s, each) for each in servings if each.samples_per_s]
    if not rated:
        return None
    hourly = pricing.rate_usd_per_hour(rated[0][1].leaves[0])
    return min(rated, key=lambda known: (hourly / Decimal(str(known[0])), known[1].batch_size))[1]


def _bounds(serving: Serving, pricing: Pricing, value: str, low: str, high: str) -> dict[str, Any]:
    found = unit_cost(serving, pricing)
    ends = found.interval
    return {
        value: found.value, low: ends.low if ends else None, high: ends.high if ends else None,
        f"{value}_draws": found.draws,
    }  # fmt: skip


class UnitCost(NamedTuple):
    """What 1,000 inferences cost, with its interval and the draws behind it."""

    value: float
    interval: Interval | None
    draws: np.ndarray | None


def unit_cost(serving: Serving, pricing: Pricing) -> UnitCost:
    """Return what 1,000 inferences cost as they were served; the fastest rate gives the lowest cost."""
    hourly = pricing.rate_usd_per_hour(serving.leaves[0])
    rates = serving.rate_draws
    draws = None if rates is None else float(usd_per_1k(hourly, 1.0, pricing.utilisation)) / rates
    value = float(usd_per_1k(hourly, serving.samples_per_s or 0.0, pricing.utilisation))
    return UnitCost(value, None if draws is None else interval_of(draws), draws)


def usd_per_1k(usd_per_hour: Decimal, samples_per_s: float, utilisation: float) -> Decimal:
    """Return the cost of 1,000 inferences on a machine that works in `utilisation` of the time it is paid for."""
    return usd_per_hour / (Decimal(str(samples_per_s)) * SECONDS_PER_HOUR * Decimal(str(utilisation))) * 1000


def _price(record: Record, pricing: Pricing) -> dict[str, Any]:
    price = pricing.price(record)
    return {
        "usd_per_hour": float(pricing.rate_usd_per_hour(record)), "utilisation": pricing.utilisation,
        "price_item": price.item, "price_usd": float(price.usd), "price_multiplier": float(pricing.multiplier),
        "price_offer": price.offer, "price_provider": price.provider, "price_region": price.region,
        "price_as_of": price.as_of.isoformat(), "price_as_of_note": price.as_of_note, "price_source": price.source,
    }  # fmt: skip
