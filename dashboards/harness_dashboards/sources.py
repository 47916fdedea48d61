"""What the pages read: records once per change of the store, prices and use cases once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from harness.plugins import Plugins, load_plugins
from harness.store import DEFAULT, open_store
from harness_dashboards.command import BOOK, STORE
from harness_reports.price_book_file import find_price_book
from harness_reports.pricing import Pricing, choose

if TYPE_CHECKING:
    from harness.records import Record


@st.cache_resource(show_spinner=False)
def plugins() -> Plugins:
    """Return the plugins; loaded once for the server's life."""
    return load_plugins()


def records() -> Sequence[Record]:
    """Return the store's records, read again when the store has changed."""
    location = os.environ.get(STORE) or DEFAULT
    found: Sequence[Record] = _read(location, _changed(location))
    return found


@st.cache_resource(show_spinner=False, max_entries=2)
def _read(location: str, changed: tuple[float, ...]) -> Sequence[Record]:
    del changed  # part of the cache's key
    store = open_store(location)
    try:
        return store.records()
    finally:
        store.close()


def _changed(location: str) -> tuple[float, ...]:
    """Return when the store's files were written; a database elsewhere is read again every time."""
    if "://" in location:
        import time

        return (time.time(),)
    files = (Path(location) / name for name in ("harness.db", "harness.db-wal"))
    return tuple(file.stat().st_mtime for file in files if file.exists())


@st.cache_resource(show_spinner=False)
def _chosen() -> Pricing:
    return choose(find_price_book(os.environ.get(BOOK, "cloud"), plugins().price_books()))


def pricing(multiplier: float, utilisation: float) -> Pricing:
    """Return the prices under a reader's assumptions."""
    chosen: Pricing = _chosen()
    return replace(chosen, multiplier=Decimal(str(multiplier)), utilisation=utilisation)
