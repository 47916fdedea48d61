"""What the calls of a served model cost: the tokens in its records, at the prices of a day.

Records hold tokens as the server counts them, never prices. Each call is priced by itself, as prices have tiers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np

from harness.errors import FactError
from harness.records import Record
from harness_reports.economics.api_prices import calculated, price_source, since
from harness_reports.measured.intervals import RESAMPLES, mean_draws
from harness_reports.measured.results import Measured
from harness_reports.prices.pricing import why_stale
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

Call = tuple[int, int, int, int, int]
"""The counts of a call, in the order of `COUNTS`."""


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
def call_usd(url: str, model: str, call: Call, day: date) -> CallUsd:
    """Return the price of a call at noon (UTC) of a day, in the tier of its own size.

    Raises:
        FactError: the model has no known price at this URL, or the counts contradict each other.
    """
    price = _calculated(url, model, call, day)
    parts = (price.input_price, price.output_price, price.total_price - price.input_price - price.output_price)
    return CallUsd(*map(float, parts))


def listing(url: str, model: str, day: date) -> Listing | None:
    """Return where the price of a served model is found; None if it has no known price at this URL."""
    try:
        price = _calculated(url, model, (0, 0, 0, 0, 0), day)
    except FactError:
        return None
    return Listing(price.provider.id, price.model.id, since(price.model, _noon(day)))


def _calculated(url: str, model: str, call: Call, day: date) -> Any:
    usage = {name: count for name, count in zip(COUNTS.values(), call, strict=True) if count}
    return calculated(url, model, usage, _noon(day), None, named_by="provider_api_url")


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)  # some prices depend on the hour


@dataclass(frozen=True, eq=False)
class Bill:
    """The calls of a served model's evaluations, at the prices of a day."""

    measured: Measured
    day: date

    @property
    def model(self) -> str:
        """The model as the server is asked for it."""
        return self.measured.key.model.partition(":")[2]

    @property
    def url(self) -> str:
        """Where it was asked."""
        return str(self.measured.machine.spec["access"]["base_url"])

    @cached_property
    def leaves(self) -> list[Record]:
        """Its evaluations, one for each seed, all of as many items."""
        return self.measured.quality.leaves if self.measured.quality else []

    @cached_property
    def listing(self) -> Listing | None:
        """Where its price is found."""
        return listing(self.url, self.model, self.day)

    @cached_property
    def requests(self) -> np.ndarray:
        """Counts of the test requests, shape (seeds, items, counts), without items that a seed has no tokens of."""
        seeds = [calls(leaf.usage.get("test", {})) for leaf in self.leaves]
        counted = [item for item in zip(*seeds, strict=False) if None not in item]
        return np.array(counted, dtype=int).reshape(len(counted), len(seeds), len(COUNTS)).swapaxes(0, 1)

    def reports(self, name: str) -> bool:
        """Return whether the server said a count, one of `COUNTS`, of any request."""
        return any(count is not None for leaf in self.leaves for count in leaf.usage.get("test", {}).get(name, []))

    @cached_property
    def gap(self) -> Reason | None:
        """Why its calls have no price, None if they have one."""
        if not self.leaves:
            return Reason("calls not evaluated")
        if not self.requests.size:
            return Reason("calls without tokens")
        if self.listing is None:
            return Reason("calls without a price", {"model": self.model, "url": self.url})
        try:
            _ = self.usd, [self.evaluation_usd(leaf) for leaf in self.leaves]
        except FactError:
            return Reason("calls miscounted")
        return None

    @cached_property
    def usd(self) -> np.ndarray:
        """Prices of the requests, shape (seeds, items, parts), parts as in `CallUsd`.

        Raises:
            FactError: they have no price.
        """
        flat = [self._usd(call) for seed in self.requests.tolist() for call in seed]
        return np.array(flat).reshape(*self.requests.shape[:2], len(CallUsd._fields))

    def _usd(self, call: Iterable[int | None]) -> CallUsd:
        return call_usd(self.url, self.model, _call(call), self.day)

    @cached_property
    def draws(self) -> np.ndarray:
        """Draws of the mean price of a request: seeds are resampled, then items, the same in each seed."""
        usd = self.usd.sum(axis=2)
        return mean_draws(usd) if np.ptp(usd) else np.full(RESAMPLES, usd.flat[0])

    def evaluation_usd(self, leaf: Record) -> float:
        """Return the price of the calls of all splits, as far as their tokens are known.

        Raises:
            FactError: they have no price.
        """
        return sum(sum(self._usd(call)) for split in leaf.usage.values() for call in calls(split) if call)

    @cached_property
    def caveats(self) -> Reasons:
        """What its costs leave out."""
        return Reasons([*self._uncounted(), *self._sent_again()])

    def _uncounted(self) -> Iterable[Reason]:
        answers = max((len(calls(leaf.usage.get("test", {}))) for leaf in self.leaves), default=0)
        if left_out := answers - self.requests.shape[1]:
            yield Reason("calls not counted", {"count": left_out, "all": answers})

    def _sent_again(self) -> Iterable[Reason]:
        attempts = [count or 1 for leaf in self.leaves for count in leaf.usage.get("test", {}).get("attempts", [])]
        if more := sum(attempts) - len(attempts):
            yield Reason("calls sent again", {"count": more, "all": len(attempts)})

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
            "price_item": listed.model, "price_offer": "per token", "price_provider": listed.provider,
            "price_as_of": listed.as_of and listed.as_of.isoformat(), "price_stale": stale,
            "price_source": price_source(),
        }  # fmt: skip
