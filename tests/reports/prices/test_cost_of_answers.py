"""Costs of requests, tokens and right answers of served models, by hand and by another bootstrap.

gpt-4o-mini: 0.15 USD per million input tokens, 0.60 output: 1,000 and 100 tokens cost 0.00021 USD.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from harness import Record
from harness_reports.cells import missing
from harness_reports.explain.tables import rows as explained
from harness_reports.prices.cost import cost
from harness_reports.prices.pricing import Pricing
from harness_reports.reasons import speaking

LOCAL = {"base_url": "http://127.0.0.1:8000/v1"}
ENDS = (2.5, 97.5)


def row_of(records: list[Record], pricing: Pricing) -> dict[str, Any]:
    """Return the one row of the cost table."""
    (row,) = cost(records, pricing).to_dict("records")
    return dict(row)


def ratios(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    """Return a bootstrap of a ratio of sums over items, worked out here: seeds by items, two sums, one resampling."""
    random = np.random.default_rng(11)
    seeds, items = over.shape
    drawn = []
    for _ in range(4000):
        seed, item = random.integers(0, seeds, seeds), random.integers(0, items, items)
        drawn.append(over[seed][:, item].sum() / under[seed][:, item].sum())
    return np.array(drawn)


def test_every_attempt_billed_is_the_most(bench: Any, pricing: Pricing) -> None:
    """4 answers of 0.00021 USD, sent 7 times: 1.47 cents of 10 requests instead of 0.84."""
    row = row_of([bench.prompted([(1000, 0, 100)] * 4, usage={"attempts": [1, 3, 1, 2]})], pricing)

    assert row["usd_per_1k_inferences"] == pytest.approx(0.21)
    assert row["usd_per_1k_with_retries"] == pytest.approx(0.21 * 7 / 4)
    assert "costs are 75 % higher" in row["note"]


def test_an_attempt_is_billed_at_the_price_of_its_own_answer(bench: Any, pricing: Pricing) -> None:
    """The long request was sent twice: 2 · 0.0015 + 0.00015, over two requests."""
    records = [bench.prompted([(10_000, 0, 0), (1000, 0, 0)], usage={"attempts": [2, 1]})]
    row, twice = row_of(records, pricing), row_of(records, replace(pricing, multiplier=Decimal(2)))

    assert row["usd_per_1k_with_retries"] == pytest.approx((2 * 0.0015 + 0.00015) / 2 * 1000)
    assert twice["usd_per_1k_with_retries"] == pytest.approx(2 * row["usd_per_1k_with_retries"])


def test_wrong_answers_are_paid(bench: Any, pricing: Pricing) -> None:
    """10 answers of 0.00021 USD, of which 4 are right and one was cut off after 16,000 tokens (0.00975 USD)."""
    calls = [(1000, 0, 100)] * 9 + [(1000, 0, 16_000)]
    row = row_of([bench.prompted(calls, scores=(1, 1, 1, 1, 0, 0, 0, 0, 0, 0))], pricing)

    assert row["usd_per_1k_correct"] == pytest.approx((9 * 0.00021 + 0.00975) / 4 * 1000)


@pytest.mark.parametrize("seeds", [1, 3])
def test_the_interval_of_a_right_answer_resamples_price_and_score_together(
    seeds: int, bench: Any, pricing: Pricing
) -> None:
    """Where wrong answers are the long ones it is wider than that of price and quality apart."""
    random = np.random.default_rng(seeds)
    right = random.random((seeds, 200)) < 0.7
    written = np.where(right, 50, 400) + random.integers(0, 50, right.shape)
    records = [
        bench.prompted([(1000, 0, int(count)) for count in written[seed]], scores=right[seed], seed=seed)
        for seed in range(seeds)
    ]
    row = row_of(records, pricing)
    usd = 1000 * 0.15e-6 + written * 0.60e-6
    expected = np.percentile(ratios(usd, right), ENDS) * 1000

    assert row["usd_per_1k_correct"] == pytest.approx(usd.sum() / right.sum() * 1000)
    assert (row["usd_per_1k_correct_low"], row["usd_per_1k_correct_high"]) == pytest.approx(tuple(expected), rel=0.02)
    doubled = row_of(records, replace(pricing, multiplier=Decimal(2)))
    assert doubled["usd_per_1k_correct_high"] == pytest.approx(2 * row["usd_per_1k_correct_high"])


def test_the_interval_of_a_million_tokens(bench: Any, pricing: Pricing) -> None:
    """Its ratio has both sums of the same requests: of one kind of request it has no width."""
    written = np.random.default_rng(3).integers(10, 2000, (1, 150))
    row = row_of([bench.prompted([(1000, 0, int(count)) for count in written[0]])], pricing)
    expected = np.percentile(ratios(1000 * 0.15 + written * 0.60, 1000 + written), ENDS)
    same = row_of([bench.prompted([(1000, 0, 100)] * 150)], pricing)

    ends = (row["usd_per_million_tokens_low"], row["usd_per_million_tokens_high"])
    assert ends == pytest.approx(tuple(expected), rel=0.01)
    assert same["usd_per_million_tokens_low"] == pytest.approx(same["usd_per_million_tokens_high"])
    assert same["usd_per_million_tokens_low"] == pytest.approx(0.00021 / 1100 * 1e6)


def test_100_right_answers_may_have_been_97(bench: Any, pricing: Pricing) -> None:
    """Without an error the share has Clopper and Pearson's bound: 0.025 ** (1 / 100) = 0.9638."""
    row = row_of([bench.prompted([(1000, 0, 100)] * 100)], pricing)

    assert row["usd_per_1k_correct_low"] == pytest.approx(0.21, rel=0.001)
    assert row["usd_per_1k_correct_high"] == pytest.approx(0.21 / 0.025 ** (1 / 100), rel=0.005)


def test_without_a_right_answer_there_is_no_cost_of_one(bench: Any, pricing: Pricing) -> None:
    """With one of three it has a lower end; a draw without any has no upper one."""
    none = row_of([bench.prompted([(1000, 0, 100)] * 3, scores=(0, 0, 0))], pricing)
    one = row_of([bench.prompted([(1000, 0, 100)] * 3, scores=(0, 1, 0))], pricing)

    assert all(missing(none[f"usd_per_1k_correct{end}"]) for end in ("", "_low", "_high"))
    assert one["usd_per_1k_correct_low"] == pytest.approx(0.21, rel=0.01)
    assert missing(one["usd_per_1k_correct_high"])


def test_a_machine_has_the_interval_too(bench: Any, pricing: Pricing) -> None:
    """Equal batches: its cost is certain, and the quality's interval is all that is left."""
    row = cost(bench.case(), pricing).to_dict("records")[0]
    shares = np.percentile(np.random.default_rng(5).binomial(100, 0.75, 20_000) / 100, (97.5, 2.5))

    ends = (row["usd_per_1k_correct_low"], row["usd_per_1k_correct_high"])
    assert ends == pytest.approx(tuple(row["usd_per_1k_inferences"] / shares), rel=0.02)


def test_the_user_may_name_the_entry_that_pays(bench: Any, pricing: Pricing) -> None:
    """Behind a proxy of one's own the URL finds no price."""
    calls = [(1000, 500, 100)] * 3
    proxy = {**LOCAL, "priced_as": "openai/gpt-4o-mini"}
    named = row_of([bench.prompted(calls, model="openai:team-model", access=proxy)], pricing)
    unnamed = row_of([bench.prompted(calls, model="openai:team-model", access={**LOCAL, "priced_as": ""})], pricing)

    direct = row_of([bench.prompted(calls)], pricing)
    for name in ("usd_per_1k_inferences", "usd_per_1k_correct", "price_item", "price_provider"):
        assert named[name] == direct[name], name
    assert "genai-prices knows no 'team-model' at http://127.0.0.1:8000/v1" in unnamed["note"]


def test_an_entry_that_is_none_is_named(bench: Any, pricing: Pricing) -> None:
    """In both languages, and nothing is priced by the URL instead."""
    access = {"base_url": "https://api.openai.com/v1", "priced_as": "openai/no-such-model"}
    records = [bench.prompted([(1000, 0, 100)] * 3, access=access)]
    row = row_of(records, pricing)

    assert missing(row["usd_per_1k_inferences"])
    assert "knows no entry 'openai/no-such-model'" in row["note"]
    with speaking("zh"):
        assert "'openai/no-such-model'" in row_of(records, pricing)["note"]


def test_counted_tokens_are_marked(bench: Any, pricing: Pricing) -> None:
    """Where a tokenizer counted them the cell, the note and the explained count say so."""
    records = [bench.prompted([(1000, 0, 100)] * 3, usage={"estimated": [False, True, True]})]
    row = row_of(records, pricing)

    assert row["tokens_are"] == "estimated"
    assert "the tokens of 2 of 3 answers: a tokenizer counted them" in row["note"]
    (figures,) = [each.figures() for each in explained("cost", records, pricing)]
    kinds = {part.kind for part in figures["usd_per_1k_inferences"].walk() if part.name == "output_tokens"}
    assert kinds == {"estimated"}
    assert row_of([bench.prompted([(1000, 0, 100)] * 3)], pricing)["tokens_are"] == "measured"


def test_explained_costs_are_those_of_the_table(bench: Any, pricing: Pricing, check: Callable[..., int]) -> None:
    """With retries, wrong answers and several seeds, with a price and without."""
    usage = {"attempts": [1, 2, 1]}
    records = [
        bench.prompted([(1000, 500, 100)] * 3, scores=(1, 0, 1), usage=usage),
        bench.prompted([(1200, 500, 150)] * 3, scores=(0, 1, 1), usage=usage, seed=1),
        bench.prompted([(1000, 500, 100)] * 3, model="openai:x", access=LOCAL),
    ]

    assert check(explained("cost", records, pricing), cost(records, pricing)) > 20
