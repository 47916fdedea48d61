"""What a source file defines, imports and names, and digests of its definitions: parsed, never imported."""

from __future__ import annotations

import ast
import builtins
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

DIGITS = 16
"""Hexadecimal digits kept of a digest: enough to tell versions of one module apart."""
WHOLE = "*"
"""Stands for all definitions of a module."""
BODY = "<body>"
"""Stands for what importing a module executes beside its definitions."""
IMPORTERS = frozenset({"__import__", "import_module"})
"""Functions that import the module whose name they are given."""
DYNAMIC = frozenset({"exec", "eval", "globals", "vars", "locals", "__subclasses__", *IMPORTERS})
"""Names whose use cannot be followed: a module with one counts whole."""
LONGEST_NAME = 100
"""A longer text is not the name of a module."""
_IMPORTS = (ast.Import, ast.ImportFrom)
_ANNOTATED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.arg)
_ANNOTATIONS = frozenset({"annotation", "returns"})
_NOT_WRITTEN = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
"""Fields of syntax trees that do not change what code does."""


class Symbol(NamedTuple):
    """A top-level definition of a module, `WHOLE` or `BODY`."""

    module: str
    name: str


class Parts(NamedTuple):
    """What a statement reads."""

    imports: Mapping[str, list[Symbol]]
    """Names that its imports bind, each to one place or to several alternatives."""
    executed: tuple[Symbol, ...]
    """What those imports execute."""
    chains: tuple[tuple[str, ...], ...]
    """Dotted names, as their parts."""
    texts: tuple[str, ...]
    """Short texts."""


class Class(NamedTuple):
    """How a top-level class treats its subclasses."""

    bases: tuple[tuple[str, ...], ...]
    """Dotted names, as their parts."""
    metaclass: tuple[str, ...]
    """Dotted name, empty if there is none."""
    sees_subclasses: bool
    """Whether it has `__init_subclass__` or asks for `__subclasses__`."""


@lru_cache(maxsize=1024)
def read(module: str, path: Path, content: bytes) -> File:
    """Return a source file, cached."""
    return File(module, path, content)


class File:
    """A source file: its top-level definitions by name, what they read, and their digests."""

    def __init__(self, module: str, path: Path, content: bytes) -> None:
        self.module = module
        self.path = path
        self.sha256 = _sha256(content)
        self.definitions: dict[str, list[ast.stmt]] = defaultdict(list)
        self.imports: dict[str, list[Symbol]] = defaultdict(list)
        self.stars: list[Symbol] = []
        self.classes: dict[str, Class] = {}
        self.changes: list[tuple[str, tuple[str, ...]]] = []
        """Definition or `BODY` that runs when the plugin loads, and the dotted name that it changes."""
        self._package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
        self._body: list[ast.stmt] = []
        self._parts: dict[str, list[Parts]] = {}
        self._digests: dict[str, str] = {}
        tree = _parsed(content)
        for statement in tree.body:
            self._sort(statement)
        self.side_effects = _for_side_effects(tree)

    def _sort(self, statement: ast.stmt) -> None:
        """Add a top-level statement to the imports, the definitions, or what importing executes."""
        if isinstance(statement, ast.Import | ast.ImportFrom):
            self._bind(statement, self.imports)
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self._define(statement)
        elif (names := _assigned(statement)) is not None:
            for name in names:
                self.definitions[name].append(statement)
        elif isinstance(statement, ast.If) and _is_never_run(statement):
            for alternative in statement.orelse:
                self._sort(alternative)
        elif not _is_text(statement):
            self._keep_as_body(statement)

    def _define(self, statement: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self.definitions[statement.name].append(statement)
        if isinstance(statement, ast.ClassDef):
            self.classes[statement.name] = _class(statement)
        elif any(_name_of(decorator)[-1:] == ("hookimpl",) for decorator in statement.decorator_list):
            self.changes += [(statement.name, chain) for chain in _changed(statement)]
        if statement.name.startswith("__") or any(map(self._may_register, statement.decorator_list)):
            self._body.append(statement)

    def _keep_as_body(self, statement: ast.stmt) -> None:
        self._body.append(statement)
        self.changes += [(BODY, chain) for chain in _changed(statement)]
        for part in _parts(statement):
            if isinstance(part, ast.Import | ast.ImportFrom):
                self._bind(part, self.imports)

    def _bind(self, statement: ast.Import | ast.ImportFrom, names: dict[str, list[Symbol]]) -> list[Symbol]:
        """Note the names that an import binds; return what it executes."""
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
        """Return whether a decorator may register a definition, so that it is found without its name.

        Those of the standard library and pluggy's markers do not: what a hook returns is found by other means.
        """
        chain = _name_of(decorator)
        if not chain:
            return True
        owners = self.imports.get(chain[0]) or [Symbol(self.module, chain[0])]
        standard = all(owner.module.partition(".")[0] in sys.stdlib_module_names for owner in owners)
        harmless = standard or chain[0] in vars(builtins)
        return not harmless and chain[-1] not in ("hookimpl", "hookspec")

    def parts(self, name: str) -> list[Parts]:
        """Return what the statements of a definition, or the module's `BODY`, read."""
        if name not in self._parts:
            self._parts[name] = [self._parts_of(one) for one in self._statements(name)]
        return self._parts[name]

    def _parts_of(self, statement: ast.stmt) -> Parts:
        imports: dict[str, list[Symbol]] = defaultdict(list)
        executed: list[Symbol] = []
        chains, texts = set(), set()
        for part in _parts(statement):
            if isinstance(part, tuple):
                chains.add(part)
            elif isinstance(part, str):
                texts.add(part)
            else:
                executed += self._bind(part, imports)
        return Parts(imports, tuple(executed), tuple(chains), tuple(texts))

    def modules_named(self) -> set[str]:
        """Return the dotted names among the file's texts, as they stand and below its package."""
        texts = {text for name in (*self.definitions, BODY) for part in self.parts(name) for text in part.texts}
        names = {text.lstrip(".") for text in texts}
        names = {name for name in names if all(part.isidentifier() for part in name.split("."))}
        return names | {".".join([*self._package, name]) for name in names}

    def _statements(self, name: str) -> list[ast.stmt]:
        return self._body if name == BODY else self.definitions.get(name, [])

    def digest(self, names: Iterable[str]) -> str:
        """Return the digest of some definitions and of what importing executes; empty where there is nothing."""
        wanted = set(self.definitions) if WHOLE in names else set(names) & set(self.definitions)
        kept = [*sorted(wanted), *([BODY] if self._body else [])]
        parts = [f"{name} {self._digest(name)}" for name in kept]
        if any(len(self.definitions[name]) > 1 for name in wanted):
            parts.append(f"in the order {self._order(kept)}")
        return _sha("\n".join(parts))[:DIGITS] if parts else ""

    def _order(self, names: Iterable[str]) -> list[str]:
        """Return the names in the order of their statements: with a name assigned twice, the order matters."""
        places = [(one.lineno, one.col_offset, name) for name in names for one in self._statements(name)]
        return [name for _, _, name in sorted(places)]

    def _digest(self, name: str) -> str:
        if name not in self._digests:
            self._digests[name] = _sha(_written(self._statements(name)))
        return self._digests[name]


def _parsed(content: bytes) -> ast.Module:
    """Return a file's syntax tree; for invalid Python, a tree that depends on the content."""
    try:
        return ast.parse(content)
    except (SyntaxError, ValueError):
        return ast.parse(f"_ = {content!r}")


def _for_side_effects(tree: ast.Module) -> list[Symbol]:
    """Return libraries that only an `import x` names: they are imported for their side effects."""
    plain = [alias for node in tree.body if isinstance(node, ast.Import) for alias in node.names]
    named = {part[0] for part in _parts(tree) if isinstance(part, tuple)} if plain else set()
    return [Symbol(one.name, BODY) for one in plain if (one.asname or one.name.partition(".")[0]) not in named]


def _sha(text: str) -> str:
    return _sha256(text.encode("utf-8", "surrogatepass"))


def _sha256(content: bytes) -> str:
    import hashlib  # OpenSSL takes long to load, and plugins load without a digest

    return hashlib.sha256(content).hexdigest()


def _written(node: Any) -> str:
    """Write a syntax tree without comments, docstrings, positions and empty fields, alike in every Python version."""
    if node is None:
        return ""
    if isinstance(node, ast.JoinedStr):  # Python 3.12 leaves empty texts in the formats of f-strings
        node = ast.JoinedStr(
            [part for part in node.values if not (isinstance(part, ast.Constant) and part.value == "")]
        )
    if isinstance(node, ast.AST):
        names = [name for name in node._fields if name not in _NOT_WRITTEN]
        fields = [f"{name}={text}" for name in names if (text := _written(getattr(node, name, None)))]
        return f"{type(node).__name__}({','.join(fields)})"
    if isinstance(node, list):
        return ",".join([f"[{_written(each)}]" for each in node if not _is_text(each)])
    return repr(node)


def _is_text(statement: Any) -> bool:
    """Return whether a statement is only a constant, such as a docstring."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _assigned(statement: ast.stmt) -> list[str] | None:
    """Return the names that a simple assignment defines, None for another statement."""
    targets: list[ast.expr]
    if isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    elif isinstance(statement, ast.Assign):
        targets = [part for t in statement.targets for part in (t.elts if isinstance(t, ast.Tuple) else [t])]
    else:
        return None
    names = [target.id for target in targets if isinstance(target, ast.Name)]
    if len(names) != len(targets) or "_" in names:
        return None
    return [*names, *(one.target.id for one in ast.walk(statement) if isinstance(one, ast.NamedExpr))]


def _name_of(decorator: ast.expr) -> tuple[str, ...]:
    return _chain(decorator.func if isinstance(decorator, ast.Call) else decorator)


def _changed(statement: ast.stmt) -> Iterator[tuple[str, ...]]:
    """Yield the dotted names whose attributes or items a statement sets, or whose methods it calls."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield _chain(node)
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            yield _chain(node.value)
        elif isinstance(node, ast.Call) and _chain(node.func) == ("setattr",) and len(node.args) > 1:
            attribute = node.args[1]
            yield (*_chain(node.args[0]), str(attribute.value) if isinstance(attribute, ast.Constant) else "")
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield _chain(node.value.func)[:-1]


def _class(statement: ast.ClassDef) -> Class:
    metaclass = next((word.value for word in statement.keywords if word.arg == "metaclass"), None)
    told = any(isinstance(one, ast.FunctionDef) and one.name == "__init_subclass__" for one in statement.body)
    asks = any(part[-1] == "__subclasses__" for part in _parts(statement) if isinstance(part, tuple))
    bases = tuple(chain for base in statement.bases if (chain := _chain(_without_arguments(base))))
    return Class(bases, _chain(metaclass) if metaclass else (), told or asks)


def _without_arguments(base: ast.expr) -> ast.expr:
    """Return `Base` of `Base[int]`."""
    return base.value if isinstance(base, ast.Subscript) else base


def _is_never_run(statement: ast.If) -> bool:
    """Return whether it is `if TYPE_CHECKING:` or `if __name__ == "__main__":`, which is never true in a step."""
    test = statement.test
    if isinstance(test, ast.Compare):
        return _chain(test.left) == ("__name__",) and isinstance(test.ops[0], ast.Eq)
    return _chain(test)[-1:] == ("TYPE_CHECKING",)


_Part = tuple[str, ...] | str | ast.Import | ast.ImportFrom


def _parts(node: ast.AST) -> list[_Part]:
    """Return the imports in code, the dotted names that it reads, and its short texts.

    Annotations of functions are left out: they are never evaluated.
    """
    parts: list[_Part] = []
    waiting = [node]
    while waiting:  # no recursion: every file of every plugin is gone through
        node = waiting.pop()
        if isinstance(node, _IMPORTS):
            parts.append(node)
        elif isinstance(node, ast.Constant):
            if isinstance(node.value, str) and len(node.value) <= LONGEST_NAME:
                parts.append(node.value)
        elif chain := _chain(node):
            parts.append(chain)
        else:
            waiting += _children(node)[::-1]
    return parts


def _children(node: ast.AST) -> list[ast.AST]:
    """Return the nodes below a node, but for the annotations of functions."""
    children: list[ast.AST] = []
    for name in node._fields:
        if name in _ANNOTATIONS and isinstance(node, _ANNOTATED):
            continue
        value = getattr(node, name)
        if isinstance(value, ast.AST):
            children.append(value)
        elif isinstance(value, list):
            children += [each for each in value if isinstance(each, ast.AST)]
    return children


def _chain(node: ast.AST) -> tuple[str, ...]:
    """Return the parts of `a.b.c`, none for another expression."""
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
        return (node.id,)
    if isinstance(node, ast.Attribute) and (before := _chain(node.value)):
        return (*before, node.attr)
    return ()
