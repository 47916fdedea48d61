"""Libraries that parts of plugins need and this installation lacks, and their extras. Imports none of them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib import metadata
from importlib.util import find_spec
from typing import NamedTuple

from harness.errors import PluginError

DISTRIBUTION = "viability-harness"
"""The harness's own."""


class Missing(NamedTuple):
    """A part of a plugin whose libraries are not all installed."""

    kind: str
    """`model`, `task`, …"""
    name: str
    modules: tuple[str, ...]
    """Top-level modules that are not there."""
    distribution: str
    extra: str | None
    """The distribution's extra with these libraries; None if there is none."""


def is_absent(top: str) -> bool:
    """Return whether a top-level module is not installed."""
    return sys.modules.get(top) is None and find_spec(top) is None


def absent(modules: Iterable[str], is_absent: Callable[[str], bool] = is_absent) -> tuple[str, ...]:
    """Return the top-level names of modules that are not installed; `is_absent` may cache."""
    return tuple(top for top in sorted({module.partition(".")[0] for module in modules}) if is_absent(top))


def require(what: str, modules: Iterable[str], distribution: str, extra: str) -> None:
    """Raise if a library is not installed.

    Raises:
        PluginError: says what is missing and how to install it.
    """
    if lacking := absent(modules):
        command = install_command([(distribution, extra)])
        raise PluginError(f"{what} needs {', '.join(lacking)}, which is not installed. Next: {command}")


def refuse(missing: Sequence[Missing], instead: str = "") -> None:
    """Raise if parts lack libraries.

    Args:
        missing: these parts.
        instead: a sentence on what else can be done.

    Raises:
        PluginError: names the parts, the libraries of each extra, and the command that installs them.
    """
    if not missing:
        return
    groups = by_extra(missing)
    lists = "; ".join(f"{names(group)} ({', '.join(lacking(group))})" for group in groups.values())
    extras = [(distribution, extra) for distribution, extra in groups if extra is not None]
    command = install_command(extras) if extras else "install these libraries"
    raise PluginError(f"Not installed: {lists}. {instead}Next: {command}")


def by_extra(missing: Iterable[Missing]) -> dict[tuple[str, str | None], list[Missing]]:
    """Return the parts by distribution and extra."""
    groups: dict[tuple[str, str | None], list[Missing]] = {}
    for one in missing:
        groups.setdefault((one.distribution, one.extra), []).append(one)
    return groups


def names(group: Iterable[Missing]) -> str:
    """Return the names of parts by kind: `model mlp, tfidf; task translation`."""
    kinds: dict[str, list[str]] = {}
    for one in group:
        kinds.setdefault(one.kind, []).append(one.name)
    return ", ".join(f"{kind} {', '.join(sorted(each))}" for kind, each in kinds.items())


def lacking(group: Iterable[Missing]) -> list[str]:
    """Return the modules that parts lack."""
    return sorted({module for one in group for module in one.modules})


def install_command(extras: Iterable[tuple[str, str]]) -> str:
    """Return the command that installs extras of distributions."""
    wanted: dict[str, list[str]] = {}
    for distribution, extra in extras:
        wanted.setdefault(distribution, []).append(extra)
    listed = " ".join(f'"{distribution}[{",".join(sorted(each))}]"' for distribution, each in wanted.items())
    return f"python -m pip install {listed}"


def extra_for(module: str, distribution: str) -> str | None:
    """Return the extra of an installed distribution that requires a library, None if there is none."""
    pattern = re.compile(rf"{re.escape(module)}\b.*\bextra == ['\"](?P<extra>[\w.-]+)['\"]", re.IGNORECASE)
    matches = (pattern.match(requirement) for requirement in metadata.requires(distribution) or ())
    return next((match["extra"] for match in matches if match), None)
