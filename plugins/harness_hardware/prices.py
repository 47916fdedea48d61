"""Price books of cloud machines, read from `cloud_prices.csv` when something is priced: one for each kind of contract.

The file is a collection of published prices with their dates and sources. What is taken from it, and what is not:

- an accelerator's price is per accelerator and hour, the share of its host included;
- a processor's price is per vCPU and hour: the instance's price over its vCPUs, its memory included;
- `cloud` holds what is paid on demand, `spot` what is paid for a machine that may be taken away, `commitment-1y` and
  `commitment-3y` what is paid by those who bind themselves;
- a spot price equal to the one on demand is a placeholder, and a tenth of it is a floor that nobody trades at: both
  are left out. Interruptions make a run repeat work: put that into the price multiplier;
- a row without a price of the book's kind (capacity blocks, blank columns) is left out: missing is not 0;
- every offer is a rented machine: it is paid whether it is idle or not, and its electricity is in the price;
- an owner's cost estimate and a three-year rental without its terms are no offer and are left out.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from harness import FactError, Price, PriceBook

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
NO_OFFER = "SemiAnalysis"
"""Provider column of the rows that hold owners' costs and three-year rentals."""
PROCESSORS = ("CPU", "CPU-ARM")
NOT_STATED = "not stated"

Row = Mapping[str, str]


def read_books(path: Path = CLOUD) -> list[PriceBook]:
    """Read all price books.

    Raises:
        FactError: as `read_book`.
    """
    rows = _rows(path)
    return [_book(rows, path.name, name) for name in _BOOKS]


def read_book(path: Path, name: str = "cloud") -> PriceBook:
    """Read the price book of one kind of contract.

    Raises:
        FactError: a row has no date, no source, or a price that is none; says which row.
    """
    return _book(_rows(path), path.name, name)


def _rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _book(rows: Sequence[Row], file: str, name: str) -> PriceBook:
    contract, usd = _BOOKS[name]
    prices = (_price(row, usd, f"{file}, row {number}") for number, row in enumerate(rows, start=2))
    return PriceBook(
        name=name,
        summary=f"{contract} prices of cloud machines, 2023 to 2025 or later, in USD per vCPU or accelerator and hour",
        prices=tuple(price for price in prices if price is not None),
    )


def _price(row: Row, of: Callable[[Row, str], Decimal | None], where: str) -> Price | None:
    usd = None if row["provider"].startswith(NO_OFFER) else of(row, where)
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
            billing="machine",
            energy="included",
        )
    except FactError as error:
        raise FactError(f"{where}: {error}") from error


def _on_demand(row: Row, where: str) -> Decimal | None:
    if row["accelerator"] in PROCESSORS:
        return _per_unit(row, _amount(row, "on_demand_usd_h", where), where)
    return _amount(row, "per_accel_usd_h", where)


def _spot(row: Row, where: str) -> Decimal | None:
    spot, on_demand = _amount(row, "spot_usd_h", where), _amount(row, "on_demand_usd_h", where)
    if spot is None or (on_demand is not None and (spot >= on_demand or spot == on_demand / 10)):
        return None
    return _per_unit(row, spot, where)


def _per_unit(row: Row, instance_usd: Decimal | None, where: str) -> Decimal | None:
    """Return an instance's price over its vCPUs, or its accelerators."""
    if instance_usd is None:
        return None
    column = "vcpus" if row["accelerator"] in PROCESSORS else "n_accel"
    units = _amount(row, column, where)
    if not units:
        raise FactError(f"{where}: an instance has no number of units to share its price. Add `{column}`.")
    return instance_usd / units


_BOOKS: Mapping[str, tuple[str, Callable[[Row, str], Decimal | None]]] = {
    "cloud": ("On-demand", _on_demand),
    "spot": ("Spot", _spot),
    "commitment-1y": ("One-year commitment", lambda row, where: _amount(row, "commit_1y_per_accel", where)),
    "commitment-3y": ("Three-year commitment", lambda row, where: _amount(row, "commit_3y_per_accel", where)),
}
"""Name → the contract, and its price of one unit in a row; None where the row has none."""


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
        vague = ", ".join(VAGUE_DATES)
        raise FactError(
            f"{where}: as_of is {text!r}. Give a day as YYYY-MM-DD, or one of {vague}: an undated price is not a fact."
        ) from error
