"""Calls paid by the token, against amounts worked out by hand from the providers' lists of prices.

gpt-4o-mini: 0.15 USD per million input tokens, 0.075 of them cached, 0.60 output. claude-sonnet-4-5: 3, 0.30 cached,
3.75 written to the cache, 15 output; from 200,001 input tokens on 6, 0.60, 7.50 and 22.50.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import FactError, Record, UseCase
from harness_endpoints._prices import Entry
from harness_endpoints._prices import tier_of as tier_of_request
from harness_endpoints._usage import Usage
from harness_reports.business.alternatives import alternatives
from harness_reports.business.serving import serving
from harness_reports.business.viability import viability
from harness_reports.cells import missing
from harness_reports.explain.tables import Assumed
from harness_reports.explain.tables import rows as explained
from harness_reports.prices.cost import cost
from harness_reports.prices.frontier import frontier
from harness_reports.prices.pricing import Pricing
from harness_reports.prices.usage import call_usd, calls, listing
from harness_reports.reasons import speaking
from harness_reports.show.report import html

DAY = date(2026, 11, 23)
OPENAI, ANTHROPIC = "https://api.openai.com/v1", "https://api.anthropic.com/v1"
MONEY = (
    "usd_per_1k_inferences", "usd_per_1k_low", "usd_per_1k_high", "usd_per_1k_correct", "usd_per_million_tokens",
    "usd_per_million_output_tokens", "evaluate_usd", "price_usd_per_million_input", "price_source",
)  # fmt: skip
COUNT = st.integers(0, 10_000)
CALL = st.tuples(COUNT, COUNT, COUNT, COUNT).map(lambda of: (of[0] + of[1], of[1], 0, of[2] + of[3], of[3]))


def row_of(records: list[Record], pricing: Pricing) -> dict[str, Any]:
    """Return the one row of the cost table."""
    (row,) = cost(records, pricing).to_dict("records")
    return dict(row)


@pytest.mark.parametrize(
    ("model", "call", "input_usd", "output_usd"),
    [
        ("gpt-4o-mini", (1_000_000, 0, 0, 1_000_000, 0), 0.15, 0.60),
        ("gpt-4o-mini", (1_000_000, 400_000, 0, 0, 0), 0.6 * 0.15 + 0.4 * 0.075, 0),
        ("gpt-4o-mini", (1_000_000, 1_000_000, 0, 0, 0), 0.075, 0),
        ("gpt-4o-mini", (0, 0, 0, 1_000_000, 900_000), 0, 0.60),
        ("claude-sonnet-4-5", (100_000, 30_000, 20_000, 10_000, 0), 0.05 * 3 + 0.03 * 0.30 + 0.02 * 3.75, 0.15),
        ("claude-sonnet-4-5", (200_000, 0, 0, 1_000, 0), 0.60, 0.015),
        ("claude-sonnet-4-5", (200_001, 0, 0, 1_000, 0), 1.200006, 0.0225),
    ],
)
def test_a_call_costs_what_the_list_of_prices_says(model: str, call: Any, input_usd: float, output_usd: float) -> None:
    """Cached and written tokens at their price and never twice, reasoning as output, all tokens in the call's tier."""
    url = ANTHROPIC if model.startswith("claude") else OPENAI

    assert call_usd(url, model, call, DAY) == pytest.approx((input_usd, output_usd, 0), abs=1e-12)


def test_a_price_is_that_of_the_day() -> None:
    """The price of o3 fell by 80 % on 2025-06-10."""
    call = (1_000_000, 0, 0, 1_000_000, 0)

    assert sum(call_usd(OPENAI, "o3", call, date(2025, 6, 9))) == pytest.approx(50)
    assert sum(call_usd(OPENAI, "o3", call, DAY)) == pytest.approx(10)
    assert listing(OPENAI, "o3", DAY) == ("openai", "o3", date(2025, 6, 10))


@pytest.mark.parametrize(
    ("extra_body", "usd"),
    [
        ("", 11.25),
        ('{"seed": 1}', 11.25),
        ('{"service_tier": "priority"}', 22.50),
        ('{"service_tier": "flex"}', 5.625),
        ('{"service_tier": null}', 11.25),
    ],
)
def test_a_call_costs_what_its_tier_costs(bench: Any, pricing: Pricing, extra_body: str, usd: float) -> None:
    """The cap takes the same price, but of a tier that is cheaper: a server may refuse that."""
    calls_of = [(1000, 0, 1000)] * 100
    evaluation = bench.prompted(calls_of, model="openai:gpt-5", settings={"extra_body": extra_body})
    fields = json.loads(extra_body or "{}")
    paid = Entry("openai", "gpt-5").usd(
        Usage(input_tokens=1000, output_tokens=1000), datetime(2026, 11, 23, 12, tzinfo=UTC), tier_of_request(fields)
    )

    row = row_of([evaluation], pricing)
    assert row["usd_per_1k_inferences"] == pytest.approx(usd)
    assert float(1000 * paid) == pytest.approx(max(usd, 11.25))


@given(CALL, CALL)
def test_the_price_of_a_sum_is_the_sum_of_prices(one: Any, other: Any) -> None:
    """Within a tier, whatever is cached, written or thought."""
    both = tuple(map(sum, zip(one, other, strict=True)))
    parts = [call_usd(ANTHROPIC, "claude-sonnet-4-5", call, DAY) for call in (one, other)]

    assert call_usd(ANTHROPIC, "claude-sonnet-4-5", both, DAY) == pytest.approx(  # type: ignore[arg-type]  # five counts
        tuple(map(sum, zip(*parts, strict=True))), abs=1e-12
    )


@given(COUNT, st.integers(1, 10_000))
def test_more_cached_than_input_tokens_have_no_price(tokens: int, more: int) -> None:
    """They would be paid below nothing."""
    with pytest.raises(FactError, match="cannot be priced"):
        call_usd(OPENAI, "gpt-4o-mini", (tokens, tokens + more, 0, 0, 0), DAY)


def test_a_call_without_totals_is_none() -> None:
    """What the server does not say of cached, written and reasoning tokens is none of them."""
    usage = {"input_tokens": [3, None, 5], "output_tokens": [1, 1, None], "cached_tokens": [None, 2, 2]}

    assert calls(usage) == [(3, 0, 0, 1, 0), None, None]
    assert calls({}) == []


def test_row_worked_out_by_hand(bench: Any, pricing: Pricing) -> None:
    """4 requests of 1,000 input tokens, half of them cached in two, and 100 output tokens; three answers are right.

    Input 2 · 0.00015 + 2 · (0.5 · 0.00015 + 0.5 · 0.000075) = 0.000525, output 4 · 0.00006 = 0.00024 USD.
    """
    record = bench.prompted([(1000, 500, 100), (1000, 500, 100), (1000, 0, 100), (1000, 0, 100)], scores=(1, 1, 1, 0))
    validation = {"input_tokens": [2000], "output_tokens": [0]}
    row = row_of([replace(record, usage={**record.usage, "validation": validation})], pricing)

    total = 0.000525 + 0.00024
    assert row["usd_per_1k_inferences"] == pytest.approx(total / 4 * 1000)
    assert row["usd_per_1k_correct"] == pytest.approx(total / 3 * 1000)
    assert row["evaluate_usd"] == pytest.approx(total + 0.0003), "all splits"
    assert row["train_usd"] == 0
    assert row["usd_per_million_tokens"] == pytest.approx(total / 4400 * 1e6)
    assert row["usd_per_million_output_tokens"] == pytest.approx(total / 400 * 1e6)
    assert row["price_usd_per_million_input"] == pytest.approx(0.000525 / 4000 * 1e6)
    assert row["price_usd_per_million_output"] == pytest.approx(0.60)
    tokens = [row[f"{name}_tokens_per_request"] for name in ("input", "cached", "output")]
    assert tokens == [1000, 250, 100]
    assert (row["price_provider"], row["price_item"], row["price_offer"]) == ("openai", "gpt-4o-mini", "per token")
    assert row["price_source"].startswith("genai-prices ")
    assert "not known" in row["price_stale"]
    assert missing(row["note"])
    for name in ("usd_per_hour", "utilisation", "price_usd", "batch_size", "energy_j_per_1k", "co2e_g_per_1k"):
        assert missing(row[name]), name


def test_the_interval_is_over_requests(bench: Any, pricing: Pricing) -> None:
    """Of no width where all cost the same; of 0 and 200 output tokens in turn it is that of a mean of 400 coins."""
    same = row_of([bench.prompted([(1000, 0, 100)] * 400)], pricing)
    mixed = row_of([bench.prompted([(0, 0, 0), (0, 0, 200)] * 200)], pricing)

    assert (same["usd_per_1k_low"], same["usd_per_1k_high"]) == pytest.approx((0.21, 0.21))
    half = 1.96 * 0.06 / 400**0.5  # the standard deviation of 0 and 0.12 USD per 1,000 is 0.06
    assert mixed["usd_per_1k_inferences"] == pytest.approx(0.06)
    assert mixed["usd_per_1k_low"] == pytest.approx(0.06 - half, rel=0.02)
    assert mixed["usd_per_1k_high"] == pytest.approx(0.06 + half, rel=0.02)


def test_free_calls_cost_nothing_for_certain(bench: Any, pricing: Pricing) -> None:
    """The bound of a share of which none was seen is not that of a price."""
    row = row_of([bench.prompted([(0, 0, 0)] * 50)], pricing)

    assert row["usd_per_1k_inferences"] == row["usd_per_1k_low"] == row["usd_per_1k_high"] == 0


def test_prices_may_be_multiplied_and_dated(bench: Any, pricing: Pricing) -> None:
    """As those of machines, the evaluation too; o3 of June 2025 was five times as dear."""
    records = [bench.prompted([(1000, 0, 100)] * 3, model="openai:o3")]
    row, twice = row_of(records, pricing), row_of(records, replace(pricing, multiplier=Decimal(2)))
    before = row_of(records, replace(pricing, as_of=date(2025, 6, 9)))

    for name in (
        "usd_per_1k_inferences",
        "usd_per_1k_low",
        "usd_per_1k_high",
        "evaluate_usd",
        "usd_per_million_tokens",
    ):
        assert twice[name] == pytest.approx(2 * row[name]), name
        assert before[name] == pytest.approx(5 * row[name]), name
    assert row["price_as_of"] == "2025-06-10"
    assert "2025-06-10" in row["price_stale"]
    assert missing(before["price_as_of"])


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"url": "http://127.0.0.1:8000/v1"}, "genai-prices knows no 'gpt-4o-mini' at http://127.0.0.1:8000/v1"),
        ({"model": "openai:no-such-model"}, "genai-prices knows no 'no-such-model' at https://api.openai.com/v1"),
        ({"usage": {"cached_tokens": [1001] * 3}}, "contradict each other"),
        ({"usage": {"input_tokens": [None] * 3}}, "did not say how many tokens"),
    ],
)
def test_what_has_no_price_leaves_the_other_rows(
    changes: dict[str, Any], note: str, bench: Any, pricing: Pricing
) -> None:
    """Its cells are empty, and its note says why."""
    table = cost([bench.prompted([(1000, 0, 100)] * 3, **changes), *bench.case()], pricing).set_index("runtime")

    assert note in table.loc["http", "note"]
    assert all(missing(table.loc["http", name]) for name in MONEY)
    assert table.loc["onnx", "usd_per_1k_inferences"] > 0
    assert missing(table.loc["onnx", "note"])


def test_what_costs_leave_out_is_said(bench: Any, pricing: Pricing) -> None:
    """Answers without tokens, which are not taken for free, and further attempts."""
    usage = {"attempts": [1, 3, 1, 2]}
    row = row_of([bench.prompted([(1000, 0, 100)] * 3 + [(None, None, None)], usage=usage)], pricing)

    assert row["usd_per_1k_inferences"] == pytest.approx(0.21)
    assert "the tokens of 1 of 4 answers" in row["note"]
    assert "For 4 answers 3 further attempts" in row["note"]
    with speaking("zh"):
        assert "另发送了 3 次尝试" in row_of([bench.prompted([(1, 0, 1)] * 4, usage=usage)], pricing)["note"]


def test_a_count_that_was_never_reported_is_not_0(bench: Any, pricing: Pricing) -> None:
    """A server without a word of its cache may have one."""
    silent = row_of([bench.prompted([(1000, None, 100)] * 3)], pricing)

    assert missing(silent["cached_tokens_per_request"])
    assert silent["usd_per_1k_inferences"] == pytest.approx(0.21)


def test_a_served_model_without_an_evaluation_has_a_row(bench: Any, pricing: Pricing) -> None:
    """Its note says what to do."""
    evaluation = bench.prompted([(1000, 0, 100)] * 3)
    record = bench.offline(evaluation.spec, {}, 10.0, 10.0, environment=evaluation.environment)

    row = row_of([record], pricing)

    assert "evaluate it" in row["note"]
    assert all(missing(row[name]) for name in MONEY)
    assert missing(row["energy_j_per_1k"]), "what was read is the client's"


def test_seeds_are_pooled(bench: Any, pricing: Pricing) -> None:
    """The mean of both, and an item that one seed has no tokens of counts in neither."""
    records = [
        bench.prompted([(1000, 0, 0), (1000, 0, 0), (5000, 0, 0)]),
        bench.prompted([(3000, 0, 0), (3000, 0, 0), (None, None, None)], seed=1),
    ]
    row = row_of(records, pricing)

    assert row["input_tokens_per_request"] == 2000
    assert row["usd_per_1k_inferences"] == pytest.approx(0.30)
    assert row["evaluate_usd"] == pytest.approx((7000 + 6000) / 2 * 0.15e-6)


def test_every_figure_is_explained(bench: Any, pricing: Pricing, check: Callable[..., int]) -> None:
    """By formulas that give the cells, with a price and without."""
    records = [
        bench.prompted([(1000, 500, 100), (900, 0, 50)], scores=(1, 0)),
        bench.prompted([(1000, 500, 100), (900, 0, 50)], url="http://127.0.0.1:8000/v1", model="openai:local"),
        *bench.case(),
    ]

    assert check(explained("cost", records, pricing), cost(records, pricing)) > 30


def test_a_served_model_is_on_the_frontier(bench: Any, pricing: Pricing) -> None:
    """With its cost, where it has one."""
    records = [
        bench.prompted([(1000, 0, 100)] * 100),
        bench.prompted([(1000, 0, 100)] * 100, url="http://127.0.0.1:8000/v1", model="openai:local"),
        *bench.case(),
    ]
    table = frontier(records, pricing).set_index("model")

    assert table.loc["openai:gpt-4o-mini", "on_frontier"]
    assert not table.loc["openai:local", "on_frontier"]


def test_hardware_that_says_no_price_item_is_still_refused(bench: Any, pricing: Pricing) -> None:
    """Only what was asked behind a URL is paid by the token."""
    records = [bench.prompted([(1000, 0, 100)] * 3, access={})]

    with pytest.raises(FactError, match="price_item"):
        cost(records, pricing)


def test_served_models_do_not_end_tables_of_decisions(
    bench: Any, pricing: Pricing, use_cases: dict[str, UseCase], check: Callable[..., int]
) -> None:
    """They are not judged, with the reason: no price, or no latency; the others are as without them."""
    local = {"url": "http://127.0.0.1:8000/v1", "model": "openai:local"}
    served = [bench.prompted([(1000, 0, 100)] * 100), bench.prompted([(1000, 0, 100)] * 100, **local)]
    machines = bench.case()
    records = [*served, *machines]
    table = viability(records, pricing, use_cases).set_index("model")
    assumed = Assumed(use_cases, {})

    for model, reason in (
        ("openai:local", "genai-prices knows no 'local'"),
        ("openai:gpt-4o-mini", "How long calls take"),
    ):
        assert table.loc[model, "verdict"] == "not enough evidence"
        assert reason in table.loc[model, "reasons"]
    assert missing(table.loc["openai:local", "npv_usd"])
    alone = viability(machines, pricing, use_cases).set_index("model")
    assert table.loc["bert", "npv_mean_usd"] == alone.loc["bert", "npv_mean_usd"] > 0
    for name, made in (("viability", viability), ("serving", serving), ("alternatives", alternatives)):
        assert check(explained(name, records, pricing, assumed), made(records, pricing, use_cases)) > 0, name
    rows = serving(records, pricing, use_cases, owned=pricing).set_index("model")
    assert "genai-prices knows no 'local'" in rows.loc["openai:local", "note"]
    assert missing(rows.loc["openai:local", "replicas"])
    assert not viability(served, pricing, use_cases).empty
    assert "genai-prices knows no" in html(records, pricing, use_cases)
    assert list(alternatives(served, pricing, use_cases)["alternative"]) == ["candidate", "cascade", "nothing"]
