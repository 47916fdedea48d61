"""The figures a use case may give: what each means, and what it has to be."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from harness.errors import FactError, unknown
from harness.facts import Figure, Spread, UseCase


class FigureRule(NamedTuple):
    """What one figure means and has to be."""

    meaning: str
    low: float = 0.0
    high: float = math.inf
    whole: bool = False
    positive: bool = False
    """Whether `low` itself is too low."""
    spreads: bool = True
    """Whether it may be uncertain."""

    @property
    def demand(self) -> str:
        """What to give, in words."""
        if self.whole and self.high < math.inf:
            return f"a whole number from {self.low:g} to {self.high:g}"
        if self.whole:
            return f"a whole number from {self.low:g}"
        if self.high < math.inf:
            return f"a number from {self.low:g} to {self.high:g}"
        if self.low == -math.inf:
            return "a finite number"
        return f"a number above {self.low:g}" if self.positive else f"{self.low:g} or above"

    def holds(self, value: float) -> bool:
        """Return whether a value is what the rule demands."""
        fits = math.isfinite(value) and self.low <= value <= self.high
        return fits and not (self.positive and value == self.low) and not (self.whole and value != int(value))


_SHARE = 1.0
NEEDS: Mapping[str, FigureRule] = {
    "quality": FigureRule("the least (of an error: the most) that will do, in the task's first metric", -math.inf,
                    spreads=False),
    "latency_s": FigureRule("99 of 100 requests are answered in this time", positive=True, spreads=False),
    "privacy": FigureRule("0 public, 1 personal data: processors under contract only, 2 no third party sees a request",
                    high=2, whole=True, spreads=False),
    "explainability": FigureRule("0 none, 1 a confidence beside the answer, 2 reasons that a person can follow",
                           high=2, whole=True, spreads=False),
}  # fmt: skip
"""What a use case asks of a model."""

MARKET: Mapping[str, FigureRule] = {
    "requests_per_year": FigureRule("requests once everybody who will adopt has adopted; or give the four below"),
    "buyers": FigureRule("everyone who could buy: times value and requests the total addressable market"),
    "serviceable_share": FigureRule("share of the buyers whom the offer can serve", high=_SHARE),
    "obtainable_share": FigureRule("share of those who can be won", high=_SHARE),
    "requests_per_buyer_per_year": FigureRule("requests of one buyer"),
    "adoption_innovation": FigureRule("Bass's p: share of the rest who adopt in a year by themselves", high=_SHARE,
                                positive=True),
    "adoption_imitation": FigureRule("Bass's q: pull of those who have adopted"),
    "value_per_request_usd": FigureRule("what a request earns or saves", -math.inf),
    "value_decline_per_year": FigureRule("share of its value a request loses each year", high=0.99),
    "cost_per_error_usd": FigureRule("what a wrong answer costs"),
    "retry_share": FigureRule("requests that are asked once more, per request", high=10.0),
    "review_share": FigureRule("share of the answers that a person checks and puts right", high=_SHARE),
    "review_usd": FigureRule("what checking one answer costs"),
    "peak_factor": FigureRule("requests of the busiest hour over those of the mean hour", low=1, spreads=False),
    "fixed_cost_per_year_usd": FigureRule("costs that do not depend on requests, without staff"),
    "staff": FigureRule("people who run it, full-time equivalents"),
    "staff_usd_per_year": FigureRule("what one of them costs"),
    "upfront_cost_usd": FigureRule("what is paid before the first request, beside training"),
    "development_multiplier": FigureRule("trainings paid for one that goes into service"),
    "pretraining_uses": FigureRule("uses that share the cost of a pretraining", low=1),
    "retrainings_per_year": FigureRule("fine-tunings a year to keep up with the world"),
    "hardware_decline_per_year": FigureRule("share of its price a machine's hour loses each year", high=0.99),
    "api_price_decline_per_year": FigureRule("share of its price a hosted model loses each year", high=0.99),
    "energy_usd_per_kwh": FigureRule("energy that is paid beside the machine; leave it out where its price holds it"),
    "input_tokens_per_request": FigureRule("what a hosted model would read"),
    "output_tokens_per_request": FigureRule("what a hosted model would write, its reasoning included"),
    "cached_input_share": FigureRule("share of that which a hosted model has read before", high=_SHARE, spreads=False),
    "hosted_quality": FigureRule("quality of the hosted models in the task's first metric", -math.inf),
    "discount_rate": FigureRule("what money costs, share per year"),
    "years": FigureRule("years from the first request to the end", low=1, whole=True, spreads=False),
    "loss_limit": FigureRule("chance of a loss that the investor accepts", high=_SHARE, spreads=False),
}  # fmt: skip
"""What a use case says of the money."""

REQUIRED = ("value_per_request_usd", "fixed_cost_per_year_usd", "upfront_cost_usd", "discount_rate", "years",
            "development_multiplier")  # fmt: skip
BOTTOM_UP = ("buyers", "serviceable_share", "obtainable_share", "requests_per_buyer_per_year")
"""Demand from the ground: their product is `requests_per_year`."""
TOGETHER = (BOTTOM_UP, ("adoption_innovation", "adoption_imitation"), ("staff", "staff_usd_per_year"),
            ("review_share", "review_usd"),
            ("input_tokens_per_request", "output_tokens_per_request"))  # fmt: skip
"""Figures of which one is worth nothing without the others."""
_CURRENCIES = re.compile(r"\b(EUR|GBP|CHF|JPY|CNY|RMB|INR|CAD|AUD|SEK|NOK|DKK|PLN|KRW|SGD|BRL|MXN)\b|[€£¥₹]")
_FAR = 4.0
"""Deviations from the mean within which a normal figure has to make sense."""


def check_use_case(use_case: UseCase) -> None:
    """Hold the figures of a use case as it was brought to their rules.

    Raises:
        FactError: names the file or use case, the figure, what is wrong with it and what to give.
    """
    whose = str(use_case.file or use_case.name)
    for part, known, figures in (("needs", NEEDS, use_case.needs), ("market", MARKET, use_case.market)):
        if not figures:
            raise FactError(f"{whose}: `{part}` is empty. Give figures by name: {', '.join(known)}.")
    check_figures(whose, use_case)


def check_figures(whose: str, use_case: UseCase) -> None:
    """Hold the figures of a use case to their rules.

    Raises:
        FactError: names the figure, what is wrong with it and what to give.
    """
    for part, known, figures in (("needs", NEEDS, use_case.needs), ("market", MARKET, use_case.market)):
        for name, figure in figures.items():
            if name not in known:
                raise FactError(f"{whose}: {unknown(f'figure in {part}', name, known)}")
            check_figure(f"{whose}: {part}.{name}", known[name], figure)
            _check_currency(f"{whose}: {part}.{name}", name, figure)
    check_complete(whose, use_case.market)


def check_complete(whose: str, names: Iterable[str]) -> None:
    """Hold figures to be all that the calculation needs.

    Raises:
        FactError: names the first that is missing.
    """
    given = set(names)
    for name in REQUIRED:
        if name not in given:
            raise FactError(f"{whose} has no market figure {name!r}. Add it with its date and source.")
    if "requests_per_year" not in given and not given >= set(BOTTOM_UP):
        raise FactError(
            f"{whose} has no market figure 'requests_per_year'. Add it with its date and source, or all of "
            f"{', '.join(BOTTOM_UP)}, whose product it is."
        )
    for group in TOGETHER:
        missing = [name for name in group if name not in given]
        if missing and len(missing) < len(group):
            raise FactError(f"{whose}: market.{missing[0]} is missing beside {_first(group, given)}. Give both.")


def _first(group: Iterable[str], given: set[str]) -> str:
    return next(name for name in group if name in given)


def check_figure(whose: str, rule: FigureRule, figure: Figure) -> None:
    """Hold one figure to its rule, all of its spread included.

    Raises:
        FactError: says what is wrong and what to give.
    """
    check_value(whose, rule, figure.value)
    if figure.spread is None:
        return
    if not rule.spreads:
        raise FactError(f"{whose} is uncertain. Give one number: {rule.meaning}.")
    low, high = _reach(figure.spread)
    if low < rule.low or high > rule.high or (rule.positive and low <= rule.low):
        raise FactError(
            f"{whose}: its {figure.spread.shape} distribution reaches from {low:g} to {high:g}. "
            f"Give {rule.demand} over all of it."
        )


def check_value(whose: str, rule: FigureRule, value: float) -> None:
    """Hold a number to a figure's rule.

    Raises:
        FactError: says what it is and what to give.
    """
    if not rule.holds(value):
        raise FactError(f"{whose} is {value:g}. Give {rule.demand}: {rule.meaning}.")


def _reach(spread: Spread) -> tuple[float, float]:
    first, *_, last = spread.numbers
    if spread.shape == "normal":
        return first - _FAR * last, first + _FAR * last
    return (math.ulp(0.0), math.inf) if spread.shape == "lognormal" else (first, last)


def _check_currency(whose: str, name: str, figure: Figure) -> None:
    foreign = _CURRENCIES.search(figure.unit)
    if foreign:
        raise FactError(
            f"{whose} is in {foreign.group()!r} ({figure.unit}). All money is USD: convert it, and say in `source` at "
            "which day's rate."
        )
    if "_usd" in name and "USD" not in figure.unit:
        raise FactError(f"{whose} is money, but its unit is {figure.unit!r}. Write USD into the unit.")
