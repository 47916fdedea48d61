"""What the checks of one set of plugins share: the data of its tasks, and their digests in fresh interpreters."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from harness.plugin_files import FILE
from harness.plugins import Plugin, Plugins
from harness.seams import Data, Task
from harness.testing.findings import CheckFailed
from harness.testing.isolated import Digest, digests_elsewhere

SMALL = {"train": 256, "validation": 64}
"""Items on which models are checked: more to learn from than a batch holds, and enough to be graded."""
HASH_SEEDS = (1, 2)


class Shared:
    """Caches that live as long as the plugins they belong to."""

    def __init__(self) -> None:
        self._data: dict[str, Data] = {}
        self._small: dict[str, Data] = {}
        self._checked: dict[Plugin, set[str]] = {}
        self._digests: dict[str, list[Digest]] = {}

    def data(self, task: Task) -> Data:
        """Return a task's default data, loaded once.

        Raises:
            DataError: it brings none.
        """
        if task.name not in self._data:
            self._data[task.name] = load(task)
        return self._data[task.name]

    def small(self, task: Task) -> Data:
        """Return the data on which models are checked: the same test split, less of the other two where possible.

        Raises:
            DataError: the task brings no data.
        """
        if task.name not in self._small:
            self._small[task.name] = self.data(task).smaller(**SMALL)
        return self._small[task.name]

    def expect(self, plugin: Plugin, task: str) -> None:
        """Note that a task is checked, so that its digest is found along with those of the plugin's other tasks."""
        self._checked.setdefault(plugin, set()).add(task)

    def digests(self, plugin: Plugin, task: str) -> list[str]:
        """Return the digests of a task's data that interpreters with other hash seeds find.

        Raises:
            CheckFailed: they cannot load it.
        """
        if task not in self._digests:
            names = sorted(self._checked[plugin] - self._digests.keys())
            files = [plugin.distribution] if plugin.version == FILE else []
            found = [digests_elsewhere(files, names, seed) for seed in HASH_SEEDS]
            self._digests.update({name: [one[name] for one in found] for name in names})
        if reasons := [one.error for one in self._digests[task] if one.error]:
            raise CheckFailed(f"A fresh interpreter cannot load it: {reasons[0]}")
        return [one.digest for one in self._digests[task]]


_SHARED: WeakKeyDictionary[Plugins, Shared] = WeakKeyDictionary()


def shared_by(plugins: Plugins) -> Shared:
    """Return what the checks of these plugins share in this process."""
    return _SHARED.setdefault(plugins, Shared())


def defaults(task: Task) -> dict[str, Any]:
    """Return a task's settings as they come."""
    return {name: setting.default for name, setting in task.settings.items()}


def load(task: Task) -> Data:
    """Load a task's default data anew.

    Raises:
        DataError: it brings none.
    """
    return task.data(None, defaults(task))
