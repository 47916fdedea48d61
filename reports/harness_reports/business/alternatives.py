"""What else could be done: the cheap baseline, hosted models by the call, nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from harness.errors import FactError
from harness.facts import Figure, UseCase
from harness.records import Record
from harness_reports.business.business import Business
from harness_reports.business.choice import preference
from harness_reports.business.evidence import Evidence
from harness_reports.business.market import Market
from harness_reports.business.viability import Candidates, Judged, judge_all
from harness_reports.business.worth import Worth, appraise_worth, draw_market
from harness_reports.economics.api_prices import CallPrice, call_price
from harness_reports.economics.build_or_buy import build_or_buy
from harness_reports.economics.cashflow import npv
from harness_reports.economics.distributions import Distribution, Empirical, Fixed
from harness_reports.economics.simulation import draw
from harness_reports.measured.lineage import KEYS
from harness_reports.prices.pricing import Pricing
from harness_reports.reasons import Reason, as_text

ALTERNATIVES = (
    "use_case", "title", "alternative", *KEYS, "hosted_model", "quality", "quality_is", "unit_serving_usd",
    "unit_error_usd", "upfront_usd", "npv_usd", "npv_mean_usd", "npv_low_usd", "npv_p50_usd", "npv_high_usd",
    "probability_positive", "better_than_candidate", "requests_per_month", "first_break_even_requests_per_month",
    "nodes_at_break_even", "always_cheaper_above_requests_per_month", "verdict", "excluded", "price_as_of",
    "price_terms", "price_source",
)  # fmt: skip
TOKENS = ("input_tokens_per_request", "output_tokens_per_request")
HOURS_PER_MONTH = 730
MONTHS = 12
_MILLION = 1_000_000
_NO_THIRD_PARTY = 2
_TOKEN_DRAWS = 4096


def alternatives(
    records: Sequence[Record],
    pricing: Pricing,
    use_cases: Mapping[str, UseCase] | Iterable[UseCase],
    overrides: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Return for each use case its best candidate and what could be done instead, all in the same drawn market.

    `candidate` is the best measured one, `baseline` the best of the task's cheap baseline, `nothing` costs and brings
    nothing. `hosted` is a model by the call: it is priced by genai-prices at noon (UTC) of the day of the use case's
    tokens, in the tier of a call of the usual size, with the cached share of its input, as a batch where no latency is
    needed and the model has a batch price (`price_terms` says which). It gets cheaper by `api_price_decline_per_year`,
    needs no training, and has the quality `hosted_quality`, or, where the use case says nothing of it, is assumed to be
    as good as the candidate. Its latency is not measured here.
    Against it stand whole machines of the candidate's kind, paid all month, at what one was measured to serve:
    `first_break_even_requests_per_month` is the smallest volume at which they cost no more,
    `always_cheaper_above_requests_per_month` the one above which they are never dearer again. Development, training
    and retraining are spread over the months; staff is the same for both.

    `better_than_candidate` is the chance that an alternative is worth more; a baseline that cannot be told apart in
    quality has the candidate's there, as a difference within its interval is worth nothing. `excluded` says what rules
    an alternative out.

    Raises:
        FactError: as `viability`, or nobody knows the price of a hosted model.
    """
    found = judge_all(records, pricing, use_cases, overrides)
    return pd.DataFrame(
        [as_text(row) for candidates in found for row in instead(candidates)], columns=list(ALTERNATIVES)
    )


def instead(candidates: Candidates) -> list[dict[str, Any]]:
    """Return the rows of `alternatives` for one use case whose candidates are judged."""
    best = candidates.best
    worth = _worth(candidates, best)
    rows = [_measured_row(candidates, best, "candidate", worth)]
    baseline = cheap_baseline(candidates)
    if baseline is not None:
        same = best.row["against_baseline"] == "not told apart"
        rows.append(
            _measured_row(candidates, _of_equal_quality(baseline, best) if same else baseline, "baseline", worth)
        )
    if worth is not None:
        rows += [_hosted_row(candidates, best, worth, name) for name in candidates.market.use_case.hosted]
    return [*rows, _nothing(candidates.market, best, worth)]


def cheap_baseline(candidates: Candidates) -> Judged | None:
    """Return the best of the task's cheap baseline; None where it was not measured, or is the best of all."""
    best = candidates.best
    cheap = [each for each in candidates.judged if each.row["model"] == best.row["baseline"] and each is not best]
    return min(cheap, key=lambda each: preference(each.row), default=None)


def _of_equal_quality(baseline: Judged, best: Judged) -> Judged:
    """Return the baseline with the candidate's quality: a difference within its interval is worth nothing."""
    if baseline.business is None or best.business is None:
        return baseline
    measured = {**baseline.business.measured, "quality": best.business.measured["quality"]}
    return baseline._replace(business=replace(baseline.business, measured=measured))


def _worth(candidates: Candidates, judged: Judged) -> Worth | None:
    if judged.business is None:
        return None
    return appraise_worth(judged.business, candidates.drawn, judged.evidence.accuracy, None)


def _named(market: Market, alternative: str) -> dict[str, Any]:
    empty = dict.fromkeys(ALTERNATIVES)
    return {**empty, "use_case": market.use_case.name, "title": market.use_case.title, "alternative": alternative,
            "requests_per_month": market.requests_per_year / MONTHS}  # fmt: skip


def _measured_row(candidates: Candidates, judged: Judged, kind: str, than: Worth | None) -> dict[str, Any]:
    row = judged.row
    kept = ("unit_serving_usd", "unit_error_usd", "upfront_usd", "npv_usd", "npv_mean_usd", "npv_low_usd",
            "npv_p50_usd", "npv_high_usd", "probability_positive", "quality", "price_as_of", "price_source",
            "verdict")  # fmt: skip
    worth = _worth(candidates, judged)
    return {
        **_named(candidates.market, kind), **{name: row[name] for name in (*KEYS, *kept)}, "quality_is": "measured",
        "better_than_candidate": _chance(worth.npv_usd, than) if worth and kind != "candidate" else None,
        "excluded": row["reasons"] if row["verdict"] == "not enough evidence" else None,
    }  # fmt: skip


def _nothing(market: Market, best: Judged, than: Worth | None) -> dict[str, Any]:
    amounts = ("upfront_usd", "npv_usd", "npv_mean_usd", "npv_low_usd", "npv_p50_usd", "npv_high_usd")
    return {
        **_named(market, "nothing"), **{name: best.row[name] for name in ("task", "source")},
        **dict.fromkeys(amounts, 0.0), "probability_positive": 0.0,
        "better_than_candidate": _chance(np.zeros(1), than),
    }  # fmt: skip


def _chance(npv_usd: np.ndarray, than: Worth | None) -> float | None:
    return None if than is None else float((npv_usd > than.npv_usd).mean())


# Hosted models ----------------------------------------------------------------------------------------------------


class CallCost(NamedTuple):
    """What a call costs."""

    usd: Distribution
    usd_per_token: tuple[float, float]
    """Read and written, in a call of the usual size."""
    as_of: datetime
    terms: str


def _hosted_row(candidates: Candidates, best: Judged, than: Worth, name: str) -> dict[str, Any]:
    market = candidates.market
    price = call_cost(market, name)
    worth = hosted_worth(candidates, best, price)
    found, business = worth.outcome, worth.business
    drawn = business.means
    assumed = "hosted_quality" in market.numbers
    row = _named(market, "hosted") | {
        **{name: best.row[name] for name in ("task", "source")}, "hosted_model": name,
        "quality": business.inputs["quality"].mean,
        "quality_is": "assumed" if assumed else "assumed to be the candidate's",
        "unit_serving_usd": price.usd.mean, "unit_error_usd": float(business.error_usd(drawn)[0]),
        "upfront_usd": float(business.upfront_usd(drawn)[0]),
        "npv_usd": npv(market.numbers["discount_rate"], business.flows_usd()), "npv_mean_usd": found.mean_usd,
        "npv_low_usd": found.p05_usd, "npv_p50_usd": found.p50_usd, "npv_high_usd": found.p95_usd,
        "probability_positive": found.probability_positive, "better_than_candidate": _chance(worth.npv_usd, than),
        "price_as_of": price.as_of.date().isoformat(), "price_terms": price.terms, "price_source": "genai-prices",
        "excluded": _excluded(market),
    }  # fmt: skip
    return row | _against_nodes(market, best, price.usd.mean)


def _excluded(market: Market) -> Reason | None:
    """Say which need rules hosted models out."""
    if market.numbers.get("privacy", 0) >= _NO_THIRD_PARTY:
        return Reason("third party")
    return None


def call_cost(market: Market, name: str) -> CallCost:
    """Return the price of a call over the uncertain number of tokens.

    Raises:
        FactError: the name is no `provider/model`, tokens are missing, or nobody knows the price.
    """
    provider, _, model = name.partition("/")
    whose = f"Use case {market.use_case.name!r}"
    if not model:
        raise FactError(f"{whose}: the hosted model {name!r} has no provider. Write `provider/model`.")
    figure: Figure | None = market.use_case.market.get(TOKENS[0])
    if figure is None:
        raise FactError(f"{whose} names hosted models, but no {TOKENS[0]}. Add it, and {TOKENS[1]}.")
    at = datetime.combine(figure.as_of, time(12), UTC)
    means = [round(market.inputs[name].mean) for name in TOKENS]
    cached = round(means[0] * market.numbers.get("cached_input_share", 0.0))
    usage = {"input_tokens": means[0], "cache_read_tokens": cached, "output_tokens": means[1]}
    call = call_price(provider, model, usage, at, batch_if_possible=market.latency_s is None)
    parts = zip((call.input_usd, call.output_usd), means, strict=True)
    rates = tuple(float(usd / tokens) if tokens else 0.0 for usd, tokens in parts)
    drawn = draw({name: market.inputs[name] for name in TOKENS}, _TOKEN_DRAWS)
    values = sum(rate * drawn[name] for rate, name in zip(rates, TOKENS, strict=True))
    mean = sum(rate * market.inputs[name].mean for rate, name in zip(rates, TOKENS, strict=True))
    drawn_usd = Empirical(np.asarray(values), mean) if np.size(values) > 1 else Fixed(mean)
    return CallCost(drawn_usd, (rates[0], rates[1]), at, _terms(call, cached))


def _terms(call: CallPrice, cached: int) -> str:
    return ", ".join(["batch" if call.batch else "standard", *(["cached input"] if cached else [])])


def hosted_worth(candidates: Candidates, best: Judged, price: CallCost) -> Worth:
    """Return the business with calls of a hosted model, drawn beside a candidate that was measured."""
    market, business = candidates.market, best.business
    assert business is not None  # noqa: S101 - hosted models stand beside a candidate that was measured
    known = market.inputs.get("hosted_quality")
    quality = business.measured["quality"] if known is None else known
    inputs = {**market.inputs, "hardware_decline_per_year": market.inputs.get("api_price_decline_per_year", Fixed(0.0))}
    measured: dict[str, Distribution] = {
        "quality": quality, "serving_usd_per_request": price.usd, "pretrain_usd": Fixed(0.0),
        "finetune_usd": Fixed(0.0), "evaluate_usd": Fixed(0.0),
    }  # fmt: skip
    hosted = Business(inputs, measured, business.years, business.ceiling)
    drawn = draw_market(replace(market, inputs=inputs), candidates.drawn.draws, candidates.drawn.seed)
    return appraise_worth(hosted, drawn, best.evidence.accuracy, None)


class Nodes(NamedTuple):
    """Whole machines of a candidate's kind, paid all month."""

    usd_per_month: float
    requests_per_month: float
    """That one serves."""
    fixed_usd_per_month: float
    """Development, training and retraining, spread over the months."""


def nodes(market: Market, best: Judged) -> Nodes:
    """Return the machines that would serve a candidate whose costs were measured."""
    evidence: Evidence = best.evidence
    hourly, serving = evidence.cost["usd_per_hour"], best.row["unit_serving_usd"]
    trained = best.row["upfront_usd"] - market.numbers["upfront_cost_usd"]
    tuning = evidence.cost["finetune_usd"] + evidence.cost["evaluate_usd"]
    fixed = trained / (market.years * MONTHS) + tuning * market.numbers.get("retrainings_per_year", 0.0) / MONTHS
    return Nodes(hourly * HOURS_PER_MONTH, hourly / serving * HOURS_PER_MONTH, max(0.0, fixed))


def _against_nodes(market: Market, best: Judged, usd_per_call: float) -> dict[str, Any]:
    """Return where whole machines undercut the calls."""
    found = build_or_buy(*nodes(market, best), usd_per_call * _MILLION)
    return {
        "first_break_even_requests_per_month": found.first_break_even_tokens,
        "nodes_at_break_even": found.nodes_at_break_even,
        "always_cheaper_above_requests_per_month": found.always_cheaper_above_tokens,
    }
