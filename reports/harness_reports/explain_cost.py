"""Where the figures of the cost table come from."""

from __future__ import annotations

from collections.abc import Sequence

from harness.records import Record
from harness_reports import explain_readings as leaf
from harness_reports import statistics
from harness_reports.cost import UNIT_COSTS, Costed, Window, energy_j_per_1k, mean_usd, pretrainings, unit_cost
from harness_reports.explained import Explained
from harness_reports.pricing import Pricing

USD, PER_1K = "USD", "USD per 1,000 inferences"


def cost_figures(own: Costed, pricing: Pricing) -> dict[str, Explained]:
    """Return the figures of a row of the cost table by column."""
    first = own.everyone[0].leaf
    figures = [
        *_training(own, pricing),
        _stage("evaluate_usd", [chain.leaf for chain in own.evaluated], pricing),
        *(figure for scenario in UNIT_COSTS for figure in _serving(scenario, own.windows.get(scenario), pricing)),
        _energy(own.windows.get("Offline")),
        leaf.hourly(first, pricing), leaf.utilisation(pricing), leaf.price(first, pricing), leaf.multiplier(pricing),
    ]  # fmt: skip
    return {figure.name: figure for figure in figures}


def _training(own: Costed, pricing: Pricing) -> list[Explained]:
    before = pretrainings(own)
    pretrain = (
        _stage("pretrain_usd", before, pricing)
        if before
        else Explained("pretrain_usd", 0.0, USD, note="nothing was pretrained here")
    )
    finetune = _stage("finetune_usd", [chain.finetune for chain in own.everyone], pricing)
    known = pretrain.value is not None and finetune.value is not None
    train = pretrain.value + finetune.value if known else None
    return [pretrain, finetune, Explained("train_usd", train, USD, "pretrain_usd + finetune_usd",
                                          inputs=(pretrain, finetune))]  # fmt: skip


def _stage(name: str, records: Sequence[Record | None], pricing: Pricing) -> Explained:
    """Return the cost of a stage: of one record its own, of several seeds their mean."""
    if not records:
        return Explained(name, None, USD, note="no evaluation of this candidate has finished")
    each = tuple(_step(record, pricing) for record in records)
    if len(each) == 1:
        return leaf.renamed(each[0], name)
    return Explained(name, mean_usd(records, pricing), USD, "mean(seed_usd)", inputs=each)


def _step(record: Record | None, pricing: Pricing) -> Explained:
    if record is None:
        return Explained("seed_usd", None, USD, note="the record of this training is missing, so its cost is not known")
    value = pricing.stage_usd(record)
    return Explained(
        "seed_usd", None if value is None else float(value), USD, "usd_per_hour * wall_s / 3600",
        inputs=(leaf.hourly(record, pricing), leaf.reading(record, "wall_s")),
    )  # fmt: skip


def _serving(scenario: str, window: Window | None, pricing: Pricing) -> list[Explained]:
    names = UNIT_COSTS[scenario]
    if window is None:
        return [Explained(name, None, PER_1K, note=f"no serving in the scenario {scenario} has finished")
                for name in names]  # fmt: skip
    leaves, cells = window.leaves, unit_cost(window.leaves, pricing)
    point = Explained(
        names[0], cells.value, PER_1K, "usd_per_hour / (samples_per_s * 3600 * utilisation) * 1000",
        note=f"{scenario} in batches of {window.batch_size}, of those measured the cheapest",
        inputs=(leaf.hourly(leaves[0], pricing), leaf.rate(leaves, statistics.rate(leaves)), leaf.utilisation(pricing)),
    )  # fmt: skip
    ends = cells.interval or (None, None)
    return [point, *(_end(name, end, share, point) for name, end, share in zip(names[1:], ends, ("2.5", "97.5"),
                                                                                strict=True))]  # fmt: skip


def _end(name: str, value: float | None, share: str, point: Explained) -> Explained:
    if value is None:
        note = "the window does not hold how long each of at least two batches took, so its spread is not known"
        return Explained(name, None, PER_1K, note=note, inputs=(point,))
    note = (
        f"{share}th percentile of the unit cost at {statistics.RESAMPLES:,} rates: records are resampled, then the "
        "durations of batches within each"
    )
    return Explained(name, value, PER_1K, note=note, inputs=(point,))


def _energy(window: Window | None) -> Explained:
    if window is None:
        return Explained("energy_j_per_1k", None, "J", note="no serving in the scenario Offline has finished")
    parts = (*leaf.readings(window.leaves, "energy_j"), *leaf.readings(window.leaves, "samples"))
    return Explained("energy_j_per_1k", energy_j_per_1k(window.leaves), "J per 1,000 inferences",
                     "sum(energy_j) / sum(samples) * 1000", inputs=parts)  # fmt: skip
