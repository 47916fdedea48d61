"""What else could be done: the cheap baseline, hosted models by the call, nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from harness.facts import UseCase
from harness.records import Record
from harness_reports.business.choice import preference
from harness_reports.business.hosted import MONTHS, RISK, UNDERCUT, call_cost, hosted_figures, hosted_npv
from harness_reports.business.market import Market
from harness_reports.business.market_figures import requests
from harness_reports.business.viability import Candidates, CandidateVerdict, judge_all
from harness_reports.business.viability_figures import viability_figures
from harness_reports.business.worth import DRAWS, NpvDistribution, npv_distribution
from harness_reports.figures.explained import Explained, derived, values
from harness_reports.measured.lineage import KEYS
from harness_reports.measured.quality_figures import NO_DIFFERENCE
from harness_reports.prices.pricing import Pricing
from harness_reports.reasons import Reason, as_text

ALTERNATIVES = (
    "use_case", "title", "alternative", *KEYS, "hosted_model", "quality", "quality_is", "unit_serving_usd",
    "unit_error_usd", "upfront_usd", "npv_usd", "npv_mean_usd", "npv_low_usd", "npv_p50_usd", "npv_high_usd",
    "probability_positive", "better_than_candidate", "requests_per_month", "first_break_even_requests_per_month",
    "machines_at_break_even", "always_cheaper_above_requests_per_month", "verdict", "excluded", "price_as_of",
    "price_terms", "price_source",
)  # fmt: skip
_FIGURES = ("quality", "unit_serving_usd", "unit_error_usd", "upfront_usd", "npv_usd", *RISK)
_NO_THIRD_PARTY = 2


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
    `always_cheaper_above_requests_per_month` the one above which they are never more expensive again. Development,
    training and retraining are spread over the months; staff is the same for both.

    `better_than_candidate` is the chance that an alternative is worth more; a baseline that does not differ
    significantly in quality has the candidate's there. `excluded` says what rules an alternative out.

    Raises:
        FactError: as `viability`, or nobody knows the price of a hosted model.
    """
    found = judge_all(records, pricing, use_cases, overrides)
    return pd.DataFrame(
        [as_text(each.row) for candidates in found for each in instead(candidates)], columns=list(ALTERNATIVES)
    )


class Alternative(NamedTuple):
    """A row of the alternatives table, and its figures by column."""

    row: dict[str, Any]
    figures: dict[str, Explained]


def instead(candidates: Candidates) -> list[Alternative]:
    """Return the rows of `alternatives` for one use case whose candidates are judged."""
    best, baseline = candidates.best, cheap_baseline(candidates)
    own, than = viability_figures(candidates.market, best), _worth(candidates, best)
    found = [_measured(candidates, best, "candidate", than)]
    if baseline is not None:
        found.append(_measured(candidates, baseline, "baseline", than))
    if than is not None:
        found += [_hosted(candidates, own, than, name) for name in candidates.market.use_case.hosted]
    return [*found, _nothing(candidates, own, than)]


def cheap_baseline(candidates: Candidates) -> CandidateVerdict | None:
    """Return the best of the task's cheap baseline; None where it was not measured, or is the best of all."""
    best = candidates.best
    cheap = [each for each in candidates.judged if each.row["model"] == best.row["baseline"] and each is not best]
    return min(cheap, key=lambda each: preference(each.row), default=None)


def _worth(candidates: Candidates, judged: CandidateVerdict) -> NpvDistribution | None:
    if judged.business is None:
        return None
    return npv_distribution(judged.business, candidates.drawn, judged.evidence.accuracy, None)


def _alternative(
    market: Market, kind: str, cells: Mapping[str, Any], figures: Mapping[str, Explained], better: Explained
) -> Alternative:
    """Return a row; figures that only hosted models have stay unknown."""
    note = "only calls of a hosted model are held to whole machines"
    monthly = derived("requests_per_month", "per month", f"requests_per_year / {MONTHS}", requests(market))
    every = {
        **{name: Explained(name, None, note=note) for name in UNDERCUT}, **figures,
        monthly.name: monthly, better.name: better,
    }  # fmt: skip
    row = {
        **dict.fromkeys(ALTERNATIVES), "use_case": market.use_case.name, "title": market.use_case.title,
        "alternative": kind, **cells, **values(every),
    }  # fmt: skip
    return Alternative(row, every)


def _measured(candidates: Candidates, judged: CandidateVerdict, kind: str, than: NpvDistribution | None) -> Alternative:
    row, found = judged.row, viability_figures(candidates.market, judged)
    cells = {
        **{name: row[name] for name in (*KEYS, "price_as_of", "price_source", "verdict")}, "quality_is": "measured",
        "excluded": row["reasons"] if row["verdict"] == "not enough evidence" else None,
    }  # fmt: skip
    if kind == "candidate":
        better = Explained(_BETTER, None, note="it is the candidate")
    else:
        worth = _worth(candidates, _of_equal_quality(judged, candidates.best))
        note = "; with the candidate's quality, where there is no significant difference in it"
        better = _better(worth.npv_usd if worth else None, than, note)
    return _alternative(candidates.market, kind, cells, {name: found[name] for name in _FIGURES}, better)


def _of_equal_quality(baseline: CandidateVerdict, best: CandidateVerdict) -> CandidateVerdict:
    """Return the baseline; with the candidate's quality, where a difference within its interval is worth nothing."""
    if best.row["against_baseline"] != NO_DIFFERENCE or baseline.business is None or best.business is None:
        return baseline
    measured = {**baseline.business.measured, "quality": best.business.measured["quality"]}
    return baseline._replace(business=replace(baseline.business, measured=measured))


def _hosted(candidates: Candidates, own: Mapping[str, Explained], than: NpvDistribution, name: str) -> Alternative:
    market, best = candidates.market, candidates.best
    price = call_cost(market, name)
    worth = hosted_npv(candidates, best, price)
    known = "hosted_quality" in market.numbers
    cells = {
        **{key: best.row[key] for key in ("task", "data")}, "hosted_model": name,
        "quality_is": "assumed" if known else "assumed to be the candidate's",
        "price_as_of": price.as_of.date().isoformat(), "price_terms": price.terms, "price_source": "genai-prices",
        "excluded": Reason("third party") if market.numbers.get("privacy", 0) >= _NO_THIRD_PARTY else None,
    }  # fmt: skip
    figures = hosted_figures(candidates, own, price, worth, name)
    return _alternative(market, "hosted", cells, figures, _better(worth.npv_usd, than))


def _nothing(candidates: Candidates, own: Mapping[str, Explained], than: NpvDistribution | None) -> Alternative:
    note = "nothing is done: it costs nothing and brings nothing"
    figures = {name: Explained(name, 0.0, own[name].unit, note=note) for name in _FIGURES}
    figures |= {name: Explained(name, None, note=note) for name in ("quality", "unit_serving_usd", "unit_error_usd")}
    cells = {name: candidates.best.row[name] for name in ("task", "data")}
    return _alternative(candidates.market, "nothing", cells, figures, _better(np.zeros(1), than))


_BETTER = "better_than_candidate"


def _better(npv_usd: np.ndarray | None, than: NpvDistribution | None, note: str = "") -> Explained:
    """Return the chance that an alternative is worth more than the candidate."""
    if npv_usd is None or than is None:
        return Explained(_BETTER, None, note="one of the two has no known value")
    said = f"the share of {DRAWS:,} samples of the market in which it is worth more than the candidate{note}"
    return Explained(_BETTER, float((npv_usd > than.npv_usd).mean()), note=said)
