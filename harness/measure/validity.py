"""When a run of requests counts: what records and tables say of it alike."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import nan, sqrt

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
_DEVIATIONS = 2.33
"""Standard deviations by which a backlog has to grow, and answers to become slower: one-sided, 99 %."""


def per_token_s(chunks: Sequence[float], streamed: bool, tokens: float | None) -> float | None:
    """Return the seconds of each output token after the first.

    Args:
        chunks: seconds at which the pieces of an answer came, at least one.
        streamed: whether they came as they were made.
        tokens: that came in these pieces, None where nobody counts them.

    Returns:
        NaN of one token or none, which has no such time and keeps any limit of it; None where it is not known.
    """
    if tokens is not None and tokens <= 1:
        return nan
    return None if tokens is None or not streamed else (chunks[-1] - chunks[0]) / (tokens - 1)


def backlog_grows(starts: Sequence[float], ends: Sequence[float]) -> bool:
    """Return whether more requests come than go after `full_from`, and answers become slower.

    By chance alone a queue at exactly its capacity, with Poisson arrivals and answers, grows so much once in a hundred
    times. Where answers take a good part of the run more requests come than go though none waits; their latencies do
    not depend on when they began, and also become so much slower once in a hundred times.

    Args:
        starts: seconds at which the answered requests began, in any order.
        ends: seconds at which they were answered, in the order of `starts`.
    """
    if not starts:
        return False
    mark, last = full_from(starts, ends), max(starts)
    came, went = sum(start > mark for start in starts), sum(mark < end <= last for end in ends)
    return came - went > _DEVIATIONS * sqrt(came + went) and _slower(starts, ends)


def full_from(starts: Sequence[float], ends: Sequence[float]) -> float:
    """Return the second from which on an overloaded server is full: after the first third and the first answer."""
    return max(sorted(starts)[len(starts) // 3], min(ends))


def _slower(starts: Sequence[float], ends: Sequence[float]) -> bool:
    """Return whether the first third was answered faster than the others, by the test of Mann and Whitney."""
    pairs = sorted(zip(starts, ends, strict=True))
    seconds = [round(end - start, 6) for start, end in pairs]  # without the rounding of sums: equal ones are equal
    third = len(seconds) // 3
    early, late = sorted(seconds[:third]), seconds[third:]
    slower = sum(bisect_left(early, one) + bisect_right(early, one) for one in late) / 2
    pairs_of_both = len(early) * len(late)
    return slower - pairs_of_both / 2 > _DEVIATIONS * sqrt(pairs_of_both * (len(seconds) + 1) / 12)
