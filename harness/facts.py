"""Facts and assumptions beside the measurements: prices and use cases. Dated and sourced."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Literal, Self, get_args

from harness.errors import FactError, unknown

Billing = Literal["machine", "second"]
"""`machine`: every hour of a machine is paid, idle or not; `second`: seconds of use alone, idle time is free."""
Energy = Literal["included", "excluded"]
"""Whether a machine's hourly price includes its electricity."""


@dataclass(frozen=True)
class Price:
    """The price of one unit of an item on a day, in a region, according to a source."""

    item: str
    """What hardware calls itself in `describe()['price_item']`."""
    usd: Decimal
    per: Literal["hour"]
    """Of one unit of the item."""
    provider: str
    offer: str
    """The instance or contract."""
    region: str
    as_of: date
    as_of_note: str
    """How exact the date is; empty for an exact day."""
    source: str
    billing: Billing = "machine"
    energy: Energy = "included"

    def __post_init__(self) -> None:
        """Check date, source, amount and terms.

        Raises:
            FactError: names the price and what it lacks or what is not valid.
        """
        whose = f"Price of {self.item!r} ({self.provider} {self.offer})"
        if not isinstance(self.as_of, date):
            raise FactError(f"{whose} has no date. Add `as_of`: an undated price is not a fact.")
        if not self.source:
            raise FactError(f"{whose} has no source. Add `source`.")
        if not self.usd.is_finite() or self.usd <= 0:
            raise FactError(
                f"{whose} is {self.usd} USD. Give a positive amount, or leave the row out when it is unknown."
            )
        for name, terms in (("billing", Billing), ("energy", Energy)):
            if getattr(self, name) not in get_args(terms):
                raise FactError(f"{whose}: {unknown(name, str(getattr(self, name)), get_args(terms))}")


@dataclass(frozen=True)
class PriceBook:
    """Prices under a name."""

    name: str
    summary: str
    prices: tuple[Price, ...]


def ambiguous(prices: Sequence[Price]) -> tuple[int, int] | None:
    """Return the positions of two prices of one item, offer, region and day whose amounts or terms differ, or None."""
    first: dict[tuple[object, ...], int] = {}
    for position, price in enumerate(prices):
        earlier = first.setdefault((price.item, price.provider, price.offer, price.region, price.as_of), position)
        terms = {(one.usd, one.billing, one.energy) for one in (prices[earlier], price)}
        if len(terms) > 1:
            return earlier, position
    return None


class Text(str):
    """A text with its translations; where none is asked for, a plain text in the language of its author."""

    __slots__ = ("translations",)
    translations: Mapping[str, str]
    """Language → text; empty where there are none."""

    def __new__(cls, text: str, translations: Mapping[str, str] | None = None) -> Self:
        """Take a text, and it in other languages."""
        made = super().__new__(cls, text)
        made.translations = translations or {}
        return made


Shape = Literal["pert", "triangular", "lognormal", "normal"]
_Z90 = 1.6448536269514722
"""The .95 quantile of the standard normal distribution: half of a 90 % interval, in standard deviations."""


@dataclass(frozen=True)
class Spread:
    """A figure's distribution, by the numbers that users give."""

    shape: Shape
    numbers: tuple[float, ...]
    """`pert`, `triangular`: minimum, mode, maximum; `lognormal`: 5th, 95th percentile; `normal`: mean, deviation."""

    @property
    def mean(self) -> float:
        """The mean. For independent figures, the mean of a product is the product of the means."""
        first, *_, last = self.numbers
        if self.shape == "normal":
            return first
        if self.shape == "lognormal":
            low, high = math.log(first), math.log(last)
            return math.exp((low + high) / 2 + ((high - low) / (2 * _Z90)) ** 2 / 2)
        weight = 4 if self.shape == "pert" else 1
        return (first + weight * self.numbers[1] + last) / (weight + 2)


@dataclass(frozen=True)
class Figure:
    """A number with its unit and where it comes from."""

    value: float
    """The mean, if the number is uncertain."""
    unit: str
    as_of: date
    source: str
    kind: Literal["assumption", "sourced"] = "assumption"
    spread: Spread | None = None
    """None: the number is certain."""


@dataclass(frozen=True)
class UseCase:
    """Needs and market of an application of models, bound to tasks."""

    name: str
    title: str
    summary: str
    tasks: tuple[str, ...]
    """Names of the tasks that represent it."""
    needs: dict[str, Figure]
    """Figures by name. A plugin defines the names: see `harness_check_use_case`."""
    market: dict[str, Figure]
    """Likewise."""
    hosted: tuple[str, ...] = ()
    """Hosted models that could do it instead: `provider/model`, as in price lists."""
    file: Path | None = field(default=None, compare=False)
    """The file it was read from. Only the figures of files are checked when they are loaded."""
    data: tuple[str, ...] = ()
    """Names of the data that represent it; empty: all data of its tasks."""

    def covers(self, task: str, data: str) -> bool:
        """Return whether a measurement on a task's data counts for this use case."""
        return task in self.tasks and (not self.data or data in self.data)


DATA_FILES = (".yaml", ".yml")
"""Suffixes of plugin files that hold a use case instead of Python."""
