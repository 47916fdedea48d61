"""The cost of a demand on whole machines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from harness import PriceBook, UseCase
from harness_reports.business.serving import SERVING, serving
from harness_reports.business.supply import HOURS_PER_YEAR
from harness_reports.business.viability import viability
from harness_reports.economics.cashflow import npv
from harness_reports.prices.pricing import OWN, Pricing, choose

GOOD = (1,) * 92 + (0,) * 8
MakeUseCase = Callable[..., UseCase]
SECONDS = HOURS_PER_YEAR * 3600


def rows(records: list[Any], pricing: Pricing, use_case: UseCase, **more: Any) -> list[dict[str, Any]]:
    """Return the table's rows."""
    return [dict(row) for row in serving(records, pricing, [use_case], **more).to_dict("records")]


def test_a_row_worked_out_by_hand(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """Ten a second, thirty at the peak; batches of 10 take 0.1 s, so one machine at 0.10 USD an hour serves 100."""
    case = make_use_case(requests_per_year=10.0 * SECONDS, needs={"quality": 0.8})
    (row,) = rows(bench.case(scores=GOOD), pricing, case)
    yearly = 0.10 * HOURS_PER_YEAR

    assert list(row) == list(SERVING)
    assert (row["requests_per_s"], row["peak_per_s"], row["replicas"]) == (pytest.approx(10), pytest.approx(30), 1)
    assert (row["scenario"], row["batch_size"], row["answer_s"]) == ("Offline", 10, None)
    assert (row["buying"], row["view"]) == ("machines", "rented")
    assert row["utilisation"] == pytest.approx(0.1)
    assert row["usd_per_year"] == pytest.approx(yearly)
    assert row["idle_usd_per_year"] == pytest.approx(0.9 * yearly)
    assert row["usd_per_1k_requests"] == pytest.approx(yearly / (10 * SECONDS) * 1000)
    assert row["usd_per_correct_answer"] == pytest.approx((yearly / (10 * SECONDS) + 0.08 * 0.20) / 0.92)


def test_review_corrects_answers(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """Half is reviewed at 0.30 USD, one in ten is a retry: errors cost half, and 96 % are right after review."""
    case = make_use_case(review_share=0.5, review_usd=0.30, retry_share=0.1)
    (row,) = viability(bench.case(scores=GOOD), pricing, [case]).to_dict("records")
    serving_usd = 0.10 * HOURS_PER_YEAR / 1_000_000

    assert row["unit_error_usd"] == pytest.approx(0.08 * 0.5 * 0.20)
    assert row["unit_review_usd"] == pytest.approx(0.15)
    assert row["unit_cost_usd"] == pytest.approx(serving_usd + 0.008 + 0.15)
    assert row["usd_per_correct_answer"] == pytest.approx(row["unit_cost_usd"] / 0.96)


def test_retries_are_paid_for_once(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """They are in the load of the machines, not added to their cost again."""
    case = make_use_case(
        needs={"quality": 0.8}, requests_per_year=10.0 * SECONDS, retry_share=1.0, cost_per_error_usd=None
    )
    (row,) = rows(bench.case(scores=GOOD), pricing, case)

    assert row["requests_per_s"] == pytest.approx(20)
    assert row["usd_per_correct_answer"] == pytest.approx(row["usd_per_1k_requests"] / 1000 / 0.92)


def test_at_the_levelised_price_the_npv_is_zero(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """With staff, fixed costs, trainings and machines."""
    case = make_use_case(staff=1.0, staff_usd_per_year=90_000.0, retrainings_per_year=4.0)
    (row,) = rows(bench.case(scores=GOOD), pricing, case)
    yearly = 90_000 + 10_000 + 4 * (0.005 + 0.001) + row["usd_per_year"] + 0.016 * 1_000_000
    upfront = 20_000 + 2 * (0.015 + 0.001)

    price = row["levelised_usd_per_1k"] / 1000
    assert npv(0.10, [-upfront, *[price * 1_000_000 - yearly] * 3]) == pytest.approx(0, abs=1e-3)


def test_the_levelised_price_is_the_same_in_all_years(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """Where the value of a request declines, that of the first year has to be higher: the break-even price."""
    records, declining = bench.case(scores=GOOD), make_use_case(value_decline_per_year=0.2)
    price = rows(records, pricing, declining)[0]["levelised_usd_per_1k"] / 1000
    (same, falling) = (
        viability(records, pricing, [declining], {"value_per_request_usd": price, "value_decline_per_year": decline})
        .to_dict("records")[0] for decline in (0.0, 0.2)
    )  # fmt: skip

    assert same["npv_usd"] == pytest.approx(0, abs=1e-6)
    assert falling["npv_usd"] < 0
    assert falling["break_even_price_usd"] > price


def test_an_objective_that_no_machines_meet_has_a_note(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """The cost is that without the limit, as in the verdict, which misses the need."""
    records, case = bench.case(scores=GOOD), make_use_case(needs={"latency_s": 0.001})
    (row,) = rows(records, pricing, case)
    (verdict,) = viability(records, pricing, [case]).to_dict("records")

    assert "No number of machines answers 99 of 100 requests in 0.001 s" in row["note"]
    assert row["usd_per_year"] == verdict["usd_per_year"] == pytest.approx(0.10 * HOURS_PER_YEAR)
    assert (verdict["verdict"], verdict["latency_limit"]) == ("do not invest", "missed")


def test_rented_beside_owned(bench: Any, pricing: Pricing, make_use_case: MakeUseCase, make_price: Any) -> None:
    """Two rows if both prices are known; one if all machines are owned."""
    mine = choose(PriceBook("mine", "", (make_price(provider=OWN, usd=Decimal("0.01")),)))
    elsewhere = choose(PriceBook("mine", "", (make_price(provider=OWN, item="H100"),)))
    records, case = bench.case(scores=GOOD), make_use_case()

    both = rows(records, pricing, case, owned=mine)
    assert [row["view"] for row in both] == ["rented", "owned"]
    assert both[0]["usd_per_year"] == pytest.approx(5 * both[1]["usd_per_year"])
    assert [row["view"] for row in rows(records, mine, case, owned=mine)] == ["owned"]
    assert [row["view"] for row in rows(records, pricing, case, owned=elsewhere)] == ["rented"]


def test_a_price_multiplier_moves_machines_alone(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """Twice the price: twice the yearly cost, the same machines."""
    records, case = bench.case(scores=GOOD), make_use_case()
    (once,) = rows(records, pricing, case)
    (twice,) = rows(records, replace(pricing, multiplier=Decimal(2)), case)

    assert twice["usd_per_year"] == pytest.approx(2 * once["usd_per_year"])
    assert twice["replicas"] == once["replicas"]
