"""The figures of the cost table: measured seconds times a dated price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from harness.records import Record
from harness_reports.figures.explained import Explained, derived, named
from harness_reports.figures.formula import evaluate
from harness_reports.measured import readings as leaf
from harness_reports.measured.intervals import RESAMPLES
from harness_reports.measured.load_figures import answer_rate
from harness_reports.measured.loads import RateUnder
from harness_reports.measured.rates import rate_ends
from harness_reports.measured.results import Measured, Serving
from harness_reports.prices import price_figures as priced
from harness_reports.prices.energy_use import energy_figures
from harness_reports.prices.judging import with_judges
from harness_reports.prices.machine_rate import machine_rate
from harness_reports.prices.pricing import Pricing
from harness_reports.prices.right_answers import right_answer_figures
from harness_reports.prices.usage import Bill, is_served, pays_calls
from harness_reports.prices.usage_figures import call_figures, of_machines, token_figures, usd_draws
from harness_reports.reasons import Reason

USD, PER_1K = "USD", "USD per 1,000 inferences"
UNIT_COSTS: Mapping[str, tuple[str, str, str]] = {
    "Offline": ("usd_per_1k_inferences", "usd_per_1k_low", "usd_per_1k_high"),
    "SingleStream": ("usd_per_1k_single_stream", "usd_per_1k_single_stream_low", "usd_per_1k_single_stream_high"),
}
"""Scenario → columns of the cost of 1,000 inferences: point, low, high."""
UNIT_COST = "usd_per_hour / (samples_per_s * 3600 * utilisation) * 1000"
"""Of 1,000 inferences on a machine that is busy for `utilisation` of its paid time."""


def cost_figures(candidate: Measured, pricing: Pricing) -> dict[str, Explained]:
    """Return the figures of a row of the cost table by column.

    Raises:
        FactError: the hardware of a record has no price in `pricing`.
    """
    return dict(candidate.once("cost", "", lambda: _cost_figures(candidate, pricing), given=pricing))


def _cost_figures(candidate: Measured, pricing: Pricing) -> dict[str, Explained]:
    figures = _of_calls if pays_calls(candidate.machine, pricing) else _of_machines
    of_row = {figure.name: figure for figure in figures(candidate, pricing)}
    return with_judges(candidate, of_row, pricing, cost_figures)


def _of_calls(candidate: Measured, pricing: Pricing) -> list[Explained]:
    """Return the figures of a served model, whose calls are paid by the token."""
    bill, calls = Bill(candidate, pricing.as_of), call_figures(candidate, pricing)
    return [
        *_training(candidate, pricing), *energy_figures(candidate, pricing), *calls,
        *right_answer_figures(calls[0], candidate.quality, usd_draws(bill, float(pricing.multiplier)), bill),
        priced.multiplier(pricing),
    ]  # fmt: skip


def _of_machines(candidate: Measured, pricing: Pricing) -> list[Explained]:
    """Return the figures of a candidate on a machine that is paid by the hour."""
    served, draws = _inferences(candidate, pricing)
    tokens = (
        token_figures(Bill(candidate, pricing.as_of), served[0])
        if is_served(candidate.machine)
        else [_tokens(candidate.fastest.get("Offline"), pricing), *of_machines()]
    )
    return [
        *_training(candidate, pricing),
        _stage("evaluate_usd", [chain.leaf for chain in candidate.evaluations], pricing),
        *served, *right_answer_figures(served[0], candidate.quality, draws),
        *energy_figures(candidate, pricing), *tokens,
        priced.hourly(candidate.machine, pricing), priced.utilisation(pricing),
        priced.price(candidate.machine, pricing), priced.multiplier(pricing),
    ]  # fmt: skip


def _inferences(candidate: Measured, pricing: Pricing) -> tuple[list[Explained], np.ndarray | None]:
    """Return the figures of 1,000 inferences, and draws of the first.

    `machine_rate` says whether Offline's rate decides or that under load.
    """
    served = [
        figure for scenario in UNIT_COSTS for figure in _served(scenario, candidate.fastest.get(scenario), pricing)
    ]
    under_load = machine_rate(candidate)
    if under_load.load is None:
        if served[0].value is None and under_load.why_not is not None:
            served[0] = replace(served[0], note=f"{served[0].note}; under load: {under_load.why_not}")
        return served, unit_cost_draws(served[0], candidate.fastest.get("Offline"))
    point = _under_load(candidate, pricing, under_load)
    note = "the rate under load is that of one window: its spread is not known"
    ends = [Explained(name, None, PER_1K, note=note, inputs=(point,)) for name in UNIT_COSTS["Offline"][1:]]
    return [point, *ends, *served[len(UNIT_COSTS["Offline"]) :]], None


def _under_load(candidate: Measured, pricing: Pricing, rate: RateUnder) -> Explained:
    load = rate.load
    assert load is not None  # noqa: S101 - the caller has looked
    within = " and keeps the limits of its suite" if load.limits else ""
    note = f"answers per second of {load.name}, the highest rate that is valid{within}"
    speed = replace(answer_rate(load), name="samples_per_s", note=note)
    return derived(UNIT_COSTS["Offline"][0], PER_1K, UNIT_COST, priced.hourly(candidate.machine, pricing), speed,
                   priced.utilisation(pricing), note=f"at the rate of {load.name}")  # fmt: skip


def named_note(candidate: Measured, pricing: Pricing) -> Reason | None:
    """Return that the reader names the machine of a served model; None of others."""
    machine = pricing.machine_of(candidate.machine)
    if machine is None or not is_served(candidate.machine):
        return None
    return Reason("machine named", {"quantity": machine.quantity, "item": machine.item})


def _training(candidate: Measured, pricing: Pricing) -> list[Explained]:
    pretrain = (
        _stage("pretrain_usd", candidate.pretrainings, pricing)
        if candidate.pretrainings
        else Explained("pretrain_usd", 0.0, USD, note="nothing was pretrained here")
    )
    finetune = (
        Explained("finetune_usd", 0.0, USD, note="it is measured as it is: nothing was trained here")
        if candidate.key.start == "as-is"
        else _stage("finetune_usd", [chain.finetune for chain in candidate.chains], pricing)
    )
    return [pretrain, finetune, derived("train_usd", USD, "pretrain_usd + finetune_usd", pretrain, finetune)]


def _stage(name: str, records: Sequence[Record | None], pricing: Pricing) -> Explained:
    """Return the cost of a stage, the mean of several seeds."""
    if not records:
        return Explained(name, None, USD, note="no evaluation of this candidate has finished")
    costs = [_step(record, pricing) for record in records]
    return named(costs[0], name) if len(costs) == 1 else derived(name, USD, "mean(seed_usd)", *costs)


def _step(record: Record | None, pricing: Pricing) -> Explained:
    if record is None:
        return Explained("seed_usd", None, USD, note="the record of this training is missing, so its cost is not known")
    return derived("seed_usd", USD, "usd_per_hour * wall_s / 3600",
                   priced.hourly(record, pricing), leaf.reading(record, "wall_s"))  # fmt: skip


def _served(scenario: str, window: Serving | None, pricing: Pricing) -> list[Explained]:
    """Return the cost of 1,000 inferences, and the ends of its 95 % interval."""
    names = UNIT_COSTS[scenario]
    if window is None:
        return [Explained(name, None, PER_1K, note=f"no serving in the scenario {scenario} has finished")
                for name in names]  # fmt: skip
    point = derived(
        names[0], PER_1K, UNIT_COST,
        priced.hourly(window.leaves[0], pricing), window.speed, priced.utilisation(pricing),
        note=f"{scenario} in batches of {window.batch_size}: the fastest batch size measured, so the cheapest",
    )  # fmt: skip
    return [point, *rate_ends(names[1:], point, unit_cost_draws(point, window), f"the cost at {RESAMPLES:,} rates")]


def unit_cost_draws(point: Explained, window: Serving | None) -> np.ndarray | None:
    """Return draws of the cost of 1,000 inferences, None where draws of the rate are not known.

    Args:
        point: the unit cost at the measured rate.
        window: its serving.
    """
    if window is None or window.rate_draws is None:
        return None
    return np.asarray(evaluate(UNIT_COST, {figure.name: figure.value for figure in point.inputs}
                               | {window.speed.name: window.rate_draws}))  # fmt: skip


def _tokens(window: Serving | None, pricing: Pricing) -> Explained:
    name, unit = "usd_per_million_output_tokens", "USD per million tokens written"
    speed = leaf.rate(window.leaves, "output_tokens") if window else None
    if window is None or speed is None or not speed.value:
        return Explained(name, None, unit, note="no tokens were counted while it served")
    return derived(
        name, unit, "usd_per_hour / (output_tokens_per_s * utilisation * 3600) * 1000000",
        priced.hourly(window.leaves[0], pricing), speed, priced.utilisation(pricing),
    )  # fmt: skip
