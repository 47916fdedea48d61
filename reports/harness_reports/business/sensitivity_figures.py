"""The figures of the sensitivity table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness_reports.business.market import Market
from harness_reports.business.market_figures import figure
from harness_reports.business.request import USD
from harness_reports.business.sensitivity import POINTS
from harness_reports.business.viability import CandidateVerdict
from harness_reports.figures.explained import Explained, derived
from harness_reports.measured.intervals import RESAMPLES
from harness_reports.measured.quality_figures import quality_share

_PERCENTILES = {"input_p10": "10th percentile", "input_p50": "median", "input_p90": "90th percentile"}
_ENDS = {"npv_at_p10_usd": "input_p10", "npv_at_p90_usd": "input_p90"}
_SOBOL = {
    "sobol_first_order": "that it explains alone",
    "sobol_total": "that it explains with its interactions, which is left if all other inputs are known",
}


def sensitivity_figures(
    market: Market, judged: CandidateVerdict, everyone: Sequence[Mapping[str, Any]], row: Mapping[str, Any]
) -> dict[str, Explained]:
    """Return the figures of a row of the sensitivity table, by column.

    Args:
        market: the use case's figures.
        judged: its best candidate.
        everyone: the rows of all uncertain inputs.
        row: the row of one input.
    """
    inputs = {other["input"]: _origin(market, judged, other["input"]) for other in everyone}
    origin = inputs[row["input"]]
    others = [other for other in inputs.values() if other.name != origin.name]
    percentiles = {
        name: Explained(name, row[name], origin.unit, inputs=(origin,),
                        note=f"the {percentile} of {_sampled_from(judged, origin.name)}")
        for name, percentile in _PERCENTILES.items()
    }  # fmt: skip
    ends = [
        Explained(name, row[name], USD, inputs=(percentiles[percentile], *others), note=f"the net present value with "
                  f"{origin.name} at {percentile}, every other uncertain figure at its median")
        for name, percentile in _ENDS.items()
    ]  # fmt: skip
    low, high = sorted(ends, key=lambda end: end.value)
    swing = derived("swing_usd", USD, f"{high.name} - {low.name}", high, low)
    shares = [
        Explained(name, row[name], inputs=tuple(inputs.values()), note=f"the share of the net present value's variance "
                  f"{meaning}: Sobol index, by SALib from {POINTS:,} scrambled Sobol points of all uncertain figures")
        for name, meaning in _SOBOL.items()
    ]  # fmt: skip
    return {each.name: each for each in (*percentiles.values(), *ends, swing, *shares)}


def _sampled_from(judged: CandidateVerdict, name: str) -> str:
    measured = {
        "quality": judged.evidence.quality.method,
        "samples_per_s": f"{RESAMPLES:,} rates: records resampled, then batch times within each",
        "usd_per_call": f"{RESAMPLES:,} bootstrap means: seeds are resampled, then requests",
        "energy_j_per_request": "the values of the records",
        "pretrain_j": "the interval of the estimate",
        "tuning_j": "the interval of the estimate",
    }
    return measured.get(name, "the use case's distribution")


def _origin(market: Market, judged: CandidateVerdict, name: str) -> Explained:
    """Return the figure that an uncertain input is drawn around: measured, or the use case's."""
    evidence = judged.evidence
    if name == "quality":
        return quality_share(evidence.quality).inputs[0]
    if name == "usd_per_call":
        return evidence.figures[name]
    capacity = evidence.capacity(market)
    if name == "samples_per_s" and capacity is not None:
        return capacity.speed
    if name == "energy_j_per_request" and capacity is not None:
        return capacity.energy.figure
    energy = evidence.training_energy
    if name in ("pretrain_j", "tuning_j") and energy is not None:
        return (energy.pretraining if name == "pretrain_j" else energy.tuning).mean(name)
    return figure(market, name)
