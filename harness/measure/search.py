"""The search for the highest arrival rate that keeps stated limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from math import exp, lgamma, log, log1p, sqrt
from typing import Any, NamedTuple

from harness.errors import SuiteError
from harness.measure.runs import Run
from harness.measure.validity import per_token_s

CLOSE = 0.1
"""Where bisection ends: the lowest rate that breaks a limit is at most a tenth above the highest that keeps all."""
HALVINGS = 3
"""Where halving ends: at an eighth of the first rate requests hardly wait for each other, and fewer gain nothing."""
HIGHEST_PER_S = 1e4
"""Where doubling ends: about what a load generator that calls Python can send. It begins no higher than at a tenth."""
AGAIN = 4
"""A run with too few requests to tell is made again with so many times as many: with as many as would just tell if no
further one broke a limit, half of the rates that keep all with room would be given up."""
CONFIDENCE = 0.99
"""That a percentile is kept: LoadGen's early stopping."""


class Found(NamedTuple):
    """What a search found."""

    run: Run | None
    """At the highest rate that keeps the limits; None where none does."""
    tried: list[dict[str, Any]]
    """Rate, number of requests, how many broke a limit, whether that keeps the limits, why the run does not count."""


def search(
    at: Callable[[float, int], Run], first_per_s: float, limits: Mapping[str, float | None], percentile: float,
    queries: int,
) -> Found:  # fmt: skip
    """Double the rate until a limit is broken, then bisect.

    Args:
        at: a rate and the least number of requests → a run.
        first_per_s: where to begin; where it breaks a limit it is halved.
        limits: `first_token_s`, `per_token_s`, `latency_s`; None where there is none.
        percentile: so many of 100 requests have to keep every limit.
        queries: the least number of requests of a run; raised to what the percentile needs.

    Raises:
        SuiteError: a limit cannot be checked.
    """
    share, tried, best = percentile / 100, [], {}

    def judged(rate: float, count: int) -> tuple[Run, bool, int]:
        run = at(rate, count)
        slow = broken(run, limits)
        kept = run.why_not is None and len(run.served) >= fewest(share, slow)
        tried.append(
            {"rate_per_s": rate, "requests": len(run.served), "broken": slow, "kept": kept, "why_not": run.why_not}
        )
        return run, kept, slow

    def keeps(rate: float) -> bool:
        run, kept, slow = judged(rate, max(queries, fewest(share, 0)))
        if not kept and run.why_not is None and slow <= (1 - share) * len(run.served):  # too few to tell
            run, kept, _ = judged(rate, AGAIN * len(run.served))
        if kept:
            best[rate] = run
        return kept

    rate = highest(keeps, min(first_per_s, HIGHEST_PER_S / 10))
    return Found(None if rate is None else best[rate], tried)


def highest(keeps: Callable[[float], bool], first: float) -> float | None:
    """Return the highest rate that keeps, to within `CLOSE`; None where an eighth of the first one does not."""
    low, high, rate = None, None, first
    while low is None or high is None or high > low * (1 + CLOSE):
        if keeps(rate):
            low = rate
        else:
            high = rate
        if (high is None and rate >= HIGHEST_PER_S) or (low is None and rate <= first / 2**HALVINGS):
            break
        rate = 2 * rate if high is None else rate / 2 if low is None else sqrt(low * high)
    return low


def broken(run: Run, limits: Mapping[str, float | None]) -> int:
    """Return how many requests broke a limit, or were not answered.

    Raises:
        SuiteError: a limit is about tokens, and answers do not come in pieces or nobody counts their tokens.
    """
    kept = 0
    for start, one in run.answered:
        seconds = {"latency_s": one.chunks[-1] - start}
        if one.streamed:
            seconds["first_token_s"] = one.chunks[0] - start
        if (token_s := per_token_s(one.chunks, one.streamed, one.streamed_tokens)) is not None:
            seconds["per_token_s"] = token_s
        for name, limit_s in limits.items():
            if limit_s is not None and name not in seconds:
                why = "no tokens are counted" if one.streamed else "answers come whole"
                raise SuiteError(f"The limit {name} cannot be checked: {why}. Leave it out, or limit latency_s.")
        kept += not any(limit_s is not None and seconds[name] > limit_s for name, limit_s in limits.items())
    return len(run.served) - kept


@lru_cache(maxsize=1024)
def fewest(share: float, slow: int) -> int:
    """Return how many requests show that a share keeps a limit, if `slow` of them do not.

    By the rule of LoadGen's early stopping: 1 - BinomialCDF(slow; n, 1 - share) is at least `CONFIDENCE`.
    """
    low, high = slow, 2 * slow + 8
    while _at_most(slow, high, 1 - share) > 1 - CONFIDENCE:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _at_most(slow, middle, 1 - share) > 1 - CONFIDENCE else (low, middle)
    return high


def _at_most(slow: int, count: int, chance: float) -> float:
    """Return the binomial probability of at most `slow` of `count`."""

    def one(k: int) -> float:
        ways = lgamma(count + 1) - lgamma(k + 1) - lgamma(count - k + 1)
        return exp(ways + k * log(chance) + (count - k) * log1p(-chance))

    return sum(one(k) for k in range(slow + 1))
