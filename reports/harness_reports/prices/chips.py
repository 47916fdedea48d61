"""Facts of accelerators: peaks, memory, power and prices, with their sources. Light to import: price books read it."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from harness.errors import FactError, unknown

ACCELERATORS = Path(__file__).with_name("accelerators.csv")


class Accelerator(NamedTuple):
    """Facts of one chip or card."""

    name: str
    title: str
    as_of: str
    """Date of its release."""
    peaks: Mapping[str, float]
    """Number format → dense operations per second; `fp16` is bf16, too, where the chip has it."""
    memory_gb: float
    tdp_w: float | None
    server_price_factor: float
    """Price with its share of the server over that of the chip (Epoch AI, arXiv:2405.21015)."""
    server_power_factor: float
    """Rated power likewise."""
    power_share: float
    """Mean power over rated power (Epoch AI)."""
    price_usd: float | None
    price_as_of: str
    price_item: str
    """Its item in price books, empty where it has none."""
    source: str
    price_source: str
    caveat: str

    @property
    def peak_flops_per_s(self) -> float:
        """Peak of dense 16-bit operations per second."""
        return self.peaks["fp16"]


_PEAKS = {
    "fp32": "peak_fp32_flops_per_s", "tf32": "peak_tf32_dense_flops_per_s", "fp16": "peak_16bit_dense_flops_per_s",
    "fp8": "peak_fp8_dense_flops_per_s", "int8": "peak_int8_dense_ops_per_s", "fp4": "peak_fp4_dense_flops_per_s",
}  # fmt: skip
"""Number format → column of the file."""


@cache
def accelerators() -> dict[str, Accelerator]:
    """Return all accelerators by name."""
    with ACCELERATORS.open(encoding="utf-8", newline="") as file:
        return {row["name"]: _accelerator(row) for row in csv.DictReader(file)}


def _accelerator(row: Mapping[str, str]) -> Accelerator:
    peaks = {name: float(row[column]) for name, column in _PEAKS.items() if row[column]}
    return Accelerator(
        row["name"], row["title"], row["as_of"], peaks, float(row["memory_gb"]),
        number(row["tdp_w"]), float(row["server_price_factor"]), float(row["server_power_factor"]),
        float(row["power_share"]), number(row["price_usd"]), row["price_as_of"], row["price_item"], row["source"],
        f"{row['price_source']} ({row['price_basis']})", row["caveat"],
    )  # fmt: skip


def number(text: str) -> float | None:
    """Return a cell's number, None where the cell is empty."""
    return float(text) if text.strip() else None


def find_accelerator(name: str) -> Accelerator:
    """Return an accelerator by its name, in any case.

    Raises:
        FactError: the name is unknown.
    """
    if name.lower() not in accelerators():
        raise FactError(unknown("accelerator", name, accelerators()))
    return accelerators()[name.lower()]
