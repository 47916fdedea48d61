"""Does pretraining pay? Trainings from scratch beside those that start pretrained, at an equal budget."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from harness.facts import UseCase
from harness.records import Record
from harness_reports.business.evidence import Evidence, gather
from harness_reports.business.market import Market, read_market
from harness_reports.business.market_figures import figure
from harness_reports.business.request import USD
from harness_reports.business.viability import Candidates, CandidateVerdict, judge
from harness_reports.business.viability_figures import viability_figures
from harness_reports.figures.explained import Explained, derived, named, values
from harness_reports.measured.lineage import KEYS, Candidate, details
from harness_reports.measured.quality_figures import NO_DIFFERENCE, quality_figures
from harness_reports.measured.results import Results
from harness_reports.prices.pricing import Pricing

PRETRAINING = (
    *(name for name in KEYS if name != "start"), "labels", "metric", "unit", "higher_is_better",
    "scratch", "pretrained",
    "gain", "gain_low", "gain_high", "difference", "seeds_scratch", "seeds_pretrained", "pretrain_usd",
    "finetune_usd", "use_case", "gain_usd_per_use", "development_multiplier", "break_even_uses", "pays",
)  # fmt: skip
_DRAWS = 100
"""The base case is all that is read here."""


def pretraining(
    records: Sequence[Record],
    pricing: Pricing,
    use_cases: Mapping[str, UseCase] | Iterable[UseCase] = (),
    overrides: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Return one row for each pair of candidates that differ in their start alone, for each use case of their task.

    Pairs are ordered by the number of `labels` that both fine-tunings saw (`labels` in a suite's budget): pretraining
    pays, if at all, where they are few.

    `gain` is how much better the pretrained one is, whichever way the metric points, with its 95 % interval, paired by
    item; `difference` is `better`, `worse` or `no significant difference`. `pretrain_usd` is one pretraining.
    `gain_usd_per_use` is what a use earns more, pretraining left out: the difference of the net present values, where
    a candidate that misses the needed quality or loses money counts 0; where there is no significant difference of
    quality it is 0. `break_even_uses` is how many such uses pay for the pretraining (and the trials that
    `development_multiplier` says it took); None where no number does, or the task has no use case. `pays` answers for
    the number of uses that the use case foresees (`pretraining_uses`).

    Raises:
        FactError: as `viability`.
    """
    found = pairs(records, pricing, use_cases, overrides)
    return pd.DataFrame([pair.row for pair in found], columns=list(PRETRAINING))


class Pair(NamedTuple):
    """A row of the pretraining table, and its figures by column."""

    row: dict[str, Any]
    figures: dict[str, Explained]


def pairs(
    records: Sequence[Record],
    pricing: Pricing,
    use_cases: Mapping[str, UseCase] | Iterable[UseCase] = (),
    overrides: Mapping[str, float] | None = None,
) -> list[Pair]:
    """Return the rows of `pretraining`: two candidates that differ in their start alone, in one use case or in none."""
    cases = list(use_cases.values() if isinstance(use_cases, Mapping) else use_cases)
    results = Results.of(records)
    evidence = {each.key: each for each in gather(results, pricing)}
    budgets, labels = _budgets(results), _labels(results)
    every: list[Pair] = []
    for pretrained, scratch in _pairs(budgets):
        both = (evidence[scratch], evidence[pretrained])
        gain = _gain(*both)
        cells = {**_cells(both), "labels": labels[pretrained], "use_case": None}
        judged = [judge(read_market(case, overrides or {}), both, _DRAWS)
                  for case in cases if case.covers(pretrained.task, pretrained.data)]  # fmt: skip
        every += [_pair(cells, gain, own) for own in judged] or [_pair(cells, gain, None)]
    return sorted(every, key=lambda pair: _order(pair.row))


def _pair(cells: Mapping[str, Any], gain: Mapping[str, Explained], candidates: Candidates | None) -> Pair:
    """Return the row of a pair, in a market or in none."""
    if candidates is None:
        note = "no use case has this task, so a better answer has no price"
        figures = {**gain, **{name: Explained(name, None, note=note) for name in _USES}}
    else:
        cells = {**cells, "use_case": candidates.market.use_case.name}
        figures = {**gain, **_uses(gain, candidates, apart=cells["difference"] != NO_DIFFERENCE)}
    return Pair({**dict.fromkeys(PRETRAINING), **cells, **values(figures)}, figures)


def _order(row: Mapping[str, Any]) -> list[Any]:
    return [str(row[name]) for name in ("task", "model", "size", "runtime")] + [row["labels"] or 0]


def _budgets(results: Results) -> dict[Candidate, dict[str, Any]]:
    """Return what was asked of every candidate but its pretraining."""
    return {
        own.key: {name: value for name, value in details(own.chains[0]).items() if not name.startswith("pretrain ")}
        for own in results.evaluated
    }


def _labels(results: Results) -> dict[Candidate, int | None]:
    """Return how many labelled examples the fine-tuning of every candidate saw, None where that was not kept."""
    tuned = {own.key: own.chains[0].finetune for own in results.evaluated}
    return {key: record.used.get("train_items") if record else None for key, record in tuned.items()}


def _pairs(budgets: Mapping[Candidate, Mapping[str, Any]]) -> list[tuple[Candidate, Candidate]]:
    return [
        (one, other)
        for one in budgets for other in budgets
        if one.start == "pretrained" and other.start == "scratch" and budgets[one] == budgets[other]
        and _beside_pretraining(one) == _beside_pretraining(other)
    ]  # fmt: skip


def _beside_pretraining(key: Candidate) -> Candidate:
    """Return what a candidate has in common with the one that differs in its pretraining alone."""
    return key._replace(start="", spec="", definition="", stale=None)


def _gain(scratch: Evidence, pretrained: Evidence) -> dict[str, Explained]:
    """Return both qualities, what pretraining gains whichever way the metric points, and what it costs."""
    graded = pretrained.quality
    both = [
        named(quality_figures(each.quality, None)["value"], name)
        for each, name in ((scratch, "scratch"), (pretrained, "pretrained"))
    ]
    formula = "pretrained - scratch" if graded.sign > 0 else "scratch - pretrained"
    gain = derived("gain", graded.unit, formula, *both)
    ends = [
        Explained(name, end, graded.unit, inputs=(gain,),
                  note=f"{share}th percentile of the difference, seeds and items resampled, paired by item")
        for name, share, end in zip(("gain_low", "gain_high"), ("2.5", "97.5"), _ends(scratch, pretrained), strict=True)
    ]  # fmt: skip
    cost = (pretrained.figures[name] for name in ("pretrain_usd", "finetune_usd"))
    return {each.name: each for each in (*both, gain, *ends, *cost)}


def _ends(scratch: Evidence, pretrained: Evidence) -> list[float]:
    sign = pretrained.quality.sign
    return sorted(sign * end for end in pretrained.quality.minus(scratch.quality))


def _cells(pair: tuple[Evidence, Evidence]) -> dict[str, Any]:
    scratch, pretrained = pair
    names = (*(name for name in KEYS if name != "start"), "metric", "unit", "higher_is_better")
    low, high = _ends(scratch, pretrained)
    return {
        **{name: pretrained.accuracy[name] for name in names},
        "stale": pretrained.key.stale or scratch.key.stale,
        "difference": "better" if low > 0 else "worse" if high < 0 else NO_DIFFERENCE,
        "seeds_scratch": len(scratch.quality.leaves), "seeds_pretrained": len(pretrained.quality.leaves),
    }  # fmt: skip


_USES = ("development_multiplier", "gain_usd_per_use", "break_even_uses", "pays")


def _uses(gain: Mapping[str, Explained], candidates: Candidates, *, apart: bool) -> dict[str, Explained]:
    """Return what pretraining is worth in one market, its own cost left out."""
    market, pretrain = candidates.market, gain["pretrain_usd"]
    multiplier, foreseen = (figure(market, name) for name in ("development_multiplier", "pretraining_uses"))
    use = _gain_usd(candidates, apart=apart)
    if use.value is None or pretrain.value is None:
        note = "something that the value of a use takes was not measured"
        return {multiplier.name: multiplier, **{name: Explained(name, None, note=note) for name in _USES[1:]}}
    count = math.ceil(pretrain.value * multiplier.value / use.value) if use.value > 0 else None
    uses = Explained("break_even_uses", count if count is None else max(1, count), inputs=(pretrain, multiplier, use),
                     note="none: a use gains nothing" if count is None else
                     "pretrain_usd × development_multiplier / gain_usd_per_use, rounded up to whole uses")  # fmt: skip
    pays = Explained("pays", uses.value is not None and uses.value <= foreseen.value, inputs=(uses, foreseen),
                     note="whether break_even_uses are no more than pretraining_uses")  # fmt: skip
    return {each.name: each for each in (multiplier, use, uses, pays)}


def _gain_usd(candidates: Candidates, *, apart: bool) -> Explained:
    name = "gain_usd_per_use"
    scratch, pretrained = candidates.judged
    worth = (_value("scratch_use_usd", scratch, candidates.market),
             _value("pretrained_use_usd", pretrained, candidates.market))  # fmt: skip
    if apart or None in (worth[0].value, worth[1].value):
        return derived(name, USD, "pretrained_use_usd - scratch_use_usd", *worth)
    return Explained(name, 0.0, USD, note="a difference of quality within its interval is worth nothing", inputs=worth)


def _value(name: str, judged: CandidateVerdict, market: Market) -> Explained:
    """Return what a use is worth to whoever may also leave it: 0 where the need is missed or money is lost."""
    own = viability_figures(market, judged)
    found = derived(
        name, USD, "npv_usd + pretrain_usd / pretraining_uses * development_multiplier", own["npv_usd"],
        judged.evidence.figures["pretrain_usd"], figure(market, "pretraining_uses"),
        figure(market, "development_multiplier"), note="pretraining left out",
    )  # fmt: skip
    if found.value is None:
        return found
    sign = 1 if judged.evidence.accuracy["higher_is_better"] else -1
    missed = market.quality is not None and sign * judged.row["quality"] < sign * market.quality
    if found.value > 0 and not missed:
        return found
    note = "0: it is left, as it loses money or misses the quality that is needed"
    return Explained(name, 0.0, USD, note=note, inputs=found.inputs)
