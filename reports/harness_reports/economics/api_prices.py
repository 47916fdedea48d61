"""What a call of a hosted model costs, by the dated prices that genai-prices carries; nothing is downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from harness.errors import FactError

BATCH = {"processing": "batch"}
"""The price context of calls whose answer may take a day."""


class CallPrice(NamedTuple):
    """What one call costs, in its parts."""

    input_usd: Decimal
    """Of everything that is read, cached or not."""
    output_usd: Decimal
    batch: bool
    """Whether this is a batch price; a model that has none is asked at its standard price."""


def call_price(
    provider: str, model: str, usage: Mapping[str, int], at: datetime, *, batch_if_possible: bool = False
) -> CallPrice:
    """Return the price of one call in its parts.

    Args:
        provider: as genai-prices names it (`openai`).
        model: the model's name at the provider.
        usage: as in `call_usd`.
        at: when, with its time zone.
        batch_if_possible: take the batch price where the model has one on that day.

    Raises:
        FactError: as `call_usd`.
    """
    standard = calculated(provider, model, usage, at, None)
    batch = calculated(provider, model, usage, at, BATCH) if batch_if_possible else standard
    cheaper = batch.total_price < standard.total_price  # without a batch price the standard one comes back in silence
    found = batch if cheaper else standard
    return CallPrice(Decimal(found.input_price), Decimal(found.output_price), cheaper)


def calculated(
    provider: str, model: str, usage: Mapping[str, int], at: datetime, price_context: Mapping[str, str] | None
) -> Any:
    """Return genai-prices' own result for a call."""
    from genai_prices import Usage, calc_price

    if at.tzinfo is None:
        raise FactError(f"{at.isoformat()} has no time zone. Give one: some prices depend on the hour.")
    try:
        return calc_price(
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
