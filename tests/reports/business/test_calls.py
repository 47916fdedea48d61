"""Use cases with a served model whose calls are paid by the token: money by hand and by numpy-financial, and its needs.

gpt-4o-mini: 0.15 USD per million input tokens, 0.60 output: 1,000 and 100 tokens cost 0.00021 USD.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import numpy_financial
import pytest

from harness import Record, UseCase
from harness_reports.business.alternatives import alternatives
from harness_reports.business.evidence import gather
from harness_reports.business.market import read_market
from harness_reports.business.needs import needs
from harness_reports.business.sensitivity import sensitivity
from harness_reports.business.serving import serving
from harness_reports.business.viability import judge, judge_all, viability
from harness_reports.cells import missing
from harness_reports.economics.simulation import draw
from harness_reports.explain.tables import Assumed, rows
from harness_reports.prices.pricing import Pricing
from harness_reports.reasons import speaking
from harness_reports.show.report import html

GOOD = (1,) * 920 + (0,) * 80
USD = 0.00021
MakeUseCase = Callable[..., UseCase]
FAST = {"latency_s": [0.2] * 999 + [0.3]}


@pytest.fixture(scope="session")
def served(bench: Any) -> Callable[..., Record]:
    """Return a maker of the evaluation of 1,000 requests, 920 of them right, each of 0.00021 USD."""

    def make(**changes: Any) -> Record:
        given: dict[str, Any] = {"scores": GOOD, "usage": FAST, **changes}
        record: Record = bench.prompted(given.pop("calls", [(1000, 0, 100)] * 1000), **given)
        return record

    return make


def row_of(records: list[Record], pricing: Pricing, case: UseCase) -> dict[str, Any]:
    """Return the one row of the viability table."""
    (row,) = viability(records, pricing, [case]).to_dict("records")
    return dict(row)


def test_row_worked_out_by_hand(served: Callable[..., Record], pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """A million requests of 0.10 USD, 8 % errors of 0.20 USD, three years, 10 %: 210 USD of calls a year."""
    row = row_of([served()], pricing, make_use_case())
    margin = 0.10 - 0.08 * 0.20 - USD
    yearly = 1_000_000 * margin - 10_000
    upfront = 1000 * USD * 2 + 20_000  # the evaluation, twice

    assert (row["verdict"], row["buying"], row["latency_limit"]) == ("invest", "calls", "met")
    assert row["usd_per_year"] == pytest.approx(210)
    assert row["unit_serving_usd"] == pytest.approx(USD)
    assert row["unit_energy_usd"] == 0
    assert row["unit_margin_usd"] == pytest.approx(margin)
    assert row["upfront_usd"] == pytest.approx(upfront)
    assert row["yearly_usd"] == pytest.approx(yearly)
    assert row["npv_usd"] == pytest.approx(-upfront + yearly / 1.1 + yearly / 1.1**2 + yearly / 1.1**3)
    assert row["break_even_requests"] == pytest.approx((upfront * 0.1 / (1 - 1.1**-3) + 10_000) / margin)
    assert row["break_even_price_usd"] == pytest.approx(
        0.08 * 0.20 + USD + (upfront * 0.1 / (1 - 1.1**-3) + 10_000) / 1e6
    )
    assert row["usd_per_correct_answer"] == pytest.approx((0.016 + USD) / 0.92)
    assert row["latency_p99_s"] == 0.2
    for name in ("replicas", "utilisation", "energy_kind"):
        assert missing(row[name]), name
    assert "up to 16 requests in flight" in row["reasons"]


def test_npv_is_that_of_numpy_financial(
    served: Callable[..., Record], pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """With retries, reviews, retrainings and declines: the price of calls falls as that of hosted models."""
    figures = {
        "retry_share": 0.1, "review_share": 0.25, "review_usd": 0.03, "value_decline_per_year": 0.05, "years": 4.0,
        "api_price_decline_per_year": 0.3, "hardware_decline_per_year": 0.9, "retrainings_per_year": 2.0,
        "requests_per_year": 3e6,
    }  # fmt: skip
    calls = [(4000 + 10 * number, 1000, 500) for number in range(1000)]
    record = served(calls=calls)
    row = row_of([record], replace(pricing, multiplier=Decimal(2)), make_use_case(**figures))
    call_usd = 2 * np.mean([(tokens - cached) * 0.15e-6 + cached * 0.075e-6 + written * 0.60e-6
                            for tokens, cached, written in calls])  # fmt: skip
    answer_usd = 0.08 * 0.75 * 0.20 + 0.25 * 0.03
    flows = [-(20_000 + 2 * 1000 * call_usd)]
    for year in range(4):
        value, index = 0.10 * 0.95**year, 0.7**year
        served_usd = 3e6 * 1.1 * call_usd * index
        flows.append(3e6 * (value - answer_usd) - served_usd - 10_000 - 2 * 1000 * call_usd * index)

    assert row["npv_usd"] == pytest.approx(numpy_financial.npv(0.10, flows), rel=1e-9)
    assert row["irr"] == pytest.approx(numpy_financial.irr(flows), rel=1e-6)
    assert row["usd_per_year"] == pytest.approx(3e6 * 1.1 * call_usd)


def test_the_price_of_a_call_is_drawn(served: Callable[..., Record], pricing: Pricing, make_use_case: Any) -> None:
    """Where it alone is uncertain, the spread of the net present value is its bootstrap's, over demand and years."""
    written = np.random.default_rng(2).exponential(5000, 1000).astype(int)
    records = [served(calls=[(0, 0, int(count)) for count in written], scores=(1, 0) * 500)]
    case = make_use_case(needs={}, cost_per_error_usd=None)
    (candidates,) = judge_all(records, pricing, [case])
    (judged,) = candidates.judged
    assert judged.outlook.npv is not None
    drawn = judged.outlook.npv.npv_usd
    spread_usd = written.std() * 0.60e-6 / 1000**0.5 * 1e6 * sum(1.1**-year for year in (1, 2, 3))

    assert drawn.std() == pytest.approx(spread_usd, rel=0.05)
    assert judged.row["npv_mean_usd"] == pytest.approx(judged.row["npv_usd"], rel=0.002)
    (bar,) = sensitivity(records, pricing, [case]).to_dict("records")[:1]
    assert (bar["input"], bar["kind"]) == ("usd_per_call", "measured")
    assert bar["sobol_total"] == pytest.approx(1, abs=0.02)


def test_prices_that_fall_later_are_worth_less(
    served: Callable[..., Record], pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """The draws take the decline of prices of calls, not that of machines."""
    free = {"needs": {}, "cost_per_error_usd": None, "value_per_request_usd": 0.001}
    flat, hardware, calls = (
        row_of([served()], pricing, make_use_case(**free, **more))
        for more in ({}, {"hardware_decline_per_year": 0.5}, {"api_price_decline_per_year": 0.5})
    )
    saved = 210 * sum((1 - 0.5**year) * 1.1 ** -(year + 1) for year in range(3))

    for name in ("npv_usd", "npv_mean_usd"):
        assert hardware[name] == pytest.approx(flat[name])
        assert calls[name] - flat[name] == pytest.approx(saved, rel=1e-6)


def test_calls_and_machines_share_the_draws_of_the_market(
    served: Callable[..., Record], bench: Any, pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """A figure of the market has the same values for both."""
    market = read_market(make_use_case(), {})
    candidates = judge(market, gather([served(), *bench.case(scores=GOOD)], pricing))
    first, second = (each.outlook.npv for each in candidates.judged)
    assert first is not None
    assert second is not None

    expected = draw(market.inputs, candidates.drawn.draws)
    for name in market.inputs:
        assert np.array_equal(first.drawn[name], expected[name])
        assert np.array_equal(second.drawn[name], expected[name])


@pytest.mark.parametrize(
    ("seconds", "limit", "verdict", "reason"),
    [
        ([0.2] * 1000, 0.5, "invest", "in flight"),
        ([0.2] * 900 + [0.9] * 100, 0.5, "do not invest", "More than 1 % of requests take longer than 0.5 s (100"),
        ([0.2] * 100 + [None] * 900, 0.5, "not enough evidence", "Too few queries"),
        ([None] * 1000, 0.5, "not enough evidence", "How long calls take was not measured"),
        ([None] * 1000, None, "invest", "needs are met"),
    ],
)
def test_latency_is_that_of_the_calls(
    seconds: list[float], limit: float | None, verdict: str, reason: str, served: Callable[..., Record],
    pricing: Pricing, make_use_case: MakeUseCase,
) -> None:  # fmt: skip
    """From sending to the end of the answer; too few show nothing."""
    case = make_use_case(needs={"quality": 0.8} if limit is None else {"quality": 0.8, "latency_s": limit})
    row = row_of([served(usage={"latency_s": seconds})], pricing, case)

    assert row["verdict"] == verdict
    assert reason in row["reasons"]


def test_single_requests_count_before_those_of_an_evaluation(
    served: Callable[..., Record], bench: Any, pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """They were measured one at a time, and say nothing of requests in flight."""
    evaluation = served()
    spec = {name: value for name, value in evaluation.spec.items() if name != "batch_size"}
    stream = bench.single_stream(spec, {}, (0.05,) * 700, environment=evaluation.environment)
    row = row_of([evaluation, stream], pricing, make_use_case())

    assert row["latency_p99_s"] == 0.05
    assert "in flight" not in row["reasons"]


@pytest.mark.parametrize(("level", "verdict", "met"), [(0, "invest", "yes"), (1, "invest", "not measured"),
                                                       (2, "do not invest", "no")])  # fmt: skip
def test_calls_go_to_a_third_party(
    level: int, verdict: str, met: str, served: Callable[..., Record], bench: Any, pricing: Pricing, make_use_case: Any
) -> None:
    """Which some use cases forbid, whatever it earns; a machine of one's own keeps requests to itself."""
    case = make_use_case(needs={"quality": 0.8, "privacy": float(level)})
    (candidates,) = judge_all([served(), *bench.case(scores=GOOD)], pricing, [case])
    calls, machine = (
        next(each for each in candidates.judged if each.row["model"] == name) for name in ("openai:gpt-4o-mini", "bert")
    )

    assert calls.row["verdict"] == verdict
    assert machine.row["verdict"] == "invest"
    (privacy,) = [row for row in needs(candidates.market, calls) if row["need"] == "privacy"]
    assert privacy["met"] == met
    assert ("privacy" in calls.row["reasons"].sentence("en").lower()) == (level == 1)
    assert ("third party" in calls.row["reasons"].sentence("en")) == (level == 2)
    assert calls.row["probability_wrong"] == 0 or level < 2


def test_a_quality_that_is_missed_decides(served: Callable[..., Record], pricing: Pricing, make_use_case: Any) -> None:
    """As for any candidate."""
    row = row_of([served()], pricing, make_use_case(needs={"quality": 0.99}))

    assert (row["verdict"], row["needs_met"]) == ("do not invest", "no")


def test_the_serving_row_has_no_machines(
    served: Callable[..., Record], pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """One row, paid by the call; the levelised price of 1,000 requests earns nothing."""
    case = make_use_case()
    frame = serving([served()], pricing, [case], owned=pricing)
    (row,) = frame.to_dict("records")
    levelised = row["levelised_usd_per_1k"] / 1000

    assert (row["buying"], row["view"]) == ("calls", "rented")
    assert row["usd_per_year"] == pytest.approx(210)
    assert row["usd_per_1k_requests"] == pytest.approx(0.21)
    assert "Paid by the call" in row["note"]
    assert all(missing(row[name]) for name in ("replicas", "utilisation", "usd_per_hour", "idle_usd_per_year"))
    even = viability([served()], pricing, [case], {"value_per_request_usd": levelised}).to_dict("records")[0]
    assert even["npv_usd"] == pytest.approx(0, abs=1e-6)


def test_what_would_change_the_verdict(served: Callable[..., Record], pricing: Pricing, make_use_case: Any) -> None:
    """The multiplier that is told does change it, and is said of prices, not of machines."""
    calls = [(100_000, 0, 5000)] * 1000  # 1.8 cents
    case = make_use_case(needs={}, cost_per_error_usd=None, value_per_request_usd=0.05, upfront_cost_usd=1000.0)
    record = served(calls=calls)
    row = row_of([record], pricing, case)
    times = float(row["flip"].partition("prices are multiplied by ")[2].split()[0])

    assert row["verdict"] == "invest"
    assert "machine prices" not in row["flip"]
    dear = row_of([record], replace(pricing, multiplier=Decimal(str(times))), case)
    assert dear["verdict"] != "invest"


def test_hosted_models_beside_calls(served: Callable[..., Record], pricing: Pricing, make_use_case: Any) -> None:
    """No machine is there to break even with; the rest of the rows stands."""
    case = replace(make_use_case(hosted_quality=0.9), hosted=("openai/gpt-4o-mini", "openai/gpt-4.1-nano"))
    table = alternatives([served()], pricing, [case])
    same, other = (table[table["hosted_model"] == name].iloc[0] for name in case.hosted)
    candidate = table[table["alternative"] == "candidate"].iloc[0]

    assert same["unit_serving_usd"] == pytest.approx(USD)
    assert missing(same["first_break_even_requests_per_month"])
    assert (same["quality"], same["npv_usd"]) == (0.92, candidate["npv_usd"]), "it is the candidate, not what is typed"
    assert candidate["npv_usd"] > other["npv_usd"], "0.92 against 0.9 of right answers"
    assert "openai/gpt-4o-mini" in html([served()], pricing, [case])


def test_every_figure_is_explained(
    served: Callable[..., Record], bench: Any, pricing: Pricing, make_use_case: Any, check: Callable[..., int]
) -> None:
    """Down to the tokens in records and the list of prices, and equal to the tables."""
    case = make_use_case(
        needs={"quality": 0.8, "latency_s": 0.5, "privacy": 1.0}, retry_share=0.1, api_price_decline_per_year=0.2,
        input_tokens_per_request=1000.0, output_tokens_per_request=100.0,
    )  # fmt: skip
    cases = {case.name: replace(case, hosted=("openai/gpt-4o-mini",))}
    records = [served(), *bench.case(scores=GOOD)]
    assumed = Assumed(cases, {})
    for name, made in (("viability", viability), ("serving", serving), ("alternatives", alternatives),
                       ("sensitivity", sensitivity)):  # fmt: skip
        assert check(rows(name, records, pricing, assumed), made(records, pricing, cases)) > 0, name
    row = next(row for row in rows("viability", records, pricing, assumed) if row.cells["buying"] == "calls")
    parts = list(row.explain("npv_usd").walk())

    assert {"input_tokens", "output_tokens", "price_usd_per_million_input", "api_price_decline_per_year"} <= {
        part.name for part in parts
    }
    assert any(part.source.startswith("usage in record") for part in parts)
    assert any(part.source.startswith("genai-prices") for part in parts)
    assert row.explain("latency_p99_s").source.startswith("usage latency_s of record")


def test_it_is_said_in_chinese(served: Callable[..., Record], pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """Verdict, note and what would change it."""
    with speaking("zh"):
        row = row_of([served()], pricing, make_use_case(needs={"latency_s": 0.5, "privacy": 2.0}))
        (note,) = serving([served()], pricing, [make_use_case()])["note"]

    assert "第三方" in row["reasons"]
    assert "按次付费" in note


def test_latency_under_load_counts_before_all_others(
    served: Callable[..., Record], bench: Any, pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """At the highest rate that keeps the limit; a busiest hour above it is said, no rate within it misses the need."""
    evaluation = served()
    runs = {f"Server {rate:g}/s": bench.steady(rate, 700, seconds) for rate, seconds in ((0.05, 0.3), (4.0, 0.9))}
    records = [evaluation, bench.load(runs, base=evaluation)]
    kept, missed = (
        row_of(records, pricing, make_use_case(needs={"quality": 0.8, "latency_s": limit})) for limit in (0.5, 0.2)
    )

    assert kept["latency_p99_s"] == pytest.approx(0.3)
    assert kept["verdict"] == "invest"
    assert "Latency was measured at 0.0499 requests per second; the busiest hour has 0.0951" in kept["reasons"]
    assert missed["latency_p99_s"] == pytest.approx(0.9)
    assert missed["verdict"] == "do not invest"
    assert "longer than 0.2 s (700" in missed["reasons"]
