"""The page of the scale planner: operations, time, devices, energy, carbon and cost of a planned training."""

from __future__ import annotations

from typing import Any

import streamlit as st

from harness_dashboards import sources
from harness_dashboards.parts import Texts, grid, short, small, usd
from harness_reports import cells
from harness_reports.planning.scale import Run, laws, scenarios
from harness_reports.prices.chips import Accelerator, accelerators
from harness_reports.show import charts_scale

MIDDLE = "middle"


def show(texts: Texts) -> None:
    """Draw the page."""
    st.title(texts["plan_title"])
    st.markdown(texts["plan_intro"])
    run = _planned_run(texts)
    frame = scenarios(run)
    middle = next(row for row in cells.rows(frame) if row["scenario"] == MIDDLE)
    _headline(run, middle, texts)
    _warn(run, texts)
    st.plotly_chart(charts_scale.by_utilisation(frame, texts), width="stretch", theme=None, key="plan-chart")
    st.subheader(texts["by_utilisation"])
    grid("scenarios", frame, texts)
    st.subheader(texts["by_law"])
    st.markdown(texts["law_note"])
    grid("laws", laws(run), texts)
    _sources(run, texts)


def _planned_run(texts: Texts) -> Run:
    """Return the run that the sidebar describes."""
    with st.sidebar:
        st.header(texts["planned_run"])
        params = st.number_input(texts["params"], 0.001, 1e6, 7.0, format="%g", key="plan-params") * 1e9
        tokens = st.number_input(texts["tokens"], 0.001, 1e9, 2000.0, format="%g", key="plan-tokens") * 1e9
        chips = accelerators()
        chip = chips[
            st.selectbox(texts["accelerator"], list(chips), list(chips).index("h100"), key="plan-hardware",
                         format_func=lambda name: chips[name].title)
        ]  # fmt: skip
        devices = int(st.number_input(texts["devices"], 1, 1_000_000, 64, key="plan-devices"))
        multiplier = st.slider(texts["project_multiplier"], 1.0, 3.0, 1.0, 0.1, key="plan-multiplier")
        lifetime = st.number_input(texts["lifetime_tokens"], 0.0, 1e9, 0.0, format="%g", key="plan-lifetime") * 1e9
        st.header(texts["assumptions"])
        mfu = st.number_input(texts["measured_mfu"], 1, 100, None, key="plan-mfu")
        assumed = _assumed(texts)
    price = _price(chip, texts)
    return Run(
        params, tokens, chip, devices, **price,
        measured_mfu=None if mfu is None else mfu / 100, lifetime_tokens=lifetime, multiplier=multiplier, **assumed,
    )  # fmt: skip


def _assumed(texts: Texts) -> dict[str, Any]:
    """Return the reader's assumptions on energy and on the age of the hardware; defaults are the planner's."""
    names = ("pue", "kg_co2e_per_kwh", "usd_per_kwh", "hardware_age_years")
    ranges = ((1.0, 3.0), (0.0, 2.0), (0.0, 2.0), (0.0, 10.0))
    return {
        name: st.number_input(texts[name], *ends, getattr(Run, name), format="%g", key=f"plan-{name}")
        for name, ends in zip(names, ranges, strict=True)
    }


def _price(chip: Accelerator, texts: Texts) -> dict[str, Any]:
    """Return what a `Run` knows of the price of a device: the reader's, else the price book's."""
    price = sources.pricing().prices.get(chip.price_item)
    default = None if price is None else float(price.usd)
    with st.sidebar:
        usd_per_hour = st.number_input(texts["usd_per_device_hour"], 0.0, 1000.0, default, format="%g",
                                key=f"plan-price-{chip.name}")  # fmt: skip
    if usd_per_hour is None:
        return {}
    if price is not None and usd_per_hour == default:
        return {
            "usd_per_device_hour": usd_per_hour, "price_as_of": price.as_of.isoformat(),
            "price_as_of_note": price.as_of_note,
            "price_source": f"{price.provider} {price.offer}, {price.region}; {price.source}",
        }  # fmt: skip
    return {"usd_per_device_hour": usd_per_hour, "price_source": texts["given"]}


def _headline(run: Run, middle: dict[str, Any], texts: Texts) -> None:
    mfu = cells.share(middle["mfu"])
    st.markdown(f"**{texts['at_middle'].format(mfu=mfu)}**")
    metrics = (
        ("flops", short(run.flops)),
        ("days", short(middle["days"])),
        ("energy_mwh", _short_or_dash(middle["energy_mwh"])),
        ("co2e_tonnes", _short_or_dash(middle["co2e_tonnes"])),
        ("rental_usd", usd(middle["rental_usd"])),
        ("owned_usd", usd(middle["owned_usd"])),
    )
    for column, (name, value) in zip(st.columns(len(metrics)), metrics, strict=True):
        column.metric(texts[name], value)


def _short_or_dash(value: float | None) -> str:
    return cells.MISSING if value is None else short(value)


def _warn(run: Run, texts: Texts) -> None:
    if run.devices < run.least_devices:
        st.warning(texts["too_few_devices"].format(devices=run.devices, least=run.least_devices))


def _sources(run: Run, texts: Texts) -> None:
    chip = run.accelerator
    with st.expander(texts["sources"], expanded=True):
        small(f"{chip.title}: {chip.source}")
        if run.usd_per_device_hour is not None:
            small(f"{texts['usd_per_device_hour']}: {run.usd_per_device_hour:g} {run.price_as_of} {run.price_source}")
        if chip.price_usd is not None:
            small(f"{texts['owned_usd']}: {usd(chip.price_usd)}, {chip.price_as_of}, {chip.price_source}")
        if chip.caveat:
            small(chip.caveat)
        for row in cells.rows(laws(run)):
            small(f"{row['law']}: {row['source']}")
