"""Machines that a reader names for served models: no record says where the server ran, so it is an assumption."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from harness.errors import FactError, unknown
from harness.facts import Price
from harness.records import Record
from harness_reports.prices.pricing import NamedMachine, Pricing
from harness_reports.prices.usage import is_served

_COUNTED = re.compile(r"(.+)x(\d+(?:\.\d+)?)")


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
        raise FactError(
            f"--machine: {item!r} has no price. {unknown('item', item, prices)} "
            "Write its price into a YAML file and give it with --price-book."
        )
    if not count:
        raise FactError(f"--machine: {text!r} is no machine. Give a number above 0 after the x.")
    return NamedMachine(item, count)
