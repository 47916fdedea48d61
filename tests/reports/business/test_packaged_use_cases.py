"""The packaged use cases: sourced figures name what was published, hosted models have prices, and all compute."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from harness import Figure, UseCase
from harness.plugins import load_plugins
from harness_reports.business.alternatives import alternatives
from harness_reports.business.call_cost import TOKENS, call_cost
from harness_reports.business.market import NO_THIRD_PARTY, read_market
from harness_reports.business.viability import viability
from harness_reports.economics.api_prices import call_price
from harness_reports.prices.pricing import Pricing

PLUGINS = load_plugins()
CASES: Mapping[str, UseCase] = PLUGINS.use_cases()
PACKAGED = [name for name, case in CASES.items() if case.file and case.file.parts[-3].startswith("harness_")]
HOSTED = [name for name in PACKAGED if CASES[name].hosted]
BY_TASK = {
    "question-answering": "customer-questions", "text-classification": "document-classification",
    "information-extraction": "field-extraction", "summarization": "document-summaries",
    "translation": "document-translation",
}  # fmt: skip
SHARE_OF_WAGES = 0.702  # in what labour costs private employers, June 2025, BLS USDL-25-1358
CLERK_USD = 47_940 / 2080 / SHARE_OF_WAGES  # an hour; mean wage of office support, May 2023, BLS USDL-24-0628
WRITER_USD = 91_670 / 2080 / SHARE_OF_WAGES  # technical writers, median, May 2024, BLS
TRANSLATOR_USD = 27.45 / SHARE_OF_WAGES  # interpreters and translators, median, May 2023, BLS
CONTACT_USD = 8.01  # phone, chat and mail, Gartner 2019-09-25
READ_S = 60 / 238  # a word, Brysbaert 2019


def figures(case: UseCase) -> dict[str, Figure]:
    """Return needs and market."""
    return {**case.needs, **case.market}


def day_of(case: UseCase) -> date:
    """Return the day of the assumptions."""
    return max(figure.as_of for figure in figures(case).values() if figure.kind == "assumption")


def mode(case: str, figure: str) -> float:
    """Return the likeliest value."""
    spread = CASES[case].market[figure].spread
    assert spread is not None
    return spread.numbers[1]


def published(figure: Figure) -> str:
    """Return what a source says beside what is ours."""
    return " ".join(part for part in re.split(r"[;()]", figure.source) if not re.search(r"\bours?\b", part))


# Sources -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PACKAGED)
def test_a_sourced_figure_names_a_publication_of_its_day(name: str) -> None:
    """Beside what is ours it names the year, or the arXiv number with year and month."""
    case = CASES[name]
    sourced = [figure for figure in figures(case).values() if figure.kind == "sourced"]

    assert sourced
    for figure in sourced:
        publication = published(figure)
        assert str(figure.as_of.year) in publication or f"arXiv:{figure.as_of:%y%m}." in publication, publication
        assert figure.as_of < day_of(case)


def test_a_source_that_is_ours_alone_is_not_a_publication() -> None:
    """The check above refuses it."""
    bare = Figure(1.0, "USD", date(2025, 1, 1), "our count of 2025; the range is ours", "sourced")
    named = replace(bare, source="BLS, May 2025; the range is ours")

    assert "2025" not in published(bare)
    assert "2025" in published(named)


def test_figures_follow_from_what_was_published() -> None:
    """Worked out again from the published numbers; seconds and shares are the use cases' own."""
    developers = [usd / SHARE_OF_WAGES for usd in (79_850, 133_080, 211_450)]
    exporters = 270_014 / 0.972 - 270_014
    buyers = CASES["document-translation"].market["buyers"].spread
    makers = CASES["customer-questions"].market["buyers"].spread

    for name in (*BY_TASK.values(), "review-sentiment", "text-completion"):
        spread = CASES[name].market["staff_usd_per_year"].spread
        assert spread is not None
        assert spread.numbers == pytest.approx(developers, rel=0.005)
    assert buyers is not None
    assert makers is not None
    assert (buyers.numbers[0] * buyers.numbers[1]) ** 0.5 == pytest.approx(exporters, rel=0.01)  # the median
    assert makers.numbers == pytest.approx([4_024, 0.069 * 239_524], rel=0.01)
    assert mode("customer-questions", "value_per_request_usd") == pytest.approx(0.09 * CONTACT_USD, rel=0.01)
    assert mode("customer-questions", "cost_per_error_usd") == pytest.approx((0.09 + 0.1) * CONTACT_USD, rel=0.02)
    assert mode("document-classification", "value_per_request_usd") == pytest.approx(10 * CLERK_USD / 3600, rel=0.02)
    assert mode("document-classification", "cost_per_error_usd") == pytest.approx(30 * CLERK_USD / 3600, rel=0.02)
    typed = (40 * READ_S + 23) * CLERK_USD / 3600
    assert mode("field-extraction", "value_per_request_usd") == pytest.approx(typed, rel=0.03)
    assert mode("field-extraction", "cost_per_error_usd") == pytest.approx(90 * CLERK_USD / 3600, rel=0.04)
    written = (123 * READ_S + 19) * WRITER_USD / 3600
    assert mode("document-summaries", "value_per_request_usd") == pytest.approx(written, rel=0.04)
    assert mode("document-summaries", "review_usd") == pytest.approx(20 * WRITER_USD / 3600, rel=0.02)
    word = TRANSLATOR_USD * 8 / 2250
    assert word == pytest.approx(0.14, rel=0.01)
    assert mode("document-translation", "value_per_request_usd") == pytest.approx(4 * word * 0.375 / 5, rel=0.05)
    assert mode("document-translation", "review_usd") == pytest.approx(10 * TRANSLATOR_USD / 3600, rel=0.02)


def test_records_by_hand_are_as_good_as_is_asked_of_a_model() -> None:
    """Two parameters of three fields, each wrong in 3.6 % of entries (Barchard and others, 2019)."""
    assert CASES["field-extraction"].needs["quality"].value == pytest.approx((1 - 0.036) ** 6, abs=0.01)


# Tasks and hosted models -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PACKAGED)
def test_a_use_case_is_bound_to_installed_tasks(name: str) -> None:
    """All of its tasks are there."""
    assert set(CASES[name].tasks) <= set(PLUGINS.tasks)


@pytest.mark.parametrize(("task", "name"), BY_TASK.items())
def test_the_data_that_come_along_have_a_verdict(task: str, name: str) -> None:
    """The task names its use case, which takes the task's packaged data and names hosted models."""
    declared = PLUGINS.tasks[task]

    assert declared.use_case == name
    assert [case for case in PACKAGED if CASES[case].covers(task, declared.data_name)] == [name]
    assert len(CASES[name].hosted) == 3


@pytest.mark.parametrize("name", HOSTED)
def test_hosted_models_have_a_price_on_the_day(name: str) -> None:
    """Of input and output, on the day of the use case's assumptions."""
    case = CASES[name]
    at = datetime.combine(day_of(case), time(12), UTC)
    usage = {"input_tokens": 1000, "cache_read_tokens": 0, "output_tokens": 100}
    prices = [call_price(*model.split("/", 1), usage, at) for model in case.hosted]

    assert all(price.input_usd > 0 and price.output_usd > 0 for price in prices)
    assert set(TOKENS) <= set(case.market)
    if name in BY_TASK.values():
        assert sum(price.as_of is not None for price in prices) >= 2, "two at least with the day since which they hold"


# What they compute -------------------------------------------------------------------------------------------------


def candidate(bench: Any, name: str) -> list[Any]:
    """Return a candidate that is a tenth better than is needed."""
    case = CASES[name]
    declared = PLUGINS.tasks[case.tasks[0]].metrics[0]
    metric = {
        "name": declared.name, "unit": declared.unit, "column": "score", "higher_is_better": True,
        "random_baseline": None, "ceiling": declared.ceiling,
    }  # fmt: skip
    scores = [1.1 * case.needs["quality"].value] * 200
    return list(bench.case(scores=scores, metric=metric, task=case.tasks[0], source=f"{case.data[0]}.csv"))


@pytest.mark.parametrize("name", BY_TASK.values())
def test_each_has_a_verdict_and_no_absurd_figure(bench: Any, pricing: Pricing, name: str) -> None:
    """A call costs a small part of what a request is worth; a steady-state year gains more than staff or start cost."""
    case, records = CASES[name], candidate(bench, name)
    (row,) = viability(records, pricing, [case]).to_dict("records")
    market = read_market(case, {})
    gained = (row["unit_value_usd"] - row["unit_error_usd"] - row["unit_review_usd"]) * row["requests_per_year"]

    assert row["verdict"] in ("invest", "pilot", "do not invest")
    assert row["unit_cost_usd"] < row["unit_value_usd"]
    assert 30_000 < gained < 20_000_000
    assert 1 < gained / (market.numbers["staff"] * market.numbers["staff_usd_per_year"]) < 20
    assert market.numbers["upfront_cost_usd"] < gained
    for model in case.hosted:
        assert call_cost(market, model, pricing).usd.mean < 0.05 * row["unit_value_usd"]


@pytest.mark.parametrize("name", BY_TASK.values())
def test_hosted_models_are_alternatives_barred_only_where_no_third_party_may_see_a_request(
    bench: Any, pricing: Pricing, name: str
) -> None:
    """Each has a row, which says that measuring is missing; of unpublished documents, that none may be asked."""
    rows = alternatives(candidate(bench, name), pricing, [CASES[name]]).to_dict("records")
    hosted = [row for row in rows if row["alternative"] == "hosted"]
    barred = CASES[name].needs["privacy"].value >= NO_THIRD_PARTY

    assert barred == (name == "document-classification")
    assert [row["hosted_model"] for row in hosted] == list(CASES[name].hosted)
    why = "No third party may see a request."
    assert {row["excluded"] for row in hosted} == {why if barred else None}
    not_asked = "It was not asked: nobody knows its quality on these items."
    assert {row["reasons"] for row in hosted} == {f"{why} {not_asked}" if barred else not_asked}
    assert all(row["unit_serving_usd"] > 0 and math.isnan(row["quality"]) for row in hosted)
