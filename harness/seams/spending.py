"""What calls that are paid one by one cost: said before they are made, and limited while they are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path


class Quote(NamedTuple):
    """What calls will consume, and cost at most. It is shown before they are made, and kept nowhere."""

    calls: int
    input_tokens: int
    """An estimate of all calls together."""
    input_tokens_at_most: int
    output_tokens_at_most: int | None
    """None: as many as the server allows."""
    usd: float | None = None
    """What they cost with the estimated input and the longest answers; None where they have no price."""
    usd_at_most: float | None = None


class Spend(NamedTuple):
    """What the calls of a plan may cost, all steps, attempts and runs on the same store together."""

    cap_usd: float
    ledger: Path
    """A file for what was paid, shared by all processes that use the store; it need not exist."""
    step: str
    """The fingerprint of the step that pays."""
    steps: frozenset[str]
    """The fingerprints of the plan's steps: what they have paid counts."""
