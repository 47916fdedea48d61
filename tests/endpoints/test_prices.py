"""What calls are paid by: the entry of the list, the price of usage, and a bound that no usage passes."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import SuiteError
from harness_endpoints._prices import COUNTS, TIERS, Entry, entry_of, is_local, tier_of, why_unpriced
from harness_endpoints._quote import LIKELY_IMAGE_TOKENS, _likely_input
from harness_endpoints._spend import (
    HIDDEN_TOKENS,
    IMAGE_TOKENS,
    LARGE_IMAGE_TOKENS,
    STEP,
    input_at_most,
    output_at_most,
)
from harness_endpoints._usage import Usage
from harness_endpoints.served import open_reference
from harness_reports.prices import usage as read

HOSTED, LOCAL = "https://api.openai.com/v1", "http://127.0.0.1:8000/v1"
DAY = datetime(2026, 11, 20, 12, tzinfo=UTC)
GPT = Entry("openai", "gpt-4o")
"""2.50 USD a million input tokens, 1.25 of cached ones, 10 a million output tokens."""
ENTRIES = [
    GPT,
    Entry("anthropic", "claude-haiku-4-5"),  # writing to the cache costs more than input
    Entry("perplexity", "sonar-deep-research"),  # reasoning has a price of its own, a lower one
    Entry("google", "gemini-2.5-pro"),  # prices rise with the length of the input
    Entry("deepseek", "deepseek-chat"),  # prices depend on the hour
]


@pytest.mark.parametrize(
    ("usage", "usd"),
    [
        (Usage(input_tokens=1000, output_tokens=100), "0.0035"),
        (Usage(input_tokens=1000, cached_tokens=800, output_tokens=100), "0.0025"),
        (Usage(input_tokens=1000, output_tokens=100, reasoning_tokens=90), "0.0035"),
        (Usage(input_tokens=0, output_tokens=0), "0"),
    ],
)
def test_prices_are_those_computed_by_hand(usage: Usage, usd: str) -> None:
    """Cached tokens are a part of the input, reasoning a part of the output: neither is paid twice."""
    assert GPT.usd(usage, DAY) == Decimal(usd)


def test_a_tier_that_costs_more_is_paid_and_a_cheaper_one_is_not_counted_on() -> None:
    """A server may answer a request for a cheaper tier at the standard price."""
    usage, entry = Usage(input_tokens=10**6, output_tokens=0), Entry("openai", "gpt-5")
    tiers = {name: entry.usd(usage, DAY, tier_of({"service_tier": name})) for name in ("default", "flex", "priority")}

    assert tier_of({"service_tier": None, "temperature": 1}) == ()
    assert tiers["flex"] == tiers["default"] == entry.usd(usage, DAY)
    assert tiers["priority"] > tiers["default"]


@given(
    entry=st.sampled_from(ENTRIES),
    hour=st.integers(0, 23),
    total=st.integers(0, 400_000),
    output=st.integers(0, 9000),
    parts=st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)),
    slack=st.tuples(st.integers(0, 300_000), st.integers(0, 100)),
)
def test_no_usage_within_the_bounds_costs_more(
    entry: Entry, hour: int, total: int, output: int, parts: Any, slack: Any
) -> None:
    """Whatever is cached, written to the cache or thought, in every tier of length."""
    cached = int(total * parts[0])
    usage = Usage(total, cached, int((total - cached) * parts[1]), output, int(output * parts[2]))
    at = DAY.replace(hour=hour)

    assert entry.usd(usage, at) <= entry.usd_at_most(total + slack[0], output + slack[1], at)


def test_a_part_may_cost_more_than_the_whole() -> None:
    """The bound of an entry whose writes to the cache cost more than its input is that of such writes."""
    usage = Usage(input_tokens=10**6, output_tokens=0)

    assert ENTRIES[1].usd(usage, DAY) == 1
    assert ENTRIES[1].usd_at_most(10**6, 0, DAY) == Decimal("1.25")


def test_an_entry_is_found_by_the_url_or_by_its_name() -> None:
    """A server of one's own has no price, unless one is named; neither has a host that the list does not know."""
    assert entry_of("gpt-4o", HOSTED, "") == GPT
    assert entry_of("my-deployment", LOCAL, "openai/gpt-4o") == GPT
    assert entry_of("gpt-4o", LOCAL, "") is None
    assert entry_of("gpt-4o", "https://models.example.org/v1", "") is None
    assert entry_of("x", HOSTED, "openrouter/openai/gpt-4o") == Entry("openrouter", "openai/gpt-4o")


@pytest.mark.parametrize(
    "url",
    [
        "https://API.OpenAI.com/v1",
        "HTTPS://api.openai.com/v1",
        "http://api.openai.com/v1",
        "https://Api.OpenAI.com:443/v1",
    ],
)
def test_scheme_and_host_are_written_in_any_case(url: str) -> None:
    """Before a call and when a record is read: what is asked at a provider is paid, however its URL is spelt."""
    listing = read.listing(url, "gpt-4o", DAY.date())

    assert entry_of("gpt-4o", url, "") == GPT
    assert listing is not None
    assert (listing.provider, listing.model) == GPT


@pytest.mark.parametrize("url", ["https://api.openai.com/v1", "HTTPS://API.OpenAI.com/v1", ""])
def test_a_reference_has_its_url_whatever_its_case(url: str) -> None:
    """Else it would be a part of the name, and the model be asked elsewhere."""
    model = open_reference(f"team/a@b@{url}" if url else "team/a@b")

    assert (model.name, model.settings["base_url"].default) == ("openai:team/a@b", url)


@pytest.mark.parametrize(
    ("url", "priced_as", "unpriced"),
    [
        ("https://models.example.org/v1", "", True),
        ("https://models.example.org/v1", "openai/gpt-4o", False),
        ("https://API.OpenAI.com/v1", "", False),
        (LOCAL, "", False),
    ],
)
def test_a_hosted_server_without_a_price_is_said(url: str, priced_as: str, unpriced: bool) -> None:
    """No cap holds for it; a server of one's own is not paid by the token."""
    sentence = why_unpriced(url, priced_as)

    assert (sentence is not None) is unpriced
    assert not unpriced or "no cap holds for calls to it. If they are paid by the token, name the entry of" in str(
        sentence
    )


def test_what_is_free_has_no_price() -> None:
    """Some entries cost nothing: no cap is asked for."""
    assert entry_of("google/gemma-3-27b-it:free", "https://openrouter.ai/api/v1", "") is None


@pytest.mark.parametrize(
    ("name", "priced_as", "sentence"),
    [
        ("gpt-4oo", "", r"has no price of 'gpt-4oo' at openai\. The nearest: gpt-4o, .*priced_as: openai/MODEL\."),
        ("x", "openai/nothing-like-it", "has no price of 'nothing-like-it' at openai"),
        ("x", "opnai/gpt-4o", r"has no provider 'opnai'\. The nearest: openai"),
        ("x", "gpt-4o", r"Write PROVIDER/MODEL, as in openai/gpt-4o\."),
    ],
)
def test_an_unknown_entry_is_refused_with_the_nearest(name: str, priced_as: str, sentence: str) -> None:
    """A hosted model without a known price could cost anything."""
    with pytest.raises(SuiteError, match=sentence):
        entry_of(name, HOSTED, priced_as)


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1:8000", True), ("[::1]:80", True), ("192.168.1.5", True), ("localhost", True), ("box.local", True),
     ("8.8.8.8", False), ("api.openai.com", False), ("localhost.example.com", False)],
)  # fmt: skip
def test_which_hosts_are_local(host: str, local: bool) -> None:
    """This machine and private networks."""
    assert is_local(f"http://{host}/v1") is local


def _chat(*texts: Any) -> dict[str, Any]:
    return {"model": "tiny", "messages": [{"role": "user", "content": text} for text in texts]}


@given(st.lists(st.text(max_size=200), min_size=1, max_size=5), st.text(max_size=100))
def test_no_tokenizer_makes_more_tokens_than_there_are_bytes(texts: list[str], schema: str) -> None:
    """One token a byte is the most; the marks of a chat template and what a request carries beside are within."""
    bound = input_at_most({**_chat(*texts), "response_format": {"schema": schema}})
    size = sum(len(text.encode()) for text in [*texts, schema])

    assert bound >= size + HIDDEN_TOKENS + 8 * len(texts)
    assert bound % STEP == 0


def test_a_picture_counts_however_small_it_is() -> None:
    """Its tokens have nothing to do with its bytes."""
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    text = {"type": "text", "text": "What is it?"}

    assert input_at_most(_chat([text, picture, picture])) > 2 * IMAGE_TOKENS > input_at_most(_chat([text, text]))


def test_the_bytes_of_a_picture_are_no_tokens_of_text() -> None:
    """Of a large one a million tokens were reserved; a text that looks like such a URL counts as it is."""
    url = f"data:image/png;base64,{'A' * 10**6}"
    picture = {"type": "image_url", "image_url": {"url": url, "detail": "high"}}

    bound = input_at_most(_chat([picture, picture]))
    assert 2 * LARGE_IMAGE_TOKENS < bound < 2 * LARGE_IMAGE_TOKENS + 1000
    assert 2 * LIKELY_IMAGE_TOKENS < _likely_input(_chat([picture, picture])) < 2 * LIKELY_IMAGE_TOKENS + 100
    assert input_at_most(_chat([{"type": "text", "text": url}])) > 10**6
    assert input_at_most(_chat(url)) > 10**6


@pytest.mark.parametrize(
    ("fields", "most"),
    [
        ({}, None),
        ({"max_tokens": 0}, None),
        ({"max_tokens": -1}, None),
        ({"max_tokens": 20, "max_completion_tokens": -1}, None),
        ({"max_tokens": "20"}, None),
        ({"max_tokens": 20}, 20),
        ({"max_completion_tokens": 30}, 30),
        ({"max_tokens": 20, "n": 3}, 60),
        ({"max_tokens": 20, "n": 2, "best_of": 4}, 80),
    ],
)
def test_the_longest_answer(fields: dict[str, Any], most: int | None) -> None:
    """Several answers to one request are all paid."""
    assert output_at_most(fields) == most


def test_tokens_are_priced_by_the_same_names_before_a_call_and_when_they_are_read() -> None:
    """The cap and the cost table do not import each other."""
    assert read.COUNTS == COUNTS
    assert read.TIERS == TIERS


@pytest.mark.parametrize("model", ["gpt-4o-mini", "no-such-model"])
@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1", "HTTPS://API.OpenAI.com/v1", "http://api.openai.com/v1", "https://api.openai.com/v1/",
        "https://api.openai.com:443/v1", "https://openai.com.example/v1", "http://127.0.0.1:8000/v1",
        "https://generativelanguage.googleapis.com/v1beta/openai",
    ],
)  # fmt: skip
def test_a_price_is_found_by_the_same_urls_before_a_call_and_when_it_is_read(url: str, model: str) -> None:
    """What is capped is what is shown, however the URL is written."""
    after = read.listing(url, model, DAY.date())
    try:
        before = entry_of(model, url, "")
    except SuiteError:  # a provider of the list without this model: it is asked only under another entry's name
        before = None

    assert (before is None) == (after is None)
    assert before is None or after is None or before.provider == after.provider
