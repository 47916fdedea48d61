"""Use cases served by a cascade: money by hand, whatever the two parts run on, and the verdict of the gates.

The pair is that of `make_cascade`: passing on 40 of 100 items gives 94 right, passing on 10 gives 82.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy_financial
import pytest

from harness import Reading, Record, UseCase
from harness_reports import cells
from harness_reports.business.alternatives import alternatives
from harness_reports.business.cascade_business import SECOND, SHARE, CascadeBusiness
from harness_reports.business.cascades import CascadeVerdict, best_cascade
from harness_reports.business.evidence import gather
from harness_reports.business.market import read_market
from harness_reports.business.viability import judge
from harness_reports.economics.distributions import Fixed
from harness_reports.explain.tables import Assumed, rows
from harness_reports.prices.cascade_table import cascade
from harness_reports.prices.pricing import Pricing

MACHINE = 0.10 * 8766
"""USD a year."""
SHORT, LONG = 0.00021, 0.00042
"""gpt-4o-mini: 1,000 and 100 tokens, and twice that."""
MakeCascade = Callable[..., list[Any]]
MakeUseCase = Callable[..., UseCase]


@pytest.fixture
def by_calls(bench: Any, make_cascade: MakeCascade) -> Callable[..., list[Record]]:
    """Return a maker of the pair with a served model in the place of the expensive one, 1,000 items of each split.

    Calls for items of 0.3 are twice as long.
    """

    def make(**given: Any) -> list[Record]:
        items = [(0.9, 1, 1)] * 600 + [(0.6, 1, 1)] * 150 + [(0.6, 0, 1)] * 150 + [(0.3, 0, 1)] * 40
        items += [(0.3, 0, 0)] * 60
        machines = make_cascade(test=items, validation=items)
        calls = [(1000, 0, 100)] * 900 + [(2000, 0, 200)] * 100
        fast = {"latency_s": [0.2] * 999 + [0.3]}
        served = bench.prompted(calls, scores=[item[2] for item in items], validation=True, usage=fast, **given)
        right = {"output": ["a"] * 1000, "correct": [float(item[2]) for item in items]}
        usage = {**served.usage, "validation": served.usage["test"]}
        answers = {"test": {"output": ["a"] * 1000}, "validation": right}
        return [each for each in machines if each.spec["model"] == "tfidf"] + [
            replace(served, answers=answers, usage=usage)
        ]

    return make


def row_of(records: list[Any], pricing: Pricing, case: UseCase) -> dict[str, Any]:
    """Return the cascade's row of the alternatives."""
    (row,) = (row for row in cells.rows(alternatives(records, pricing, [case])) if row["alternative"] == "cascade")
    return row


def verdict_of(records: list[Any], pricing: Pricing, case: UseCase) -> CascadeVerdict:
    """Return the cascade of a use case."""
    verdict = best_cascade(judge(read_market(case, {}), gather(records, pricing)))
    assert verdict is not None
    return verdict


def test_both_on_machines_by_hand(make_cascade: MakeCascade, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """A million requests of 0.10 USD, 6 % errors of 0.20 USD, a whole machine for each, three years, 10 %."""
    row = row_of(make_cascade(), pricing, make_use_case())
    trainings = (1.8 + 360 + 180 + 2 * 36) * 0.10 / 3600 * 2  # with failed ones
    yearly = 1_000_000 * (0.10 - 0.06 * 0.20) - 2 * MACHINE - 10_000

    assert row["model"] == "tfidf → bert tiny (pretrained)"
    assert (row["threshold"], row["share"], row["quality"]) == (0.9, 0.4, 0.94)
    assert row["unit_serving_usd"] == pytest.approx(2 * MACHINE / 1e6)
    assert row["unit_error_usd"] == pytest.approx(0.06 * 0.20)
    assert row["upfront_usd"] == pytest.approx(20_000 + trainings)
    assert row["npv_usd"] == pytest.approx(numpy_financial.npv(0.10, [-20_000 - trainings] + [yearly] * 3))
    assert row["npv_mean_usd"] == pytest.approx(row["npv_usd"], rel=0.01)
    assert (row["verdict"], row["quality_is"], row["excluded"]) == ("invest", "measured", None)
    assert row["price_source"] == "bench.example/prices"


def test_the_expensive_one_by_the_call_by_hand(
    by_calls: Callable[..., list[Record]], pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """Of 1,000 items 400 are passed on, 100 of them long; the price of calls declines, that of the machine does not."""
    row = row_of(by_calls(), pricing, make_use_case(api_price_decline_per_year=0.5))
    call = (300 * SHORT + 100 * LONG) / 400
    evaluated = 2 * (900 * SHORT + 100 * LONG)  # test and validation
    upfront = 20_000 + 2 * ((1.8 + 36) * 0.10 / 3600 + evaluated)
    flows = [1e6 * (0.10 - 0.06 * 0.20) - 10_000 - MACHINE - 4e5 * call * 0.5**year for year in range(3)]

    assert (row["threshold"], row["share"], row["quality"]) == (0.9, 0.4, 0.94)
    assert row["unit_serving_usd"] == pytest.approx(MACHINE / 1e6 + 0.4 * call)
    assert row["upfront_usd"] == pytest.approx(upfront)
    assert row["npv_usd"] == pytest.approx(numpy_financial.npv(0.10, [-upfront, *flows]))
    assert row["verdict"] == "invest"


def test_retrainings_are_those_of_both(
    by_calls: Callable[..., list[Record]], pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """Two a year: the machine's trainings at the machine's decline, the calls' evaluation at theirs."""
    figures = {"retrainings_per_year": 2.0, "api_price_decline_per_year": 0.5, "hardware_decline_per_year": 0.25}
    verdict = verdict_of(by_calls(), pricing, make_use_case(**figures))
    plain = verdict_of(by_calls(), pricing, make_use_case(**{**figures, "retrainings_per_year": 0.0}))
    tuning, evaluated = (1.8 + 36) * 0.10 / 3600, 2 * (900 * SHORT + 100 * LONG)
    spent = sum(2 * (tuning * 0.75**year + evaluated * 0.5**year) / 1.1 ** (year + 1) for year in range(3))

    assert plain.base_npv_usd - verdict.base_npv_usd == pytest.approx(spent)


@pytest.mark.parametrize("buying", ["machines", "shared", "elastic"])
def test_flows_and_draws_agree(
    make_cascade: MakeCascade, pricing: Pricing, make_use_case: MakeUseCase, buying: Any
) -> None:
    """The base case's flows, discounted, are the net present value of the means, in every way of buying."""
    figures = {"retrainings_per_year": 1.0, "hardware_decline_per_year": 0.2, "discount_rate": 0.08}
    verdict = verdict_of(make_cascade(), replace(pricing, buying=buying), make_use_case(**figures))

    assert numpy_financial.npv(0.08, verdict.business.flows_usd()) == pytest.approx(verdict.base_npv_usd, rel=1e-9)
    assert verdict.npv.npv_usd.shape == (10_000,)
    assert verdict.npv.npv_usd.mean() == pytest.approx(verdict.base_npv_usd, rel=0.02)


def test_elastic_machines_by_hand(make_cascade: MakeCascade, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """Seconds of use: 1 over 1,000 a second of the cheap one, and 1 over 50 of the other for 0.4 of the requests."""
    row = row_of(make_cascade(), replace(pricing, buying="elastic"), make_use_case())

    assert row["unit_serving_usd"] == pytest.approx(0.10 / 3600 * (1 / 1000 + 0.4 / 50))


def business_at(verdict: CascadeVerdict, quality: float, share: float) -> CascadeBusiness:
    """Return the business with another quality and share."""
    business = verdict.business
    first = replace(verdict.parts[0].business, supply=business.supply)  # type: ignore[type-var]
    return CascadeBusiness.of(first, business.second, Fixed(quality), Fixed(share))  # type: ignore[arg-type]


def test_a_share_of_nothing_and_of_everything(
    make_cascade: MakeCascade, pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """Nothing passed on needs no machine of the expensive one; of everything both are paid."""
    verdict = verdict_of(make_cascade(), pricing, make_use_case())
    cheap, expensive = (part.business for part in verdict.parts)
    assert cheap is not None
    assert expensive is not None
    trained = float(expensive.upfront_usd(expensive.means)[0]) - 20_000
    alone = cheap.npv_usd(cheap.means)[0]
    nothing = business_at(verdict, 0.75, 0.0)
    everything = business_at(verdict, 0.92, 1.0)
    annuity = sum(1.1**-year for year in (1, 2, 3))

    assert nothing.npv_usd(nothing.means)[0] == pytest.approx(alone - trained)
    errors_saved = 1e6 * 0.20 * (0.92 - 0.75) * annuity
    assert everything.npv_usd(everything.means)[0] == pytest.approx(alone - trained + errors_saved - MACHINE * annuity)
    margins = [each.margin_usd() for each in (nothing, everything)]
    assert margins[0] == pytest.approx(cheap.margin_usd())
    assert margins[1] == pytest.approx(0.10 - 0.08 * 0.20 - 2 * MACHINE / 1e6)


def test_energy_of_both_is_paid_where_prices_leave_it_out(
    make_cascade: MakeCascade, pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """Each at its own joules: 50 W, of which a request of the expensive one takes 0.02 s."""
    dry = replace(pricing, prices={item: replace(price, energy="excluded") for item, price in pricing.prices.items()})
    case = make_use_case(energy_usd_per_kwh=0.20)
    metered = [
        replace(record, readings={"energy_j": Reading(50.0 * record.value("wall_s"), "J"), **record.readings})
        for record in make_cascade()
    ]
    verdict = verdict_of(metered, dry, case)
    business = verdict.business
    usd, energy = business.year_of_second(np.full(1, 1e6), business.means)

    assert business.pays_energy
    assert {f"{SECOND}energy_j_per_request", f"{SECOND}tuning_j", SHARE} <= business.measured.keys()
    assert usd[0] == pytest.approx(MACHINE)
    assert energy[0] == pytest.approx(4e5 * 1.0 * 1.15 * 0.20 / 3.6e6)
    assert numpy_financial.npv(0.10, business.flows_usd()) == pytest.approx(verdict.base_npv_usd, rel=1e-9)


def test_the_threshold_is_worth_the_most_on_validation(
    by_calls: Callable[..., list[Record]], pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """Errors that cost nothing are not worth a call; a need is, and an error of a dollar."""
    free = row_of(by_calls(), pricing, make_use_case(needs={}, cost_per_error_usd=0.0))
    needed = row_of(by_calls(), pricing, make_use_case(needs={"quality": 0.9}, cost_per_error_usd=0.0))
    costly = row_of(by_calls(), pricing, make_use_case(needs={}, cost_per_error_usd=1.0))

    assert [row["share"] for row in (free, needed, costly)] == [0.1, 0.4, 0.4]


def test_test_items_have_no_part_in_the_choice(
    make_cascade: MakeCascade, pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """On test it would have been better to pass on everything below 0.9; validation said 0.6."""
    validation = [(0.9, 1, 1)] * 60 + [(0.6, 1, 0)] * 30 + [(0.3, 0, 1)] * 10
    test = [(0.9, 1, 1)] * 60 + [(0.6, 0, 1)] * 30 + [(0.3, 0, 1)] * 10
    row = row_of(make_cascade(test=test, validation=validation), pricing, make_use_case(needs={}))

    assert (row["threshold"], row["quality"]) == (0.6, 0.7)


def test_a_cascade_is_compared_with_the_candidate_in_the_same_draws(
    make_cascade: MakeCascade, pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """Where errors cost much it is better than the expensive one alone in most draws, but not in all: 94 against 92."""
    table = {row["alternative"]: row for row in
             cells.rows(alternatives(make_cascade(), pricing, [make_use_case(needs={})]))}  # fmt: skip

    assert list(table) == ["candidate", "baseline", "cascade", "nothing"]
    assert 0.5 < table["cascade"]["better_than_candidate"] <= 1
    assert table["candidate"]["threshold"] is None


def test_gates_hold_for_a_cascade(
    by_calls: Callable[..., list[Record]], make_cascade: MakeCascade, pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """Quality that is missed, a latency that two in turn miss, a third party, and too few items."""
    missed = row_of(make_cascade(), pricing, make_use_case(needs={"quality": 0.99}))
    late = verdict_of(make_cascade(latency_s=(0.3,) * 1200), pricing, make_use_case(needs={"latency_s": 0.5}))
    private = verdict_of(by_calls(), pricing, make_use_case(needs={"privacy": 2.0}))
    few = row_of(make_cascade(test=[(0.9, 1, 1), (0.6, 0, 1)] * 5), pricing, make_use_case(needs={}))

    assert missed["verdict"] == "do not invest"
    assert "0.99 is needed" in missed["excluded"]
    assert all(part.evidence.objective(late.market).met == "met" for part in late.parts)  # type: ignore[union-attr]
    assert late.objective is not None
    assert late.objective.met == "missed"
    assert late.judged[1][0].code == "latency missed"
    assert private.judged[1][0].code == "third party"
    assert few["verdict"] == "not enough evidence"
    assert "Only 10 items were evaluated" in few["reasons"]


def test_what_a_third_party_may_not_see_is_no_choice_where_there_is_another(
    by_calls: Callable[..., list[Record]], make_cascade: MakeCascade, pricing: Pricing, make_use_case: MakeUseCase
) -> None:
    """The served model costs less than a slow machine, so that this is off the frontier; it is ruled out."""
    items = [(0.9, 1, 1)] * 600 + [(0.6, 1, 1)] * 150 + [(0.6, 0, 1)] * 150 + [(0.3, 0, 1)] * 40
    items += [(0.3, 0, 0)] * 60
    slow = make_cascade(test=items, validation=items, rate=0.1, window_s=10_000.0)
    records = [*by_calls(), *(one for one in slow if one.spec["model"] == "bert")]
    seen, private = (row_of(records, pricing, make_use_case(needs={"quality": 0.8, "privacy": level}))
                     for level in (0.0, 2.0))  # fmt: skip

    assert seen["model"] == "tfidf → openai:gpt-4o-mini (as it is)"
    assert (private["model"], private["verdict"]) == ("tfidf → bert tiny (pretrained)", "invest")


@pytest.fixture
def trained_once(bench: Any) -> list[Record]:
    """Return one model in a fast and a good number format."""
    given = {"runtime": "eager", "validation": True}
    fast = bench.case(scores=[1.0] * 60 + [0.0] * 40, rate=10_000.0, precision="int8", **given)
    good = bench.case(scores=[1.0] * 90 + [0.0] * 10, rate=100.0, **given)
    answers = {"output": ["a"] * 100, "confidence": [0.9] * 60 + [0.6] * 40}
    trained, records = [one for one in good if one.step in ("pretrain", "finetune")], []
    for case in (fast, good):
        for one in case:
            inputs = {"trained": trained[-1].fingerprint} if one.step not in ("pretrain", "finetune") else one.inputs
            split = {**answers, "correct": one.scores["correct"]} if one.step == "evaluate" else {}
            kept = {"answers": {"test": answers, "validation": split}} if split else {}
            records.append(replace(one, inputs=inputs, **kept))
    return [*trained, *(one for one in records if one.step not in ("pretrain", "finetune"))]


def test_one_model_in_two_runtimes_is_trained_once(
    trained_once: list[Record], pricing: Pricing, make_use_case: MakeUseCase, check: Callable[..., int]
) -> None:
    """360 and 180 s of training, not twice that; each has its evaluation."""
    records = trained_once
    row, (shown,) = row_of(records, pricing, make_use_case()), cells.rows(cascade(records, pricing))
    once = (360 + 180) * 0.10 / 3600
    evaluated = 2 * 36 * 0.10 / 3600

    assert row["model"] == "bert tiny (pretrained)@eager/cpu/int8 → bert tiny (pretrained)@eager/cpu/fp32"
    assert row["upfront_usd"] == pytest.approx(20_000 + 2 * (once + evaluated))
    assert (shown["train_usd"], shown["evaluate_usd"]) == pytest.approx((once, evaluated))
    case = make_use_case()
    assert check(rows("alternatives", records, pricing, Assumed({case.name: case})),
                 alternatives(records, pricing, [case])) > 10  # fmt: skip


def test_the_energy_of_a_shared_training_is_paid_once(
    trained_once: list[Record], pricing: Pricing, make_use_case: MakeUseCase, check: Callable[..., int]
) -> None:
    """At 50 W, where prices leave it out: upfront and with each retraining the second one pays its evaluation alone."""
    dry = replace(pricing, prices={item: replace(price, energy="excluded") for item, price in pricing.prices.items()})
    case = make_use_case(energy_usd_per_kwh=0.20)
    metered = [
        replace(one, readings={"energy_j": Reading(50.0 * one.value("wall_s"), "J"), **one.readings})
        for one in trained_once
    ]
    business = verdict_of(metered, dry, case).business
    joules = {
        name: business.measured[name].mean for name in business.measured if name.endswith(("pretrain_j", "tuning_j"))
    }

    assert joules == pytest.approx({
        "pretrain_j": 50 * 360, "tuning_j": 50 * (180 + 36), f"{SECOND}pretrain_j": 0, f"{SECOND}tuning_j": 50 * 36,
    })  # fmt: skip
    assert (
        check(rows("alternatives", metered, dry, Assumed({case.name: case})), alternatives(metered, dry, [case])) > 30
    )


def test_a_baseline_as_good_wins(make_cascade: MakeCascade, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """Two more right of 100 are no significant difference, and the cheap baseline has one machine less."""
    items = [(0.9, 1, 1)] * 90 + [(0.6, 0, 1)] * 2 + [(0.3, 0, 0)] * 8
    verdict = verdict_of(make_cascade(test=items, validation=items), pricing, make_use_case(needs={}))

    assert verdict.accuracy["against_baseline"] == "no significant difference"
    assert verdict.judged[0] == "do not invest"
    assert verdict.judged[1][0].code == "baseline as good"


@pytest.mark.parametrize("paid", ["machines", "calls"])
def test_every_figure_follows_from_its_inputs(
    check: Callable[..., int], by_calls: Callable[..., list[Record]], make_cascade: MakeCascade, pricing: Pricing,
    make_use_case: MakeUseCase, paid: str,
) -> None:  # fmt: skip
    """Down to records, prices and assumptions."""
    records = by_calls() if paid == "calls" else make_cascade()
    case = make_use_case(retry_share=0.1, review_share=0.2, review_usd=0.05)
    table = rows("alternatives", records, pricing, Assumed({case.name: case}))

    assert check(table, alternatives(records, pricing, [case])) > 30
