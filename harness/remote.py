"""Artifacts at a URL that fsspec reads, such as `s3://bucket/folder`, with copies in a folder of this machine."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

from harness.artifacts import Artifacts
from harness.errors import StoreError
from harness.place import cache_folder

_NOTE = "note.txt"


class RemoteArtifacts(Artifacts):
    """Artifacts that all machines of a store read. What is here is a copy, or what this machine made itself."""

    def __init__(self, url: str, database: str = "") -> None:
        super().__init__(cache_folder() / "artifacts" / hashlib.sha256(url.encode()).hexdigest()[:16], database)
        self.url = url
        with self._guard("cannot be opened"):
            import fsspec  # type: ignore[import-untyped]

            self._files, self._root = fsspec.core.url_to_fs(url, use_listings_cache=False, skip_instance_cache=True)

    def beside(self) -> RemoteArtifacts:
        """Return the same artifacts for another lane."""
        return RemoteArtifacts(self.url, self.database)

    @property
    def place(self) -> str:
        """Where they are, for other machines."""
        return self.url

    def prepare(self) -> None:
        """Write a note there, before anything is measured.

        Raises:
            StoreError: it cannot be written.
        """
        with self._guard("cannot be written"):
            top = self._root[: self._root.find("/", 1)] if "/" in self._root[1:] else self._root
            if not top.strip("/"):
                raise ValueError("it names no bucket")
            if not self._files.exists(top):  # a bucket that is made by mistake stays for long
                raise FileNotFoundError(f"there is no {top!r}; make it, or see how it is spelled")
            self._files.makedirs(self._root, exist_ok=True)
            self._files.pipe_file(f"{self._root}/{_NOTE}", b"Artifacts of viability-harness.\n")

    def is_intact(self, fingerprint: str, digest: str | None) -> bool:
        """Return whether an artifact is here or there, and is what was written; copy it from there if need be."""
        if super().is_intact(fingerprint, digest):
            return True
        scratch = self.scratch()
        try:
            with self._guard("cannot be read"):
                there = self._there(fingerprint, digest)
                if not self._files.exists(there):
                    return False
                for file in self._files.find(there):
                    here = scratch / str(file).removeprefix(there).lstrip("/")
                    here.parent.mkdir(parents=True, exist_ok=True)
                    self._files.get_file(file, str(here))
            self.put(scratch, fingerprint, digest)
        finally:
            super().discard(scratch)
        return super().is_intact(fingerprint, digest)

    def keep(self, scratch: Path, fingerprint: str) -> str:
        """Keep a finished step's folder here and there, and return its digest.

        Another machine that reads it before all files are there finds that its digest is another one.
        """
        digest = super().keep(scratch, fingerprint)
        here, there = self.path(fingerprint, digest), self._there(fingerprint, digest)
        with self._guard("cannot be written"):
            for file in sorted(file for file in here.rglob("*") if file.is_file()):
                to = f"{there}/{file.relative_to(here).as_posix()}"
                self._files.makedirs(to.rpartition("/")[0], exist_ok=True)
                self._files.put_file(str(file), to)
        return digest

    def remove(self, fingerprint: str, digest: str) -> None:
        """Remove an artifact that no record names, here and there."""
        super().remove(fingerprint, digest)
        with self._guard("cannot be written"):
            self._files.rm(self._there(fingerprint, digest), recursive=True)

    def _there(self, fingerprint: str, digest: str | None) -> str:
        return f"{self._root}/{self.path(fingerprint, digest).relative_to(self.root).as_posix()}"

    @contextlib.contextmanager
    def _guard(self, what: str) -> Iterator[None]:
        """Say where it was that something could not be done; what a file system raises has no common class."""
        try:
            yield
        except Exception as error:
            raise StoreError(f"Artifacts at {self.url!r} {what}: {_words(error)}") from error


def _words(error: Exception) -> str:
    if isinstance(error, ImportError):
        return f"{error}. Install what this kind of address needs, as in `pip install s3fs`."
    return f"{type(error).__name__}: {error}. See the address, and the keys in the environment."
