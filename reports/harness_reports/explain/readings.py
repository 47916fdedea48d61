"""What explanations end in: readings of records, prices and assumptions, each with its source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.records import Record
from harness_reports.explain.tree import Explained, Kind
from harness_reports.prices.pricing import Pricing

KINDS: dict[str, Kind] = {"measured": "measured", "estimated": "estimated", "declared": "declared"}


def who(record: Record) -> str:
    """Return what finds a record again: its fingerprint's beginning, what it did, when."""
    asked = record.asked
    parts = [record.step, *(str(asked[name]) for name in ("runtime", "scenario") if name in asked)]
    said = f"record {record.fingerprint[:12]}, {' '.join(parts)}, seed {asked.get('seed')}, {record.started_at[:19]}"
    return f"{said}, stale: {record.stale}" if record.stale else said


def reading(record: Record, name: str) -> Explained:
    """Return a reading."""
    read = record.readings.get(name)
    if read is None:
        return Explained(name, None, note=f"not read in {who(record)}")
    return Explained(name, read.value, read.unit, source=who(record), kind=KINDS[read.kind])


def readings(records: Sequence[Record], name: str) -> tuple[Explained, ...]:
    """Return a reading of each of several records."""
    return tuple(reading(record, name) for record in records)


def hourly(record: Record, pricing: Pricing) -> Explained:
    """Return what an hour of a record's machine costs."""
    quantity = Explained(
        "price_quantity", record.environment["hardware"]["price_quantity"], price_unit(record),
        source=f"the hardware's own description in {who(record)}", kind="declared",
    )  # fmt: skip
    parts = (price(record, pricing), quantity, multiplier(pricing))
    value = float(pricing.rate_usd_per_hour(record))
    return Explained("usd_per_hour", value, "USD", "price_usd * price_quantity * price_multiplier", inputs=parts)


def price_unit(record: Record) -> str:
    """Return what price books call the machine."""
    return str(record.environment["hardware"]["price_item"])


def price(record: Record, pricing: Pricing) -> Explained:
    """Return the price of one unit of a record's machine."""
    found = pricing.price(record)
    day = f"{found.as_of} ({found.as_of_note})" if found.as_of_note else str(found.as_of)
    source = f"{found.provider} {found.offer}, {found.region}, as of {day}; {found.source}"
    return Explained("price_usd", float(found.usd), f"USD per {found.per} of one {found.item}", source=source,
                     kind="price")  # fmt: skip


def multiplier(pricing: Pricing) -> Explained:
    """Return the reader's multiplier of prices."""
    return Explained("price_multiplier", float(pricing.multiplier), source="the reader's: 1 is the price book's price",
                     kind="assumed")  # fmt: skip


def utilisation(pricing: Pricing) -> Explained:
    """Return the share of paid time in which the machine works."""
    return Explained("utilisation", pricing.utilisation, source="the reader's: share of paid time that is used",
                     kind="assumed")  # fmt: skip


def rate(records: Sequence[Record], value: float | None, counted: str = "samples") -> Explained:
    """Return samples, or something else that is counted, per second over the windows of several records."""
    parts = (*readings(records, counted), *readings(records, "wall_s"))
    return Explained(f"{counted}_per_s", value, "1/s", f"sum({counted}) / sum(wall_s)", inputs=parts)


def renamed(figure: Explained, name: str) -> Explained:
    """Return a figure under the name by which another one knows it."""
    return replace(figure, name=name)
