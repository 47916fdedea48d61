"""What asking an endpoint for inputs consumes and costs, before anything is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from harness import Assignment, Data, Quote, SuiteError
from harness_endpoints._asking import price_of
from harness_endpoints._likelihood import open_asking
from harness_endpoints._prices import Entry, tier_of
from harness_endpoints._spend import apart, input_at_most, output_at_most, size_of
from harness_endpoints._usage import Usage
from harness_endpoints.remote import AS_SERVED, DEVICE

BYTES_PER_TOKEN = 4
"""Of English, roughly; Chinese has three bytes a character, of which most are a token."""
LIKELY_IMAGE_TOKENS = 1000
"""Of a picture, roughly: one of 1024 x 1024 has 765 in gpt-4o, and 1,400 in Claude."""


def quote(name: str, data: Data, settings: Mapping[str, Any], inputs: Sequence[Any], seed: int) -> Quote:
    """Return the quote for inputs; see `harness.Model.quote`."""
    entry = price_of(name, settings)
    asking = open_asking(name, Assignment("finetune", data, "default", settings, DEVICE, AS_SERVED, seed))
    bodies = [asking.body(one) for one in inputs]
    most = [output_at_most(body) for body in bodies]
    outputs = [count for count in most if count is not None]
    unbounded = len(outputs) < len(most)
    if entry is not None and unbounded:
        raise SuiteError(
            f"openai:{name} is paid by the token (as {entry.provider}/{entry.model}), and its answers may have any "
            "length. Set max_tokens: --setting max_tokens=256."
        )
    likely, bounds = [_likely_input(body) for body in bodies], [input_at_most(body) for body in bodies]
    usd, usd_at_most = (None, None) if entry is None else _usd(entry, bodies, likely, outputs)
    total = None if unbounded else sum(outputs)
    return Quote(len(bodies), sum(likely), sum(bounds), total, usd, usd_at_most)


def _likely_input(body: Mapping[str, Any]) -> int:
    """Return about how many tokens the texts and the pictures of a request have."""
    texts, pictures = apart(body)
    prompt = texts.get("prompt") or [turn.get("content") for turn in texts.get("messages", ())]
    return size_of(prompt) // BYTES_PER_TOKEN + LIKELY_IMAGE_TOKENS * len(pictures)


def _usd(
    entry: Entry, bodies: Sequence[Mapping[str, Any]], likely: Sequence[int], outputs: Sequence[int]
) -> tuple[float, float]:
    """Return the price with the likely input, and the highest."""
    at, usd, most = datetime.now(UTC), Decimal(0), Decimal(0)
    for body, tokens, output in zip(bodies, likely, outputs, strict=True):
        tier = tier_of(body)
        usd += entry.usd(Usage(input_tokens=tokens, output_tokens=output), at, tier)
        most += entry.usd_at_most(input_at_most(body), output, at, tier)
    return float(usd), float(most)
