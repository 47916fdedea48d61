"""Artifacts: one folder per finished step. Written elsewhere, then moved in atomically; never replaced.

An artifact is named after its step's fingerprint and its own content: two runs that do the same step keep two of them,
and the record says which counts. What records of before version 10 name has no digest, and is not checked.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Collection
from pathlib import Path

from harness.digests import folder_digest
from harness.errors import StoreError

UNFINISHED = "unfinished-"
_OF = re.compile(UNFINISHED + r"[0-9a-f]{8}-(?P<owner>[0-9a-f]{32})-")
_LETTERS = 16
"""Of a digest, in a folder's name: two contents of one step never share them."""


class Artifacts:
    """A folder of artifacts."""

    def __init__(self, root: Path, database: str = "") -> None:
        self.root, self.database = root, database
        self.owner = uuid.uuid4().hex
        """In the names of this run's unfinished folders, and of its claims."""

    def beside(self) -> Artifacts:
        """Return the same artifacts for another lane of the run: its unfinished folders are its own."""
        return Artifacts(self.root, self.database)

    @property
    def place(self) -> str:
        """Where they are, for other machines."""
        return str(self.root)

    @property
    def _unfinished(self) -> str:
        """How the unfinished folders of the runs of this store's database begin: others may be in the same place."""
        return f"{UNFINISHED}{hashlib.sha256(self.database.encode()).hexdigest()[:8]}-"

    def prepare(self) -> None:
        """See that artifacts can be written, before anything is measured.

        Raises:
            StoreError: they cannot.
        """
        self.discard(self.scratch())

    def path(self, fingerprint: str, digest: str | None) -> Path:
        """Return the folder of a finished step's artifact.

        Args:
            fingerprint: of the step.
            digest: of the artifact, as its record has it; None of a record of before version 10.
        """
        name = fingerprint if digest is None else f"{fingerprint}-{digest[:_LETTERS]}"
        return self.root / fingerprint[:2] / name

    def is_intact(self, fingerprint: str, digest: str | None) -> bool:
        """Return whether an artifact is there, and is what was written: all of it is read."""
        folder = self.path(fingerprint, digest)
        return folder.is_dir() and (digest is None or digest == folder_digest(folder))

    def scratch(self) -> Path:
        """Return a new empty folder for the step in flight.

        Raises:
            StoreError: artifacts cannot be written.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            return Path(tempfile.mkdtemp(prefix=f"{self._unfinished}{self.owner}-", dir=self.root))
        except OSError as error:
            raise StoreError(
                f"Artifacts cannot be written to {str(self.root)!r}: {error.strerror}. {_advice(error)} Finished steps "
                "are kept."
            ) from error

    def keep(self, scratch: Path, fingerprint: str) -> str:
        """Move a finished step's folder into place, on the disk for good, and return its digest.

        Another run may have kept the same content already: then that stays. What is damaged there makes room.

        Raises:
            OSError: it cannot be written.
        """
        digest = folder_digest(scratch)
        self.put(scratch, fingerprint, digest)
        return digest

    def put(self, scratch: Path, fingerprint: str, digest: str | None) -> None:
        """Move a folder to where an artifact belongs, on the disk for good.

        Raises:
            OSError: it cannot be written.
        """
        final = self.path(fingerprint, digest)
        if Artifacts.is_intact(self, fingerprint, digest):
            self.discard(scratch)
            return
        for written in [*scratch.rglob("*"), scratch]:
            _flush(written)
        final.parent.mkdir(exist_ok=True)
        if final.exists():
            self._set_aside(final)
        try:
            os.replace(scratch, final)  # noqa: PTH105 - the one atomic move
        except OSError:
            if not Artifacts.is_intact(self, fingerprint, digest):  # else another run was faster
                raise
            self.discard(scratch)
        _flush(final.parent)
        _flush(self.root)

    def remove(self, fingerprint: str, digest: str) -> None:
        """Remove an artifact that no record names."""
        self.discard(self.path(fingerprint, digest))

    def _set_aside(self, damaged: Path) -> None:
        """Remove a folder at once, however long the deletion of its files takes."""
        aside = self.scratch()
        os.replace(damaged, aside / damaged.name)  # noqa: PTH105 - atomic
        self.discard(aside)

    def attempts(self, fingerprint: str) -> Path:
        """Return the folder of what attempts at a step leave for the next one; it need not exist."""
        return self.root / "attempts" / fingerprint

    @property
    def ledger(self) -> Path:
        """The file for what calls cost; it need not exist."""
        return self.root / "spending.jsonl"

    def sweep(self, alive: Collection[str]) -> None:
        """Remove unfinished folders of runs that are gone, and of nobody; keep those of the owners that are alive."""
        for folder in self.root.glob(f"{UNFINISHED}*"):
            of = _OF.match(folder.name)
            if of is None or (folder.name.startswith(self._unfinished) and of["owner"] not in alive):
                self.discard(folder)

    def discard(self, scratch: Path) -> None:
        """Remove a step's folder, if it is there."""
        shutil.rmtree(scratch, ignore_errors=True)


def size_bytes(folder: Path) -> int:
    """Return the size of all files in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _advice(error: OSError) -> str:
    """Return what to do where a folder cannot be made."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "Free some space."
    return "Name a folder that may be written."


def _flush(written: Path) -> None:
    """Write a file or a folder's entries to the disk: after a power cut no record must name what is not there."""
    if os.name != "posix":  # elsewhere folders cannot be opened
        return
    descriptor = os.open(written, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
