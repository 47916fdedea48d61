"""No table, page or report gives a hosted model a quality that nobody measured."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from harness.facts import UseCase
from harness.plugins import load_plugins
from harness_dashboards.texts import TEXTS
from harness_reports import cells
from harness_reports.business.alternatives import alternatives
from harness_reports.business.portfolio import portfolio
from harness_reports.business.serving import serving
from harness_reports.business.viability import viability
from harness_reports.measured.results import Results
from harness_reports.measured.store import read_store
from harness_reports.measured.tables import accuracy
from harness_reports.prices.cost import cost
from harness_reports.prices.frontier import frontier
from harness_reports.prices.pricing import Pricing, choose
from harness_reports.show.report import html

HOSTED = ["openai/gpt-4.1-nano", "google/gemini-2.5-flash"]
KNOWN_BY_MEASURING = (
    "quality", "value", "low", "high", "unit_error_usd", "npv_usd", "npv_mean_usd", "npv_low_usd", "npv_p50_usd",
    "npv_high_usd", "probability_positive", "better_than_candidate",
)  # fmt: skip
"""Columns that follow from the quality of a model."""
PAGES = ("verdicts_page", "case_page", "cost_page", "compare_page", "origin_page", "runs_page")


@pytest.fixture
def case_file(tmp_path: Path) -> Path:
    """Return the file of a use case that names hosted models and their tokens, and no quality of theirs."""
    packaged = load_plugins().use_cases()["document-classification"].file
    assert packaged is not None
    body = yaml.safe_load(packaged.read_text(encoding="utf-8"))
    body |= {"name": "asking", "hosted": HOSTED, "needs": {**body["needs"], "privacy": {**body["needs"]["privacy"]}}}
    body["needs"]["privacy"]["value"] = 0
    for name, tokens in (("input_tokens_per_request", 400), ("output_tokens_per_request", 5)):
        body["market"][name] = {"value": tokens, "unit": "tokens", "source": "counted by hand"}
    body["market"].pop("hosted_quality", None)
    body.pop("translations", None)
    file = tmp_path / "asking.yaml"
    file.write_text(yaml.safe_dump(body), encoding="utf-8")
    return file


@pytest.fixture
def case(case_file: Path) -> UseCase:
    """Return the use case."""
    return load_plugins([str(case_file)]).use_cases()["asking"]


@pytest.fixture
def records(decided: Path) -> Results:
    """Return the records of a store without any of an endpoint."""
    results = read_store(str(decided), load_plugins())
    assert not any(record.spec.get("access") for record in results)
    return results


@pytest.fixture
def pricing() -> Pricing:
    """Return the cloud's prices."""
    return choose(load_plugins().price_books()["cloud"])


def _naming_hosted(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield the rows that name one of the hosted models in any cell."""
    for row in frame.to_dict("records"):
        named = {str(name): value for name, value in row.items()}
        if any(model in str(value) for model in HOSTED for value in named.values()):
            yield named


def test_no_table_has_one(records: Results, pricing: Pricing, case: UseCase) -> None:
    """The alternatives name them, with a price; every other table does not."""
    cases = [case]
    silent = [
        accuracy(records), cost(records, pricing), frontier(records, pricing), viability(records, pricing, cases),
        serving(records, pricing, cases), portfolio(records, pricing, cases, 1e6),
    ]  # fmt: skip
    named = list(_naming_hosted(alternatives(records, pricing, cases)))

    assert not [row for frame in silent for row in _naming_hosted(frame.drop(columns="figures", errors="ignore"))]
    assert [row["hosted_model"] for row in named] == HOSTED
    for row in named:
        assert row["unit_serving_usd"] > 0
        assert (row["quality_is"], row["verdict"]) == ("not measured", "not enough evidence")
        assert [name for name in KNOWN_BY_MEASURING if not cells.missing(row.get(name))] == []


def test_no_report_has_one(records: Results, pricing: Pricing, case: UseCase) -> None:
    """In the rows of its tables that name a hosted model, every such cell is a dash."""
    page = html(records, pricing, [case])
    checked = 0
    for table in re.findall(r"<table.*?</table>", page, re.DOTALL):
        head = re.findall(r"<th[^>]*>(.*?)</th>", table, re.DOTALL)
        for line in re.findall(r"<tr.*?</tr>", table, re.DOTALL):
            row = dict(zip(head, re.findall(r"<td[^>]*>(.*?)</td>", line, re.DOTALL), strict=False))
            if row.get("hosted model") in HOSTED:
                checked += 1
                assert row["quality is"] == "not measured"
                assert {row[name] for name in ("quality", "expected NPV, USD", "NPV P5, USD")} == {cells.MISSING}

    assert checked == len(HOSTED)


def test_no_page_has_one(decided: Path, case_file: Path, monkeypatch: pytest.MonkeyPatch, open_page: Any) -> None:
    """In none of the tables on any page."""
    from harness_dashboards import sources

    monkeypatch.setenv("HARNESS_STORE", str(decided))
    monkeypatch.setenv("HARNESS_PRICE_BOOK", "cloud")
    monkeypatch.setenv("HARNESS_PLUGINS", str(case_file))
    sources.plugins.clear()
    texts, seen = TEXTS["en"], []
    try:
        for name in PAGES:
            app = open_page(name)
            if name == "case_page":
                app.selectbox(key="case").set_value("asking").run()
            assert not app.exception
            seen += [row for table in app.dataframe for row in _naming_hosted(table.value)]
    finally:
        sources.plugins.clear()

    assert [row[texts["column_hosted_model"]] for row in seen] == HOSTED
    for row in seen:
        headings = [texts[f"column_{name}"] for name in KNOWN_BY_MEASURING if f"column_{name}" in texts]
        assert {texts["column_quality"], texts["column_npv_mean_usd"]} <= set(headings) & set(row)
        assert {str(row[heading]) for heading in headings if heading in row} == {cells.MISSING}
        assert row[texts["column_quality_is"]] == texts["cell_not measured"]
