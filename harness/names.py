"""What data are called: default names, and which names a user may give."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PACKAGED = "packaged"
"""Name of a task's packaged data if the task gives none."""
LABELS = ("data", "access")
"""Parts of a step's spec that do not change the step: what the data are called, how the model is reached."""
LONGEST = 80
RULE = f"Use up to {LONGEST} letters, digits, blanks and . / : @ + - _, and begin with a letter or a digit."
_NAME = re.compile(r"\w[\w ./:@+-]*")
_ENDING = re.compile(r"\.[A-Za-z]\w{0,8}")


def is_data_name(name: str) -> bool:
    """Return whether data may have a name: it goes unescaped into tables, pages, files and command lines."""
    return _NAME.fullmatch(name) is not None and len(name) <= LONGEST and name == name.strip()


def data_name(spec: Mapping[str, Any]) -> str:
    """Return the name of a step's data; records before version 4 have none."""
    return spec.get("data") or default_name(spec.get("source"))


def default_name(source: str | None) -> str:
    """Return the default name of data.

    A file's is its name without the ending, a folder's its name, that of a hub data set or an environment its id.
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
