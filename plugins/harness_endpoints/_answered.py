"""Answers on disk, one line each as they come: what was paid for is not asked again after a kill."""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict, deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from harness.json_text import load

FILE = "answers.jsonl"


def key(prompt: Any) -> str:
    """Return what an answer is found by: the digest of the prompt. The step fixes everything else of a request."""
    return hashlib.sha256(json.dumps(prompt, sort_keys=True).encode()).hexdigest()


class Answered:
    """The answers of earlier attempts, and those of this one. A prompt that was asked twice has two."""

    def __init__(self, folder: Path | None) -> None:
        """Read what earlier attempts left; without a folder nothing is read or kept."""
        self._folder = folder
        self._file: TextIO | None = None
        self._rows: dict[str, deque[dict[str, Any]]] = defaultdict(deque)
        for line in _lines(folder):
            self._rows[line["key"]].append(line["row"])

    def take(self, prompt: Any) -> dict[str, Any] | None:
        """Return an earlier answer to a prompt, each once; None where there is none."""
        rows = self._rows.get(key(prompt))
        return rows.popleft() if rows else None

    def keep(self, prompt: Any, row: Mapping[str, Any]) -> None:
        """Write an answer; it is with the system when this returns, and survives a kill."""
        if self._folder is None:
            return
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = (self._folder / FILE).open("a", encoding="utf-8")
        self._file.write(json.dumps({"key": key(prompt), "row": row}) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def _lines(folder: Path | None) -> list[dict[str, Any]]:
    """Return the lines; the last one may be cut off, when the attempt was killed while it wrote.

    One that is damaged is no answer: its prompt is asked again.
    """
    if folder is None or not (file := folder / FILE).is_file():
        return []
    content = file.read_bytes()
    whole, _, rest = content.rpartition(b"\n")
    if rest:
        os.truncate(file, len(content) - len(rest))  # not written anew: a kill within that would lose all
    return [entry for line in whole.splitlines() if (entry := _entry(line)) is not None]


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = load(line)
    except ValueError:
        return None
    whole = isinstance(entry, dict) and isinstance(entry.get("key"), str) and isinstance(entry.get("row"), dict)
    return entry if whole else None
