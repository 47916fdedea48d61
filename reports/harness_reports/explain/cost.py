"""Where the figures of the cost table come from."""

from __future__ import annotations

from collections.abc import Sequence

from harness.records import Record
from harness_reports.explain.energy import energy_figures
from harness_reports.figures.explained import Explained, named
from harness_reports.measured import intervals
from harness_reports.measured import readings as leaf
from harness_reports.measured.quality import Graded
from harness_reports.measured.quality_figures import quality_share
from harness_reports.measured.results import Measured, Serving
from harness_reports.prices import price_figures as priced
from harness_reports.prices.cost import (
    UNIT_COSTS,
    Costed,
    mean_usd,
    pretrainings,
    unit_cost,
    usd_per_million_output_tokens,
)
from harness_reports.prices.pricing import Pricing

USD, PER_1K = "USD", "USD per 1,000 inferences"


def cost_figures(own: Costed, pricing: Pricing) -> dict[str, Explained]:
    """Return the figures of a row of the cost table by column."""
    measured = own.measured
    served = [figure for scenario in UNIT_COSTS for figure in _serving(scenario, own.windows.get(scenario), pricing)]
    figures = [
        *_training(measured, pricing),
        _stage("evaluate_usd", [chain.leaf for chain in measured.evaluations], pricing),
        *served, _correct(served[0], measured.graded), _tokens(own.windows.get("Offline"), pricing),
        *energy_figures(own, pricing),
        priced.hourly(measured.machine, pricing), priced.utilisation(pricing),
        priced.price(measured.machine, pricing), priced.multiplier(pricing),
    ]  # fmt: skip
    return {figure.name: figure for figure in figures}


def _training(own: Measured, pricing: Pricing) -> list[Explained]:
    before = pretrainings(own)
    pretrain = (
        _stage("pretrain_usd", before, pricing)
        if before
        else Explained("pretrain_usd", 0.0, USD, note="nothing was pretrained here")
    )
    finetune = _stage("finetune_usd", [chain.finetune for chain in own.chains], pricing)
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
        return named(each[0], name)
    return Explained(name, mean_usd(records, pricing), USD, "mean(seed_usd)", inputs=each)


def _step(record: Record | None, pricing: Pricing) -> Explained:
    if record is None:
        return Explained("seed_usd", None, USD, note="the record of this training is missing, so its cost is not known")
    value = pricing.stage_usd(record)
    return Explained(
        "seed_usd", None if value is None else float(value), USD, "usd_per_hour * wall_s / 3600",
        inputs=(priced.hourly(record, pricing), leaf.reading(record, "wall_s")),
    )  # fmt: skip


def _serving(scenario: str, window: Serving | None, pricing: Pricing) -> list[Explained]:
    names = UNIT_COSTS[scenario]
    if window is None:
        return [Explained(name, None, PER_1K, note=f"no serving in the scenario {scenario} has finished")
                for name in names]  # fmt: skip
    leaves, cells = window.leaves, unit_cost(window, pricing)
    point = Explained(
        names[0], cells.value, PER_1K, "usd_per_hour / (samples_per_s * 3600 * utilisation) * 1000",
        note=f"{scenario} in batches of {window.batch_size}, of those measured the cheapest",
        inputs=(priced.hourly(leaves[0], pricing), leaf.rate(leaves), priced.utilisation(pricing)),
    )  # fmt: skip
    ends = cells.interval or (None, None)
    return [point, *(_end(name, end, share, point) for name, end, share in zip(names[1:], ends, ("2.5", "97.5"),
                                                                                strict=True))]  # fmt: skip


def _end(name: str, value: float | None, share: str, point: Explained) -> Explained:
    if value is None:
        note = "the window does not hold how long each of at least two batches took, so its spread is not known"
        return Explained(name, None, PER_1K, note=note, inputs=(point,))
    note = (
        f"{share}th percentile of the unit cost at {intervals.RESAMPLES:,} rates: records are resampled, then the "
        "durations of batches within each"
    )
    return Explained(name, value, PER_1K, note=note, inputs=(point,))


def _correct(point: Explained, graded: Graded | None) -> Explained:
    name, unit = "usd_per_1k_correct", "USD per 1,000 right answers"
    share = quality_share(graded) if graded is not None else Explained("right_share", None, note="it was not graded")
    if point.value is None or not share.value:
        return Explained(name, None, unit, note="it takes a serving and a share of right answers",
                         inputs=(point, share))  # fmt: skip
    return Explained(name, point.value / share.value, unit, f"{point.name} / right_share", inputs=(point, share))


def _tokens(window: Serving | None, pricing: Pricing) -> Explained:
    name, unit = "usd_per_million_output_tokens", "USD per million tokens written"
    value = None if window is None else usd_per_million_output_tokens(window.leaves, pricing)
    if window is None or value is None:
        return Explained(name, None, unit, note="no tokens were counted while it served")
    parts = (*leaf.readings(window.leaves, "output_tokens"), *leaf.readings(window.leaves, "wall_s"))
    tokens, seconds = (
        sum(own.value(reading) or 0.0 for own in window.leaves) for reading in ("output_tokens", "wall_s")
    )
    rate = Explained("tokens_per_s", tokens / seconds, "1/s", "sum(output_tokens) / sum(wall_s)", inputs=parts)
    return Explained(
        name, value, unit, "usd_per_hour / (tokens_per_s * utilisation * 3600) * 1000000",
        inputs=(priced.hourly(window.leaves[0], pricing), rate, priced.utilisation(pricing)),
    )  # fmt: skip
