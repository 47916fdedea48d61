"""A use case that names its data uses them alone, in every table of use cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from harness import UseCase
from harness_reports.business.alternatives import alternatives
from harness_reports.business.pretraining import pretraining
from harness_reports.business.sensitivity import sensitivity
from harness_reports.business.serving import serving
from harness_reports.business.viability import viability
from harness_reports.prices.frontier import frontier
from harness_reports.prices.pricing import Pricing

TABLES: dict[str, Callable[..., pd.DataFrame]] = {
    "viability": viability, "serving": serving, "sensitivity": sensitivity, "alternatives": alternatives,
    "pretraining": pretraining,
}  # fmt: skip


@pytest.fixture
def both(bench: Any) -> list[Any]:
    """Return the records of a task measured on documents and on reviews, from scratch and pretrained."""
    documents = {"data": "documents", "fields": {"data_digest": "d" * 64}}
    reviews = {"data": "reviews", "source": "reviews.csv", "fields": {"data_digest": "e" * 64}}
    starts = ("scratch", "pretrained")
    return [record for data in (documents, reviews) for start in starts for record in bench.case(start=start, **data)]


@pytest.fixture
def cases(make_use_case: Callable[..., UseCase]) -> list[UseCase]:
    """Return a use case on documents and one on reviews, of the same task."""
    made = {name: make_use_case(name) for name in ("documents", "reviews")}
    return [replace(case, data=(name,)) for name, case in made.items()]


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_each_use_case_on_its_own_data(
    both: list[Any], cases: list[UseCase], pricing: Pricing, name: str
) -> None:
    """A verdict on reviews never uses documents, nor the reverse."""
    frame = TABLES[name](both, pricing, cases)

    assert set(zip(frame["use_case"], frame["data"], strict=True)) == {
        ("documents", "documents"), ("reviews", "reviews"),
    }  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("measured", ["documents", "reviews"])
def test_other_data_give_no_row(
    both: list[Any], cases: list[UseCase], pricing: Pricing, name: str, measured: str
) -> None:
    """The use case whose data were not measured has no verdict."""
    frame = TABLES[name]([record for record in both if record.spec["data"] == measured], pricing, cases)

    assert set(frame["use_case"]) == {measured}


def test_a_use_case_that_names_no_data_takes_all(
    both: list[Any], make_use_case: Callable[..., UseCase], pricing: Pricing
) -> None:
    """Every data set of its tasks has rows."""
    assert set(viability(both, pricing, [make_use_case()])["data"]) == {"documents", "reviews"}


def test_data_of_one_name_in_two_places_are_kept_apart(bench: Any, pricing: Pricing) -> None:
    """Each has its own frontier, and the variant differs."""
    places = (("a/train.csv", "d"), ("b/train.csv", "e"))
    records = [
        record
        for number, (source, digest) in enumerate(places)
        for record in bench.case(data="train", source=source, rate=10.0**number, fields={"data_digest": digest * 64})
    ]
    frame = frontier(records, pricing)

    assert list(frame["data"]) == ["train", "train"]
    assert list(frame["on_frontier"]) == [True, True]
    assert set(frame["variant"]) == {"digest=dddddddd", "digest=eeeeeeee"}
