"""Artifacts: whole or not at all, and what killed runs left is swept without touching a run at work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.artifacts import UNFINISHED, Artifacts, size_bytes
from harness.errors import StoreError

FINGERPRINT = "ab" + "c" * 62


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    """Return an empty place for artifacts."""
    return Artifacts(tmp_path / "artifacts")


def _written(artifacts: Artifacts, text: str) -> Path:
    scratch = artifacts.scratch()
    (scratch / "weights").write_text(text, encoding="utf-8")
    return scratch


def test_a_kept_artifact_lies_under_its_fingerprint(artifacts: Artifacts) -> None:
    """The scratch folder is gone, the content is there."""
    scratch = _written(artifacts, "new")
    artifacts.keep(scratch, FINGERPRINT)

    assert (artifacts.path(FINGERPRINT) / "weights").read_text(encoding="utf-8") == "new"
    assert not scratch.exists()


def test_what_a_killed_run_moved_without_a_record_is_replaced(artifacts: Artifacts) -> None:
    """The later step's artifact is the one that has a record."""
    artifacts.keep(_written(artifacts, "without a record"), FINGERPRINT)
    artifacts.keep(_written(artifacts, "with one"), FINGERPRINT)

    assert (artifacts.path(FINGERPRINT) / "weights").read_text(encoding="utf-8") == "with one"


def test_sweeping_leaves_a_run_at_work_alone(artifacts: Artifacts) -> None:
    """Folders of processes that are gone are removed; ours, and what is finished, stay."""
    ours = _written(artifacts, "in flight")
    artifacts.keep(_written(artifacts, "finished"), FINGERPRINT)
    gone = subprocess.Popen([sys.executable, "-c", "pass"])
    gone.wait()
    theirs = artifacts.root / f"{UNFINISHED}{gone.pid}-x"
    theirs.mkdir()
    artifacts.sweep()

    assert ours.is_dir()
    assert artifacts.path(FINGERPRINT).is_dir()
    assert not theirs.exists()


def test_what_is_of_nobody_is_swept(artifacts: Artifacts) -> None:
    """A folder under a name that names no process, as a plugin might make it, stops nothing."""
    (artifacts.root / "unfinished-by-a-plugin").mkdir(parents=True)
    artifacts.sweep()

    assert list(artifacts.root.iterdir()) == []


def test_a_root_that_is_no_folder_is_told(artifacts: Artifacts) -> None:
    """The store cannot be written: that is an error of the harness, with a remedy."""
    artifacts.root.parent.mkdir(parents=True, exist_ok=True)
    artifacts.root.touch()

    with pytest.raises(StoreError, match=r"Artifacts cannot be written to '.*': File exists\. Free some space"):
        artifacts.scratch()


def test_sweeping_nothing_is_fine(artifacts: Artifacts) -> None:
    """A store that was never written has no folder yet."""
    artifacts.sweep()

    assert not artifacts.root.exists()


def test_the_size_is_that_of_all_files(tmp_path: Path) -> None:
    """Folders below count too."""
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "b").write_bytes(b"123")

    assert size_bytes(tmp_path) == 8
