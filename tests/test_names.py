"""What data are called: after their file, folder or id; and which names are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.names import LONGEST, default_name, is_data_name


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (None, "packaged"), ("reviews.csv", "reviews"), ("data/reviews.jsonl", "reviews"), ("/gone/reviews", "reviews"),
        ("stanfordnlp/sst2", "stanfordnlp/sst2"), ("Acrobot-v1", "Acrobot-v1"),
        ("my_games:Mine-v0", "my_games:Mine-v0"), ("a.b:Name-v0", "a.b:Name-v0"), ("评论.csv", "评论"),
        ("a<b>&c.csv", "a-b--c"), ("=1+1.csv", "1+1"), ("...", "data"), ("x" * 200 + ".csv", "x" * LONGEST),
    ],
)  # fmt: skip
def test_data_are_called_after_where_they_are(source: str | None, name: str) -> None:
    """A file's name without its ending; what means something to a page or a spreadsheet is left out."""
    assert default_name(source) == name


def test_a_folder_gives_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that stands beside others of a folder, and the current one too."""
    (tmp_path / "photos" / "v1.0").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "photos")

    assert [default_name(name) for name in (".", "v1.0", str(tmp_path / "photos"))] == ["photos", "v1.0", "photos"]


@given(source=st.text(max_size=400))
def test_every_default_name_may_be_given(source: str) -> None:
    """Whatever a file is called, its data have a name that is allowed."""
    assert is_data_name(default_name(source))


@pytest.mark.parametrize("name", ["", " ", "a ", "<b>", "=1", "a\nb", "-x", "a\x1b[0m", "x" * (LONGEST + 1), "a|b"])
def test_names_that_could_do_harm_are_refused(name: str) -> None:
    """Names go into tables, pages and command lines as they are."""
    assert not is_data_name(name)
