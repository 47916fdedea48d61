"""Mistyped paths are told from names on the hub."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.paths import missing


@pytest.fixture(autouse=True)
def _somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with a file and a folder of data."""
    (tmp_path / "zh.csv").touch()
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "one.parquet").touch()
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("source", "near"),
    [
        ("zh.csvv", "zh.csv"), ("zh.cvs", "zh.csv"), ("zhh.csv", "zh.csv"), ("picture", "pictures"),
        ("pictures/on.parket", "pictures/one.parquet"), ("./pictures/ones.parquet", "pictures/one.parquet"),
    ],
)  # fmt: skip
def test_a_mistyped_path_is_answered_with_the_nearest_name(source: str, near: str) -> None:
    """No request to the hub is needed."""
    assert missing(source).startswith(f"There is no file or folder {source}. Did you mean '{near}'?")


@pytest.mark.parametrize("source", ["/nowhere", "./a", "~/b", "c.json", "d/e.TSV"])
def test_what_can_only_be_a_path_is_missing(source: str) -> None:
    """Also where nothing has such a name."""
    assert "There is no file or folder" in missing(source)


@pytest.mark.parametrize("source", ["zh.csv", "pictures", "imdb", "stanfordnlp/sst2", "owner/name-v1.5@main", "zh"])
def test_what_exists_or_may_be_on_the_hub_is_not(source: str) -> None:
    """A bare name, `owner/name`, and versions with a dot."""
    assert missing(source) == ""
