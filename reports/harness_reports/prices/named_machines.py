"""Machines that a reader names for served models: no record says where the server ran, so it is an assumption."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import SequenceMatcher

from harness.errors import FactError, unknown
from harness.facts import Price
from harness.records import Record
from harness_reports.prices.pricing import NamedMachine, Pricing
from harness_reports.prices.usage import is_served

_COUNTED = re.compile(r"(.+)x(\d+(?:\.\d+)?)")
_NEAR = 0.4
"""The least likeness of a name that is proposed."""
_TELLING = 3
"""Letters and digits from which a part of an item's name tells which is meant."""


def with_machines(pricing: Pricing, machines: Mapping[str, str], records: Iterable[Record]) -> Pricing:
    """Return prices by which served models are paid by the hour of a machine.

    Args:
        pricing: the prices.
        machines: model (`openai:NAME`) → its machine, `ITEM` or `ITEMxN` with an item of the price book.
        records: with the served models.

    Raises:
        FactError: no record is of such a model, or the price book has no such machine.
    """
    models = {str(record.spec["model"]) for record in records if is_served(record)}
    for model in machines:
        if model not in models:
            raise FactError(f"--machine: {unknown('served model', model, models)}")
    named = {model: named_machine(text, pricing.prices) for model, text in machines.items()}
    return replace(pricing, machines=named)


def named_machine(text: str, prices: Mapping[str, Price]) -> NamedMachine:
    """Return a machine of `ITEM` or `ITEMxN`; where the whole text is an item, as `rtx4090`, it is that.

    Raises:
        FactError: the price book has no such item, or the number is 0.
    """
    counted = _COUNTED.fullmatch(text)
    several = counted is not None and text not in prices and counted[1] in prices
    item, count = (counted[1], float(counted[2])) if counted and several else (text, 1.0)
    if item not in prices:
        near = _nearest(text, prices)
        hint = f"Did you mean {near!r}? " if near else ""
        raise FactError(
            f"--machine: {item!r} has no price. {hint}Known: {', '.join(sorted(prices))}. Write ITEM or ITEMxN; the "
            "price of another goes into a YAML file for --price-book."
        )
    if not count:
        raise FactError(f"--machine: {text!r} is no machine. Give a number above 0 after the x.")
    return NamedMachine(item, count)


def _nearest(text: str, prices: Mapping[str, Price]) -> str | None:
    """Return the nearest right spelling of a machine, with the number that stands behind it; None where none is near.

    `h100x2` is 2 of an item that begins with h100, `rtx4090` no 4,090 of an item rt: the reading that is nearer counts.
    """
    counted = _COUNTED.fullmatch(text)
    readings = [(text, ""), *([(counted[1], f"x{counted[2]}")] if counted else [])]
    ranked = [(_likeness(name, item), f"{item}{count}") for name, count in readings for item in sorted(prices)]
    likeness, near = max(ranked, key=lambda each: each[0], default=(0.0, ""))
    return near if likeness >= _NEAR else None


def _likeness(name: str, item: str) -> float:
    """Return how near a name is to an item, from 0 to 1: 1 for the same letters and digits, then by its beginning."""
    one, other = ("".join(filter(str.isalnum, text.casefold())) for text in (name, item))
    part = len(one) / max(len(other), 1)
    if len(one) >= _TELLING and one in other:
        return 1.0 if one == other else (0.9 if other.startswith(one) else 0.8) + 0.1 * part
    return 1.0 if one == other else 0.8 * SequenceMatcher(None, one, other).ratio()
