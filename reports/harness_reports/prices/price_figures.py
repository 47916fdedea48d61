"""Prices and the assumptions beside them as figures, each with its date and source."""

from __future__ import annotations

from harness.records import Record
from harness_reports.figures.explained import Explained, derived
from harness_reports.measured.readings import who
from harness_reports.prices.pricing import Pricing, described


def hourly(record: Record, pricing: Pricing) -> Explained:
    """Return what an hour of a record's machine costs.

    Raises:
        FactError: its hardware has no price, or does not say what it is and how much of it.
    """
    quantity = Explained(
        "price_quantity", described(record, "price_quantity"), str(described(record, "price_item")),
        source=f"the hardware's own description in {who(record)}", kind="declared",
    )  # fmt: skip
    return derived("usd_per_hour", "USD", "price_usd * price_quantity * price_multiplier",
                   price(record, pricing), quantity, multiplier(pricing))  # fmt: skip


def price(record: Record, pricing: Pricing) -> Explained:
    """Return the price of one unit of a record's machine."""
    found = pricing.price(record)
    day = f"{found.as_of} ({found.as_of_note})" if found.as_of_note else str(found.as_of)
    source = f"{found.provider} {found.offer}, {found.region}, as of {day}; {found.source}"
    return Explained("price_usd", float(found.usd), f"USD per {found.per} of one {found.item}", source=source,
                     kind="price")  # fmt: skip


def multiplier(pricing: Pricing) -> Explained:
    """Return the reader's multiplier of prices."""
    return Explained("price_multiplier", float(pricing.multiplier), source="the reader's: 1 is the price book's price",
                     kind="assumed")  # fmt: skip


def utilisation(pricing: Pricing) -> Explained:
    """Return the share of paid time in which the machine works."""
    return Explained("utilisation", pricing.utilisation, source="the reader's: share of paid time that is used",
                     kind="assumed")  # fmt: skip
