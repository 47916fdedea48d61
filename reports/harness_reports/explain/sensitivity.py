"""Where the figures of the sensitivity table come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness_reports.business.sensitivity import POINTS
from harness_reports.explain.business import Known, joules
from harness_reports.explain.market import figure
from harness_reports.explain.years import PER_REQUEST, USD
from harness_reports.figures.explained import Explained
from harness_reports.measured.intervals import RESAMPLES
from harness_reports.measured.quality_figures import quality_share

_PERCENTILES = {"input_p10": "10th percentile", "input_p50": "median", "input_p90": "90th percentile"}
_ENDS = {"npv_at_p10_usd": "input_p10", "npv_at_p90_usd": "input_p90"}
_SOBOL = {
    "sobol_first_order": "that it explains on its own",
    "sobol_total": "that it explains together with others, and that would be left if all others were known",
}


def sensitivity_figures(
    row: Mapping[str, Any], everyone: Sequence[Mapping[str, Any]], known: Known
) -> dict[str, Explained]:
    """Return the figures of a row of the sensitivity table by column.

    Args:
        row: of one input.
        everyone: the rows of all uncertain inputs of the candidate.
        known: what stands behind the candidate.
    """
    own, drawn = _origin(known, row["input"]), tuple(_origin(known, other["input"]) for other in everyone)
    places = {
        name: Explained(name, row[name], own.unit, note=f"the {said} of {_drawn_from(known, own.name)}", inputs=(own,))
        for name, said in _PERCENTILES.items()
    }
    ends = [
        Explained(name, row[name], USD, inputs=(places[place], *(other for other in drawn if other.name != own.name)),
                  note=f"the net present value with {own.name} at {place}, every other uncertain figure at its median")
        for name, place in _ENDS.items()
    ]  # fmt: skip
    low, high = sorted(ends, key=lambda end: end.value)
    swing = Explained("swing_usd", row["swing_usd"], USD, f"{high.name} - {low.name}", inputs=(high, low))
    shares = [
        Explained(name, row[name], inputs=drawn, note=f"the share of the net present value's variance {said}: Sobol's "
                  f"index, by SALib from {POINTS:,} scrambled Sobol points of all uncertain figures together")
        for name, said in _SOBOL.items()
    ]  # fmt: skip
    return {each.name: each for each in (*places.values(), *ends, swing, *shares)}


def _drawn_from(own: Known, name: str) -> str:
    measured = {
        "quality": own.graded.method,
        "serving_usd_per_request": f"the cost at {RESAMPLES:,} rates: records are resampled, then the durations of "
        "batches within each",
        "energy_j_per_request": "the values of single records",
    }
    return measured.get(name, "the distribution that the use case gives it")


def _origin(own: Known, name: str) -> Explained:
    """Return the figure that an uncertain input is drawn around: measured, or the use case's."""
    if name == "quality":
        return quality_share(own.graded).inputs[0]
    if name == "serving_usd_per_request":
        point = own.cost()[own.judged.evidence.priced_as(own.market)]
        return Explained(name, own.row["unit_serving_usd"], PER_REQUEST, f"{point.name} / 1000", inputs=(point,))
    return joules(own) if name == "energy_j_per_request" else figure(own.market, name)
