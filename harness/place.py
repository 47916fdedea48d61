"""Where a store is. Does not import SQLAlchemy, so that it is fast."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from pathlib import Path

DEFAULT = "harness-results"
DATABASE = "harness.db"
URL = re.compile(r"[a-z][a-z0-9+_.]*://", re.IGNORECASE)
"""How a URL begins, such as `postgresql+psycopg://`; further on, the characters belong to a folder's name."""


def place(location: str | None) -> str:
    """Return the folder or database URL of a store: `location`, else `HARNESS_STORE`, else `harness-results`."""
    return location or os.environ.get("HARNESS_STORE") or DEFAULT


def artifacts_place(place: str | None) -> str | None:
    """Return the folder or URL of a store's artifacts: `place`, else `HARNESS_ARTIFACTS`; None for its own folder."""
    return place or os.environ.get("HARNESS_ARTIFACTS") or None


def cache_folder() -> Path:
    """Return where this user's copies are kept: the folder of the XDG Base Directory Specification."""
    with contextlib.suppress(RuntimeError):
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "viability-harness"
    return Path(tempfile.gettempdir()) / "viability-harness"


def is_url(where: str) -> bool:
    """Return whether a place is a URL, not a folder."""
    return URL.match(where) is not None


def is_new(location: str | None) -> bool:
    """Return whether a store is a folder without a database yet."""
    where = place(location)
    return not is_url(where) and not (Path(where) / DATABASE).is_file()
