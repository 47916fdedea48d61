"""What a report shows of a large store: the best rows of each task's data, and how many there are in all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import islice
from typing import Any, NamedTuple

import pandas as pd

from harness.records import Record
from harness_reports.show.words import say

WHOLE, SHOWN = 100, 50
"""A table of up to `WHOLE` rows is shown whole; of a longer one `SHOWN`."""
WHOLE_LIST, SHOWN_LIST = 200, 100
"""The same of lists of records, which have several lines of one record."""
NEWEST = 1000
"""Finished records whose numbers are judged and whose environments are listed."""
SAMPLES = 15
"""Candidates whose outputs are shown."""


class _Order(NamedTuple):
    """How the rows of a table are grouped, and which are the best of a group."""

    groups: tuple[str, ...]
    by: str | None = None
    """A column; None where the best come first."""
    less_is_better: bool = False


_ORDERS: Mapping[str, _Order] = {
    "accuracy": _Order(("task", "data", "metric"), "value"),
    "throughput": _Order(("task", "data", "scenario"), "samples_per_s"),
    "load": _Order(("task", "data")),
    "cost": _Order(("task", "data"), "usd_per_1k_inferences", less_is_better=True),
    "frontier": _Order(("task", "data"), "value"),
}


def best_rows(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table that a report shows, in their order: all, or the best of each task's data."""
    order = _ORDERS.get(name)
    if len(frame) <= WHOLE or order is None:
        return frame
    groups = frame.groupby(list(order.groups), sort=False, dropna=False)
    each = of_each(len(frame), groups.ngroups)
    kept = [place for _, group in groups for place in _ranked(group, order)[:each]]
    return frame.loc[sorted(kept)]


def of_each(rows: int, groups: int) -> int:
    """Return how many rows of each group are shown."""
    return rows if rows <= WHOLE else max(1, SHOWN // groups)


def _ranked(group: pd.DataFrame, order: _Order) -> list[Any]:
    """Return the places of a group's rows, the best first; on a frontier before others, without a value last."""
    if order.by is None:
        return list(group.index)
    sign = 1 if order.less_is_better else -1
    values = pd.to_numeric(group[order.by], errors="coerce") * sign
    if "higher_is_better" in group:
        values = values.where(group["higher_is_better"].astype(bool), -values)
    ahead = ~group["on_frontier"].astype(bool) if "on_frontier" in group else pd.Series(0, index=group.index)
    ranked = pd.DataFrame({"ahead": ahead, "value": values}).sort_values(["ahead", "value"], kind="stable")
    return list(ranked.index)


def rest(name: str, shown: int, count: int) -> str:
    """Return a line that says how many rows of a table are not shown and what prints them; empty where none are."""
    if shown == count:
        return ""
    text = say("{shown} of {count} rows, the best of each task; `harness table {name}` prints all.")
    return f"<p class='same'>{escape(text.format(shown=shown, count=f'{count:,}', name=name))}</p>"


def few(lines: Sequence[Mapping[Any, Any]]) -> tuple[Sequence[Mapping[Any, Any]], str]:
    """Return the lines of a list that are shown, the first ones, and a line that says how many there are."""
    if len(lines) <= WHOLE_LIST:
        return lines, ""
    text = say("The first {shown} of {count}.").format(shown=SHOWN_LIST, count=f"{len(lines):,}")
    return lines[:SHOWN_LIST], f"<p class='same'>{escape(text)}</p>"


def newest(records: Iterable[Record]) -> tuple[list[Record], str]:
    """Return the newest of finished records, in their order, and a line that says so where they are not all."""
    every = list(records)
    if len(every) <= NEWEST:
        return every, ""
    places = sorted(range(len(every)), key=lambda place: every[place].started_at)[-NEWEST:]
    text = say("Of the newest {shown} of {count} finished steps.").format(shown=NEWEST, count=f"{len(every):,}")
    return [every[place] for place in sorted(places)], f"<p class='same'>{escape(text)}</p>"


def samples_of_each(shown: Iterable[tuple[str, Record]]) -> list[tuple[str, Record]]:
    """Return the titles and records whose outputs are shown, as many of each task's data."""
    tasks: dict[tuple[Any, Any], list[tuple[str, Record]]] = {}
    for title, record in shown:
        tasks.setdefault((record.spec["task"], record.spec.get("data")), []).append((title, record))
    if sum(map(len, tasks.values())) <= SAMPLES:
        return [each for group in tasks.values() for each in group]
    return [each for group in tasks.values() for each in islice(group, max(1, SAMPLES // len(tasks)))]
