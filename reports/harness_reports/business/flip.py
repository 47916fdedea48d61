"""What would change a verdict: the value of one figure that the reader can set, all else equal.

The nearest value is found, above or below today's, where the probability of a loss, or the expected net present value,
crosses its threshold. It is rounded away from today's value, and the candidate is judged again with it, against its
baseline too: it is told only if the verdict does change.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np

from harness_reports.business.business import Business, Sums, market_sums
from harness_reports.business.evidence import Evidence
from harness_reports.business.market import Market
from harness_reports.business.npv_distribution import MarketDraws
from harness_reports.business.outlook import Outlook
from harness_reports.business.supply import Calls
from harness_reports.business.verdict import VERDICTS, Verdict, against_the_baseline, takes_baselines
from harness_reports.economics.distributions import Fixed
from harness_reports.reasons import Reason, Reasons

_VALUE, _VOLUME = "value_per_request_usd", "requests_per_year"
_TOLD = {_VALUE: ("value set to", "value certain at"), _VOLUME: ("volume set to", "volume certain at")}
"""Figure → codes of its sentence: where it is certain today, and where it is uncertain."""
_CODES = {"invest": "no investment if", "pilot": "investment if", "do not invest": "worth it if"}
_PRICED = ("usd_per_call", "pretrain_usd", "finetune_usd", "evaluate_usd")
"""Measured inputs that are amounts of money; the price of a machine's hour is no input but part of the supply."""
_STEP = math.log(1.05)
"""Values are looked at in steps of 5 %: one more machine may undo what more demand has won."""
_STEPS = 142
"""Up to a thousandth and a thousandfold of today's value."""
_BLOCK = 8
"""Steps that are looked at together where bounds decide all of them."""
_HALVINGS = 10
"""Of the logarithm of a step: to a ten-thousandth of the value."""
_FARTHER = 1.5
"""Where a verdict does not change at its threshold, values this much farther from today's are tried."""
_TRIES = 4
_NEARER = 0.95
"""Of the logarithm of the way from today's value: if the verdict changes there already, the change is looked for."""
_CLOSE = 0.01
"""It is found to this part of the value: to judge again takes long."""


class Lever(NamedTuple):
    """A figure that the reader can set."""

    today: float
    npv_usd: Callable[[float], np.ndarray]
    """Value → the net present value of each draw."""
    judged_at: Callable[[float], tuple[MarketDraws, Callable[[Evidence], Evidence]]]
    """Value → the market with it, and how evidence changes with it."""
    exponent: Callable[[float], int]
    """Value → the power of ten to which its sentence shows it."""
    bounds: Callable[[float, float], tuple[np.ndarray, np.ndarray]] | None = None
    """Two ascending values → by draw, no more and no less than any net present value between; None: not known."""


def flip(outlook: Outlook, baselines: Sequence[Evidence], verdict: Verdict) -> Reason | None:
    """Return what would change a verdict; None if money did not decide it, or no value does.

    Args:
        outlook: the candidate.
        baselines: the cheap baselines of its task that it is compared with, without itself.
        verdict: the one that the comparison left.
    """
    if outlook.decision.threshold is None or outlook.business is None or verdict != outlook.decision.verdict:
        return None
    changes = Reasons(_Flip(outlook, baselines, verdict, outlook.business).changes())
    return Reason(_CODES[verdict], {"changes": changes}) if changes else None


@dataclass(frozen=True, eq=False)
class _Flip:
    outlook: Outlook
    baselines: Sequence[Evidence]
    verdict: Verdict
    business: Business

    def changes(self) -> Iterator[Reason]:
        """Yield each figure with a value that changes the verdict."""
        for name, lever in ((_VALUE, self._value()), (_VOLUME, self._volume()), (None, self._prices())):
            at = self._changed(lever)
            if at is not None:
                yield Reason(self._code(name), {"value": at, "today": lever.today})

    def _code(self, name: str | None) -> str:
        if name is None:
            return "prices of calls set to" if isinstance(self.business.supply, Calls) else "prices set to"
        set_to, certain_at = _TOLD[name]
        return set_to if isinstance(self._market.inputs.get(name), Fixed) else certain_at

    @property
    def _market(self) -> Market:
        return self.outlook.market

    @cached_property
    def _drawn(self) -> dict[str, np.ndarray]:
        npv = self.outlook.npv
        assert npv is not None  # noqa: S101 - there is a business
        return npv.drawn

    def _value(self) -> Lever:
        none, one = (self.business.npv_usd({**self._drawn, _VALUE: np.full(1, usd)}) for usd in (0.0, 1.0))
        per_usd = one - none  # it is linear in the value
        return Lever(self._market.numbers[_VALUE], lambda usd: none + usd * per_usd, self._with(_VALUE), _fine)

    def _volume(self) -> Lever:
        business, drawn, today = self.business, self._drawn, self._market.requests_per_year
        once = market_sums({**drawn, _VOLUME: np.full(1, today)}, business.years, business.supply.decline)
        # Without serving it is linear.
        one, two = (business.npv_of(drawn, once.times(times)) + self._served(once, times) for times in (1.0, 2.0))

        @lru_cache(maxsize=4)
        def served_usd(requests: float) -> np.ndarray:
            return self._served(once, requests / today)

        def earned_usd(requests: float) -> np.ndarray:
            return np.asarray(one + (requests / today - 1) * (two - one))

        def npv_usd(requests: float) -> np.ndarray:
            return np.asarray(earned_usd(requests) - served_usd(requests))

        def bounds(low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
            ends = earned_usd(low), earned_usd(high)
            return np.minimum(*ends) - served_usd(high), np.maximum(*ends) - served_usd(low)

        rising = business.supply.rises and not business.pays_energy
        return Lever(self._market.requests_per_year, npv_usd, self._with(_VOLUME), _coarse, bounds if rising else None)

    def _served(self, once: Sums, requests: float) -> np.ndarray:
        return self.business.serving_usd(self._drawn, once.times(requests))

    def _prices(self) -> Lever:
        today = float(self.outlook.evidence.pricing.multiplier)
        twice = self.outlook.evidence.at_prices(2.0).business(self._market) or self.business
        now = self.business.npv_usd(self._drawn)
        dearer = {name: 2 * self._drawn[name] for name in _PRICED if name in self._drawn}
        change = twice.npv_usd({**self._drawn, **dearer}) - now  # it is linear in the prices

        def judged_at(times: float) -> tuple[MarketDraws, Callable[[Evidence], Evidence]]:
            return self.outlook.drawn, lambda evidence: evidence.at_prices(times / today)

        return Lever(today, lambda times: now + (times / today - 1) * change, judged_at, _fine)

    def _with(self, name: str) -> Callable[[float], tuple[MarketDraws, Callable[[Evidence], Evidence]]]:
        return lambda value: (self.outlook.drawn.at(name, value), lambda evidence: evidence)

    def _changed(self, lever: Lever) -> float | None:
        """Return the nearest value found that changes the verdict, as its sentence shows it; None if there is none."""
        nearest: float | None = None
        for near, far, crosses in self._steps(lever) if lever.today > 0 else ():
            if nearest is not None and _distance(lever, near) >= _distance(lever, nearest):
                break
            value = self._beyond(lever, self._crossing(lever, near, far)) if crosses else None
            if value is not None and (nearest is None or _distance(lever, value) < _distance(lever, nearest)):
                nearest = value
        return nearest

    def _steps(self, lever: Lever) -> Iterator[tuple[float, float, bool]]:
        """Yield steps from today's value, the nearest first, and whether one leaves its side of the threshold."""
        today = self._passes(lever, lever.today)
        sides = [self._passing(lever, up=up) for up in (True, False)]
        up = down = today
        for step in range(_STEPS):
            near, far = math.exp(step * _STEP), math.exp((step + 1) * _STEP)
            before, up = up, next(sides[0])
            yield lever.today * near, lever.today * far, before == today != up
            before, down = down, next(sides[1])
            yield lever.today / near, lever.today / far, before == today != down

    def _passing(self, lever: Lever, *, up: bool) -> Iterator[bool]:
        """Yield whether the threshold is passed at the end of each step, a block at a time where bounds decide it."""
        for first in range(0, _STEPS, _BLOCK):
            factors = [math.exp((step + 1) * _STEP) for step in range(first, min(first + _BLOCK, _STEPS))]
            values = [lever.today * factor if up else lever.today / factor for factor in factors]
            alike = self._alike(lever, min(values), max(values))
            yield from (self._passes(lever, value) if alike is None else alike for value in values)

    def _alike(self, lever: Lever, low: float, high: float) -> bool | None:
        """Return whether every value between two passes, or none; None where bounds do not say."""
        if lever.bounds is None:
            return None
        least, most = (self._enough(npv_usd) for npv_usd in lever.bounds(low, high))
        return least if least == most else None

    def _beyond(self, lever: Lever, crossing: float) -> float | None:
        """Return a value past a crossing that changes the verdict; None if none is found."""
        at, up = crossing, crossing > lever.today
        for _ in range(_TRIES):
            rounded = _away(at, lever.exponent(at), up=up)
            if self._changes(lever, rounded):
                return self._nearer(lever, rounded, up=up) or rounded
            at = lever.today * (at / lever.today) ** _FARTHER
        return None

    def _nearer(self, lever: Lever, value: float, *, up: bool) -> float | None:
        """Return a value nearer to today's that changes the verdict as well; None if none is found.

        The gates after the threshold may change it first: a driver whose percentile is a loss.
        """
        near, far = lever.today, lever.today * (value / lever.today) ** _NEARER
        if not self._changes(lever, far):
            return None
        while abs(math.log(far / near)) > _CLOSE:
            middle = math.sqrt(near * far)
            near, far = (near, middle) if self._changes(lever, middle) else (middle, far)
        rounded = _away(far, lever.exponent(far), up=up)
        return rounded if self._changes(lever, rounded) else None

    def _passes(self, lever: Lever, value: float) -> bool:
        return self._enough(lever.npv_usd(value))

    def _enough(self, npv_usd: np.ndarray) -> bool:
        threshold = self.outlook.decision.threshold
        assert threshold is not None  # noqa: S101 - `flip` has looked
        if threshold.loss is None:
            return bool(npv_usd.mean() > 0)
        return bool((npv_usd > 0).mean() >= 1 - threshold.loss)

    def _crossing(self, lever: Lever, near: float, far: float) -> float:
        """Return the value between two, by halving, just past which the threshold is crossed."""
        before = self._passes(lever, near)
        for _ in range(_HALVINGS):
            middle = math.sqrt(near * far)
            near, far = (middle, far) if self._passes(lever, middle) == before else (near, middle)
        return far

    def _changes(self, lever: Lever, value: float) -> bool:
        """Return whether the candidate, judged again with its baselines, has the verdict that is told."""
        drawn, change = lever.judged_at(value)

        def row(of: Evidence) -> dict[str, Any]:
            evidence = change(of)
            return Outlook(drawn, evidence, evidence.business(drawn.market)).compared()

        candidate = row(self.outlook.evidence)
        others = [row(baseline) for baseline in self.baselines] if takes_baselines(candidate) else []
        now = against_the_baseline([candidate, *others])[0]["verdict"]
        if self.verdict == "do not invest":
            return VERDICTS.index(now) < VERDICTS.index(self.verdict)
        return bool(now == "invest") != (self.verdict == "invest")


def _distance(lever: Lever, value: float) -> float:
    """Return how far a value is from today's, as a logarithm."""
    return abs(math.log(value / lever.today))


def _fine(value: float) -> int:
    """Return the power of ten of three significant digits, or of whole numbers if they are finer."""
    return min(math.floor(math.log10(value)) - 2, 0)


def _coarse(value: float) -> int:
    """Return the power of ten of four significant digits of whole numbers."""
    return max(math.floor(math.log10(value)) - 3, 0)


def _away(value: float, exponent: int, *, up: bool) -> float:
    """Return a value rounded up or down to a power of ten."""
    steps = value / 10.0**exponent
    return float(f"{math.ceil(steps) if up else math.floor(steps)}e{exponent}")
