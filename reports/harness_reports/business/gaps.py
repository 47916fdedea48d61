"""What is missing for a verdict on a candidate, and what is uncertain of its evidence."""

from __future__ import annotations

import math
from collections.abc import Iterator

from harness_reports.business.capacity import Capacity, unserved
from harness_reports.business.evidence import Evidence, peak_per_s
from harness_reports.business.market import Market
from harness_reports.measured.judgement import MINIMUM_ITEMS, MINIMUM_WINDOW_S, window_s
from harness_reports.measured.latency import LatencyObjective
from harness_reports.prices.cost_figures import named_note
from harness_reports.prices.request_energy import idle_caveat
from harness_reports.prices.usage import Bill
from harness_reports.reasons import Reason


def gaps(evidence: Evidence, market: Market, objective: LatencyObjective | None) -> Iterator[Reason]:
    """Yield what is missing for a verdict."""
    accuracy, cost, capacity = evidence.accuracy, evidence.cost, evidence.capacity(market)
    if evidence.not_graded is not None:
        yield evidence.not_graded
    elif not math.isfinite(accuracy["value"]):
        yield Reason("quality not finite")
    if accuracy["items"] < MINIMUM_ITEMS:
        yield Reason("few items", {"items": accuracy["items"], "needed": MINIMUM_ITEMS})
    if evidence.bill is not None:
        yield from _of_calls(evidence, evidence.bill, market)
    else:
        yield from _of_serving(evidence, market, capacity)
    if market.numbers["cost_per_error_usd"] and evidence.ceiling() is None:
        yield Reason("no ceiling", {"metric": accuracy["metric"]})
    if cost["train_usd"] is None:
        yield Reason("training missing")
    elif cost["evaluate_usd"] is None:
        yield from _of_evaluation(evidence)
    if objective is not None and objective.met == "unknown":
        yield Reason("few queries", {"needed": objective.needed})
    yield from _of_energy(evidence, market, capacity)


def _of_evaluation(evidence: Evidence) -> Iterator[Reason]:
    """Yield why the cost of an evaluation is not known; of calls the gap of their bill says it."""
    judges = {judging.judge.key.model for judging in evidence.measured.judgings}
    if judges and all(part.value is not None for part in evidence.figures["evaluate_usd"].inputs[:1]):
        yield Reason("judge without a price", {"judge": ", ".join(sorted(judges))})
    elif evidence.bill is None:
        yield Reason("evaluation seconds missing")


def _of_calls(evidence: Evidence, bill: Bill, market: Market) -> Iterator[Reason]:
    if bill.gap:
        yield bill.gap
    if market.latency_s is not None and not evidence.latencies_s(market):
        yield Reason("call latency not measured")


def _of_serving(evidence: Evidence, market: Market, capacity: Capacity | None) -> Iterator[Reason]:
    load, scenario = capacity and capacity.load, evidence.scenario(market)
    if load is None and scenario not in evidence.measured.fastest:
        yield unserved(evidence.measured, market.latency_s) or Reason("serving not measured", {"scenario": scenario})
    elif any(seconds < MINIMUM_WINDOW_S for seconds in _windows_s(capacity)):
        yield Reason("short window", {"scenario": load.name if load else scenario, "seconds": MINIMUM_WINDOW_S})


def _windows_s(capacity: Capacity | None) -> list[float]:
    """Return the seconds in which the speed of a way of serving was measured."""
    if capacity is None:
        return []
    if capacity.load is not None:
        return [run.whole.seconds for run in capacity.load.runs if run.whole]
    return [window_s(record) or 0.0 for record in capacity.serving.leaves]


def _of_energy(evidence: Evidence, market: Market, capacity: Capacity | None) -> Iterator[Reason]:
    served = capacity.energy if capacity and evidence.pays_energy else None
    if served:
        yield from filter(None, [served.gap])
    trained = None not in (evidence.cost["train_usd"], evidence.cost["evaluate_usd"])  # else that is the gap
    if evidence.training_energy and trained:
        yield from evidence.training_energy.gaps
    if served or evidence.training_energy:
        yield from filter(None, [_price_of_energy(market)])


def _price_of_energy(market: Market) -> Reason | None:
    """Return that energy, which is paid, has no price; None if it has one."""
    name = "energy_usd_per_kwh"
    given = name in market.use_case.market or name in market.overrides
    return None if given else Reason("energy without a price")


def caveats(evidence: Evidence, market: Market) -> Iterator[Reason]:
    """Yield what is uncertain of the evidence, and counts all the same."""
    if evidence.bill is not None:
        yield from _caveats_of_calls(evidence, evidence.bill, market)
    yield from filter(None, [named_note(evidence.measured, evidence.pricing)])
    capacity = evidence.capacity(market)
    if capacity and capacity.load and not capacity.load.open_loop:
        yield from filter(None, [capacity.basis])
    if capacity and evidence.pays_energy:
        idle = idle_caveat(evidence.measured.machine) if evidence.buying != "elastic" else None
        yield from filter(None, (capacity.energy.caveat, idle))
    if evidence.training_energy:
        yield from evidence.training_energy.caveats


def _caveats_of_calls(evidence: Evidence, bill: Bill, market: Market) -> Iterator[Reason]:
    if not bill.gap:
        yield from bill.caveats
    latency, peak = evidence.call_latency(market), peak_per_s(market)
    if market.latency_s is None or latency is None:
        return
    if latency.in_flight is not None:
        yield Reason("latency of an evaluation", {"in_flight": latency.in_flight, "peak": peak})
    elif latency.per_s is not None and latency.per_s < peak:
        yield Reason("latency of a lower rate", {"per_s": latency.per_s, "peak": peak})
