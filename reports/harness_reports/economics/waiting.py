"""How long requests wait for machines, and how many requests machines can take within a limit.

Requests arrive at random (Poisson) and wait in one queue, first come, first served. A free machine takes at once all
that wait, up to the largest batch. One request at a time is the queue M/G/c, for which `single_queue` has a formula;
batches are simulated by `batch_queue`. Both are within 10 % of long simulations up to a load of `MOST_LOAD`; above, the
wait of batches is extrapolated in proportion to 1 / (1 - load).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from harness.errors import FactError
from harness_reports.economics.batch_queue import simulated_answers_s
from harness_reports.economics.checks import at_least, between, whole
from harness_reports.economics.queueing import saturated
from harness_reports.economics.single_queue import SingleQueue

MOST_LOAD = 0.9
"""Share of what machines can serve that is planned with at most."""
_TIMES = 550
"""Equally likely times that stand for the measured ones of a batch size; no usual share falls between two."""
_SIMULATED = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
"""Numbers of machines. More than the last do not wait longer at the same load."""
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Service:
    """How long one machine takes for a batch of each measured size.

    Raises:
        FactError: no size, sizes that do not ascend from 1 or more, or a size without finite times above 0.
    """

    sizes: tuple[int, ...]
    """Ascending. A batch between two sizes takes times between theirs; one below the smallest is padded to it."""
    seconds: tuple[np.ndarray, ...]
    """Measured seconds of batches of each size."""

    def __post_init__(self) -> None:
        """Check the sizes and times."""
        if not self.sizes or list(self.sizes) != sorted({whole("sizes", size) for size in self.sizes}):
            raise FactError(f"sizes are {self.sizes}. Give ascending whole numbers from 1.")
        if len(self.seconds) != len(self.sizes):
            raise FactError(f"seconds are of {len(self.seconds)} sizes. Give those of {len(self.sizes)}.")
        for size, times in zip(self.sizes, self.seconds, strict=True):
            if not (times.size and np.isfinite(times).all() and (times > 0).all()):
                raise FactError(f"seconds of batches of {size} are missing, infinite or not above 0.")

    def most_per_s(self, machines: int) -> float:
        """Return the requests per second that machines can serve: the largest batches without a pause."""
        return machines * self.sizes[-1] / float(self.seconds[-1].mean())


def answer_s(service: Service, arrivals_per_s: float, machines: int, share: float = 0.99) -> float:
    """Return the seconds in which a share of requests is answered: wait and service; inf if the queue grows for ever.

    Args:
        service: measured times of one machine.
        arrivals_per_s: mean rate.
        machines: machines that share the queue.
        share: above 0 and below 1.

    Raises:
        FactError: a negative rate, not a whole number of machines from 1, or a share that is not between 0 and 1.
    """
    load = at_least("arrivals_per_s", arrivals_per_s) / service.most_per_s(whole("machines", machines))
    between("share", share)
    if saturated(load, 1):
        return float("inf")
    if service.sizes[-1] == 1:
        return SingleQueue(service.seconds[0], machines, share).answer_s(arrivals_per_s)
    return _Batches.of(service, share).answer_s(load, machines)


def arrivals_within(service: Service, machines: int, limit_s: float, share: float = 0.99) -> float:
    """Return the highest rate of arrivals per second at which a share of requests is answered in time; 0 if none.

    Args:
        service: measured times of one machine.
        machines: machines that share the queue.
        limit_s: seconds from arrival to answer.
        share: above 0 and below 1.

    Returns:
        At most `MOST_LOAD` of what the machines can serve.

    Raises:
        FactError: a negative limit, not a whole number of machines from 1, or a share that is not between 0 and 1.
    """
    most_per_s = MOST_LOAD * service.most_per_s(whole("machines", machines))
    at_least("limit_s", limit_s)
    between("share", share)
    if service.sizes[-1] == 1:
        return SingleQueue(service.seconds[0], machines, share).arrivals_within(limit_s, most_per_s)
    return most_per_s * _Batches.of(service, share).load_within(limit_s, machines) / MOST_LOAD


@dataclass(frozen=True)
class _Batches:
    """A queue of batches; hashable, so that its simulations are kept."""

    sizes: tuple[int, ...]
    times_s: bytes
    """Size × `_TIMES`."""
    share: float

    @classmethod
    def of(cls, service: Service, share: float) -> _Batches:
        at = (np.arange(_TIMES) + 0.5) / _TIMES
        times_s = np.array([np.quantile(times, at, method="inverted_cdf") for times in service.seconds])
        return cls(service.sizes, times_s.tobytes(), share)

    def answer_s(self, load: float, machines: int) -> float:
        """Return the share's quantile; between simulated numbers of machines, on a line over their logarithms."""
        some = min(machines, _SIMULATED[-1])
        place = bisect_left(_SIMULATED, some)
        answer = _on_curve(self, _SIMULATED[place], load)
        if _SIMULATED[place] == some:
            return answer
        few, many = _SIMULATED[place - 1 : place + 1]
        more = math.log(some / few) / math.log(many / few)
        return float(_on_curve(self, few, load) ** (1 - more) * answer**more)

    def load_within(self, limit_s: float, machines: int) -> float:
        """Return the highest load, at most `MOST_LOAD`, at which the limit is met, by bisection; 0 if none."""
        limit_s *= 1 + _ROUNDING
        if self.answer_s(MOST_LOAD, machines) <= limit_s:
            return MOST_LOAD
        low, high = 0.0, MOST_LOAD
        while high - low > _ROUNDING:
            middle = (low + high) / 2
            low, high = (middle, high) if self.answer_s(middle, machines) <= limit_s else (low, middle)
        return low if low > _ROUNDING else 0.0


def _on_curve(queue: _Batches, machines: int, load: float) -> float:
    """Return the answer time at a load: times 1 - load it is close to a line."""
    loads, answers_s = _curve(queue, machines)
    return float(np.interp(load, loads, answers_s * (1 - loads)) / (1 - load))


@lru_cache(maxsize=512)
def _curve(queue: _Batches, machines: int) -> tuple[np.ndarray, np.ndarray]:
    """Return loads from 0, and the answer time at each, which falls with no load and rises with no machine."""
    measured = np.frombuffer(queue.times_s).reshape(len(queue.sizes), _TIMES)
    largest = queue.sizes[-1]
    times_s = np.array([np.interp(range(1, largest + 1), queue.sizes, column) for column in measured.T]).T
    # At the least load one machine is busy for a two-hundredth of the time, with single requests.
    least = min(0.05, times_s[-1].mean() / times_s[0].mean() / largest / 200)
    loads = np.concatenate([np.geomspace(least, 0.1, 4)[:-1], (0.1, 0.2, 0.3, 0.4), np.linspace(0.5, MOST_LOAD, 9)])
    simulated = simulated_answers_s(np.ascontiguousarray(times_s), machines, loads, queue.share)
    alone = np.quantile(times_s[0], queue.share, method="inverted_cdf")
    answers_s = np.maximum.accumulate([alone, *simulated])
    return np.array([0.0, *loads]), answers_s
