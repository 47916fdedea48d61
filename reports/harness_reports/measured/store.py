"""Reading the records of a store for tables, reports and pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from harness.damaged import DamagedRecordError
from harness.store import open_store
from harness_reports.measured.results import Results
from harness_reports.measured.stale import marked

if TYPE_CHECKING:
    from harness.plugins import Plugins

T = TypeVar("T")


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


def made_of(records: Results, make: Callable[[Results], T]) -> T:
    """Return what is made of records, without those whose long fields turn out to be damaged."""
    while True:
        try:
            return make(records)
        except DamagedRecordError as error:
            records = records.without(error.record_id, str(error))
