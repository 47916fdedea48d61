"""Keeps to itself what a plugin's code does to the process: what it prints, the working folder, handlers, streams."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NoReturn
from weakref import WeakSet

STDOUT, STDERR = 1, 2
_replaced: list[Any] = []
"""Streams that plugins put in place of Python's: a collected one would close the descriptor under the true one."""


_of_plugins: WeakSet[threading.Thread] = WeakSet()
"""Threads that were started by code of plugins and were still running at its end."""


@contextlib.contextmanager
def guarded(tell: Callable[[str], None] | None = None) -> Iterator[None]:
    """Run a plugin's code; undo what it changed, and keep what it prints from standard output.

    Args:
        tell: takes a clause for all that it printed, and one for each undone change, such as `changed the working
            folder, which is undone`. Without it, changes are undone silently and standard error gets what it prints.
    """
    changed: list[str] = []
    running = set(threading.enumerate())
    try:
        with _aside(tell), _not_ended():
            before = [read() for _, read, _ in _STATE]
            try:
                yield
            finally:
                _of_plugins.update(set(threading.enumerate()) - running)  # before `sys.stdout` is the harness's again
                for (what, read, restore), value in zip(_STATE, before, strict=True):
                    if value is not None and read() != value:
                        restore(value)
                        changed.append(what)
    finally:
        if tell is not None:
            for what in changed:
                tell(f"changed {what}, which is undone")


def _folder() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 - called often: a text is cheaper
    except OSError:  # it was removed
        return None


def _put(name: str, stream: Any) -> None:
    _replaced.append(getattr(sys, name))
    setattr(sys, name, stream)


def _handle_interrupts(handler: Any) -> None:
    with contextlib.suppress(ValueError):  # not in the main thread, where no plugin can set it either
        signal.signal(signal.SIGINT, handler)


_STATE: tuple[tuple[str, Callable[[], Any], Callable[[Any], Any]], ...] = (
    ("the working folder", _folder, os.chdir),
    ("sys.argv", lambda: list(sys.argv), lambda value: setattr(sys, "argv", value)),
    *((f"sys.{name}", partial(getattr, sys, name), partial(_put, name)) for name in ("stdin", "stdout", "stderr")),
    ("what Ctrl-C does", partial(signal.getsignal, signal.SIGINT), _handle_interrupts),
)
"""What the rest of the process relies on: its name, how to read it, how to restore it."""


class _Output(io.TextIOWrapper):
    """The harness's standard output; what threads of plugins print goes to standard error."""

    def write(self, text: str) -> int:
        """Write a text."""
        return sys.stderr.write(text) if threading.current_thread() in _of_plugins else super().write(text)


def take_output() -> None:
    """Write on a descriptor of the harness's own from now on; descriptor 1 leads to standard error.

    So nothing that a plugin prints later, in C or in a thread, comes into the output of a command. Where something else
    is in the place of Python's standard output, as in a test, nothing happens.
    """
    former = sys.__stdout__
    if former is None or sys.stdout is not former:
        return
    with contextlib.suppress(ValueError, OSError):  # it is closed
        former.flush()
        descriptor = os.dup(STDOUT)
        os.dup2(STDERR, STDOUT)
        lines = bool(former.line_buffering)
        sys.stdout = _Output(os.fdopen(descriptor, "wb"), former.encoding, former.errors, line_buffering=lines)


@contextlib.contextmanager
def _not_ended() -> Iterator[None]:
    """Let `os._exit` raise `SystemExit` in this process: it would end the harness without a word."""
    end, process = os._exit, os.getpid()

    def refused(status: int) -> NoReturn:
        if os.getpid() != process:  # a child that the plugin has made
            end(status)
        raise SystemExit(status)

    os._exit = refused
    try:
        yield
    finally:
        os._exit = end


@contextlib.contextmanager
def _aside(tell: Callable[[str], None] | None) -> Iterator[None]:
    """Send what is written to standard output, by Python, C or a child process, elsewhere.

    A plugin may keep the stream `sys.stdout` that it finds here: it stays on descriptor 1.
    """
    _flush()
    shown = sys.stdout
    if isinstance(shown, _Output):
        sys.stdout = sys.__stdout__
    try:
        true = os.dup(STDOUT)
    except OSError:  # it is closed
        yield
        return
    caught = None if tell is None else _scratch()
    try:
        os.dup2(STDERR if caught is None else caught, STDOUT)
        yield
    finally:
        _flush()
        sys.stdout = shown
        os.dup2(true, STDOUT)
        os.close(true)
        if caught is not None and tell is not None:
            printed = _content(caught)
            if printed:
                tell(f"printed {printed!r}")


def end_output() -> None:
    """Send what is printed from now on, as by a plugin's exit handler, to standard error."""
    with contextlib.suppress(AttributeError, ValueError, OSError):
        sys.stdout.flush()
        if isinstance(sys.stdout, _Output):
            sys.stdout = sys.__stdout__
        os.dup2(STDERR, STDOUT)


def _flush() -> None:
    with contextlib.suppress(AttributeError, ValueError, OSError):  # there is none, or it is closed
        sys.stdout.flush()


def _scratch() -> int:
    """Return the descriptor of a new file without a name."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("printed by a plugin")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _content(descriptor: int) -> str:
    """Return the text in a file, and close it."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    with os.fdopen(descriptor, "rb") as file:
        return file.read().decode(errors="replace").strip()
