"""Where the figures of the sensitivity table come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness_reports.business.market import Market
from harness_reports.business.market_figures import figure
from harness_reports.business.request import PER_REQUEST, USD, joules
from harness_reports.business.sensitivity import POINTS
from harness_reports.business.viability import CandidateVerdict
from harness_reports.figures.explained import Explained, derived
from harness_reports.measured.intervals import RESAMPLES
from harness_reports.measured.quality_figures import quality_share

_PERCENTILES = {"input_p10": "10th percentile", "input_p50": "median", "input_p90": "90th percentile"}
_ENDS = {"npv_at_p10_usd": "input_p10", "npv_at_p90_usd": "input_p90"}
_SOBOL = {
    "sobol_first_order": "that it explains on its own",
    "sobol_total": "that it explains together with others, and that would be left if all others were known",
}


def sensitivity_figures(
    market: Market, judged: CandidateVerdict, everyone: Sequence[Mapping[str, Any]], row: Mapping[str, Any]
) -> dict[str, Explained]:
    """Return the figures of a row of the sensitivity table by column.

    Args:
        market: the use case's figures.
        judged: its best candidate.
        everyone: the rows of all its uncertain inputs.
        row: of one input.
    """
    inputs = {other["input"]: _origin(market, judged, other["input"]) for other in everyone}
    own, drawn = inputs[row["input"]], tuple(inputs.values())
    places = {
        name: Explained(
            name, row[name], own.unit, note=f"the {said} of {_sampled_from(judged, own.name)}", inputs=(own,)
        )
        for name, said in _PERCENTILES.items()
    }
    ends = [
        Explained(name, row[name], USD, inputs=(places[place], *(other for other in drawn if other.name != own.name)),
                  note=f"the net present value with {own.name} at {place}, every other uncertain figure at its median")
        for name, place in _ENDS.items()
    ]  # fmt: skip
    low, high = sorted(ends, key=lambda end: end.value)
    swing = derived("swing_usd", USD, f"{high.name} - {low.name}", high, low)
    shares = [
        Explained(name, row[name], inputs=drawn, note=f"the share of the net present value's variance {said}: Sobol's "
                  f"index, by SALib from {POINTS:,} scrambled Sobol points of all uncertain figures together")
        for name, said in _SOBOL.items()
    ]  # fmt: skip
    return {each.name: each for each in (*places.values(), *ends, swing, *shares)}


def _sampled_from(judged: CandidateVerdict, name: str) -> str:
    measured = {
        "quality": judged.evidence.quality.method,
        "serving_usd_per_request": f"the cost at {RESAMPLES:,} rates: records are resampled, then the durations of "
        "batches within each",
        "energy_j_per_request": "the values of single records",
    }
    return measured.get(name, "the distribution that the use case gives it")


def _origin(market: Market, judged: CandidateVerdict, name: str) -> Explained:
    """Return the figure that an uncertain input is drawn around: measured, or the use case's."""
    own = judged.evidence
    if name == "quality":
        return quality_share(own.quality).inputs[0]
    if name == "serving_usd_per_request":
        point = own.figures[own.priced_as(market)]
        return derived(name, PER_REQUEST, f"{point.name} / 1000", point)
    if name == "energy_j_per_request" and judged.business is not None:
        return joules(market, own, judged.business)
    return figure(market, name)
