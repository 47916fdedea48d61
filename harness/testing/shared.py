"""Caches that the checks of one set of plugins share: the data of tasks, and their digests in fresh interpreters."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from harness.plugin_files import FILE
from harness.plugins import Plugin, Plugins
from harness.seams import Data, Task
from harness.testing.findings import CheckFailed
from harness.testing.isolated import Digest, digests_elsewhere

SMALL = {"train": 256, "validation": 64}
"""Items on which models are checked: more than a batch to train on, and enough to grade."""
HASH_SEEDS = (1, 2)
"""Two, so that at least one differs from this process's, and a small set is unlikely to keep its order in both."""


class Shared:
    """Caches with the lifetime of a set of plugins."""

    def __init__(self) -> None:
        self._data: dict[str, Data] = {}
        self._small: dict[str, Data] = {}
        self._checked: dict[Plugin, set[str]] = {}
        self._digests: dict[str, list[Digest]] = {}

    def data(self, task: Task) -> Data:
        """Return a task's default data, loaded once.

        Raises:
            DataError: it has none.
        """
        if task.name not in self._data:
            self._data[task.name] = load(task)
        return self._data[task.name]

    def small(self, task: Task) -> Data:
        """Return the data on which models are checked: with the same test split, and smaller others where possible.

        Raises:
            DataError: the task has no default data.
        """
        if task.name not in self._small:
            self._small[task.name] = self.data(task).smaller(**SMALL)
        return self._small[task.name]

    def expect(self, plugin: Plugin, task: str) -> None:
        """Register a task, so that one interpreter digests it and the plugin's other tasks."""
        self._checked.setdefault(plugin, set()).add(task)

    def digests(self, plugin: Plugin, task: str) -> list[str]:
        """Return the digests of a task's data in interpreters with the hash seeds `HASH_SEEDS`.

        Raises:
            CheckFailed: they cannot load it.
        """
        if task not in self._digests:
            names = sorted(self._checked[plugin] - self._digests.keys())
            files = [plugin.distribution] if plugin.version == FILE else []
            by_seed = [digests_elsewhere(files, names, seed) for seed in HASH_SEEDS]
            self._digests.update({name: [digests[name] for digests in by_seed] for name in names})
        if reasons := [one.error for one in self._digests[task] if one.error]:
            raise CheckFailed(f"A fresh interpreter cannot load it: {reasons[0]}")
        return [one.digest for one in self._digests[task]]


_SHARED: WeakKeyDictionary[Plugins, Shared] = WeakKeyDictionary()


def shared_by(plugins: Plugins) -> Shared:
    """Return the caches of these plugins in this process."""
    return _SHARED.setdefault(plugins, Shared())


def defaults(task: Task) -> dict[str, Any]:
    """Return a task's default settings."""
    return {name: setting.default for name, setting in task.settings.items()}


def load(task: Task) -> Data:
    """Load a task's default data, without a cache.

    Raises:
        DataError: it has none.
    """
    return task.data(None, defaults(task))
