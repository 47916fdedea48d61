"""Where the source of a module is, and whether it counts: that of installed libraries does not, nor of Python's own."""

from __future__ import annotations

import sys
from functools import cache
from importlib.machinery import PathFinder
from importlib.metadata import entry_points
from pathlib import Path

LIBRARIES = frozenset({"site-packages", "dist-packages"})
"""Folders of installed libraries."""


def source_file(name: str) -> Path | None:
    """Return the file of a module whose source counts, None for a library."""
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names:
        return None
    loaded = getattr(sys.modules.get(name), "__file__", None)
    file = Path(loaded) if loaded else _found(name)
    if file is None or file.suffix != ".py":
        return None
    return None if LIBRARIES & set(file.parts) and top not in _of_plugins() else file


def _found(name: str) -> Path | None:
    """Return a module's file without importing its packages."""
    top, *parts = name.split(".")
    spec = PathFinder.find_spec(top)
    if spec is None or spec.origin is None:
        return None
    place = Path(spec.origin)
    for part in parts:
        below = (place.parent / part / "__init__.py", place.parent / f"{part}.py")
        found = next((file for file in below if file.is_file()), None)
        if found is None or place.name != "__init__.py":
            return None
        place = found
    return place


@cache
def _of_plugins() -> frozenset[str]:
    """Return the top-level modules of the distributions that bring plugins: they are installed, yet no libraries."""
    owners = {point.dist.name: point.dist for point in entry_points(group="harness") if point.dist}
    files = [file for owner in owners.values() for file in owner.files or () if file.suffix == ".py"]
    return frozenset(file.parts[0].removesuffix(".py") for file in files) | {"harness"}
