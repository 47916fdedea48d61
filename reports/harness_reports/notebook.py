"""What a notebook begins with: the records of a store, prices, and use cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness_reports.cli.options import read_pricing, read_records

if TYPE_CHECKING:
    from harness.facts import UseCase
    from harness_reports.measured.results import Results
    from harness_reports.prices.pricing import Pricing


def load_records(store: str | None = None, plugins: Sequence[str] = ()) -> Results:
    """Return the records of a store, by default of `HARNESS_STORE` or `harness-results`; every table takes them.

    Args:
        store: a folder or a database URL.
        plugins: files with plugins; `stale` says where a record is of another definition than what they bring.

    Raises:
        StoreError: there is none.
    """
    from harness.plugins import load_plugins

    return read_records(store, load_plugins(plugins))


def load_prices(*books: str, plugins: Sequence[str] = (), **wishes: str | float) -> Pricing:
    """Return prices in USD, the offers chosen as `harness_reports.prices.pricing.choose` says.

    Args:
        books: names of price books, or YAML files; `cloud` where none is given.
        plugins: files with plugins that bring more of them.
        wishes: `provider`, `region`, `as_of` (a day such as `2026-11-01`), `utilisation`, `multiplier`, `pue`, `grid`.

    Raises:
        FactError: there is no such book, a price is not fit for use, or a wish makes no sense.
    """
    from harness.plugins import load_plugins

    wanted = [f"{name}={value}" for name, value in wishes.items()]
    return read_pricing(list(books) or None, load_plugins(plugins), wanted)


def load_use_cases(*files: str) -> dict[str, UseCase]:
    """Return the use cases of all plugins, and of files (YAML, or plugins), by name.

    Raises:
        FactError: a figure of a file is not fit for use.
    """
    from harness.plugins import load_plugins

    return load_plugins(files).use_cases()
