"""Loading records, prices and use cases in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness_reports.cli.options import read_pricing

if TYPE_CHECKING:
    from harness.facts import UseCase
    from harness_reports.measured.results import Results
    from harness_reports.prices.pricing import Pricing


def load_records(store: str | None = None, plugins: Sequence[str] = ()) -> Results:
    """Return the records of a store.

    Args:
        store: a folder or a database URL, by default `HARNESS_STORE` or `harness-results`.
        plugins: files with plugins; records of another definition than theirs are marked as stale.

    Raises:
        StoreError: there is no store.
    """
    from harness.plugins import load_plugins
    from harness_reports.measured.store import read_store

    return read_store(store, load_plugins(plugins))


def load_prices(*books: str, plugins: Sequence[str] = (), **wishes: str | float) -> Pricing:
    """Return prices in USD, chosen by the rule of `harness_reports.prices.pricing.choose`.

    Args:
        books: names of price books, or YAML files; `cloud` by default.
        plugins: files with plugins that have more price books.
        wishes: `provider`, `region`, `as_of` (a day such as `2026-11-01`), `utilisation`, `multiplier`, `pue`, `grid`,
            `buying`.

    Raises:
        FactError: a book is unknown, a price is not valid, or a wish is.
    """
    from harness.plugins import load_plugins

    texts = [f"{name}={value}" for name, value in wishes.items()]
    return read_pricing(list(books) or None, load_plugins(plugins), texts)


def load_use_cases(*files: str) -> dict[str, UseCase]:
    """Return the use cases of all plugins, and of files (YAML, or plugins), by name.

    Raises:
        FactError: a figure of a file is not valid.
    """
    from harness.plugins import load_plugins

    return load_plugins(files).use_cases()
