"""Simulation of one queue before machines that batch: a free machine takes all that wait, up to the largest batch.

Many independent runs advance together, one batch each a step, as rows of arrays. Runs of different loads share their
random numbers, so that a curve over loads is smooth.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

_SEED = 15
_KEPT_STEPS = 100
_FEWEST_RUNS, _MOST_RUNS = 64, 2000
"""Of a load."""
_RUNS_PER_SPREAD = 5000
"""With them the standard error of the 99th percentile is about 3 %."""
_MOST_REQUESTS = 2_000_000
"""That are drawn for the highest load."""
_PICKED = 15_000
"""Requests of a load that its quantile is computed from."""
_GOLDEN = 0.6180339887498949
"""Its multiples, modulo 1, fill the range from 0 to 1 evenly."""


def simulated_answers_s(times_s: np.ndarray, machines: int, loads: np.ndarray, share: float) -> np.ndarray:
    """Return the `share` quantile of seconds from arrival to answer at each load.

    Args:
        times_s: seconds of batches: row k - 1 holds equally likely times of a batch of k.
        machines: machines that share the queue.
        loads: arrivals over what the machines can serve in the largest batches; ascending, below 1.
        share: share of requests that are answered in this time.
    """
    warm_up = 50 + 6 * machines
    count = _runs_by_load(loads, times_s, warm_up + _KEPT_STEPS)
    runs = _Runs.started(times_s, machines, np.repeat(loads, count), warm_up + _KEPT_STEPS)
    for _ in range(warm_up):
        runs.step()
    kept = [runs.step() for _ in range(_KEPT_STEPS)]
    first, size, start = (np.array(part) for part in zip(*kept, strict=True))
    same_load = [slice(*bounds) for bounds in pairwise([0, *count.cumsum()])]
    return np.array([runs.answer_s(some, first[:, some], size[:, some], start[:, some], share) for some in same_load])


def _runs_by_load(loads: np.ndarray, times_s: np.ndarray, steps: int) -> np.ndarray:
    """Return how many runs each load gets: the more, the longer the queue remembers its past."""
    most = min(
        _MOST_RUNS, _MOST_REQUESTS // (steps * len(times_s)), _RUNS_PER_SPREAD * _spread(times_s[-1], len(times_s))
    )
    return np.asarray(np.maximum(_FEWEST_RUNS, most * ((1 - loads[-1]) / (1 - loads)) ** 1.5), dtype=int)


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


@dataclass
class _Runs:
    """State of all runs, whose times are in units of their own mean time between arrivals."""

    times: np.ndarray
    """Seconds of batches, one size after the other."""
    levels: int
    """Equally likely times of a size."""
    largest: int
    random: np.random.Generator
    arrivals: np.ndarray
    """Times of arrival, stream after stream."""
    stream: np.ndarray
    """Number of the stream of each run."""
    per_s: np.ndarray
    """Arrivals per second of each run."""
    first: np.ndarray
    """Place in `arrivals` of the first request that waits in each run."""
    free: np.ndarray
    """When the machines are free, ascending: machine × run."""

    @classmethod
    def started(cls, times_s: np.ndarray, machines: int, loads: np.ndarray, steps: int) -> _Runs:
        """Return one run for each load, with queues near their steady state, so that a short warm-up is enough."""
        largest, full_s = len(times_s), times_s[-1]
        random = np.random.default_rng(_SEED)
        per_s = machines * largest / full_s.mean() * loads
        stream = np.arange(loads.size) - np.searchsorted(loads, loads)
        mean_queue = heavy_traffic_queue(full_s, largest, loads)
        queue = (-np.log1p(-(stream * _GOLDEN % 1)) * mean_queue).astype(int)
        length = queue.max() + (steps + 2) * largest
        arrivals = random.standard_exponential((stream.max() + 1, length)).cumsum(axis=1).ravel()
        begin = arrivals[stream * length + queue]
        busy_s = full_s.mean() * np.sort(random.random((machines, stream.max() + 1)), axis=0)
        free = begin + busy_s[:, stream] * per_s
        levels = times_s.shape[1]
        return cls(times_s.ravel(), levels, largest, random, arrivals, stream, per_s, stream * length, free)

    def step(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Let the next free machine of each run take a batch; return its first request, its size and its start."""
        first = self.first
        start = np.maximum(self.free[0], self.arrivals.take(first))
        size = self._waiting(start)
        level = self.random.integers(self.levels, size=self.stream.max() + 1).take(self.stream)
        done = start + self.times.take((size - 1) * self.levels + level) * self.per_s
        # `done` replaces the earliest, and goes where the order stays.
        later = np.maximum(self.free, done)
        np.minimum(later[:-1], self.free[1:], out=self.free[:-1])
        self.free[-1] = later[-1]
        self.first = first + size
        return first, size, start

    def _waiting(self, start: np.ndarray) -> np.ndarray:
        """Return how many requests are there at the start, at most the largest batch, by bisection."""
        size = np.ones_like(self.first)
        for bit in reversed(range((self.largest - 1).bit_length())):
            more = self.arrivals.take(self.first + size + (2**bit - 1)) <= start
            size += more << bit
        return np.asarray(np.minimum(size, self.largest))

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
        return float(np.quantile(answers_s, share, method="inverted_cdf"))
