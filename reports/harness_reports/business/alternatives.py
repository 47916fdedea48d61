"""Alternatives to a use case's best candidate: the cheap baseline, hosted models paid by the call, doing nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from harness.facts import UseCase
from harness.records import Record
from harness_reports.business.cascade_figures import cascade_figures
from harness_reports.business.cascade_gap import why_no_cascade
from harness_reports.business.cascades import CascadeVerdict, best_cascade
from harness_reports.business.choice import preference
from harness_reports.business.explained_row import ExplainedRow
from harness_reports.business.hosted import (
    CALL,
    RISK,
    cost_of_calls,
    hosted_figures,
    hosted_npv,
    how_to_measure,
    measured_as,
    request_usd,
)
from harness_reports.business.market import NO_THIRD_PARTY, Market
from harness_reports.business.market_figures import requests
from harness_reports.business.measuring import COST, ITEMS
from harness_reports.business.npv_distribution import DRAWS, npv_distribution
from harness_reports.business.own_machines import COMPARED, MONTHS, break_evens
from harness_reports.business.verdict import ruling_out
from harness_reports.business.viability import Candidates, CandidateVerdict, judge_all
from harness_reports.business.viability_figures import viability_figures
from harness_reports.economics.api_prices import price_source
from harness_reports.figures.explained import Explained, derived, values
from harness_reports.measured.lineage import KEYS
from harness_reports.measured.quality_figures import NO_DIFFERENCE
from harness_reports.prices.pricing import Pricing, why_stale
from harness_reports.reasons import Reason, Reasons, as_text

ONLY_CASCADES = ("threshold", "share")
"""Columns that other alternatives do not have."""
ALTERNATIVES = (
    "use_case", "title", "alternative", *KEYS, "hosted_model", *ONLY_CASCADES, "quality", "quality_is",
    "unit_serving_usd", "tokens_are", "unit_error_usd", "upfront_usd", "npv_usd", "npv_mean_usd", "npv_low_usd",
    "npv_p50_usd", "npv_high_usd", "probability_positive", "better_than_candidate", "requests_per_month", *COMPARED,
    "verdict", "reasons", "excluded", ITEMS, COST, "measuring_command", "price_as_of", "price_stale", "price_terms",
    "price_source",
)  # fmt: skip
_FIGURES = ("quality", "unit_serving_usd", "unit_error_usd", "upfront_usd", "npv_usd", *RISK)


def alternatives(
    records: Sequence[Record],
    pricing: Pricing,
    use_cases: Mapping[str, UseCase] | Iterable[UseCase],
    overrides: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Return the best candidate of each use case and its alternatives, all in the same draws of the market.

    `candidate` is the best measured candidate, `baseline` the best one of the task's cheap baseline; `nothing` has a
    net present value of 0. `cascade` is the best pair of a cheap candidate, which answers where its confidence is at
    least `threshold`, and an expensive one, which answers the `share` of the requests that is passed on: pair and
    threshold have the highest net present value on the validation split, all figures are of the test split. Where there
    is none, `reasons` say why: it takes two candidates with a value, confidences, and answers to validation.

    `hosted` is a model paid by the call. One that was asked here, whose calls have its price,
    is what was measured (`quality_is`, `tokens_are`: measured). Another one has the price of its calls alone, and
    `measuring_usd` and `measuring_command` say what measuring it on the same items costs, and how. Its tokens are those
    of the measured answers of another served model (estimated), else those that the use case gives (assumed); the
    reader's come first. genai-prices prices them at noon (UTC) of the day of the prices, each call in the tier of its
    size. It is a batch price if the use case needs no latency and the model has one (`price_terms` says so).
    `price_as_of` is the day since which this price holds, if genai-prices knows it. The price declines by
    `api_price_decline_per_year`, and nothing is trained. Its quality is the use case's `hosted_quality`, marked as
    assumed; without it there is no net present value. Neither gives a verdict.

    A hosted model is compared with whole machines of the candidate's kind, paid all month, as many as the use case's
    busiest hour needs: `first_break_even_requests_per_month` is the smallest volume at which they cost no more
    (`first_break_even_low` and `..._high`: its 5th and 95th percentile over the draws of both sides), and above
    `always_cheaper_above_requests_per_month` they never cost more again. Development, training and retraining
    are spread over the months; staff is the same for both. Where the candidate itself is paid by the call there is no
    such machine, and these columns are None. `break_even_probability` is the probability that there is such a volume,
    `machines_cheaper_probability` that machines cost no more at the use case's demand.

    `better_than_candidate` is the probability of a higher net present value than the candidate's. For it, a baseline
    without a significant difference in quality gets the candidate's quality. `reasons` are those of the verdict, and
    say what is missing where there is none; `excluded` are those of them that are needs which rule an alternative out.

    Raises:
        FactError: as `viability`, or a hosted model has no known price.
    """
    judged = judge_all(records, pricing, use_cases, overrides)
    rows = [as_text(each.row) for candidates in judged for each in alternatives_of(candidates)]
    return pd.DataFrame(rows, columns=list(ALTERNATIVES))


def alternatives_of(candidates: Candidates) -> list[ExplainedRow]:
    """Return the rows of `alternatives` for one use case."""
    best, baseline = candidates.best, cheap_baseline(candidates)
    figures, npv_usd = viability_figures(candidates.market, best), _npv_usd(candidates, best)
    better = Explained(_BETTER, None, note="it is the candidate")
    rows = [_measured(candidates, best, "candidate", figures, better)]
    if baseline is not None:
        rows.append(_baseline(candidates, baseline, npv_usd))
    cascade = best_cascade(candidates)
    rows.append(_no_cascade(candidates) if cascade is None else _cascade(candidates, cascade, npv_usd))
    if npv_usd is not None:
        rows += [_hosted(candidates, figures, npv_usd, name) for name in candidates.market.use_case.hosted]
    return [*rows, _nothing(candidates, figures, npv_usd)]


def cheap_baseline(candidates: Candidates) -> CandidateVerdict | None:
    """Return the best candidate of the task's cheap baseline; None if it was not measured, or is the best of all."""
    best = candidates.best
    cheap = [
        each for each in candidates.judged if each is not best and each.decided["model"] == best.decided["baseline"]
    ]
    return min(cheap, key=lambda each: preference(each.decided), default=None)


def _npv_usd(candidates: Candidates, judged: CandidateVerdict) -> np.ndarray | None:
    if judged.business is None:
        return None
    return npv_distribution(judged.business, candidates.drawn, judged.evidence.accuracy).npv_usd


def _alternative(
    market: Market, kind: str, cells: Mapping[str, Any], figures: Mapping[str, Explained], better: Explained
) -> ExplainedRow:
    """Return a row; figures that only hosted models or cascades have are None in others."""
    note = "only hosted models are compared with whole machines"
    monthly = derived("requests_per_month", "per month", f"requests_per_year / {MONTHS}", requests(market))
    figures = {
        **{name: Explained(name, None, note=note) for name in COMPARED},
        **{name: Explained(name, None, note="it is measured") for name in (ITEMS, COST)},
        **{name: Explained(name, None, note="only a cascade has one") for name in ONLY_CASCADES}, **figures,
        monthly.name: monthly, better.name: better,
    }  # fmt: skip
    row = {
        **dict.fromkeys(ALTERNATIVES), "use_case": market.use_case.name, "title": market.use_case.title,
        "alternative": kind, **cells, "excluded": ruling_out(cells.get("reasons")), **values(figures),
    }  # fmt: skip
    return ExplainedRow(row, figures)


def _measured(
    candidates: Candidates, judged: CandidateVerdict, kind: str, figures: Mapping[str, Explained], better: Explained
) -> ExplainedRow:
    shown = {name: figures[name] for name in _FIGURES}
    return _alternative(candidates.market, kind, _cells_of_measured(judged), shown, better)


def _cells_of_measured(judged: CandidateVerdict) -> dict[str, Any]:
    row = judged.cells
    return {
        **{name: row[name] for name in (*KEYS, "price_as_of", "price_stale", "price_source", "verdict", "reasons")},
        "quality_is": judged.evidence.quality_is,
    }  # fmt: skip


def _baseline(candidates: Candidates, baseline: CandidateVerdict, than_usd: np.ndarray | None) -> ExplainedRow:
    npv_usd = _npv_usd(candidates, _with_equal_quality(baseline, candidates.best))
    note = "; with the candidate's quality, as there is no significant difference" if _equal(candidates.best) else ""
    figures = viability_figures(candidates.market, baseline)
    return _measured(candidates, baseline, "baseline", figures, _better(npv_usd, than_usd, note))


def _equal(best: CandidateVerdict) -> bool:
    return bool(best.decided["against_baseline"] == NO_DIFFERENCE)


def _with_equal_quality(baseline: CandidateVerdict, best: CandidateVerdict) -> CandidateVerdict:
    """Return the baseline, with the candidate's quality if there is no significant difference."""
    if not _equal(best) or baseline.business is None or best.business is None:
        return baseline
    measured = {**baseline.business.measured, "quality": best.business.measured["quality"]}
    business = replace(baseline.business, measured=measured)
    return replace(baseline, outlook=replace(baseline.outlook, business=business))


def _cascade(candidates: Candidates, cascade: CascadeVerdict, than_usd: np.ndarray | None) -> ExplainedRow:
    pair, rows = cascade.at.cascade.pair, [part.cells for part in cascade.parts]
    verdict, reasons = cascade.judged
    cells = {
        **{key: rows[1][key] for key in ("task", "data")}, "model": pair.model, "quality_is": "measured",
        "verdict": verdict, "reasons": reasons,
        "stale": rows[0]["stale"] or rows[1]["stale"], "price_stale": rows[0]["price_stale"] or rows[1]["price_stale"],
        "price_as_of": min(filter(None, (row["price_as_of"] for row in rows)), default=None),
        "price_source": "; ".join(dict.fromkeys(filter(None, (row["price_source"] for row in rows)))),
    }  # fmt: skip
    figures = cascade_figures(cascade)
    return _alternative(candidates.market, "cascade", cells, figures, _better(cascade.npv.npv_usd, than_usd))


def _no_cascade(candidates: Candidates) -> ExplainedRow:
    why = why_no_cascade(candidates)
    figures = {name: Explained(name, None, note=why.sentence("en")) for name in _FIGURES}
    cells = {name: candidates.best.cells[name] for name in ("task", "data")} | {"reasons": Reasons([why])}
    return _alternative(candidates.market, "cascade", cells, figures, _better(None, None))


def _hosted(candidates: Candidates, best: Mapping[str, Explained], than_usd: np.ndarray, name: str) -> ExplainedRow:
    judged = measured_as(candidates, name)
    if judged is None or judged.business is None:
        return _unmeasured(candidates, best, than_usd, name, judged)
    market, figures = candidates.market, viability_figures(candidates.market, judged)
    better = (
        Explained(_BETTER, None, note="it is the candidate") if judged is candidates.best
        else _better(_npv_usd(candidates, judged), than_usd)
    )  # fmt: skip
    usd = request_usd(candidates, judged.business.measured[CALL])
    even = {each.name: each for each in break_evens(candidates, best, figures["unit_serving_usd"], usd)}
    shown = {name: figures[name] for name in _FIGURES} | even
    cells = {**_cells_of_measured(judged), "hosted_model": name, "tokens_are": judged.evidence.cost["tokens_are"]}
    cells["reasons"] = _kept_out(market, cells["reasons"])
    return _alternative(market, "hosted", cells, shown, better)._replace(request_usd=usd)


def _unmeasured(
    candidates: Candidates, best: Mapping[str, Explained], than_usd: np.ndarray, name: str,
    judged: CandidateVerdict | None,
) -> ExplainedRow:  # fmt: skip
    """Return the row of a hosted model without measured quality: its price, what measuring costs, the reader's quality.

    `judged` is the candidate where it was asked, and its verdict says what is missing; to ask it again would not help.
    """
    market, day = candidates.market, candidates.best.evidence.pricing.as_of
    price = cost_of_calls(candidates, name)
    hosted = hosted_npv(candidates, candidates.best, price)
    usd = request_usd(candidates, price.usd)
    figures = hosted_figures(candidates, best, price, usd, hosted)
    typed = {} if hosted is None else {"quality": market.numbers["hosted_quality"]}
    if judged is None:
        keys = {key: candidates.best.cells[key] for key in ("task", "data")}
        why, how = (Reason("not asked"),), how_to_measure(candidates, name, price)
    else:
        keys, why, how = {key: judged.cells[key] for key in KEYS}, judged.decided["reasons"], None
        figures |= {name: Explained(name, None, note="it was asked already") for name in (ITEMS, COST)}
    cells = {
        **keys, "hosted_model": name,
        "quality_is": "not measured" if hosted is None else "assumed", "tokens_are": price.tokens_are,
        "verdict": "not enough evidence",
        "reasons": _kept_out(market, (Reason("quality typed", typed),) if typed else why),
        "measuring_command": how,
        "price_as_of": price.as_of and price.as_of.isoformat(), "price_terms": price.terms,
        "price_stale": Reason("price undated") if price.as_of is None else why_stale(price.as_of, day),
        "price_source": price_source(),
    }  # fmt: skip
    better = _better(None if hosted is None else hosted.npv_usd, than_usd)
    return _alternative(market, "hosted", cells, figures, better)._replace(request_usd=usd)


def _kept_out(market: Market, reasons: Iterable[Reason]) -> Reasons:
    """Return reasons with that of a use case whose requests no third party may see, also where there is no verdict."""
    kept_out = (Reason("third party"),) if market.privacy >= NO_THIRD_PARTY else ()
    return Reasons(dict.fromkeys((*kept_out, *reasons)))


def _nothing(candidates: Candidates, best: Mapping[str, Explained], than_usd: np.ndarray | None) -> ExplainedRow:
    note = "doing nothing has no costs and no income"
    figures = {name: Explained(name, 0.0, best[name].unit, note=note) for name in _FIGURES}
    figures |= {name: Explained(name, None, note=note) for name in ("quality", "unit_serving_usd", "unit_error_usd")}
    cells = {name: candidates.best.cells[name] for name in ("task", "data")}
    return _alternative(candidates.market, "nothing", cells, figures, _better(np.zeros(1), than_usd))


_BETTER = "better_than_candidate"


def _better(npv_usd: np.ndarray | None, than_usd: np.ndarray | None, note: str = "") -> Explained:
    """Return the probability of a higher net present value than the candidate's."""
    if npv_usd is None or than_usd is None:
        return Explained(_BETTER, None, note="the net present value of one of the two is unknown")
    meaning = f"the share of {DRAWS:,} draws in which its net present value is above the candidate's{note}"
    return Explained(_BETTER, float((npv_usd > than_usd).mean()), note=meaning)
