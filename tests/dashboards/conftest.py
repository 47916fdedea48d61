"""A store of the walk's records, with samples and a second metric in an evaluation."""

from __future__ import annotations

import base64
import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

EVIL = "*four* <img src=x onerror=alert(1)>"


@pytest.fixture(scope="session")
def sampled(walked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with the walk's records; the evaluation of tf-idf has a picture, a text and a second metric."""
    from harness.store import open_store, peek_records

    folder = tmp_path_factory.mktemp("sampled") / "store"
    store = open_store(str(folder), create=True)
    for record in peek_records(str(walked / "store")):
        evaluated = record.step == "evaluate" and record.spec["model"] == "tfidf"
        second = {"name": "misses", "unit": "share", "column": "misses", "higher_is_better": False, "ceiling": 1.0}
        changes = {"samples": _samples(), "metrics": [*record.metrics, {**second, "random_baseline": None}]}
        changes["scores"] = {**record.scores, "misses": [1 - score for score in record.scores.get("correct", [])]}
        store.add(replace(record, **changes) if evaluated else record)
    store.close()
    return folder


def _samples() -> list[dict[str, str]]:
    from PIL import Image

    stream = io.BytesIO()
    Image.linear_gradient("L").save(stream, "PNG")
    picture = base64.b64encode(stream.getvalue()).decode()
    return [
        {"caption": EVIL, "media_type": "image/png", "content": picture},
        {"caption": "a text", "media_type": "text/plain", "content": "first line\n  <b>second</b> line"},
    ]


@pytest.fixture(autouse=True)
def _main_stays() -> Iterator[None]:
    """Restore `__main__`: Streamlit's AppTest leaves its script there, which a fork server would run again."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture
def store(sampled: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let pages read the store at the cloud's prices."""
    monkeypatch.setenv("HARNESS_STORE", str(sampled))
    monkeypatch.setenv("HARNESS_PRICE_BOOK", "cloud")
    return sampled


def _page(name: str, language: str) -> None:
    """Show one page: AppTest cannot open a page of `st.navigation` by its name."""
    import importlib

    from harness_dashboards.texts import TEXTS

    importlib.import_module(f"harness_dashboards.{name}").show(TEXTS[language])


@pytest.fixture
def open_page() -> Callable[..., Any]:
    """Return a function that opens a page by its module's name."""
    from streamlit.testing.v1 import AppTest

    def opened(name: str, language: str = "en") -> Any:
        app = AppTest.from_function(_page, default_timeout=60, kwargs={"name": name, "language": language}).run()
        assert not app.exception
        return app

    return opened
