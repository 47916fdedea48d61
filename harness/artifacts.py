"""Artifacts: one folder per finished step, under its fingerprint. Written elsewhere, then moved in atomically."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import psutil

from harness.errors import StoreError

UNFINISHED = "unfinished-"


class Artifacts:
    """A folder of artifacts."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, fingerprint: str) -> Path:
        """Return the folder of a finished step's artifact."""
        return self.root / fingerprint[:2] / fingerprint

    def scratch(self) -> Path:
        """Return a new empty folder for the step in flight.

        Raises:
            StoreError: artifacts cannot be written.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            return Path(tempfile.mkdtemp(prefix=f"{UNFINISHED}{os.getpid()}-", dir=self.root))
        except OSError as error:
            raise StoreError(
                f"Artifacts cannot be written to {str(self.root)!r}: {error.strerror}. Free some space, or see that it "
                "is a folder that may be written. Finished steps are kept."
            ) from error

    def keep(self, scratch: Path, fingerprint: str) -> None:
        """Move a finished step's folder into place; replace what an earlier run left there without a record."""
        final = self.path(fingerprint)
        final.parent.mkdir(exist_ok=True)
        if final.exists():
            shutil.rmtree(final)
        os.replace(scratch, final)  # noqa: PTH105 - the one atomic move

    def attempts(self, fingerprint: str) -> Path:
        """Return the folder of what attempts at a step leave for the next one; it need not exist."""
        return self.root / "attempts" / fingerprint

    @property
    def ledger(self) -> Path:
        """The file for what calls cost; it need not exist."""
        return self.root / "spending.jsonl"

    def sweep(self) -> None:
        """Remove unfinished folders of killed runs; keep those of runs that are alive."""
        for folder in self.root.glob(f"{UNFINISHED}*"):
            owner = folder.name.removeprefix(UNFINISHED).partition("-")[0]
            if not (owner.isdecimal() and psutil.pid_exists(int(owner))):
                self.discard(folder)

    def discard(self, scratch: Path) -> None:
        """Remove a step's folder, if it is there."""
        shutil.rmtree(scratch, ignore_errors=True)


def size_bytes(folder: Path) -> int:
    """Return the size of all files in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
