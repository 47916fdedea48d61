"""Tells paths that lead to nothing from the names of data sets and models on the hub."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

FILE_LIKE = (
    ".csv", ".tsv", ".json", ".jsonl", ".parquet", ".txt", ".text", ".xls", ".xlsx", ".zip", ".gz", ".tar", ".arrow",
    ".xml", ".yaml", ".yml", ".jpg", ".jpeg", ".png", ".onnx", ".safetensors",
)  # fmt: skip
"""Suffixes of files; one near them, such as `.csvv`, is that of a mistyped file."""


def missing(source: str) -> str:
    """Return the sentence for a source that is a path and leads to nothing; empty for what exists or may be on the hub.

    A path begins with `.`, `~` or `/`, has the suffix of a file, lies in a folder that exists, or is nearly the name of
    a folder here.
    """
    path = Path(source).expanduser()
    if path.exists():
        return ""
    near = _near(path)
    is_path = source.startswith((".", "~", "/")) or (path.suffix and _alike(path.suffix.lower(), FILE_LIKE, 0.75))
    if not is_path and (near is None or path.suffix or (path.parent == Path() and not near.is_dir())):
        return ""
    hint = "" if near is None else f" Did you mean {str(near)!r}?"
    return f"There is no file or folder {source}.{hint} Paths are relative to the current folder."


def _near(path: Path) -> Path | None:
    """Return what is called nearly the same in the same folder."""
    try:
        names = {other.name: other for other in path.parent.iterdir()}
    except OSError:
        return None
    return next((names[name] for name in _alike(path.name, names, 0.8)), None)


def _alike(name: str, names: Iterable[str], cutoff: float) -> list[str]:
    return get_close_matches(name, list(names), n=1, cutoff=cutoff)
