"""The cost of a call of a hosted model, from the dated prices packaged with genai-prices; nothing is downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from importlib.metadata import version
from typing import Any, Literal, NamedTuple

from harness.errors import FactError

BATCH = {"processing": "batch"}
"""The price context of batch calls, answered within a day."""


class CallPrice(NamedTuple):
    """The cost of one call by input and output."""

    input_usd: Decimal
    """Of all input tokens, cached or not."""
    output_usd: Decimal
    batch: bool
    """Whether this is a batch price."""
    as_of: date | None
    """The day since which this price holds; None if that is not known."""


def price_source() -> str:
    """Return the source of the prices, with its version: it knows the days of some prices only."""
    return f"genai-prices {version('genai-prices')}"


def call_price(
    provider: str, model: str, usage: Mapping[str, int], at: datetime, *, batch_if_possible: bool = False
) -> CallPrice:
    """Return the cost of one call by input and output.

    Args:
        provider: genai-prices' name of the provider (`openai`).
        model: the provider's name of the model.
        usage: counts by name: `input_tokens` is ALL input, cached included; `cache_read_tokens` and
            `cache_write_tokens` are parts of it; `output_tokens` includes reasoning.
        at: time of the call, with its time zone.
        batch_if_possible: take the batch price if the model has one on that day.

    Raises:
        FactError: `at` has no time zone, the model has no known price, or the counts contradict each other.
    """
    standard = calculated(provider, model, usage, at, None)
    batch = calculated(provider, model, usage, at, BATCH) if batch_if_possible else standard
    cheaper = batch.total_price < standard.total_price  # without a batch price genai-prices returns the standard one
    price = batch if cheaper else standard
    return CallPrice(Decimal(price.input_price), Decimal(price.output_price), cheaper, since(price.model, at))


def since(model: Any, at: datetime) -> date | None:
    """Return the day since which the price that a model has at a time holds, None if it is not known.

    Of conditional prices the last that is active counts, as in genai-prices' `ModelInfo.get_prices`.
    """
    conditional = model.prices if isinstance(model.prices, list) else []
    constraints = [one.constraint for one in reversed(conditional)]
    active = next((one for one in constraints if one is None or one.active(at)), None)
    return getattr(active, "start_date", None)


def calculated(
    provider: str,
    model: str,
    usage: Mapping[str, int],
    at: datetime,
    price_context: Mapping[str, str] | None,
    named_by: Literal["provider_id", "provider_api_url"] = "provider_id",
) -> Any:
    """Return genai-prices' result for a call; see `call_price`. The provider may be named by the URL of its service."""
    from genai_prices import Usage, calc_price

    if at.tzinfo is None:
        raise FactError(f"{at.isoformat()} has no time zone. Give one: some prices depend on the hour.")
    try:
        return calc_price(
            Usage(**usage),
            model_ref=model,
            genai_request_timestamp=at,
            price_context=dict(price_context) if price_context else None,
            **{named_by: provider},
        )
    except LookupError as error:
        raise FactError(f"No price of {model!r} at {provider!r} is known: {error}") from error
    except (TypeError, ValueError) as error:
        raise FactError(f"A call with {dict(usage)} cannot be priced: {error}") from error
