"""All known prices, and which of them tables use."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pandas as pd

from harness.facts import PriceBook
from harness_reports.prices.pricing import first_choice, offers, today, why_stale

PRICES = (
    "book", "item", "usd", "per", "provider", "offer", "region", "billing", "energy", "as_of", "as_of_note",
    "counts", "old", "source",
)  # fmt: skip


def price_table(
    price_books: Mapping[str, PriceBook],
    item: str | None = None,
    provider: str | None = None,
    region: str | None = None,
    as_of: date | None = None,
) -> pd.DataFrame:
    """Return one row for each price, by book and item, the newest first.

    `counts` marks the price that a table would use for its item, out of the book's prices that are left: the newest, of
    these the cheapest; prices dated after today do not count. If `as_of` is given, it stands for today, and later
    prices have no row. `old` marks prices over `STALE_DAYS` days old. `billing`: the whole `machine` is paid, idle or
    not, or the `second` of use; `energy` is `included` in the price or `excluded`.

    Raises:
        FactError: the item, provider or region is unknown, or no price is left.
    """
    left = set(offers(price_books, as_of or date.max, provider, region, item))
    day, rows = as_of or today(), []
    for name, book in price_books.items():
        prices = [price for price in book.prices if price in left]
        counting = first_choice(price for price in prices if price.as_of <= day)
        rows += [
            {
                "book": name, "item": price.item, "usd": float(price.usd), "per": price.per,
                "provider": price.provider, "offer": price.offer, "region": price.region,
                "billing": price.billing, "energy": price.energy,
                "as_of": price.as_of.isoformat(), "as_of_note": price.as_of_note or None,
                "counts": counting.get(price.item) is price,
                "old": why_stale(price.as_of, day) is not None, "source": price.source,
            }
            for price in sorted(prices, key=lambda price: (price.item, -price.as_of.toordinal(), price.usd))
        ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(PRICES))
