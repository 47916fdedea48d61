"""The tables of a store measured by the quickstart keep their figures when the code changes.

`sample/harness.db` holds the records of `tox run -e quickstart` of 2026-11-26; of each series of latencies only the
first 300 queries are kept, so that the file stays small. `sample/figures.json` holds what the tables said that day:
table → rows → column → number. Texts, and marks of what is stale, may change; a figure may not without a reason:
`python tests/reports/test_sample.py` writes the file anew.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.plugins import Plugins, load_plugins
from harness.records import Record
from harness_reports.business.alternatives import alternatives
from harness_reports.business.portfolio import portfolio
from harness_reports.business.sensitivity import sensitivity
from harness_reports.business.serving import serving
from harness_reports.business.viability import viability
from harness_reports.cells import rows
from harness_reports.cli.options import owned_pricing, read_pricing
from harness_reports.measured.store import read_store
from harness_reports.measured.tables import accuracy, throughput
from harness_reports.prices.cost import cost
from harness_reports.prices.frontier import frontier

SAMPLE = Path(__file__).parent / "sample"
FIGURES = SAMPLE / "figures.json"
TABLES = (
    "accuracy", "throughput", "cost", "frontier", "serving", "viability", "sensitivity", "alternatives", "portfolio",
)  # fmt: skip
Numbers = Mapping[str, float]
_COPY = tempfile.TemporaryDirectory()
"""Kept to the end, as records are read from it when they are looked into."""


def plugins() -> Plugins:
    """Return all installed plugins, without those of the environment."""
    return load_plugins()


@cache
def records() -> list[Record]:
    """Return the sample's records, read from a copy, as opening a database writes to it."""
    shutil.copy(SAMPLE / "harness.db", _COPY.name)
    return read_store(_COPY.name, plugins())


def figures(name: str) -> list[Numbers]:
    """Return the numbers of a table's rows, in an order that does not depend on texts."""
    frame = _tables()[name]()
    figures = [
        {column: value for column, value in row.items() if isinstance(value, int | float)} for row in rows(frame)
    ]
    return in_order(figures)


def in_order(rows: list[Numbers]) -> list[Numbers]:
    """Return rows sorted by their numbers."""
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))


def _tables() -> Mapping[str, Callable[[], pd.DataFrame]]:
    owned, pricing, cases = owned_pricing(None, plugins(), None), read_pricing(None, plugins()), plugins().use_cases()
    return {
        "accuracy": partial(accuracy, records(), "all"),
        "throughput": partial(throughput, records()),
        "cost": partial(cost, records(), pricing),
        "frontier": partial(frontier, records(), pricing),
        "serving": partial(serving, records(), pricing, cases, owned=owned),
        "viability": partial(viability, records(), pricing, cases),
        "sensitivity": partial(sensitivity, records(), pricing, cases),
        "alternatives": partial(alternatives, records(), pricing, cases),
        "portfolio": lambda: portfolio(records(), pricing, cases, 1e6),
    }


@pytest.mark.parametrize("name", TABLES)
def test_a_table_keeps_its_figures(name: str) -> None:
    """To 1e-9: machines add up in different orders."""
    expected = in_order(json.loads(FIGURES.read_text(encoding="utf-8"))[name])
    actual = figures(name)

    assert [sorted(row) for row in actual] == [sorted(row) for row in expected]
    for row, wanted in zip(actual, expected, strict=True):
        assert row == pytest.approx(wanted, rel=1e-9)


def test_the_sample_is_read_under_the_names_of_today() -> None:
    """It was measured under former names of tasks and data."""
    frame = accuracy(records())

    assert set(zip(frame["task"], frame["data"], strict=True)) == {
        ("text-classification", "scipy-docstrings"), ("image-classification", "mnist-5k"),
        ("CartPole-v1", "CartPole-v1"),
    }  # fmt: skip


def test_the_sample_is_small_and_holds_no_path_of_the_machine() -> None:
    """It is public."""
    content = (SAMPLE / "harness.db").read_bytes()

    assert len(content) < 1e6
    assert not any(folder in content for folder in (b"/tmp/", b"/home/", b"/root/", b"/opt/"))


def _write() -> None:
    content: dict[str, Any] = {name: figures(name) for name in TABLES}
    lines = [
        f"{json.dumps(name)}: [\n" + ",\n".join(json.dumps(row, sort_keys=True) for row in table) + "\n]"
        for name, table in content.items()
    ]
    FIGURES.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    _write()
