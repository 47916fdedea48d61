"""Erlang's formulas: random arrivals (Poisson) at servers that take one request each."""

from __future__ import annotations

from harness_reports.economics.checks import at_least, whole

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
    return waiting_share(erlang_b(offered_erlangs, servers), offered_erlangs, servers)


def waiting_share(blocked: float, load: float, servers: int) -> float:
    """Return the probability that a request has to wait, given that of being blocked in a system without a queue."""
    return 1.0 if saturated(load, servers) else servers * blocked / (servers - load * (1 - blocked))


def saturated(load: float, servers: int) -> bool:
    """Return whether a load in erlangs occupies all servers, so that the queue grows for ever."""
    return load >= servers * (1 - _ROUNDING)
