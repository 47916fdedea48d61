"""Prices and the reader's assumptions as figures, with their sources."""

from __future__ import annotations

from harness.facts import Price
from harness.records import Record
from harness_reports.figures.explained import Explained, derived
from harness_reports.measured.readings import who
from harness_reports.prices.pricing import Pricing, described


def chosen(value: object, default: object) -> str:
    """Return who chose an assumption: the harness, whose default it is, or the reader."""
    return "default" if value == default else "set by you"


def hourly(record: Record, pricing: Pricing) -> Explained:
    """Return the price of an hour of a record's machine.

    Raises:
        FactError: the hardware has no price, or does not state its `price_item` and `price_quantity`.
    """
    return derived("usd_per_hour", "USD", "price_usd * price_quantity * price_multiplier",
                   price(record, pricing), _quantity(record, pricing), multiplier(pricing))  # fmt: skip


def _quantity(record: Record, pricing: Pricing) -> Explained:
    machine = pricing.machine_of(record)
    if machine is not None:
        source = f"set by you: the machine that serves {record.spec['model']}"
        return Explained("price_quantity", machine.quantity, machine.item, source=source, kind="assumed")
    return Explained(
        "price_quantity", described(record, "price_quantity"), str(described(record, "price_item")),
        source=f"the hardware's own description in {who(record)}", kind="declared",
    )  # fmt: skip


def price(record: Record, pricing: Pricing) -> Explained:
    """Return the price of one unit of a record's machine."""
    offer = pricing.price(record)
    day = f"{offer.as_of} ({offer.as_of_note})" if offer.as_of_note else str(offer.as_of)
    source = f"{offer.provider} {offer.offer}, {offer.region}, as of {day}; {terms(offer)}; {offer.source}"
    return Explained("price_usd", float(offer.usd), f"USD per {offer.per} of one {offer.item}", source=source,
                     note=str(pricing.stale(offer) or ""), kind="price")  # fmt: skip


def terms(offer: Price) -> str:
    """Return what is paid and whether energy is, in words."""
    paid = {"machine": "paid whole hours, idle or not", "second": "paid by the second of use"}[offer.billing]
    return f"{paid}, energy {offer.energy}"


def multiplier(pricing: Pricing) -> Explained:
    """Return the reader's multiplier of prices."""
    source = f"{chosen(pricing.multiplier, Pricing.multiplier)}: 1 is the price book's price"
    return Explained("price_multiplier", float(pricing.multiplier), source=source, kind="assumed")


def utilisation(pricing: Pricing) -> Explained:
    """Return the share of paid time in which the machine is busy."""
    source = f"{chosen(pricing.utilisation, Pricing.utilisation)}: share of paid time that is used"
    return Explained("utilisation", pricing.utilisation, source=source, kind="assumed")
