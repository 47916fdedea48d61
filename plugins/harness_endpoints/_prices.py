"""What calls are paid by: an entry of genai-prices' list, found by the URL or named by `priced_as`.

Prices bound what is spent; no record holds one.
"""

from __future__ import annotations

import importlib
import ipaddress
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache
from importlib.metadata import version
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from harness.errors import SuiteError
from harness_endpoints._usage import Usage

COUNTS: Mapping[str, str] = {
    "input_tokens": "input_tokens",
    "cached_tokens": "cache_read_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "output_tokens": "output_tokens",
    "reasoning_tokens": "output_reasoning_tokens",
}
"""Name here → name in genai-prices. Cached and written tokens are part of the input, reasoning of the output."""
DEARER: Mapping[str, str] = {"cache_write_tokens": "input_tokens", "reasoning_tokens": "output_tokens"}
"""Part that may be more expensive than the rest of a whole → the whole."""
TIERS = ("service_tier", "speed")
"""Fields of a request that some prices depend on."""
NEAREST = 3

Tier = tuple[tuple[str, str], ...]
"""Fields of `TIERS` with their values."""


class Entry(NamedTuple):
    """An entry of the list of prices."""

    provider: str
    model: str
    """The name by which the entry is found."""

    def usd(self, usage: Usage, at: datetime, tier: Tier = ()) -> Decimal:
        """Return the price of a call; never below the standard price, as a server may refuse a cheaper tier.

        Args:
            usage: input and output tokens at least.
            at: when it was asked: prices depend on the day, some on the hour.
            tier: what the request says of it.

        Raises:
            ValueError: the counts contradict each other.
        """
        minute = at.replace(second=0, microsecond=0)
        return max(_usd(self, usage, minute, ()), _usd(self, usage, minute, tier))

    def usd_at_most(self, input_tokens: int, output_tokens: int, at: datetime, tier: Tier = ()) -> Decimal:
        """Return the price of a call whose tokens are of the most expensive kinds, in no cache and all of reasoning."""
        usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
        for part, whole in DEARER.items():
            other = usage._replace(**{part: getattr(usage, whole)})
            if self.usd(other, at, tier) > self.usd(usage, at, tier):
                usage = other
        return self.usd(usage, at, tier)


def tier_of(body: Mapping[str, Any]) -> Tier:
    """Return what a request says that its price depends on."""
    return tuple((name, body[name]) for name in TIERS if isinstance(body.get(name), str))


def entry_of(name: str, base_url: str, priced_as: str) -> Entry | None:
    """Return what a model's calls are paid by; None where they have no price, or a price of 0.

    Args:
        name: the model's name at its server.
        base_url: of the server.
        priced_as: `PROVIDER/MODEL`; empty: the provider is found by the URL.

    Raises:
        SuiteError: the list lacks the entry; names the nearest.
    """
    if not priced_as and is_local(base_url):
        return None  # without a look at the list, which takes half a second
    entry = _named(priced_as) if priced_as else _by_url(name, base_url)
    return None if entry is None or _is_free(entry) else entry


def is_local(base_url: str) -> bool:
    """Return whether a URL is of this machine or a private network: no list has a price for it."""
    host = urlsplit(base_url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal"))


def why_unpriced(base_url: str, priced_as: str) -> str | None:
    """Return a sentence where calls to a server that is not the user's own may cost money, and no price is known."""
    if priced_as or is_local(base_url) or _provider(base_url) is not None:
        return None
    host = urlsplit(base_url).hostname
    return (
        f"{list_of_prices()} has no price for {host}: no cap holds for calls to it. If they are paid by the "
        "token, name the entry of the list that pays them: --setting priced_as=PROVIDER/MODEL."
    )


def list_of_prices() -> str:
    """Return the name and the version of the list."""
    return f"genai-prices {version('genai-prices')}"


def _named(priced_as: str) -> Entry:
    provider_id, _, model = priced_as.partition("/")
    providers = {one.id: one for one in _providers()}
    if not model:
        raise SuiteError(f"priced_as is {priced_as!r}. Write PROVIDER/MODEL, as in openai/gpt-4o.")
    if provider_id not in providers:
        near = _near(provider_id, providers)
        raise SuiteError(f"priced_as: {list_of_prices()} has no provider {provider_id!r}.{near}")
    return _entry(providers[provider_id], model)


def _by_url(name: str, base_url: str) -> Entry | None:
    provider = _provider(base_url)
    return None if provider is None else _entry(provider, name)


def _provider(base_url: str) -> Any:
    """Return the provider of a URL; None where the list has none. Patterns are of https and lower case."""
    url = urlsplit(base_url)
    usual = url._replace(scheme="https", netloc=url.netloc.lower()).geturl()
    return next((one for one in _providers() if re.match(one.api_pattern, usual)), None)


def _entry(provider: Any, model: str) -> Entry:
    if provider.find_model(model, all_providers=_providers()) is None:
        names = [one.id for one in provider.models]
        raise SuiteError(
            f"{list_of_prices()} has no price of {model!r} at {provider.id}.{_near(model, names)} Name the entry "
            f"that its calls are paid by: priced_as: {provider.id}/MODEL."
        )
    return Entry(provider.id, model)


def _near(name: str, names: Iterable[str]) -> str:
    near = get_close_matches(name, list(names), n=NEAREST, cutoff=0.4)
    return f" The nearest: {', '.join(near)}." if near else ""


def _providers() -> list[Any]:
    """Return the providers. The list is imported by name: a newer list of prices makes no other step."""
    providers: list[Any] = importlib.import_module("genai_prices.data").providers
    return providers


def _is_free(entry: Entry) -> bool:
    some = Usage(input_tokens=10**6, output_tokens=10**6)
    return not _calculated(entry, some, datetime.now().astimezone(), ()).total_price


@lru_cache(maxsize=1 << 12)
def _usd(entry: Entry, usage: Usage, at: datetime, tier: Tier) -> Decimal:
    return Decimal(_calculated(entry, usage, at, tier).total_price)


def _calculated(entry: Entry, usage: Usage, at: datetime, tier: Tier) -> Any:
    prices = importlib.import_module("genai_prices")
    counts = {COUNTS[name]: count for name, count in usage._asdict().items() if count is not None}
    return prices.calc_price(
        prices.Usage(**counts),
        model_ref=entry.model,
        provider_id=entry.provider,
        genai_request_timestamp=at,
        price_context=dict(tier) or None,
    )
