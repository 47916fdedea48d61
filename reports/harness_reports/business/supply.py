"""What serving the requests of a year costs, by the way of buying.

- `machines`: whole machines, as many as the busiest hour needs, paid every hour;
- `shared`: the same machines by the part that is needed, where other use cases pay for the rest;
- `elastic`: paid per second of use, down to none;
- calls of a hosted model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from harness_reports.business.capacity import Capacity
from harness_reports.figures.formula import evaluate

Drawn = Mapping[str, np.ndarray]
"""Input → draws, shape (draws,), or (1,) if the input is certain."""
HOURS_PER_YEAR = 8766
"""Of a mean year, leap years included."""
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


class Supply(Protocol):
    """A way of serving requests."""

    def year(self, requests: np.ndarray, drawn: Drawn) -> YearOfServing:
        """Return what serving a year's requests takes."""
        ...


@dataclass(frozen=True)
class Machines:
    """Machines that are paid every hour, idle or not."""

    capacity: Capacity
    usd_per_hour: float
    whole: bool = True
    """Whether a part of a machine is paid as a whole one; False: other use cases pay for the rest."""

    def year(self, requests: np.ndarray, drawn: Drawn) -> YearOfServing:
        """Return the cost and the idle hours of the machines."""
        mean = evaluate(PER_SECOND, {**drawn, "requests_per_year": requests})
        # A draw of a lower speed bears less in proportion.
        peak = evaluate(PEAK, {**drawn, "requests_per_s": mean}) * self.capacity.samples_per_s / drawn["samples_per_s"]
        replicas = self.replicas(peak)
        used = {"requests_per_s": mean, "replicas": replicas, "samples_per_s": drawn["samples_per_s"]}
        idle = {"replicas": replicas, "utilisation": evaluate(UTILISATION, used)}
        usd = evaluate(MACHINES, {"usd_per_hour": self.usd_per_hour, "replicas": replicas})
        return YearOfServing(np.asarray(usd), np.maximum(0, evaluate(IDLE_HOURS, idle)))

    def replicas(self, peak_per_s: np.ndarray) -> np.ndarray:
        """Return the machines that a peak needs at the measured speed."""
        if self.whole:
            return self.capacity.machines(peak_per_s)
        most = self.capacity.per_machine()
        return np.asarray(evaluate(SHARE, {"peak_per_s": peak_per_s, "peak_per_machine": most}))


@dataclass(frozen=True)
class Elastic:
    """Machines that are paid per second of use."""

    capacity: Capacity
    usd_per_hour: float
    utilisation: float
    """Share of the paid time in which they answer."""

    def year(self, requests: np.ndarray, drawn: Drawn) -> YearOfServing:
        """Return the cost of the seconds."""
        price = {"usd_per_hour": self.usd_per_hour, "utilisation": self.utilisation}
        return YearOfServing(evaluate(ELASTIC, {**drawn, **price, "requests_per_year": requests}), np.zeros(1))


@dataclass(frozen=True)
class Calls:
    """Calls of a hosted model; their price is the input `usd_per_call`."""

    def year(self, requests: np.ndarray, drawn: Drawn) -> YearOfServing:
        """Return the cost of the calls."""
        return YearOfServing(evaluate(CALLS, {**drawn, "requests_per_year": requests}), np.zeros(1))
