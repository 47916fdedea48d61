"""What a call consumed, as the server counts it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class Usage(NamedTuple):
    """Tokens of one answer; None where the server says nothing, or what no count can be."""

    input_tokens: int | None = None
    """All tokens of the prompt, with those from and to the cache."""
    cached_tokens: int | None = None
    """Those of the input that were read from the cache."""
    cache_write_tokens: int | None = None
    """Those of the input that were written to the cache."""
    output_tokens: int | None = None
    """All tokens of the answer, with those of reasoning."""
    reasoning_tokens: int | None = None
    """Those of the output that are no part of the text."""


PLACES: dict[str, tuple[tuple[str, ...], ...]] = {
    "input_tokens": (("prompt_tokens",),),
    "cached_tokens": (("prompt_tokens_details", "cached_tokens"), ("prompt_cache_hit_tokens",)),
    "cache_write_tokens": (("prompt_tokens_details", "cache_write_tokens"), ("cache_creation_input_tokens",)),
    "output_tokens": (("completion_tokens",),),
    "reasoning_tokens": (("completion_tokens_details", "reasoning_tokens"), ("reasoning_tokens",)),
}
"""Where each count stands: OpenAI's place, then those of DeepSeek, LiteLLM and SGLang."""


def read_usage(usage: Mapping[str, Any] | None) -> Usage:
    """Return the counts of a `usage` object of OpenAI's form."""
    counts = {name: _first(usage or {}, places) for name, places in PLACES.items()}
    read = Usage(**{name: count if _is_count(count) else None for name, count in counts.items()})
    return _with_reasoning(read, (usage or {}).get("total_tokens"))


def _with_reasoning(read: Usage, total: Any) -> Usage:
    """Return counts whose output has the reasoning, as OpenAI's. xAI reports it beside the output: its total tells."""
    first, last, reasoning = read.input_tokens, read.output_tokens, read.reasoning_tokens
    if first is None or last is None or not reasoning or total != first + last + reasoning:
        return read
    return read._replace(output_tokens=last + reasoning)


def usage_fault(
    usage: Mapping[str, Any] | None, max_tokens: int | None = None, input_at_most: int | None = None
) -> str | None:
    """Return what is wrong with a `usage` object; None where its counts are possible, or where there is none."""
    return next(_faults(usage, max_tokens, input_at_most), None) if usage else None


def _faults(usage: Mapping[str, Any], max_tokens: int | None, input_at_most: int | None) -> Iterator[str]:
    for name, places in PLACES.items():
        count = _first(usage, places)
        if count is not None and not _is_count(count):
            yield f"The server reports {count!r} as {name}"
    counts = read_usage(usage)
    for part, whole in (("cached_tokens", "input_tokens"), ("reasoning_tokens", "output_tokens")):
        within, total = getattr(counts, part), getattr(counts, whole)
        if within is not None and total is not None and within > total:
            yield f"The server reports {within} {part} within {total} {whole}"
    if max_tokens is not None and (counts.output_tokens or 0) > max_tokens:
        yield f"The server reports {counts.output_tokens} output_tokens, and max_tokens is {max_tokens}"
    if input_at_most is not None and (counts.input_tokens or 0) > input_at_most:
        yield f"The server reports {counts.input_tokens} input_tokens, and no more than {input_at_most} were reserved"


def _first(usage: Mapping[str, Any], places: tuple[tuple[str, ...], ...]) -> Any:
    """Return the value at the first place that has one."""
    return next((value for place in places if (value := _at(usage, place)) is not None), None)


def _at(usage: Any, place: tuple[str, ...]) -> Any:
    for name in place:
        usage = usage.get(name) if isinstance(usage, Mapping) else None
    return usage


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
