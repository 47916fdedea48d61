"""The price book `owned`: an hour of a bought machine, by Epoch AI's method (`economics/ownership.py`).

An hour's price is the machine's loss of value, the network between servers and energy. An idle machine costs as much.
The energy may be left out of a user's own machine: it is then paid beside the price.
Staff and the building are not included.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, get_args

from harness.errors import FactError, unknown
from harness.facts import Energy, Price, PriceBook
from harness_reports.economics import ownership
from harness_reports.economics.checks import above, at_least, between
from harness_reports.prices.chips import Accelerator, accelerators
from harness_reports.prices.energy_facts import electricity
from harness_reports.prices.pricing import OWN

PUE = 1.25
"""Assumed: Epoch AI's for companies that are not hyperscalers."""
OWNED = ("item", "usd", "units", "as_of", "source")
"""Required keys of a bought machine in a user's file."""
POWER = ("watts", "usd_per_kwh")
"""Required as well where the price includes energy."""
OPTIONAL_TEXTS = {"provider": OWN, "offer": "amortised", "region": "not stated"}
OPTIONAL = ("pue", "value_lost_per_year", "energy", *OPTIONAL_TEXTS)
_LOST = 1 - 10**-ownership.DECAY_ORDERS_PER_YEAR
_DIGITS = 6


def owned_book() -> PriceBook:
    """Return the price of an hour of every accelerator whose price and power are known."""
    chips = [chip for chip in accelerators().values() if chip.price_item and chip.price_usd and chip.tdp_w]
    return PriceBook(
        "owned",
        f"Bought accelerators, per hour: value lost ({100 * _LOST:.1f} % a year), network and energy",
        tuple(map(_price, chips)),
    )


def _price(chip: Accelerator) -> Price:
    tariff = electricity()
    cost = ownership.amortised_cost(
        (chip.price_usd or 0.0) * chip.server_price_factor, 1.0, tdp_w=chip.tdp_w or 0.0,
        server_power_factor=chip.server_power_factor, power_share=chip.power_share, pue=PUE,
        usd_per_kwh=tariff.value,
    )  # fmt: skip
    day, note = price_day(chip.price_as_of)
    how = (
        f"{chip.price_usd:,.0f} USD x {chip.server_price_factor:g} for its share of the server; network "
        f"{cost.interconnect_usd:.3g}, energy {cost.energy_usd:.3g} USD an hour at {tariff.value:g} USD/kWh "
        f"({tariff.place} {tariff.as_of}), PUE {PUE:g}; {chip.price_source}"
    )
    return Price(
        chip.price_item, _usd(cost.total_usd), "hour", OWN, "amortised", "US", day, note, how, energy="included"
    )


def price_day(text: str) -> tuple[date, str]:
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
            `usd_per_kwh`, `pue` (else 1.25) and `value_lost_per_year` (else 27.6 %); with `energy: excluded` without
            the figures of energy.
        day: of the price.

    Raises:
        FactError: a figure is not a number, out of range or of no use.
    """
    included = _includes_energy(where, entry)
    power = entry if included else dict.fromkeys(POWER, 0)
    lost = between(f"{where}: value_lost_per_year", _number(where, entry, "value_lost_per_year", _LOST))
    units = above(f"{where}: units", _number(where, entry, "units"))
    cost = ownership.amortised_cost(
        above(f"{where}: usd", _number(where, entry, "usd")), 1.0,
        tdp_w=at_least(f"{where}: watts", _number(where, power, "watts")), server_power_factor=1.0, power_share=1.0,
        pue=at_least(f"{where}: pue", _number(where, entry, "pue", PUE), 1),
        usd_per_kwh=at_least(f"{where}: usd_per_kwh", _number(where, power, "usd_per_kwh")),
        orders_per_year=-math.log10(1 - lost), interconnect_share=0.0,
    )  # fmt: skip
    provider, offer, region = (str(entry.get(name) or default) for name, default in OPTIONAL_TEXTS.items())
    hourly = _usd(cost.total_usd / units)
    return Price(
        str(entry["item"]), hourly, "hour", provider, offer, region, day, "", str(entry["source"]),
        energy="included" if included else "excluded",
    )  # fmt: skip


def keys(entry: Any) -> tuple[Sequence[str], Sequence[str]]:
    """Return the required and the optional keys of a bought machine; power only where the price includes energy."""
    if isinstance(entry, dict) and entry.get("energy", "included") != "included":
        return OWNED, (*OPTIONAL, *POWER)  # `owned_price` says what is wrong with them
    return (*OWNED, *POWER), OPTIONAL


def _includes_energy(where: str, entry: Mapping[str, Any]) -> bool:
    """Return whether the price has energy in it.

    Raises:
        FactError: `energy` says neither, or energy is excluded and has figures.
    """
    energy = str(entry.get("energy", "included"))
    if energy not in get_args(Energy):
        raise FactError(f"{where}: {unknown('energy', energy, get_args(Energy))}")
    useless = [name for name in (*POWER, "pue") if energy == "excluded" and name in entry]
    if useless:
        raise FactError(f"{where}: `{useless[0]}` has no effect where energy is excluded. Leave one of the two out.")
    return energy == "included"


def _number(where: str, entry: Mapping[str, Any], name: str, default: float | None = None) -> float:
    value = entry.get(name, default)
    try:
        return float("no number" if isinstance(value, bool) or value is None else value)
    except (TypeError, ValueError):
        raise FactError(f"{where}: `{name}` is {value!r}. Give a number.") from None
