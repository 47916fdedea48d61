"""What several pages show alike: short amounts, tables, prices, and the sliders that reprice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from harness.facts import Price
from harness_dashboards import kept, sources
from harness_reports import cells
from harness_reports.prices.pricing import Pricing
from harness_reports.reasons import Reason, Reasons, as_text
from harness_reports.show import formats

Texts = Mapping[str, str]
DEFAULTS = {"multiplier": 1.0, "utilisation": 100}
VOLUMES = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0]
VERDICT_COLOURS = {
    "invest": "#1a7f4b",
    "pilot": "#9a6200",
    "do not invest": "#b3261e",
    "not enough evidence": "#5f6b7a",
}
SMALLEST = 0.001
GREY = "#5f6b7a"


def margin(row: Mapping[str, Any]) -> str:
    """Return a candidate's margin per 1,000 requests."""
    return cells.MISSING if cells.missing(row["unit_margin_usd"]) else cells.usd(1000 * row["unit_margin_usd"])


def count(value: Any, texts: Texts) -> str:
    """Return a number of requests; none is never reached."""
    return texts["never"] if cells.missing(value) else short(float(value))


def short(amount: float) -> str:
    """Return three digits with k, M or B; powers of ten beyond."""
    if amount >= 1e12:  # noqa: PLR2004 - no letter that everybody reads
        return f"{amount:.2e}".replace("e+", "e")
    for limit, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if amount >= limit:
            return f"{amount / limit:.3g}{unit}"
    return f"{amount:.3g}" if amount == 0 or amount >= SMALLEST else cells.digits(amount, 2)


def plain(text: str) -> str:
    """Keep a name from a file from being read as markup."""
    return "".join(f"\\{sign}" if sign in r"\`*_{}[]()<>#+-.!|~$:" else sign for sign in text)


def small(text: str) -> None:
    """Show a line of small print as text."""
    st.html(f"<small style='color:{GREY}'>{escape(text)}</small>")


def stale(row: Mapping[str, Any], texts: Texts) -> None:
    """Say where a candidate was measured by another definition than what is installed."""
    if not cells.missing(row["stale"]):
        small(texts["stale_because"].format(what=row["stale"]))


def grid(name: str, frame: pd.DataFrame, texts: Texts) -> None:
    """Show a table as the report shows it: same columns, same figures, headed in the page's language."""
    table, same = formats.shown(name, frame)
    said_here = table.astype(str).map(lambda cell: texts.get(f"cell_{cell}", cell))
    st.dataframe(said_here.rename(columns=lambda column: heading(column, texts)), hide_index=True, width="stretch")
    if same:
        small(f"{texts['same']}: {same}")


def heading(column: str, texts: Texts) -> str:
    """Return what a column is called."""
    return texts.get(f"column_{column}", column.replace("_", " "))


def price_sliders(texts: Texts) -> Pricing:
    """Show the sliders for what machines cost and how well they are used; return the prices under them."""
    multiplier = _slider(texts["price_multiplier"], 0.1, 3.0, 0.1, "multiplier")
    utilisation = _slider(texts["utilisation"], 5, 100, 5, "utilisation")
    return sources.pricing(multiplier, utilisation / 100)


def _slider(label: str, low: float, high: float, step: float, key: str) -> float:
    default = DEFAULTS[key]
    kept.begin(key, default)
    return float(kept.keep(key, st.slider(label, low, high, step=step, key=key), default))


def volume_slider(texts: Texts) -> float:
    """Show the slider for demand; return by what every use case's demand is multiplied."""
    kept.begin("volume", 1.0)
    value = st.select_slider(texts["volume"], VOLUMES, key="volume", format_func="{:g}×".format)
    return float(kept.keep("volume", value, 1.0))


def badge(verdict: str, texts: Texts) -> str:
    """Return a verdict as a coloured label."""
    return (
        f"<span style='background:{VERDICT_COLOURS[verdict]};color:#fff;font-weight:600;border-radius:.8rem;"
        f"padding:.1rem .7rem;white-space:nowrap'>{escape(texts[verdict])}</span>"
    )


def years(value: Any, texts: Texts) -> str:
    """Return a payback."""
    return texts["never"] if cells.missing(value) else texts["years_of"].format(years=f"{value:.1f}")


def share(value: Any) -> str:
    """Return a share as a percentage, a dash where it is missing; certainty is never claimed by rounding."""
    if cells.missing(value):
        return cells.MISSING
    if 0 < value < 0.01 or 0.99 < value < 1:  # noqa: PLR2004 - where whole percents would say 0 or 1
        return "< 1 %" if value < 0.5 else "> 99 %"  # noqa: PLR2004 - the half
    return f"{value:.0%}".replace("%", " %")


def sentence(reasons: Reason | Reasons, texts: Texts) -> str:
    """Return reasons in the page's language, with figures called what the page calls them."""
    return reasons.sentence(texts["language"], _names(texts))


def in_words(rows: Iterable[Mapping[str, Any]], texts: Texts) -> pd.DataFrame:
    """Return rows as a table, their reasons in the page's language."""
    names = _names(texts)
    return pd.DataFrame([as_text(row, texts["language"], names) for row in rows])


def _names(texts: Texts) -> dict[str, str]:
    """Return what the page calls figures and verdicts."""
    figures = {key.removeprefix("input_"): name for key, name in texts.items() if key.startswith("input_")}
    return {**figures, **{verdict: texts[verdict] for verdict in VERDICT_COLOURS}}


def price_line(price: Price, texts: Texts) -> str:
    """Return a price with its offer, place, day and source."""
    return texts["price_line"].format(
        item=price.item, usd=f"{price.usd:.4f}", provider=price.provider, offer=price.offer, region=price.region,
        day=price.as_of, note=f"({price.as_of_note})" if price.as_of_note else "", source=price.source,
    )  # fmt: skip
