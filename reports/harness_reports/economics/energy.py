"""Carbon intensity of electricity grids."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

from harness.errors import FactError, unknown

GRID = Path(__file__).with_name("grid_carbon.csv")


class Grid(NamedTuple):
    """Carbon intensity of a country's electricity."""

    country: str
    year: int
    """Of the figure; it differs by country."""
    g_co2e_per_kwh: float


def grid(country: str) -> Grid:
    """Return a country's location-based grid intensity: codecarbon 3.3.2, global_energy_mix.json (Our World in Data).

    Args:
        country: three letters (ISO 3166-1 alpha-3), in any case.

    Raises:
        FactError: the country has no figure.
    """
    grids = _grids()
    if country.upper() not in grids:
        raise FactError(unknown("country", country, grids))
    return grids[country.upper()]


@cache
def _grids() -> dict[str, Grid]:
    with GRID.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["iso3"]: Grid(row["country"], int(row["year"]), float(row["g_co2e_per_kwh"])) for row in rows}
