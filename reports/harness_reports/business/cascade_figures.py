"""The figures of a cascade's row of the alternatives table."""

from __future__ import annotations

from collections.abc import Iterator

from harness_reports.business.cascade_business import SHARE
from harness_reports.business.cascades import CascadeVerdict
from harness_reports.business.hosted import RISK
from harness_reports.business.market_figures import drawn_figures, figure, requests
from harness_reports.business.money import upfront_figure
from harness_reports.business.npv_distribution import outcome_cells
from harness_reports.business.request import PER_REQUEST, USD, error_figure, per_request
from harness_reports.business.supply_figures import YEARLY, supply_figures
from harness_reports.business.years import present_value, sampled
from harness_reports.figures.explained import Explained, derived, named
from harness_reports.measured.quality_figures import quality_share


def cascade_figures(verdict: CascadeVerdict) -> dict[str, Explained]:
    """Return the figures of a cascade's row of the alternatives table, by column."""
    market, at = verdict.market, verdict.at
    threshold = Explained("threshold", at.threshold, note="chosen on validation, for the highest net present value")
    share = Explained("share", at.share, kind="measured", inputs=(threshold,),
                      source=f"answers to {at.quality.items:,} items of the test split")  # fmt: skip
    quality = named(at.quality.figure, "quality")
    serving = _serving(verdict, share)
    error = error_figure(market, quality_share(at.quality))
    names = ("cheap_upfront_usd", "second_upfront_usd")
    both = [named(upfront_figure(market, each), name) for each, name in zip(verdict.evidence, names, strict=True)]
    upfront = derived("upfront_usd", USD, "cheap_upfront_usd + second_upfront_usd - upfront_cost_usd", *both,
                      figure(market, "upfront_cost_usd"), note="development is paid once")  # fmt: skip
    flows = tuple(_flows(verdict, (quality, serving, error, upfront)))
    uncertain = (*drawn_figures(market), quality, named(share, SHARE), serving)
    figures = (
        threshold, share, quality, serving, error, upfront, present_value(market, verdict.base_npv_usd, flows),
        *sampled(outcome_cells(verdict.npv.outcome), uncertain, RISK),
    )  # fmt: skip
    return {each.name: each for each in figures}


def _serving(verdict: CascadeVerdict, share: Explained) -> Explained:
    """Return what serving a request costs: the cheap one's part, and the expensive one's for what is passed on."""
    market, business, volume = verdict.market, verdict.business, requests(verdict.market)
    cheap, expensive = verdict.evidence
    first = supply_figures(market, business, cheap.figures, volume)[YEARLY]
    passed = derived("passed_requests_per_year", "per year", "requests_per_year * share", volume, share)
    call = Explained("usd_per_call", verdict.at.passed_usd, "USD per call", inputs=(expensive.figures["usd_per_call"],),
                     note="of the items that are passed on")  # fmt: skip
    second = supply_figures(market, business.second, {**expensive.figures, call.name: call}, passed)[YEARLY]
    if not share.value:
        second = Explained(YEARLY, 0.0, "USD per year", note="no request is passed on")
    parts = [per_request(f"{name}_serving_usd", named(yearly, f"{name}_usd_per_year"), volume)
             for name, yearly in (("cheap", first), ("second", second))]  # fmt: skip
    return derived("unit_serving_usd", PER_REQUEST, "cheap_serving_usd + second_serving_usd", *parts)


def _flows(verdict: CascadeVerdict, inputs: tuple[Explained, ...]) -> Iterator[Explained]:
    """Yield the cash flow of every year, the first at t = 0."""
    yield derived("flow_usd", USD, "-upfront_usd", inputs[-1], note="year 0")
    for year, flow in enumerate(verdict.business.flows_usd()[1:], 1):
        note = f"year {year}: value less serving, energy, errors, reviews, operating cost and retrainings of both"
        yield Explained("flow_usd", flow, USD, note=note, inputs=inputs[:-1])
