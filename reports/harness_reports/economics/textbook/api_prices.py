"""What one call of a hosted model costs, in one step."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from harness_reports.economics.api_prices import calculated


def call_usd(
    provider: str,
    model: str,
    usage: Mapping[str, int],
    at: datetime,
    price_context: Mapping[str, str] | None = None,
) -> Decimal:
    """Return the price of one call.

    Args:
        provider: as genai-prices names it (`openai`).
        model: the model's name at the provider.
        usage: counts by name: `input_tokens` is ALL input, cached included; `cache_read_tokens` and
            `cache_write_tokens` are parts of it; `output_tokens` includes reasoning.
        at: when, with its time zone: prices change by the day, and some by the hour.
        price_context: `{"processing": "batch"}` or `{"service_tier": "flex"}`; where a model has no such price, its
            standard price is returned without a word.

    Raises:
        FactError: the moment has no time zone, nobody has a price for the model, or the counts contradict each other.
    """
    return Decimal(calculated(provider, model, usage, at, price_context).total_price)
