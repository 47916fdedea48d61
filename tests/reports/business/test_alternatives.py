"""What else could be done: the baseline, hosted models, nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pytest

from harness import FactError, Figure, UseCase
from harness.facts import Spread
from harness_reports.business.alternatives import ALTERNATIVES, alternatives
from harness_reports.economics.textbook.api_prices import call_usd
from harness_reports.prices.pricing import Pricing

GOOD = (1,) * 92 + (0,) * 8
NANO = "openai/gpt-4.1-nano"


def fact(value: float, spread: Spread | None = None) -> Figure:
    """Return a figure of the day on which prices are read."""
    return Figure(value, "unit", date(2026, 11, 23), "counted", spread=spread)


@pytest.fixture
def hosted(make_use_case: Callable[..., UseCase]) -> UseCase:
    """Return a use case that a hosted model could do."""
    case = make_use_case()
    tokens = {"input_tokens_per_request": fact(200.0), "output_tokens_per_request": fact(5.0)}
    return replace(case, market={**case.market, **tokens}, hosted=(NANO,))


def rows(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return the rows by alternative."""
    return {row["alternative"]: {str(name): value for name, value in row.items()} for row in frame.to_dict("records")}


def test_everything_stands_beside_the_best_candidate(suite: list[Any], pricing: Pricing, hosted: UseCase) -> None:
    """The candidate first, then the cheap baseline, hosted models, and doing nothing."""
    frame = alternatives(suite, pricing, [hosted])
    found = rows(frame)

    assert list(frame.columns) == list(ALTERNATIVES)
    assert list(found) == ["candidate", "baseline", "hosted", "nothing"]
    assert (found["candidate"]["model"], found["baseline"]["model"]) == ("bert", "tfidf")
    assert found["nothing"]["npv_usd"] == 0
    assert found["nothing"]["better_than_candidate"] == pytest.approx(1 - found["candidate"]["probability_positive"])
    assert found["baseline"]["better_than_candidate"] < 0.05


def test_hosted_model_worked_out_by_hand(bench: Any, pricing: Pricing, hosted: UseCase) -> None:
    """Its call is priced by the day's list; nothing is trained; errors cost what the candidate's do."""
    found = rows(alternatives(bench.case(scores=GOOD), pricing, [hosted]))["hosted"]
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    call = float(call_usd("openai", "gpt-4.1-nano", {"input_tokens": 200, "output_tokens": 5}, noon))
    annuity = sum(1.1**-year for year in (1, 2, 3))
    yearly = 1_000_000 * (0.10 - 0.08 * 0.20 - call) - 10_000

    assert found["unit_serving_usd"] == pytest.approx(call)
    assert found["upfront_usd"] == 20_000
    assert found["npv_usd"] == pytest.approx(yearly * annuity - 20_000)
    assert found["quality_is"] == "assumed to be the candidate's"
    assert (found["price_as_of"], found["price_source"]) == ("2026-11-23", "genai-prices")


def test_a_baseline_within_the_interval_has_the_candidates_errors(
    bench: Any, pricing: Pricing, make_use_case: Callable[..., UseCase]
) -> None:
    """One more of a hundred is right, which is noise: the dearer baseline is better in no draw, errors or not."""
    records = [
        *bench.case(scores=GOOD, latency_s=(0.002,) * 700),
        *bench.case(scores=(1,) * 93 + (0,) * 7, model="tfidf", start="scratch", runtime="eager", finetune_s=999.0),
    ]
    case = make_use_case(value_per_request_usd=2.0, cost_per_error_usd=0.5, development_multiplier=1e6)
    found = rows(alternatives(records, pricing, [case]))

    assert (found["candidate"]["model"], found["baseline"]["model"]) == ("bert", "tfidf")
    assert found["baseline"]["better_than_candidate"] == 0.0


def test_the_tier_is_that_of_the_whole_call(bench: Any, pricing: Pricing, hosted: UseCase) -> None:
    """Beyond 200,000 tokens read, what gemini-2.5-pro writes is dearer too; a batch and cached input cost less."""
    tokens = {"input_tokens_per_request": fact(200_001.0), "output_tokens_per_request": fact(1000.0)}
    big = replace(hosted, market={**hosted.market, **tokens}, hosted=("google/gemini-2.5-pro",))
    cached = replace(big, market={**big.market, "cached_input_share": fact(0.9)})
    patient = replace(hosted, needs={"quality": fact(0.8)}, hosted=("openai/o3",))
    records = bench.case(scores=GOOD)
    fresh, known, batch = (rows(alternatives(records, pricing, [case]))["hosted"] for case in (big, cached, patient))
    at, usage = datetime(2026, 11, 23, 12, tzinfo=UTC), {"input_tokens": 200_001, "output_tokens": 1000}

    assert fresh["unit_serving_usd"] == pytest.approx(float(call_usd("google", "gemini-2.5-pro", usage, at)))
    assert known["unit_serving_usd"] < fresh["unit_serving_usd"]
    assert (fresh["price_terms"], known["price_terms"]) == ("standard", "standard, cached input")
    usage = {"input_tokens": 200, "output_tokens": 5}
    assert batch["price_terms"] == "batch"
    assert batch["unit_serving_usd"] == pytest.approx(float(call_usd("openai", "o3", usage, at)) / 2)


def test_calls_that_get_cheaper_are_worth_more(bench: Any, pricing: Pricing, hosted: UseCase) -> None:
    """The price of hosted models falls, and a quality that the use case assumes takes the candidate's place."""
    cheaper = {**hosted.market, "api_price_decline_per_year": fact(0.5), "hosted_quality": fact(0.99)}
    plain = rows(alternatives(bench.case(scores=GOOD), pricing, [hosted]))["hosted"]
    found = rows(alternatives(bench.case(scores=GOOD), pricing, [replace(hosted, market=cheaper)]))["hosted"]

    assert found["npv_usd"] > plain["npv_usd"]
    assert found["unit_error_usd"] == pytest.approx(0.01 * 0.20)
    assert found["quality_is"] == "assumed"


def test_machines_undercut_calls_from_a_volume_on(bench: Any, pricing: Pricing, hosted: UseCase) -> None:
    """A machine of 0.10 USD an hour serves 50 a second; it pays from 73 USD and the trainings' share a month on."""
    found = rows(alternatives(bench.case(scores=GOOD), pricing, [hosted]))["hosted"]
    training = (0.015 + 0.001) * 2 / 36
    first = (0.10 * 730 + training) / found["unit_serving_usd"]

    assert found["machines_at_break_even"] == 1
    assert found["first_break_even_requests_per_month"] == pytest.approx(first)
    assert found["always_cheaper_above_requests_per_month"] == pytest.approx(first)


def test_privacy_rules_hosted_models_out(bench: Any, pricing: Pricing, hosted: UseCase) -> None:
    """At the highest level no third party may see a request; the row says so and keeps its figures."""
    private = replace(hosted, needs={**hosted.needs, "privacy": fact(2.0)})
    found = rows(alternatives(bench.case(scores=GOOD), pricing, [private]))["hosted"]

    assert found["excluded"] == "No third party may see a request."
    assert found["npv_usd"] > 0


def test_uncertain_tokens_are_an_uncertain_cost(bench: Any, pricing: Pricing, hosted: UseCase) -> None:
    """Twice the tokens are twice the price: it widens the distribution around the same mean."""
    spread = Spread("triangular", (100.0, 200.0, 300.0))
    wide = replace(hosted, market={**hosted.market, "input_tokens_per_request": fact(spread.mean, spread)})
    one, other = (
        rows(alternatives(bench.case(scores=(1.0, 0.5) * 50), pricing, [c]))["hosted"] for c in (hosted, wide)
    )

    assert other["unit_serving_usd"] == pytest.approx(one["unit_serving_usd"], rel=1e-9)
    assert other["npv_high_usd"] - other["npv_low_usd"] > one["npv_high_usd"] - one["npv_low_usd"]


@pytest.mark.parametrize(
    ("name", "market", "sentence"),
    [
        ("gpt-4.1-nano", {}, "has no provider. Write `provider/model`"),
        ("openai/no-such-model", {}, "No price of 'no-such-model' at 'openai' is known"),
        (NANO, {"input_tokens_per_request": None}, "no input_tokens_per_request"),
    ],
)
def test_a_hosted_model_nobody_can_price_is_an_error(
    bench: Any, pricing: Pricing, hosted: UseCase, name: str, market: dict[str, None], sentence: str
) -> None:
    """The sentence says whose, and what to write."""
    left = {key: figure for key, figure in hosted.market.items() if not (market and "tokens" in key)}
    case = replace(hosted, hosted=(name,), market=left)
    with pytest.raises(FactError, match=sentence):
        alternatives(bench.case(scores=GOOD), pricing, [case])


def test_without_a_measured_serving_there_are_no_hosted_models(bench: Any, pricing: Pricing, hosted: UseCase) -> None:
    """Nothing stands beside what is not known; the row says what is missing."""
    found = rows(alternatives(bench.case(scores=GOOD, latency_s=None), pricing, [hosted]))

    assert list(found) == ["candidate", "nothing"]
    assert "Serving was not measured" in found["candidate"]["excluded"]
    assert len(alternatives([], pricing, {"filing": hosted})) == 0
