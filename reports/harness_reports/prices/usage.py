"""What the calls of a served model cost: the tokens in its records, at the prices of a day.

Records hold tokens as the server counts them, never prices. Each call is priced by itself, as prices have tiers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cached_property, lru_cache
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

import numpy as np

from harness.errors import FactError
from harness.json_text import load
from harness.records import Record
from harness_reports.economics.api_prices import calculated, price_source, since
from harness_reports.measured.intervals import RESAMPLES, joint_draws, mean_draws
from harness_reports.measured.results import Measured
from harness_reports.prices.pricing import Pricing, why_stale
from harness_reports.reasons import Reason, Reasons

COUNTS: Mapping[str, str] = {
    "input_tokens": "input_tokens",
    "cached_tokens": "cache_read_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "output_tokens": "output_tokens",
    "reasoning_tokens": "output_reasoning_tokens",
}
"""Name in records → name in genai-prices. Cached and written tokens are part of the input, reasoning of the output."""
TOTALS = ("input_tokens", "output_tokens")
"""Counts without which a call has no price."""

TIERS = ("service_tier", "speed")
"""Fields of a request that some prices depend on."""

NamedBy = Literal["provider_id", "provider_api_url"]
BY_ID: NamedBy = "provider_id"
BY_URL: NamedBy = "provider_api_url"
Call = tuple[int, int, int, int, int]
"""The counts of a call, in the order of `COUNTS`."""
Tier = tuple[tuple[str, str], ...]
"""Fields of `TIERS` with their values."""


class CallUsd(NamedTuple):
    """The price of a call in USD."""

    input: float
    """Of all input tokens: cached ones at their own price, so never twice."""
    output: float
    request: float
    """What is paid for a call whatever its tokens."""


class Listing(NamedTuple):
    """Where a served model's price is found."""

    provider: str
    model: str
    """The model in the list of prices, which may stand for several names."""
    as_of: date | None
    """The day since which the price holds; None if that is not known."""


def is_served(record: Record) -> bool:
    """Return whether a model was asked behind a URL: its machine is not known, and its calls are paid by the token."""
    return bool(record.spec.get("access", {}).get("base_url"))


def pays_calls(record: Record, pricing: Pricing) -> bool:
    """Return whether a model's calls are paid: it is served, and the reader names no machine for it."""
    return is_served(record) and pricing.machine_of(record) is None


def calls(usage: Mapping[str, Sequence[Any]]) -> list[Call | None]:
    """Return the calls of one split; None for one whose tokens the server did not say."""
    size = max(map(len, usage.values()), default=0)
    columns = [usage.get(name) or [None] * size for name in COUNTS]
    totals = [list(COUNTS).index(name) for name in TOTALS]
    return [
        None if any(counts[place] is None for place in totals) else _call(counts)
        for counts in zip(*columns, strict=True)
    ]


def _call(counts: Iterable[int | None]) -> Call:
    first, cached, written, last, reasoning = (count or 0 for count in counts)
    return first, cached, written, last, reasoning


@lru_cache(maxsize=1 << 16)
def call_usd(provider: str, model: str, call: Call, day: date, named_by: NamedBy = BY_URL, tier: Tier = ()) -> CallUsd:
    """Return the price of a call at noon (UTC) of a day, in the tier of its own size, and in that which it asked for.

    Args:
        provider: the URL of its service, or its id in the list of prices.
        model: as the provider calls it.
        call: its counts.
        day: of the price.
        named_by: which of the two `provider` is.
        tier: what its request asked for, as in `tier_of`.

    Raises:
        FactError: the model has no known price there, or the counts contradict each other.
    """
    price = _calculated(provider, model, call, day, named_by, tier)
    parts = (price.input_price, price.output_price, price.total_price - price.input_price - price.output_price)
    return CallUsd(*map(float, parts))


def tier_of(record: Record) -> Tier:
    """Return what a record's requests said that their price depends on."""
    try:
        fields = load(record.spec["settings"].get("extra_body") or "{}")
    except ValueError:
        return ()
    named = {} if not isinstance(fields, dict) else fields
    return tuple((name, named[name]) for name in TIERS if isinstance(named.get(name), str))


def listing(provider: str, model: str, day: date, named_by: NamedBy = BY_URL) -> Listing | None:
    """Return where the price of a served model is found, as in `call_usd`; None if it has no known price there."""
    try:
        price = _calculated(provider, model, (0, 0, 0, 0, 0), day, named_by)
    except FactError:
        return None
    return Listing(price.provider.id, price.model.id, since(price.model, _noon(day)))


def _calculated(provider: str, model: str, call: Call, day: date, named_by: NamedBy, tier: Tier = ()) -> Any:
    usage = {name: count for name, count in zip(COUNTS.values(), call, strict=True) if count}
    if named_by == BY_URL:  # patterns of the list are of https and lower case
        url = urlsplit(provider)
        provider = url._replace(scheme="https", netloc=url.netloc.lower()).geturl()
    return calculated(provider, model, usage, _noon(day), dict(tier), named_by)


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)  # some prices depend on the hour


def estimated(record: Record) -> int:
    """Return of how many answers the harness counted the tokens itself, as the server did not say them."""
    return sum(map(bool, record.usage.get("test", {}).get("estimated", [])))


@dataclass(frozen=True, eq=False)
class Bill:
    """The calls of a served model's evaluations, at the prices of a day."""

    measured: Measured
    day: date
    other: tuple[str, str, Tier] | None = None
    """Provider, model and tier whose prices the same tokens are to have, in place of the model's."""

    @property
    def model(self) -> str:
        """The model as the server is asked for it."""
        return self.measured.key.model.partition(":")[2]

    @property
    def url(self) -> str:
        """Where it was asked."""
        return str(self.measured.machine.spec["access"]["base_url"])

    @property
    def priced_as(self) -> str:
        """The entry of the list of prices, `PROVIDER/MODEL`, that its user named; empty where the URL finds it."""
        return str(self.measured.machine.spec["access"].get("priced_as") or "")

    @property
    def entry(self) -> tuple[str, str, NamedBy]:
        """Provider and model in the list of prices, and how the provider is named there."""
        if self.other is not None:
            return self.other[0], self.other[1], BY_ID
        provider, _, model = self.priced_as.partition("/")
        return (provider, model, BY_ID) if self.priced_as else (self.url, self.model, BY_URL)

    @cached_property
    def tier(self) -> Tier:
        """What its requests said that their price depends on."""
        return tier_of(self.measured.machine) if self.other is None else self.other[2]

    @cached_property
    def leaves(self) -> list[Record]:
        """Its evaluations, one for each seed, all of as many items."""
        return self.measured.quality.leaves if self.measured.quality else []

    @cached_property
    def listing(self) -> Listing | None:
        """Where its price is found."""
        provider, model, named_by = self.entry
        return listing(provider, model, self.day, named_by)

    @cached_property
    def _items(self) -> list[tuple[Call | None, ...]]:
        return list(zip(*(calls(leaf.usage.get("test", {})) for leaf in self.leaves), strict=False))

    @cached_property
    def counted(self) -> np.ndarray:
        """Whether every seed has the tokens of an item, shape (items,)."""
        return np.array([None not in item for item in self._items], dtype=bool)

    @cached_property
    def requests(self) -> np.ndarray:
        """Counts of the test requests, shape (seeds, items, counts), without items that a seed has no tokens of."""
        counted = [item for item in self._items if None not in item]
        return np.array(counted, dtype=int).reshape(len(counted), len(self.leaves), len(COUNTS)).swapaxes(0, 1)

    @cached_property
    def attempts(self) -> np.ndarray:
        """How often each of these requests was sent, shape (seeds, items); 1 where it was not recorded."""
        columns = [leaf.usage.get("test", {}).get("attempts") or [1] * len(self._items) for leaf in self.leaves]
        return np.array([[count or 1 for count in column] for column in columns])[:, self.counted]

    def reports(self, name: str) -> bool:
        """Return whether the server said a count, one of `COUNTS`, of any request."""
        return any(count is not None for leaf in self.leaves for count in leaf.usage.get("test", {}).get(name, []))

    @property
    def reads_cache(self) -> bool:
        """Whether any of the requests had cached tokens."""
        return bool(self.requests[:, :, list(COUNTS).index("cached_tokens")].any())

    @property
    def attempts_paid(self) -> float:
        """Attempts by answer, weighted with the answer's price.

        Raises:
            FactError: they have no price.
        """
        usd = self.usd_of_requests
        return float((usd * self.attempts).sum() / usd.sum()) if usd.sum() else float(self.attempts.mean())

    @cached_property
    def gap(self) -> Reason | None:
        """Why its calls have no price, None if they have one."""
        if not self.leaves:
            return Reason("calls not evaluated")
        if not self.requests.size:
            return Reason("calls without tokens")
        if self.listing is None:
            return self._unpriced()
        try:
            _ = self.usd, [self.evaluation_usd(leaf) for leaf in self.leaves]
        except FactError:
            return Reason("calls miscounted")
        return None

    def _unpriced(self) -> Reason:
        if self.priced_as:
            return Reason("calls priced as nothing", {"entry": self.priced_as})
        return Reason("calls without a price", {"model": self.model, "url": self.url})

    @cached_property
    def usd(self) -> np.ndarray:
        """Prices of the requests, shape (seeds, items, parts), parts as in `CallUsd`.

        Raises:
            FactError: they have no price.
        """
        flat = [self._usd(call) for seed in self.requests.tolist() for call in seed]
        return np.array(flat).reshape(*self.requests.shape[:2], len(CallUsd._fields))

    def _usd(self, call: Iterable[int | None]) -> CallUsd:
        provider, model, named_by = self.entry
        return call_usd(provider, model, _call(call), self.day, named_by, self.tier)

    @cached_property
    def usd_of_requests(self) -> np.ndarray:
        """Prices of the requests, shape (seeds, items)."""
        return np.asarray(self.usd.sum(axis=2))

    @cached_property
    def draws(self) -> np.ndarray:
        """Draws of the mean price of a request: seeds are resampled, then items, the same in each seed."""
        usd = self.usd_of_requests
        return mean_draws(usd) if np.ptp(usd) else np.full(RESAMPLES, usd.flat[0])

    def draws_over(self, other: np.ndarray) -> np.ndarray:
        """Return draws of all prices over the sum of something else of the same requests, shape (seeds, items)."""
        usd, over = joint_draws(self.usd_of_requests, other)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(usd / over)

    def evaluation_usd(self, leaf: Record) -> float:
        """Return the price of the calls of all splits, as far as their tokens are known.

        Raises:
            FactError: they have no price.
        """
        return sum(sum(self._usd(call)) for split in leaf.usage.values() for call in calls(split) if call)

    def usd_of(self, leaf: Record, split: str) -> np.ndarray:
        """Return the price of each answer to a split, shape (items,), NaN where its tokens are not known.

        Raises:
            FactError: they have no price.
        """
        return np.array([np.nan if call is None else sum(self._usd(call)) for call in calls(leaf.usage.get(split, {}))])

    @cached_property
    def caveats(self) -> Reasons:
        """What its costs leave out."""
        return Reasons([*self._uncounted(), *self._estimated(), *self._sent_again()])

    def _uncounted(self) -> Iterable[Reason]:
        answers = max((len(calls(leaf.usage.get("test", {}))) for leaf in self.leaves), default=0)
        if left_out := answers - self.requests.shape[1]:
            yield Reason("calls not counted", {"count": left_out, "all": answers})

    def _estimated(self) -> Iterable[Reason]:
        if count := sum(map(estimated, self.leaves)):
            answers = sum(len(calls(leaf.usage.get("test", {}))) for leaf in self.leaves)
            yield Reason("calls estimated", {"count": count, "all": answers})

    def _sent_again(self) -> Iterable[Reason]:
        attempts = [count or 1 for leaf in self.leaves for count in leaf.usage.get("test", {}).get("attempts", [])]
        if more := sum(attempts) - len(attempts):
            yield Reason("calls sent again", {"count": more, "all": len(attempts), "higher": self.attempts_paid - 1})

    @property
    def tokens_are(self) -> str | None:
        """Whether tokens are `measured`, or any of them `estimated`; None where none are known."""
        if not self.requests.size:
            return None
        return "estimated" if any(map(estimated, self.leaves)) else "measured"

    @property
    def note(self) -> Reasons | None:
        """What a reader of its costs has to know."""
        return (Reasons([self.gap]) if self.gap else self.caveats) or None

    def price_cells(self) -> dict[str, Any]:
        """Return the cells of the cost table that say which price was taken."""
        listed = None if self.gap else self.listing
        if listed is None:
            return {}
        stale = Reason("price undated") if listed.as_of is None else why_stale(listed.as_of, self.day)
        return {
            "tokens_are": self.tokens_are,
            "price_item": listed.model, "price_offer": "per token", "price_provider": listed.provider,
            "price_as_of": listed.as_of and listed.as_of.isoformat(), "price_stale": stale,
            "price_source": price_source(),
        }  # fmt: skip
