"""What data are called: default names, and which names a user may give."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PACKAGED = "packaged"
"""What a task's own data are called where the task gives them no name."""
LABELS = ("data",)
"""Parts of a step's spec that only say what something is called: a step is the same under another name."""
LONGEST = 80
RULE = f"Use up to {LONGEST} letters, digits, blanks and . / : @ + - _, and begin with a letter or a digit."
_NAME = re.compile(r"\w[\w ./:@+-]*")
_ENDING = re.compile(r"\.[A-Za-z]\w{0,8}")


def is_data_name(name: str) -> bool:
    """Return whether data may be called so: the name goes into tables, pages, files and command lines as it is."""
    return _NAME.fullmatch(name) is not None and len(name) <= LONGEST and name == name.strip()


def data_name(spec: Mapping[str, Any]) -> str:
    """Return what a step's data are called; a record of earlier versions does not say."""
    return spec.get("data") or default_name(spec.get("source"))


def default_name(source: str | None) -> str:
    """Return what data are called that nobody named.

    A file has its name without the ending, a folder its name; a data set of the hub and an environment their ids.
    """
    if source is None:
        return PACKAGED
    path = Path(source)
    if os.path.isdir(source):  # noqa: PTH112 - a path raises where the text is too long for one
        name = path.resolve().name
    elif _ENDING.fullmatch(path.suffix):
        name = path.stem
    else:
        name = path.name if path.is_absolute() else source
    kept = re.sub(r"[^\w ./:@+-]", "-", name).lstrip(" ./:@+-")[:LONGEST].strip()
    return kept or "data"
