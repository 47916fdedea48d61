"""Published training runs against the planner's estimates: a test of the planner.

The rows are from papers and model cards, each with its source; `tier` grades the source (A to C). A published cost is
hours times an assumed rate, so it tests arithmetic and not economics.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from harness.facts import Price
from harness_reports.economics import training
from harness_reports.planning.scale import MFU_SCENARIOS
from harness_reports.prices.chips import number
from harness_reports.prices.pricing import today, why_stale

RUNS = Path(__file__).with_name("training_runs.csv")
PUBLISHED = (
    "id", "model", "arch", "accelerator", "flops", "flops_basis", "published_hours", "hours_low", "hours_middle",
    "hours_high", "within", "implied_mfu", "published_mfu", "published_usd", "usd_low", "usd_middle", "usd_high",
    "usd_within", "usd_per_hour", "price_as_of", "old", "hours_kind", "tier", "compiled",
    "source",
)  # fmt: skip


def published(prices: Mapping[str, Price] | None = None) -> pd.DataFrame:
    """Return one row for each published run with its hours, and the planner's at low, middle and high utilisation.

    Operations are 6·N·D where parameters and tokens are known and the model is a decoder; else those its authors
    published, as 6·N·D counts an encoder-decoder twice. `within` is None where hours or operations are not known. A
    published cost is compared at its authors' rate (`usd_within`). `old` marks prices over `STALE_DAYS` days old.

    Args:
        prices: accelerator → the price of a device-hour, for runs without a published cost.
    """
    with RUNS.open(encoding="utf-8", newline="") as file:
        rows = [_row(row, prices or {}) for row in csv.DictReader(file)]
    return pd.DataFrame(rows, columns=list(PUBLISHED))


def bracketed(frame: pd.DataFrame, arch: str = "decoder") -> float:
    """Return the share of runs whose published hours lie within the planner's; runs without hours do not count."""
    timed = frame[(frame["arch"] == arch) & frame["within"].notna()]
    return float(timed["within"].astype(bool).mean())


def _row(row: Mapping[str, str], prices: Mapping[str, Price]) -> dict[str, Any]:
    flops, basis = _flops(row)
    peak, hours = float(row["peak_16bit_dense_flops"]), number(row["accel_hours"])
    low, middle, high = (  # the best utilisation takes the fewest hours
        None if flops is None else training.accelerator_hours(flops, peak, MFU_SCENARIOS[name])
        for name in ("edge high", "middle", "edge low")
    )
    cost = number(row["cost_usd"])
    costed = cost is not None and hours is not None  # then its authors' rate is known: cost over hours
    rate, day, old = (cost / hours, "its own", None) if costed else _today(prices.get(row["accelerator"]))  # type: ignore[operator]
    comparable = None not in (flops, hours)
    return {
        "id": row["id"], "model": row["model"], "arch": row["arch"], "accelerator": row["accelerator"],
        "flops": flops, "flops_basis": basis, "published_hours": hours, "hours_low": low, "hours_middle": middle,
        "hours_high": high, "within": low <= hours <= high if comparable else None,  # type: ignore[operator]
        "implied_mfu": flops / (hours * 3600 * peak) if comparable else None,  # type: ignore[operator]
        "published_mfu": number(row["mfu_published"]), "published_usd": cost,
        "usd_within": low <= hours <= high if costed and comparable else None,  # type: ignore[operator]
        **{f"usd_{name}": None if None in (rate, value) else rate * value  # type: ignore[operator]
           for name, value in (("low", low), ("middle", middle), ("high", high))},
        "usd_per_hour": rate, "price_as_of": day, "old": old,
        "hours_kind": row["hours_kind"], "tier": row["tier"],
        "compiled": row["compiled"], "source": row["source_primary"],
    }  # fmt: skip


def _today(price: Price | None) -> tuple[float | None, str | None, bool | None]:
    """Return the rate, its day, and whether it is stale today."""
    if price is None:
        return None, None, None
    return float(price.usd), price.as_of.isoformat(), why_stale(price.as_of, today()) is not None


def _flops(row: Mapping[str, str]) -> tuple[float | None, str | None]:
    params, tokens = number(row["params_active"]), number(row["tokens"])
    if params and tokens and row["arch"] in ("decoder", "moe"):
        return training.training_flops(params, tokens), "6ND"
    flops = number(row["flops_published"])
    return flops, "published" if flops else None
