"""Alternatives to the best candidate: the cheap baseline, hosted models, doing nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness import FactError, Figure, UseCase
from harness.facts import Spread
from harness_reports import cells
from harness_reports.business.alternatives import ALTERNATIVES, alternatives
from harness_reports.economics.api_prices import price_source
from harness_reports.economics.textbook.tokens import call_usd
from harness_reports.prices.pricing import Pricing
from harness_reports.show.formats import text

GOOD = (1,) * 92 + (0,) * 8
NANO = "openai/gpt-4.1-nano"


def fact(value: float, spread: Spread | None = None) -> Figure:
    """Return a figure of the day that hosted models are priced on."""
    return Figure(value, "unit", date(2026, 11, 23), "counted", spread=spread)


@pytest.fixture
def hosted(make_use_case: Callable[..., UseCase]) -> UseCase:
    """Return a use case with a hosted model."""
    case = make_use_case()
    tokens = {"input_tokens_per_request": fact(200.0), "output_tokens_per_request": fact(5.0)}
    return replace(case, market={**case.market, **tokens}, hosted=(NANO,))


def rows(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return the rows by alternative."""
    return {row["alternative"]: {str(name): value for name, value in row.items()} for row in frame.to_dict("records")}


def hosted_row(records: list[Any], pricing: Pricing, case: UseCase) -> dict[str, Any]:
    """Return the row of the hosted model."""
    return rows(alternatives(records, pricing, [case]))["hosted"]


def of_quality(case: UseCase, quality: float) -> UseCase:
    """Return a use case whose author knows the quality of its hosted models."""
    return replace(case, market={**case.market, "hosted_quality": fact(quality)})


def test_alternatives_follow_the_best_candidate(suite: list[Any], pricing: Pricing, hosted: UseCase) -> None:
    """The candidate, then the cheap baseline, hosted models, and doing nothing."""
    frame = alternatives(suite, pricing, [hosted])
    by_kind = rows(frame)

    assert list(frame.columns) == list(ALTERNATIVES)
    assert list(by_kind) == ["candidate", "baseline", "cascade", "hosted", "nothing"]
    assert (by_kind["candidate"]["model"], by_kind["baseline"]["model"]) == ("bert", "tfidf")
    assert by_kind["nothing"]["npv_usd"] == 0
    gain = by_kind["candidate"]["probability_positive"]
    assert by_kind["nothing"]["better_than_candidate"] == pytest.approx(1 - gain)
    assert by_kind["baseline"]["better_than_candidate"] < 0.05


def test_hosted_model_worked_out_by_hand(bench: Any, pricing: Pricing, hosted: UseCase) -> None:
    """The call has the day's price; nothing is trained."""
    row = hosted_row(bench.case(scores=GOOD), pricing, of_quality(hosted, 0.92))
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    call = float(call_usd("openai", "gpt-4.1-nano", {"input_tokens": 200, "output_tokens": 5}, noon))
    annuity = sum(1.1**-year for year in (1, 2, 3))
    yearly = 1_000_000 * (0.10 - 0.08 * 0.20 - call) - 10_000

    assert row["unit_serving_usd"] == pytest.approx(call)
    assert row["upfront_usd"] == 20_000
    assert row["npv_usd"] == pytest.approx(yearly * annuity - 20_000)
    assert row["quality_is"] == "assumed"
    assert row["price_source"] == price_source()


@pytest.mark.parametrize(
    ("model", "day", "since", "why"),
    [
        ("openai/o3", date(2026, 1, 1), "2025-06-10", None),
        ("openai/o3", date(2026, 11, 23), "2025-06-10", "The price is of 2025-06-10, 531 days old, over 365"),
        ("openai/o3", date(2025, 6, 1), None, "The day of the price is not known"),
        ("openai/gpt-4.1-nano", date(2026, 11, 23), None, "The day of the price is not known"),
    ],
)
def test_a_hosted_price_has_its_own_day(
    bench: Any, pricing: Pricing, hosted: UseCase, model: str, day: date, since: str | None, why: str | None
) -> None:
    """It is not that of the question, and an old price is marked, as one whose day nobody knows."""
    records = bench.case(scores=GOOD)
    frame = alternatives(records, replace(pricing, as_of=day), [replace(hosted, hosted=(model,))])
    (row,) = (one for one in cells.rows(frame) if one["alternative"] == "hosted")

    assert row["price_as_of"] == since
    assert row["price_stale"] is None if why is None else row["price_stale"].startswith(why)


def test_a_remark_on_a_hosted_price_names_the_model(bench: Any, pricing: Pricing, hosted: UseCase) -> None:
    """Several rows have the same one."""
    case = replace(hosted, hosted=("openai/gpt-4.1-nano", "openai/o3"))
    written = text("alternatives", alternatives(bench.case(scores=GOOD), pricing, [case]), width=400)

    assert "openai/gpt-4.1-nano: The day of the price is not known" in written
    assert "openai/o3: The price is of 2025-06-10" in written


def test_a_hosted_model_whose_quality_nobody_gives_has_no_value(bench: Any, pricing: Pricing, hosted: UseCase) -> None:
    """Its calls have a price; that it would be worth something is not said."""
    row = hosted_row(bench.case(scores=GOOD), pricing, hosted)

    assert row["quality_is"] == "not measured"
    assert row["unit_serving_usd"] > 0
    assert row["first_break_even_requests_per_month"] > 0
    for name in ("quality", "unit_error_usd", "npv_usd", "npv_mean_usd", "npv_low_usd", "probability_positive",
                 "better_than_candidate"):  # fmt: skip
        assert row[name] is None or np.isnan(row[name]), name


def test_retries_are_calls_too(bench: Any, pricing: Pricing, hosted: UseCase) -> None:
    """As they are a load of own machines."""
    retried = replace(hosted, market={**hosted.market, "retry_share": fact(0.5)})
    once, again = (hosted_row(bench.case(scores=GOOD), pricing, case) for case in (hosted, retried))

    assert again["unit_serving_usd"] == pytest.approx(1.5 * once["unit_serving_usd"])


def test_a_baseline_without_a_significant_difference_has_the_candidates_errors(
    bench: Any, pricing: Pricing, make_use_case: Callable[..., UseCase]
) -> None:
    """One more of a hundred is right, which is noise: the more expensive baseline is better in no draw."""
    records = [
        *bench.case(scores=GOOD, latency_s=(0.002,) * 700),
        *bench.case(scores=(1,) * 93 + (0,) * 7, model="tfidf", start="scratch", runtime="eager", finetune_s=999.0),
    ]
    case = make_use_case(value_per_request_usd=2.0, cost_per_error_usd=0.5, development_multiplier=1e7)
    by_kind = rows(alternatives(records, pricing, [case]))

    assert (by_kind["candidate"]["model"], by_kind["baseline"]["model"]) == ("bert", "tfidf")
    assert by_kind["baseline"]["better_than_candidate"] == 0.0


def test_the_tier_is_that_of_the_whole_call(bench: Any, pricing: Pricing, hosted: UseCase) -> None:
    """Above 200,000 input tokens gemini-2.5-pro's output costs more too; batches and cached input cost less."""
    tokens = {"input_tokens_per_request": fact(200_001.0), "output_tokens_per_request": fact(1000.0)}
    big = replace(hosted, market={**hosted.market, **tokens}, hosted=("google/gemini-2.5-pro",))
    cached = replace(big, market={**big.market, "cached_input_share": fact(0.9)})
    batchable = replace(hosted, needs={"quality": fact(0.8)}, hosted=("openai/o3",))
    records = bench.case(scores=GOOD)
    fresh, reused, batch = (hosted_row(records, pricing, case) for case in (big, cached, batchable))
    at, usage = datetime(2026, 11, 23, 12, tzinfo=UTC), {"input_tokens": 200_001, "output_tokens": 1000}

    assert fresh["unit_serving_usd"] == pytest.approx(float(call_usd("google", "gemini-2.5-pro", usage, at)))
    assert reused["unit_serving_usd"] < fresh["unit_serving_usd"]
    assert (fresh["price_terms"], reused["price_terms"]) == ("standard", "standard, cached input")
    usage = {"input_tokens": 200, "output_tokens": 5}
    assert batch["price_terms"] == "batch"
    assert batch["unit_serving_usd"] == pytest.approx(float(call_usd("openai", "o3", usage, at)) / 2)


def test_a_price_decline_raises_the_value_of_calls(bench: Any, pricing: Pricing, hosted: UseCase) -> None:
    """The quality that the use case gives is theirs."""
    market = {**hosted.market, "api_price_decline_per_year": fact(0.5), "hosted_quality": fact(0.99)}
    constant = hosted_row(bench.case(scores=GOOD), pricing, of_quality(hosted, 0.99))
    declining = hosted_row(bench.case(scores=GOOD), pricing, replace(hosted, market=market))

    assert declining["npv_usd"] > constant["npv_usd"]
    assert declining["unit_error_usd"] == pytest.approx(0.01 * 0.20)
    assert declining["quality_is"] == "assumed"


def test_own_machines_break_even_at_a_volume(bench: Any, pricing: Pricing, hosted: UseCase) -> None:
    """A machine of 0.10 USD an hour serves 45 a second in time: it costs 73.05 USD and the trainings' share a month."""
    row = hosted_row(bench.case(scores=GOOD), pricing, hosted)
    training = (0.015 + 0.001) * 2 / 36
    first = (0.10 * 730.5 + training) / row["unit_serving_usd"]

    assert row["machines_at_break_even"] == 1
    assert row["first_break_even_requests_per_month"] == pytest.approx(first)
    assert row["always_cheaper_above_requests_per_month"] == pytest.approx(first)


def test_privacy_rules_hosted_models_out(bench: Any, pricing: Pricing, hosted: UseCase) -> None:
    """At the highest level no third party may see a request; the row says so and keeps its figures."""
    private = replace(hosted, needs={**hosted.needs, "privacy": fact(2.0)})
    row = hosted_row(bench.case(scores=GOOD), pricing, of_quality(private, 0.92))

    assert row["excluded"] == "No third party may see a request."
    assert row["npv_usd"] > 0


def test_uncertain_tokens_are_an_uncertain_cost(bench: Any, pricing: Pricing, hosted: UseCase) -> None:
    """They widen the distribution around the same mean."""
    spread = Spread("triangular", (100.0, 200.0, 300.0))
    wide = replace(hosted, market={**hosted.market, "input_tokens_per_request": fact(spread.mean, spread)})
    certain, uncertain = (hosted_row(bench.case(scores=(1.0, 0.5) * 50), pricing, of_quality(case, 0.9))
                          for case in (hosted, wide))  # fmt: skip

    assert uncertain["unit_serving_usd"] == pytest.approx(certain["unit_serving_usd"], rel=1e-9)
    assert uncertain["npv_high_usd"] - uncertain["npv_low_usd"] > certain["npv_high_usd"] - certain["npv_low_usd"]


@pytest.mark.parametrize(
    ("name", "market", "sentence"),
    [
        ("gpt-4.1-nano", {}, "has no provider. Write `provider/model`"),
        ("openai/no-such-model", {}, "No price of 'no-such-model' at 'openai' is known"),
        (NANO, {"input_tokens_per_request": None}, "no input_tokens_per_request"),
    ],
)
def test_a_hosted_model_without_a_known_price_is_an_error(
    bench: Any, pricing: Pricing, hosted: UseCase, name: str, market: dict[str, None], sentence: str
) -> None:
    """The message names the use case, and what to write."""
    left = {key: figure for key, figure in hosted.market.items() if not (market and "tokens" in key)}
    case = replace(hosted, hosted=(name,), market=left)
    with pytest.raises(FactError, match=sentence):
        alternatives(bench.case(scores=GOOD), pricing, [case])


def test_without_a_measured_serving_there_are_no_hosted_models(bench: Any, pricing: Pricing, hosted: UseCase) -> None:
    """There is no net present value to compare with; the candidate's row says what is missing."""
    by_kind = rows(alternatives(bench.case(scores=GOOD, latency_s=None), pricing, [hosted]))

    assert list(by_kind) == ["candidate", "cascade", "nothing"]
    assert "Serving was not measured" in by_kind["candidate"]["reasons"]
    assert by_kind["candidate"]["excluded"] is None
    assert len(alternatives([], pricing, {"filing": hosted})) == 0
