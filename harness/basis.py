"""What a step's result rests on beside its spec and its inputs: sources, data, libraries, threads, the machine.

A step's fingerprint covers its basis. A record keeps it, so that one can say why a step is to be done again, and which
records are stale. Nothing is in it that cannot change the result.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from harness import plain
from harness.environment import threads, versions
from harness.errors import PluginError
from harness.plugins import Plugins, asked_of
from harness.seams import Hardware, Model, Task
from harness.sources import DIGITS, Closure, Sources, Symbol, source_file
from harness.steps import STEPS, prepare

ROLES: Mapping[str, str] = {"model": "models", "task": "tasks", "hardware": "hardware", "runtime": "runtimes"}
"""Role in a step's spec → kind of what plugins bring."""
STEP = "step"
"""The role of the harness itself."""
MADE = "<made with>"
"""Stands among a role's modules for the values that its object was made with."""
FORMAT = 1
"""How a basis is made: digests that were made otherwise cannot be compared."""
PLUGINS, DEFINITION = "plugins", "definition"
"""Parts of a basis that are kept to be told, and are no part of a fingerprint."""
DEFINING = ("task", "model")
"""Roles whose sources define what is measured."""
GRADING = "harness.grading"
"""The harness's own part of a definition."""
DEPTH = 5
"""How deep an object's own values are followed."""

_VERSION = re.compile(r"\d+(\.\d+)+\w*")

Basis = dict[str, Any]
T = TypeVar("T")


def covered(basis: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a basis that a fingerprint covers."""
    return {name: part for name, part in basis.items() if name not in (PLUGINS, DEFINITION)}


def definition(basis: Mapping[str, Any]) -> str:
    """Return a digest of what defines a measurement: a task's data and grading, a model's code and files.

    The harness's own part is not in it: only evaluations have one, and they are put beside servings.
    """
    own = [basis["sources"].get(role, {}) for role in DEFINING]
    parts = [own, unversioned(basis["data"]), unversioned(basis["weights"])]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:DIGITS]


def unversioned(identity: str) -> str:
    """Return an identity of data or files without versions of libraries: those are the environment's."""
    return _VERSION.sub("*", identity)


def current(basis: Basis, files: Mapping[Path, str], kind: str, asked: Mapping[str, Any], plugins: Plugins) -> Basis:
    """Return a step's basis as it is now, to be held against the one it was planned with.

    Sources are read again only where a file's bytes differ.

    Args:
        basis: the one it was planned with.
        files: the files that its sources were read from → SHA-256 of their bytes.
        kind: what is done.
        asked: the step's spec.
        plugins: as they are now.
    """
    bases = Bases(plugins)
    if any(_sha256(file) != digest for file, digest in files.items()):
        return bases.of(kind, asked)
    installed = {role: {name: version(name) for name in own} for role, own in basis["libraries"].items()}
    return {**basis, "libraries": installed, **bases.surroundings(asked)}


def _sha256(file: Path) -> str | None:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return None


class Bases:
    """Finds the bases of steps among plugins; what several steps share is found once."""

    def __init__(self, plugins: Plugins) -> None:
        self._plugins = plugins
        self._sources = Sources()
        self._known: dict[tuple[str, str], Any] = {}

    def of(self, kind: str, asked: Mapping[str, Any]) -> Basis:
        """Return the basis of a step.

        Args:
            kind: what is done: `finetune`, `evaluate`, …
            asked: the step's spec; it names a model, a task, hardware and, for some kinds, a runtime.
        """
        closures = self.closures(kind, asked)
        basis = {
            "format": FORMAT,
            "sources": {role: dict(closure.modules) for role, closure in closures.items()},
            "libraries": {role: self._versions(closure) for role, closure in closures.items()},
            **self.surroundings(asked),
            PLUGINS: {role: self.owner(role, asked[role]) for role in closures if role in ROLES},
        }
        return {**basis, DEFINITION: definition(basis)}

    def surroundings(self, asked: Mapping[str, Any]) -> Basis:
        """Return the part of a step's basis that is no code."""
        return {
            "data": self.data(asked),
            "weights": self.weights(asked),
            "python": platform.python_version(),
            "threads": threads(),
            "machine": self._machine(asked["hardware"]),
        }

    def files(self, kind: str, asked: Mapping[str, Any]) -> dict[Path, str]:
        """Return the files that a step's sources were read from → SHA-256 of their bytes."""
        return {file: sha for closure in self.closures(kind, asked).values() for file, sha in closure.files.items()}

    def closures(self, kind: str, asked: Mapping[str, Any]) -> dict[str, Closure]:
        """Return the sources of each role that a step has."""
        roles = {role: self.closure(role, asked[role]) for role in ROLES if role in asked}
        return {STEP: self.of_step(kind), **roles}

    def closure(self, role: str, name: str) -> Closure:
        """Return the sources of a model, a task, hardware or a runtime."""
        return self._once(role, name, lambda: self._of_object(self._plugins.find(ROLES[role], name)))

    def of_step(self, kind: str) -> Closure:
        """Return the sources of the harness itself for a kind of step."""
        functions = (prepare, STEPS[kind])
        return self._sources.closure(Symbol(one.__module__, one.__name__) for one in functions)

    def _of_object(self, declared: Any) -> Closure:
        made = _made(vars(declared), type(declared))
        closure = self._sources.closure([_symbol(type(declared)), *made.symbols])
        own = {MADE: hashlib.sha256(made.values.encode()).hexdigest()[:DIGITS]} if made.values else {}
        named = {name.partition(".")[0] for name in declared.imports or () if source_file(name) is None}
        return Closure({**closure.modules, **own}, closure.libraries | named, closure.files)

    def data(self, asked: Mapping[str, Any]) -> str:
        """Return the identity of a step's data."""
        task = self._plugins.find("tasks", asked["task"])
        key = json.dumps([asked["task"], asked["source"], asked["task_settings"]], sort_keys=True)
        return self._once("data", key, lambda: _identity(task, asked["source"], asked["task_settings"]))

    def weights(self, asked: Mapping[str, Any]) -> str:
        """Return the identity of the files that a model brings."""
        model = self._plugins.find("models", asked["model"])
        key = json.dumps([asked["model"], asked["settings"]], sort_keys=True)
        return self._once("weights", key, lambda: _identity(model, asked["settings"]))

    def _machine(self, hardware: str) -> dict[str, Any]:
        said = self._once("machine", hardware, lambda: _described(self._plugins.find("hardware", hardware)))
        return {name: said.get(name) for name in ("device_name", "price_quantity")}

    def _versions(self, closure: Closure) -> dict[str, str]:
        return self._once("versions", " ".join(sorted(closure.libraries)), lambda: versions(closure.libraries))

    def owner(self, role: str, name: str) -> str:
        """Return the plugin that brings a model, task, hardware or runtime, with its version."""
        plugin = self._plugins.owner(ROLES[role], name)
        return f"{plugin.name} {plugin.version}"

    def _once(self, what: str, key: str, find: Callable[[], T]) -> T:
        if (what, key) not in self._known:
            self._known[what, key] = find()
        found: T = self._known[what, key]
        return found


def _identity(part: Task | Model, *arguments: Any) -> str:
    name = asked_of(part, "identity", *arguments)
    if not isinstance(name, str):
        raise PluginError(f"The identity of {part.name!r} is a {type(name).__name__}. Return a text.")
    return name


def _described(hardware: Hardware) -> dict[str, Any]:
    """Return what hardware says of itself, nothing where it fails: the worker asks again, and its record says why."""
    try:
        said = plain.nested(asked_of(hardware, "describe"), "Hardware.describe()")
    except PluginError:
        return {}
    return said if isinstance(said, dict) else {}


class _Made(NamedTuple):
    """The values that an object holds beyond its class, and the definitions among them."""

    values: str
    symbols: tuple[Symbol, ...]


def _made(values: Mapping[str, Any], owner: type) -> _Made:
    """Write an object's values in a fixed way; what it works out for itself later on is left out."""
    symbols: list[Symbol] = []
    own = {name: one for name, one in values.items() if not isinstance(getattr(owner, name, None), cached_property)}
    text = ",".join(_written(own, symbols, DEPTH)) if own else ""
    return _Made(text, tuple(symbols))


def _written(value: Any, symbols: list[Symbol], depth: int) -> Iterator[str]:
    if value is None or isinstance(value, str | bytes | int | float):
        yield repr(value)
    elif isinstance(value, Path):
        yield repr(value.name)  # the same files elsewhere are the same
    elif isinstance(value, Mapping):
        for name in sorted(value, key=str):
            yield f"{name}:{','.join(_written(value[name], symbols, depth - 1)) if depth else ''}"
    elif isinstance(value, list | tuple | set | frozenset):
        parts = [",".join(_written(one, symbols, depth - 1)) for one in value] if depth else []
        yield f"[{';'.join(sorted(parts) if isinstance(value, set | frozenset) else parts)}]"
    else:
        kind = value if hasattr(value, "__qualname__") else type(value)
        symbols.append(_symbol(kind))
        yield f"{kind.__module__}.{kind.__qualname__}"
        if kind is not value:
            yield from _written(getattr(value, "__dict__", {}), symbols, depth - 1) if depth else ()


def _symbol(definition: Any) -> Symbol:
    """Return the top-level definition that a class or function is written in."""
    return Symbol(definition.__module__, definition.__qualname__.partition(".")[0])
