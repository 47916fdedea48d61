"""Every page opens on every kind of store, and shows names as text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import harness_dashboards
from harness_dashboards.texts import TEXTS

APP = Path(harness_dashboards.__file__).with_name("app.py")
PAGES = ("verdicts", "case", "cost", "compare", "plan", "origin", "runs")


@pytest.fixture
def app(odd_store: Any) -> Any:
    """Open the dashboard at its first page."""
    return AppTest.from_file(str(APP), default_timeout=120).run()


def test_every_page_opens(app: Any, odd_store: Any) -> None:
    """Without a traceback; a missing store is a sentence."""
    for page in PAGES:
        app.session_state["go"] = page
        app.run()

        assert not app.exception, page
        assert app.title[0].value == TEXTS["en"][f"{page}_title"]
        assert bool(app.error) == (odd_store.kind == "no store" and page != "plan"), page
