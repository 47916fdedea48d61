"""Facts and assumptions that are put beside measurements: prices and use cases. Dated and sourced."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
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


@dataclass(frozen=True)
class Figure:
    """A number with its unit and where it comes from."""

    value: float
    unit: str
    as_of: date
    source: str
    kind: Literal["assumption", "sourced"] = "assumption"


@dataclass(frozen=True)
class UseCase:
    """Needs and market of something a model could do for money, bound to a kind of task."""

    name: str
    title: str
    summary: str
    tasks: tuple[str, ...]
    """Names of the tasks that stand for it."""
    needs: dict[str, Figure]
    """`quality` (in the task's first metric), `latency_s` (99th percentile), …"""
    market: dict[str, Figure]
    """`requests_per_year`, `value_per_request_usd`, `fixed_cost_per_year_usd`, `discount_rate`, `years`, …"""
