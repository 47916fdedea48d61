"""What a step's result depends on beside its spec and its inputs: sources, data, libraries, threads, the machine.

A step's fingerprint covers its basis. A record keeps it: it explains why a step is due, and which records are stale.
It holds nothing that cannot change the result.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from harness import plain
from harness.digests import file_digest
from harness.environment import threads, versions, versions_in
from harness.errors import PluginError
from harness.hooks import answer_of, answer_on_data
from harness.locate import source_file, unnumbered
from harness.plugins import Plugins
from harness.plugins.registry import PARTS
from harness.seams import Hardware, Model, Task
from harness.sources import Closure, Sources
from harness.steps import STEPS, prepare
from harness.syntax import DIGITS, WHOLE, Symbol

ROLES: Mapping[str, str] = {role: kind for kind, role in PARTS.items()}
"""Role in a step's spec → kind of plugin part."""
STEP = "step"
"""The role of the harness itself."""
MADE = "<made with>"
"""Key among a role's modules: the values that its object was made with."""
FORMAT = 2
"""Version of the digests: those of different versions cannot be compared."""
PLUGINS, DEFINITION = "plugins", "definition"
"""Parts of a basis that are kept for explanations and do not enter a fingerprint."""
DEFINING = ("task", "model")
"""Roles whose sources define what is measured."""
IDENTITIES: Mapping[str, str] = {"data": "task", "weights": "model"}
"""Part of a basis that identifies data or files → role that brings them."""
OF_THE_START = ("python", "threads", "machine")
"""Parts of a basis that are fixed for a whole run."""
GRADING = "harness.grading"
"""The harness's own part of a definition."""

Basis = dict[str, Any]
T = TypeVar("T")


def covered(basis: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a basis that a fingerprint covers."""
    return {name: part for name, part in basis.items() if name not in (PLUGINS, DEFINITION)}


def definition(basis: Mapping[str, Any]) -> str:
    """Return a digest of what defines a measurement: a task's data and grading, a model's code and files.

    It leaves out the harness's own part, which only evaluations have: they are compared with servings.
    """
    sources = [basis["sources"].get(role, {}) for role in DEFINING]
    parts = [sources, *(unversioned(part, basis) for part in IDENTITIES)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:DIGITS]


def unversioned(part: str, basis: Mapping[str, Any]) -> str:
    """Return the identity of data or weights without library versions, which belong to the environment."""
    identity: str = basis[part]
    for installed in basis["libraries"].get(IDENTITIES[part], {}).values():
        identity = re.sub(rf"(?<=\w ){re.escape(installed)}(?![\w.+]*\w)", "*", identity)
    return identity


def current(basis: Basis, files: Mapping[Path, str], kind: str, spec: Mapping[str, Any], plugins: Plugins) -> Basis:
    """Return a step's basis as it is now, to compare with the planned one.

    Sources are read again only if a file's bytes differ. Threads and machine stay those of the start: libraries loaded
    since may have set variables or bound the process to a core.

    Args:
        basis: as planned.
        files: files of the planned sources → SHA-256 of their bytes.
        kind: the step's kind.
        spec: the step's spec.
        plugins: as they are now.
    """
    bases = Bases(plugins)
    if any(_sha256(file) != digest for file, digest in files.items()):
        now = bases.of(kind, spec)
    else:
        installed = {role: {name: version(name) for name in names} for role, names in basis["libraries"].items()}
        now = {**basis, "libraries": installed, "data": bases.data(spec), "weights": bases.weights(spec)}
    return {**now, **{part: basis[part] for part in OF_THE_START}}


def _sha256(file: Path) -> str | None:
    try:
        return file_digest(file)
    except OSError:
        return None


class Bases:
    """Computes the bases of steps; computes what several steps share once."""

    def __init__(self, plugins: Plugins) -> None:
        self._plugins = plugins
        self._sources = Sources(plugin.module.__name__ for plugin in plugins.loaded)
        self._parts: dict[tuple[str, str], Any] = {}

    def of(self, kind: str, spec: Mapping[str, Any]) -> Basis:
        """Return the basis of a step.

        Args:
            kind: `finetune`, `evaluate`, …
            spec: names a model, a task, hardware and, for some kinds, a runtime.
        """
        closures = self.closures(kind, spec)
        basis = {
            "format": FORMAT,
            "sources": {role: dict(closure.modules) for role, closure in closures.items()},
            "libraries": {role: self.libraries(role, spec, closure) for role, closure in closures.items()},
            "data": self.data(spec),
            "weights": self.weights(spec),
            "python": platform.python_version(),
            "threads": self.threads(spec["hardware"]),
            "machine": self.machine(spec["hardware"]),
            PLUGINS: {role: self.owner(role, spec[role]) for role in closures if role in ROLES},
        }
        return {**basis, DEFINITION: definition(basis)}

    def files(self, kind: str, spec: Mapping[str, Any]) -> dict[Path, str]:
        """Return the files that a step's sources were read from → SHA-256 of their bytes."""
        return {file: sha for closure in self.closures(kind, spec).values() for file, sha in closure.files.items()}

    def closures(self, kind: str, spec: Mapping[str, Any]) -> dict[str, Closure]:
        """Return the sources of each role that a step has."""
        roles = {role: self.closure(role, spec[role]) for role in ROLES if role in spec}
        return {STEP: self.of_step(kind), **roles}

    def closure(self, role: str, name: str) -> Closure:
        """Return the sources of a model, a task, hardware or a runtime."""
        return self._once(role, name, lambda: self._of_object(ROLES[role], name))

    def of_step(self, kind: str) -> Closure:
        """Return the sources of the harness itself for a kind of step."""
        functions = (prepare, STEPS[kind])
        symbols = [Symbol(one.__module__, one.__name__) for one in functions]
        return self._once("step", kind, lambda: self._sources.closure(symbols))

    def _of_object(self, kind: str, name: str) -> Closure:
        declared, made = self._plugins.find(kind, name), self._plugins.made(kind, name)
        roots = list(made.symbols)
        if any(symbol.name == WHOLE for symbol in roots):  # made by a call, whose arguments are in the plugin's module
            roots.append(Symbol(self._plugins.owner(kind, name).module.__name__, WHOLE))
        closure = self._sources.closure(roots)
        owned = {module for module in declared.imports or () if source_file(module) is not None}
        if unseen := owned - closure.modules.keys():  # declared, but no source names them
            closure = self._sources.closure([*roots, *(Symbol(module, WHOLE) for module in unseen)])
        modules = dict(closure.modules)
        if made.values:
            modules[MADE] = hashlib.sha256(made.values.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]
        named = {module.partition(".")[0] for module in declared.imports or () if module not in owned}
        return Closure(modules, closure.libraries | named, closure.files)

    def data(self, spec: Mapping[str, Any]) -> str:
        """Return the identity of a step's data."""
        task = self._plugins.find("tasks", spec["task"])
        key = json.dumps([spec["task"], spec["source"], spec["task_settings"]], sort_keys=True)
        return self._once("data", key, lambda: _identity(task, spec["source"], spec["task_settings"]))

    def weights(self, spec: Mapping[str, Any]) -> str:
        """Return the identity of the files that a model brings."""
        model = self._plugins.find("models", spec["model"])
        key = json.dumps([spec["model"], spec["settings"]], sort_keys=True)
        return self._once("weights", key, lambda: _identity(model, spec["settings"]))

    def threads(self, hardware: str) -> dict[str, Any]:
        """Return what sets the libraries' number of threads where steps on hardware are done."""
        probe = self._plugins.probe(hardware)
        return threads() if probe is None else {**threads(), "usable_cores": probe.usable_cores}

    def machine(self, hardware: str) -> dict[str, Any]:
        """Return what of the machine that does steps on hardware a result rests on."""
        probe = self._plugins.probe(hardware)
        if probe is not None:
            return dict(probe.machine)
        description = self._once("machine", hardware, lambda: _described(self._plugins.find("hardware", hardware)))
        return {name: description.get(name) for name in ("device_name", "price_quantity")}

    def libraries(self, role: str, spec: Mapping[str, Any], closure: Closure) -> dict[str, str]:
        """Return the versions of the libraries that a role's sources use or that its data or files come from."""
        modules = " ".join(sorted(closure.libraries))
        used = self._once("versions", modules, lambda: versions(closure.libraries))
        identity = {"task": self.data, "model": self.weights}[role](spec) if role in DEFINING else ""
        return self._once("libraries", f"{modules}: {identity}", lambda: {**used, **versions_in(identity)})

    def owner(self, role: str, name: str) -> str:
        """Return the plugin that brings a model, task, hardware or runtime, with its version."""
        plugin = self._plugins.owner(ROLES[role], name)
        return f"{unnumbered(plugin.name)} {plugin.version}"

    def _once(self, what: str, key: str, find: Callable[[], T]) -> T:
        if (what, key) not in self._parts:
            self._parts[what, key] = find()
        value: T = self._parts[what, key]
        return value


def _identity(part: Task | Model, *arguments: Any) -> str:
    ask: Callable[..., Any] = answer_on_data if isinstance(part, Task) else answer_of
    name = ask(part, "identity", *arguments)
    if not isinstance(name, str):
        raise PluginError(f"The identity of {part.name!r} is a {type(name).__name__}. Return a text.")
    return name


def _described(hardware: Hardware) -> dict[str, Any]:
    """Return the hardware's description, empty if that fails: the worker asks again, and its record says why."""
    try:
        description = plain.nested(answer_of(hardware, "describe"), "Hardware.describe()")
    except PluginError:
        return {}
    return description if isinstance(description, dict) else {}
