"""The cost of a year of serving by the way of buying, and that all tables have the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from harness import PriceBook, Reading, UseCase
from harness.plugins import load_plugins
from harness_reports.business.alternatives import alternatives
from harness_reports.business.evidence import gather
from harness_reports.business.market import read_market
from harness_reports.business.money import npv_at_demand, upfront_figure
from harness_reports.business.npv_distribution import draw_market, npv_distribution
from harness_reports.business.serving import serving
from harness_reports.business.supply import HOURS_PER_YEAR
from harness_reports.business.viability import viability
from harness_reports.cells import rows
from harness_reports.prices.pricing import UTILISATION, Pricing, choose

MakeUseCase = Callable[..., UseCase]
GOOD = (1,) * 92 + (0,) * 8
SECONDS = HOURS_PER_YEAR * 3600
CASES = load_plugins().use_cases()
BY_DEFAULT = ("document-classification", "game-agent", "text-completion", "image-inspection")
MACHINE_USD = 0.10 * HOURS_PER_YEAR


def yearly_usd(records: list[Any], pricing: Pricing, case: UseCase, requests: float) -> np.ndarray:
    """Return the cost of a year of serving with the only candidate."""
    (evidence,) = gather(records, pricing)
    business = evidence.business(read_market(case, {"requests_per_year": requests}))
    assert business is not None
    return business.supply.year(np.full(1, requests), business.means).usd


# Ways of buying ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("buying", "expected"), [
    ("machines", 5 * MACHINE_USD),  # 450 a second in the busiest hour, 100 a machine
    ("shared", 4.5 * MACHINE_USD),
    ("elastic", 1.5 / 0.5 * MACHINE_USD),  # 150 a second on average; half of the paid time is used
])  # fmt: skip
def test_a_year_worked_out_by_hand(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase, buying: Any, expected: float
) -> None:
    """100 a second and machine, half of the requests are made twice."""
    case = make_use_case(needs={"quality": 0.8}, retry_share=0.5)
    bought = replace(pricing, buying=buying, utilisation=0.5)

    assert yearly_usd(bench.case(scores=GOOD), bought, case, 100.0 * SECONDS) == pytest.approx(expected)


def test_an_offer_that_is_billed_by_the_second_is_elastic(
    bench: Any, make_use_case: MakeUseCase, make_price: Callable[..., Any]
) -> None:
    """Unless the reader says otherwise."""
    by_second = choose(PriceBook("functions", "", (make_price(billing="second"),)))
    records, case = bench.case(scores=GOOD), make_use_case(needs={"quality": 0.8})
    (row,) = viability(records, by_second, [case]).to_dict("records")
    (whole,) = viability(records, replace(by_second, buying="machines"), [case]).to_dict("records")

    assert (row["buying"], whole["buying"]) == ("elastic", "machines")
    assert row["usd_per_year"] == pytest.approx(1_000_000 * 0.10 / 360_000 / UTILISATION)
    assert (row["replicas"] is None) or np.isnan(row["replicas"])
    assert whole["usd_per_year"] == pytest.approx(MACHINE_USD)


def test_machines_follow_adoption(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """A year that few have adopted needs fewer machines than a year that all have."""
    case = make_use_case(
        needs={"quality": 0.8}, requests_per_year=300.0 * SECONDS, adoption_innovation=0.03, adoption_imitation=0.5,
        years=6.0, hardware_decline_per_year=0.0,
    )  # fmt: skip
    (evidence,) = gather(bench.case(scores=GOOD), pricing)
    business = evidence.business(read_market(case, {}))
    assert business is not None
    machines = [float(business.supply.year(year.requests, business.means).usd[0]) / MACHINE_USD
                for year, _ in business.base_sums.years]  # fmt: skip

    assert machines == sorted(machines)
    assert all(round(count) == pytest.approx(count) for count in machines)
    assert machines[0] < machines[-1] <= 9


def test_a_slower_draw_needs_more_machines(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """The uncertainty of the speed is in the number of machines of each draw."""
    case = make_use_case(needs={"quality": 0.8})
    (evidence,) = gather(bench.case(scores=GOOD), pricing)
    market = read_market(case, {"requests_per_year": 95.0 / 3 * SECONDS})
    business = evidence.business(market)
    assert business is not None
    drawn = {**business.means, "samples_per_s": np.array([110.0, 100.0, 90.0, 45.0])}
    usd = business.supply.year(business.means["requests_per_year"], drawn).usd

    assert (usd / MACHINE_USD).tolist() == pytest.approx([1, 1, 2, 3])


def batching(bench: Any) -> list[Any]:
    """Return a candidate that answers 50 requests a second one by one, and 1,000 in batches of 10."""
    return metered(bench.case(scores=GOOD, rate=1000.0, window_s=20.0))


def metered(records: list[Any]) -> list[Any]:
    """Return records of machines with a meter: training draws 50 W, as serving does."""
    return [
        replace(record, readings={"energy_j": Reading(50.0 * record.value("wall_s"), "J"), **record.readings})
        for record in records
    ]


@pytest.mark.parametrize("buying", ["machines", "shared", "elastic"])
def test_every_demand_is_served_in_its_cheaper_way(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase, make_price: Callable[..., Any], buying: Any
) -> None:
    """The net present value at another demand is that of a use case with this demand, whatever today's is."""
    case = make_use_case(needs={"latency_s": 0.5}, energy_usd_per_kwh=0.3)
    for prices in (pricing, excluding(make_price)):
        (evidence,) = gather(batching(bench), replace(prices, buying=buying, utilisation=0.5))
        today = 10.0 * SECONDS
        business = evidence.business(read_market(case, {"requests_per_year": today}))
        assert business is not None
        factors = np.array([0.1, 1.0, 1.4, 1.6, 20.0, 400.0])
        ways = set()
        for factor, npv_usd in zip(factors, npv_at_demand(business, factors), strict=True):
            market = read_market(case, {"requests_per_year": today * factor})
            there, way = evidence.business(market), evidence.capacity(market)
            assert there is not None
            assert way is not None
            ways.add(way.serving.scenario)
            assert npv_usd == pytest.approx(there.npv_usd(there.means)[0])

        assert ways == {"SingleStream", "Offline"}


def test_a_draw_of_a_large_demand_is_served_in_batches(
    bench: Any, make_use_case: MakeUseCase, make_price: Callable[..., Any]
) -> None:
    """One machine instead of the four that single requests need."""
    (evidence,) = gather(batching(bench), excluding(make_price))
    business = evidence.business(read_market(make_use_case(needs={"latency_s": 0.5}), {}))
    assert business is not None
    requests = np.array([1.0, 14.0, 50.0]) * SECONDS  # three times as many in the busiest hour
    served = business.supply.year(requests, business.means)

    assert (served.usd / MACHINE_USD).tolist() == pytest.approx([1, 1, 1])
    assert served.energy_ratio.tolist() == pytest.approx([1, 1, 50 / 1000])  # 50 W, metered


def test_the_break_even_volume_may_need_batches(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """One by one no volume pays: a machine earns less than it costs."""
    figures = {
        "cost_per_error_usd": None, "fixed_cost_per_year_usd": 10.0, "upfront_cost_usd": 0.0,
        "value_per_request_usd": 0.5 * MACHINE_USD / (15 * SECONDS), "requests_per_year": 5.0 * SECONDS,
    }  # fmt: skip
    case, records = make_use_case(needs={"latency_s": 0.5}, **figures), batching(bench)
    (row,) = rows(viability(records, pricing, [case], draws=100))
    single = [record for record in records if record.spec.get("scenario") != "Offline"]
    (alone,) = rows(viability(single, pricing, [case], draws=100))
    (below, above) = (
        rows(viability(records, pricing, [case], {"requests_per_year": factor * row["break_even_requests"]}, 100))[0]
        for factor in (0.999, 1.001)
    )

    assert alone["break_even_requests"] is None
    assert row["break_even_requests"] > 15 * SECONDS
    assert below["npv_usd"] < 0 < above["npv_usd"]


def test_the_draws_and_the_flows_agree(bench: Any, pricing: Pricing, make_use_case: MakeUseCase) -> None:
    """The net present value of the base case is that of a draw in which every figure is its mean."""
    case = make_use_case(
        requests_per_year=80.0 * SECONDS, adoption_innovation=0.05, adoption_imitation=0.4,
        hardware_decline_per_year=0.2, retrainings_per_year=2.0,
    )  # fmt: skip
    (row,) = viability(bench.case(scores=GOOD), pricing, [case]).to_dict("records")
    (evidence,) = gather(bench.case(scores=GOOD), pricing)
    market = read_market(case, {})
    business = evidence.business(market)
    assert business is not None

    assert row["npv_usd"] == pytest.approx(business.npv_usd(business.means)[0])
    assert npv_distribution(business, draw_market(market, 100), evidence.accuracy).npv_usd.size == 100


# One cost in all tables -------------------------------------------------------------------------------------------


def costs(records: list[Any], pricing: Pricing, case: UseCase) -> list[tuple[dict[str, Any], ...]]:
    """Return the rows of each candidate in `viability` and in `serving`."""
    names = ("model", "runtime", "variant", "hardware")
    served = {tuple(row[name] for name in names): row for row in rows(serving(records, pricing, [case]))}
    return [
        (row, served[tuple(row[name] for name in names)])
        for row in rows(viability(records, pricing, [case], draws=100))
    ]


@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.name)
@pytest.mark.parametrize("buying", ["machines", "shared", "elastic"])
def test_viability_alternatives_and_serving_have_one_cost(
    bench: Any, pricing: Pricing, case: UseCase, buying: Any
) -> None:
    """Of one candidate and demand, for every shipped use case, quick and slow candidates, by every way of buying."""
    bought = replace(pricing, buying=buying, utilisation=0.5)
    common = {"task": case.tasks[0], "runtime": "eager", "start": "scratch",
              **({"source": f"{case.data[0]}.csv"} if case.data else {})}  # fmt: skip
    records = [
        *bench.case(model="quick", rate=5000.0, window_s=2.0, latency_s=(0.0005,) * 700, **common),
        *bench.case(model="slow", rate=0.2, window_s=500.0, latency_s=(5.0,) * 700, **common),
    ]
    judged = costs(records, bought, case)
    (candidate,) = (row for row in rows(alternatives(records, bought, [case])) if row["alternative"] == "candidate")

    assert len(judged) == 2
    for verdict, served in judged:
        assert served["usd_per_year"] > 0
        assert verdict["usd_per_year"] == served["usd_per_year"]
        assert verdict["replicas"] == served["replicas"]
        assert verdict["unit_serving_usd"] * verdict["requests_per_year"] == pytest.approx(served["usd_per_year"])
        assert served["usd_per_1k_requests"] == pytest.approx(1000 * verdict["unit_serving_usd"])
        if verdict["model"] == candidate["model"]:
            assert candidate["unit_serving_usd"] == verdict["unit_serving_usd"]


# Energy -----------------------------------------------------------------------------------------------------------


def excluding(make_price: Callable[..., Any], **more: Any) -> Pricing:
    """Return prices that do not include energy."""
    return choose(PriceBook("colocation", "", (make_price(energy="excluded", **more),)))


def test_energy_is_paid_where_the_price_does_not_include_it(
    bench: Any, pricing: Pricing, make_use_case: MakeUseCase, make_price: Callable[..., Any]
) -> None:
    """Metered: 50 W at 100 requests a second are 0.5 J each, times the building's overhead; idle power is not known."""
    case = make_use_case(needs={"quality": 0.8}, energy_usd_per_kwh=0.3)
    records = metered(bench.case(scores=GOOD))
    (included,) = rows(viability(records, pricing, [case]))
    (row,) = rows(viability(records, excluding(make_price), [case]))
    expected = 1_000_000 * 0.5 / 3.6e6 * 0.3 * 1.15

    assert row["energy_usd_per_year"] == pytest.approx(expected)
    assert row["unit_energy_usd"] == pytest.approx(expected / 1_000_000)
    assert (row["energy_kind"], included["energy_kind"]) == ("measured", None)
    assert included["energy_usd_per_year"] == 0.0
    trained = 2 * 50 * (360 + 180 + 36) / 3.6e6 * 0.3 * 1.15  # two attempts
    served = expected * sum(1.1**-year for year in (1, 2, 3))
    assert included["npv_usd"] - row["npv_usd"] == pytest.approx(served + trained)


def estimated(bench: Any, **more: Any) -> list[Any]:
    """Return records of a machine without a meter: two vCPUs and 8 GB."""
    described = {"name": "cpu", "device_name": "Bench 9000", "price_item": "CPU", "price_quantity": 2,
                 "logical_cores": 2}  # fmt: skip
    environment = {"cpu_model": "Bench 9000", "versions": {}, "hardware": described, "memory_bytes": 8e9}
    return [
        replace(record, readings={"cpu_s": record.readings["wall_s"], **unmetered(record).readings})
        for record in bench.case(scores=GOOD, fields={"environment": environment}, **more)
    ]


def unmetered(record: Any) -> Any:
    """Return a record without a reading of energy."""
    return replace(record, readings={name: read for name, read in record.readings.items() if name != "energy_j"})


def test_an_estimate_is_charged_with_its_interval_and_said_to_be_one(
    bench: Any, make_use_case: MakeUseCase, make_price: Callable[..., Any]
) -> None:
    """The band of the estimate is in the draws; an idle machine draws power, too."""
    case = make_use_case(needs={"quality": 0.8}, energy_usd_per_kwh=0.3, cost_per_error_usd=None)
    (row,) = rows(viability(estimated(bench), excluding(make_price), [case]))
    (evidence,) = gather(estimated(bench), excluding(make_price))
    business = evidence.business(read_market(case, {}))
    assert business is not None
    idle_hours = HOURS_PER_YEAR * (1 - 1_000_000 / (SECONDS * 100))
    idle_usd = idle_hours * (business.idle_watts or 0.0) / 1000 * 0.3 * 1.15

    assert row["energy_kind"] == "estimated"
    assert "The energy of a request is an estimate" in row["reasons"]
    assert business.idle_watts is not None
    assert 4 < business.idle_watts < 6  # 2 · 0.74 + 8 · 0.392 W
    assert row["energy_usd_per_year"] > idle_usd > 5
    assert business.measured["energy_j_per_request"].quantile(np.array([0.05, 0.95])).tolist() != pytest.approx(
        [business.measured["energy_j_per_request"].mean] * 2
    )
    assert row["npv_low_usd"] < row["npv_usd"] < row["npv_high_usd"]


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name, marks=[] if case.name in BY_DEFAULT else pytest.mark.slow)
        for case in CASES.values()
    ],
)
def test_the_energy_price_moves_every_net_present_value_that_it_is_part_of(
    bench: Any, pricing: Pricing, make_price: Callable[..., Any], case: UseCase
) -> None:
    """Of machines whose price excludes energy, metered and estimated, and of no other."""
    common = {"task": case.tasks[0], **({"source": f"{case.data[0]}.csv"} if case.data else {})}
    for records in (metered(bench.case(scores=GOOD, **common)), estimated(bench, **common)):
        for prices, moves in ((pricing, False), (excluding(make_price), True)):
            tables = [viability(records, prices, [case], {"energy_usd_per_kwh": usd}, draws=100) for usd in (0.1, 1e3)]
            values = [rows(table)[0]["npv_mean_usd"] for table in tables]
            assert (values[0] != values[1]) == moves
            assert values[0] >= values[1]


def trained_elsewhere(records: list[Any]) -> list[Any]:
    """Return records whose trainings were made on a machine of another kind."""

    def moved(record: Any) -> Any:
        hardware = {**record.environment["hardware"], "price_item": "GPU"}
        return replace(record, environment={**record.environment, "hardware": hardware})

    return [moved(record) if record.step in ("pretrain", "finetune") else record for record in records]


def test_the_energy_of_training_is_paid_where_its_price_leaves_it_out(
    bench: Any, make_use_case: MakeUseCase, make_price: Callable[..., Any]
) -> None:
    """Before the first request and at each retraining, at a price that does not decline; serving pays none."""
    case = make_use_case(needs={}, retrainings_per_year=2.0, hardware_decline_per_year=0.5, pretraining_uses=4.0)
    books = [
        choose(PriceBook("mixed", "", (make_price(), make_price(item="GPU", energy=energy))))
        for energy in ("included", "excluded")
    ]
    records = trained_elsewhere(metered(bench.case(scores=GOOD)))
    ((none,), (some,), (more,)) = (
        rows(viability(records, prices, [case], {"energy_usd_per_kwh": usd}, 100))
        for prices, usd in ((books[0], 1e3), (books[1], 1e3), (books[1], 3e3))
    )
    pretrain_usd, tuning_usd = (50 * seconds / 3.6e6 * 1e3 * 1.15 for seconds in (360, 180))
    upfront_usd = 2 * (pretrain_usd / 4 + tuning_usd)
    later_usd = 2 * tuning_usd * sum(1.1**-year for year in (1, 2, 3))

    assert some["upfront_usd"] - none["upfront_usd"] == pytest.approx(upfront_usd)
    assert none["npv_usd"] - some["npv_usd"] == pytest.approx(upfront_usd + later_usd)
    assert none["npv_mean_usd"] - some["npv_mean_usd"] == pytest.approx(upfront_usd + later_usd)
    assert none["npv_usd"] - more["npv_usd"] == pytest.approx(3 * (upfront_usd + later_usd))
    moved = {name for name, value in some.items() if value != none[name]}
    assert not {"energy_usd_per_year", "unit_energy_usd", "unit_cost_usd", "yearly_usd", "energy_kind"} & moved


def test_an_estimate_of_training_is_drawn_and_said_to_be_one(
    bench: Any, make_use_case: MakeUseCase, make_price: Callable[..., Any]
) -> None:
    """Its band is all processors idle to all busy; the figures' trees lead to it."""
    case = make_use_case(needs={}, energy_usd_per_kwh=1e3, cost_per_error_usd=None)
    prices = choose(PriceBook("mixed", "", (make_price(), make_price(item="GPU", energy="excluded"))))
    records = trained_elsewhere(estimated(bench))
    (row,) = rows(viability(records, prices, [case]))
    (evidence,) = gather(records, prices)
    market = read_market(case, {})
    business = evidence.business(market)
    assert business is not None
    drawn = npv_distribution(business, draw_market(market), evidence.accuracy).drawn
    figure = upfront_figure(market, evidence)
    # 2 vCPUs and 8 GB, half of the processors busy: at least 2 · 0.74, at most 2 · 3.5 W, and 3.1 W of memory.
    least, most = (2 * watts + 8 * 0.392 for watts in (0.74, 3.5))

    assert "The energy of training is an estimate" in row["reasons"]
    for name, seconds in (("pretrain_j", 360), ("tuning_j", 180)):
        assert least * seconds < drawn[name].min() < drawn[name].mean() < drawn[name].max() < most * seconds
        assert name in {part.name for part in figure.walk()}
    assert figure.value == pytest.approx(row["upfront_usd"]) == pytest.approx(business.upfront_usd(business.means)[0])
    assert row["npv_low_usd"] < row["npv_mean_usd"] < row["npv_high_usd"]


def test_energy_that_is_paid_needs_a_price_and_a_value(
    bench: Any, make_use_case: MakeUseCase, make_price: Callable[..., Any]
) -> None:
    """Neither is taken as 0."""
    read = metered(bench.case(scores=GOOD))
    unknown = [unmetered(record) for record in read]
    (unpriced,) = rows(viability(read, excluding(make_price), [make_use_case(needs={"quality": 0.8})]))
    (unread,) = rows(
        viability(unknown, excluding(make_price), [make_use_case(needs={"quality": 0.8}, energy_usd_per_kwh=0.3)])
    )

    assert unpriced["verdict"] == unread["verdict"] == "not enough evidence"
    assert "has no `energy_usd_per_kwh`" in unpriced["reasons"]
    assert "the energy was neither metered nor can it be estimated" in unread["reasons"]
    assert "that of training was neither metered nor can it be estimated" in unread["reasons"]


def test_prices_multiply_what_is_paid_and_not_energy(
    bench: Any, make_use_case: MakeUseCase, make_price: Callable[..., Any]
) -> None:
    """Twice the price of machines: twice their cost."""
    case = make_use_case(needs={"quality": 0.8}, energy_usd_per_kwh=0.3)
    once = excluding(make_price)
    ((one,), (two,)) = (rows(viability(metered(bench.case(scores=GOOD)), prices, [case]))
                        for prices in (once, replace(once, multiplier=Decimal(2))))  # fmt: skip

    assert two["usd_per_year"] == pytest.approx(2 * one["usd_per_year"])
    assert two["energy_usd_per_year"] == one["energy_usd_per_year"]


def test_break_even_with_calls_counts_the_energy_of_machines(
    bench: Any, make_use_case: MakeUseCase, make_price: Callable[..., Any]
) -> None:
    """At that volume machines, their energy and the trainings cost as much as calls."""
    tokens = {"input_tokens_per_request": 200.0, "output_tokens_per_request": 5.0}
    case = make_use_case(needs={"quality": 0.8}, energy_usd_per_kwh=3.0, retry_share=0.5, **tokens)
    records, bought = estimated(bench), excluding(make_price)
    table = rows(alternatives(records, bought, [replace(case, hosted=("openai/gpt-4.1-nano",))]))
    (hosted,) = (row for row in table if row["alternative"] == "hosted")
    monthly = hosted["first_break_even_requests_per_month"]
    (served,) = rows(serving(records, bought, [case], {"requests_per_year": 12 * monthly}))
    (judged,) = rows(viability(records, bought, [case]))
    trainings_usd = (judged["upfront_usd"] - 20_000) / 36
    assert trainings_usd > (0.015 + 0.001) * 2 / 36  # energy included

    assert served["replicas"] == hosted["machines_at_break_even"]
    assert served["energy_usd_per_year"] > 0.1 * served["usd_per_year"]
    own_usd = (served["usd_per_year"] + served["energy_usd_per_year"]) / 12 + trainings_usd
    assert monthly * hosted["unit_serving_usd"] == pytest.approx(own_usd)
