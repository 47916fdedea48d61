"""The value of information by kind of action: what to measure next before deciding, if anything.

Three actions tell more about a candidate: to grade more items, which need labels as the test split is finite; to train
and evaluate with more seeds; to serve for longer. Machine time alone makes no new items: an evaluation repeats itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from harness_reports.business.evidence import Evidence
from harness_reports.business.market import Market
from harness_reports.business.market_figures import figure
from harness_reports.business.npv_distribution import NpvDistribution
from harness_reports.economics.preposterior import resolved_share, value_of_study
from harness_reports.figures.explained import Explained, derived
from harness_reports.measured.intervals import between_share
from harness_reports.measured.judgement import window_s
from harness_reports.reasons import Reason, Reasons

SIZES = (1, 2, 4)
"""Sizes of an action, in multiples of what was measured."""
_VALUES = 256
"""Equally likely values of a parameter."""
_QUALITY, _SPEED = "quality", "samples_per_s"
# An evaluation or a serving takes the place of the one before, so it is paid for as a whole; seeds are added.
_GRADE = "seeds * evaluate_usd * (items + more_items) / items"
# New items make other data, on which every step is made again.
_LABEL = f"more_items * label_usd + pretrain_usd + seeds * finetune_usd + {_GRADE}"
_SEED = "more_seeds * (finetune_usd + evaluate_usd)"
_SERVE = "usd_per_hour * seconds / 3600"


class Study(NamedTuple):
    """A further measurement that can be made."""

    code: str
    """Of its reason: the kind of action."""
    size: float
    """Items, seeds or seconds, as in the sentence."""
    parameter: str
    """The measured input that it tells about."""
    resolved: float
    """Share of the variance of the parameter that it is expected to remove."""
    cost: Explained


class Information(NamedTuple):
    """The value of knowing more before deciding."""

    evpi_usd: float
    """Expected value of perfect information, the upper bound of any study's value."""
    evsi_usd: float | None
    """Expected value of the study with the best net value; None if nothing can be measured."""
    cost: Explained | None
    """Of that study."""
    advice: Reason | None
    """The study, None if it is not worth its cost."""
    limits: Reasons = Reasons()
    """What cannot be measured, and why."""

    @property
    def next_measurement(self) -> Reasons:
        """What to measure next, and what cannot be measured."""
        return Reasons([self.advice or Reason("measure nothing"), *self.limits])


def information(npv: NpvDistribution, evidence: Evidence) -> Information:
    """Return the value of information for the decision to invest or not."""
    market, value_usd = npv.market.market, value_of_studies(npv, evidence)
    valued = [(value_usd(study), study) for study in studies(evidence, market)]
    best = max(valued, key=lambda each: each[0] - each[1].cost.value, default=None)
    limits = Reasons(_limits(evidence, market, value_usd)) if npv.evpi_usd else Reasons()
    if best is None:
        return Information(npv.evpi_usd, None, None, None, limits)
    evsi_usd, study = best
    advice = Reason(study.code, {"size": study.size, "evsi_usd": evsi_usd, "cost_usd": study.cost.value})
    return Information(npv.evpi_usd, evsi_usd, study.cost, advice if evsi_usd > study.cost.value else None, limits)


def value_of_studies(npv: NpvDistribution, evidence: Evidence) -> Callable[[Study], float]:
    """Return a function that returns the expected value of a study of a candidate."""
    payoffs = {name: _payoffs(npv, evidence, name) for name in (_QUALITY, _SPEED)
               if name in npv.business.measured} if npv.evpi_usd else {}  # fmt: skip

    def value_usd(study: Study) -> float:
        given = payoffs.get(study.parameter)
        return 0.0 if given is None else min(npv.evpi_usd, value_of_study(*given, study.resolved))

    return value_usd


def _payoffs(npv: NpvDistribution, evidence: Evidence, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return equally likely values of a measured input, and the expected payoff at each.

    The noise of a share of right answers depends on the share, that of the arcsine of its root does not.
    """
    values = npv.business.measured[name].quantile((np.arange(_VALUES) + 0.5) / _VALUES)
    payoff_usd = npv.payoff_given(name, values)
    return (np.arcsin(np.sqrt(values)) if name == _QUALITY and evidence.quality.is_share else values), payoff_usd


def studies(evidence: Evidence, market: Market) -> Iterator[Study]:
    """Yield what can be measured further, each in several sizes."""
    items, left = evidence.quality.items, _ungraded(evidence)
    if left:
        yield from (_grading(evidence, more) for more in sorted({min(size * items, left) for size in SIZES}))
    elif "label_usd" in market.numbers:
        label = figure(market, "label_usd")
        yield from (_labelling(evidence, size * items, label) for size in SIZES)
    yield from _more_seeds(evidence)
    yield from _longer_serving(evidence, market)


def _ungraded(evidence: Evidence) -> int:
    """Return how many items of the test split were not graded."""
    return max(0, int(evidence.quality.newest.used.get("test_items", 0)) - evidence.quality.items)


def _grading(evidence: Evidence, more: int) -> Study:
    return _of_items("grade items", evidence, more, _GRADE)


def _labelling(evidence: Evidence, more: int, label: Explained) -> Study:
    return _of_items("label items", evidence, more, _LABEL, label)


def _of_items(code: str, evidence: Evidence, more: int, formula: str, *label: Explained) -> Study:
    quality, costs = evidence.quality, ("pretrain_usd", "finetune_usd", "evaluate_usd")
    counts = (_count("items", quality.items), _count("seeds", len(quality.leaves)), _planned("more_items", more))
    inputs = (*(evidence.figures[name] for name in costs if name in formula), *counts, *label)
    between_items = 1 - between_share(quality.of_seeds, evidence.accuracy["draws"])
    return Study(code, more, _QUALITY, between_items * resolved_share(more, quality.items), _cost(formula, inputs))


def _more_seeds(evidence: Evidence) -> Iterator[Study]:
    """Yield further seeds; nothing after one seed, which shows no variation between seeds."""
    of_seeds = evidence.quality.of_seeds
    if len(of_seeds) == 1:
        return
    between_seeds = between_share(of_seeds, evidence.accuracy["draws"])
    costs = tuple(evidence.figures[name] for name in ("finetune_usd", "evaluate_usd"))
    for size in SIZES:
        more = size * len(of_seeds)
        resolved = between_seeds * resolved_share(more, len(of_seeds))
        yield Study("more seeds", more, _QUALITY, resolved, _cost(_SEED, (*costs, _planned("more_seeds", more))))


def _longer_serving(evidence: Evidence, market: Market) -> Iterator[Study]:
    """Yield longer windows of the serving that the number of machines rests on."""
    capacity = evidence.capacity(market)
    if capacity is None:
        return
    serving = capacity.serving
    windows = [window_s(record) for record in serving.leaves]
    if serving.rate_draws is None or None in windows:
        return
    before = sum(seconds for seconds in windows if seconds)
    within_windows = 1 - between_share(serving.rates, serving.rate_draws)
    for size in SIZES:
        seconds = (1 + size) * before
        cost = _cost(_SERVE, (evidence.figures["usd_per_hour"], _planned("seconds", seconds)))
        resolved = within_windows * resolved_share(size, 1)
        yield Study("longer serving", seconds, _SPEED, resolved, cost)


def _limits(evidence: Evidence, market: Market, value_usd: Callable[[Study], float]) -> Iterator[Reason]:
    """Yield what cannot be measured, and what labels would be worth where they have no price."""
    items = evidence.quality.items
    if not _ungraded(evidence) and "label_usd" not in market.numbers:
        yield Reason("split used up", {"items": items})
        free = [_labelling(evidence, size * items, Explained("label_usd", 0.0)) for size in SIZES]
        label_usd, more = max(((value_usd(study) - study.cost.value) / study.size, study.size) for study in free)
        if label_usd > 0:
            yield Reason("labels worth", {"size": more, "label_usd": label_usd})
    if len(evidence.quality.leaves) == 1:
        yield Reason("seeds unknown")


def _cost(formula: str, inputs: tuple[Explained, ...]) -> Explained:
    return derived("measuring_usd", "USD", formula, *inputs)


def _count(name: str, count: int) -> Explained:
    return Explained(name, count, note="as in the accuracy table", kind="measured")


def _planned(name: str, size: float) -> Explained:
    return Explained(name, size, note="of the measurement with the highest value less cost")
