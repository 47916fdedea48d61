"""Energy and carbon where no meter can be read: estimates, to be labelled so. Metered joules always come first."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

from harness.errors import FactError, unknown

GRID = Path(__file__).with_name("grid_carbon.csv")


class Grid(NamedTuple):
    """How much carbon a country's electricity holds."""

    country: str
    year: int
    """Of the figure; not the same for all countries."""
    g_co2e_per_kwh: float


def grid(country: str) -> Grid:
    """Return a country's grid, location-based: codecarbon 3.3.2, global_energy_mix.json (Our World in Data).

    Args:
        country: three letters (ISO 3166-1 alpha-3).

    Raises:
        FactError: nobody knows the country's figure; none is ever taken to be 0.
    """
    known = _grids()
    if country.upper() not in known:
        raise FactError(unknown("country", country, known))
    return known[country.upper()]


@cache
def _grids() -> dict[str, Grid]:
    with GRID.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["iso3"]: Grid(row["country"], int(row["year"]), float(row["g_co2e_per_kwh"])) for row in rows}
