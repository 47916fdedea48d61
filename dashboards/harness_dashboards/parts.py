"""What several pages show alike: short amounts, tables, prices, and the sliders that reprice."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from harness.facts import Price
from harness_dashboards import sources
from harness_reports import formats
from harness_reports.pricing import Pricing

Texts = Mapping[str, str]
DEFAULTS = {"multiplier": 1.0, "utilisation": 100}
SMALLEST = 0.001
GREY = "#5f6b7a"


def usd(value: Any, times: float = 1.0) -> str:
    """Return an amount of money in three digits, a dash where it is missing."""
    if formats.missing(value):
        return formats.MISSING
    amount = float(value) * times
    return f"{'−' if amount < 0 else ''}{short(abs(amount))}"


def count(value: Any, texts: Texts) -> str:
    """Return a number of requests; none is never reached."""
    return texts["never"] if formats.missing(value) else short(float(value))


def short(amount: float) -> str:
    """Return three digits with k, M or B; powers of ten beyond."""
    if amount >= 1e12:  # noqa: PLR2004 - no letter that everybody reads
        return f"{amount:.2e}".replace("e+", "e")
    for limit, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if amount >= limit:
            return f"{amount / limit:.3g}{unit}"
    return f"{amount:.3g}" if amount == 0 or amount >= SMALLEST else f"{amount:.1e}"


def plain(text: str) -> str:
    """Keep a name from a file from being read as markup."""
    return "".join(f"\\{sign}" if sign in r"\`*_{}[]()<>#+-.!|~$:" else sign for sign in text)


def small(text: str) -> None:
    """Show a line of small print as text."""
    st.html(f"<small style='color:{GREY}'>{escape(text)}</small>")


def grid(name: str, frame: pd.DataFrame) -> None:
    """Show a table as the report shows it: same columns, same figures."""
    table, same = formats.shown(name, frame)
    st.dataframe(table.astype(str), hide_index=True, width="stretch")
    if same:
        small(same)


def price_sliders(texts: Texts) -> Pricing:
    """Show the sliders for what machines cost and how well they are used; return the prices under them."""
    multiplier = st.slider(texts["price_multiplier"], 0.1, 3.0, DEFAULTS["multiplier"], 0.1, key="multiplier")
    utilisation = st.slider(texts["utilisation"], 5, 100, int(DEFAULTS["utilisation"]), 5, key="utilisation")
    return sources.pricing(multiplier, utilisation / 100)


def price_line(price: Price, texts: Texts) -> str:
    """Return a price with its offer, place, day and source."""
    return texts["price_line"].format(
        item=price.item, usd=f"{price.usd:.4f}", provider=price.provider, offer=price.offer, region=price.region,
        day=price.as_of, note=f"({price.as_of_note})" if price.as_of_note else "", source=price.source,
    )  # fmt: skip
