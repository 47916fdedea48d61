"""All prices that are known, and which of them would count."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pandas as pd

from harness.facts import PriceBook
from harness_reports.prices.pricing import first_choice, offers

PRICES = (
    "book", "item", "usd", "per", "provider", "offer", "region", "as_of", "as_of_note", "counts", "source",
)  # fmt: skip


def price_table(
    price_books: Mapping[str, PriceBook],
    item: str | None = None,
    provider: str | None = None,
    region: str | None = None,
    as_of: date | None = None,
) -> pd.DataFrame:
    """Return one row for each price, by book, item and what comes first in the choice.

    `counts` says whether it is the one that a table would take for its item, out of its book's prices that are left:
    the newest, of these the cheapest.

    Raises:
        FactError: nobody knows the item, the provider or the region, or no price is left.
    """
    left = set(offers(price_books, provider, region, as_of, item))
    rows = []
    for name, book in price_books.items():
        own = [price for price in book.prices if price in left]
        counting = first_choice(own)
        rows += [
            {
                "book": name, "item": price.item, "usd": float(price.usd), "per": price.per,
                "provider": price.provider, "offer": price.offer, "region": price.region,
                "as_of": price.as_of.isoformat(), "as_of_note": price.as_of_note or None,
                "counts": counting[price.item] is price, "source": price.source,
            }
            for price in sorted(own, key=lambda price: (price.item, -price.as_of.toordinal(), price.usd))
        ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(PRICES))
