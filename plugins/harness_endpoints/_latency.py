"""Latencies of one answer from the times of its content chunks; all times in seconds, of one clock."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from harness_endpoints._usage import Usage


def first_token_s(start: float, chunks: Sequence[float]) -> float | None:
    """Return the time to the first chunk with content; None where none came."""
    return chunks[0] - start if chunks else None


def between_chunks_s(chunks: Sequence[float]) -> list[float]:
    """Return the gaps between content chunks; one chunk may hold several tokens."""
    return [later - sooner for sooner, later in pairwise(chunks)]


def end_to_end_s(start: float, chunks: Sequence[float]) -> float | None:
    """Return the time to the last chunk with content; None where none came."""
    return chunks[-1] - start if chunks else None


def per_output_token_s(chunks: Sequence[float], streamed_tokens: int | None) -> float | None:
    """Return the time from the first to the last content chunk by streamed token after the first.

    None where no more than one token, or an unknown number of them, came.
    """
    if not chunks or streamed_tokens is None or streamed_tokens <= 1:
        return None
    return (chunks[-1] - chunks[0]) / (streamed_tokens - 1)


def unseen_tokens(reasoning: str, chunks: Sequence[float], usage: Usage) -> int:
    """Return the output tokens that came in no chunk: the reasoning of a server that streams none of it.

    They are billed, and take time before the first chunk only. More chunks than other tokens hold the reasoning too.
    """
    hidden, output = usage.reasoning_tokens or 0, usage.output_tokens or 0
    return 0 if reasoning or len(chunks) > output - hidden else hidden
