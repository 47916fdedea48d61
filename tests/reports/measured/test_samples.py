"""Samples are shown, and nothing in them is markup."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import StoreError
from harness_reports.measured import samples
from harness_reports.prices.pricing import Pricing
from harness_reports.show.report import html

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
EVIL = "\"><script>alert('1')</script>"


def sample(caption: str = "a digit", media_type: str = "image/png", content: str = PNG) -> dict[str, str]:
    """Return a sample as a record keeps it."""
    return {"caption": caption, "media_type": media_type, "content": content}


def evaluated(bench: Any, shown: list[dict[str, str]], **changes: Any) -> list[Any]:
    """Return a case whose evaluation has samples."""
    records = bench.case(**changes)
    for record in records:
        if record.step == "evaluate":
            record.samples.extend(shown)
    return records


def test_pictures_are_embedded_and_texts_keep_their_lines() -> None:
    """A picture is a data: URI with its caption as alternative text."""
    page = samples.html([sample(), sample("said", "text/plain", "one\n  two")])

    assert f'<img alt="a digit" src="data:image/png;base64,{PNG}">' in page
    assert "<pre>one\n  two</pre><figcaption>said</figcaption>" in page


def test_nothing_in_a_sample_is_markup() -> None:
    """Captions and texts are escaped."""
    page = samples.html([sample(EVIL), sample(EVIL, "text/plain", EVIL)])

    assert "<script" not in page
    assert set(re.findall(r"</?(\w+)", page)) == {"div", "figure", "img", "figcaption", "pre"}


@given(caption=st.text(), text=st.text())
def test_a_sample_adds_no_tag(caption: str, text: str) -> None:
    """Whatever its text, the tags are the same."""
    page = samples.html([sample(caption), sample(caption, "text/plain", text)])

    assert page.count("<") == samples.html([sample(""), sample("", "text/plain", "")]).count("<")


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"content": EVIL}, "cannot be read"), ({"media_type": "image/svg+xml"}, "'image/svg\\+xml'")],
)
def test_a_sample_that_cannot_be_shown_is_an_error(changes: dict[str, str], message: str) -> None:
    """With its caption and the next step."""
    with pytest.raises(StoreError, match=f"'a digit'.*{message}.*Measure the step again"):
        samples.html([sample(**changes)])


def test_each_model_of_a_task_is_shown_once(bench: Any) -> None:
    """The newest of two seeds; models without samples are left out."""
    records = [
        *evaluated(bench, [sample("old")], seed=0),
        *evaluated(bench, [sample("new")], seed=1, fields={"started_at": "2026-11-24T10:00:00+00:00"}),
        *evaluated(bench, [], model="lstm", start="scratch"),
    ]

    assert [(title, record.samples[0]["caption"]) for title, record in samples.shown(records)] == [
        ("text-classification (packaged): bert tiny (pretrained)", "new"),
    ]  # fmt: skip


def test_the_report_shows_them(bench: Any, pricing: Pricing) -> None:
    """In their own section, which says so where there are none."""
    with_samples, without = (html(evaluated(bench, shown), pricing, []) for shown in ([sample(EVIL)], []))

    assert f"data:image/png;base64,{PNG}" in with_samples
    assert "<h3>text-classification (packaged): bert tiny (pretrained)</h3>" in with_samples
    assert EVIL not in with_samples
    assert "No task here shows samples." in without
