"""Every figure of a use case is explained: verdicts, machines and alternatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from harness import FactError, Price, PriceBook, UseCase
from harness.facts import Spread
from harness_reports.business.alternatives import alternatives
from harness_reports.business.evidence import gather
from harness_reports.business.market import read_market
from harness_reports.business.portfolio import portfolio
from harness_reports.business.pretraining import pretraining
from harness_reports.business.sensitivity import sensitivity
from harness_reports.business.serving import serving
from harness_reports.business.viability import judge, viability
from harness_reports.economics.api_prices import price_source
from harness_reports.explain.tables import COLUMNS, NAMES, Assumed, Row, find, rows
from harness_reports.prices.pricing import OWN, Pricing, choose

Check = Callable[[list[Row], Any], int]
UNCERTAIN = {
    "requests_per_year": Spread("lognormal", (1e5, 1e7)), "value_per_request_usd": Spread("pert", (0.01, 0.05, 0.2)),
    "input_tokens_per_request": Spread("triangular", (500.0, 800.0, 1400.0)),
}  # fmt: skip
NANO = "openai/gpt-4.1-nano"


@pytest.fixture(scope="module")
def assumed(make_use_case: Callable[..., UseCase], make_price: Callable[..., Price]) -> Assumed:
    """Return a use case with every known figure and a bare one, and a price of an owned machine."""
    tokens = {"input_tokens_per_request": 900.0, "output_tokens_per_request": 40.0}
    full = make_use_case(
        "full", **tokens, hosted_quality=0.95, api_price_decline_per_year=0.3, cached_input_share=0.5, retry_share=0.1,
        review_share=0.2, review_usd=0.01, peak_factor=4.0, staff=0.5, staff_usd_per_year=9e4,
        retrainings_per_year=2.0, pretraining_uses=3.0, adoption_innovation=0.03, adoption_imitation=0.4,
        value_decline_per_year=0.1, hardware_decline_per_year=0.2, energy_usd_per_kwh=0.1, years=5.0,
    )  # fmt: skip
    market = {**full.market, **{name: replace(full.market[name], value=spread.mean, spread=spread)
                                for name, spread in UNCERTAIN.items()}}  # fmt: skip
    bare = make_use_case("bare", needs={"latency_s": 1e-6}, cost_per_error_usd=None, **tokens)
    mine = choose(PriceBook("mine", "", (make_price(provider=OWN, usd=Decimal("0.01")),)))
    cases = {
        "full": replace(full, market=market, hosted=(NANO, "openai/gpt-4.1")),
        "bare": replace(bare, hosted=(NANO,)),
    }
    return Assumed(cases, {"discount_rate": 0.12}, mine, 1e5)


def test_every_figure_of_a_use_case_follows_from_its_inputs(
    check: Check, suite: list[Any], pricing: Pricing, assumed: Assumed
) -> None:
    """Verdicts and machines, down to readings, prices and figures with sources."""
    verdicts = viability(suite, pricing, assumed.use_cases, assumed.figures)
    served = serving(suite, pricing, assumed.use_cases, assumed.figures, assumed.owned)

    assert check(rows("viability", suite, pricing, assumed), verdicts) > 100
    assert check(rows("serving", suite, pricing, assumed), served) > 50


@pytest.mark.parametrize(
    ("table", "texts"),
    [
        ("viability", {"title", "metric", "unit", "latency_limit", "needs_met", "served_as", "buying", "energy_kind",
                       "irr_unique", "drivers", "next_measurement", "baseline", "against_baseline", "verdict",
                       "flip", "reasons", "figures"}),
        ("serving", {"title", "buying", "scenario", "batch_size", "energy_kind", "note"}),
        ("alternatives", {"title", "quality_is", "tokens_are", "verdict", "reasons", "excluded", "measuring_command"}),
        ("pretraining", {"metric", "unit", "higher_is_better", "difference", "seeds_scratch", "seeds_pretrained"}),
        ("portfolio", {"title", "verdict", "why"}),
        ("sensitivity", {"kind"}),
    ],
)  # fmt: skip
def test_every_number_of_a_use_case_can_be_opened(
    bench: Any, suite: list[Any], pricing: Pricing, assumed: Assumed, table: str, texts: set[str]
) -> None:
    """All columns; a tree ends in a source or a note."""
    opened = rows(table, [*suite, *bench.case(scores=(1, 1, 1, 0) * 25, start="scratch")], pricing, assumed)

    assert opened
    for row in opened:
        figures = row.figures()
        plain = texts | {name for name in COLUMNS[table] if name.startswith("price_")}

        assert set(COLUMNS[table]) - set(NAMES[table]) - plain == set(figures)
        for figure in figures.values():
            for part in figure.walk():
                assert part.inputs or part.source or part.note, part.name
                assert part.kind == "derived" or part.source, part.name


def test_a_readers_figure_has_the_reader_as_source(suite: list[Any], pricing: Pricing, assumed: Assumed) -> None:
    """Others have that of the use case."""
    row = rows("viability", suite, pricing, assumed)[0]
    sources = {part.name: part.source for part in row.explain("npv_usd").walk()}

    assert sources["discount_rate"] == "set by you"
    assert sources["fixed_cost_per_year_usd"] == "assumption, 2026-11-01: somebody's guess"
    assert "lognormal" in next(
        part.note for part in row.explain("npv_mean_usd").walk() if part.name == "requests_per_year"
    )


def test_a_default_is_not_said_to_be_the_readers(suite: list[Any], pricing: Pricing, assumed: Assumed) -> None:
    """Of prices: what the reader set is called that, the rest is called a default."""
    as_it_comes = replace(pricing, utilisation=0.5)
    changed = replace(pricing, utilisation=0.4, multiplier=Decimal(2), pue=1.3)
    for prices, source in ((as_it_comes, "default"), (changed, "set by you")):
        figures = rows("cost", suite, prices, assumed)[0].figures()
        parts = {part.name: part.source for figure in figures.values() for part in figure.walk()}
        for name in ("utilisation", "price_multiplier", "pue"):
            assert parts[name].startswith(source)


def test_the_number_of_machines_shows_the_times_that_it_rests_on(
    bench: Any, pricing: Pricing, make_use_case: Callable[..., UseCase]
) -> None:
    """Those of single requests, or of batches of each size; none where waiting does not count."""
    figures = {"requests_per_year": 1e10, "needs": {"latency_s": 0.5}}
    batches, throughput = (
        rows("serving", bench.case(rate=1000.0, window_s=20.0), pricing, Assumed({"filing": case}))[0]
        for case in (make_use_case(**figures), make_use_case(**{**figures, "needs": {}}))
    )
    parts = [part for part in batches.explain("replicas").inputs if part.name == "service_s"]

    assert [part.value for part in parts] == pytest.approx([0.02, 0.01])  # one at a time; ten in 0.01 s
    assert "batches of 10; 99 of 100 take at most 0.01 s" in parts[1].note
    assert "service_s" not in {part.name for part in throughput.explain("replicas").walk()}


@pytest.mark.parametrize("buying", ["machines", "elastic"])
def test_a_mean_lists_every_figure_that_it_rests_on(
    bench: Any, pricing: Pricing, make_use_case: Callable[..., UseCase], buying: Any
) -> None:
    """A figure of the use case that moves it is listed, and so are the costs of training and of an hour."""
    case = make_use_case(
        needs={"latency_s": 0.5}, review_share=0.1, review_usd=0.1, staff=0.1, staff_usd_per_year=1000.0,
        retrainings_per_year=1.0, hardware_decline_per_year=0.1, value_decline_per_year=0.1, retry_share=0.1,
        adoption_innovation=0.05, adoption_imitation=0.4, requests_per_year=3e9, pretraining_uses=2.0,
    )  # fmt: skip
    records, prices = bench.case(scores=(1, 1, 1, 0) * 25), replace(pricing, buying=buying, utilisation=0.5)

    evidence = gather(records, prices)

    def mean_usd(figures: dict[str, float]) -> float:
        return float(judge(read_market(case, figures), evidence, 100).rows[0]["npv_mean_usd"])

    explained = rows("viability", records, prices, Assumed({"filing": case}))[0].explain("npv_mean_usd")
    listed, before = {part.name for part in explained.inputs}, mean_usd({})
    moving = {
        name for name, figure in case.market.items()
        if mean_usd({name: figure.value * 1.5 + (name == "years") * 0.5}) != before
    }  # fmt: skip
    measured = {"quality", "samples_per_s", "usd_per_hour", "pretrain_usd", "finetune_usd", "evaluate_usd"}

    assert len(moving) >= 18
    assert moving | measured <= listed
    assert ("utilisation" in listed) == (buying == "elastic")


# What else could be done ----------------------------------------------------------------------------------------


def test_every_alternative_follows_from_its_inputs(
    check: Check, suite: list[Any], pricing: Pricing, assumed: Assumed
) -> None:
    """With and without a quality of hosted models."""
    table = rows("alternatives", suite, pricing, assumed)
    kinds = [row.cells["alternative"] for row in table]

    assert kinds == [
        "candidate", "baseline", "cascade", "hosted", "hosted", "nothing", "candidate", "cascade", "hosted", "nothing",
    ]  # fmt: skip
    assert check(table, alternatives(suite, pricing, assumed.use_cases, assumed.figures)) > 100


def test_a_call_opens_into_tokens_and_their_prices(suite: list[Any], pricing: Pricing, assumed: Assumed) -> None:
    """With the prices of the day and the assumed tokens."""
    row = find(rows("alternatives", suite, pricing, assumed), {"use_case": "full", "hosted_model": NANO})
    call = {part.name: part for part in row.explain("unit_serving_usd").walk()}
    quality = row.explain("quality")

    assert call["usd_per_input_token"].kind == "price"
    assert f"{price_source()} for {NANO}, day unknown, standard, cached input" in call["usd_per_output_token"].source
    assert "triangular" in call["input_tokens_per_request"].note
    assert (quality.value, quality.kind) == (0.95, "assumed")
    assert "api_price_decline_per_year" in {part.name for part in row.explain("npv_usd").walk()}


def test_a_hosted_model_of_unknown_quality_has_a_note(suite: list[Any], pricing: Pricing, assumed: Assumed) -> None:
    """It says what to give; the cost of a call opens all the same."""
    row = find(rows("alternatives", suite, pricing, assumed), {"use_case": "bare", "alternative": "hosted"})

    for name in ("quality", "npv_usd", "probability_positive"):
        assert "give `hosted_quality`" in row.explain(name).note
    assert "usd_per_call" in {part.name for part in row.explain("unit_serving_usd").walk()}


def test_the_break_even_of_own_machines_is_explained(
    bench: Any, pricing: Pricing, make_use_case: Callable[..., UseCase]
) -> None:
    """Machines of 73.05 USD a month against calls; None where calls are always cheaper."""
    tokens = {"input_tokens_per_request": 200.0, "output_tokens_per_request": 5.0}
    fast, slow = (
        find(rows("alternatives", bench.case(latency_s=seconds, rate=rate), pricing, Assumed({"filing": case})),
             {"alternative": "hosted"})
        for seconds, rate in (((0.02,) * 700, 100.0), ((5.0,) * 700, 0.1))
        for case in [replace(make_use_case(needs={"latency_s": 9.0}, **tokens), hosted=(NANO,))]
    )  # fmt: skip
    first, never = (row.explain("first_break_even_requests_per_month") for row in (fast, slow))
    parts = {part.name: part.value for part in first.inputs}

    assert parts["machine_usd_per_month"] == pytest.approx(73.05)
    assert parts["machine_requests_per_month"] == pytest.approx(
        0.9 * 100 / 3 * 3600 * 730.5
    )  # in batches: 50 a second alone
    assert parts["machines_at_break_even"] == 1
    assert never.value is None
    assert "no volume" in never.note


def test_doing_nothing_and_missing_servings_have_notes(
    check: Check, bench: Any, pricing: Pricing, make_use_case: Callable[..., UseCase]
) -> None:
    """Doing nothing costs nothing; a candidate without serving has no value."""
    cases = {"filing": make_use_case()}
    records = bench.case(latency_s=None)
    candidate, _, nothing = table = rows("alternatives", records, pricing, Assumed(cases))

    assert check(table, alternatives(records, pricing, cases)) > 0
    assert nothing.explain("npv_usd").note == "doing nothing has no costs and no income"
    assert nothing.explain("better_than_candidate").note == "the net present value of one of the two is unknown"
    assert candidate.explain("better_than_candidate").note == "it is the candidate"
    assert candidate.explain("npv_mean_usd").value is None


# Does pretraining pay? ------------------------------------------------------------------------------------------


def starts(bench: Any, pretrained: int, scratch: int, **changes: Any) -> list[Any]:
    """Return a pretrained and a scratch case with so many of 100 items right."""
    return [
        record
        for start, right in (("pretrained", pretrained), ("scratch", scratch))
        for record in bench.case(scores=(1,) * right + (0,) * (100 - right), start=start, **changes)
    ]


@pytest.mark.parametrize(("pretrained", "scratch"), [(92, 80), (92, 91), (60, 80), (92, 40)])
def test_every_gain_follows_from_its_inputs(
    check: Check, bench: Any, pricing: Pricing, assumed: Assumed, pretrained: int, scratch: int
) -> None:
    """Better, worse, no difference, and where scratch misses the need; with two seeds and many uses."""
    records = [*starts(bench, pretrained, scratch), *starts(bench, pretrained, scratch, seed=1)]
    table = rows("pretraining", records, pricing, assumed)

    assert check(table, pretraining(records, pricing, assumed.use_cases, assumed.figures)) > 20
    assert [row.cells["use_case"] for row in table] == ["full", "bare"]


def test_the_gain_of_a_use_opens_into_both_values(
    bench: Any, pricing: Pricing, make_use_case: Callable[..., UseCase]
) -> None:
    """Scratch that misses the need is worth 0, and an insignificant difference too."""
    case = Assumed({"filing": make_use_case(needs={"quality": 0.8, "latency_s": 0.5})})
    missed, noise = (
        rows("pretraining", starts(bench, *pair), pricing, case)[0].explain("gain_usd_per_use")
        for pair in ((92, 70), (92, 91))
    )
    pretrained, scratch = missed.inputs[1], missed.inputs[0]

    assert pretrained.formula.startswith("npv_usd + (pretrain_usd + pretrain_energy_usd) / pretraining_uses")
    assert (scratch.value, missed.value) == (0.0, pretrained.value)
    assert "misses the needed quality" in scratch.note
    assert noise.value == 0
    assert "no significant difference" in noise.note


def test_a_gain_without_a_price_has_a_note(
    check: Check, bench: Any, error_metric: dict[str, Any], pricing: Pricing, make_use_case: Callable[..., UseCase]
) -> None:
    """Without a use case, or without serving; the gain in an error is its fall."""
    case, records = {"filing": make_use_case()}, starts(bench, 92, 80)
    unserved = starts(bench, 92, 80, latency_s=None)
    fell = starts(bench, 60, 80, metric=error_metric)

    for measured, cases, reason in (
        (records, {}, "no use case has this task"), (unserved, case, "is missing"), (fell, {}, "no use case"),
    ):  # fmt: skip
        (row,) = table = rows("pretraining", measured, pricing, Assumed(cases))
        assert check(table, pretraining(measured, pricing, cases)) > 0
        assert reason in row.explain("break_even_uses").note
    assert row.explain("gain").formula == "scratch - pretrained"


# One budget -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("budget_usd", [0.0, 25_000.0, 1e6])
def test_every_portfolio_follows_from_its_inputs(
    check: Check, suite: list[Any], pricing: Pricing, use_cases: dict[str, UseCase], budget_usd: float
) -> None:
    """With no, one or two use cases funded."""
    table = rows("portfolio", suite, pricing, Assumed(use_cases, budget_usd=budget_usd))
    spent = table[0].explain("spent_usd")
    funded = [row.cells["funding_usd"] for row in table if row.cells["funded"]]

    assert check(table, portfolio(suite, pricing, use_cases, budget_usd)) > 10
    assert [part.value for part in spent.inputs] == funded
    assert len(funded) == {0.0: 0, 25_000.0: 1, 1e6: 2}[budget_usd]
    assert spent.formula or spent.note == "no use case is funded"


def test_a_portfolio_needs_a_budget(suite: list[Any], pricing: Pricing, use_cases: dict[str, UseCase]) -> None:
    """Its source is the reader."""
    row = rows("portfolio", suite, pricing, Assumed(use_cases, budget_usd=0.0))[0]

    assert (row.explain("budget_usd").source, row.explain("budget_usd").kind) == ("set by you", "assumed")
    assert row.explain("funded").note.startswith("It needs more than the budget.")
    with pytest.raises(FactError, match="needs a budget"):
        rows("portfolio", suite, pricing, Assumed(use_cases))


# What it hangs on -----------------------------------------------------------------------------------------------


def test_every_swing_follows_from_its_inputs(check: Check, bench: Any, pricing: Pricing, assumed: Assumed) -> None:
    """Of assumed figures, and of quality and speed that differ between two records."""
    patient = {"full": replace(assumed.use_cases["full"], needs={})}
    unlimited = assumed._replace(use_cases=patient)
    records = [
        record
        for seed, rate in ((0, 100.0), (1, 90.0))
        for record in bench.case(scores=(1,) * (90 + seed) + (0,) * (10 - seed), seed=seed, rate=rate)
    ]
    table = rows("sensitivity", records, pricing, unlimited)

    assert check(table, sensitivity(records, pricing, patient, unlimited.figures)) > 10
    assert {row.cells["input"] for row in table} == {
        *UNCERTAIN, "quality", "samples_per_s",
    }  # fmt: skip
    for name, number in (("quality", 0.905), ("samples_per_s", 95.0)):
        place = find(table, {"input": name}).explain("input_p50")
        assert place.inputs[0].value == pytest.approx(number)
        assert "resampled" in place.note
        assert place.value == pytest.approx(number, rel=0.1)


def test_a_bar_opens_into_the_distribution_of_its_input(suite: list[Any], pricing: Pricing, assumed: Assumed) -> None:
    """Of the use case or the records, with the method of Sobol indices."""
    table = rows("sensitivity", suite, pricing, assumed)
    demand, quality = (find(table, {"use_case": "full", "input": name}) for name in ("requests_per_year", "quality"))
    bar = demand.explain("npv_at_p90_usd")

    assert "lognormal" in demand.explain("input_p10").inputs[0].note
    assert any(part.source.startswith("column 'correct' of record") for part in quality.explain("input_p50").walk())
    assert bar.note == (
        "the net present value with requests_per_year at input_p90, every other uncertain figure at its median"
    )
    assert "quality" in {part.name for part in bar.inputs}
    assert demand.explain("swing_usd").formula == "npv_at_p90_usd - npv_at_p10_usd"
    assert "1,024 scrambled Sobol points" in demand.explain("sobol_total").note
    assert {part.name for part in demand.explain("sobol_total").inputs} == {
        row.cells["input"] for row in table if row.cells["use_case"] == "full"
    }
