"""Cached data of the pages: records until the store changes, verdicts for each set of assumptions."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pandas as pd
import streamlit as st

from harness.claims import Doing
from harness.errors import StoreError
from harness.facts import UseCase
from harness.place import DATABASE, DEFAULT, is_url
from harness.plugins import Plugins, load_plugins
from harness.store import open_store
from harness_dashboards.command import BOOK, PLUGINS, STORE
from harness_reports.business.evidence import Evidence, gather
from harness_reports.business.market import read_market
from harness_reports.business.viability import Candidates, judge
from harness_reports.measured.results import Results
from harness_reports.measured.store import read_store
from harness_reports.prices.compared import compared
from harness_reports.prices.price_book_file import find_price_book
from harness_reports.prices.pricing import UTILISATION, Buying, NamedMachine, Pricing, choose, today
from harness_reports.prices.usage import is_served
from harness_reports.reasons import spoken

SECONDS_TO_KEEP = 5


@st.cache_resource(show_spinner=False)
def plugins() -> Plugins:
    """Return the plugins, loaded once."""
    return load_plugins(json.loads(os.environ.get(PLUGINS, "[]")))


def location() -> str:
    """Return the store's folder or URL."""
    return os.environ.get(STORE) or DEFAULT


def records() -> Results:
    """Return the store's records, read again when the store has changed."""
    results: Results = _read(location(), _changed(location()))
    return results


def leave_out(record_id: str, why: str) -> None:
    """Leave out a record whose long fields cannot be read, until the store changes."""
    _damaged(location(), _changed(location()))[record_id] = why
    _read.clear()


@st.cache_resource(show_spinner=False, max_entries=2)
def _damaged(location: str, changed: tuple[float, ...]) -> dict[str, str]:
    """Return the records to leave out, and why; `leave_out` adds to them."""
    del location, changed  # the cache's key
    return {}


@st.cache_resource(show_spinner=False, max_entries=2)
def _read(location: str, changed: tuple[float, ...]) -> Results:
    results = read_store(location, plugins())
    for record_id, why in _damaged(location, changed).items():
        results = results.without(record_id, why)
    return results


def doing() -> list[Doing]:
    """Return the steps that runs are doing now; none where that cannot be read: the page's records say why."""
    try:
        store = open_store(location())
    except StoreError:
        return []
    try:
        return store.doing()
    finally:
        store.close()


def measured() -> set[tuple[str, str]]:
    """Return the tasks with an evaluation, each with the name of its data."""
    return {(record.spec["task"], record.spec["data"]) for record in records() if record.step == "evaluate"}


def is_measured(case: UseCase, tasks: Iterable[tuple[str, str]]) -> bool:
    """Return whether a use case covers one of these tasks and data."""
    return any(case.covers(*task) for task in tasks)


def _changed(location: str) -> tuple[float, ...]:
    """Return a cache key, which changes with the records: a run also writes what it does now, which is in no table."""
    state: tuple[int, int] = _state(location, _written(location))
    return state


@st.cache_resource(show_spinner=False, max_entries=2)
def _state(location: str, written: tuple[float, ...]) -> tuple[int, int]:
    del written  # part of the cache's key
    store = open_store(location)
    try:
        return store.state()
    finally:
        store.close()


def _written(location: str) -> tuple[float, ...]:
    """Return the times of the store's files; for a database server a number that changes every few seconds."""
    if is_url(location):
        return (time.time() // SECONDS_TO_KEEP,)
    return tuple(number for name in (DATABASE, f"{DATABASE}-wal") for number in _time_of(Path(location) / name))


def _time_of(file: Path) -> tuple[float, ...]:
    """Return when a file was written; nothing of an empty one, as SQLite makes and removes its log while we read."""
    try:
        status = file.stat()
    except FileNotFoundError:
        return ()
    return (status.st_mtime,) if status.st_size else ()


@st.cache_resource(show_spinner=False)
def _chosen(book: str, day: date) -> Pricing:
    return choose(find_price_book(book, plugins().price_books()), as_of=day)


def pricing(
    multiplier: float = 1.0,
    utilisation: float = UTILISATION,
    buying: Buying | None = None,
    machines: Mapping[str, NamedMachine] | None = None,
) -> Pricing:
    """Return the prices under a reader's assumptions."""
    chosen: Pricing = _chosen(os.environ.get(BOOK, "cloud"), today())
    return replace(
        chosen, multiplier=Decimal(str(multiplier)), utilisation=utilisation, buying=buying, machines=machines or {}
    )


def served_models() -> list[str]:
    """Return the models of the store that are served behind a URL."""
    return sorted({str(record.spec["model"]) for record in records() if is_served(record)})


def _assumed(pricing: Pricing) -> tuple[object, ...]:
    """Return a cache key of prices; a book's prices are read once, so their id identifies them."""
    named = tuple(sorted(pricing.machines.items()))
    return id(pricing.prices), str(pricing.multiplier), pricing.utilisation, pricing.buying, named


def candidates(use_case: UseCase, pricing: Pricing) -> Candidates | None:
    """Return a use case's candidates with their verdicts, or None if none was measured."""
    where = location()
    verdicts: Candidates | None = _candidates(use_case, pricing, where, _changed(where))
    return verdicts


def before(use_case: UseCase, prices: Pricing) -> Candidates | None:
    """Return a use case's candidates without the reader's changes; None where nothing was changed or measured."""
    unchanged, given = plugins().use_cases()[use_case.name], pricing()
    if use_case == unchanged and _assumed(prices) == _assumed(given):
        return None
    return candidates(unchanged, given)


@st.cache_resource(show_spinner=False, max_entries=64, hash_funcs={UseCase: repr, Pricing: _assumed})
def _candidates(use_case: UseCase, pricing: Pricing, location: str, changed: tuple[float, ...]) -> Candidates | None:
    everything: list[Evidence] = _gathered(pricing, location, changed)
    evidence = [each for each in everything if use_case.covers(each.key.task, each.key.data)]
    return judge(read_market(use_case, {}), evidence) if evidence else None


@st.cache_resource(show_spinner=False, max_entries=8, hash_funcs={Pricing: _assumed})
def _gathered(pricing: Pricing, location: str, changed: tuple[float, ...]) -> list[Evidence]:
    return gather(_read(location, changed), pricing)


def comparison(
    names: tuple[str, ...], pricing: Pricing, place: tuple[str, str], metric: str, margin: float | None
) -> pd.DataFrame:
    """Return the comparison of candidates with the first one of the names on a task and data; raises as `compared`."""
    where = location()
    frame: pd.DataFrame = _compared(names, pricing, place, metric, margin, where, _changed(where), spoken())
    return frame


@st.cache_data(show_spinner=False, max_entries=64, hash_funcs={Pricing: _assumed})
def _compared(
    names: tuple[str, ...], pricing: Pricing, place: tuple[str, str], metric: str, margin: float | None, location: str,
    changed: tuple[float, ...], language: str,
) -> pd.DataFrame:  # fmt: skip
    del language  # part of the cache's key: notes are sentences
    task, data = place
    records = _read(location, changed)
    return compared(records, names, pricing, task=task, data=data, metric=metric, margin=margin)
