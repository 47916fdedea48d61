"""What serving the requests of a year costs, by the way of buying.

- `machines`: whole machines, as many as the busiest hour needs, paid every hour;
- `shared`: the same machines by the part that is needed, where other use cases pay for the rest;
- `elastic`: paid per second of use, down to none;
- calls of a hosted or a served model.

Requests are served one at a time or in batches: in the cheaper way at each demand, so at each draw and in each year.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, NamedTuple, Protocol, Self

import numpy as np

from harness_reports.business.capacity import Capacity, cheapest
from harness_reports.figures.formula import evaluate

Drawn = Mapping[str, np.ndarray]
"""Input → draws, shape (draws,), or (1,) if the input is certain."""
HOURS_PER_YEAR = 8766
"""Of a mean year, leap years included."""
MACHINES_DECLINE, CALLS_DECLINE = "hardware_decline_per_year", "api_price_decline_per_year"
"""Figures of the yearly decline of the price of machines, and of calls."""
# Formulas in the form of `figures.formula`; `harness explain` shows them.
PER_SECOND = f"requests_per_year * (1 + retry_share) / ({HOURS_PER_YEAR} * 3600)"
PEAK = "requests_per_s * peak_factor"
MACHINES = f"usd_per_hour * replicas * {HOURS_PER_YEAR}"
SHARE = "peak_per_s / peak_per_machine"
ELASTIC = "usd_per_hour / (samples_per_s * 3600 * utilisation) * requests_per_year * (1 + retry_share)"
CALLS = "usd_per_call * requests_per_year * (1 + retry_share)"
UTILISATION = "requests_per_s / (replicas * samples_per_s)"
IDLE_HOURS = f"replicas * {HOURS_PER_YEAR} * (1 - utilisation)"


class YearOfServing(NamedTuple):
    """What a year of serving takes, by draw."""

    usd: np.ndarray
    """At the first year's prices, retries included, energy only where it is included in the price."""
    idle_hours: np.ndarray
    """Hours in which a machine is paid and does not answer."""
    energy_ratio: np.ndarray
    """Energy of a request in the way that serves it, over that in the usual one."""


class Supply(Protocol):
    """A way of serving requests."""

    @property
    def decline(self) -> str:
        """The figure of the yearly decline of its price."""
        ...

    @property
    def rises(self) -> bool:
        """Whether more requests never cost less: not where batches, which form above some load, take less of each."""
        ...

    def year(self, requests: np.ndarray, drawn: Drawn) -> YearOfServing:
        """Return what serving a year's requests takes."""
        ...

    def between(self) -> tuple[Supply, Supply]:
        """Return supplies of which one costs no less than this one, and one no more; neither simulates batches."""
        ...


class _Load(NamedTuple):
    """Arrivals, by draw."""

    mean_per_s: np.ndarray
    peak_per_s: np.ndarray
    """In the busiest hour, on machines of the measured speed: those of a slower draw bear less in proportion."""
    speed: np.ndarray
    """Speed of a draw over the measured one, the same in all ways of serving."""


@dataclass(frozen=True, eq=False)
class _OwnMachines(ABC):
    """Machines of one kind, and the ways in which they may serve."""

    ways: Sequence[Capacity]
    usual_per_s: float
    """Peak of the use case; measured inputs, such as `samples_per_s`, are of the way that serves it."""
    usd_per_hour: float
    decline: ClassVar[str] = MACHINES_DECLINE

    @abstractmethod
    def need(self, way: Capacity, peak_per_s: np.ndarray) -> np.ndarray:
        """Return what each peak takes in one way of serving: its cost is proportional to that."""

    @cached_property
    def usual(self) -> Capacity:
        """The way that serves the use case's peak."""
        return self.at(self.usual_per_s)

    def at(self, peak_per_s: float) -> Capacity:
        """Return the way that serves a peak."""
        place, _ = cheapest(self.ways, np.array([peak_per_s]), self.need)
        return self.ways[int(place[0])]

    def between(self) -> tuple[Self, Self]:
        """Return supplies of which one costs no less than this one, and one no more; neither simulates batches."""
        single, *others = self.ways
        by_throughput = [Capacity(way.serving) for way in others]
        return replace(self, ways=[single]), replace(self, ways=[single, *by_throughput])

    def _load(self, requests: np.ndarray, drawn: Drawn) -> _Load:
        mean = evaluate(PER_SECOND, {**drawn, "requests_per_year": requests})
        speed = drawn["samples_per_s"] / self.usual.samples_per_s
        return _Load(mean, evaluate(PEAK, {**drawn, "requests_per_s": mean}) / speed, speed)

    def _samples_per_s(self, place: np.ndarray, load: _Load) -> np.ndarray:
        return np.asarray(np.array([way.samples_per_s for way in self.ways])[place] * load.speed)

    def _energy_ratio(self, place: np.ndarray, drawn: Drawn) -> np.ndarray:
        if "energy_j_per_request" not in drawn:
            return np.ones(1)
        usual, ratios = self.usual.energy.distribution, np.ones(len(self.ways))
        for number, way in enumerate(self.ways):
            energy = way.energy.distribution
            # A way that was neither metered nor can be estimated is taken to need as much as the usual one.
            if energy is not None and usual is not None and usual.mean:
                ratios[number] = energy.mean / usual.mean
        return np.asarray(ratios[place])


@dataclass(frozen=True, eq=False)
class Machines(_OwnMachines):
    """Machines that are paid every hour, idle or not."""

    whole: bool = True
    """Whether a part of a machine is paid as a whole one; False: other use cases pay for the rest."""

    @property
    def rises(self) -> bool:
        """Whether machines come whole, or there is one way of serving."""
        return self.whole or len(self.ways) == 1

    def need(self, way: Capacity, peak_per_s: np.ndarray) -> np.ndarray:
        """Return the machines that each peak needs at the measured speed."""
        if self.whole:
            return way.machines(peak_per_s)
        return np.asarray(evaluate(SHARE, {"peak_per_s": peak_per_s, "peak_per_machine": way.per_machine()}))

    def year(self, requests: np.ndarray, drawn: Drawn) -> YearOfServing:
        """Return the cost and the idle hours of the machines."""
        load = self._load(requests, drawn)
        place, replicas = cheapest(self.ways, load.peak_per_s, self.need)
        speed = self._samples_per_s(place, load)
        used = {"requests_per_s": load.mean_per_s, "replicas": replicas, "samples_per_s": speed}
        idle = {"replicas": replicas, "utilisation": evaluate(UTILISATION, used)}
        usd = evaluate(MACHINES, {"usd_per_hour": self.usd_per_hour, "replicas": replicas})
        idle_hours = np.maximum(0, evaluate(IDLE_HOURS, idle))
        return YearOfServing(np.asarray(usd), idle_hours, self._energy_ratio(place, drawn))


@dataclass(frozen=True, eq=False)
class Elastic(_OwnMachines):
    """Machines that are paid per second of use."""

    utilisation: float
    """Share of the paid time in which they answer."""

    @property
    def rises(self) -> bool:
        """Whether there is one way of serving."""
        return len(self.ways) == 1

    def need(self, way: Capacity, peak_per_s: np.ndarray) -> np.ndarray:  # noqa: ARG002 - no number of machines is paid
        """Return the seconds of a request, whatever the peak."""
        return np.full(1, 1 / way.samples_per_s)

    def year(self, requests: np.ndarray, drawn: Drawn) -> YearOfServing:
        """Return the cost of the seconds."""
        load = self._load(requests, drawn)
        place, _ = cheapest(self.ways, load.peak_per_s, self.need)
        price = {"usd_per_hour": self.usd_per_hour, "utilisation": self.utilisation}
        of_way = {"samples_per_s": self._samples_per_s(place, load), "requests_per_year": requests}
        usd = evaluate(ELASTIC, {**drawn, **price, **of_way})
        return YearOfServing(usd, np.zeros(1), self._energy_ratio(place, drawn))


@dataclass(frozen=True)
class Calls:
    """Calls of a hosted or a served model; their price is the input `usd_per_call`."""

    decline: ClassVar[str] = CALLS_DECLINE
    rises: ClassVar[bool] = True

    def year(self, requests: np.ndarray, drawn: Drawn) -> YearOfServing:
        """Return the cost of the calls."""
        usd = evaluate(CALLS, {**drawn, "requests_per_year": requests})
        return YearOfServing(usd, np.zeros(1), np.ones(1))

    def between(self) -> tuple[Supply, Supply]:
        """Return itself twice: there is one way of serving."""
        return self, self
