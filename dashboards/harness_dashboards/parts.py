"""Parts that pages share: short numbers, tables, prices, and the sliders for assumptions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any, get_args

import pandas as pd
import streamlit as st

from harness.basis import DEFINING, STEP
from harness.facts import Price
from harness_dashboards import sources, widgets
from harness_reports import cells
from harness_reports.prices.pricing import UTILISATION, Buying, NamedMachine, Pricing
from harness_reports.reasons import LANGUAGES, Reason, Reasons, as_text, speaking, spoken
from harness_reports.show import formats

Texts = Mapping[str, str]
BY_CALL = ""
"""In place of a machine: calls of a served model are paid."""
BILLED = "billed"
"""The way of buying machines that their offer has."""
DEFAULTS: dict[str, Any] = {"multiplier": 1.0, "utilisation": round(100 * UTILISATION), "buying": BILLED}
VOLUMES = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0]
VERDICT_COLOURS = {
    "invest": "#1a7f4b",
    "pilot": "#9a6200",
    "do not invest": "#b3261e",
    "not enough evidence": "#5f6b7a",
}
SMALLEST = 0.001
"""Numbers below are written with two digits."""
GREY = "#5f6b7a"
HEADLINE = "background:#fff4d6;border-left:3px solid #9a6200;padding:.25rem .6rem;font-weight:600"


def margin(row: Mapping[str, Any]) -> str:
    """Return a candidate's margin per 1,000 requests."""
    return cells.MISSING if cells.missing(row["unit_margin_usd"]) else usd(1000 * row["unit_margin_usd"])


def usd(amount: float | None) -> str:
    """Return an amount of money as the page's language writes it, a dash if it is missing."""
    return cells.MISSING if amount is None else LANGUAGES[spoken()].usd(amount)


def count(value: Any, texts: Texts) -> str:
    """Return a number of requests; a missing one is never reached."""
    return texts["never"] if cells.missing(value) else short(float(value))


def short(amount: float) -> str:
    """Return three digits with k, M or B, or a power of ten from 1e12 on."""
    if amount >= 1e12:  # noqa: PLR2004 - there is no common letter
        return f"{amount:.2e}".replace("e+", "e")
    for limit, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if amount >= limit:
            return f"{amount / limit:.3g}{unit}"
    return f"{amount:.3g}" if amount == 0 or amount >= SMALLEST else cells.digits(amount, 2)


def plain(text: str) -> str:
    """Escape Markdown, in a name from a file for example."""
    return "".join(f"\\{sign}" if sign in r"\`*_{}[]()<>#+-.!|~$:" else sign for sign in text)


def show_error(error: Exception) -> None:
    """Show an error; names in it are text."""
    st.error(plain(str(error)))


def show_left_out(sentences: Iterable[str]) -> None:
    """Warn of the records that could not be read; what is quoted of them is text."""
    for sentence in sentences:
        st.warning(plain(sentence[0].upper() + sentence[1:]))


def small(text: str) -> None:
    """Show a line of small print; its markup is escaped."""
    st.html(f"<small style='color:{GREY}'>{escape(text)}</small>")


def stale(row: Mapping[str, Any], texts: Texts) -> None:
    """Show why a row is stale, if it is."""
    if not cells.missing(row["stale"]):
        small(texts["stale_because"].format(what=sentence(row["stale"], texts)))


def headline(reason: Reason | None, texts: Texts) -> None:
    """Show what a reader should see first, if there is any."""
    if reason is not None:
        st.html(f"<div style='{HEADLINE}'>{escape(sentence(reason, texts))}</div>")


def grid(name: str, frame: pd.DataFrame, texts: Texts, key: str = "") -> None:
    """Show a table with the columns and figures of the report, in the page's language, and a button for all of it.

    Args:
        name: of the table.
        frame: its rows.
        texts: of the page.
        key: tells tables of the same name on a page apart.
    """
    with speaking(texts["language"]):
        table, same = formats.shown(name, frame)
    localised = table.astype(str).map(lambda cell: texts.get(f"cell_{cell}", cell))
    st.dataframe(localised.rename(columns=lambda column: heading(column, texts)), hide_index=True, width="stretch")
    if same:
        small(f"{texts['same']}: {same}")
    download(name, frame, texts, key)


def download(name: str, frame: pd.DataFrame, texts: Texts, key: str = "") -> None:
    """Show the button that downloads a table as CSV, written as on the command line.

    The command switches off Streamlit's own download, which writes cells that a spreadsheet runs as formulas.
    """
    st.download_button(
        texts["table"], lambda: formats.csv(name, frame), f"{name}.csv", "text/csv", key=f"csv-{name}-{key}",
        on_click="ignore", type="tertiary", icon=":material/download:",
    )  # fmt: skip


def heading(column: str, texts: Texts) -> str:
    """Return a column's heading."""
    return texts.get(f"column_{column}", column.replace("_", " "))


def machine_prices(texts: Texts) -> Pricing:
    """Show the price of machines, and how a use case buys them; return the prices under both."""
    multiplier, buying, machines = _multiplier(texts), _buying(texts), _machines(texts)
    if buying == BILLED:
        return sources.pricing(multiplier, machines=machines)
    if buying != "elastic":
        return sources.pricing(multiplier, buying=buying, machines=machines)
    utilisation = _slider(texts["utilisation"], 5, 100, 5, "utilisation")
    small(texts["utilisation_elastic"])
    return sources.pricing(multiplier, utilisation / 100, buying, machines)


def defaults() -> dict[str, Any]:
    """Return the value of each of these widgets that changes nothing."""
    served = {key: value for model in sources.served_models()
              for key, value in ((f"machine-{model}", BY_CALL), (f"units-{model}", 1.0))}  # fmt: skip
    return {**DEFAULTS, **served}


def _machines(texts: Texts) -> dict[str, NamedMachine]:
    """Show, for each served model, whether its calls are paid or a machine's hours; return the machines."""
    named: dict[str, NamedMachine] = {}
    for model in sources.served_models():
        item = _choice(texts["machine_of"].format(model=plain(model)), [BY_CALL, *sorted(sources.pricing().prices)],
                       f"machine-{model}", texts)  # fmt: skip
        if item != BY_CALL:
            key = f"units-{model}"
            widgets.begin(key, 1.0)
            count = st.number_input(texts["machine_units"], 0.01, None, step=1.0, key=key)
            named[model] = NamedMachine(item, float(widgets.keep(key, count, 1.0)))
            small(texts["machine_assumed"])
    return named


def _choice(label: str, options: list[str], key: str, texts: Texts) -> str:
    widgets.begin(key, BY_CALL)
    if st.session_state[key] not in options:  # another price book
        st.session_state[key] = BY_CALL
    shown = {BY_CALL: texts["machine_none"]}
    chosen = st.selectbox(label, options, key=key, format_func=lambda item: shown.get(item, item))
    return str(widgets.keep(key, chosen, BY_CALL))


def _buying(texts: Texts) -> Any:
    widgets.begin("buying", BILLED)
    ways = (BILLED, *get_args(Buying))
    way = st.selectbox(texts["buying"], ways, key="buying", format_func=lambda way: texts[f"buying_{way}"])
    return widgets.keep("buying", way, BILLED)


def cost_sliders(texts: Texts) -> Pricing:
    """Show the sliders for the price and the utilisation of machines; return the prices under them.

    The utilisation is that of the cost of 1,000 inferences: use cases pay for whole machines, however busy they are.
    """
    multiplier, machines = _multiplier(texts), _machines(texts)
    utilisation = _slider(texts["utilisation"], 5, 100, 5, "utilisation")
    small(texts["utilisation_assumed"])
    return sources.pricing(multiplier, utilisation / 100, machines=machines)


def _multiplier(texts: Texts) -> float:
    return _slider(texts["price_multiplier"], 0.1, 3.0, 0.1, "multiplier")


def _slider(label: str, low: float, high: float, step: float, key: str) -> float:
    default = DEFAULTS[key]
    widgets.begin(key, default)
    return float(widgets.keep(key, st.slider(label, low, high, step=step, key=key), default))


def volume_slider(texts: Texts) -> float:
    """Show the slider for demand; return the factor on every use case's demand."""
    widgets.begin("volume", 1.0)
    value = st.select_slider(texts["volume"], VOLUMES, key="volume", format_func="{:g}×".format)
    return float(widgets.keep("volume", value, 1.0))


def badge(verdict: str, texts: Texts) -> str:
    """Return a verdict as a coloured label, in HTML."""
    return (
        f"<span style='background:{VERDICT_COLOURS[verdict]};color:#fff;font-weight:600;border-radius:.8rem;"
        f"padding:.1rem .7rem;white-space:nowrap'>{escape(texts[verdict])}</span>"
    )


def meanings(texts: Texts) -> None:
    """Show what each verdict means, folded."""
    with st.expander(texts["verdicts_mean"]):
        lines = (f"<div>{badge(name, texts)} {escape(texts[f'means_{name}'])}</div>" for name in VERDICT_COLOURS)
        st.html(f"<div style='display:grid;gap:.5rem'>{''.join(lines)}</div>")


def moved_badge(verdict: str, before: Mapping[str, Any] | None, texts: Texts) -> str:
    """Return a verdict as a label, behind the one before the reader's changes if that was another, in HTML."""
    if before is None or before["verdict"] == verdict:
        return badge(verdict, texts)
    return f"<span>{badge(before['verdict'], texts)} → {badge(verdict, texts)}</span>"


def metrics(shown: Mapping[str, str], before: Mapping[str, str], beside: int, texts: Texts) -> None:
    """Show figures; those that the reader's changes moved also as before → after.

    Args:
        shown: name of the figure's text → figure.
        before: the same before the changes; empty without any.
        beside: figures in a row.
        texts: of the page.
    """
    for start in range(0, len(shown), beside):
        for column, name in zip(st.columns(beside), list(shown)[start : start + beside], strict=False):
            was, now = before.get(name, shown[name]), shown[name]
            change = f"{was} → {now}" if was != now else None
            column.metric(texts[name], now, change, delta_color="off", delta_arrow="off")


def years(value: Any, texts: Texts) -> str:
    """Return a payback period; a missing one never ends."""
    return texts["never"] if cells.missing(value) else texts["years_of"].format(years=f"{value:.1f}")


def sentence(reasons: Reason | Reasons, texts: Texts) -> str:
    """Return reasons in the page's language, with the page's names of figures."""
    return reasons.sentence(texts["language"], _names(texts))


def in_words(rows: Iterable[Mapping[str, Any]], texts: Texts) -> pd.DataFrame:
    """Return rows as a table, with reasons in the page's language."""
    names = _names(texts)
    return pd.DataFrame([as_text(row, texts["language"], names) for row in rows])


def _names(texts: Texts) -> dict[str, str]:
    """Return the page's names of figures, verdicts and roles of a basis."""
    figures = {key.removeprefix("input_"): name for key, name in texts.items() if key.startswith("input_")}
    return {**figures, **{name: texts[name] for name in (*VERDICT_COLOURS, STEP, *DEFINING)}}


def price_line(price: Price, stale: Reason | None, texts: Texts) -> str:
    """Return a price with its offer, place, day and source, and why it is stale."""
    line = texts["price_line"].format(
        item=price.item, usd=f"{price.usd:.4f}", provider=price.provider, offer=price.offer, region=price.region,
        day=price.as_of, note=f"({price.as_of_note})" if price.as_of_note else "", source=price.source,
    )  # fmt: skip
    return line if stale is None else f"{line} · {sentence(stale, texts)}"
