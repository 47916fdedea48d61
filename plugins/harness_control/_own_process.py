"""Asks about an environment of the user's in a process of its own, which it may crash, end or hang."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

import gymnasium
from gymnasium.error import UnregisteredEnv

from harness import DataError, PluginError
from harness.locate import FILE_MODULE
from harness.plugins import load_plugins
from harness_control._user_environment import has_discrete_actions, try_environment

TIME_S = 120.0
"""An environment that gives no answer within this time hangs."""
_SCRIPT = """
import json, sys
path, *question = json.loads(sys.argv[1])
sys.path[:] = path
from harness_control._own_process import answer
answer(*question)
"""
Say = Callable[[str], None]


def _kind(identifier: str | None, settings: Mapping[str, Any], say: Say) -> bool:
    del settings  # none of them changes the actions
    say("being made")
    return has_discrete_actions(identifier)


def _playable(identifier: str | None, settings: Mapping[str, Any], say: Say) -> bool:
    try_environment(identifier, settings, say)
    return True


QUESTIONS = {"has discrete actions": _kind, "can be played": _playable}


def ask(question: str, identifier: str | None, settings: Mapping[str, Any]) -> bool:
    """Return the answer to one of `QUESTIONS`.

    Raises:
        DataError: the environment cannot be used; names it and the remedy.
    """
    reply = _asked(question, identifier, settings)
    if "refused" in reply:
        raise DataError(reply["refused"])
    # An id that only this process knows, as a notebook registered it; or that nobody knows.
    here = "unknown" in reply
    return QUESTIONS[question](identifier, settings, _say_nothing) if here else bool(reply["answer"])


def _asked(question: str, identifier: str | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    given = [sys.path, _plugin_files(), question, identifier, dict(settings)]
    command = [sys.executable, "-c", _SCRIPT, json.dumps(given)]
    # Files, not pipes: what an environment leaves running would hold a pipe open.
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(  # noqa: S603 - this interpreter and this module's script
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, start_new_session=True
        )
        try:
            code = process.wait(TIME_S)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _end(process)
        replies = [json.loads(line) for line in _read(output).splitlines() if line.endswith("}")]
        last = replies[-1] if replies else {"doing": "being imported"}
        if "doing" in last:
            return {"refused": _without_answer(identifier, code, last["doing"], _read(errors))}
        return last


def _plugin_files() -> list[str]:
    """Return the single-file plugins that are loaded here: any may register environments."""
    loaded = [getattr(module, "__file__", None) for name, module in sys.modules.items() if name.startswith(FILE_MODULE)]
    return [file for file in loaded if file is not None and Path(file).is_file()]


def _read(file: BinaryIO) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and those that the environment started."""
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()
    process.wait()


def _without_answer(identifier: str | None, code: int | None, doing: str, errors: str) -> str:
    remedy = "Try it with gymnasium's check_env."
    if code is None:
        return f"Environment {identifier!r} gives no answer: after {TIME_S:g} s it is still {doing}. {remedy}"
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    last = (errors.strip().splitlines() or [""])[-1]
    return f"Environment {identifier!r} ended its process ({how}) while {doing}. {last} {remedy}".replace("  ", " ")


def _say_nothing(doing: str) -> None:
    del doing


# Within the process -------------------------------------------------------------------------------------------------


def answer(plugin_files: Sequence[str], question: str, identifier: str | None, settings: Mapping[str, Any]) -> None:
    """Write what is being done and at last the answer to the standard output, a JSON object a line; end the process.

    Plugins are loaded first, as they may register the environment. What they and it print goes to the standard error.
    """
    output = os.dup(1)
    os.dup2(2, 1)

    def write(**reply: Any) -> None:
        os.write(output, f"{json.dumps(reply)}\n".encode())

    try:
        plugins = load_plugins((), (), silent=True)
        for file in plugin_files:
            with contextlib.suppress(PluginError):  # it needs what its own process had: the environment may not
                plugins.load_files([file])
        if identifier is not None and not _is_known(identifier):
            write(unknown=True)
        else:
            write(answer=QUESTIONS[question](identifier, settings, lambda doing: write(doing=doing)))
    except DataError as error:
        write(refused=str(error))
    except SystemExit as error:
        sys.stderr.flush()
        os._exit(error.code if isinstance(error.code, int) else 1)
    os._exit(0)  # whatever threads the environment has left


def _is_known(identifier: str) -> bool:
    """Return whether an id is registered here; a module that cannot be imported is met again by the question."""
    module, _, name = identifier.rpartition(":")
    try:
        if module:
            import_module(module)
        gymnasium.spec(name)
    except UnregisteredEnv:
        return False
    except Exception:  # noqa: BLE001 - whatever the module raises
        return True
    return True
