"""Pays for calls: reserves the most that each may cost before it is sent, and settles what it has cost after it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from harness.seams import Spend
from harness_endpoints._answer import OK, Call, read_tail
from harness_endpoints._failures import SPEND_CAP, Failure
from harness_endpoints._ledger import Ledger
from harness_endpoints._prices import Entry, Tier, tier_of
from harness_endpoints._usage import read_usage, usage_fault

HIDDEN_TOKENS = 256
"""What servers add to a prompt: the chat template, and a system message of their own."""
IMAGE_TOKENS = 10_000
"""What a picture may be billed as, however few bytes it has."""
LARGE_IMAGE_TOKENS = 50_000
"""What a picture may be billed as, however many bytes it has: gpt-4o-mini's 8 tiles are 48,169 tokens."""
STEP = 64
"""Bounds of input are multiples of it, so that few prices are computed."""
UNBILLED = frozenset({401, 402, 403, 404, 405, 413, 422, 429})
"""Statuses of requests that no model has read: the key, the credit, the address, the form, the rate. Not 400: a filter
that refuses a prompt may have been paid for reading it."""


class CapReachedError(RuntimeError):
    """A call was not made, as it would have passed the cap: a load without it is not the one that was asked for."""


def input_at_most(body: Mapping[str, Any]) -> int:
    """Return more input tokens than a request can have.

    A token of a byte-level tokenizer, and of one that falls back to bytes, is a byte of UTF-8 at least. All of the
    request counts: its names and brackets are more than the marks of a chat template, and tools or schemas are billed.
    The bytes of a picture are no text, and bound its tokens only between `IMAGE_TOKENS` and `LARGE_IMAGE_TOKENS`.
    """
    texts, pictures = apart(body)
    bound = size_of(texts) + HIDDEN_TOKENS
    bound += sum(min(max(IMAGE_TOKENS, size), LARGE_IMAGE_TOKENS) for size in pictures)
    return -(-bound // STEP) * STEP


def size_of(value: Any) -> int:
    """Return the bytes of a value as JSON in UTF-8."""
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def apart(body: Mapping[str, Any]) -> tuple[dict[str, Any], list[int]]:
    """Return a request without the data of its pictures, and the bytes of each picture in it."""
    turns, pictures = [], []
    for turn in body.get("messages", ()):
        content = turn.get("content")
        if isinstance(content, list):
            pictures += [size_of(part) for part in content if part.get("type") != "text"]
            content = [_without_data(part) for part in content]
        turns.append({**turn, "content": content})
    return ({**body, "messages": turns} if turns else dict(body)), pictures


def _without_data(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a part of a message without a picture's data; a text stays, whatever it begins with."""
    address = part.get("image_url") if part.get("type") == "image_url" else None
    url = address.get("url") if isinstance(address, Mapping) else None
    return {**part, "image_url": {**address, "url": ""}} if str(url).startswith("data:") else part  # type: ignore[dict-item]


def output_at_most(body: Mapping[str, Any]) -> int | None:
    """Return the most output tokens that a request allows; None where it sets no limit, or what is none."""
    limit = body.get("max_completion_tokens", body.get("max_tokens"))
    if not isinstance(limit, int) or limit < 1:
        return None
    answers = [body.get(name) for name in ("n", "best_of")]
    return limit * max([1, *(count for count in answers if isinstance(count, int))])


class Reservation(NamedTuple):
    """What is reserved for a call."""

    call: str
    at: datetime
    tier: Tier
    usd: Decimal
    input_tokens: int
    output_tokens: int


class Spending:
    """The calls of one process on one endpoint whose calls have a price."""

    def __init__(self, entry: Entry, spend: Spend | None, *, waits: bool) -> None:
        """Keep what is paid by and from.

        Args:
            entry: what calls are paid by.
            spend: the cap and its ledger; None: nothing may be spent.
            waits: whether a call that would pass the cap waits for calls under way, which mostly cost less than is
                reserved for them. Not while speed is measured.
        """
        self.entry = entry
        self._ledger = Ledger(spend) if spend is not None else None
        self._waits = waits
        self._under_way = 0
        self._settled = asyncio.Event()

    async def reserve(self, body: Mapping[str, Any]) -> Reservation | Failure:
        """Reserve the most that a request may cost; return why it must not be sent, if it must not."""
        output = output_at_most(body)
        if self._ledger is None or output is None:
            missing = "The suite sets no spend_usd" if self._ledger is None else "The request has no max_tokens"
            return Failure(SPEND_CAP, f"{missing}, and {self.entry.provider}/{self.entry.model} is paid by the token")
        wanted = Reservation("", datetime.now(UTC), tier_of(body), Decimal(0), input_at_most(body), output)
        usd = self.entry.usd_at_most(wanted.input_tokens, output, wanted.at, wanted.tier)
        call = await self._room(self._ledger, usd)
        if call is None:
            return Failure(
                SPEND_CAP,
                f"{self._ledger.total:.4f} of {self._ledger.cap:f} USD are spent or reserved, and the next call may "
                f"cost {usd:.4f}",
            )
        return wanted._replace(call=call, usd=usd)

    async def _room(self, ledger: Ledger, usd: Decimal) -> str | None:
        """Return the name of the call once its price is reserved; None if no call under way can make room for it."""
        while True:
            self._under_way += 1
            settled = self._settled
            try:
                call = await asyncio.to_thread(ledger.reserve, usd)  # the disk takes milliseconds
            except BaseException:  # given up, or no disk: others must not wait for it
                self._under_way -= 1
                self._wake()
                raise
            if call is not None:
                return call
            self._under_way -= 1
            if not self._waits or not (self._under_way or settled.is_set()):
                self._wake()
                return None
            await settled.wait()

    def _wake(self) -> None:
        """Let those that wait for room try again."""
        self._settled.set()
        self._settled = asyncio.Event()

    async def settle(self, reservation: Reservation, call: Call | None) -> None:
        """Write down what a call has cost; `call` is None where it was given up. What is not known stays reserved."""
        try:
            usd = None if call is None else self._cost(reservation, call)
            if usd is not None and self._ledger is not None:
                await asyncio.to_thread(self._ledger.settle, reservation.call, usd)  # the disk and its lock take time
        finally:
            self._under_way -= 1
            self._wake()

    def _cost(self, reservation: Reservation, call: Call) -> Decimal | None:
        """Return the price of what the server reports; 0 of a request that it refused, None where nothing is said."""
        if not call.arrived or call.status in UNBILLED:
            return Decimal(0)
        usage = read_tail(call).usage if call.status == OK else None
        counts = read_usage(usage)
        if usage_fault(usage) or counts.input_tokens is None or counts.output_tokens is None:
            return None
        with contextlib.suppress(ValueError, TypeError):  # counts that contradict each other
            return self.entry.usd(counts, reservation.at, reservation.tier)
        return None
