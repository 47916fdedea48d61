"""When a call that failed is made again."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
"""Answers after which the same request may succeed: a time-out, too many requests, faults of the server."""


class Backoff(NamedTuple):
    """How often a call is tried, and how long the pauses are."""

    tries: int = 6
    """How often a request is sent at most, the first time included."""
    first_s: float = 0.5
    """The longest pause after the first try; it doubles after each further one. A pause is at least half as long."""
    longest_s: float = 60.0
    """No pause is longer; where a server asks for a longer one, the call has failed."""

    def pause_s(self, tried: int, wait_s: float | None) -> float | None:
        """Return the seconds to wait after `tried` tries; None where there is no further one.

        `wait_s` is what the server asks to wait. The pause is never shorter, and up to a tenth longer, so that requests
        that were refused together do not come again together.
        """
        if tried >= self.tries or (wait_s or 0) > self.longest_s:
            return None
        pause = min(self.first_s * 2.0 ** (tried - 1), self.longest_s) * random.uniform(0.5, 1)  # noqa: S311 - no secret
        return max(pause, (wait_s or 0) * random.uniform(1, 1.1))  # noqa: S311 - likewise


def retry_after_s(header: str | None, now: datetime | None = None) -> float | None:
    """Return the seconds that a `Retry-After` header asks to wait: a number, or a date; None where it says neither."""
    if header is None:
        return None
    if re.fullmatch(r"\s*-?\d+(\.\d+)?\s*", header):  # some servers say parts of a second
        return max(0.0, float(header))
    try:
        date = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - (now or datetime.now(UTC))).total_seconds())
