"""Simulation of one queue before machines that batch: a free machine takes all that wait, up to the largest batch.

Many independent runs advance together, one batch each a step, as rows of arrays. Runs of different loads share their
random numbers, so that a curve over loads is smooth whichever of them are simulated together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

_SEED = 15
_KEPT_STEPS = 100
_FEWEST_RUNS, _MOST_RUNS = 64, 2000
"""Of a load."""
_HEAVY = 0.9
"""Load that gets the most runs."""
_RUNS_PER_SPREAD = 5000
"""With them the standard error of the 99th percentile is about 3 %."""
_MOST_REQUESTS = 2_000_000
"""That are drawn for a heavy load."""
_PICKED = 15_000
"""Requests of a load that its quantile is computed from."""
_GOLDEN = 0.6180339887498949
"""Its multiples, modulo 1, fill the range from 0 to 1 evenly."""


def simulated_answers_s(times_s: np.ndarray, machines: int, loads: np.ndarray, share: float) -> np.ndarray:
    """Return the `share` quantile of seconds from arrival to answer at each load.

    Args:
        times_s: seconds of batches: row k - 1 holds equally likely times of a batch of k.
        machines: machines that share the queue.
        loads: arrivals over what the machines can serve in the largest batches, at most .9.
        share: share of requests that are answered in this time.
    """
    warm_up = 50 + 6 * machines
    runs = _Runs.started(times_s, machines, loads, warm_up + _KEPT_STEPS)
    for step in range(warm_up):
        runs.step(step)
    kept = [runs.step(step) for step in range(warm_up, warm_up + _KEPT_STEPS)]
    first, size, start = (np.array(part) for part in zip(*kept, strict=True))
    return np.array([runs.answer_s(some, first[:, some], size[:, some], start[:, some], share) for some in runs.loads])


def _most_runs(times_s: np.ndarray, steps: int) -> int:
    """Return how many runs a heavy load gets."""
    most = min(
        _MOST_RUNS, _MOST_REQUESTS // (steps * len(times_s)), _RUNS_PER_SPREAD * _spread(times_s[-1], len(times_s))
    )
    return max(_FEWEST_RUNS, int(most))


def heavy_traffic_queue(full_s: np.ndarray, largest: int, loads: float | np.ndarray) -> np.ndarray:
    """Return the mean of the queue in heavy traffic, where it is exponential, for any number of machines.

    Args:
        full_s: equally likely seconds of the largest batches.
        largest: their size.
        loads: arrivals over what the machines can serve, below 1.
    """
    return np.asarray(largest * _spread(full_s, largest) / 2 * loads / (1 - loads))


def _spread(full_s: np.ndarray, largest: int) -> float:
    """Return the variance that one batch adds to the queue, in squared batches: of its arrivals and of its time."""
    return float(1 / largest + full_s.var() / full_s.mean() ** 2)


@lru_cache(maxsize=2)
def _arrivals(streams: int, length: int) -> np.ndarray:
    """Return times of arrival, a mean of 1 apart, stream after stream: the same for services of about one size."""
    random = np.random.default_rng([_SEED, 0, streams, length])
    return random.standard_exponential((streams, length)).cumsum(axis=1).ravel()


@lru_cache(maxsize=16)
def _chances(streams: int, machines: int, steps: int, levels: int) -> tuple[np.ndarray, np.ndarray]:
    """Return how far each machine is with its first batch, ascending, and the level of each step's batch."""
    random = np.random.default_rng([_SEED, 1, streams, machines])
    busy = np.sort(random.random((machines, streams)), axis=0)
    return busy, random.integers(levels, size=(steps, streams))


def _power_of_two(least: int) -> int:
    """Return the power of two that is at least a number, so that services of about the same size share numbers."""
    return 1 << (least - 1).bit_length()


@dataclass
class _Runs:
    """State of all runs, whose times are in units of their own mean time between arrivals."""

    times: np.ndarray
    """Seconds of batches, one size after the other."""
    levels: int
    """Equally likely times of a size."""
    level: np.ndarray
    """Level of each batch: step × run."""
    arrivals: np.ndarray
    """Times of arrival, stream after stream."""
    windows: np.ndarray
    """The arrival at each place and the next ones, as many as the largest batch."""
    loads: list[slice]
    """Runs of each load."""
    per_s: np.ndarray
    """Arrivals per second of each run."""
    first: np.ndarray
    """Place in `arrivals` of the first request that waits in each run."""
    free: np.ndarray
    """When the machines are free, ascending: machine × run."""

    @classmethod
    def started(cls, times_s: np.ndarray, machines: int, loads: np.ndarray, steps: int) -> _Runs:
        """Return runs of each load, with queues near their steady state, so that a short warm-up is enough.

        The longer the queue remembers its past, the more runs.
        """
        (largest, levels), full_s, most = times_s.shape, times_s[-1], _most_runs(times_s, steps)
        count = np.maximum(_FEWEST_RUNS, most * ((1 - _HEAVY) / (1 - loads)) ** 1.5).astype(int)
        stream = np.concatenate([np.arange(runs) for runs in count])
        streams = _power_of_two(int(max(most, count.max())))
        load = np.repeat(loads, count)
        per_s = machines * largest / full_s.mean() * load
        quantile = -np.log1p(-(stream * _GOLDEN % 1))
        queue = (quantile * heavy_traffic_queue(full_s, largest, load)).astype(int)
        longest = math.log(4 * streams) * heavy_traffic_queue(full_s, largest, max(_HEAVY, load[-1]))
        length = _power_of_two(int(longest) + (steps + 2) * largest)
        arrivals, (busy, level) = _arrivals(streams, length), _chances(streams, machines, steps, levels)
        first = stream * length
        free = arrivals[first + queue] + full_s.mean() * busy[:, stream] * per_s
        same_load = [slice(*bounds) for bounds in pairwise([0, *count.cumsum()])]
        windows = np.lib.stride_tricks.sliding_window_view(arrivals, largest)
        return cls(times_s.ravel(), levels, level[:, stream], arrivals, windows, same_load, per_s, first, free)

    def step(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Let the next free machine of each run take a batch; return its first request, its size and its start."""
        first, waiting = self.first, self.windows[self.first]
        start = np.maximum(self.free[0], waiting[:, 0])
        size = (waiting <= start[:, None]).sum(axis=1)
        done = start + self.times.take((size - 1) * self.levels + self.level[number]) * self.per_s
        # `done` replaces the earliest, and goes where the order stays.
        later = np.maximum(self.free, done)
        np.minimum(later[:-1], self.free[1:], out=self.free[:-1])
        self.free[-1] = later[-1]
        self.first = first + size
        return first, size, start

    def answer_s(self, some: slice, first: np.ndarray, size: np.ndarray, start: np.ndarray, share: float) -> float:
        """Return a quantile over requests of the batches of some runs, which have the same load."""
        first, size, start = first.ravel(), size.ravel(), start.ravel()
        ends = size.cumsum()
        request = np.linspace(0, ends[-1], min(_PICKED, ends[-1]), endpoint=False).astype(int)
        batch = ends.searchsorted(request, side="right")
        arrival = (first - ends + size)[batch] + request
        wait_s = (start[batch] - self.arrivals.take(arrival)) / self.per_s[some][0]
        # How long a batch takes does not depend on its wait: an even sample varies less than the times that were drawn.
        level = (np.arange(request.size) * _GOLDEN % 1 * self.levels).astype(int)
        answers_s = wait_s + self.times.take((size[batch] - 1) * self.levels + level)
        rank = max(0, math.ceil(answers_s.size * share - 1e-9) - 1)
        return float(np.partition(answers_s, rank)[rank])
