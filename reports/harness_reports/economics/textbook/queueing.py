"""Queues: M/M/1, M/G/1 and M/M/c; Little's law. Figures of a queue that grows for ever are None."""

from __future__ import annotations

import math
from typing import NamedTuple

from harness_reports.economics.checks import above, at_least, between, whole
from harness_reports.economics.queueing import erlang_c, saturated, waiting_share


class Queue(NamedTuple):
    """The steady state of a queue with one server; None if the queue grows for ever."""

    utilisation: float
    in_system: float | None
    """L, mean number waiting or in service."""
    in_queue: float | None
    """Lq, mean number waiting."""
    time_in_system_s: float | None
    """W, mean."""
    wait_s: float | None
    """Wq, mean."""


def mg1(arrivals_per_s: float, mean_service_s: float, squared_cv: float) -> Queue:
    """Return an M/G/1 queue (Pollaczek and Khinchine): Wq = rho · service · (1 + cv^2) / (2 · (1 - rho)).

    Args:
        arrivals_per_s: mean rate.
        mean_service_s: mean service time.
        squared_cv: variance of the service time over its squared mean: 0 constant, 1 exponential.

    Raises:
        FactError: a negative number, or no service time.
    """
    arrivals, service = at_least("arrivals_per_s", arrivals_per_s), above("mean_service_s", mean_service_s)
    load, spread = arrivals * service, at_least("squared_cv", squared_cv)
    if saturated(load, 1):
        return Queue(load, None, None, None, None)
    wait = load * service * (1 + spread) / (2 * (1 - load))
    return Queue(load, arrivals * (wait + service), arrivals * wait, wait + service, wait)


def mm1(arrivals_per_s: float, service_per_s: float) -> Queue:
    """Return an M/M/1 queue, with exponential service times.

    Raises:
        FactError: a negative number, or no service rate.
    """
    return mg1(arrivals_per_s, 1 / above("service_per_s", service_per_s), 1.0)


def mm1_time_in_system_s(arrivals_per_s: float, service_per_s: float, percentile: float) -> float | None:
    """Return a percentile of the time in an M/M/1 system, which is exponential; None if the queue grows for ever.

    Raises:
        FactError: a negative number, no service rate, or a percentile that is not between 0 and 1.
    """
    spare = above("service_per_s", service_per_s) - at_least("arrivals_per_s", arrivals_per_s)
    share = between("percentile", percentile)
    return -math.log1p(-share) / spare if spare > 0 else None


def in_flight(arrivals_per_s: float, mean_latency_s: float) -> float:
    """Return the mean number of requests in flight by Little's law, L = lambda · W.

    Raises:
        FactError: a negative number.
    """
    return at_least("arrivals_per_s", arrivals_per_s) * at_least("mean_latency_s", mean_latency_s)


class ServiceLevel(NamedTuple):
    """The service level of a group of servers."""

    wait_probability: float
    service_level: float
    """Share answered within the target; 0 if the queue grows for ever."""
    mean_wait_s: float | None
    """Average speed of answer; None if the queue grows for ever."""
    occupancy: float
    """Load over servers; above 1 if overloaded."""


def service_level(arrivals_per_s: float, mean_service_s: float, servers: int, target_s: float) -> ServiceLevel:
    """Return the service level of an M/M/c queue: 1 - C · e^(-(c - A) · t / service time).

    Raises:
        FactError: a negative number, no service time, or not a whole number of servers from 1.
    """
    service, target = above("mean_service_s", mean_service_s), at_least("target_s", target_s)
    load = at_least("arrivals_per_s", arrivals_per_s) * service
    waiting, spare = erlang_c(load, whole("servers", servers)), servers - load
    if saturated(load, servers):
        return ServiceLevel(waiting, 0.0, None, load / servers)
    return ServiceLevel(
        waiting, 1 - waiting * math.exp(-spare * target / service), waiting * service / spare, load / servers
    )


class Fleet(NamedTuple):
    """The servers that a latency objective needs."""

    servers: int
    offered_erlangs: float
    service_level: float


def servers_needed(arrivals_per_s: float, service_per_s: float, max_wait_s: float, share: float) -> Fleet:
    """Return the fewest servers of an M/M/c queue in which a `share` of the requests waits at most `max_wait_s`.

    Raises:
        FactError: a negative number, no service rate, or a share that is not between 0 and 1.
    """
    between("share", share)
    wait, speed = at_least("max_wait_s", max_wait_s), above("service_per_s", service_per_s)
    load, blocked, servers = at_least("arrivals_per_s", arrivals_per_s) / speed, 1.0, 0
    while True:
        servers += 1
        blocked = load * blocked / (servers + load * blocked)  # Erlang B of one server more
        if not saturated(load, servers):
            late = waiting_share(blocked, load, servers) * math.exp(-(servers - load) * wait * speed)
            if 1 - late >= share:
                return Fleet(servers, load, 1 - late)
