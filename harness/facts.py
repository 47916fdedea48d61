"""Facts and assumptions that are put beside measurements: prices and use cases. Dated and sourced."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Literal

from harness.errors import FactError


@dataclass(frozen=True)
class Price:
    """What one unit of something costs, on a day, in a place, according to a source."""

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
    """How exactly the date is known; empty where the day itself is."""
    source: str

    def __post_init__(self) -> None:
        """Refuse a price without date, source or sense.

        Raises:
            FactError: says which price and what it lacks.
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


@dataclass(frozen=True)
class PriceBook:
    """Prices under a name."""

    name: str
    summary: str
    prices: tuple[Price, ...]


Shape = Literal["pert", "triangular", "lognormal", "normal"]
_Z90 = 1.6448536269514722
"""Standard normal quantile of .95: from the median to the end of a 90 % interval in deviations."""


@dataclass(frozen=True)
class Spread:
    """How far a figure may be off, in the numbers people give."""

    shape: Shape
    numbers: tuple[float, ...]
    """`pert` and `triangular`: least, likeliest, greatest; `lognormal`: 5th and 95th percentile; `normal`: mean, sd."""

    @property
    def mean(self) -> float:
        """The expectation: with it for every figure, a sum of products of figures is the expected one."""
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
    """Where the number is uncertain, its mean."""
    unit: str
    as_of: date
    source: str
    kind: Literal["assumption", "sourced"] = "assumption"
    spread: Spread | None = None
    """None: the number counts as certain."""


@dataclass(frozen=True)
class UseCase:
    """Needs and market of something a model could do for money, bound to a kind of task."""

    name: str
    title: str
    summary: str
    tasks: tuple[str, ...]
    """Names of the tasks that stand for it."""
    needs: dict[str, Figure]
    """Figures by name. Which names there are, a plugin says: see `harness_check_use_case`."""
    market: dict[str, Figure]
    """Likewise."""
    hosted: tuple[str, ...] = ()
    """Hosted models that could do it instead, `provider/model` as price lists name them."""
    file: Path | None = field(default=None, compare=False)
    """The file it was read from. Its figures are checked when it is loaded; those of one made in Python are not."""
    data: tuple[str, ...] = ()
    """Names of the data that stand for it; empty: all data of its tasks do."""

    def covers(self, task: str, data: str) -> bool:
        """Return whether a measurement on a task's data speaks of this use case."""
        return task in self.tasks and (not self.data or data in self.data)


DATA_FILES = (".yaml", ".yml")
"""Endings of a plugin file that holds a use case instead of Python."""
