"""Where a store is. Does not import SQLAlchemy, so that it is fast."""

from __future__ import annotations

import os
from pathlib import Path

DEFAULT = "harness-results"
DATABASE = "harness.db"


def place(location: str | None) -> str:
    """Return the folder or database URL of a store: `location`, else `HARNESS_STORE`, else `harness-results`."""
    return location or os.environ.get("HARNESS_STORE") or DEFAULT


def is_url(where: str) -> bool:
    """Return whether a place is a database URL, not a folder."""
    return "://" in where


def is_new(location: str | None) -> bool:
    """Return whether a store is a folder without a database yet."""
    where = place(location)
    return not is_url(where) and not (Path(where) / DATABASE).is_file()
