"""From price books to the price of a record's machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from harness.errors import FactError, unknown
from harness.facts import Price, PriceBook
from harness_reports.economics.checks import at_least
from harness_reports.economics.energy import grid

if TYPE_CHECKING:
    from harness.records import Record  # `harness plugins` reads price books and needs no records

OWN = "own machines"
"""The provider of what was bought: an owner's view takes these prices, all others first what can be rented."""


@dataclass(frozen=True)
class Pricing:
    """The prices that were chosen, and the assumptions a reader may move."""

    prices: Mapping[str, Price]
    """Item → its price."""
    multiplier: Decimal = Decimal(1)
    """On every price: what if machines cost half, or twice?"""
    utilisation: float = 1.0
    """Share of paid time in which the machine answers requests; 1 is the benchmark's, a service has less."""
    pue: float = 1.15
    """Energy of the building over that of its machines: AWS, 2023."""
    grid: str = "USA"
    """Country whose electricity is used, three letters: carbon hangs on it, location-based."""

    def __post_init__(self) -> None:
        """Refuse assumptions without sense.

        Raises:
            FactError: says which.
        """
        if not 0 < self.utilisation <= 1:
            raise FactError(f"The utilisation is {self.utilisation}. Give a share above 0 and up to 1.")
        if not self.multiplier > 0:
            raise FactError(f"The price multiplier is {self.multiplier}. Give a number above 0.")
        at_least("pue", self.pue, 1)
        grid(self.grid)

    def price(self, record: Record) -> Price:
        """Return the price of one unit of a record's hardware.

        Raises:
            FactError: the hardware has no name in price books, or no price here; nothing is ever priced as 0.
        """
        item = described(record, "price_item")
        if item not in self.prices:
            raise FactError(
                f"{item!r} (hardware {record.spec.get('hardware')!r}) has no price. "
                f"{unknown('item', str(item), self.prices)} "
                "Write its price into a YAML file and give it with --price-book."
            )
        return self.prices[item]


def described(record: Record, what: str) -> Any:
    """Return what a record's hardware says of itself for price books: its `price_item` or `price_quantity`.

    Raises:
        FactError: it says nothing.
    """
    value = (record.environment.get("hardware") or {}).get(what)
    if value is None:
        raise FactError(
            f"Hardware {record.spec.get('hardware')!r} does not say its {what!r}, so it cannot be priced. "
            "Return it from the hardware plugin's describe()."
        )
    return value


def choose(
    price_books: PriceBook | Mapping[str, PriceBook] | Iterable[PriceBook],
    provider: str | None = None,
    region: str | None = None,
    as_of: date | None = None,
) -> Pricing:
    """Choose one price for each item.

    The rule: of the offers of `provider` in `region` (of all where not given) the newest date on or before `as_of`
    (the newest of all where not given); of these the cheapest; of equals the first by provider, offer and region. A
    machine that was bought counts where none can be rented. The offer that was chosen, its date and its source stand in
    the cost table beside every amount.

    Raises:
        FactError: no offer is left.
    """
    return Pricing(first_choice(offers(price_books, provider, region, as_of)))


def offers(
    price_books: PriceBook | Mapping[str, PriceBook] | Iterable[PriceBook],
    provider: str | None = None,
    region: str | None = None,
    as_of: date | None = None,
    item: str | None = None,
) -> list[Price]:
    """Return the prices of a provider in a region, of an item, that were known on a day; all where not given.

    Raises:
        FactError: nobody knows the provider, the region or the item, or no price is left.
    """
    left = [price for book in _books(price_books) for price in book.prices]
    for what, wanted in (("provider", provider), ("region", region), ("item", item)):
        known = {getattr(price, what) for price in left}
        if wanted is not None and wanted not in known:
            raise FactError(unknown(f"{what} of prices", wanted, known))
        left = [price for price in left if wanted is None or getattr(price, what) == wanted]
    dated = [price for price in left if as_of is None or price.as_of <= as_of]
    if not dated:
        raise FactError(
            f"No price is left{f' on or before {as_of}' if as_of else ''}. Name another book, provider, region or day."
        )
    return dated


def first_choice(prices: Iterable[Price]) -> dict[str, Price]:
    """Return for each item the price that counts: rented, the newest, the cheapest, of equals the first by name."""
    chosen: dict[str, Price] = {}
    for price in sorted(prices, key=_preference):
        chosen.setdefault(price.item, price)
    return chosen


def _books(given: PriceBook | Mapping[str, PriceBook] | Iterable[PriceBook]) -> list[PriceBook]:
    if isinstance(given, PriceBook):
        return [given]
    return list(given.values() if isinstance(given, Mapping) else given)


def _preference(price: Price) -> tuple[Any, ...]:
    return price.provider == OWN, -price.as_of.toordinal(), price.usd, price.provider, price.offer, price.region
