"""What serving costs: per token, per joule, per answer. Say of every figure per token WHICH tokens: in, out, or all."""

from __future__ import annotations

from harness_reports.economics.checks import above, at_least

TOKENS = 1_000_000
SECONDS_PER_HOUR = 3600


def usd_per_million_tokens(usd_per_hour: float, tokens_per_s: float) -> float:
    """Return the cost of a million of the tokens whose rate is given, both per accelerator or both per machine.

    Raises:
        FactError: a negative price, or no tokens.
    """
    return at_least("usd_per_hour", usd_per_hour) / (above("tokens_per_s", tokens_per_s) * SECONDS_PER_HOUR / TOKENS)
