"""A field for every number of a use case, with its unit, source and distribution; changes last for the session."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from html import escape

import numpy as np
import streamlit as st

from harness.errors import FactError
from harness.facts import Figure, UseCase
from harness_dashboards import widgets
from harness_dashboards.parts import GREY, Texts
from harness_reports.business.edited import figures, numbers, with_numbers
from harness_reports.business.figure_rules import FigureRule
from harness_reports.business.market import KNOWN, distribution
from harness_reports.reasons import translated

GROUPS: Mapping[str, tuple[str, ...]] = {
    "group_needs": ("quality", "latency_s", "privacy", "explainability"),
    "group_demand": (
        "requests_per_year", "buyers", "serviceable_share", "obtainable_share", "requests_per_buyer_per_year",
        "adoption_innovation", "adoption_imitation", "peak_factor",
    ),
    "group_request": ("value_per_request_usd", "value_decline_per_year", "cost_per_error_usd"),
    "group_hosted": (
        "api_price_decline_per_year", "input_tokens_per_request", "output_tokens_per_request", "cached_input_share",
        "hosted_quality",
    ),
    "group_money": ("discount_rate", "years", "loss_limit"),
}  # fmt: skip
"""Group → its figures; every other figure is a cost."""
PLACES = {"pert": ("low", "mode", "high"), "triangular": ("low", "mode", "high"), "lognormal": ("p5", "p95"),
          "normal": ("average", "deviation")}  # fmt: skip
"""Shape → the labels of its parameters."""
_WIDTH, _HEIGHT, _POINTS = 120, 22, 60
"""Size of a density's picture in pixels, and its points."""


def today() -> date:
    """Return the date of a reader's figures."""
    return datetime.now(UTC).date()


def edited(use_case: UseCase) -> UseCase:
    """Return the use case with the reader's figures.

    Raises:
        FactError: a figure is invalid.
    """
    return with_numbers(use_case, changes(use_case), today())


def changes(use_case: UseCase) -> dict[str, list[float]]:
    """Return the figures that the reader has changed, with all their numbers."""
    state = widgets.values()
    changed = {}
    for name, figure in figures(use_case).items():
        defaults = numbers(figure)
        now = [state.get(_key(use_case, name, place), value) for place, value in enumerate(defaults)]
        if tuple(now) != defaults:
            changed[name] = now
    return changed


def reset(use_case: UseCase) -> None:
    """Reset every figure; for a button's `on_click`."""
    widgets.reset(dict(_defaults(use_case)))


def _defaults(use_case: UseCase) -> Iterator[tuple[str, float]]:
    for name, figure in figures(use_case).items():
        for place, value in enumerate(numbers(figure)):
            yield _key(use_case, name, place), value


def _key(use_case: UseCase, name: str, place: int) -> str:
    return f"figure/{use_case.name}/{name}/{place}"


def fields(use_case: UseCase, texts: Texts) -> None:
    """Draw a field for every number, in groups that unfold."""
    for group, names in grouped(use_case).items():
        changed = [name for name in names if name in changes(use_case)]
        title = texts[group] + (f" ({len(changed)} {texts['changed']})" if changed else "")
        with st.expander(title, expanded=group in ("group_demand", "group_request"), key=f"group-{group}"):
            for name in names:
                _field(use_case, name, texts)


def grouped(use_case: UseCase) -> dict[str, list[str]]:
    """Return the figures of a use case by group, each in one; empty groups are left out."""
    group_of = {name: group for group, names in GROUPS.items() for name in names}
    order = (*list(GROUPS)[:3], "group_costs", *list(GROUPS)[3:])
    groups: dict[str, list[str]] = {group: [] for group in order}
    for name in figures(use_case):
        groups[group_of.get(name, "group_costs")].append(name)
    return {group: names for group, names in groups.items() if names}


def _field(use_case: UseCase, name: str, texts: Texts) -> None:
    figure, title = figures(use_case)[name], texts[f"figure_{name}"]
    places = PLACES[figure.spread.shape] if figure.spread else ()
    st.html(f"<b>{escape(title)}</b> <small style='color:{GREY}'>{escape(translated(figure.unit))}</small>")
    for place, (column, value) in enumerate(
        zip(st.columns(len(numbers(figure)), gap="small"), numbers(figure), strict=True)
    ):
        with column:
            _number(_key(use_case, name, place), value, KNOWN[name], texts[places[place]] if places else title)
    st.html(_change(use_case, name) + _origin(edited_figure(use_case, name), texts))


def _change(use_case: UseCase, name: str) -> str:
    """Return the numbers that the reader changed as before → after, as HTML; nothing for others."""
    after = changes(use_case).get(name)
    if after is None:
        return ""
    before = numbers(figures(use_case)[name])
    was, now = (", ".join(f"{number:g}" for number in place) for place in (before, after))
    return f"<small><b>{was} → {now}</b></small> "


def edited_figure(use_case: UseCase, name: str) -> Figure:
    """Return a figure as the reader changed it, or the use case's if the change is invalid."""
    change = changes(use_case).get(name)
    try:
        return figures(with_numbers(use_case, {name: change} if change else {}, today()))[name]
    except FactError:
        return figures(use_case)[name]


def _number(key: str, default: float, rule: FigureRule, label: str) -> None:
    low = None if math.isinf(rule.low) else float(rule.low)
    high = None if math.isinf(rule.high) else float(rule.high)
    widgets.begin(key, default)
    value = st.number_input(
        label, low, high, step=step(default), format=_digits(default), key=key,
    )  # fmt: skip
    widgets.keep(key, value, default)


def step(value: float) -> float:
    """Return the power of ten nearest to a tenth of a number (0.1 for 0)."""
    return 10.0 ** math.floor(math.log10(abs(value)) - 0.5) if value else 0.1


def _digits(value: float) -> str:
    """Return a number's format, with one digit more than its step."""
    places = max(0, -math.floor(math.log10(step(value))))
    return f"%.{places + 1 if places else 0}f"


def _origin(figure: Figure, texts: Texts) -> str:
    """Return a figure's source and the shape of its distribution, as HTML."""
    shape = "" if figure.spread is None else f"{_curve(figure)} {escape(texts[figure.spread.shape])} · "
    source = f"{texts[figure.kind]}, {figure.as_of}: {translated(figure.source)}"
    return f"<small style='color:{GREY}'>{shape}{escape(source)}</small>"


def _curve(figure: Figure) -> str:
    """Return a small picture of a density, from the 1st to the 99th percentile, as HTML."""
    shares = np.linspace(0.01, 0.99, _POINTS)
    values = distribution(figure.value, figure.spread).quantile(shares)
    density = np.diff(shares) / np.maximum(np.diff(values), 1e-300)  # equal quantiles: no division by 0
    middles = (values[1:] + values[:-1]) / 2
    across = (middles - values[0]) / (values[-1] - values[0]) * _WIDTH
    up = _HEIGHT - 1 - density / density.max() * (_HEIGHT - 3)
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, up, strict=True))
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}"><polygon '
        f'points="0,{_HEIGHT} {points} {_WIDTH},{_HEIGHT}" fill="#cfe2f3" stroke="#0072B2"/></svg>'
    )
    # An image, since st.html removes inline SVG.
    picture = base64.b64encode(svg.encode()).decode()
    return f'<img alt="" style="display:block" src="data:image/svg+xml;base64,{picture}">'
