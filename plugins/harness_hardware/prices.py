"""The price book `cloud`: on-demand prices of cloud instances, read from `cloud_prices.csv` when something is priced.

The file is a collection of published prices with their dates and sources. What is taken from it, and what is not:

- an accelerator's price is per accelerator and hour, the share of its host included;
- a processor's price is per vCPU and hour: the instance's price over its vCPUs, its memory included;
- on demand only. Spot prices are left alone: many are placeholders (equal to on-demand, or a tenth of it);
- a row without an on-demand price (capacity blocks) is left out: missing is not 0;
- an owner's cost estimate and a three-year rental are no on-demand price and are left out.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from harness.errors import FactError
from harness.facts import Price, PriceBook

CLOUD = Path(__file__).with_name("cloud_prices.csv")
VAGUE_DATES = {
    "2025H2+": (date(2025, 7, 1), "second half of 2025 or later, exact day unknown: the first possible day is given"),
    "2025-26": (date(2025, 1, 1), "2025 or 2026, exact day unknown: the first possible day is given"),
    "2023": (date(2023, 1, 1), "some day of 2023, exact day unknown: the first possible day is given"),
}
"""What the file says → the first day it can mean, so that a price never looks fresher than it is known to be."""
SAME_ITEM = {
    "NVIDIA H200 SXM": "H200-141GB",
    "NVIDIA H100 SXM5 80GB": "H100-80GB",
    "NVIDIA H100 PCIe": "H100-80GB PCIe",
    "NVIDIA A100 SXM4 80 GB": "A100-80GB",
    "NVIDIA A100 SXM4 40 GB": "A100-40GB",
    "NVIDIA V100": "V100-16GB",
    "NVIDIA L40S": "L40S",
    "NVIDIA A10 PCIe": "A10",
    "NVIDIA RTX A6000": "RTX A6000",
}
"""Sources name one accelerator differently: name → item. Names that leave the memory open are not in here."""
NOT_ON_DEMAND = "SemiAnalysis"
"""Provider column of the rows that hold owners' costs and three-year rentals."""
PROCESSORS = ("CPU", "CPU-ARM")
NOT_STATED = "not stated"

Row = Mapping[str, str]


def read_book(path: Path) -> PriceBook:
    """Read the price book.

    Raises:
        FactError: a row has no date, no source, or a price that is none; says which row.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    prices = (_price(row, f"{path.name}, row {number}") for number, row in enumerate(rows, start=2))
    return PriceBook(
        name="cloud",
        summary="On-demand prices of cloud instances, 2023 to 2025 or later, in USD per vCPU or accelerator and hour",
        prices=tuple(price for price in prices if price is not None),
    )


def _price(row: Row, where: str) -> Price | None:
    if row["provider"].startswith(NOT_ON_DEMAND):
        return None
    usd = _per_vcpu(row, where) if row["accelerator"] in PROCESSORS else _amount(row, "per_accel_usd_h", where)
    if usd is None:
        return None
    as_of, note = _date(row["as_of"], where)
    try:
        return Price(
            item=SAME_ITEM.get(row["accelerator"], row["accelerator"]),
            usd=usd,
            per="hour",
            provider=row["provider"],
            offer=row["instance"] or NOT_STATED,
            region=row["region"] or NOT_STATED,
            as_of=as_of,
            as_of_note=note,
            source=row["source"],
        )
    except FactError as error:
        raise FactError(f"{where}: {error}") from error


def _per_vcpu(row: Row, where: str) -> Decimal | None:
    instance, vcpus = _amount(row, "on_demand_usd_h", where), _amount(row, "vcpus", where)
    if instance is None:
        return None
    if not vcpus:
        raise FactError(f"{where}: a processor instance has no number of vCPUs. Add `vcpus`.")
    return instance / vcpus


def _amount(row: Row, column: str, where: str) -> Decimal | None:
    """Return a number, None where the column is empty."""
    text = row[column].strip()
    try:
        return Decimal(text) if text else None
    except InvalidOperation as error:
        raise FactError(f"{where}: {column} is {text!r}, which is no number.") from error


def _date(text: str, where: str) -> tuple[date, str]:
    """Return the day, and how exactly it is known."""
    if text in VAGUE_DATES:
        return VAGUE_DATES[text]
    try:
        return date.fromisoformat(text), ""
    except ValueError as error:
        known = ", ".join(VAGUE_DATES)
        raise FactError(
            f"{where}: as_of is {text!r}. Give a day as YYYY-MM-DD, or one of {known}: an undated price is not a fact."
        ) from error
