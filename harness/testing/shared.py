"""The data of tasks, which the checks of one set of plugins share."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from harness.plugins import Plugins
from harness.seams import Data, Task

SMALL = {"train": 256, "validation": 64}
"""Items on which models are checked: more than a batch to train on, and enough to grade."""


class Shared:
    """Caches with the lifetime of a set of plugins."""

    def __init__(self) -> None:
        self._data: dict[str, Data] = {}
        self._small: dict[str, Data] = {}

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
