"""The heavy modules that parts of plugins import."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterable

from harness import plain
from harness.errors import PluginError
from harness.guard import guarded
from harness.hooks import Hooks
from harness.plugins.registry import Plugin
from harness.seams import Declaration, Task


def imports_of(part: Declaration, plugin: Plugin, hooks: Hooks) -> list[str] | None:
    """Return the heavy modules that a plugin declares for a part, None if it declares none anywhere.

    Raises:
        PluginError: its `harness_preload` raised.
    """
    if part.imports is not None:
        return list(part.imports)
    return preload_hook(plugin, hooks) if hooks.functions(plugin.module, "harness_preload") else None


def imports_for(parts: Iterable[tuple[Declaration, Plugin]], hooks: Hooks, *, with_data: bool) -> list[str] | None:
    """Return the heavy modules of a step; None if a part does not declare its own.

    Args:
        parts: those of the step, with their owners.
        hooks: the hooks of all plugins.
        with_data: whether the task reads the user's data.
    """
    names: list[str] = []
    for part, owner in parts:
        try:
            imports = imports_of(part, owner, hooks)
        except PluginError:
            imports = []  # the step's record will say so
        if imports is None:
            return None
        names += imports
        if with_data and isinstance(part, Task):
            names += part.data_imports
    return names


def imports_of_all(parts: Iterable[Declaration], plugin: Plugin, hooks: Hooks) -> list[str]:
    """Return the heavy modules of a plugin, whatever is measured.

    Raises:
        PluginError: its `harness_preload` raised.
    """
    names = preload_hook(plugin, hooks)
    for part in parts:
        names += [*(imports_of(part, plugin, hooks) or ()), *getattr(part, "data_imports", ())]
    return names


def import_all(names: Iterable[str]) -> None:
    """Import modules; skip those that are not installed: the step will raise."""
    for name in names:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def preload_hook(plugin: Plugin, hooks: Hooks) -> list[str]:
    """Return what a plugin's `harness_preload` names, nothing without one.

    Raises:
        PluginError: it raised.
    """
    try:
        with guarded():
            return hooks.ask(plugin.module, "harness_preload", str)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may raise anything, SystemExit too
        raise PluginError(f"harness_preload raised {type(error).__name__}: {plain.message(error)}") from error
