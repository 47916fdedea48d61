"""Samples: what they show, and that nothing in them is obeyed."""

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


def evaluated(bench: Any, own: list[dict[str, str]], **changes: Any) -> list[Any]:
    """Return a case whose evaluation has samples."""
    records = bench.case(**changes)
    for record in records:
        if record.step == "evaluate":
            record.samples.extend(own)
    return records


def test_pictures_are_in_the_page_and_texts_as_they_are() -> None:
    """A picture is a data: URI with its caption as alternative text, a text keeps its lines."""
    page = samples.html([sample(), sample("said", "text/plain", "one\n  two")])

    assert f'<img alt="a digit" src="data:image/png;base64,{PNG}">' in page
    assert "<pre>one\n  two</pre><figcaption>said</figcaption>" in page


def test_nothing_in_a_sample_is_markup() -> None:
    """Neither a caption nor a text closes an attribute or opens a tag."""
    page = samples.html([sample(EVIL), sample(EVIL, "text/plain", EVIL)])

    assert "<script" not in page
    assert set(re.findall(r"</?(\w+)", page)) == {"div", "figure", "img", "figcaption", "pre"}


@given(caption=st.text(), text=st.text())
def test_tags_of_a_sample_are_our_own(caption: str, text: str) -> None:
    """Whatever is written in it, there are as many tags as without it."""
    page = samples.html([sample(caption), sample(caption, "text/plain", text)])

    assert page.count("<") == samples.html([sample(""), sample("", "text/plain", "")]).count("<")


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"content": EVIL}, "cannot be read"), ({"media_type": "image/svg+xml"}, "'image/svg\\+xml'")],
)
def test_a_sample_that_cannot_be_shown_is_told(changes: dict[str, str], told: str) -> None:
    """With its caption and what to do next."""
    with pytest.raises(StoreError, match=f"'a digit'.*{told}.*Measure the step again"):
        samples.html([sample(**changes)])


def test_each_model_of_a_task_is_shown_once(bench: Any) -> None:
    """Of two seeds the newest; a model without samples is left out."""
    records = [
        *evaluated(bench, [sample("old")], seed=0),
        *evaluated(bench, [sample("new")], seed=1, fields={"started_at": "2026-11-24T10:00:00+00:00"}),
        *evaluated(bench, [], model="lstm", start="scratch"),
    ]

    assert [(title, record.samples[0]["caption"]) for title, record in samples.shown(records)] == [
        ("text-classification (packaged): bert tiny (pretrained)", "new"),
    ]  # fmt: skip


def test_the_report_shows_them(bench: Any, pricing: Pricing) -> None:
    """In a section of their own, which says so where there are none."""
    with_samples, without = (html(evaluated(bench, own), pricing, []) for own in ([sample(EVIL)], []))

    assert f"data:image/png;base64,{PNG}" in with_samples
    assert "<h3>text-classification (packaged): bert tiny (pretrained)</h3>" in with_samples
    assert EVIL not in with_samples
    assert "No task here shows samples." in without
