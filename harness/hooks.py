"""Calls plugins: their hooks and the methods of what they bring. No other module touches pluggy's hooks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy

from harness import hookspecs, plain
from harness.errors import DataError, HarnessError, PluginError
from harness.guard import guarded
from harness.seams import Declaration

if TYPE_CHECKING:
    from harness.seams import Task

T = TypeVar("T")


class Hooks:
    """The modules of plugins, and what each implements of the hooks."""

    def __init__(self, group: str) -> None:
        self._manager = pluggy.PluginManager(group)
        self._manager.add_hookspecs(hookspecs)

    def register(self, module: ModuleType, name: str) -> None:
        """Add a plugin's module.

        Raises:
            pluggy.PluginValidationError: it implements an unknown hook, or with other arguments.
        """
        self._manager.register(module, name=name)
        try:
            self._manager.check_pending()
        except pluggy.PluginValidationError:
            self._manager.unregister(module)
            raise

    def unregister(self, module: ModuleType) -> None:
        """Remove a plugin's module."""
        self._manager.unregister(module)

    def implementations(self, hook: str) -> list[tuple[str, Callable[..., Any]]]:
        """Return the name of each plugin that implements a hook, and its function."""
        return [(impl.plugin_name, impl.function) for impl in getattr(self._manager.hook, hook).get_hookimpls()]

    def functions(self, module: ModuleType, hook: str) -> list[Callable[..., Any]]:
        """Return a module's implementations of a hook."""
        caller = getattr(self._manager.hook, hook)
        return [impl.function for impl in caller.get_hookimpls() if impl.plugin is module]

    def ask(self, module: ModuleType, hook: str, of_type: type[T]) -> list[T]:
        """Return a module's answers to a hook; the caller guards the process.

        Raises:
            PluginError: the answer holds something of another type.
        """
        answers: list[T] = []
        for function in self.functions(module, hook):
            answer = function()
            if answer is None or isinstance(answer, str | bytes) or not isinstance(answer, Iterable):
                raise PluginError(f"{hook} returned {type(answer).__name__}; return an iterable of {of_type.__name__}.")
            for item in answer:
                if not isinstance(item, of_type):
                    raise PluginError(f"{hook} gave {item!r}, not a {of_type.__name__}. Give instances, not classes.")
                answers.append(item)
        return answers


def called(function: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """Call a plugin's function; undo what it changed in the process. What it prints goes to standard error."""
    with guarded():
        return function(*arguments, **named)


def answer_on_data(task: Task, method: str, source: str | None, *more: Any) -> Any:
    """Return the answer of a task's method about its data.

    Raises:
        DataError: the user's data cannot be used; names the task, as several may read the same data.
        PluginError: it raised an exception other than a HarnessError.
    """
    try:
        return answer_of(task, method, source, *more)
    except DataError as error:
        if source is None:
            raise
        raise DataError(f"{task.name}: {error}") from error


def answer_of(part: Declaration, method: str, *arguments: Any) -> Any:
    """Return the answer of a plugin's method.

    Raises:
        PluginError: it raised an exception other than a HarnessError.
    """
    try:
        return called(getattr(part, method), *arguments)
    except (HarnessError, KeyboardInterrupt):
        raise
    except BaseException as error:
        what = f"{type(error).__name__}: {plain.message(error)}"
        raise PluginError(f"{type(part).__name__}.{method} of {part.name!r} raised {what}") from error
