"""Which source code a step can run: the definitions that a class reaches, across modules, found by static analysis.

The unit is a top-level definition, not a module, since one file often declares many models. From a definition the
closure follows every name that it uses, through imports (also inside functions), into the modules of the harness, of
plugins and of all that is not an installed library. Libraries enter by their versions only. Nothing is imported.

A module that is used as a whole (passed on, `getattr`, `import *`, `globals()`) counts whole. So does what its import
executes beside definitions: registrations by decorators, bases and metaclasses. What plugins change in other modules
while they load counts for all users of those. Data files beside a module count if a definition names them. The digest
of a definition ignores comments, docstrings and formatting.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path

from harness.digests import file_digest
from harness.locate import source_file, unnumbered
from harness.syntax import BODY, DIGITS, DYNAMIC, IMPORTERS, WHOLE, Class, File, Symbol, read

RECURSION = 30_000


@dataclass(frozen=True)
class Closure:
    """The sources a step can run, and the libraries they import."""

    modules: Mapping[str, str]
    """Module → digest of its reached definitions; `module/file` → digest of a data file beside it."""
    libraries: frozenset[str]
    """Top-level names of the libraries they use."""
    files: Mapping[Path, str]
    """Files that were read → SHA-256 of their bytes."""


class Sources:
    """Computes closures; reads each source file once."""

    def __init__(self, loaded: Iterable[str] = ()) -> None:
        """Take the modules that every worker loads: what they change in other modules counts."""
        self._loaded = tuple(loaded)
        self._files: dict[str, File | None] = {}
        self._uses: dict[Symbol, list[Symbol]] = {}
        self._named: dict[Symbol, list[Path]] = {}
        self._listed: dict[Path, set[str]] = {}
        self._registering: dict[Symbol, bool] = {}
        self._closures: dict[tuple[Symbol, ...], Closure] = {}

    def closure(self, roots: Iterable[Symbol]) -> Closure:
        """Return the closure of definitions."""
        key = tuple(sorted(set(roots)))
        if key not in self._closures:
            with _deep_recursion():
                self._closures[key] = self._summed_up(self._reached(key))
        return self._closures[key]

    def _reached(self, roots: Iterable[Symbol]) -> set[Symbol]:
        reached = self._followed(roots)
        while late := {changes for changed, changes in self._changes if changed in reached} - reached:
            reached |= self._followed(late)
        return reached

    def _followed(self, roots: Iterable[Symbol]) -> set[Symbol]:
        followed: set[Symbol] = set()
        waiting = list(roots)
        while waiting:
            symbol = waiting.pop()
            if symbol not in followed:
                followed.add(symbol)
                waiting += self._used(symbol)
        return followed

    @cached_property
    def _changes(self) -> list[tuple[Symbol, Symbol]]:
        """Definition that plugins change while they load → what changes it."""
        return [
            (self._defined(place), Symbol(file.module, by))
            for file in self._imported(self._loaded)
            for by, chain in file.changes
            for place in (self._owners(file, chain, {}) if chain else ())
            if place.name != WHOLE and (by, file.module) != (BODY, place.module)
        ]

    def _imported(self, modules: Iterable[str]) -> list[File]:
        """Return the sources of modules and of their top-level imports, recursively."""
        files: dict[str, File] = {}
        waiting = list(modules)
        while waiting:
            module = waiting.pop()
            if module not in files and (file := self._file(module)) is not None:
                files[module] = file
                bound = [one for owners in file.imports.values() for one in owners]
                waiting += [self._target(one).module for one in (*bound, *file.stars)]
        return list(files.values())

    def _defined(self, symbol: Symbol) -> Symbol:
        """Return where a re-exported name is defined."""
        passed_on = {symbol}
        file = self._file(symbol.module)
        while file is not None and symbol.name not in file.definitions and file.imports.get(symbol.name):
            symbol = self._target(file.imports[symbol.name][0])
            if symbol in passed_on:
                break
            passed_on.add(symbol)
            file = self._file(symbol.module)
        return symbol

    def _summed_up(self, reached: Collection[Symbol]) -> Closure:
        names: dict[str, set[str]] = defaultdict(set)
        for symbol in reached:
            names[symbol.module].add(symbol.name)
        read = {name: file for name in sorted(names) if (file := self._file(name)) is not None}
        digests = {unnumbered(name): file.digest(names[name]) for name, file in read.items()}
        libraries = {name.partition(".")[0] for name in names if name not in read} - sys.stdlib_module_names
        files = {file.path: file.sha256 for file in read.values()}
        for symbol in reached:
            for data in self._files_named(symbol):
                files[data] = file_digest(data)
                beside = data.relative_to(read[symbol.module].path.parent).as_posix()
                digests[f"{unnumbered(symbol.module)}/{beside}"] = files[data][:DIGITS]
        return Closure({name: digest for name, digest in digests.items() if digest}, frozenset(libraries), files)

    def _files_named(self, symbol: Symbol) -> list[Path]:
        """Return the data files beside a module whose names occur as texts in a definition."""
        if symbol not in self._named:
            file = self._file(symbol.module)
            texts = [text for part in file.parts(symbol.name) for text in part.texts] if file else []
            self._named[symbol] = self._present(file.path.parent, texts) if file and texts else []
        return self._named[symbol]

    def _present(self, folder: Path, names: Iterable[str]) -> list[Path]:
        """Return the data files of these names in a folder or below it."""
        if folder not in self._listed:
            self._listed[folder] = {file.name for file in folder.iterdir()}
        files = [folder / name for name in names if name.partition("/")[0] in self._listed[folder]]
        return sorted(file for file in files if file.suffix != ".py" and file.is_file())

    def _file(self, module: str) -> File | None:
        """Return a module's source, None for a library."""
        if module not in self._files:
            path = source_file(module)
            self._files[module] = None if path is None else read(module, path, path.read_bytes())
        return self._files[module]

    def _used(self, symbol: Symbol) -> list[Symbol]:
        """Return what a definition uses, and what importing its module executes."""
        if symbol not in self._uses:
            file = self._file(symbol.module)
            used = [] if file is None else self._uses_in(file, symbol.name)
            self._uses[symbol] = [] if file is None else [*self._executed_for(symbol.module), *used]
        return self._uses[symbol]

    def _executed_for(self, module: str) -> list[Symbol]:
        """Return what importing a module executes: it and its parent packages."""
        names = accumulate(module.split("."), "{}.{}".format)
        return [Symbol(name, BODY) for name in names if self._file(name) is not None]

    def _uses_in(self, file: File, name: str) -> list[Symbol]:
        if name == WHOLE:
            return [Symbol(file.module, each) for each in (*file.definitions, *file.imports)]
        if name == BODY:
            imported = [Symbol(self._target(one).module, BODY) for owners in file.imports.values() for one in owners]
            bodies = [symbol for symbol in imported if self._file(symbol.module) is not None]
            classes = [Symbol(file.module, name) for name in file.classes if self._is_registered(file, name)]
            return [*bodies, *classes, *file.side_effects, *file.stars, *self._references(file, BODY)]
        if name in file.definitions:
            return self._references(file, name)
        if name in file.imports:
            return [self._target(one) for one in file.imports[name]]
        return file.stars or [Symbol(file.module, WHOLE)]  # defined in a way that cannot be followed

    def _references(self, file: File, name: str) -> list[Symbol]:
        """Return what the imports and names in a definition refer to."""
        symbols: list[Symbol] = []
        for part in file.parts(name):
            symbols += [Symbol(self._target(each).module, BODY) for each in part.executed]
            for chain in part.chains:
                symbols += self._owners(file, chain, part.imports)
                if chain[-1] in DYNAMIC:
                    symbols.append(Symbol(file.module, WHOLE))
                if chain[-1] in IMPORTERS:
                    symbols += [Symbol(each, WHOLE) for each in file.modules_named() if self._file(each) is not None]
        return symbols

    def _owners(self, file: File, chain: tuple[str, ...], imports: Mapping[str, list[Symbol]]) -> list[Symbol]:
        """Return what a dotted name in a file refers to: several places if imports are alternatives."""
        first, *rest = chain
        if places := imports.get(first) or file.imports.get(first):
            return [self._target(one, rest) for one in places]
        return [Symbol(file.module, first)] if first in file.definitions else file.stars

    def _is_registered(self, file: File, name: str) -> bool:
        """Return whether a class may be found without its name: a metaclass or base class registers it."""
        definition = file.classes[name]
        above = [place for base in definition.bases for place in self._owners(file, base, {})]
        return self._has_metaclass(file, definition) or any(self._registers(place) for place in above)

    def _has_metaclass(self, file: File, definition: Class) -> bool:
        """Return whether a class names a metaclass that is not a library's."""
        owners = self._owners(file, definition.metaclass, {}) if definition.metaclass else []
        return any(self._file(owner.module) is not None for owner in owners)

    def _registers(self, symbol: Symbol) -> bool:
        """Return whether a class registers its subclasses."""
        if symbol not in self._registering:
            self._registering[symbol] = False  # for cycles of classes or imports
            file, name = self._file(symbol.module), symbol.name
            if file is not None and name in file.classes:
                self._registering[symbol] = file.classes[name].sees_subclasses or self._is_registered(file, name)
            elif file is not None:
                passed_on = (self._target(one) for one in file.imports.get(name, ()))
                self._registering[symbol] = any(self._registers(one) for one in passed_on)
        return self._registering[symbol]

    def _target(self, imported: Symbol, attributes: Iterable[str] = ()) -> Symbol:
        """Return what an imported name and attributes of it refer to."""
        module, rest = imported.module, list(attributes)
        if imported.name not in (WHOLE, BODY):
            rest.insert(0, imported.name)
        while rest and not self._has(module, rest[0]) and self._file(f"{module}.{rest[0]}") is not None:
            module = f"{module}.{rest.pop(0)}"
        return Symbol(module, rest[0] if rest else WHOLE)

    def _has(self, module: str, name: str) -> bool:
        file = self._file(module)
        if file is None:
            return False
        submodule = Symbol(module, name)  # what `from . import name` binds in a package is the module of that name
        return name in file.definitions or any(one != submodule for one in file.imports.get(name, ()))


@contextmanager
def _deep_recursion() -> Iterator[None]:
    """Allow syntax trees as deep as Python's parser does."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, RECURSION))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
