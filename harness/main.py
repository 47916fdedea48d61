"""The program `harness`: loads plugins, then prints their listing or hands over to the command line.

The listing without options needs no parser: importing typer would double its time.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Callable

from harness.errors import INTERRUPTED, HarnessError
from harness.guard import end_output, take_output

BARE_LISTINGS = {("plugins",): False, ("plugins", "--json"): True}
"""Arguments that need no parser → whether to print JSON."""
OBJECTS = 100_000
"""New objects after which garbage is collected: records and sources that are read stay, and going through them after
each 700, as Python does, takes a third of the time."""


def main() -> None:
    """Run the command line; a HarnessError becomes its message and its exit code."""
    take_output()
    try:
        _ready(tuple(sys.argv[1:]))()
    except HarnessError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - the program speaks here
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)  # noqa: T201
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader closed the pipe, as in `harness plugins | head`: without this, Python prints an error at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    finally:
        atexit.register(end_output)  # now, to run before what plugins have registered


def _ready(arguments: tuple[str, ...]) -> Callable[[], None]:
    """Return the command, loaded with the garbage collector off: loading makes many objects and little garbage."""
    gc.disable()
    try:
        return _command(arguments)
    finally:
        gc.freeze()
        gc.set_threshold(OBJECTS)
        gc.enable()


def _command(arguments: tuple[str, ...]) -> Callable[[], None]:
    """Return what the arguments ask for, ready to run."""
    from harness.plugins import load_plugins

    plugins = load_plugins()
    bare = BARE_LISTINGS.get(arguments)
    if bare is not None and not plugins.others_add_commands:  # else they are tried, to list those that fail
        from harness.listing import listing

        text = listing(plugins, as_json=bare)
        return lambda: print(text, flush=True)  # noqa: T201
    from harness.cli import make_app

    app = make_app(plugins, arguments[:1])
    return lambda: app(obj=plugins)
