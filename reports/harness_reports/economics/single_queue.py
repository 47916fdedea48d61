"""The queue M/G/c: random arrivals, machines that take one request each, any distribution of service times.

By the approximation of Tijms, van Hoorn and Federgruen (1981): a request waits as often as in M/M/c (Erlang C), and
those who wait do so for the first of the machines, and then for those ahead of them:

    wait = minimum of c remaining service times + sum over n of a remaining service time / c

with n geometric: n requests are ahead with probability (1 - load) · load^n. A remaining time is that of a service that
is under way at a random moment. The formula is exact for one machine (Pollaczek and Khinchine) and for exponential
service times. Distributions are on a grid; a geometric sum is a quotient of their Fourier transforms.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from harness_reports.economics.queueing import erlang_c

_CELLS = 1024
"""Of the grid, whose end is at most four times what is looked for."""
_DAMPING = 10.0 ** (-8 * np.arange(_CELLS) / (2 * _CELLS))
"""A transform of finite length adds what lies beyond its end to its beginning: damped, that is 1e-8 of it."""
_MOST_TIMES = 1000
"""Service times that stand for more of them, the closer the slower they are."""
_ROUNDING = 1e-9


class SingleQueue:
    """A queue for measured service times, a number of machines and a share of requests."""

    def __init__(self, service_s: np.ndarray, machines: int, share: float) -> None:
        self._times_s = np.sort(service_s)
        self._machines, self._share = machines, share - _ROUNDING
        if service_s.size <= _MOST_TIMES:
            self._few_s, self._weights = self._times_s, np.full(service_s.size, 1 / service_s.size)
        else:
            bounds = 1 - (1 - np.arange(2 * _MOST_TIMES + 1) / 2 / _MOST_TIMES) ** 2
            self._few_s = self._times_s[(bounds[1::2] * service_s.size).astype(int)]
            self._weights = np.diff(bounds[::2])
        self._least_s = float(self._few_s[self._weights.cumsum().searchsorted(self._share)])

    def answer_s(self, arrivals_per_s: float) -> float:
        """Return the share's quantile of wait and service."""
        low_s, end_s = self._least_s, 2 * self._least_s
        while True:
            grid = _Grid(self._times_s, self._machines, end_s)
            waited = grid.waited(arrivals_per_s)
            if self._spare(grid, waited, end_s) >= 0:
                break
            low_s, end_s = end_s, 2 * end_s
        if self._spare(grid, waited, low_s) >= 0:
            return low_s
        return _root(lambda limit_s: self._spare(grid, waited, limit_s), low_s, end_s)

    def arrivals_within(self, limit_s: float, most_per_s: float) -> float:
        """Return the highest rate, at most `most_per_s`, at which the share is answered in time; 0 if none."""
        if limit_s < self._least_s:
            return 0.0
        end_s = 2 * self._least_s
        while end_s < limit_s:
            end_s *= 2
        rate_per_s = self._arrivals_within(limit_s, end_s, most_per_s)
        if rate_per_s == most_per_s or end_s == 2 * self._least_s:
            return rate_per_s
        # A longer limit takes no fewer requests than half the end, of which the finer grid decides.
        return max(rate_per_s, self._arrivals_within(end_s / 2, end_s / 2, most_per_s))

    def _arrivals_within(self, limit_s: float, end_s: float, most_per_s: float) -> float:
        grid = _Grid(self._times_s, self._machines, end_s)

        def spare(arrivals_per_s: float) -> float:
            return self._spare(grid, grid.waited(arrivals_per_s), limit_s)

        return most_per_s if spare(most_per_s) >= 0 else _root(spare, 0.0, most_per_s)

    def _spare(self, grid: _Grid, waited: np.ndarray, limit_s: float) -> float:
        """Return the share that is answered within the limit, less what has to be."""
        in_time = np.interp(limit_s - self._few_s, grid.nodes_s, waited, left=0.0)
        return float(in_time @ self._weights) - self._share


class _Grid:
    """Waits up to an end, in cells of equal width."""

    def __init__(self, times_s: np.ndarray, machines: int, end_s: float) -> None:
        """Transform both parts of a wait: for the first machine, and for each request ahead."""
        cell_s = end_s / _CELLS
        self._times_s, self._machines, self._mean_s = times_s, machines, times_s.mean()
        edges_s = np.arange(_CELLS + 1) * cell_s
        self.nodes_s = np.concatenate([[0.0], edges_s[:-1] + cell_s / 2])
        beyond = self._beyond(np.arange(2 * _CELLS + 1) * cell_s / 2) ** machines
        self._first = _transform((beyond[:-1:2] + 4 * beyond[1::2] + beyond[2::2]) / 6)
        # The mean over a cell of what is beyond a time keeps the mean of the sum.
        self._ahead = _transform(-np.diff(self._beyond_twice(edges_s * machines)) / (cell_s * machines))

    def waited(self, arrivals_per_s: float) -> np.ndarray:
        """Return the share that waits at most the seconds of each node."""
        work = arrivals_per_s * self._mean_s
        load, waits = work / self._machines, erlang_c(work, self._machines)
        wait = np.fft.irfft((1 - load) * self._first / (1 - load * self._ahead), 2 * _CELLS)[:_CELLS] / _DAMPING
        return 1 - waits * (1 - np.concatenate([[0.0], wait.cumsum()]))

    def _beyond(self, seconds: np.ndarray) -> np.ndarray:
        """Return the share of remaining service times above each number of seconds."""
        count, total, _ = self._longer(seconds)
        return np.asarray(np.clip((total - seconds * count) / self._mean_s / self._times_s.size, 0.0, 1.0))

    def _beyond_twice(self, seconds: np.ndarray) -> np.ndarray:
        """Return the integral of `_beyond` from each number of seconds on."""
        count, total, squares = self._longer(seconds)
        excess = squares - 2 * seconds * total + seconds**2 * count
        return np.asarray(np.maximum(excess, 0.0) / (2 * self._mean_s * self._times_s.size))

    def _longer(self, seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return number, sum and sum of squares of the service times above each number of seconds."""
        shorter = self._times_s.searchsorted(seconds)
        powers = [np.ones_like(self._times_s), self._times_s, self._times_s**2]
        sums = [np.append(power[::-1].cumsum()[::-1], 0.0)[shorter] for power in powers]
        return sums[0], sums[1], sums[2]


def _root(spare: Callable[[float], float], low: float, high: float) -> float:
    """Return the number between two at which nothing is to spare."""
    from scipy.optimize import brentq

    return float(brentq(spare, low, high, xtol=_ROUNDING * high, rtol=_ROUNDING))


def _transform(beyond: np.ndarray) -> np.ndarray:
    """Return the damped transform of a distribution on a grid, given what is beyond each cell."""
    return np.fft.rfft(np.diff(1 - beyond, prepend=0.0) * _DAMPING, 2 * _CELLS)
