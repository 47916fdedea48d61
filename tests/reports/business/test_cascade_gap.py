"""Why a use case has no cascade: what its row of the alternatives says in place of figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from harness import Record, UseCase
from harness_reports import cells
from harness_reports.business.alternatives import alternatives
from harness_reports.business.cascade_gap import why_no_cascade
from harness_reports.business.viability import judge_all
from harness_reports.prices.pricing import Pricing

MakeCascade = Callable[..., list[Record]]
MakeUseCase = Callable[..., UseCase]
BETTER = [(0.9, 1, 1)] * 60 + [(0.6, 0, 1)] * 40
WORSE = [(0.9, 1, 1)] * 60 + [(0.6, 1, 0)] * 40
EQUALLY_SURE = [(0.9, 1, 1)] * 60 + [(0.9, 0, 1)] * 40
"""Items as in `make_cascade`."""


@pytest.fixture
def stores(bench: Any, make_cascade: MakeCascade) -> dict[str, list[Record]]:
    """Return code → records that lack just this."""
    whole = make_cascade(test=BETTER, validation=BETTER)
    unkept = [replace(one, spec={**one.spec, "validation": False}) for one in whole]
    unsure = [*bench.case(scores=(1,) * 60 + (0,) * 40, model="tfidf", rate=10_000.0, validation=True),
              *bench.case(validation=True)]  # fmt: skip
    return {
        "cascade of one": bench.case(validation=True),
        "cascade without values": [*bench.case(), *bench.case(model="tfidf", latency_s=None)],
        "cascade without prices": [one for one in whole if one.spec.get("scenario") != "Offline"],
        "cascade without validation": unkept,
        "cascade without confidence": unsure,
        "cascade of the best": make_cascade(test=WORSE, validation=WORSE),
        "cascade without threshold": make_cascade(test=EQUALLY_SURE, validation=EQUALLY_SURE),
    }


CODES = {
    "cascade of one": "add another model to the suite",
    "cascade without values": "1 of 2 measured here have one",
    "cascade without prices": "Add Offline to the `scenarios`",
    "cascade without validation": "set `validation: true` under `evaluate` in the suite",
    "cascade without confidence": "take a cheap model that answers with probabilities",
    "cascade of the best": "Measure a better model",
    "cascade without threshold": "Take a cheap model whose confidence differs",
}
"""Code → its remedy."""


@pytest.mark.parametrize("code", CODES)
def test_the_row_of_the_cascade_says_what_is_lacking(
    stores: dict[str, list[Record]], pricing: Pricing, make_use_case: MakeUseCase, code: str
) -> None:
    """With the remedy, and without figures: there was no row, and nothing said why."""
    case = make_use_case(needs={"latency_s": 0.5})
    (candidates,) = judge_all(stores[code], pricing, [case])
    table = {row["alternative"]: row for row in cells.rows(alternatives(stores[code], pricing, [case]))}
    row = table["cascade"]

    assert why_no_cascade(candidates).code == code
    assert CODES[code] in row["reasons"]
    for name in ("model", "verdict", "excluded", "quality", "npv_usd", "threshold", "better_than_candidate"):
        assert row[name] is None, name


def test_a_use_case_with_a_cascade_has_one_row_of_it(
    make_cascade: MakeCascade, pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """It has figures and a verdict."""
    table = cells.rows(alternatives(make_cascade(), pricing, [make_use_case()]))
    (row,) = (row for row in table if row["alternative"] == "cascade")

    assert row["verdict"] == "invest"
    assert not row["reasons"].startswith("A cascade takes")
