"""How much load the machines of one candidate bear, from its measured servings.

Without a latency limit a machine bears the rate that its costs are computed from (`machine_rate`): a queue of the
busiest hour is worked off later. With a limit it bears the arrivals at which 99 of 100 requests are answered in time:
the highest rate at which that was measured under load; where no load was measured, waiting is computed
(`economics.waiting`), and at most `MOST_LOAD` of the throughput counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from harness_reports.economics.waiting import MOST_LOAD, Service, answer_s, arrivals_within
from harness_reports.figures.explained import Explained
from harness_reports.measured.latency import percentile
from harness_reports.measured.load_figures import answer_rate
from harness_reports.measured.loads import rate_under
from harness_reports.measured.results import Measured, Serving
from harness_reports.measured.runs import Load
from harness_reports.prices.machine_rate import machine_rate
from harness_reports.prices.request_energy import RequestEnergy
from harness_reports.reasons import Reason

SHARE_IN_TIME = 0.99
EXACT = 8
"""Machines up to which waiting is computed for their number; each further one is taken to bear an eighth of eight."""
_ROUNDING = 1e-9
"""Relative tolerance of a peak at a machine's limit."""


@dataclass(frozen=True, eq=False)
class Capacity:
    """The load that machines bear in one way of serving: one request at a time, or in batches."""

    serving: Serving
    """Its speed and batch size were measured."""
    service: Service | None = None
    """Measured seconds of a batch by its size; None where waiting does not count."""
    limit_s: float | None = None
    """Seconds in which 99 of 100 requests have to be answered."""
    load: Load | None = None
    """The load at which each machine was measured to bear its rate; it takes the place of throughput and waiting."""
    no_load: Reason | None = None
    """Why none of the loads that were measured takes their place."""
    _bounds: list[float] = field(default_factory=list)

    @property
    def samples_per_s(self) -> float:
        """Samples per second at full load; the answers per second of a measured load."""
        speed = self.serving.samples_per_s if self.load is None else self.load.requests_per_s
        assert speed is not None  # noqa: S101 - `Measured.fastest` holds servings with a speed only
        return speed

    @cached_property
    def speed(self) -> Explained:
        """`samples_per_s` as a figure."""
        if self.load is None:
            return self.serving.speed
        within = "" if self.limit_s is None else f" at which 99 of 100 requests were answered within {self.limit_s:g} s"
        note = f"measured under load: of the valid runs {self.load.name} has the highest rate{within}"
        return replace(answer_rate(self.load), name="samples_per_s", note=note)

    @property
    def basis(self) -> Reason | None:
        """Where the rate that a machine bears comes from; None where no load was measured."""
        if self.load is not None:
            kind = "rate under load" if self.load.open_loop else "rate in closed loop"
            return Reason(kind, {"run": self.load.name, "per_s": self.samples_per_s})
        return None if self.no_load is None else Reason("rate computed", {"why": [self.no_load]})

    @property
    def rate_draws(self) -> np.ndarray | None:
        """Draws of `samples_per_s`; None of a measured load: machines were seen to bear it, not how much more."""
        return self.serving.rate_draws if self.load is None else None

    @cached_property
    def energy(self) -> RequestEnergy:
        """The energy of a request."""
        return RequestEnergy(self.serving.leaves)

    def bound(self, machines: int) -> float:
        """Return the highest arrivals per second that a number of machines bears."""
        if self.service is None or self.limit_s is None:
            return machines * self.samples_per_s  # arrivals are shared out among machines: each bears its own
        if machines > EXACT:
            return machines / EXACT * self.bound(EXACT)
        while len(self._bounds) < machines:
            count = len(self._bounds) + 1
            in_time = arrivals_within(self.service, count, self.limit_s, SHARE_IN_TIME)
            # Between two measured batches passes time that is in the throughput alone.
            self._bounds.append(min(in_time, MOST_LOAD * count * self.samples_per_s))
        return self._bounds[machines - 1]

    def per_machine(self) -> float:
        """Return the highest arrivals per second for each of many machines."""
        return self.bound(EXACT) / EXACT

    def machines(self, peak_per_s: np.ndarray) -> np.ndarray:
        """Return the fewest machines that bear each peak, at least one; shape (1,) where one bears them all."""
        peak, bounds = np.asarray(peak_per_s) * (1 - _ROUNDING), [self.bound(1)]
        if peak.max() <= bounds[0]:
            return np.ones(1)
        while bounds[-1] < peak.max() and len(bounds) < EXACT:
            bounds.append(self.bound(len(bounds) + 1))
        many = np.ceil(peak / (bounds[-1] / len(bounds)))
        return np.where(peak <= bounds[-1], np.searchsorted(bounds, peak) + 1, many)

    def answer_s(self, peak_per_s: float, machines: int) -> float | None:
        """Return the 99th percentile of the time to an answer at a peak; None where waiting does not count.

        Of a measured load it is that of the load, which is no lower than the peak of a machine.
        """
        if self.load is not None:
            return percentile(self.load.seconds("latency_s"), SHARE_IN_TIME)
        if self.service is None:
            return None
        return answer_s(self.service, peak_per_s, machines, SHARE_IN_TIME)


def capacities(measured: Measured, limit_s: float | None) -> list[Capacity]:
    """Return the ways in which a candidate may be served within a latency limit, one request at a time first.

    A load that was measured within the limit is the only way. Else, if none meets the limit, that of single requests by
    throughput alone: needs are judged apart from costs. Empty if single requests were not measured, or nothing was.
    Without a limit the only way is that of the costs, and single requests where that was not measured.
    """
    under_load, why = _under_load(measured, limit_s)
    if under_load:
        return under_load
    if limit_s is None:
        return [Capacity(serving) for serving in _by_throughput(measured)][:1]
    ways = [Capacity(serving, service, limit_s, no_load=why) for serving, service in _services(measured, limit_s)]
    if ways and ways[0].bound(1):
        return ways
    single = measured.fastest.get("SingleStream")
    return [way for way in ways[1:] if way.bound(1)] or ([Capacity(single)] if single else [])


def unserved(measured: Measured, limit_s: float | None) -> Reason | None:
    """Return why the loads of a candidate give no rate within a limit; None where they do, or there is no load."""
    return _under_load(measured, limit_s)[1]


Need = Callable[[Capacity, np.ndarray], np.ndarray]
"""What a way of serving takes at each peak: anything that its cost is proportional to."""


def cheapest(ways: Sequence[Capacity], peak_per_s: np.ndarray, need: Need) -> tuple[np.ndarray, np.ndarray]:
    """Return the place of the way that serves each peak, and what it takes; shape (1,) where all peaks have the same.

    One request at a time where one machine bears the peak so: batches form only where requests wait. Above that the way
    that takes least; of equals the first. Batches are simulated only where they could take less.

    Args:
        ways: the first bears some load.
        peak_per_s: arrivals per second in the busiest hour.
        need: it grows with the peak, and falls with what a machine bears.
    """
    place, least = np.zeros(1, dtype=int), need(ways[0], peak_per_s)
    waiting = peak_per_s * (1 - _ROUNDING) > ways[0].bound(1)
    for number, other in enumerate(ways[1:], 1):
        at_best = need(Capacity(other.serving), peak_per_s)  # by throughput alone
        if not (waiting & (at_best < least)).any() or not other.bound(1):
            continue
        needed = need(other, peak_per_s)
        less = waiting & (needed < least)
        place, least = np.where(less, number, place), np.where(less, needed, least)
    return place, least


def most_per_s(ways: Sequence[Capacity], machines: int) -> float:
    """Return the highest arrivals per second that a number of machines bears in any of the ways."""
    most = ways[0].bound(machines)
    for other in ways[1:]:
        if machines * other.samples_per_s > most:
            most = max(most, other.bound(machines))
    return most


def _under_load(measured: Measured, limit_s: float | None) -> tuple[list[Capacity], Reason | None]:
    """Return the way of the highest valid rate that was measured within the limit; else why a load gives none."""
    servings = [serving for serving in measured.servings if serving.loads]
    if not servings:
        return [], None
    rate = machine_rate(measured) if limit_s is None else rate_under(measured, limit_s, SHARE_IN_TIME)
    if rate.load is None:
        return [], rate.why_not
    serving = next(serving for serving in servings if rate.load in serving.loads)
    return [Capacity(serving, limit_s=limit_s, load=rate.load)], None


def _by_throughput(measured: Measured) -> list[Serving]:
    """Return the fastest serving in batches, then that of single requests."""
    servings = (measured.fastest.get(scenario) for scenario in ("Offline", "SingleStream"))
    return [serving for serving in servings if serving is not None]


def _services(measured: Measured, limit_s: float) -> Iterator[tuple[Serving, Service]]:
    """Yield one request at a time, then batches up to the fastest size that itself takes no longer than the limit."""
    single = measured.fastest.get("SingleStream")
    if single is None or not _seconds(single).size:
        return
    yield single, Service((1,), (_seconds(single),))
    batches = [serving for serving in measured.servings
               if serving.scenario == "Offline" and serving.samples_per_s and _slow_s(serving) <= limit_s]  # fmt: skip
    if batches:
        best = max(batches, key=lambda serving: serving.samples_per_s or 0.0)
        sizes = {serving.batch_size: _seconds(serving) for serving in batches
                 if serving.batch_size <= best.batch_size} | {1: _seconds(single)}  # fmt: skip
        ascending = tuple(sorted(sizes))
        yield best, Service(ascending, tuple(sizes[size] for size in ascending))


def _seconds(serving: Serving) -> np.ndarray:
    return np.array([second for leaf in serving.leaves for second in leaf.series.get("latency_s", [])], dtype=float)


def _slow_s(serving: Serving) -> float:
    """Return the 99th percentile of batch times; the slowest if too few were measured."""
    seconds = _seconds(serving).tolist()
    return percentile(seconds, SHARE_IN_TIME) or max(seconds, default=np.inf)
