"""The total cost of one call of a hosted model."""

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
