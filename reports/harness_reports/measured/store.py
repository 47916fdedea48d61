"""Reading the records of a store for tables, reports and pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.store import open_store
from harness_reports.measured.results import Results
from harness_reports.measured.stale import marked

if TYPE_CHECKING:
    from harness.plugins import Plugins


def read_store(location: str | None, plugins: Plugins) -> Results:
    """Return the records of a store under today's names, stale ones marked.

    Raises:
        StoreError: there is no store.
    """
    store = open_store(location)
    try:
        results = Results(marked(plugins.under_current_names(store.records()), plugins))
        results.left_out = store.left_out
        return results
    finally:
        store.close()
