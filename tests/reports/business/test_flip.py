"""What is said to change a verdict does change it, for every shipped use case."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import UseCase
from harness.plugins import load_plugins
from harness_reports.business.evidence import gather
from harness_reports.business.flip import _away, _coarse, _fine, _Flip
from harness_reports.business.market import read_market
from harness_reports.business.viability import judge, judge_all, viability
from harness_reports.cells import usd
from harness_reports.prices.pricing import Pricing
from harness_reports.reasons import Reason

CASES = load_plugins().use_cases()
DRAWS = 1000
BY_DEFAULT = ("review-sentiment", "game-agent", "text-completion")
"""A classification, a game, and a metric in which lower is better."""
LOWER_IS_BETTER = ("text-completion", "image-generation")


def metric(case: UseCase) -> dict[str, Any]:
    """Return a metric in which the use case's needed quality makes sense."""
    lower, needed = case.name in LOWER_IS_BETTER, case.needs["quality"].value
    return {
        "name": "score", "unit": "", "column": "score", "higher_is_better": not lower, "random_baseline": None,
        "ceiling": None if lower or needed <= 0 else 1.1 * needed,
    }  # fmt: skip


def records_of(bench: Any, case: UseCase) -> list[Any]:
    """Return a good candidate on a fast and on a slow machine, and a cheap baseline that is a little worse."""
    needed = case.needs["quality"].value
    worse = abs(needed) * (0.01 if case.name in LOWER_IS_BETTER else -0.01)
    common = {"metric": metric(case), "task": case.tasks[0], "runtime": "eager", "start": "scratch",
              **({"source": f"{case.data[0]}.csv"} if case.data else {})}  # fmt: skip
    return [
        *bench.case(scores=[needed - 8 * worse, needed - 4 * worse] * 100, model="good", latency_s=(0.001,) * 700,
                    rate=2000.0, window_s=2.0, **common),
        *bench.case(scores=[needed - 8 * worse, needed - 4 * worse] * 100, model="slow", latency_s=(0.05,) * 700,
                    rate=20.0, window_s=50.0, finetune_s=1e5, **common),
        *bench.case(scores=[needed - 3 * worse, needed - 2 * worse] * 100, model="tfidf", latency_s=(0.0005,) * 700,
                    rate=2000.0, window_s=2.0, **common),
    ]  # fmt: skip


def flips(records: list[Any], pricing: Pricing, case: UseCase) -> Iterator[tuple[dict[str, Any], Reason]]:
    """Yield each row with each change of its flip."""
    for candidates in judge_all(records, pricing, [case], draws=DRAWS):
        for row in candidates.rows:
            for change in row["flip"].values["changes"] if row["flip"] else ():
                yield row, change


def verdict(records: list[Any], pricing: Pricing, case: UseCase, model: str, change: Reason) -> str:
    """Return the verdict after the reader has done what a change says, with the number that its sentence shows."""
    value, figures = change.values["value"], {}
    if change.code.startswith("prices"):
        pricing = replace(pricing, multiplier=Decimal(str(value)))
    else:
        figures = {"value_per_request_usd" if change.code.startswith("value") else "requests_per_year": value}
    rows = judge(read_market(case, figures), gather(records, pricing), DRAWS).rows
    return str({row["model"]: row["verdict"] for row in rows}[model])


FACTORS = (1.0, 20.0)


def versions(case: UseCase, factors: tuple[float, ...] = FACTORS) -> Iterator[UseCase]:
    """Yield a use case as it is shipped, and with more or with less value."""
    figure = case.market["value_per_request_usd"]
    for factor in factors:
        spread = figure.spread and replace(
            figure.spread, numbers=tuple(factor * each for each in figure.spread.numbers)
        )
        value = figure.value * factor if spread is None else spread.mean
        yield replace(
            case, market={**case.market, "value_per_request_usd": replace(figure, value=value, spread=spread)}
        )


@pytest.mark.parametrize("factors", [FACTORS, pytest.param((0.3, 3.0), marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name, marks=[] if case.name in BY_DEFAULT else pytest.mark.slow)
        for case in CASES.values()
    ],
)
def test_what_a_sentence_says_changes_the_verdict(
    bench: Any, pricing: Pricing, case: UseCase, factors: tuple[float, ...]
) -> None:
    """Value, volume and prices, set to the very numbers that are shown."""
    records = records_of(bench, case)
    told: list[str] = []
    for version in versions(case, factors):
        for row, change in flips(records, pricing, version):
            after = verdict(records, pricing, version, row["model"], change)
            told.append(change.code)

            assert row["flip"].code == {"invest": "no investment if", "pilot": "investment if",
                                        "do not invest": "worth it if"}[row["verdict"]]  # fmt: skip
            if row["verdict"] == "invest":
                assert after != "invest", (row["model"], str(change))
            elif row["verdict"] == "pilot":
                assert after == "invest", (row["model"], str(change))
            else:
                assert after in ("invest", "pilot"), (row["model"], str(change))
    assert told, "or nothing is shown"


def test_the_number_of_a_sentence_is_the_number_that_was_tried(bench: Any, pricing: Pricing) -> None:
    """It is not rounded again when it is written."""
    case = CASES["document-classification"]
    for version in versions(case):
        for _, change in flips(records_of(bench, case), pricing, version):
            value = change.values["value"]
            text = {"value": usd(value), "volume": f"{value:,.0f}", "prices": f"{value:g}"}[change.code.split()[0]]
            assert text in str(change)


@pytest.mark.parametrize("name", ["value", "volume", "prices"])
@pytest.mark.parametrize("value_usd", [0.02, 0.2])
def test_no_value_nearer_to_todays_changes_the_verdict(
    bench: Any, pricing: Pricing, make_use_case: Any, name: str, value_usd: float
) -> None:
    """In a case that quality does not decide: two hundredths nearer the verdict is the same, at the value it is not."""
    case = make_use_case(
        needs={}, value_per_request_usd=value_usd, cost_per_error_usd=None, hardware_decline_per_year=0.1
    )
    dear = replace(pricing, multiplier=Decimal(10))
    records = bench.case()
    ((row, change),) = [each for each in flips(records, dear, case) if each[1].code.startswith(name)]
    toward = 0.98 if change.values["value"] > change.values["today"] else 1.02
    nearer = replace(change, values={**change.values, "value": change.values["value"] * toward})

    assert verdict(records, dear, case, "bert", nearer) == row["verdict"]
    assert verdict(records, dear, case, "bert", change) != row["verdict"]


@pytest.mark.parametrize(("requests", "expected"), [
    (1.0e9, 1.0519e9),  # one more machine undoes what it earns; at 0.9e9 there is too little demand
    (0.85e9, 0.8972e9),  # one machine earns enough
    (1.1e9, 1.0519e9),  # the second machine is not worth it; it is from 1.63e9 requests on
    (1.6e9, 1.6276e9),
])  # fmt: skip
def test_the_nearest_demand_is_told_where_machines_come_whole(
    bench: Any, pricing: Pricing, make_use_case: Any, requests: float, expected: float
) -> None:
    """A machine bears 1.0519e9 requests a year and costs 876.6 USD; the rest costs 200 USD."""
    figures = {
        "needs": {}, "value_per_request_usd": 1.2e-6, "cost_per_error_usd": None, "upfront_cost_usd": 0.0,
        "fixed_cost_per_year_usd": 200.0,
    }  # fmt: skip
    case, records = make_use_case(**figures, requests_per_year=requests), bench.case()
    ((row, change),) = [each for each in flips(records, pricing, case) if each[1].code == "volume set to"]

    assert change.values["value"] == pytest.approx(expected, rel=1e-3)
    assert verdict(records, pricing, case, "bert", change) != row["verdict"]


def test_a_driver_may_change_a_verdict_before_the_limit_of_a_loss(bench: Any, pricing: Pricing) -> None:
    """Half of all draws may be a loss, but none of the drivers may be one at its 10th percentile."""
    shipped = CASES["document-classification"]
    figures = {name: replace(shipped.market["years"], value=value)
               for name, value in (("loss_limit", 0.5), ("value_per_request_usd", 1.0))}  # fmt: skip
    case, records = replace(shipped, market={**shipped.market, **figures}), records_of(bench, shipped)
    told = [each for each in flips(records, pricing, case) if each[1].code == "value set to"]

    assert told
    for row, change in told:
        nearer = replace(change, values={**change.values, "value": change.values["value"] * 1.03})
        assert row["verdict"] == "invest"
        assert verdict(records, pricing, case, row["model"], change) == "pilot"
        assert verdict(records, pricing, case, row["model"], nearer) == "invest"


def test_bounds_spare_steps_and_change_nothing(bench: Any, pricing: Pricing, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps that bounds decide are the same when each is looked at; values between two lie within their bounds."""
    looked: list[float] = []
    for name in BY_DEFAULT:
        (candidates,) = judge_all(records_of(bench, CASES[name]), pricing, [CASES[name]], draws=DRAWS)
        for one in candidates.judged:
            flipping = _Flip(one.outlook, one.baselines, "pilot", one.business)
            lever = flipping._volume()
            each = lever._replace(npv_usd=lambda value, lever=lever: looked.append(value) or lever.npv_usd(value))
            if one.outlook.decision.threshold is None or lever.bounds is None:
                continue
            by_bounds = list(flipping._steps(each))
            few = len(looked)
            assert list(flipping._steps(each._replace(bounds=None))) == by_bounds
            assert few < len(looked) - few
            looked.clear()
            for low, high in ((0.1, 0.15), (0.9, 1.2), (5.0, 50.0)):
                least, most = lever.bounds(low * lever.today, high * lever.today)
                for factor in np.geomspace(low, high, 9):
                    npv_usd = lever.npv_usd(factor * lever.today)
                    assert (least <= npv_usd + 1e-6).all()
                    assert (npv_usd <= most + 1e-6).all()


def test_demand_multiplied_is_the_business_at_that_demand(bench: Any, pricing: Pricing) -> None:
    """The net present value of the lever and that of the business, at volumes of a thousandth and a thousandfold."""
    compared = 0
    for name in BY_DEFAULT:
        (candidates,) = judge_all(records_of(bench, CASES[name]), pricing, [CASES[name]], draws=DRAWS)
        for one in candidates.judged:
            lever = _Flip(one.outlook, one.baselines, "pilot", one.business)._volume()
            for factor in (1e-3, 0.5, 1.0, 3.0, 1e3):
                requests = np.full(1, factor * lever.today)
                slow = one.business.npv_usd({**one.outlook.npv.drawn, "requests_per_year": requests})
                assert lever.npv_usd(requests[0]) == pytest.approx(slow, rel=1e-9, abs=1e-6)
                compared += 1
    assert compared


def test_an_uncertain_figure_is_said_to_become_certain(bench: Any, pricing: Pricing, make_use_case: Any) -> None:
    """Setting it takes its uncertainty away, too, which alone may change a verdict."""
    shipped = CASES["document-classification"]
    codes = {
        change.code
        for version in versions(shipped)
        for _, change in flips(records_of(bench, shipped), pricing, version)
    }
    certain = make_use_case(needs={"quality": 0.8})
    plain = {change.code for _, change in flips(bench.case(scores=(1,) * 92 + (0,) * 8), pricing, certain)}

    assert "value certain at" in codes
    assert "value set to" in plain
    assert "value certain at" not in plain


def test_what_the_baseline_forbids_is_not_promised(bench: Any, pricing: Pricing, make_use_case: Any) -> None:
    """At a higher value a candidate would pay, but its equally good baseline would pay more: nothing flips it."""
    records = [
        *bench.case(scores=(1,) * 92 + (0,) * 8, finetune_s=1e6),
        *bench.case(scores=(1,) * 92 + (0,) * 8, model="tfidf", start="scratch", runtime="eager"),
    ]
    case = make_use_case(value_per_request_usd=0.02)
    rows = {str(row["model"]): row for row in viability(records, pricing, [case]).to_dict("records")}

    assert rows["bert"]["verdict"] == rows["tfidf"]["verdict"] == "do not invest"
    assert "the value of a request is" in rows["tfidf"]["flip"]
    assert not isinstance(rows["bert"]["flip"], str)


def test_a_missed_need_is_not_bought_off(bench: Any, pricing: Pricing, make_use_case: Any) -> None:
    """No price makes a missing quality up."""
    (row,) = viability(bench.case(scores=(1, 0) * 50), pricing, [make_use_case()]).to_dict("records")

    assert row["verdict"] == "do not invest"
    assert not isinstance(row["flip"], str)


@given(st.floats(1e-8, 1e12), st.booleans())
def test_rounding_moves_away_and_shows_all_digits(value: float, up: bool) -> None:
    """Never back towards today's value, and no farther than the last digit shown."""
    for exponent in (_fine(value), _coarse(value)):
        rounded = _away(value, exponent, up=up)
        step = 10.0**exponent

        assert rounded >= value * (1 - 1e-9) if up else rounded <= value * (1 + 1e-9)
        assert abs(rounded - value) <= step * (1 + 1e-6)
        assert math.isclose(rounded, round(rounded / step) * step, rel_tol=1e-9, abs_tol=step * 1e-6)
