"""Facts of electricity, buildings and the power of virtual machines: dated and sourced rows."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

FACTS = Path(__file__).parents[1] / "economics" / "energy_facts.csv"


class EnergyFact(NamedTuple):
    """One fact with its source."""

    fact: str
    """`electricity`, `pue` (power usage effectiveness) or `power` (of a part of a virtual machine)."""
    place: str
    value: float
    unit: str
    as_of: str
    source: str


@cache
def energy_facts() -> tuple[EnergyFact, ...]:
    """Return all facts."""
    with FACTS.open(encoding="utf-8", newline="") as file:
        return tuple(
            EnergyFact(row["fact"], row["place"], float(row["value"]), row["unit"], row["as_of"], row["source"])
            for row in csv.DictReader(file)
        )


def electricity(place: str = "US industrial") -> EnergyFact:
    """Return the newest tariff of a place, by default industrial: data centres do not pay household tariffs."""
    return max((fact for fact in energy_facts() if (fact.fact, fact.place) == ("electricity", place)),
               key=lambda fact: fact.as_of)  # fmt: skip


def power(part: str) -> EnergyFact:
    """Return the power of a part of a virtual machine, by Cloud Carbon Footprint."""
    return next(fact for fact in energy_facts() if (fact.fact, fact.place) == ("power", part))
