"""What a candidate costs: its trainings once, its inferences for ever; measured seconds times a dated price."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pandas as pd

from harness.records import Record
from harness_reports.lineage import KEYS, Candidate, Chain, by_candidate, key_columns, replicates, variants
from harness_reports.pricing import SECONDS_PER_HOUR, Pricing
from harness_reports.statistics import interval_of, rate, rate_draws
from harness_reports.tables import energy_kind, served

COST = (
    *KEYS, "seeds", "pretrain_usd", "finetune_usd", "train_usd", "evaluate_usd", "usd_per_1k_inferences",
    "usd_per_1k_low", "usd_per_1k_high", "batch_size", "usd_per_1k_single_stream", "usd_per_1k_single_stream_low",
    "usd_per_1k_single_stream_high", "energy_j_per_1k", "energy_kind", "usd_per_hour", "utilisation", "price_item",
    "price_usd", "price_multiplier", "price_offer", "price_provider", "price_region", "price_as_of",
    "price_as_of_note", "price_source",
)  # fmt: skip


_SERVING = COST[COST.index("usd_per_1k_inferences") : COST.index("usd_per_hour")]


def cost(records: Sequence[Record], pricing: Pricing) -> pd.DataFrame:
    """Return one row for each candidate that was evaluated or served.

    A stage costs its measured seconds (the training loop, without loading) at the machine's hourly rate: the mean over
    seeds for fine-tuning and evaluation, and one pretraining, which all seeds share. From scratch, and from a
    checkpoint that comes pretrained, pretraining costs 0 because there was none here; where its record is missing, it
    is None. `usd_per_1k_inferences` is that of the cheapest
    Offline batch size, on a machine that answers in `utilisation` of the time it is paid for: usd per hour / (samples
    per s · 3600 · utilisation) · 1000. `..._single_stream` is the same for one request at a time, as latencies are
    measured. Sums are made in Decimal; the cells are floats for charts.

    Raises:
        FactError: a record's hardware has no price in `pricing`.
    """
    return pd.DataFrame(cost_rows(records, pricing).values(), columns=list(COST))


def cost_rows(records: Sequence[Record], pricing: Pricing) -> dict[Candidate, dict[str, Any]]:
    """Return the rows of the cost table by candidate; missing cells are None.

    Beside the table's columns `..._draws`: values that a unit cost may have, where it was served.
    """
    named = variants(records)
    evaluated, loads = by_candidate(records, "evaluate"), served(records)
    rows = {}
    for key in sorted({*evaluated, *(load[0] for load in loads)}, key=lambda k: tuple(str(part) for part in k)):
        chains = replicates(evaluated.get(key, []))
        windows = [(scenario, batch, group) for other, scenario, batch, group in loads if other == key]
        rows[key] = {**key_columns(key, named[key]), **_row(key, chains, windows, pricing)}
    return rows


def _row(
    key: Candidate, chains: list[Chain], windows: list[tuple[str, int, list[Chain]]], pricing: Pricing
) -> dict[str, Any]:
    everyone = chains or windows[0][2]
    return {
        "seeds": len(everyone),
        **_training(key, everyone, pricing),
        "evaluate_usd": _mean([chain.leaf for chain in chains], pricing),
        **_serving(windows, pricing),
        **_price(everyone[0].leaf, pricing),
    }


def _training(key: Candidate, chains: Sequence[Chain], pricing: Pricing) -> dict[str, float | None]:
    finetune = _mean([chain.finetune for chain in chains], pricing)
    here = [chain for chain in chains if chain.finetune is None or "pretrained" in chain.finetune.inputs]
    nothing = key.start == "scratch" or not here  # a checkpoint comes pretrained: others have paid for that
    pretrain = 0.0 if nothing else _mean(_distinct([chain.pretrain for chain in here]), pricing)
    train = None if pretrain is None or finetune is None else pretrain + finetune
    return {"pretrain_usd": pretrain, "finetune_usd": finetune, "train_usd": train}


def _distinct(records: Sequence[Record | None]) -> list[Record | None]:
    return list({record.fingerprint if record else None: record for record in records}.values())


def _mean(records: Sequence[Record | None], pricing: Pricing) -> float | None:
    """Return the mean cost of a stage, None where a record or its seconds are missing."""
    stages = [pricing.stage_usd(record) if record else None for record in records]
    known = [stage for stage in stages if stage is not None]
    return float(sum(known, Decimal(0)) / len(known)) if known and len(known) == len(stages) else None


def _serving(windows: list[tuple[str, int, list[Chain]]], pricing: Pricing) -> dict[str, Any]:
    offline = _cheapest([w for w in windows if w[0] == "Offline"], pricing)
    single = _cheapest([w for w in windows if w[0] == "SingleStream"], pricing)
    cells: dict[str, Any] = dict.fromkeys(_SERVING)
    if offline:
        batch_size, leaves = offline
        cells |= _bounds(leaves, pricing, "usd_per_1k_inferences", "usd_per_1k_low", "usd_per_1k_high")
        cells |= {
            "batch_size": batch_size,
            "energy_j_per_1k": _energy_j_per_1k(leaves),
            "energy_kind": energy_kind(leaves),
        }
    if single:
        names = ("usd_per_1k_single_stream", "usd_per_1k_single_stream_low", "usd_per_1k_single_stream_high")
        cells |= _bounds(single[1], pricing, *names)
    return cells


def _cheapest(windows: list[tuple[str, int, list[Chain]]], pricing: Pricing) -> tuple[int, list[Record]] | None:
    rated = [(batch, [chain.leaf for chain in group]) for _, batch, group in windows]
    known = [(rate(leaves), batch, leaves) for batch, leaves in rated if rate(leaves)]
    if not known:
        return None
    _, batch, leaves = min(known, key=lambda k: (pricing.rate_usd_per_hour(k[2][0]) / Decimal(str(k[0])), k[1]))
    return batch, leaves


def _bounds(leaves: list[Record], pricing: Pricing, value: str, low: str, high: str) -> dict[str, Any]:
    """Return the unit cost, its interval and the draws behind it; the fastest rate gives the lowest cost."""
    hourly = pricing.rate_usd_per_hour(leaves[0])
    rates = rate_draws(leaves)
    draws = None if rates is None else float(usd_per_1k(hourly, 1.0, pricing.utilisation)) / rates
    ends = None if draws is None else interval_of(draws)
    return {
        value: float(usd_per_1k(hourly, rate(leaves) or 0.0, pricing.utilisation)),
        low: ends.low if ends else None,
        high: ends.high if ends else None,
        f"{value}_draws": draws,
    }


def usd_per_1k(usd_per_hour: Decimal, samples_per_s: float, utilisation: float) -> Decimal:
    """Return the cost of 1,000 inferences on a machine that works in `utilisation` of the time it is paid for."""
    return usd_per_hour / (Decimal(str(samples_per_s)) * SECONDS_PER_HOUR * Decimal(str(utilisation))) * 1000


def _energy_j_per_1k(leaves: Sequence[Record]) -> float | None:
    energy, samples = [r.value("energy_j") for r in leaves], [r.value("samples") for r in leaves]
    if None in energy or None in samples or not sum(samples):  # type: ignore[arg-type]
        return None
    return float(sum(energy) / sum(samples) * 1000)  # type: ignore[arg-type]


def _price(record: Record, pricing: Pricing) -> dict[str, Any]:
    price = pricing.price(record)
    return {
        "usd_per_hour": float(pricing.rate_usd_per_hour(record)), "utilisation": pricing.utilisation,
        "price_item": price.item, "price_usd": float(price.usd), "price_multiplier": float(pricing.multiplier),
        "price_offer": price.offer, "price_provider": price.provider, "price_region": price.region,
        "price_as_of": price.as_of.isoformat(), "price_as_of_note": price.as_of_note, "price_source": price.source,
    }  # fmt: skip
