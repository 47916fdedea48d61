"""The page of runs shows what is done now, on which host, and since when."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from harness.store import open_store


@pytest.mark.parametrize("language", ["en", "zh"])
def test_steps_under_way_are_shown_until_they_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_page: Any, language: str
) -> None:
    """With the name of the step as a run prints it."""
    location = str(tmp_path / "store")
    run = open_store(location, create=True)
    monkeypatch.setenv("HARNESS_STORE", location)
    assert not _shown(open_page("runs_page", language))
    assert run.claims.take("a" * 64)
    assert run.claims.take_host("finetune mlp on text-classification (seed 0)", alone=False)
    (row,) = _shown(open_page("runs_page", language))
    run.close()

    assert row[:2] == ["finetune mlp on text-classification (seed 0)", platform.node()]
    assert abs((datetime.fromisoformat(f"{row[2]}+00:00") - datetime.now(UTC)).total_seconds()) < 60
    assert not _shown(open_page("runs_page", language))


def _shown(page: Any) -> list[list[str]]:
    """Return the rows of what runs now."""
    assert not page.exception
    titles = {"Running now", "正在运行"}
    if not titles & {heading.value for heading in page.subheader}:
        return []
    return [[str(value) for value in row] for row in page.dataframe[0].value.to_numpy()]
