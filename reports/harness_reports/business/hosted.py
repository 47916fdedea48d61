"""Hosted models of a use case, paid by the call: measured, or by their price and what the reader gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from harness_reports.business.business import Business
from harness_reports.business.call_cost import CallCost, call_cost, split_name
from harness_reports.business.choice import preference
from harness_reports.business.evidence import Evidence
from harness_reports.business.market_figures import drawn_figures, figure
from harness_reports.business.measuring import command, measuring_figures
from harness_reports.business.npv_distribution import NpvDistribution, npv_distribution, outcome_cells
from harness_reports.business.outlook import Outlook
from harness_reports.business.own_machines import break_evens
from harness_reports.business.request import PER_REQUEST, USD, error_figure
from harness_reports.business.supply import Calls
from harness_reports.business.verdict import against_the_baseline
from harness_reports.business.viability import Candidates, CandidateVerdict
from harness_reports.business.years import flow_figures, present_value, sampled
from harness_reports.economics.cashflow import npv
from harness_reports.economics.distributions import Distribution, Fixed
from harness_reports.economics.simulation import draw
from harness_reports.figures.explained import Explained, derived
from harness_reports.measured.quality_figures import quality_share
from harness_reports.prices.usage import BY_ID, Listing, is_served, listing

RISK = ("npv_mean_usd", "npv_low_usd", "npv_p50_usd", "npv_high_usd", "probability_positive")
CALL = "usd_per_call"


def measured_as(candidates: Candidates, name: str) -> CandidateVerdict | None:
    """Return the best candidate that is a hosted model, asked and priced here; None if it was not measured.

    One for which the reader names a machine is that of the calls: both ways of paying for the same answers are shown.

    Raises:
        FactError: the name is no `provider/model`.
    """
    listed = listing(*split_name(candidates.market, name), candidates.best.evidence.pricing.as_of, BY_ID)
    if listed is None:
        return None
    by_call = [each if each.evidence.bill is not None else _by_call(candidates, each) for each in candidates.judged]
    same = [each for each in by_call if each is not None and _is_priced_as(each.evidence, listed)]
    return min(same, key=lambda each: preference(each.decided), default=None)


def _by_call(candidates: Candidates, judged: CandidateVerdict) -> CandidateVerdict | None:
    """Return a served candidate on a machine that the reader names as one that is paid by the call; None of others."""
    evidence = judged.evidence
    if not is_served(evidence.measured.machine):
        return None
    paid = evidence.priced(replace(evidence.pricing, machines={}))
    outlook = Outlook(candidates.drawn, paid, paid.business(candidates.market))
    others = [dict(each.decided) for each in candidates.judged if each is not judged]
    return CandidateVerdict(outlook, against_the_baseline([outlook.compared(), *others])[0], judged.baselines)


def _is_priced_as(evidence: Evidence, listed: Listing) -> bool:
    """Return whether a candidate is the model of an entry of the list of prices, by its price and by its name.

    `priced_as` gives any server the price of an entry: that makes it no model of the provider's. A name may have that
    of its maker before it, as where one provider serves the models of many.
    """
    bill = evidence.bill
    if bill is None or bill.listing is None or bill.listing[:2] != listed[:2]:
        return False
    as_named = (listing(listed.provider, name, bill.day, BY_ID) for name in (bill.model, bill.model.rpartition("/")[2]))
    return any(one is not None and one[:2] == listed[:2] for one in as_named)


def cost_of_calls(candidates: Candidates, name: str) -> CallCost:
    """Return the cost of a call of a hosted model that was not measured; see `call_cost`.

    Raises:
        FactError: as `call_cost`.
    """
    return call_cost(candidates.market, name, candidates.best.evidence.pricing,
                     [each.evidence for each in candidates.ranked])  # fmt: skip


def hosted_npv(candidates: Candidates, best: CandidateVerdict, price: CallCost) -> NpvDistribution | None:
    """Return the net present value with calls of a hosted model, in the draws of a measured candidate's market.

    None where the use case gives no `hosted_quality`: what the model would do on these items was not measured.
    """
    market, business = candidates.market, best.business
    assert business is not None  # noqa: S101 - hosted models are compared with measured candidates only
    if "hosted_quality" not in market.inputs:
        return None
    measured: dict[str, Distribution] = {
        "quality": market.inputs["hosted_quality"], CALL: price.usd, "pretrain_usd": Fixed(0.0),
        "finetune_usd": Fixed(0.0), "evaluate_usd": Fixed(0.0),
    }  # fmt: skip
    hosted = Business(market.inputs, measured, business.years, business.ceiling, Calls())
    return npv_distribution(hosted, candidates.drawn, best.evidence.accuracy)


def hosted_figures(
    candidates: Candidates, best: Mapping[str, Explained], price: CallCost, usd: np.ndarray,
    hosted: NpvDistribution | None,
) -> dict[str, Explained]:  # fmt: skip
    """Return the figures of an unmeasured hosted model's row of the alternatives table, by column.

    Args:
        candidates: all candidates of the use case.
        best: figures of the best candidate's row of the viability table.
        price: cost of a call.
        usd: `request_usd` of these calls.
        hosted: net present value of the use case with these calls; None without a quality.
    """
    market, call = candidates.market, price.figure
    serving = derived("unit_serving_usd", PER_REQUEST, f"{CALL} * (1 + retry_share)", call,
                      figure(market, "retry_share"))  # fmt: skip
    upfront = derived("upfront_usd", USD, "upfront_cost_usd", figure(market, "upfront_cost_usd"),
                      note="nothing is trained")  # fmt: skip
    figures = (
        serving, upfront, *break_evens(candidates, best, serving, usd),
        *measuring_figures(candidates.best.evidence, price),
        *(_unmeasured() if hosted is None else _measured_by_the_reader(candidates, hosted, call, upfront)),
    )  # fmt: skip
    return {each.name: each for each in figures}


def request_usd(candidates: Candidates, usd_per_call: Distribution) -> np.ndarray:
    """Return the cost of the calls of a request in each draw, retries included, shape (draws,) or (1,)."""
    drawn = candidates.drawn
    call = draw({CALL: usd_per_call}, drawn.draws, drawn.seed)[CALL]
    return np.asarray(call * (1 + drawn.drawn["retry_share"]))


def how_to_measure(candidates: Candidates, name: str, price: CallCost) -> str:
    """Return the command that measures a hosted model on the best candidate's items."""
    return command(candidates.best.evidence, *split_name(candidates.market, name), price)


def _unmeasured() -> Iterator[Explained]:
    note = "the quality of this model was not measured: run the row's command, or give `hosted_quality` in the use case"
    for name in ("quality", "unit_error_usd", "npv_usd", *RISK):
        yield Explained(name, None, USD if name.endswith("_usd") else "", note=note)


def _measured_by_the_reader(
    candidates: Candidates, hosted: NpvDistribution, call: Explained, upfront: Explained
) -> Iterator[Explained]:
    """Yield the figures that need a quality, with the one that the use case gives."""
    market, business = candidates.market, hosted.business
    quality = figure(market, "hosted_quality", "quality")
    flows = flow_figures(market, business, {call.name: call}, upfront)
    value = npv(market.numbers["discount_rate"], business.flows_usd())
    yield quality
    yield error_figure(market, quality_share(candidates.best.evidence.quality, quality))
    yield present_value(market, value, flows)
    rest = (quality, call, figure(market, "api_price_decline_per_year"))
    yield from sampled(outcome_cells(hosted.outcome), (*drawn_figures(market), *rest), RISK)
