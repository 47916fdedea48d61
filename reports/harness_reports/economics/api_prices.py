"""What a call of a hosted model costs, by the dated prices that genai-prices carries; nothing is downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from harness.errors import FactError


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
    from genai_prices import Usage, calc_price

    if at.tzinfo is None:
        raise FactError(f"{at.isoformat()} has no time zone. Give one: some prices depend on the hour.")
    try:
        price = calc_price(
            Usage(**usage),
            model_ref=model,
            provider_id=provider,
            genai_request_timestamp=at,
            price_context=dict(price_context) if price_context else None,
        )
    except LookupError as error:
        raise FactError(f"No price of {model!r} at {provider!r} is known: {error}") from error
    except (TypeError, ValueError) as error:
        raise FactError(f"A call with {dict(usage)} cannot be priced: {error}") from error
    return Decimal(price.total_price)
