"""Facts of electricity, buildings and grids: dated and sourced rows, and a machine's energy where no meter was read."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

FACTS = Path(__file__).parents[1] / "economics" / "energy_facts.csv"


class EnergyFact(NamedTuple):
    """One figure with where it comes from."""

    fact: str
    """`electricity`, `pue` (power usage effectiveness) or `power` (of a virtual machine's part)."""
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
    """Return the newest tariff of a place; household tariffs are no price of a data centre."""
    return max((own for own in energy_facts() if (own.fact, own.place) == ("electricity", place)),
               key=lambda own: own.as_of)  # fmt: skip


def power(part: str) -> EnergyFact:
    """Return what a part of a virtual machine draws, by Cloud Carbon Footprint."""
    return next(own for own in energy_facts() if (own.fact, own.place) == ("power", part))
