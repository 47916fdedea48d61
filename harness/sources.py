"""Which source code a step can run: the definitions that a class reaches, across modules, by static reading.

A module is not the unit, since one file often declares many models: a top-level definition is. From a definition the
closure follows every name that it uses, through imports (those inside functions too), into the modules of the harness,
of plugins and of whatever else is no installed library. Libraries are named, not read: their versions stand for them.
Nothing is imported.

A module that is used as a whole (passed on, `getattr`, `import *`, `globals()`) counts whole. So does what importing a
module executes beside its definitions. The digest of a definition ignores comments, docstrings and formatting.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.machinery import PathFinder
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NamedTuple

DIGITS = 16
"""Hexadecimal digits kept of a digest: enough to tell versions of one module apart."""
WHOLE = "*"
"""Stands for all definitions of a module."""
BODY = "<body>"
"""Stands for what importing a module executes beside its definitions."""
DYNAMIC = frozenset({"exec", "eval", "globals", "vars", "locals", "__import__", "import_module"})
"""Names whose use cannot be followed: the module counts whole."""
RECURSION = 30_000
LIBRARIES = frozenset({"site-packages", "dist-packages"})
"""Folders of installed libraries."""
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_ANNOTATIONS = frozenset({"annotation", "returns"})
_NOT_WRITTEN = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
"""Fields of syntax trees that say nothing of what code does."""


class Symbol(NamedTuple):
    """A top-level definition of a module, `WHOLE` or `BODY`."""

    module: str
    name: str


@dataclass(frozen=True)
class Closure:
    """The sources a step can run, and the libraries they import."""

    modules: Mapping[str, str]
    """Module → digest of the definitions that are reached in it."""
    libraries: frozenset[str]
    """Top-level names of the libraries that they use."""
    files: Mapping[Path, str]
    """The files that were read → SHA-256 of their bytes."""


class Sources:
    """Reads each source file once and finds closures in them."""

    def __init__(self) -> None:
        self._files: dict[str, _File | None] = {}
        self._uses: dict[Symbol, list[Symbol]] = {}
        self._closures: dict[tuple[Symbol, ...], Closure] = {}

    def closure(self, roots: Iterable[Symbol]) -> Closure:
        """Return what some definitions reach."""
        key = tuple(sorted(set(roots)))
        if key not in self._closures:
            with _deep_recursion():
                self._closures[key] = self._summed_up(self._reached(key))
        return self._closures[key]

    def _reached(self, roots: Iterable[Symbol]) -> set[Symbol]:
        reached: set[Symbol] = set()
        waiting = list(roots)
        while waiting:
            symbol = waiting.pop()
            if symbol not in reached:
                reached.add(symbol)
                waiting += self._used(symbol)
        return reached

    def _summed_up(self, reached: Iterable[Symbol]) -> Closure:
        names: dict[str, set[str]] = defaultdict(set)
        for symbol in reached:
            names[symbol.module].add(symbol.name)
        read = {name: file for name in sorted(names) if (file := self._file(name)) is not None}
        digests = {name: file.digest(names[name]) for name, file in read.items()}
        libraries = {name.partition(".")[0] for name in names if name not in read} - sys.stdlib_module_names
        return Closure(
            {name: digest for name, digest in digests.items() if digest},
            frozenset(libraries),
            {file.path: file.sha256 for file in read.values()},
        )

    def _file(self, module: str) -> _File | None:
        """Return a module's source, None for a library's."""
        if module not in self._files:
            path = source_file(module)
            self._files[module] = None if path is None else _read(module, path, path.read_bytes())
        return self._files[module]

    def _used(self, symbol: Symbol) -> list[Symbol]:
        """Return what a definition uses, beside what importing its module executes."""
        if symbol not in self._uses:
            file = self._file(symbol.module)
            own = [] if file is None else self._uses_in(file, symbol.name)
            self._uses[symbol] = own if file is None else [Symbol(symbol.module, BODY), *own]
        return self._uses[symbol]

    def _uses_in(self, file: _File, name: str) -> list[Symbol]:
        if name == WHOLE:
            return [Symbol(file.module, each) for each in (*file.definitions, *file.imports)]
        if name == BODY:
            imported = [Symbol(self._target(one).module, BODY) for owners in file.imports.values() for one in owners]
            own = [symbol for symbol in imported if self._file(symbol.module) is not None]
            return [*own, *file.side_effects, *file.stars, *self._meant(file, BODY)]
        if name in file.definitions:
            return self._meant(file, name)
        if name in file.imports:
            return [self._target(one) for one in file.imports[name]]
        return file.stars or [Symbol(file.module, WHOLE)]  # made by what cannot be followed

    def _meant(self, file: _File, name: str) -> list[Symbol]:
        """Return what the imports and the names in a definition stand for."""
        found: list[Symbol] = []
        for imports, executed, chains in file.parts(name):
            found += [Symbol(self._target(each).module, BODY) for each in executed]
            for first, *rest in chains:
                if owners := imports.get(first) or file.imports.get(first):
                    found += [self._target(one, rest) for one in owners]
                else:
                    found += [Symbol(file.module, first)] if first in file.definitions else file.stars
                if (first, *rest)[-1] in DYNAMIC:
                    found.append(Symbol(file.module, WHOLE))
        return found

    def _target(self, imported: Symbol, attributes: Iterable[str] = ()) -> Symbol:
        """Return what is reached through an imported name and the attributes that are asked of it."""
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
    """Let a syntax tree be as deep as Python's own parser takes it."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, RECURSION))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def source_file(name: str) -> Path | None:
    """Return the file of a module whose source counts, None for a library."""
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names:
        return None
    loaded = getattr(sys.modules.get(name), "__file__", None)
    file = Path(loaded) if loaded else _found(name)
    if file is None or file.suffix != ".py":
        return None
    return None if LIBRARIES & set(file.parts) and top not in _of_plugins() else file


def _found(name: str) -> Path | None:
    """Return a module's file without importing its packages."""
    top, *parts = name.split(".")
    spec = PathFinder.find_spec(top)
    if spec is None or spec.origin is None:
        return None
    place = Path(spec.origin)
    for part in parts:
        below = (place.parent / part / "__init__.py", place.parent / f"{part}.py")
        found = next((file for file in below if file.is_file()), None)
        if found is None or place.name != "__init__.py":
            return None
        place = found
    return place


@cache
def _of_plugins() -> frozenset[str]:
    """Return the top-level modules of the distributions that bring plugins: they are installed, yet no libraries."""
    owners = {point.dist.name: point.dist for point in entry_points(group="harness") if point.dist}
    files = [file for owner in owners.values() for file in owner.files or () if file.suffix == ".py"]
    return frozenset(file.parts[0].removesuffix(".py") for file in files) | {"harness"}


class _Parts(NamedTuple):
    """What a statement reads."""

    imports: Mapping[str, list[Symbol]]
    """Names that imports inside it bind, each to one place or to several that take turns."""
    executed: tuple[Symbol, ...]
    """What those imports execute."""
    chains: tuple[tuple[str, ...], ...]
    """Dotted names, as their parts."""


@lru_cache(maxsize=1024)
def _read(module: str, path: Path, content: bytes) -> _File:
    return _File(module, path, content)


class _File:
    """A source file: its top-level definitions by name, what they read, and their digests."""

    def __init__(self, module: str, path: Path, content: bytes) -> None:
        self.module = module
        self.path = path
        self.sha256 = hashlib.sha256(content).hexdigest()
        self.definitions: dict[str, list[ast.stmt]] = defaultdict(list)
        self.imports: dict[str, list[Symbol]] = defaultdict(list)
        self.stars: list[Symbol] = []
        self._package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
        self._body: list[ast.stmt] = []
        self._parts: dict[str, list[_Parts]] = {}
        self._digests: dict[str, str] = {}
        tree = _parsed(content)
        for statement in tree.body:
            self._sort(statement)
        self.side_effects = _for_side_effects(tree)

    def _sort(self, statement: ast.stmt) -> None:
        """Put a top-level statement where it belongs: imports, definitions, or what importing executes."""
        if isinstance(statement, ast.Import | ast.ImportFrom):
            self._bind(statement, self.imports)
        elif isinstance(statement, (*_FUNCTIONS, ast.ClassDef)):
            self.definitions[statement.name].append(statement)
            if statement.name.startswith("__") or any(map(self._may_register, statement.decorator_list)):
                self._body.append(statement)
        elif (names := _assigned(statement)) is not None:
            for name in names:
                self.definitions[name].append(statement)
        elif isinstance(statement, ast.If) and _is_never_run(statement):
            for alternative in statement.orelse:
                self._sort(alternative)
        elif not _is_text(statement):
            self._keep_as_body(statement)

    def _keep_as_body(self, statement: ast.stmt) -> None:
        self._body.append(statement)
        for part in _parts(statement):
            if not isinstance(part, tuple):
                self._bind(part, self.imports)

    def _bind(self, statement: ast.Import | ast.ImportFrom, names: dict[str, list[Symbol]]) -> list[Symbol]:
        """Note under which names an import binds what; return what it executes."""
        executed = []
        for alias in statement.names:
            if isinstance(statement, ast.Import):
                bound = alias.asname or alias.name.partition(".")[0]
                names[bound].append(Symbol(alias.name if alias.asname else bound, WHOLE))
                executed.append(Symbol(alias.name, BODY))
            elif alias.name == WHOLE:
                self.stars.append(Symbol(self._absolute(statement), WHOLE))
            else:
                names[alias.asname or alias.name].append(Symbol(self._absolute(statement), alias.name))
                executed.append(Symbol(self._absolute(statement), alias.name))
        return executed

    def _absolute(self, statement: ast.ImportFrom) -> str:
        package = self._package[: len(self._package) - statement.level + 1] if statement.level else []
        return ".".join([*package, *([statement.module] if statement.module else [])])

    def _may_register(self, decorator: ast.expr) -> bool:
        """Return whether a decorator may put a definition where it is found without its name.

        Those of the standard library do not, nor do pluggy's markers: what a hook lists is found from what it brings.
        """
        chain = _chain(decorator.func if isinstance(decorator, ast.Call) else decorator)
        if not chain:
            return True
        owners = self.imports.get(chain[0]) or [Symbol(self.module, chain[0])]
        standard = all(owner.module.partition(".")[0] in sys.stdlib_module_names for owner in owners)
        harmless = standard or chain[0] in vars(builtins)
        return not harmless and chain[-1] not in ("hookimpl", "hookspec")

    def parts(self, name: str) -> list[_Parts]:
        """Return what the statements of a definition, or the module's `BODY`, read."""
        if name not in self._parts:
            self._parts[name] = [self._parts_of(one) for one in self._statements(name)]
        return self._parts[name]

    def _parts_of(self, statement: ast.stmt) -> _Parts:
        imports: dict[str, list[Symbol]] = defaultdict(list)
        executed: list[Symbol] = []
        chains = set()
        for part in _parts(statement):
            if isinstance(part, tuple):
                chains.add(part)
            else:
                executed += self._bind(part, imports)
        return _Parts(imports, tuple(executed), tuple(chains))

    def _statements(self, name: str) -> list[ast.stmt]:
        return self._body if name == BODY else self.definitions[name]

    def digest(self, names: Iterable[str]) -> str:
        """Return the digest of some definitions and of what importing executes; empty where there is nothing."""
        wanted = set(self.definitions) if WHOLE in names else set(names) & set(self.definitions)
        parts = [f"{name} {self._digest(name)}" for name in [*sorted(wanted), *([BODY] if self._body else [])]]
        return _sha("\n".join(parts))[:DIGITS] if parts else ""

    def _digest(self, name: str) -> str:
        if name not in self._digests:
            self._digests[name] = _sha(_written(self._statements(name)))
        return self._digests[name]


def _parsed(content: bytes) -> ast.Module:
    """Return a file's syntax tree; of one that is not Python, a tree that is another with each other content."""
    try:
        return ast.parse(content)
    except (SyntaxError, ValueError):
        return ast.parse(f"_ = {content!r}")


def _for_side_effects(tree: ast.Module) -> list[Symbol]:
    """Return libraries that `import x` names and nothing else does: they are imported for what that does."""
    plain = [alias for node in tree.body if isinstance(node, ast.Import) for alias in node.names]
    named = {part[0] for part in _parts(tree) if isinstance(part, tuple)} if plain else set()
    return [Symbol(one.name, BODY) for one in plain if (one.asname or one.name.partition(".")[0]) not in named]


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _written(node: Any) -> str:
    """Write a syntax tree without comments, docstrings, places and empty fields, alike in every version of Python."""
    if isinstance(node, ast.AST):
        fields = ((name, _written(getattr(node, name, None))) for name in node._fields if name not in _NOT_WRITTEN)
        return f"{type(node).__name__}({','.join(f'{name}={text}' for name, text in fields if text)})"
    if isinstance(node, list):
        return ",".join(f"[{_written(each)}]" for each in node if not _is_text(each))
    return "" if node is None else repr(node)


def _is_text(statement: Any) -> bool:
    """Return whether a statement is a lone constant: a docstring."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _assigned(statement: ast.stmt) -> list[str] | None:
    """Return the names that a plain assignment defines, None for another statement."""
    targets: list[ast.expr]
    if isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    elif isinstance(statement, ast.Assign):
        targets = [part for t in statement.targets for part in (t.elts if isinstance(t, ast.Tuple) else [t])]
    else:
        return None
    names = [target.id for target in targets if isinstance(target, ast.Name)]
    return names if len(names) == len(targets) and "_" not in names else None


def _is_never_run(statement: ast.If) -> bool:
    """Return whether it is `if TYPE_CHECKING:` or `if __name__ == "__main__":`: never true in a step."""
    test = statement.test
    if isinstance(test, ast.Compare):
        return _chain(test.left) == ("__name__",) and isinstance(test.ops[0], ast.Eq)
    return _chain(test)[-1:] == ("TYPE_CHECKING",)


def _parts(node: ast.AST) -> Iterator[tuple[str, ...] | ast.Import | ast.ImportFrom]:
    """Yield the imports in code and the dotted names that it reads.

    What annotates a function is left out: it is never evaluated.
    """
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield node
    elif chain := _chain(node):
        yield chain
    else:
        for name in node._fields:
            if name in _ANNOTATIONS and isinstance(node, (*_FUNCTIONS, ast.arg)):
                continue
            value = getattr(node, name)
            for child in value if isinstance(value, list) else (value,):
                if isinstance(child, ast.AST):
                    yield from _parts(child)


def _chain(node: ast.AST) -> tuple[str, ...]:
    """Return the parts of `a.b.c` that is read, none for another expression."""
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
        return (node.id,)
    if isinstance(node, ast.Attribute) and (before := _chain(node.value)):
        return (*before, node.attr)
    return ()
