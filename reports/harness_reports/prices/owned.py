"""The price book `owned`: an hour of a bought machine, by Epoch AI's method (`economics/ownership.py`).

An hour's price is the machine's loss of value, the network between servers and energy. An idle machine costs as much.
Staff and the building are not included.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from harness.errors import FactError
from harness.facts import Price, PriceBook
from harness_reports.economics import ownership
from harness_reports.economics.checks import above, at_least, between
from harness_reports.prices.chips import Accelerator, accelerators
from harness_reports.prices.energy_facts import electricity
from harness_reports.prices.pricing import OWN

PUE = 1.25
"""Assumed: Epoch AI's for companies that are not hyperscalers."""
OWNED = ("item", "usd", "units", "watts", "usd_per_kwh", "as_of", "source")
"""Required keys of a bought machine in a user's file."""
OPTIONAL_TEXTS = {"provider": OWN, "offer": "amortised", "region": "not stated"}
OPTIONAL = ("pue", "value_lost_per_year", *OPTIONAL_TEXTS)
_LOST = 1 - 10**-ownership.DECAY_ORDERS_PER_YEAR
_DIGITS = 6


def owned_book() -> PriceBook:
    """Return the price of an hour of every accelerator whose price and power are known."""
    chips = [chip for chip in accelerators().values() if chip.price_item and chip.price_usd and chip.tdp_w]
    return PriceBook(
        "owned",
        f"Bought accelerators, per hour: value lost ({_LOST:.1%} a year), network and energy",
        tuple(map(_price, chips)),
    )


def _price(chip: Accelerator) -> Price:
    tariff = electricity()
    cost = ownership.amortised_cost(
        (chip.price_usd or 0.0) * chip.server_price_factor, 1.0, tdp_w=chip.tdp_w or 0.0,
        server_power_factor=chip.server_power_factor, power_share=chip.power_share, pue=PUE,
        usd_per_kwh=tariff.value,
    )  # fmt: skip
    day, note = _day(chip.price_as_of)
    how = (
        f"{chip.price_usd:,.0f} USD x {chip.server_price_factor:g} for its share of the server; network "
        f"{cost.interconnect_usd:.3g}, energy {cost.energy_usd:.3g} USD an hour at {tariff.value:g} USD/kWh "
        f"({tariff.place} {tariff.as_of}), PUE {PUE:g}; {chip.price_source}"
    )
    return Price(chip.price_item, _usd(cost.total_usd), "hour", OWN, "amortised", "US", day, note, how)


def _day(text: str) -> tuple[date, str]:
    """Return the day of a chip's price and a note; of a year alone, its first day."""
    if len(text) == len("2021"):
        return date(int(text), 1, 1), "some day of that year, exact day unknown: the first possible day is given"
    return date.fromisoformat(text), ""


def _usd(hourly: float) -> Decimal:
    return Decimal(str(round(hourly, _DIGITS)))


def owned_price(where: str, entry: Mapping[str, Any], day: date) -> Price:
    """Return the price of an hour of one unit of a user's bought machine.

    Args:
        where: file and entry, for messages.
        entry: `usd` of the whole machine with its network, its `units` (vCPUs, accelerators), average `watts`,
            `usd_per_kwh`, `pue` (else 1.25) and `value_lost_per_year` (else 27.6 %).
        day: of the price.

    Raises:
        FactError: a figure is not a number or out of range.
    """
    lost = between(f"{where}: value_lost_per_year", _number(where, entry, "value_lost_per_year", _LOST))
    units = above(f"{where}: units", _number(where, entry, "units"))
    cost = ownership.amortised_cost(
        above(f"{where}: usd", _number(where, entry, "usd")), 1.0,
        tdp_w=at_least(f"{where}: watts", _number(where, entry, "watts")), server_power_factor=1.0, power_share=1.0,
        pue=at_least(f"{where}: pue", _number(where, entry, "pue", PUE), 1),
        usd_per_kwh=at_least(f"{where}: usd_per_kwh", _number(where, entry, "usd_per_kwh")),
        orders_per_year=-math.log10(1 - lost), interconnect_share=0.0,
    )  # fmt: skip
    provider, offer, region = (str(entry.get(name) or default) for name, default in OPTIONAL_TEXTS.items())
    hourly = _usd(cost.total_usd / units)
    return Price(str(entry["item"]), hourly, "hour", provider, offer, region, day, "", str(entry["source"]))


def _number(where: str, entry: Mapping[str, Any], name: str, default: float | None = None) -> float:
    value = entry.get(name, default)
    try:
        return float("no number" if isinstance(value, bool) or value is None else value)
    except (TypeError, ValueError):
        raise FactError(f"{where}: `{name}` is {value!r}. Give a number.") from None
