"""Which candidate of a use case is best."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness import UseCase
from harness_reports.business.viability import judge_all
from harness_reports.prices.pricing import Pricing

MakeUseCase = Callable[..., UseCase]
GOOD = (1,) * 92 + (0,) * 8


def best_of(records: list[Any], pricing: Pricing, case: UseCase) -> dict[str, Any]:
    """Return the deciding cells of the best candidate."""
    (candidates,) = judge_all(records, pricing, [case])
    return dict(candidates.best.decided)


@pytest.mark.parametrize("turned", [False, True])
def test_without_values_the_better_quality_is_best(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase, *, turned: bool
) -> None:
    """Neither was timed one request at a time, which this use case needs: the first measured one was the best."""
    cases = [
        bench.case(scores=(1, 0) * 50, latency_s=None, model="weak"),
        bench.case(scores=GOOD, latency_s=None, model="good"),
    ]  # fmt: skip
    records = [record for case in (cases[::-1] if turned else cases) for record in case]
    best = best_of(records, pricing, make_use_case())

    assert (best["verdict"], best["npv_mean_usd"], best["model"]) == ("not enough evidence", None, "good")


@pytest.mark.parametrize("turned", [False, True])
def test_an_error_metric_is_better_where_it_is_lower(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase, *, turned: bool
) -> None:
    """Of equal errors the cheaper one is best."""
    errors = {"name": "errors", "unit": "share", "column": "errors", "higher_is_better": False, "ceiling": None,
              "random_baseline": None}  # fmt: skip
    few = (1,) * 8 + (0,) * 92
    rates = {"worse": (GOOD, 900.0), "dear": (few, 100.0), "cheap": (few, 500.0)}
    cases = [
        bench.case(scores=scores, metric=errors, rate=rate, latency_s=None, model=model)
        for model, (scores, rate) in rates.items()
    ]
    records = [record for case in (cases[::-1] if turned else cases) for record in case]

    assert best_of(records, pricing, make_use_case())["model"] == "cheap"
