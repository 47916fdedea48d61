"""Latencies from recorded times, usage as servers send it, and the pauses between tries."""

from __future__ import annotations

from datetime import UTC, datetime
from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_endpoints._latency import between_chunks_s, end_to_end_s, first_token_s, per_output_token_s
from harness_endpoints._retry import Backoff, retry_after_s
from harness_endpoints._usage import Usage, read_usage, usage_fault

RECORDED = [10.25, 10.5, 10.5, 11.0]
"""Four chunks of an answer that was to begin at 10: two of them came in one piece."""


def test_latencies_of_recorded_chunks() -> None:
    """By the definitions of the field; a chunk is not a token."""
    assert first_token_s(10.0, RECORDED) == 0.25
    assert between_chunks_s(RECORDED) == [0.25, 0.0, 0.5]
    assert end_to_end_s(10.0, RECORDED) == 1.0
    assert per_output_token_s(RECORDED, 4) == 0.25
    assert per_output_token_s(RECORDED, 7) == 0.125


@pytest.mark.parametrize("output_tokens", [None, 0, 1])
def test_no_time_per_token_of_one_token_or_an_unknown_number(output_tokens: int | None) -> None:
    """Missing is None."""
    assert per_output_token_s(RECORDED, output_tokens) is None


def test_no_latencies_of_an_empty_answer() -> None:
    """Missing is None, and no gap."""
    assert (first_token_s(1.0, []), end_to_end_s(1.0, []), per_output_token_s([], 5)) == (None, None, None)
    assert between_chunks_s([]) == between_chunks_s([1.0]) == []


@given(st.lists(st.floats(0, 1e6), min_size=1).map(sorted), st.integers(2, 1000))
def test_gaps_and_time_per_token_add_up(chunks: list[float], output_tokens: int) -> None:
    """To the end minus the first token."""
    span = end_to_end_s(0.0, chunks) - first_token_s(0.0, chunks)  # type: ignore[operator]

    assert sum(between_chunks_s(chunks)) == pytest.approx(span, abs=1e-6)
    assert per_output_token_s(chunks, output_tokens) * (output_tokens - 1) == pytest.approx(span)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        (None, Usage()),
        ({"prompt_tokens": 9, "completion_tokens": 3}, Usage(9, None, None, 3, None)),
        ({"prompt_tokens": 9, "prompt_tokens_details": None, "completion_tokens_details": None}, Usage(9)),
        (
            {
                "prompt_tokens": 9,
                "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
                "completion_tokens": 8,
                "completion_tokens_details": {"reasoning_tokens": 5},
            },
            Usage(9, 4, 2, 8, 5),
        ),
        ({"prompt_tokens": 9, "prompt_cache_hit_tokens": 4, "reasoning_tokens": 1}, Usage(9, 4, None, None, 1)),
        ({"prompt_tokens": 9, "cache_creation_input_tokens": 7}, Usage(9, None, 7)),
        ({"prompt_tokens": -1, "completion_tokens": "3"}, Usage()),
        ({"prompt_tokens": True, "completion_tokens": 3.5}, Usage()),
    ],
)
def test_usage_is_what_the_server_says(usage: dict[str, object] | None, counts: Usage) -> None:
    """None where it says nothing, or what is no count; never 0 for what is missing."""
    assert read_usage(usage) == counts


@pytest.mark.parametrize(
    ("usage", "words"),
    [
        ({"completion_tokens": -3}, "-3 as output_tokens"),
        ({"prompt_tokens": "9"}, "'9' as input_tokens"),
        ({"completion_tokens": 21}, "21 output_tokens, and max_tokens is 20"),
        ({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 10}}, "10 cached_tokens within 9"),
        ({"completion_tokens": 2, "reasoning_tokens": 3}, "3 reasoning_tokens within 2"),
    ],
)
def test_impossible_usage_is_named(usage: dict[str, object], words: str) -> None:
    """With what the server reports."""
    assert words in str(usage_fault(usage, 20))


def beside(first: int, last: int, reasoning: int, total: int) -> dict[str, object]:
    """Return usage as xAI reports it."""
    details = {"reasoning_tokens": reasoning}
    counts = {"prompt_tokens": first, "completion_tokens": last, "total_tokens": total}
    return {**counts, "completion_tokens_details": details}


@pytest.mark.parametrize(
    ("usage", "output"),
    [
        (beside(32, 9, 94, 135), 103),  # the example of xAI's documentation
        (beside(10120, 1499, 1000, 12619), 2499),
        (beside(12, 1, 386, 399), 387),
        (beside(32, 90, 50, 122), 90),  # OpenAI: reasoning is a part of the output
        (beside(32, 90, 0, 122), 90),
        (beside(32, 90, 50, 1000), 90),  # a total that tells neither
    ],
)
def test_reasoning_is_output_whether_a_server_counts_it_within_or_beside(usage: dict[str, Any], output: int) -> None:
    """It is billed as output; the total tells where it is reported beside it."""
    assert read_usage(usage).output_tokens == output
    assert usage_fault(usage) is None


@pytest.mark.parametrize(
    ("provider", "usage"),
    [("x-ai", beside(10120, 1499, 1000, 12619)), ("openai", beside(10120, 1499, 1000, 11619))],
)
def test_output_is_that_of_the_list_of_prices(provider: str, usage: dict[str, Any]) -> None:
    """By its own reading of what the provider reports."""
    from genai_prices import extract_usage

    model = {"x-ai": "grok-4", "openai": "gpt-5"}[provider]
    theirs = extract_usage({"model": model, "usage": usage}, provider_id=provider, api_flavor="chat").usage

    assert (read_usage(usage).input_tokens, read_usage(usage).output_tokens) == (
        theirs.input_tokens,
        theirs.output_tokens,
    )


def test_reasoning_beside_the_output_is_within_max_tokens_or_a_fault() -> None:
    """What was reserved does not cover more: the step ends by name."""
    assert usage_fault(beside(32, 9, 94, 135), 103) is None
    assert "103 output_tokens, and max_tokens is 102" in str(usage_fault(beside(32, 9, 94, 135), 102))


def test_possible_usage_has_no_fault() -> None:
    """Nor has none, nor as many tokens as were allowed."""
    assert usage_fault(None, 20) is usage_fault({}, 20) is usage_fault({"completion_tokens": 20}, 20) is None


@given(st.integers(1, 5), st.none() | st.floats(0, 60))
def test_a_pause_is_within_its_bounds(tried: int, wait_s: float | None) -> None:
    """Never shorter than the server asks, never much longer than that or the doubled first pause."""
    pause_s = Backoff().pause_s(tried, wait_s)

    assert pause_s is not None
    assert max(0.25 * 2 ** (tried - 1), wait_s or 0) <= pause_s <= max(0.5 * 2 ** (tried - 1), (wait_s or 0) * 1.1)


def test_there_is_an_end_of_tries() -> None:
    """After the last try, and where the server asks for too long a pause."""
    assert Backoff(tries=3).pause_s(3, None) is None
    assert Backoff(longest_s=60).pause_s(1, 61) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("120", 120.0),
        ("-5", 0.0),
        ("1.5", 1.5),
        ("9" * 400, inf),
        ("1e3", None),
        ("nan", None),
        ("Fri, 27 Nov 99999999999 12:00:30 GMT", None),
        ("Fri, 27 Nov 2026 12:00:30 GMT", 30.0),
        ("Fri, 27 Nov 2026 11:00:00 GMT", 0.0),
        ("Fri, 27 Nov 2026 12:00:30 -0000", 30.0),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    """What is neither says nothing."""
    assert retry_after_s(header, datetime(2026, 11, 27, 12, tzinfo=UTC)) == seconds
