"""The hardware my-name: a device with a price of its own. Change it, then run: harness check my_name.py."""

from datetime import date
from decimal import Decimal

import harness


class MyName(harness.Hardware):
    name = "my-name"
    summary = "This machine, rented at our own rate"
    device = "cpu"  # as torch names it; every runtime that takes this kind of device runs here
    precisions = ("fp32",)

    def unavailable(self):
        return None  # or a sentence that says why it cannot be used here

    def describe(self):
        return {"device_name": "our machine", "price_item": "my-name", "price_quantity": 1}

    def meters(self):
        return []  # harness.Meter objects that read energy or memory over a window


@harness.hookimpl
def harness_hardware():
    return [MyName()]


@harness.hookimpl
def harness_price_books():
    price = harness.Price(
        item="my-name",
        usd=Decimal("0.25"),
        per="hour",
        provider="us",
        offer="own machine",
        region="here",
        as_of=date(2026, 1, 1),
        as_of_note="",
        source="our own books: replace it",
        billing="machine",  # every hour is paid, idle or not; "second": seconds of use alone
        energy="included",  # electricity is in the price; "excluded": it is paid beside it
    )
    return [harness.PriceBook(name="my-name", summary="What our machine costs an hour", prices=(price,))]
