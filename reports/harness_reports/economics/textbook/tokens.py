"""Energy, cost and time per token, and the cost of a call."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from harness_reports.economics.api_prices import calculated
from harness_reports.economics.checks import above, at_least, finite


class TokenEnergy(NamedTuple):
    """Energy of a token."""

    joules_per_token: float
    tokens_per_s_per_mw: float


def energy_per_token(kilowatts: float, tokens_per_s: float) -> TokenEnergy:
    """Return joules per token and tokens per second and megawatt; power and rate are of the same machine.

    Raises:
        FactError: a number that is not positive.
    """
    power, speed = above("kilowatts", kilowatts), above("tokens_per_s", tokens_per_s)
    return TokenEnergy(power * 1000 / speed, speed * 1000 / power)


def usd_per_million_tokens(usd_per_hour: float, tokens_per_s: float) -> float:
    """Return the cost of a million tokens; price and rate are both per accelerator or both per machine.

    Raises:
        FactError: a negative price, or no tokens.
    """
    return at_least("usd_per_hour", usd_per_hour) / (above("tokens_per_s", tokens_per_s) * 3600 / 1e6)


def blended_usd_per_million_tokens(input_usd: float, output_usd: float, input_per_output: float = 3.0) -> float:
    """Return the price per million tokens at a mix of input and output; 3 : 1 is the usual convention.

    It ignores cached input and the length of answers, which a cost per task has.

    Raises:
        FactError: a negative number.
    """
    mix = at_least("input_per_output", input_per_output)
    return (at_least("input_usd", input_usd) * mix + at_least("output_usd", output_usd)) / (mix + 1)


def call_usd(
    provider: str,
    model: str,
    usage: Mapping[str, int],
    at: datetime,
    price_context: Mapping[str, str] | None = None,
) -> Decimal:
    """Return the cost of one call.

    Args:
        provider: as in `call_price`.
        model: as in `call_price`.
        usage: as in `call_price`.
        at: time of the call, with its time zone: prices change by the day, and some by the hour.
        price_context: `{"processing": "batch"}` or `{"service_tier": "flex"}`; ignored if the model has no such price.

    Raises:
        FactError: as `call_price`.
    """
    return Decimal(calculated(provider, model, usage, at, price_context).total_price)


class AnswerTime(NamedTuple):
    """Time of an answer by two conventions."""

    first_token_included_s: float
    """TTFT + (n - 1) / speed: the first token is complete at its time."""
    first_token_excluded_s: float
    """TTFT + n / speed, Artificial Analysis' convention."""


def answer_time(first_token_s: float, output_tokens_per_s: float, output_tokens: float) -> AnswerTime:
    """Return the time from the request to the last token.

    Raises:
        FactError: a negative time, no speed, or no token.
    """
    first = at_least("first_token_s", first_token_s)
    speed, tokens = above("output_tokens_per_s", output_tokens_per_s), at_least("output_tokens", output_tokens, 1)
    return AnswerTime(first + (tokens - 1) / speed, finite("answer time", first + tokens / speed))
