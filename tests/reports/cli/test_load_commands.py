"""The load table on the command line and in the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness import HarnessError, UseCase
from harness_reports.prices.pricing import Pricing
from harness_reports.show.report import html


@pytest.fixture
def place(bench: Any, make_store: Any, tmp_path: Path) -> str:
    """Return a store with a sweep."""
    return str(make_store(tmp_path / "store", [bench.swept()]))


@pytest.mark.parametrize("form", ["text", "json", "csv", "markdown"])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_table_is_printed(invoke: Any, place: str, form: str, lang: str) -> None:
    """In every format and language, with a row for each rate; it reads no price."""
    printed = invoke(
        "table", "load", "--store", place, "--format", form, "--lang", lang, "--price-book", "no-such-book"
    )

    assert all(f"Server {rate}/s" in printed for rate in (1, 2, 4))
    if form == "json":
        assert [row["limits_kept"] for row in json.loads(printed)] == ["met", "met", "missed"]


def test_a_figure_is_explained(invoke: Any, place: str) -> None:
    """Down to the run of the record."""
    told = invoke("explain", "load", "--store", place, "--column", "goodput_per_s", "--where", "run=Server 2/s")

    assert "sum(kept_answers) / sum(steady_s)" in told
    assert "run Server 2/s of record" in told


def test_a_store_without_load_says_so(invoke: Any, bench: Any, make_store: Any, tmp_path: Path) -> None:
    """With exit code 1, as other tables do."""
    place = make_store(tmp_path / "store", bench.case())

    with pytest.raises(HarnessError, match="nothing for the table 'load'"):
        invoke("table", "load", "--store", place)


def test_the_report_has_the_curve_where_load_was_measured(
    bench: Any, pricing: Pricing, use_cases: dict[str, UseCase]
) -> None:
    """With its table; without load there is no such section."""
    records = bench.case()
    with_load = html([*records, bench.swept(base=records[-1])], pricing, use_cases)

    assert "<h2>Under load</h2>" in with_load
    assert 'id="load-0"' in with_load
    assert "Under load" not in html(records, pricing, use_cases)
