"""Loads the installed plugins, and those that are files."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from importlib import metadata
from typing import Any, NamedTuple

from harness.plugins.collection import GROUP, Plugins
from harness.plugins.registry import KINDS


def load_plugins(files: Sequence[str] = (), kinds: Collection[str] = tuple(KINDS), *, silent: bool = False) -> Plugins:
    """Load all installed plugins, then those of `HARNESS_PLUGINS`, then `files`.

    Args:
        files: paths of single-file plugins.
        kinds: what is collected from plugins, of `KINDS`.
        silent: do not say what plugins print and change while they load.

    Raises:
        PluginError: a file is missing or broken.
    """
    plugins = Plugins(kinds, silent=silent)
    described: dict[Any, _Distribution] = {}  # reading a distribution parses its README
    for point in sorted(metadata.entry_points(group=GROUP), key=lambda point: point.name):
        if point.dist not in described:
            described[point.dist] = _described(point.dist)
        distribution = described[point.dist]
        plugins.load(point.name, distribution.name, distribution.version, point.load, distribution.extras)
    plugins.load_files([*(file for file in os.environ.get("HARNESS_PLUGINS", "").split(os.pathsep) if file), *files])
    return plugins


class _Distribution(NamedTuple):
    name: str = "unknown"
    version: str = "unknown"
    extras: frozenset[str] = frozenset()


def _described(distribution: metadata.Distribution | None) -> _Distribution:
    if distribution is None:
        return _Distribution()
    told = distribution.metadata
    return _Distribution(told["Name"], told["Version"], frozenset(told.get_all("Provides-Extra") or ()))
