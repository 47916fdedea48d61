"""Dated and sourced facts other than prices of machines: chips, electricity, buildings, grids, hosted models."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from typing import Any

import pandas as pd

from harness.errors import FactError, unknown
from harness_reports.economics.api_prices import call_price, price_source
from harness_reports.economics.energy import GRID
from harness_reports.prices.chips import accelerators
from harness_reports.prices.energy_facts import energy_facts
from harness_reports.prices.pricing import today, why_stale

_CALL = {"input_tokens": 1000, "cache_read_tokens": 0, "output_tokens": 1000}
_PER_MILLION = 1000
"""Calls of 1,000 tokens in a million tokens."""


def fact_table(kind: str, item: str | None = None, as_of: date | None = None) -> pd.DataFrame:
    """Return one row for each fact of a kind: `chips`, `electricity`, `pue`, `power`, `grid` or `hosted`.

    Args:
        kind: of the facts.
        item: only of this chip, place or country; of `hosted` the model as `provider/model`, required.
        as_of: only what was known on this day, by default today; `hosted` prices are those at noon UTC, and their
            `as_of` is the day since which they hold, None if that is not known.

    Raises:
        FactError: the kind or the item is unknown, or nothing is left.
    """
    if kind == "hosted":
        return pd.DataFrame(_hosted(item, as_of or today()))
    if kind not in _KINDS:
        raise FactError(unknown("kind of facts", kind, (*_KINDS, "hosted")))
    rows = [row for row in _KINDS[kind]() if row["as_of"][:10] <= (as_of or today()).isoformat()]
    items = {row["item"] for row in rows}
    if item is not None and item not in items:
        raise FactError(unknown(f"item of {kind}", item, items))
    left = [row for row in rows if item is None or row["item"] == item]
    if not left:
        raise FactError(f"Nothing of {kind} was known on {as_of}. Name a later day.")
    return pd.DataFrame(left)


def _chips() -> list[dict[str, Any]]:
    return [
        {
            "item": chip.name, "title": chip.title,
            **{f"{name}_flops_per_s": peak for name, peak in chip.peaks.items()},
            "memory_gb": chip.memory_gb, "tdp_w": chip.tdp_w, "usd": chip.price_usd,
            "usd_as_of": chip.price_as_of or None, "as_of": chip.as_of, "caveat": chip.caveat or None,
            "source": chip.source,
        }
        for chip in accelerators().values()
    ]  # fmt: skip


def _energy(fact: str) -> Callable[[], list[dict[str, Any]]]:
    return lambda: [
        {"item": row.place, "value": row.value, "unit": row.unit, "as_of": row.as_of, "source": row.source}
        for row in energy_facts() if row.fact == fact
    ]  # fmt: skip


def _grid() -> list[dict[str, Any]]:
    with GRID.open(encoding="utf-8", newline="") as file:
        return [
            {"item": row["iso3"], "country": row["country"], "value": float(row["g_co2e_per_kwh"]),
             "unit": "g CO2e per kWh", "as_of": row["year"], "source": row["source"]}
            for row in csv.DictReader(file)
        ]  # fmt: skip


_KINDS: Mapping[str, Callable[[], list[dict[str, Any]]]] = {
    "chips": _chips, "electricity": _energy("electricity"), "pue": _energy("pue"), "power": _energy("power"),
    "grid": _grid,
}  # fmt: skip


def _hosted(item: str | None, day: date) -> list[dict[str, Any]]:
    """Return a hosted model's standard and batch prices per million tokens, at the rates of a small call."""
    provider, _, model = (item or "").partition("/")
    if not model:
        raise FactError(f"The hosted model is {item!r}. Name one as `provider/model`: --item openai/gpt-4.1-nano.")
    at = datetime.combine(day, time(12), UTC)
    rows = []
    for terms in ("standard", "batch"):
        call = call_price(provider, model, _CALL, at, batch_if_possible=terms == "batch")
        cached = call_price(provider, model, {**_CALL, "cache_read_tokens": 1000}, at, batch_if_possible=call.batch)
        if terms == "batch" and not call.batch:
            continue
        rows.append({
            "item": item, "terms": terms, "input_usd_per_million": float(call.input_usd * _PER_MILLION),
            "cached_input_usd_per_million": float(cached.input_usd * _PER_MILLION),
            "output_usd_per_million": float(call.output_usd * _PER_MILLION),
            "as_of": call.as_of and call.as_of.isoformat(),
            "old": None if call.as_of is None else why_stale(call.as_of, day) is not None,
            "source": price_source(),
        })  # fmt: skip
    return rows
