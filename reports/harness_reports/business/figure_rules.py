"""The figures of a use case: their meaning, and the values they may have."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from harness.errors import FactError, unknown
from harness.facts import Figure, Spread, UseCase


class FigureRule(NamedTuple):
    """Meaning of a figure, and the values it may have."""

    meaning: str
    low: float = 0.0
    high: float = math.inf
    whole: bool = False
    positive: bool = False
    """Whether the value has to be above `low`."""
    spreads: bool = True
    """Whether it may have a distribution."""

    @property
    def demand(self) -> str:
        """The values it may have, in words."""
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
        """Return whether a value keeps the rule."""
        fits = math.isfinite(value) and self.low <= value <= self.high
        return fits and not (self.positive and value == self.low) and not (self.whole and value != int(value))


_SHARE = 1.0
_DECLINE = 0.99
"""The largest yearly decline: at 1 nothing would be left."""
NEEDS: Mapping[str, FigureRule] = {
    "quality": FigureRule("the least (of an error: the most) that will do, in the task's first metric", -math.inf,
                          spreads=False),
    "latency_s": FigureRule("99 of 100 requests are answered in this time", positive=True, spreads=False),
    "privacy": FigureRule("0 public, 1 personal data: processors under contract only, 2 no third party sees a request",
                          high=2, whole=True, spreads=False),
    "explainability": FigureRule("0 none, 1 a confidence beside the answer, 2 reasons that a person can follow",
                                 high=2, whole=True, spreads=False),
}  # fmt: skip
"""Requirements of a use case on a model."""

MARKET: Mapping[str, FigureRule] = {
    "requests_per_year": FigureRule("requests in a steady-state year, after adoption; or give the four below"),
    "buyers": FigureRule("all potential buyers: times value and requests the total addressable market"),
    "serviceable_share": FigureRule("share of the buyers whom the product can serve", high=_SHARE),
    "obtainable_share": FigureRule("share of the serviceable buyers who can be won", high=_SHARE),
    "requests_per_buyer_per_year": FigureRule("requests of one buyer"),
    "adoption_innovation": FigureRule("Bass's p, coefficient of innovation per year", high=_SHARE, positive=True),
    "adoption_imitation": FigureRule("Bass's q, coefficient of imitation per year"),
    "value_per_request_usd": FigureRule("income or saving per request", -math.inf),
    "value_decline_per_year": FigureRule("yearly decline of the value of a request, as a share", high=_DECLINE),
    "cost_per_error_usd": FigureRule("cost of a wrong answer"),
    "retry_share": FigureRule("retries per request", high=10.0),
    "review_share": FigureRule("share of the answers that a person reviews and corrects", high=_SHARE),
    "review_usd": FigureRule("cost of reviewing one answer"),
    "peak_factor": FigureRule("requests of the busiest hour over those of the mean hour", low=1, spreads=False),
    "fixed_cost_per_year_usd": FigureRule("fixed costs without staff"),
    "staff": FigureRule("full-time equivalents who run it"),
    "staff_usd_per_year": FigureRule("yearly cost of one of them"),
    "upfront_cost_usd": FigureRule("investment before the first request, without training"),
    "development_multiplier": FigureRule("trainings paid for each one that goes into service"),
    "pretraining_uses": FigureRule("uses that share the cost of a pretraining", low=1),
    "label_usd": FigureRule("price of one more graded test item; leave it out if no labels can be bought",
                            spreads=False),
    "retrainings_per_year": FigureRule("fine-tunings per year after the first"),
    "hardware_decline_per_year": FigureRule("yearly decline of the price of a machine hour, as a share", high=_DECLINE),
    "api_price_decline_per_year": FigureRule("yearly decline of the price of a hosted model, as a share",
                                             high=_DECLINE),
    "energy_usd_per_kwh": FigureRule("price of energy, paid where a machine's price excludes it"),
    "input_tokens_per_request": FigureRule("input tokens of a hosted model"),
    "output_tokens_per_request": FigureRule("output tokens of a hosted model, reasoning included"),
    "cached_input_share": FigureRule("share of the input tokens read from cache", high=_SHARE, spreads=False),
    "hosted_quality": FigureRule("quality of the hosted models in the task's first metric", -math.inf),
    "discount_rate": FigureRule("cost of capital, share per year"),
    "years": FigureRule("life of the business from the first request", low=1, whole=True, spreads=False),
    "loss_limit": FigureRule("accepted probability of a loss", high=_SHARE, spreads=False),
}  # fmt: skip
"""Demand, value and costs of a use case."""

REQUIRED = ("value_per_request_usd", "fixed_cost_per_year_usd", "upfront_cost_usd", "discount_rate", "years",
            "development_multiplier")  # fmt: skip
BOTTOM_UP = ("buyers", "serviceable_share", "obtainable_share", "requests_per_buyer_per_year")
"""Bottom-up demand: the product is `requests_per_year`."""
TOGETHER = (BOTTOM_UP, ("adoption_innovation", "adoption_imitation"), ("staff", "staff_usd_per_year"),
            ("review_share", "review_usd"),
            ("input_tokens_per_request", "output_tokens_per_request"))  # fmt: skip
"""Groups of figures that make sense together only."""
_CURRENCIES = re.compile(r"\b(EUR|GBP|CHF|JPY|CNY|RMB|INR|CAD|AUD|SEK|NOK|DKK|PLN|KRW|SGD|BRL|MXN)\b|[€£¥₹]")
_FAR = 4.0
"""Standard deviations around the mean within which a normal figure has to keep its rule."""


def check_use_case(use_case: UseCase) -> None:
    """Raise if a use case read from a file has no needs, no market, or a figure that breaks its rule.

    Raises:
        FactError: names the file or use case, the figure, what is wrong and what to give.
    """
    where = str(use_case.file or use_case.name)
    for part, rules, figures in (("needs", NEEDS, use_case.needs), ("market", MARKET, use_case.market)):
        if not figures:
            raise FactError(f"{where}: `{part}` is empty. Give figures by name: {', '.join(rules)}.")
    check_figures(where, use_case)


def check_figures(where: str, use_case: UseCase) -> None:
    """Raise if a figure of a use case breaks its rule, or one is missing.

    Raises:
        FactError: names the figure, what is wrong and what to give.
    """
    for part, rules, figures in (("needs", NEEDS, use_case.needs), ("market", MARKET, use_case.market)):
        for name, figure in figures.items():
            if name not in rules:
                raise FactError(f"{where}: {unknown(f'figure in {part}', name, rules)}")
            check_figure(f"{where}: {part}.{name}", rules[name], figure)
            _check_currency(f"{where}: {part}.{name}", name, figure)
    check_complete(where, use_case.market)


def check_complete(where: str, names: Iterable[str]) -> None:
    """Raise if a figure that the calculation needs is missing.

    Raises:
        FactError: names the first missing figure.
    """
    present = set(names)
    for name in REQUIRED:
        if name not in present:
            raise FactError(f"{where} has no market figure {name!r}. Add it with its date and source.")
    if "requests_per_year" not in present and not present >= set(BOTTOM_UP):
        raise FactError(
            f"{where} has no market figure 'requests_per_year'. Add it with its date and source, or all of "
            f"{', '.join(BOTTOM_UP)}, whose product it is."
        )
    for group in TOGETHER:
        missing = [name for name in group if name not in present]
        if missing and len(missing) < len(group):
            other = next(name for name in group if name in present)
            raise FactError(f"{where}: market.{missing[0]} is missing beside {other}. Give both.")


def check_figure(where: str, rule: FigureRule, figure: Figure) -> None:
    """Raise if a figure, or any value of its distribution, breaks its rule.

    Raises:
        FactError: says what is wrong and what to give.
    """
    check_value(where, rule, figure.value)
    if figure.spread is None:
        return
    if not rule.spreads:
        raise FactError(f"{where} is uncertain. Give one number: {rule.meaning}.")
    low, high = _range(figure.spread)
    if low < rule.low or high > rule.high or (rule.positive and low <= rule.low):
        raise FactError(
            f"{where}: its {figure.spread.shape} distribution reaches from {low:g} to {high:g}. "
            f"Give {rule.demand} over all of it."
        )


def check_value(where: str, rule: FigureRule, value: float) -> None:
    """Raise if a number breaks a figure's rule.

    Raises:
        FactError: names the number and what to give.
    """
    if not rule.holds(value):
        raise FactError(f"{where} is {value:g}. Give {rule.demand}: {rule.meaning}.")


def _range(spread: Spread) -> tuple[float, float]:
    """Return the ends of a distribution; a lognormal has none, and is above 0."""
    first, *_, last = spread.numbers
    if spread.shape == "normal":
        return first - _FAR * last, first + _FAR * last
    return (math.ulp(0.0), math.inf) if spread.shape == "lognormal" else (first, last)


def _check_currency(where: str, name: str, figure: Figure) -> None:
    foreign = _CURRENCIES.search(figure.unit)
    if foreign:
        raise FactError(
            f"{where} is in {foreign.group()!r} ({figure.unit}). All money is USD: convert it, and say in `source` at "
            "which day's rate."
        )
    if "_usd" in name and "USD" not in figure.unit:
        raise FactError(f"{where} is money, but its unit is {figure.unit!r}. Write USD into the unit.")
