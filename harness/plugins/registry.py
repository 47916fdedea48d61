"""What plugins brought: parts by kind and name, with their owners."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.errors import PluginError
from harness.facts import UseCase
from harness.names import RULE, is_data_name
from harness.seams import Hardware, Model, ModelScheme, Runtime, Task, Template
from harness.task_names import TaskNames

if TYPE_CHECKING:
    from harness.made import Made

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

KINDS: dict[str, tuple[str, type]] = {
    "models": ("harness_models", Model),
    "tasks": ("harness_tasks", Task),
    "hardware": ("harness_hardware", Hardware),
    "runtimes": ("harness_runtimes", Runtime),
    "use_cases": ("harness_use_cases", UseCase),
    "model_schemes": ("harness_model_schemes", ModelScheme),
    "templates": ("harness_templates", Template),
}

PARTS = {"models": "model", "tasks": "task", "hardware": "hardware", "runtimes": "runtime"}
"""What a step is made of: kind → its key in a step's spec."""
FOR_STEPS = (*PARTS, "model_schemes")
"""Kinds that a worker needs. Without use cases, which are read from files, it loads plugins twice as fast."""


class Failure(NamedTuple):
    """Why a plugin, or a part of it, is missing."""

    plugin: str
    distribution: str
    reason: str


@dataclass(eq=False)
class Plugin:
    """One loaded plugin and what it brought."""

    name: str
    distribution: str
    version: str
    module: ModuleType
    import_s: float
    extras: frozenset[str] = frozenset()
    """The extras of its distribution."""
    brings: dict[str, list[str]] = field(default_factory=dict)


class Registry:
    """The parts of all plugins that could be loaded."""

    def __init__(self) -> None:
        self.offers: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
        """Kind → name → part."""
        self.names = TaskNames(self.offers["tasks"])
        self._owners: dict[tuple[str, str], Plugin] = {}
        self._made: dict[tuple[str, str], Made] = {}

    def owner(self, kind: str, name: str) -> Plugin:
        """Return the plugin that brought `name`."""
        return self._owners[kind, self.names.today(name)[0] if kind == "tasks" else name]

    def made(self, kind: str, name: str) -> Made:
        """Return what a model, task, hardware or runtime was made with, as of when the plugin returned it."""
        return self._made[kind, name]

    def add(self, plugin: Plugin, brought: Mapping[str, Mapping[str, Any]]) -> None:
        """Add all that a plugin brings, kind → name → part.

        Raises:
            PluginError: a former name of a task cannot be used; nothing is added.
        """
        former = self._former_names(plugin, brought["tasks"].values())
        for kind, named in brought.items():
            for name, part in named.items():
                self.add_part(plugin, kind, name, part)
            if named:
                plugin.brings[kind] = sorted(named)
        self.names.former |= former

    def add_part(self, plugin: Plugin, kind: str, name: str, part: Any) -> None:
        """Add one part under a name that is free."""
        from harness.made import made

        self.offers[kind][name] = part
        self._owners[kind, name] = plugin
        if kind in PARTS:
            self._made[kind, name] = made(part)

    def add_price_book(self, plugin: Plugin, name: str) -> None:
        """Note who brought a price book."""
        self._owners["price_books", name] = plugin
        plugin.brings.setdefault("price_books", []).append(name)

    def check_name(self, plugin: Plugin, kind: str, name: str, taken: Collection[str]) -> None:
        """Raise `PluginError` unless a plugin may give a part this name."""
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise PluginError(f"{name!r} is not a name for {kind}: use letters, digits, '.', '_' and '-'.")
        if name in taken:
            owner = self._owners.get((kind, name), plugin)
            raise PluginError(
                f"The name {name!r} among {kind} is claimed twice: by {owner.name!r} ({owner.distribution}) and by "
                f"{plugin.name!r} ({plugin.distribution}). Rename one or uninstall one."
            )

    def _former_names(self, plugin: Plugin, tasks: Iterable[Task]) -> dict[str, tuple[str, str]]:
        """Return former name → task and the name of the data that it implies."""
        names: dict[str, tuple[str, str]] = {}
        for task in tasks:
            for name, implied in task.former_names.items():
                self.check_name(plugin, "former_names", name, {*self.names.former, *names})
                if implied and not is_data_name(implied):
                    raise PluginError(f"Data under the former name {name!r} cannot have the name {implied!r}. {RULE}")
                names[name] = (task.name, implied)
        return names


def singular(kind: str) -> str:
    """Return the singular of a kind."""
    return kind.removesuffix("s").replace("_", " ")
