"""The viability table: amounts by hand, and every gate of the verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import FactError, UseCase
from harness_reports.business.alternatives import alternatives
from harness_reports.business.serving import serving
from harness_reports.business.verdict import VERDICTS
from harness_reports.business.viability import VIABILITY, judge_all, viability
from harness_reports.cells import usd
from harness_reports.explain.tables import Assumed, rows
from harness_reports.measured.intervals import mean_draws
from harness_reports.prices.cost import cost
from harness_reports.prices.frontier import frontier
from harness_reports.prices.pricing import Pricing

GOOD = (1,) * 92 + (0,) * 8
MakeUseCase = Callable[..., UseCase]


def only(frame: pd.DataFrame, **cells: Any) -> dict[str, Any]:
    """Return the one row with these cells."""
    for name, value in cells.items():
        frame = frame[frame[name] == value]
    (row,) = frame.to_dict("records")
    return dict(row)


def judged(records: list[Any], pricing: Pricing, use_case: UseCase) -> dict[str, Any]:
    """Return the one row of a use case."""
    return only(viability(records, pricing, [use_case]))


# Amounts ------------------------------------------------------------------------------------------------------


def test_row_worked_out_by_hand(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """0.10 - 0.08 · 0.20 = 0.084 a request, less a machine of 876.60 a year; a million of them, three years, 10 %."""
    frame = viability(bench.case(scores=GOOD), pricing, [make_use_case()])
    row = only(frame)
    machine = 0.10 * 8766
    margin = 0.10 - 0.08 * 0.20 - machine / 1_000_000
    yearly = 1_000_000 * margin - 10_000
    upfront = (0.015 + 0.001) * 2 + 20_000

    assert list(frame.columns) == list(VIABILITY)
    assert row["unit_error_usd"] == pytest.approx(0.016)
    assert (row["buying"], row["replicas"], row["usd_per_year"]) == ("machines", 1, pytest.approx(machine))
    assert row["utilisation"] == pytest.approx(1_000_000 / (8766 * 3600) / 50)
    assert row["unit_serving_usd"] == pytest.approx(0.0008766)
    assert row["unit_energy_usd"] == 0.0
    assert row["unit_cost_usd"] == pytest.approx(0.016 + 0.0008766)
    assert row["unit_margin_usd"] == pytest.approx(margin)
    assert row["upfront_usd"] == pytest.approx(upfront)
    assert row["yearly_usd"] == pytest.approx(yearly)
    assert row["npv_usd"] == pytest.approx(-upfront + yearly / 1.1 + yearly / 1.1**2 + yearly / 1.1**3)
    assert row["npv_low_usd"] < row["npv_usd"] < row["npv_high_usd"]
    assert row["break_even_requests"] == pytest.approx((upfront * 0.1 / (1 - 1.1**-3) + 10_000 + machine) / 0.084)
    assert (row["quality"], row["needed_quality"]) == (0.92, 0.8)
    assert (row["latency_p99_s"], row["needed_latency_s"], row["latency_limit"]) == (0.02, 0.5, "met")


def test_interval_carries_quality(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """Quality alone is uncertain: the 90 % interval is the error cost between the bootstrap's percentiles."""
    row = judged(bench.case(scores=GOOD * 10), pricing, make_use_case())
    annuity = sum(1.1**-year for year in (1, 2, 3))
    draws = mean_draws([GOOD * 10])
    width = (np.quantile(draws, 0.95) - np.quantile(draws, 0.05)) * 0.20 * 1_000_000 * annuity

    assert row["npv_high_usd"] - row["npv_low_usd"] == pytest.approx(width, rel=0.04)  # steps of an item in 1,000
    assert width == pytest.approx(2 * 1.645 * (0.92 * 0.08 / 1000) ** 0.5 * 0.20 * 1_000_000 * annuity, rel=0.05)
    assert row["npv_mean_usd"] == pytest.approx(row["npv_usd"], rel=0.01)
    assert row["drivers"].startswith("Its variance comes from Quality")


def test_use_case_without_a_latency_is_served_in_batches(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """100 per second instead of 50: half the utilisation, one machine all the same."""
    row = judged(bench.case(scores=GOOD), pricing, make_use_case(needs={"quality": 0.8}))

    assert row["served_as"] == "Offline"
    assert row["utilisation"] == pytest.approx(1_000_000 / (8766 * 3600) / 100)
    assert row["unit_serving_usd"] == pytest.approx(0.0008766)
    assert row["latency_limit"] is None or pd.isna(row["latency_limit"])


def test_a_return_counts_as_a_share_of_its_ceiling(
    suite: list[Any], pricing: Pricing, use_cases: dict[str, UseCase]
) -> None:
    """492.5 of 500 is 0.985: errors cost 0.015 · 0.05."""
    row = only(viability(suite, pricing, use_cases), use_case="balancing", model="ppo")

    assert row["quality"] == pytest.approx(492.5)
    assert row["unit_error_usd"] == pytest.approx(0.015 * 0.05)


def test_errors_without_a_price_cost_nothing(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """A use case without a cost per error has no error cost, and no such figure."""
    row = judged(bench.case(scores=GOOD), pricing, make_use_case(cost_per_error_usd=None))

    assert row["unit_error_usd"] == 0.0
    assert "cost_per_error_usd" not in row["figures"]


@settings(max_examples=20, deadline=None)
@given(requests=st.floats(1e3, 1e8), more=st.floats(1.01, 3.0))
def test_more_requests_at_a_margin_are_worth_more(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase, requests: float, more: float
) -> None:
    """The net present value grows with demand, and is positive above break-even."""
    records, case = bench.case(scores=GOOD), [make_use_case()]
    little = only(viability(records, pricing, case, {"requests_per_year": requests}))
    much = only(viability(records, pricing, case, {"requests_per_year": requests * more}))

    assert much["npv_usd"] > little["npv_usd"]
    assert (little["npv_usd"] > 0) == (requests > little["break_even_requests"])


# Figures ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    ["requests_per_year", "value_per_request_usd", "fixed_cost_per_year_usd", "upfront_cost_usd", "discount_rate",
     "years", "development_multiplier"],
)  # fmt: skip
def test_missing_figure_is_an_error(bench: Any, pricing: Pricing, make_use_case: MakeUseCase, key: str) -> None:
    """The message names the use case and the figure."""
    with pytest.raises(FactError, match=f"'filing' has no market figure '{key}'"):
        viability(bench.case(), pricing, [make_use_case(**{key: None})])


@pytest.mark.parametrize(
    ("key", "value"),
    [("years", 0.0), ("years", 2.5), ("discount_rate", -1.0), ("requests_per_year", -1.0),
     ("upfront_cost_usd", float("nan"))],
)  # fmt: skip
def test_invalid_figure_is_an_error(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase, key: str, value: float
) -> None:
    """Half a year, negative demand, NaN."""
    with pytest.raises(FactError, match=f"'filing': {key} is"):
        viability(bench.case(), pricing, [make_use_case(**{key: value})])


def test_use_case_that_was_not_measured_gives_no_row_and_no_error(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """Even if the use case is incomplete."""
    other = make_use_case("other", ("elsewhere",), years=None)

    assert len(viability(bench.case(), pricing, {"other": other})) == 0
    assert len(viability([], pricing, {"mine": make_use_case()})) == 0


def test_override_takes_the_figures_place(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """The row's figures say that the reader set it."""
    (row,) = viability(bench.case(), pricing, [make_use_case()], {"requests_per_year": 5.0}).to_dict("records")

    assert row["requests_per_year"] == 5.0
    assert "requests_per_year 5 (set by you)" in row["figures"]
    assert "discount_rate 0.1 unit (assumption, 2026-11-01, somebody's guess)" in row["figures"]


def test_override_may_fill_a_gap(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """The reader can give a missing figure."""
    frame = viability(bench.case(), pricing, [make_use_case(years=None)], {"years": 4})

    assert len(frame) == 1


def test_unknown_override_is_an_error(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """The message suggests the nearest name."""
    with pytest.raises(FactError, match="Did you mean 'requests_per_year'"):
        viability(bench.case(), pricing, [make_use_case()], {"request_per_year": 5.0})


# Verdicts -----------------------------------------------------------------------------------------------------


def test_good_candidate_is_worth_investing(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """Needs met and a positive net present value over the whole interval; one seed is a caveat."""
    row = judged(bench.case(scores=GOOD), pricing, make_use_case())

    assert row["verdict"] == "invest"
    assert row["npv_low_usd"] > 0
    assert "One seed" in row["reasons"]


def test_quality_that_may_fall_short_is_a_pilot(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """0.83 with an interval down to 0.75 may miss the needed 0.8."""
    row = judged(bench.case(scores=(1,) * 83 + (0,) * 17), pricing, make_use_case())

    assert row["verdict"] == "pilot"
    assert "the worse end of its interval; 0.8 is needed" in row["reasons"]


def test_quality_that_surely_falls_short_is_refused(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """0.5 is not 0.8, whatever the net present value."""
    row = judged(bench.case(scores=(1, 0) * 50), pricing, make_use_case(cost_per_error_usd=None))

    assert row["verdict"] == "do not invest"
    assert "0.8 is needed" in row["reasons"]


def test_value_that_may_be_a_loss_is_a_pilot(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """The interval of the net present value holds 0."""
    row = judged(bench.case(scores=GOOD), pricing, make_use_case(requests_per_year=235_000.0))

    assert row["npv_low_usd"] < 0 < row["npv_high_usd"]
    assert row["verdict"] == "pilot"
    assert "The probability of a loss is" in row["reasons"]


def test_value_below_zero_at_its_best_is_refused(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """A thousand requests a year do not pay for 20,000 USD."""
    row = judged(bench.case(scores=GOOD), pricing, make_use_case(requests_per_year=1000.0))

    assert row["verdict"] == "do not invest"
    assert row["npv_high_usd"] < 0
    assert row["break_even_requests"] > 1000


def test_request_that_loses_money_is_refused(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """With errors of 2 USD each the unit margin is negative: no volume breaks even."""
    row = judged(bench.case(scores=GOOD), pricing, make_use_case(cost_per_error_usd=2.0))

    assert row["verdict"] == "do not invest"
    assert "Negative unit margin" in row["reasons"]
    assert pd.isna(row["break_even_requests"])


def test_missed_latency_is_refused(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """A hundred of 700 requests over the limit is more than 1 %."""
    row = judged(bench.case(scores=GOOD, latency_s=(0.1,) * 600 + (0.9,) * 100), pricing, make_use_case())

    assert (row["verdict"], row["latency_limit"]) == ("do not invest", "missed")
    assert "take longer than 0.5 s (100 of those measured)" in row["reasons"]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"scores": (1,) * 20}, "Only 20 items"),
        ({"scores": (float("nan"),) * 40}, "not a number"),
        ({"latency_s": None}, "not measured in the scenario SingleStream"),
        ({"latency_s": (0.02,) * 100}, "serve at least 459"),
        ({"latency_s": (0.001,) * 700}, "under 1 s"),
    ],
)
def test_without_evidence_there_is_no_verdict(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase, changes: dict[str, Any], word: str
) -> None:
    """Each gap has a reason, and comes before any other gate."""
    row = judged(bench.case(**{"scores": GOOD} | changes), pricing, make_use_case(cost_per_error_usd=2.0))

    assert row["verdict"] == "not enough evidence"
    assert word in row["reasons"]


def test_missing_training_is_missing_evidence(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """Its cost is unknown, so the net present value is too."""
    records = [record for record in bench.case(scores=GOOD) if record.step != "finetune"]

    row = judged(records, pricing, make_use_case())

    assert row["verdict"] == "not enough evidence"
    assert pd.isna(row["npv_usd"])


def test_metric_without_a_ceiling_cannot_price_errors(
    bench: Any, error_metric: dict[str, Any], pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """The share of errors is unknown; without a cost per error it is not needed."""
    score = {**error_metric, "name": "score", "higher_is_better": True}
    records = bench.case(scores=(9.0, 10.0, 11.0) * 20, metric=score)
    needs = {"quality": 5.0}

    priced = judged(records, pricing, make_use_case(needs=needs))
    free = judged(records, pricing, make_use_case(needs=needs, cost_per_error_usd=None))

    assert priced["verdict"] == "not enough evidence"
    assert "no ceiling" in priced["reasons"]
    assert free["verdict"] == "invest"


def test_error_metric_is_judged_from_the_other_side(
    bench: Any, error_metric: dict[str, Any], pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """If lower is better, a value above the needed one falls short."""
    records = bench.case(scores=(1.0, 1.2) * 30, metric=error_metric)
    made = {needed: make_use_case(needs={"quality": needed}, cost_per_error_usd=None) for needed in (0.5, 2.0)}

    assert judged(records, pricing, made[0.5])["verdict"] == "do not invest"
    assert judged(records, pricing, made[2.0])["verdict"] == "invest"


def test_unmeasured_needs_are_a_caveat(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """Explainability is not measured; privacy is met on owned or rented machines."""
    needs = {"quality": 0.8, "privacy": 1.0, "explainability": 2.0}
    row = judged(bench.case(scores=GOOD), pricing, make_use_case(needs=needs))

    assert "Not measured here: Explainability." in row["reasons"]


def test_cheap_baseline_that_does_as_well_wins(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """A model without a significant difference from a cheaper baseline is not worth investing in."""
    records = [
        *bench.case(scores=GOOD),
        *bench.case(
            scores=GOOD, model="tfidf", start="scratch", runtime="eager", latency_s=(0.002,) * 700, finetune_s=1.0
        ),
    ]
    frame = viability(records, pricing, [make_use_case()])

    assert only(frame, model="tfidf")["verdict"] == "invest"
    bert = only(frame, model="bert")
    assert bert["verdict"] == "do not invest"
    assert "The cheap baseline 'tfidf' does not differ significantly in quality" in bert["reasons"]
    assert not pd.isna(only(frame, model="tfidf")["probability_wrong"])
    assert pd.isna(bert["probability_wrong"]), "that of a loss is not that of this verdict"


def _headline(records: list[Any], pricing: Pricing, case: UseCase) -> str:
    (candidates,) = judge_all(records, pricing, [case])
    return str(candidates.headline or "")


def test_the_headline_says_where_the_cheap_baseline_is_as_good(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """Not where a model is better, where nothing else was measured, or where evidence is missing."""
    cheap = {"start": "scratch", "runtime": "eager", "latency_s": (0.002,) * 700, "finetune_s": 1.0}
    model = bench.case(scores=GOOD)
    as_good = bench.case(scores=GOOD, model="tfidf", **cheap)
    worse = bench.case(scores=(1, 1, 1, 1, 0) * 20, model="tfidf", **cheap)
    case = make_use_case()

    assert _headline([*model, *as_good], pricing, case) == (
        "The cheap baseline is as good: no candidate is better than 'tfidf'."
    )
    assert not _headline([*model, *worse], pricing, make_use_case(needs={"quality": 0.85}))
    assert not _headline(as_good, pricing, case)
    assert not _headline([*bench.case(scores=GOOD[:10]), *as_good], pricing, case)


@pytest.mark.parametrize("market", [{"value_per_request_usd": 0.0}, {"fixed_cost_per_year_usd": 1e9}])
def test_the_headline_says_where_money_alone_decides(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase, market: dict[str, float]
) -> None:
    """A negative margin or an expected loss of the best candidate; not a missed need."""
    needs = {"quality": 0.85}

    assert _headline(bench.case(scores=GOOD), pricing, make_use_case(needs=needs, **market)) == (
        "No candidate known to meet the needs is expected to earn what it costs."
    )
    assert not _headline(bench.case(scores=(0, 0, 1) * 40), pricing, make_use_case(needs=needs, **market))


def test_a_candidate_must_beat_guessing_where_the_baseline_does_not(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase, guessable: Callable[[float], dict[str, Any]]
) -> None:
    """92 of 100 are right; nine of ten are guessed, so that neither is worth investing in."""
    cheap = {"model": "tfidf", "start": "scratch", "runtime": "eager", "latency_s": (0.002,) * 700, "finetune_s": 1.0}

    def judged_among(level: float) -> tuple[dict[str, Any], dict[str, Any], str]:
        metric = guessable(level)
        records = [
            *bench.case(scores=GOOD, metric=metric),
            *bench.case(scores=(1, 1, 1, 1, 0) * 20, metric=metric, **cheap),
        ]
        frame = viability(records, pricing, [make_use_case(needs={"quality": 0.75})])
        return only(frame, model="bert"), only(frame, model="tfidf"), _headline(records, pricing, make_use_case())

    bert, tfidf, headline = judged_among(0.9)
    assert (bert["against_baseline"], bert["verdict"]) == ("no better than guessing", "do not invest")
    assert (tfidf["against_baseline"], tfidf["verdict"]) == (
        "is the baseline, no better than guessing", "do not invest",
    )  # fmt: skip
    for row in (bert, tfidf):
        assert row["reasons"].startswith(
            "Quality is not significantly better than guessing; the cheap baseline 'tfidf'"
        )
        assert pd.isna(row["probability_wrong"])
    assert not headline

    bert, tfidf, _ = judged_among(0.82)
    assert (bert["against_baseline"], bert["verdict"]) == ("better than guessing", "invest")
    assert tfidf["verdict"] == "do not invest"
    bert, _, _ = judged_among(0.7)
    assert bert["against_baseline"] == "better"


def test_a_difference_that_is_not_significant_is_worth_nothing(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """Two more of a hundred are right, each worth 20 USD: noise, so the cheaper baseline wins at equal error cost."""
    records = [
        *bench.case(scores=(1,) * 94 + (0,) * 6),
        *bench.case(scores=GOOD, model="tfidf", start="scratch", runtime="eager", latency_s=(0.002,) * 700,
                    finetune_s=1.0),
    ]  # fmt: skip
    frame = viability(records, pricing, [make_use_case(value_per_request_usd=10.0, cost_per_error_usd=20.0)])
    bert, tfidf = only(frame, model="bert"), only(frame, model="tfidf")

    assert bert["npv_usd"] > tfidf["npv_usd"]
    assert bert["against_baseline"] == "no significant difference"
    assert bert["verdict"] == "do not invest"
    assert "does not differ significantly in quality" in bert["reasons"]


def test_baseline_that_misses_the_needs_is_no_rival(
    suite: list[Any], pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """The baseline's 0.75 is a pilot; the better model stays an investment."""
    frame = viability(suite, pricing, [make_use_case()])

    assert only(frame, model="tfidf")["verdict"] == "pilot"
    assert only(frame, model="bert", runtime="onnx")["verdict"] == "invest"


def test_expensive_machines_flip_the_verdict(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """The same measurement at 200,000 times the price is refused."""
    expensive = replace(pricing, multiplier=Decimal(200_000))

    assert judged(bench.case(scores=GOOD), expensive, make_use_case())["verdict"] == "do not invest"


def test_every_verdict_is_one_of_four(suite: list[Any], pricing: Pricing, use_cases: dict[str, UseCase]) -> None:
    """Each has a reason."""
    frame = viability(suite, pricing, use_cases)

    assert set(frame["verdict"]) <= set(VERDICTS)
    assert all(frame["reasons"].str.len() > 10)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (1234567.8, "1,234,568 USD"), (-120.0, "-120 USD"), (0.01234, "0.0123 USD"), (0.0, "0 USD"),
        (None, "–"), (float("nan"), "–"),
    ],
)  # fmt: skip
def test_amounts_are_written_as_people_write_them(amount: float | None, text: str) -> None:
    """Large ones in whole dollars, small ones with three significant digits, missing ones as a dash."""
    assert usd(amount) == text


def test_a_score_that_is_not_finite_gives_no_amount_in_any_table(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """The reason says what to do; other candidates are judged."""
    records = [*bench.case(scores=(1.0, float("nan")) * 50), *bench.case(scores=GOOD, model="lstm", start="scratch")]
    case = make_use_case()
    row, other = (only(viability(records, pricing, [case]), model=model) for model in ("bert", "lstm"))

    assert (row["verdict"], other["verdict"]) == ("not enough evidence", "invest")
    assert "some scores are not finite. Fix the task's evaluate, and evaluate again." in row["reasons"]
    for name in ("unit_error_usd", "usd_per_correct_answer", "npv_usd", "probability_positive"):
        assert pd.isna(row[name]), name
    assert pd.isna(only(cost(records, pricing), model="bert")["usd_per_1k_correct"])
    assert pd.isna(only(serving(records, pricing, [case]), model="bert")["usd_per_correct_answer"])
    assert not only(frontier(records, pricing), model="bert")["on_frontier"]
    assert alternatives(records, pricing, [case])["model"].tolist()[0] == "lstm"
    assert set(rows("viability", records, pricing, Assumed({"filing": case}))[0].figures()) >= {"npv_usd", "irr"}


@pytest.mark.parametrize("value_usd", [0.0, -0.01, 0.1])
def test_a_request_without_value_has_a_break_even_price(
    bench: Any, pricing: Pricing, make_use_case: Callable[..., UseCase], value_usd: float
) -> None:
    """It does not depend on today's value: set, the net present value is 0."""
    case = make_use_case(value_per_request_usd=value_usd, value_decline_per_year=0.2)
    price = viability(bench.case(), pricing, [case]).loc[0, "break_even_price_usd"]
    row = viability(bench.case(), pricing, [case], {"value_per_request_usd": price}).loc[0]

    assert price > 0
    assert row["npv_usd"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("dearer", "expected"), [(1.0, "do not invest"), (1e6, "pilot")])
def test_cents_do_not_decide_against_the_cheap_baseline(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase, dearer: float, expected: str
) -> None:
    """Of two that are equally good, one is worth the money if it is a hundredth of its value cheaper."""
    records = [
        *bench.case(scores=(1,) * 83 + (0,) * 17, finetune_s=180.0),
        *bench.case(scores=(1,) * 83 + (0,) * 17, model="tfidf", start="scratch", runtime="eager",
                    finetune_s=600.0 + 180.0 * dearer),
    ]  # fmt: skip
    rows = {row["model"]: row for row in viability(records, pricing, [make_use_case()]).to_dict("records")}

    assert rows["bert"]["npv_mean_usd"] > rows["tfidf"]["npv_mean_usd"]
    assert rows["bert"]["verdict"] == expected
