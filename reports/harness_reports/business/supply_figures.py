"""The figures of serving a use case's demand for a year: load, machines, cost, energy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from harness.records import Record
from harness_reports.business.business import ENERGY, Business
from harness_reports.business.capacity import Capacity
from harness_reports.business.market import Market
from harness_reports.business.market_figures import figure
from harness_reports.business.supply import (
    CALLS,
    ELASTIC,
    IDLE_HOURS,
    MACHINES,
    PEAK,
    PER_SECOND,
    SHARE,
    UTILISATION,
    Calls,
    Elastic,
    Machines,
    Supply,
)
from harness_reports.cells import share
from harness_reports.economics.waiting import MOST_LOAD
from harness_reports.figures.explained import Explained, derived, named
from harness_reports.measured import readings as leaf
from harness_reports.prices.request_energy import idle_watts

USD = "USD"
YEARLY = "usd_per_year"


def demand_figures(market: Market, requests: Explained) -> dict[str, Explained]:
    """Return the load of a year's requests: `requests_per_s` over the year, `peak_per_s` in the busiest hour."""
    yearly, factor = named(requests, "requests_per_year"), figure(market, "peak_factor")
    mean = derived("requests_per_s", "1/s", PER_SECOND, yearly, figure(market, "retry_share"))
    peak = derived("peak_per_s", "1/s", PEAK, mean, factor)
    return {each.name: each for each in (yearly, factor, mean, peak)}


def supply_figures(
    market: Market, business: Business, priced: Mapping[str, Explained], requests: Explained
) -> dict[str, Explained]:
    """Return the figures of a year of serving.

    Args:
        market: the use case's figures.
        business: the use case with one candidate, or hosted model.
        priced: `usd_per_hour`, `utilisation` and `pue` of machines, `usd_per_call` of calls.
        requests: of the year.
    """
    demand = demand_figures(market, requests)
    served = {each.name: each for each in _served(market, business.supply, priced, demand)}
    return demand | served | {each.name: each for each in _energy(market, business, priced, {**demand, **served})}


def _served(
    market: Market, supply: Supply, priced: Mapping[str, Explained], demand: Mapping[str, Explained]
) -> Iterator[Explained]:
    requests, retries = demand["requests_per_year"], figure(market, "retry_share")
    if isinstance(supply, Calls):
        yield priced["usd_per_call"]
        yield derived(YEARLY, USD, CALLS, priced["usd_per_call"], requests, retries)
    elif isinstance(supply, Elastic):
        speed = supply.at(demand["peak_per_s"].value).speed
        hour, used = priced["usd_per_hour"], priced["utilisation"]
        yield from (hour, speed, used)
        yield derived(YEARLY, USD, ELASTIC, hour, speed, used, requests, retries, note="paid per second of use")
    elif isinstance(supply, Machines):
        yield from _machines(supply, priced["usd_per_hour"], demand)


def _machines(supply: Machines, hour: Explained, demand: Mapping[str, Explained]) -> Iterator[Explained]:
    peak = demand["peak_per_s"]
    capacity = supply.at(peak.value)
    speed, replicas = capacity.speed, _replicas(supply, capacity, peak)
    note = "every hour is paid, idle or not" if supply.whole else "other use cases pay for the rest of the machines"
    used = derived("utilisation", "", UTILISATION, demand["requests_per_s"], replicas, speed)
    yield from (hour, speed, replicas, used)
    yield derived(YEARLY, USD, MACHINES, hour, replicas, note=note)
    yield derived("idle_hours", "h", IDLE_HOURS, replicas, used)


def _replicas(supply: Machines, capacity: Capacity, peak: Explained) -> Explained:
    if not supply.whole:
        most = Explained("peak_per_machine", capacity.per_machine(), "1/s", note=_bound(capacity),
                         inputs=(capacity.speed, *service_figures(capacity)))  # fmt: skip
        return derived("replicas", "", SHARE, peak, most)
    number = float(capacity.machines(np.array([peak.value]))[0])
    note = f"the fewest whole machines that answer peak_per_s: {_bound(capacity)}"
    return Explained("replicas", int(number), note=note,
                     inputs=(peak, capacity.speed, *service_figures(capacity)))  # fmt: skip


def service_figures(capacity: Capacity) -> Iterator[Explained]:
    """Yield the measured times that waiting is computed from, by batch size; none where waiting does not count."""
    service = capacity.service
    for size, seconds in zip(service.sizes, service.seconds, strict=True) if service else ():
        slow = float(np.quantile(seconds, 0.99, method="inverted_cdf"))
        note = f"mean of {seconds.size:,} batches of {size}; 99 of 100 take at most {slow:.3g} s"
        yield Explained("service_s", float(seconds.mean()), "s", note=note, kind="measured",
                        source=f"latency_s of the servings of this candidate in batches of {size}")  # fmt: skip


def _bound(capacity: Capacity) -> str:
    if capacity.load is not None:
        return "each bears the rate that was measured under load"
    if capacity.limit_s is None:
        return "each serves samples_per_s; waiting does not count"
    return (
        f"99 of 100 requests are answered within {capacity.limit_s:g} s, waiting included, at no more than "
        f"{share(MOST_LOAD)} of what the machines can serve"
    )


def answer_figure(supply: Machines, peak: Explained, replicas: Explained) -> Explained:
    """Return the 99th percentile of the time to an answer in the busiest hour; batches are simulated for it."""
    capacity = supply.at(peak.value)
    if capacity.load is not None:
        source = "; ".join(f"run {run.name} of {leaf.who(run.record)}" for run in capacity.load.runs)
        note = "99th percentile under load, at no lower rate than that of a machine in the busiest hour"
        return Explained("answer_s", capacity.answer_s(0.0, 1), "s", note=note, source=source, kind="measured")
    if capacity.service is None:
        return Explained("answer_s", None, "s", note="without a latency limit waiting does not count")
    source = "; ".join(f"latency_s of {leaf.who(each)}" for each in capacity.serving.leaves)
    value = capacity.answer_s(peak.value, max(1, int(replicas.value)))
    return Explained(
        "answer_s",
        value,
        "s",
        source=source,
        kind="estimated",
        inputs=(peak, replicas),
        note="99th percentile in the busiest hour: waiting for a machine, and the measured time of a batch",
    )


def _energy(
    market: Market, business: Business, priced: Mapping[str, Explained], served: Mapping[str, Explained]
) -> Iterator[Explained]:
    name = "energy_usd_per_year"
    if isinstance(business.supply, Calls):
        yield Explained(name, 0.0, USD, note="included in the price of calls")
        return
    if not business.pays_energy:
        yield Explained(name, 0.0, USD, note="included in the machine's price")
        return
    assert isinstance(business.supply, Machines | Elastic)  # noqa: S101 - there are no other ways
    capacity = business.supply.at(served["peak_per_s"].value)
    yield derived(
        name, USD, ENERGY, served["requests_per_year"], figure(market, "retry_share"), capacity.energy.figure,
        served.get("idle_hours", Explained("idle_hours", 0.0, "h", note="idle machines are the provider's")),
        idle_power(capacity.serving.leaves[0]), priced["pue"], figure(market, "energy_usd_per_kwh"),
    )  # fmt: skip


def idle_power(record: Record) -> Explained:
    """Return the power of an idle machine; 0 with a note where it is not known."""
    power = named(idle_watts(record), "idle_watts")
    return power if power.value is not None else replace(power, value=0.0, note=f"left out: {power.note}")
