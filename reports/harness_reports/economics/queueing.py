"""Queues: how many servers a load needs, and how long its requests wait.

All formulas assume Poisson arrivals and servers that take one request each. Servers that batch break the assumption:
measured latencies come first, and these formulas are a bound. Figures of a queue that grows for ever are None.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from harness_reports.economics.checks import above, at_least, between, whole

_ROUNDING = 1e-12
"""Relative tolerance of load = servers: 49 · (1 / 49) is 0.9999999999999999 in floats."""


def erlang_b(offered_erlangs: float, servers: int) -> float:
    """Return the share of requests that find all servers busy and are blocked.

    By the recursion B_k = A·B / (k + A·B), as factorials overflow at 171.

    Raises:
        FactError: a negative load, or not a whole number of servers.
    """
    load, blocked = at_least("offered_erlangs", offered_erlangs), 1.0
    for server in range(1, whole("servers", servers, 0) + 1):
        blocked = load * blocked / (server + load * blocked)
    return blocked


def erlang_c(offered_erlangs: float, servers: int) -> float:
    """Return the probability that a request has to wait; 1 if the load is at least the number of servers.

    Raises:
        FactError: as `erlang_b`.
    """
    return _waiting(erlang_b(offered_erlangs, servers), offered_erlangs, servers)


def _waiting(blocked: float, load: float, servers: int) -> float:
    return 1.0 if saturated(load, servers) else servers * blocked / (servers - load * (1 - blocked))


def saturated(load: float, servers: int) -> bool:
    """Return whether a load in erlangs occupies all servers, so that the queue grows for ever."""
    return load >= servers * (1 - _ROUNDING)


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
            late = _waiting(blocked, load, servers) * math.exp(-(servers - load) * wait * speed)
            if 1 - late >= share:
                return Fleet(servers, load, 1 - late)
