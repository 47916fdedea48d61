"""Artifacts: whole or not at all, and what killed runs left is swept without touching a run at work."""

from __future__ import annotations

import hashlib
import os
import shutil
from functools import partial
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


def test_a_kept_artifact_lies_under_fingerprint_and_digest(artifacts: Artifacts) -> None:
    """The scratch folder is gone, the content is there; the digest is that of the names and contents."""
    scratch = _written(artifacts, "new")
    digest = artifacts.keep(scratch, FINGERPRINT)
    kept = artifacts.path(FINGERPRINT, digest)
    line = f"weights {hashlib.sha256(b'new').hexdigest()}\n"

    assert digest == hashlib.sha256(line.encode()).hexdigest()
    assert (kept / "weights").read_text(encoding="utf-8") == "new"
    assert kept.name.startswith(FINGERPRINT)
    assert artifacts.is_intact(FINGERPRINT, digest)
    assert not scratch.exists()


def test_two_runs_of_one_step_keep_both_artifacts(artifacts: Artifacts) -> None:
    """The first one is not replaced: its record may be the one that counts."""
    first = artifacts.keep(_written(artifacts, "one run's"), FINGERPRINT)
    second = artifacts.keep(_written(artifacts, "another's"), FINGERPRINT)

    assert first != second
    assert artifacts.is_intact(FINGERPRINT, first)
    assert artifacts.is_intact(FINGERPRINT, second)


def test_the_same_content_is_kept_once(artifacts: Artifacts) -> None:
    """What is there stays as it is, with the times of its files."""
    digest = artifacts.keep(_written(artifacts, "same"), FINGERPRINT)
    before = (artifacts.path(FINGERPRINT, digest) / "weights").stat().st_ino
    again = artifacts.keep(_written(artifacts, "same"), FINGERPRINT)

    assert again == digest
    assert (artifacts.path(FINGERPRINT, digest) / "weights").stat().st_ino == before
    assert list(artifacts.root.glob(f"{UNFINISHED}*")) == []


@pytest.mark.parametrize("damage", ["altered", "truncated", "renamed", "added", "removed"])
def test_damage_is_seen_and_mended(artifacts: Artifacts, damage: str) -> None:
    """A step that is done again puts the right content in the place of the damaged one."""
    digest = artifacts.keep(_written(artifacts, "weights of a network"), FINGERPRINT)
    folder = artifacts.path(FINGERPRINT, digest)
    file = folder / "weights"
    {
        "altered": lambda: file.write_text("weights of a NETWORK", encoding="utf-8"),
        "truncated": lambda: file.write_text("weights", encoding="utf-8"),
        "renamed": lambda: file.rename(folder / "other"),
        "added": (folder / "more").touch,
        "removed": partial(shutil.rmtree, folder),
    }[damage]()

    assert not artifacts.is_intact(FINGERPRINT, digest)
    assert artifacts.keep(_written(artifacts, "weights of a network"), FINGERPRINT) == digest
    assert artifacts.is_intact(FINGERPRINT, digest)
    assert [file.name for file in folder.iterdir()] == ["weights"]
    assert list(artifacts.root.glob(f"{UNFINISHED}*")) == []


def test_an_artifact_without_a_digest_is_read_as_it_is(artifacts: Artifacts) -> None:
    """Records of before version 10 have none: it lies under its fingerprint alone."""
    folder = artifacts.path(FINGERPRINT, None)
    missing = artifacts.is_intact(FINGERPRINT, None)
    folder.mkdir(parents=True)

    assert folder == artifacts.root / FINGERPRINT[:2] / FINGERPRINT
    assert not missing
    assert artifacts.is_intact(FINGERPRINT, None)


def test_what_is_kept_is_on_the_disk_before_it_is_named(artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file and folder is flushed before the move, and the folder that names it after it."""
    flushed: list[tuple[str, bool]] = []
    flush = os.fsync

    def watched(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").resolve()
        moved = any(artifacts.root.glob("ab/*"))
        flushed.append((path.name.partition("-")[0], moved))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    scratch = _written(artifacts, "new")
    (scratch / "parts").mkdir()
    (scratch / "parts" / "first").write_text("1", encoding="utf-8")
    artifacts.keep(scratch, FINGERPRINT)

    assert {name for name, moved in flushed if not moved} == {"weights", "parts", "first", "unfinished"}
    assert [name for name, moved in flushed if moved] == ["ab", "artifacts"]


def test_sweeping_leaves_runs_at_work_alone(artifacts: Artifacts) -> None:
    """Folders of runs that are gone are removed; those of the living, ours or others', and what is finished, stay."""
    ours = _written(artifacts, "in flight")
    digest = artifacts.keep(_written(artifacts, "finished"), FINGERPRINT)
    another = Artifacts(artifacts.root)
    theirs, gone = _written(another, "in flight, too"), _written(Artifacts(artifacts.root), "left behind")
    artifacts.sweep({artifacts.owner, another.owner})

    assert ours.is_dir()
    assert theirs.is_dir()
    assert artifacts.path(FINGERPRINT, digest).is_dir()
    assert not gone.exists()


def test_what_is_of_nobody_is_swept(artifacts: Artifacts) -> None:
    """A folder under a name that names no process, as a plugin might make it, stops nothing."""
    (artifacts.root / "unfinished-by-a-plugin").mkdir(parents=True)
    artifacts.sweep(set())

    assert list(artifacts.root.iterdir()) == []


def test_a_root_that_is_no_folder_is_told(artifacts: Artifacts) -> None:
    """The store cannot be written: that is an error of the harness, with a remedy."""
    artifacts.root.parent.mkdir(parents=True, exist_ok=True)
    artifacts.root.touch()

    with pytest.raises(StoreError, match=r"Artifacts cannot be written to '.*': File exists\. Name a folder"):
        artifacts.scratch()


def test_sweeping_nothing_is_fine(artifacts: Artifacts) -> None:
    """A store that was never written has no folder yet."""
    artifacts.sweep(set())

    assert not artifacts.root.exists()


def test_the_size_is_that_of_all_files(tmp_path: Path) -> None:
    """Folders below count too."""
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "b").write_bytes(b"123")

    assert size_bytes(tmp_path) == 8


def test_two_stores_in_one_place_leave_each_other_alone(tmp_path: Path) -> None:
    """What a run of one has in progress is not swept by the other, which does not know its claims."""
    one, other = Artifacts(tmp_path, "one"), Artifacts(tmp_path, "other")
    at_work = _written(one, "half")
    other.sweep(alive=[])
    assert at_work.is_dir()
    one.sweep(alive=[one.owner])
    assert at_work.is_dir()
    Artifacts(tmp_path, "one").sweep(alive=[])

    assert not at_work.exists()
