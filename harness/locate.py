"""Where the source of a module is, and whether it counts: installed libraries and the standard library do not."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from functools import cache
from importlib.machinery import PathFinder
from importlib.metadata import Distribution, entry_points
from pathlib import Path

FILE_MODULE = "harness_file_"
"""Prefix of the modules of single-file plugins: they count wherever they are."""
NUMBER = "~"
"""Stands between the name and the number of a plugin file whose name another plugin has, and of its module."""
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
    of_a_plugin = name.startswith(FILE_MODULE) or top in _of_plugins()
    return None if not of_a_plugin and _is_installed(name, file) else file


def unnumbered(name: str) -> str:
    """Return a plugin's or its module's name without its number, which depends on the other loaded files."""
    return re.sub(rf"{NUMBER}\d+$", "", name)


def _is_installed(name: str, file: Path) -> bool:
    """Return whether an installer put a module's file there; `pip --target` installs into any folder."""
    if LIBRARIES & set(file.parts):
        return True
    levels = name.count(".") + (file.name == "__init__.py")
    return name.partition(".")[0] in _installed_in(file.parents[levels])


@cache
def _installed_in(folder: Path) -> frozenset[str]:
    """Return the top-level modules of the distributions installed in a folder."""
    return _top_level(map(Distribution.at, folder.glob("*.dist-info")))


def _found(name: str) -> Path | None:
    """Return a module's file without importing its packages; None if there is none, as for a namespace."""
    top, *parts = name.split(".")
    spec = PathFinder.find_spec(top)
    if spec is None:
        return None
    file = Path(spec.origin) if spec.origin else None
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    for part in parts:
        below = [folder / part for folder in folders]
        candidates = [place for folder in below for place in (folder / "__init__.py", folder.with_suffix(".py"))]
        file = next((place for place in candidates if place.is_file()), None)
        folders = below if file is None else [file.parent] if file.name == "__init__.py" else []
    return file


@cache
def _of_plugins() -> frozenset[str]:
    """Return the top-level modules of distributions with plugins: installed, but their sources count."""
    owners = {point.dist.name: point.dist for point in entry_points(group="harness") if point.dist}
    return _top_level(owners.values()) | {"harness"}


def _top_level(owners: Iterable[Distribution]) -> frozenset[str]:
    """Return the top-level modules of distributions."""
    files = (file for owner in owners for file in owner.files or () if file.suffix == ".py")
    return frozenset(file.parts[0].removesuffix(".py") for file in files)
