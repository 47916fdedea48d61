"""Hosted models of a use case: measured, or priced by another model's tokens, and what measuring them costs."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from harness import Figure, Record, UseCase
from harness.facts import Spread
from harness_reports import cells
from harness_reports.business.alternatives import alternatives, alternatives_of
from harness_reports.business.viability import judge_all
from harness_reports.economics.build_or_buy import build_or_buy
from harness_reports.economics.textbook.tokens import call_usd
from harness_reports.explain.tables import Assumed, rows
from harness_reports.prices.pricing import NamedMachine, Pricing
from harness_reports.show.report import html

MINI, NANO = "openai/gpt-4o-mini", "openai/gpt-4.1-nano"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
GOOD = (1,) * 950 + (0,) * 50
FAST = {"latency_s": [0.2] * 1000}
MakeUseCase = Callable[..., UseCase]


@pytest.fixture
def records(bench: Any) -> list[Record]:
    """Return a good model on a machine, and a served one that got 800 of 1,000 right for 0.00021 USD each."""
    served: Record = bench.prompted([(1000, 0, 100)] * 1000, scores=(1,) * 800 + (0,) * 200, usage=FAST)
    return [*bench.case(scores=GOOD), served]


def hosted_rows(
    records: list[Record], pricing: Pricing, case: UseCase, overrides: Mapping[str, float] | None = None
) -> dict[str, dict[str, Any]]:
    """Return the rows of hosted models by name."""
    table = cells.rows(alternatives(records, pricing, [case], overrides))
    return {row["hosted_model"]: row for row in table if row["alternative"] == "hosted"}


def test_a_measured_model_is_what_was_measured(
    records: list[Record], pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """Its quality, tokens, price and verdict; what the use case types counts for no measured model."""
    case = replace(make_use_case(hosted_quality=0.99, input_tokens_per_request=1.0, output_tokens_per_request=1.0),
                   hosted=(MINI,))  # fmt: skip
    row = hosted_rows(records, pricing, case)[MINI]
    margin = 0.10 - 0.2 * 0.20 - 0.00021
    yearly = 1_000_000 * margin - 10_000

    assert (row["quality"], row["quality_is"], row["tokens_are"]) == (0.8, "measured", "measured")
    assert row["model"] == "openai:gpt-4o-mini"
    assert row["unit_serving_usd"] == pytest.approx(0.00021)
    assert row["npv_usd"] == pytest.approx(-20_000 - 2 * 0.21 + sum(yearly / 1.1**year for year in (1, 2, 3)))
    assert row["verdict"] == "pilot"  # 0.8 is needed, and its interval reaches below
    assert row["better_than_candidate"] < 0.01
    assert row["measuring_usd"] is None
    assert row["measuring_command"] is None


@pytest.mark.parametrize(
    ("asked_as", "measured"),
    [("gpt-4o-mini", True), ("gpt-4o-mini-2024-07-18", True), ("openai/gpt-4o-mini", True), ("tiny", False),
     ("/models/tiny", False)],
)  # fmt: skip
def test_another_model_at_its_price_is_not_the_hosted_one(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase, asked_as: str, measured: bool
) -> None:
    """`priced_as` says what calls cost, not who answers."""
    access = {"base_url": "http://127.0.0.1:8000/v1", "priced_as": MINI}
    served = bench.prompted([(1000, 0, 100)] * 1000, usage=FAST, model=f"openai:{asked_as}", access=access)
    row = hosted_rows([*bench.case(scores=GOOD), served], pricing, replace(make_use_case(), hosted=(MINI,)))[MINI]

    assert row["quality_is"] == ("measured" if measured else "not measured")
    assert row["tokens_are"] == ("measured" if measured else "estimated")
    assert row["unit_serving_usd"] == pytest.approx(0.00021)


def test_an_unmeasured_model_has_the_tokens_of_a_measured_one(
    records: list[Record], pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """Each at its price; it says what asking it on the candidate's 1,000 items costs, and how, and no quality."""
    row = hosted_rows(records, pricing, replace(make_use_case(), hosted=(NANO,)))[NANO]
    usd = float(call_usd("openai", "gpt-4.1-nano", {"input_tokens": 1000, "output_tokens": 100}, NOON))

    assert row["unit_serving_usd"] == pytest.approx(usd)
    assert (row["tokens_are"], row["quality_is"], row["verdict"]) == (
        "estimated",
        "not measured",
        "not enough evidence",
    )
    assert row["reasons"] == "It was not asked: nobody knows its quality on these items."
    assert row["excluded"] is None
    assert (row["measuring_items"], row["measuring_usd"]) == (1000, pytest.approx(1000 * usd))
    assert shlex.split(row["measuring_command"]) == [
        "harness", "run", "quick", "--task", "text-classification", "--model", "openai:gpt-4.1-nano@BASE_URL",
        "--setting", "priced_as=openai/gpt-4.1-nano", "--setting", "key_variable=KEY_VARIABLE",
        "--setting", "max_tokens=256", "--spend-usd", "0.59",
    ]  # fmt: skip
    for name in ("quality", "unit_error_usd", "npv_usd", "npv_mean_usd", "probability_positive"):
        assert row[name] is None, name


def test_a_machine_that_the_reader_names_does_not_undo_the_measurement(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """The candidate is paid by the hour, the hosted model is the same one paid by the call: with the same quality."""
    served = bench.prompted([(1000, 0, 100)] * 1000, scores=GOOD, usage=FAST)
    under_load = bench.load({"Server 2/s": bench.steady(2, 700, 0.1)}, base=served)
    by_hour = replace(pricing, machines={"openai:gpt-4o-mini": NamedMachine("CPU", 2)})
    case = replace(make_use_case(), hosted=(MINI,))
    candidate, _, hosted, _ = cells.rows(alternatives([served, under_load], by_hour, [case]))
    plain = hosted_rows([served, under_load], pricing, case)[MINI]

    assert (candidate["model"], candidate["hosted_model"]) == ("openai:gpt-4o-mini", None)
    assert candidate["unit_serving_usd"] == pytest.approx(0.10 * 8766 / 1e6)
    assert (hosted["quality_is"], hosted["tokens_are"], hosted["measuring_command"]) == ("measured", "measured", None)
    for name in ("quality", "unit_serving_usd", "npv_usd", "npv_mean_usd", "verdict", "price_source"):
        assert hosted[name] == plain[name], name
    assert hosted["better_than_candidate"] > 0.9
    assert hosted["first_break_even_requests_per_month"] == pytest.approx(73.05 / 0.00021, rel=0.01)


def test_a_model_that_was_asked_says_what_is_missing(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """Here the tokens: to ask it again would not help. It was said to be one that nobody had asked."""
    served = bench.prompted([(None, None, None)] * 1000, usage=FAST)
    case = make_use_case(input_tokens_per_request=1000.0, output_tokens_per_request=100.0)
    row = hosted_rows([*bench.case(scores=GOOD), served], pricing, replace(case, hosted=(MINI,)))[MINI]

    assert (row["model"], row["quality_is"], row["tokens_are"]) == ("openai:gpt-4o-mini", "not measured", "assumed")
    assert row["verdict"] == "not enough evidence"
    assert row["reasons"].startswith("No price: the server did not say how many tokens")
    assert row["quality"] is row["measuring_usd"] is row["measuring_items"] is row["measuring_command"] is None


def test_the_command_asks_for_the_candidates_data(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """The user's file under its name and in its columns, and no more items than the candidate answered."""
    read = {"text_column": "what they say", "encoding": "", "header": True}
    mine = {"source": "my reviews.csv", "data": "reviews", "max_items": 50, "task_settings": read}
    served = bench.prompted([(100, 0, 10)] * 50, usage={"latency_s": [0.2] * 50}, **mine)
    row = hosted_rows([*bench.case(scores=(1,) * 50, **mine), served], pricing,
                      replace(make_use_case(), hosted=(NANO,)))[NANO]  # fmt: skip
    words = shlex.split(row["measuring_command"])

    assert words[words.index("--data") + 1] == "my reviews.csv"
    assert words[words.index("--data-name") + 1] == "reviews"
    assert words[words.index("--max-items") + 1] == "50"
    given = [after for word, after in pairwise(words) if word == "--task-setting"]
    assert given == ["text_column=what they say", "header=true"]
    assert words[words.index("--spend-usd") + 1] == "0.033"


def test_a_typed_quality_is_the_readers_down_to_the_verdict(
    records: list[Record], pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """It gives a value, and never a verdict."""
    row = hosted_rows(records, pricing, replace(make_use_case(hosted_quality=0.99), hosted=(NANO,)))[NANO]

    assert (row["quality"], row["quality_is"], row["verdict"]) == (0.99, "assumed", "not enough evidence")
    assert row["reasons"] == "Its quality of 0.99 is what you typed, not measured."
    assert row["npv_usd"] > 0


def test_the_readers_tokens_come_first(records: list[Record], pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """Those of the use case only where no served model was measured."""
    case = replace(make_use_case(input_tokens_per_request=10.0, output_tokens_per_request=1.0), hosted=(NANO,))
    measured = hosted_rows(records, pricing, case)[NANO]
    typed = hosted_rows(records, pricing, case, {"input_tokens_per_request": 500.0})[NANO]
    alone = hosted_rows(records[:-1], pricing, case)[NANO]
    by_hand = [float(call_usd("openai", "gpt-4.1-nano", {"input_tokens": count, "output_tokens": 1}, NOON))
               for count in (500, 10)]  # fmt: skip

    assert measured["tokens_are"] == "estimated"
    assert [row["tokens_are"] for row in (typed, alone)] == ["assumed", "assumed"]
    assert [row["unit_serving_usd"] for row in (typed, alone)] == pytest.approx(by_hand)


def test_each_answers_tokens_have_their_own_tier(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """Half of the calls are above gemini-2.5-pro's limit of 200,000 tokens; their mean is not."""
    served = bench.prompted([(300_000, 0, 100), (10_000, 0, 100)] * 500, usage=FAST)
    row = hosted_rows([*bench.case(scores=GOOD), served], pricing,
                      replace(make_use_case(), hosted=("google/gemini-2.5-pro",)))["google/gemini-2.5-pro"]  # fmt: skip
    usd = [float(call_usd("google", "gemini-2.5-pro", {"input_tokens": count, "output_tokens": 100}, NOON))
           for count in (300_000, 10_000)]  # fmt: skip

    assert row["unit_serving_usd"] == pytest.approx(np.mean(usd))


def test_a_batch_price_needs_no_latency(records: list[Record], pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """It is half of o3's."""
    patient, online = (
        hosted_rows(records, pricing, replace(make_use_case(needs=needs), hosted=("openai/o3",)))["openai/o3"]
        for needs in ({"quality": 0.8}, {"quality": 0.8, "latency_s": 0.5})
    )

    assert (patient["price_terms"], online["price_terms"]) == ("batch", "standard")
    assert patient["unit_serving_usd"] == pytest.approx(online["unit_serving_usd"] / 2)
    assert patient["measuring_usd"] == online["measuring_usd"]  # items are asked one by one, at the standard price
    assert patient["measuring_command"] == online["measuring_command"]


@pytest.mark.parametrize("tokens_are", ["estimated", "assumed"])
def test_a_multiplier_is_on_the_price_of_calls_too(
    records: list[Record], pricing: Pricing, make_use_case: MakeUseCase, tokens_are: str
) -> None:
    """As on that of measured models and of machines: the volume to switch at stays. Measuring costs what it does."""
    case = replace(make_use_case(hosted_quality=0.9, input_tokens_per_request=900.0, output_tokens_per_request=90.0),
                   hosted=(NANO,))  # fmt: skip
    measured = records if tokens_are == "estimated" else records[:-1]
    one, double = (hosted_rows(measured, replace(pricing, multiplier=Decimal(factor)), case)[NANO] for factor in (1, 2))
    even = "first_break_even_requests_per_month"

    assert double["tokens_are"] == tokens_are
    assert double["unit_serving_usd"] == pytest.approx(2 * one["unit_serving_usd"])
    assert one["npv_usd"] - double["npv_usd"] == pytest.approx(
        1_000_000 * one["unit_serving_usd"] * sum(1.1**-year for year in (1, 2, 3))
    )
    assert double[even] == pytest.approx(one[even], rel=1e-6)
    assert double["measuring_usd"] == one["measuring_usd"]


def test_the_report_shows_what_measuring_costs(
    records: list[Record], pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """And the command."""
    page = html(records, pricing, [replace(make_use_case(), hosted=(NANO,))])

    assert "openai:gpt-4.1-nano@BASE_URL" in page
    assert "It was not asked" in page


# Own machines against calls ---------------------------------------------------------------------------------------


def uncertain(low: float, mode: float, high: float) -> Figure:
    """Return a figure with a spread."""
    spread = Spread("triangular", (low, mode, high))
    return Figure(spread.mean, "unit", date(2026, 11, 1), "a guess", spread=spread)


def test_the_interval_of_the_switch_is_that_of_a_simulation(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """Of the tokens of a call, retries and failed trainings, drawn and put into the exact function one by one."""
    case = make_use_case(input_tokens_per_request=1000.0, output_tokens_per_request=100.0)
    market = {
        **case.market, "retry_share": uncertain(0.0, 0.1, 0.8), "output_tokens_per_request": uncertain(50, 100, 400),
        "development_multiplier": uncertain(1e6, 3e6, 9e6),
    }  # fmt: skip
    case = replace(case, market=market, hosted=(NANO,))
    row = hosted_rows(bench.case(scores=(1,) * 100), pricing, case)[NANO]
    random, firsts = np.random.default_rng(5), []
    for _ in range(1500):
        retries, written, runs = (random.triangular(*figure.spread.numbers) for figure in
                                  (market["retry_share"], market["output_tokens_per_request"],
                                   market["development_multiplier"]) if figure.spread)  # fmt: skip
        call = 1000 * 0.1e-6 + written * 0.4e-6
        trained = runs * (0.10 * 360 / 3600 + 0.10 * 180 / 3600 + 0.10 * 36 / 3600)
        borne = [count * 0.9 * 100 / (1 + retries) / 3 * 3600 * 730.5 for count in range(1, 9)]
        even = build_or_buy(73.05, borne[0], trained / 36, call * (1 + retries) * 1e6, borne)
        firsts.append(even.first_break_even_tokens or np.inf)

    assert row["first_break_even_low"] == pytest.approx(np.quantile(firsts, 0.05), rel=0.07)
    assert row["first_break_even_high"] == pytest.approx(np.quantile(firsts, 0.95), rel=0.07)
    assert row["first_break_even_low"] < row["first_break_even_requests_per_month"] < row["first_break_even_high"]
    assert row["break_even_probability"] == 1
    assert row["machines_cheaper_probability"] == 0  # 83,333 requests a month


def test_a_switch_that_may_not_exist_has_no_upper_end(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """Where a call may cost less than a machine at full load."""
    case = make_use_case(needs={"quality": 0.8}, input_tokens_per_request=1.0, output_tokens_per_request=1.0)
    wide = {**case.market, "input_tokens_per_request": uncertain(0.0, 0.5, 20.0)}
    row = hosted_rows(bench.case(scores=GOOD, rate=100.0), pricing, replace(case, market=wide, hosted=(NANO,)))[NANO]

    assert 0.05 < row["break_even_probability"] < 0.95
    assert row["first_break_even_low"] > 0
    assert row["first_break_even_high"] is None


def test_every_figure_of_a_hosted_model_opens(
    records: list[Record], pricing: Pricing, make_use_case: MakeUseCase, check: Callable[..., int]
) -> None:
    """Measured, estimated and typed; down to records and the list of prices."""
    case = replace(make_use_case(hosted_quality=0.9), hosted=(MINI, NANO))
    table = rows("alternatives", records, pricing, Assumed({"filing": case}))
    nano = next(row for row in table if row.cells["hosted_model"] == NANO)
    call = next(part for part in nano.explain("measuring_usd").walk() if part.name == "usd_per_call")

    assert check(table, alternatives(records, pricing, [case])) > 10
    assert call.kind == "estimated"
    assert "openai:gpt-4o-mini" in call.note
    assert "1,000 answers" in call.note


def test_rows_keep_the_draws_that_the_chart_shows(
    records: list[Record], pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """Of a measured and of an unmeasured model, around the cost in the row; no other alternative has any."""
    (candidates,) = judge_all(records, pricing, [replace(make_use_case(), hosted=(MINI, NANO))])
    for each in alternatives_of(candidates):
        if each.row["alternative"] != "hosted":
            assert each.request_usd is None
            continue
        assert each.request_usd is not None
        assert each.request_usd.mean() == pytest.approx(each.row["unit_serving_usd"], rel=0.01)
