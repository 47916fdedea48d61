"""Choosing prices from price books."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from harness.errors import FactError, unknown
from harness.facts import Price, PriceBook, ambiguous
from harness_reports.economics.checks import at_least
from harness_reports.economics.energy import grid

if TYPE_CHECKING:
    from harness.records import Record  # only for types: `harness plugins` reads price books without records
    from harness_reports.reasons import Reason

OWN = "own machines"
"""The provider of bought machines: the owner's view uses these prices, other views only where nothing can be rented."""

Buying = Literal["machines", "shared", "elastic"]
"""How machines are bought: whole and paid every hour; the part of them that is needed; per second of use."""


class NamedMachine(NamedTuple):
    """A machine that the reader names for a served model."""

    item: str
    """In the price book."""
    quantity: float


UTILISATION = 0.5
"""Share of paid time in which machines answer requests where a reader gives none: assumed, since 1 would flatter."""


STALE_DAYS = 365
"""A price that is older on the day of the tables is shown as stale."""


def today() -> date:
    """Return the day where the reader is: prices dated later do not count yet."""
    return datetime.now().astimezone().date()


@dataclass(frozen=True)
class Pricing:
    """The chosen prices, and the assumptions that a reader may change."""

    prices: Mapping[str, Price]
    """Item → its price."""
    multiplier: Decimal = Decimal(1)
    """On every price: 0.5 and 2 ask what half or double prices would change."""
    utilisation: float = UTILISATION
    """Share of paid time in which the machine answers requests: 1 while it is measured, less in a service.

    Of the unit costs of the cost table, and where machines are paid per second. Whole machines have that of their load.
    """
    buying: Buying | None = None
    """None: whole machines, or per second if the offer is billed so."""
    pue: float = 1.15
    """Power usage effectiveness, energy of the building over that of its machines: AWS, 2023."""
    grid: str = "USA"
    """Country of the electricity, three letters, for location-based carbon."""
    as_of: date = field(default_factory=today)
    """The day whose prices these are."""

    machines: Mapping[str, NamedMachine] = field(default_factory=dict)
    """Served model → the machine by whose hour it is paid, in place of its calls: assumed by the reader."""

    def __post_init__(self) -> None:
        """Check the assumptions.

        Raises:
            FactError: one is out of range.
        """
        if not 0 < self.utilisation <= 1:
            raise FactError(f"The utilisation is {self.utilisation}. Give a share above 0 and up to 1.")
        if self.buying is not None and self.buying not in get_args(Buying):
            raise FactError(unknown("way of buying machines", self.buying, get_args(Buying)))
        if not self.multiplier > 0:
            raise FactError(f"The price multiplier is {self.multiplier}. Give a number above 0.")
        at_least("pue", self.pue, 1)
        grid(self.grid)

    def price(self, record: Record) -> Price:
        """Return the price of one unit of a record's hardware.

        Raises:
            FactError: the hardware has no name in price books, or no price here. Nothing is priced as 0 instead.
        """
        machine = self.machine_of(record)
        item = machine.item if machine else described(record, "price_item")
        if item not in self.prices:
            raise FactError(
                f"{item!r} (hardware {record.spec.get('hardware')!r}) has no price. "
                f"{unknown('item', str(item), self.prices)} "
                "Write its price into a YAML file and give it with --price-book."
            )
        return self.prices[item]

    def machine_of(self, record: Record) -> NamedMachine | None:
        """Return the machine that the reader names for a record's served model; None if there is none."""
        return self.machines.get(str(record.spec.get("model"))) if self.machines else None

    def stale(self, price: Price) -> Reason | None:
        """Return why a price is stale on the day of these prices, None if it is not."""
        return why_stale(price.as_of, self.as_of, exact=not price.as_of_note)

    def buying_of(self, record: Record) -> Buying:
        """Return how a record's hardware is bought.

        Raises:
            FactError: as `price`.
        """
        return self.buying or ("elastic" if self.price(record).billing == "second" else "machines")


def described(record: Record, what: str) -> Any:
    """Return the `price_item` or `price_quantity` that a record's hardware states.

    Raises:
        FactError: the hardware states none.
    """
    value = record.hardware.get(what)
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

    Of the offers of `provider` in `region` (all if not given) the newest on or before `as_of` (today if not given)
    counts; of these the cheapest; of equals the first by provider, offer and region. Bought machines count only where
    none can be rented.

    Raises:
        FactError: the provider or region is unknown, no offer is left, or one has two prices on one day.
    """
    day = as_of or today()
    left = offers(price_books, day, provider, region)
    if pair := ambiguous(left):
        one, other = (left[position] for position in pair)
        raise FactError(
            f"{one.provider} {one.offer} ({one.item}, {one.region}) has two prices on {one.as_of}: {one.usd} and "
            f"{other.usd} USD ({one.source}; {other.source}). Keep one, or name their offers apart."
        )
    return Pricing(first_choice(left), as_of=day)


def why_stale(day: date, on: date, *, exact: bool = True) -> Reason | None:
    """Return why a price is stale, None if it is not.

    Args:
        day: of the price; the first that is possible where it is not known exactly.
        on: the day for which the price is used.
        exact: whether the price's day is known.
    """
    from harness_reports.reasons import Reason  # imports pandas: `harness plugins` reads price books without it

    age = (on - day).days
    values = {"days": age, "limit": STALE_DAYS, "day": str(day)}
    return Reason("price old" if exact else "price old perhaps", values) if age > STALE_DAYS else None


def offers(
    price_books: PriceBook | Mapping[str, PriceBook] | Iterable[PriceBook],
    as_of: date,
    provider: str | None = None,
    region: str | None = None,
    item: str | None = None,
) -> list[Price]:
    """Return the prices of a provider, region and item up to a day; whatever else is not given does not narrow them.

    Raises:
        FactError: the provider, region or item is unknown, or no price is left.
    """
    left = [price for book in _books(price_books) for price in book.prices]
    for name, choice in (("provider", provider), ("region", region), ("item", item)):
        values = {getattr(price, name) for price in left}
        if choice is not None and choice not in values:
            raise FactError(unknown(f"{name} of prices", choice, values))
        left = [price for price in left if choice is None or getattr(price, name) == choice]
    dated = [price for price in left if price.as_of <= as_of]
    if not dated:
        raise FactError(f"No price is left on or before {as_of}. Name another book, provider, region or day.")
    return dated


def first_choice(prices: Iterable[Price]) -> dict[str, Price]:
    """Return the price that counts for each item, by the rule of `choose`."""
    chosen: dict[str, Price] = {}
    for price in sorted(prices, key=_preference):
        chosen.setdefault(price.item, price)
    return chosen


def _books(price_books: PriceBook | Mapping[str, PriceBook] | Iterable[PriceBook]) -> list[PriceBook]:
    if isinstance(price_books, PriceBook):
        return [price_books]
    return list(price_books.values() if isinstance(price_books, Mapping) else price_books)


def _preference(price: Price) -> tuple[Any, ...]:
    return price.provider == OWN, -price.as_of.toordinal(), price.usd, price.provider, price.offer, price.region
