"""When a run of requests counts: what records and tables say of it alike."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

MOST_FAILED = 0.01
"""Share of requests that may fail in a run that counts: with more, 99 of 100 requests are not answered at all."""
CLIENT_BUSY = 0.9
"""CPU seconds of the client per second from which on it is the limit: one thread sends and reads."""
CLIENT_LATE = 0.1
"""How late the client may be on average, relative to the time to the first piece of an answer: a tenth of what is
measured is then its own."""
CLIENT = "the client was the limit"
"""How a record says that the harness itself was too slow."""
SATURATED = "saturated: requests came faster than they were answered"
"""How a record says that the backlog grew."""
UNANSWERED = "unanswered"
"""How a record names a request that still waited when the run was over: it is saturated."""
_GROWTH = 2.33
"""Standard deviations by which a backlog has to grow: one-sided, 99 %."""


def backlog_grows(starts: Sequence[float], ends: Sequence[float]) -> bool:
    """Return whether more requests come than go, after the first third of them and the first answer.

    By chance alone a queue at exactly its capacity, with Poisson arrivals and answers, grows so much once in a hundred
    times.

    Args:
        starts: seconds at which the answered requests began, in any order.
        ends: seconds at which they were answered, in any order.
    """
    if not starts:
        return False
    starts = sorted(starts)
    mark, last = max(starts[len(starts) // 3], min(ends)), starts[-1]
    came, went = sum(start > mark for start in starts), sum(mark < end <= last for end in ends)
    return came - went > _GROWTH * sqrt(came + went)
