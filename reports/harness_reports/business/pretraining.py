"""Does pretraining pay? Candidates trained from scratch against pretrained ones, at equal budgets."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from harness.facts import UseCase
from harness.records import Record
from harness_reports.business.evidence import Evidence, gather
from harness_reports.business.explained_row import ExplainedRow
from harness_reports.business.market import Market, check_overrides, read_market
from harness_reports.business.market_figures import figure
from harness_reports.business.money import training_energy_figures
from harness_reports.business.request import USD
from harness_reports.business.viability import Candidates, CandidateVerdict, judge
from harness_reports.business.viability_figures import viability_figures
from harness_reports.figures.explained import Explained, derived, named, values
from harness_reports.measured.lineage import KEYS, Candidate, details
from harness_reports.measured.quality_figures import NO_DIFFERENCE, quality_figures
from harness_reports.measured.results import Results
from harness_reports.prices.pricing import Pricing
from harness_reports.reasons import as_text

PRETRAINING = (
    *(name for name in KEYS if name != "start"), "labels", "metric", "unit", "higher_is_better",
    "scratch", "pretrained",
    "gain", "gain_low", "gain_high", "difference", "seeds_scratch", "seeds_pretrained", "pretrain_usd",
    "finetune_usd", "use_case", "gain_usd_per_use", "development_multiplier", "break_even_uses", "pays",
)  # fmt: skip
_DRAWS = 100
"""Few: this table reads the base case alone."""


def pretraining(
    records: Sequence[Record],
    pricing: Pricing,
    use_cases: Mapping[str, UseCase] | Iterable[UseCase] = (),
    overrides: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Return one row for each pair of candidates that differ in their start alone, for each use case of their task.

    Pairs are ordered by the number of `labels` of both fine-tunings (`labels` in a suite's budget): pretraining pays
    most with few.

    `gain` is by how much the pretrained candidate is better, in the metric's direction, with its 95 % interval, paired
    by item; `difference` is `better`, `worse` or `no significant difference`. `pretrain_usd` is the cost of one
    pretraining. `gain_usd_per_use` is the difference of the net present values without pretraining costs, where a
    candidate that misses the needed quality or has a loss counts as 0; it is 0 without a significant difference of
    quality. `break_even_uses` is the number of uses that earn back the pretraining and its failed attempts
    (`development_multiplier`); None if no number does, or the task has no use case. `pays` compares it with the use
    case's `pretraining_uses`.

    Raises:
        FactError: as `viability`.
    """
    rows = [as_text(pair.row) for pair in pairs(records, pricing, use_cases, overrides)]
    return pd.DataFrame(rows, columns=list(PRETRAINING))


def pairs(
    records: Sequence[Record],
    pricing: Pricing,
    use_cases: Mapping[str, UseCase] | Iterable[UseCase] = (),
    overrides: Mapping[str, float] | None = None,
) -> list[ExplainedRow]:
    """Return the rows of `pretraining`, with their figures."""
    cases = list(use_cases.values() if isinstance(use_cases, Mapping) else use_cases)
    check_overrides(cases, overrides or {})
    results = Results.of(records)
    evidence = {each.key: each for each in gather(results, pricing)}
    budgets, labels = _budgets(results), _labels(results)
    every: list[ExplainedRow] = []
    for pretrained, scratch in _pairs(budgets):
        both = (evidence[scratch], evidence[pretrained])
        gain = _gain(*both)
        cells = {**_cells(both), "labels": labels[pretrained], "use_case": None}
        judged = [judge(read_market(case, overrides or {}), both, _DRAWS)
                  for case in cases if case.covers(pretrained.task, pretrained.data)]  # fmt: skip
        every += [_pair(cells, gain, candidates) for candidates in judged] or [_pair(cells, gain, None)]
    return sorted(every, key=lambda pair: _order(pair.row))


def _pair(cells: Mapping[str, Any], gain: Mapping[str, Explained], candidates: Candidates | None) -> ExplainedRow:
    """Return the row of a pair in a use case; None: without one."""
    if candidates is None:
        note = "no use case has this task, so a better answer has no price"
        figures = {**gain, **{name: Explained(name, None, note=note) for name in _USES}}
    else:
        cells = {**cells, "use_case": candidates.market.use_case.name}
        figures = {**gain, **_uses(gain, candidates, differs=cells["difference"] != NO_DIFFERENCE)}
    return ExplainedRow({**dict.fromkeys(PRETRAINING), **cells, **values(figures)}, figures)


def _order(row: Mapping[str, Any]) -> list[Any]:
    return [str(row[name]) for name in ("task", "model", "size", "runtime")] + [row["labels"] or 0]


def _budgets(results: Results) -> dict[Candidate, dict[str, Any]]:
    """Return the settings and budgets of every candidate without those of pretraining."""
    return {
        measured.key: {name: value for name, value in details(measured.chains[0]).items()
                       if not name.startswith("pretrain ")}
        for measured in results.evaluated
    }  # fmt: skip


def _labels(results: Results) -> dict[Candidate, int | None]:
    """Return the number of labelled examples of each candidate's fine-tuning; None if it was not recorded."""
    finetunes = {measured.key: measured.chains[0].finetune for measured in results.evaluated}
    return {key: record.used.get("train_items") if record else None for key, record in finetunes.items()}


def _pairs(budgets: Mapping[Candidate, Mapping[str, Any]]) -> list[tuple[Candidate, Candidate]]:
    return [
        (pretrained, scratch)
        for pretrained in budgets for scratch in budgets
        if pretrained.start == "pretrained" and scratch.start == "scratch" and budgets[pretrained] == budgets[scratch]
        and _without_start(pretrained) == _without_start(scratch)
    ]  # fmt: skip


def _without_start(key: Candidate) -> Candidate:
    """Return a candidate without the fields that depend on its pretraining."""
    return key._replace(start="", spec="", definition="", stale=None)


def _gain(scratch: Evidence, pretrained: Evidence) -> dict[str, Explained]:
    """Return both qualities, the gain in the metric's direction with its interval, and the training costs."""
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


def _uses(gain: Mapping[str, Explained], candidates: Candidates, *, differs: bool) -> dict[str, Explained]:
    """Return the gain per use in one market, and the uses that earn the pretraining back."""
    market, pretrain = candidates.market, gain["pretrain_usd"]
    energy, _ = training_energy_figures(market, candidates.judged[1].evidence)
    multiplier, expected = (figure(market, name) for name in ("development_multiplier", "pretraining_uses"))
    use = _gain_usd(candidates, differs=differs)
    if None in (use.value, pretrain.value, energy.value):
        note = "a measurement that it needs is missing"
        return {multiplier.name: multiplier, **{name: Explained(name, None, note=note) for name in _USES[1:]}}
    # A pretraining without cost still takes one use to pay: hence at least 1 below.
    spent_usd = (pretrain.value + energy.value) * multiplier.value
    count = max(1, math.ceil(spent_usd / use.value)) if use.value > 0 else None
    uses = Explained("break_even_uses", count, inputs=(pretrain, energy, multiplier, use),
                     note="none: a use has no gain" if count is None else "(pretrain_usd + pretrain_energy_usd) "
                     "× development_multiplier / gain_usd_per_use, rounded up to whole uses")  # fmt: skip
    pays = Explained("pays", uses.value is not None and uses.value <= expected.value, inputs=(uses, expected),
                     note="whether break_even_uses are no more than pretraining_uses")  # fmt: skip
    return {each.name: each for each in (multiplier, use, uses, pays)}


def _gain_usd(candidates: Candidates, *, differs: bool) -> Explained:
    name = "gain_usd_per_use"
    scratch, pretrained = candidates.judged
    uses = (_use_usd("scratch_use_usd", scratch, candidates.market),
            _use_usd("pretrained_use_usd", pretrained, candidates.market))  # fmt: skip
    if differs or None in (uses[0].value, uses[1].value):
        return derived(name, USD, "pretrained_use_usd - scratch_use_usd", *uses)
    return Explained(name, 0.0, USD, note="0: no significant difference of quality", inputs=uses)


def _use_usd(name: str, judged: CandidateVerdict, market: Market) -> Explained:
    """Return the net present value of a use without pretraining; 0 if it is a loss or misses the needed quality."""
    value = derived(
        name, USD, "npv_usd + (pretrain_usd + pretrain_energy_usd) / pretraining_uses * development_multiplier",
        viability_figures(market, judged)["npv_usd"], judged.evidence.figures["pretrain_usd"],
        training_energy_figures(market, judged.evidence)[0],
        figure(market, "pretraining_uses"), figure(market, "development_multiplier"),
        note="without the cost of pretraining",
    )  # fmt: skip
    if value.value is None:
        return value
    sign = 1 if judged.evidence.accuracy["higher_is_better"] else -1
    missed = market.quality is not None and sign * judged.evidence.accuracy["value"] < sign * market.quality
    if value.value > 0 and not missed:
        return value
    note = "0: not done, as it is a loss or misses the needed quality"
    return Explained(name, 0.0, USD, note=note, inputs=value.inputs)
