"""How long requests wait for machines, and how many requests machines can take within a limit.

Requests arrive at random (Poisson) and wait in one queue, first come, first served. A free machine takes at once all
that wait, up to the largest batch. One request at a time is the queue M/G/c, for which `single_queue` has a formula;
batches are simulated by `batch_queue`. Both are within 10 % of long simulations up to a load of `MOST_LOAD`; above, the
simulation is extrapolated.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from harness.errors import FactError
from harness_reports.economics.batch_queue import heavy_traffic_queue, simulated_answers_s
from harness_reports.economics.checks import at_least, between, whole
from harness_reports.economics.queueing import saturated
from harness_reports.economics.single_queue import SingleQueue

MOST_LOAD = 0.9
"""Share of what machines can serve that is planned with at most."""
_LEVELS = 550
"""Equally likely times that stand for those of a batch size; no usual share falls between two."""
_SIMULATED = (1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 32, 48, 64)
"""Numbers of machines. More than the last do not wait longer at the same load."""
_FEW_LOADS = 2
"""Loads that are simulated together where a limit is looked for."""
_FAR_APART = (5, 10, 15)
"""Places of the loads of one machine that are looked at first."""
_ROUNDING = 1e-9
_MARGIN = 1.25


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

    def batches(self, share: float) -> _BatchQueue:
        """Return the queue that is simulated for a share of requests."""
        return _BatchQueue(self.sizes, self._levels_s, share)

    @cached_property
    def _levels_s(self) -> bytes:
        return np.array([_levels(times) for times in self.seconds]).tobytes()


def _levels(times_s: np.ndarray) -> np.ndarray:
    """Return the means of `_LEVELS` equal parts of the times, from the fastest."""
    sums = np.cumsum([0.0, *np.sort(times_s)])
    ends = np.linspace(0, times_s.size, _LEVELS + 1)
    return np.asarray(np.diff(np.interp(ends, np.arange(sums.size), sums)) * _LEVELS / times_s.size)


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
    return service.batches(share).answer_s(load, machines)


def arrivals_within(service: Service, machines: int, limit_s: float, share: float = 0.99) -> float:
    """Return the highest rate of arrivals per second at which a share of requests is answered in time; 0 if none.

    Args:
        service: measured times of one machine.
        machines: machines that share the queue.
        limit_s: seconds from arrival to answer.
        share: above 0 and below 1.

    Returns:
        At most `MOST_LOAD` of what the machines can serve. It never falls with a longer limit or another machine.

    Raises:
        FactError: a negative limit, not a whole number of machines from 1, or a share that is not between 0 and 1.
    """
    most_per_s = MOST_LOAD * service.most_per_s(whole("machines", machines))
    at_least("limit_s", limit_s)
    between("share", share)
    if service.sizes[-1] == 1:
        return SingleQueue(service.seconds[0], machines, share).arrivals_within(limit_s, most_per_s)
    return most_per_s * service.batches(share).load_within(limit_s, machines) / MOST_LOAD


@dataclass(frozen=True)
class _BatchQueue:
    """Answer times by load, between those that are simulated; hashable, so that simulations are kept."""

    sizes: tuple[int, ...]
    levels_s: bytes
    """Seconds: size × `_LEVELS`."""
    share: float

    def answer_s(self, load: float, machines: int) -> float:
        """Return the share's quantile; its logarithm is interpolated over that of the machines."""
        some = min(machines, _SIMULATED[-1])
        place = bisect_left(_SIMULATED, some)
        many = _SIMULATED[place]
        if many == some:
            return self._on_curve(load, many)
        few = _SIMULATED[place - 1]
        more = math.log(some / few) / math.log(many / few)
        return float(self._on_curve(load, few) ** (1 - more) * self._on_curve(load, many) ** more)

    def load_within(self, limit_s: float, machines: int) -> float:
        """Return the highest load, at most `MOST_LOAD`, at which the limit is met; 0 if none."""
        limit_s *= 1 + _ROUNDING
        if self.at_most_s(MOST_LOAD, machines) <= limit_s:  # without a simulation
            return MOST_LOAD
        if machines in _SIMULATED:
            return _load_within(self, limit_s, machines)
        low, high = 0.0, MOST_LOAD
        if self.answer_s(high, machines) <= limit_s:
            return high
        while high - low > _ROUNDING:
            middle = (low + high) / 2
            low, high = (middle, high) if self.answer_s(middle, machines) <= limit_s else (low, middle)
        return low

    def at_most_s(self, load: float, machines: int) -> float:
        """Return more than the share's quantile: the queue's in heavy traffic and a quarter, and two slowest batches.

        One batch is under way when a request comes, one is its own. Of 150 random services the simulated queue was at
        most 5 % longer than in heavy traffic.
        """
        measured = np.frombuffer(self.levels_s).reshape(-1, _LEVELS)
        mean_queue = heavy_traffic_queue(measured[-1], self.sizes[-1], load)
        wait_s = mean_queue * -math.log(1 - self.share) * measured[-1].mean() / (machines * self.sizes[-1])
        return float(_MARGIN * wait_s + 2 * measured.max())

    def _on_curve(self, load: float, machines: int) -> float:
        """Return the answer time at a load; times 1 - load, it is close to a line between loads."""
        loads, scaled_s = _curve(self, machines)
        return float(np.interp(load, loads, scaled_s) / (1 - load))


@lru_cache(maxsize=64)
def _times(queue: _BatchQueue) -> tuple[np.ndarray, np.ndarray]:
    """Return equally likely seconds of a batch of each size, size × level, and the loads of a curve, from 0."""
    measured = np.frombuffer(queue.levels_s).reshape(-1, _LEVELS)
    largest = queue.sizes[-1]
    weights = [np.interp(range(1, largest + 1), queue.sizes, one) for one in np.eye(len(queue.sizes))]
    times_s = np.transpose(weights) @ measured
    # At the least load one machine is busy with single requests for a two-hundredth of the time.
    least = min(0.05, times_s[-1].mean() / times_s[0].mean() / largest / 200)
    return times_s, np.array([0.0, *np.geomspace(least, 0.1, 4)[:-1], *np.linspace(0.1, MOST_LOAD, 17)])


@lru_cache(maxsize=1024)
def _simulated(queue: _BatchQueue, machines: int) -> dict[int, float]:  # noqa: ARG001 - one for each number
    """Return the answer times that were simulated, by the place of the load among the loads of a curve."""
    return {0: float(np.quantile(_times(queue)[0][0], queue.share, method="inverted_cdf"))}


def _answers_s(queue: _BatchQueue, machines: int, places: Iterable[int]) -> list[float]:
    """Return the answer times at some of the loads of a curve, which are simulated only once."""
    answers_s, places = _simulated(queue, machines), list(places)
    if missing := [place for place in places if place not in answers_s]:
        times_s, loads = _times(queue)
        simulated = simulated_answers_s(times_s, machines, loads[missing], queue.share)
        answers_s.update(zip(missing, simulated.tolist(), strict=True))
    return [answers_s[place] for place in places]


@lru_cache(maxsize=512)
def _curve(queue: _BatchQueue, machines: int) -> tuple[np.ndarray, np.ndarray]:
    """Return loads from 0 to 1, and the answer time at each times 1 - load."""
    _, loads = _times(queue)
    scaled_s = np.maximum.accumulate(_answers_s(queue, machines, range(loads.size))) * (1 - loads)
    beyond_s = scaled_s[-1] + (1 - loads[-1]) * (scaled_s[-1] - scaled_s[-2]) / (loads[-1] - loads[-2])
    scaled_s = np.array([*scaled_s, max(0.0, beyond_s)])
    if machines > 1:
        # More machines do not wait longer at the same load: what looks so is the simulation's error.
        scaled_s = np.minimum(scaled_s, _curve(queue, _fewer(machines))[1])
    return np.array([*loads, 1.0]), scaled_s


def _fewer(machines: int) -> int:
    return _SIMULATED[_SIMULATED.index(machines) - 1]


def _place_of_one(queue: _BatchQueue, limit_s: float) -> int:
    """Return the place of the highest load at which one machine meets a limit: of a few, then of those between."""
    few = bisect_right(_answers_s(queue, 1, _FAR_APART), limit_s)
    before = (0, *_FAR_APART)[few]
    between = range(before + 1, before + _FAR_APART[0])
    return before + bisect_right(_answers_s(queue, 1, between), limit_s)


@lru_cache(maxsize=1024)
def _load_within(queue: _BatchQueue, limit_s: float, machines: int) -> float:
    """Return the highest load of a curve, at most `MOST_LOAD`, at which the limit is met; 0 if none.

    Only loads near it are simulated: from that of fewer machines, which is no higher, upwards.
    """
    _, loads = _times(queue)
    last = loads.size - 1
    if machines > 1:
        least = _load_within(queue, limit_s, _fewer(machines))
        place = int(loads.searchsorted(least, side="right")) - 1
    else:
        least, place = 0.0, _place_of_one(queue, limit_s)
    step = _FEW_LOADS if machines > 1 else 1
    for first in range(place, last, step):
        answers_s = _answers_s(queue, machines, range(first, min(first + step, last) + 1))
        above = next((number for number, answer in enumerate(answers_s) if answer > limit_s), None)
        if above == 0:
            return least
        if above is not None:
            near, far = loads[first + above - 1 : first + above + 1]
            # Answer times times 1 - load are a line between loads, and so is what is left of the limit.
            left_s, over_s = (limit_s - answers_s[above - 1]) * (1 - near), (answers_s[above] - limit_s) * (1 - far)
            return max(least, float(near + (far - near) * left_s / (left_s + over_s)))
    return MOST_LOAD
