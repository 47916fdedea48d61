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
from harness_reports.business.viability import Candidates, Judged, judge
from harness_reports.measured.lineage import KEYS, Candidate, details
from harness_reports.measured.quality import Graded
from harness_reports.measured.results import Results
from harness_reports.prices.pricing import Pricing

PRETRAINING = (
    *(name for name in KEYS if name != "start"), "labels", "metric", "unit", "higher_is_better",
    "scratch", "pretrained",
    "gain", "gain_low", "gain_high", "told_apart", "seeds_scratch", "seeds_pretrained", "pretrain_usd",
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
    item; `told_apart` is `better`, `worse` or `not told apart`. `pretrain_usd` is one pretraining. `gain_usd_per_use`
    is what a use earns more, pretraining left out: the difference of the net present values, where a candidate that
    misses the needed quality or loses money counts 0; where the two are not told apart it is 0, as a difference within
    its interval is worth nothing. `break_even_uses` is how many such uses pay for the pretraining (and the trials that
    `development_multiplier` says it took); None where no number does, or the task has no use case. `pays` answers for
    the number of uses that the use case foresees (`pretraining_uses`).

    Raises:
        FactError: as `viability`.
    """
    found = pairs(records, pricing, use_cases, overrides)
    return pd.DataFrame([pair.row for pair in found], columns=list(PRETRAINING))


class Pair(NamedTuple):
    """Two candidates that differ in their start alone, in one use case or in none."""

    row: dict[str, Any]
    scratch: Evidence
    pretrained: Evidence
    candidates: Candidates | None
    """Both, in this order, judged; None where their task has no use case."""


def pairs(
    records: Sequence[Record],
    pricing: Pricing,
    use_cases: Mapping[str, UseCase] | Iterable[UseCase] = (),
    overrides: Mapping[str, float] | None = None,
) -> list[Pair]:
    """Return what stands behind each row of `pretraining`, in its order."""
    cases = list(use_cases.values() if isinstance(use_cases, Mapping) else use_cases)
    results = Results.of(records)
    evidence = {each.key: each for each in gather(results, pricing)}
    found, budgets, labels = results.graded(), _budgets(results), _labels(results)
    every: list[Pair] = []
    for pretrained, scratch in _pairs(budgets):
        both = (evidence[scratch], evidence[pretrained])
        cells = {"labels": labels[pretrained], "use_case": None}
        row = {**_measured(found[pretrained], found[scratch]), **_cells(both), **cells}
        judged = [judge(read_market(case, overrides or {}), both, _DRAWS)
                  for case in cases if pretrained.task in case.tasks]  # fmt: skip
        every += [Pair(row | _worth(row, own), *both, own) for own in judged] or [Pair(row, *both, None)]
    return sorted(every, key=lambda pair: _order(pair.row))


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


def _measured(pretrained: Graded, scratch: Graded) -> dict[str, Any]:
    sign = pretrained.sign
    ends = sorted(sign * end for end in pretrained.minus(scratch))
    told = "better" if ends[0] > 0 else "worse" if ends[1] < 0 else "not told apart"
    return {
        "scratch": scratch.value, "pretrained": pretrained.value, "gain": sign * (pretrained.value - scratch.value),
        "gain_low": ends[0], "gain_high": ends[1], "told_apart": told, "seeds_scratch": len(scratch.leaves),
        "seeds_pretrained": len(pretrained.leaves),
    }  # fmt: skip


def _cells(pair: tuple[Evidence, Evidence]) -> dict[str, Any]:
    scratch, pretrained = pair
    names = (*(name for name in KEYS if name != "start"), "metric", "unit", "higher_is_better")
    return {
        **{name: pretrained.accuracy[name] for name in names},
        "stale": pretrained.key.stale or scratch.key.stale,
        **{name: pretrained.cost[name] for name in ("pretrain_usd", "finetune_usd")},
    }


def _worth(row: Mapping[str, Any], candidates: Candidates) -> dict[str, Any]:
    """Return the money's part of a row in one market, the pretraining's own cost left out."""
    market, (scratch, pretrained) = candidates.market, candidates.judged
    values = [value_usd(scratch, market), value_usd(pretrained, market)]
    multiplier = market.numbers["development_multiplier"]
    cells: dict[str, Any] = {"use_case": market.use_case.name, "development_multiplier": multiplier}
    if values[0] is None or values[1] is None or row["pretrain_usd"] is None:
        return cells
    gain = values[1] - values[0] if row["told_apart"] != "not told apart" else 0.0
    uses = max(1, math.ceil(row["pretrain_usd"] * multiplier / gain)) if gain > 0 else None
    foreseen = market.numbers.get("pretraining_uses", 1.0)
    return cells | {
        "gain_usd_per_use": gain, "break_even_uses": uses, "pays": uses is not None and uses <= foreseen,
    }  # fmt: skip


def value_usd(judged: Judged, market: Market) -> float | None:
    """Return what a use is worth to whoever may also leave it: 0 where the need is missed or money is lost."""
    row = judged.row
    if row["npv_usd"] is None:
        return None
    shared = judged.evidence.cost["pretrain_usd"] / market.numbers.get("pretraining_uses", 1.0)
    worth = row["npv_usd"] + shared * market.numbers["development_multiplier"]
    needed = market.quality
    sign = 1 if judged.evidence.accuracy["higher_is_better"] else -1
    missed = needed is not None and sign * row["quality"] < sign * needed
    return 0.0 if missed else max(0.0, float(worth))
