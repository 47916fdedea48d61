"""Current and former names of tasks."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness.facts import UseCase
from harness.names import PACKAGED, default_name
from harness.seams import Task


class TaskNames:
    """Tasks by name, and their former names."""

    def __init__(self, tasks: Mapping[str, Task]) -> None:
        self._tasks = tasks
        self.former: dict[str, tuple[str, str]] = {}
        """Former name → current name, and the name of the data that the former one stood for, empty if none."""
        self._noted: set[str] = set()

    def today(self, name: str) -> tuple[str, str]:
        """Return a task's current name, and the name of the data that a former one stood for, else an empty text."""
        return (name, "") if name in self._tasks else self.former.get(name, (name, ""))

    def current(self, name: str) -> str:
        """Return the current name of a task; a former name prints a note on standard error, once."""
        current, implied = self.today(name)
        if current != name and name not in self._noted:
            self._noted.add(name)
            on = f", on data called {implied!r}" if implied else ""
            sys.stderr.write(f"note: the task {name!r} is now called {current!r}{on}\n")
        return current

    def use_case(self, case: UseCase) -> UseCase:
        """Return a use case with the current names of its tasks."""
        tasks = tuple(dict.fromkeys(map(self.current, case.tasks)))
        if tasks == case.tasks:
            return case
        implied = tuple(self.today(name)[1] for name in case.tasks)
        return replace(case, tasks=tasks, data=case.data or (implied if all(implied) else ()))

    def spec(self, spec: dict[str, Any]) -> dict[str, Any]:
        """Return a record's spec with the current names of its task and of data that had no name."""
        name, implied = self.today(spec["task"])
        task, source = self._tasks.get(name), spec.get("source")
        packaged = PACKAGED if task is None else task.data_name
        return {"data": packaged if source is None else implied or default_name(source), **spec, "task": name}
