"""Files, pins, names and imports agree with what the project declares."""

from __future__ import annotations

import ast
import graphlib
import re
import tomllib
from collections.abc import Callable, Container, Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = [ROOT / path for path in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]]


def test_packages_on_disk_are_packages_shipped() -> None:
    """Every folder with an `__init__.py` at a package's place is in the wheel's list."""
    packages = {ROOT / "harness"}
    for folder in ("plugins", "reports", "dashboards"):
        packages |= {path.parent for path in (ROOT / folder).glob("*/__init__.py")}

    assert set(PACKAGES) == packages


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_a_package_has_its_marker_and_its_entry_point(package: Path) -> None:
    """Types are shipped; all but the core has an entry point, as other plugins do."""
    points = set(PROJECT["project"]["entry-points"]["harness"].values())

    assert (package / "py.typed").is_file()
    assert package.name == "harness" or package.name in points


def test_installed_names_begin_with_harness() -> None:
    """The distribution puts nothing else at the top."""
    tops = {name for name, owners in metadata.packages_distributions().items() if "viability-harness" in owners}

    assert all(re.fullmatch(r"_?harness\w*|_editable\w*|_viability_harness", name) for name in tops), tops


def test_every_dependency_is_pinned_within_its_range() -> None:
    """`constraints.txt` holds one version of each, and the range in pyproject admits it."""
    pins = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, version = line.split("==")
            pins[name.lower().replace("_", "-")] = version
    extras = PROJECT["project"]["optional-dependencies"]
    untested = ("all",)  # it names the others
    optional = [text for extra, texts in extras.items() if extra not in untested for text in texts]
    for text in [*PROJECT["project"]["dependencies"], *optional]:
        requirement = Requirement(text)
        assert requirement.specifier.contains(pins[requirement.name.lower()]), text

    assert pins["torch"] == "2.13.0"


def test_the_shipped_suites_can_be_planned() -> None:
    """Every suite that comes with the harness asks only for what comes with it."""
    from harness.plan import make_plan
    from harness.plugins import load_plugins
    from harness.suite import read_suite

    plugins = load_plugins()
    for file in (ROOT / "harness" / "suites").glob("*.yaml"):
        suite, source = read_suite(file.stem)
        if not any(plugins.hardware[name].unavailable() for name in suite.hardware):
            assert make_plan(suite, source, plugins).steps, file.name


def test_the_suite_standard_leaves_nothing_out() -> None:
    """Every packaged model, and every task with its own data that is not only for pretraining."""
    from harness.plugins import load_plugins
    from harness.suite import read_suite

    plugins, (suite, _) = load_plugins(), read_suite("standard")
    ours = {"language", "vision", "control"}
    tasks, models = (
        {name for name in getattr(plugins, kind) if plugins.owner(kind, name).name in ours}
        for kind in ("tasks", "models")
    )
    grounds = {name for name in tasks if name.endswith("-source")}
    bring_your_own = {"gymnasium", "answer-grading"}  # answers of yours are what a judge grades

    assert {entry.name for entry in suite.tasks} == tasks - grounds - bring_your_own
    assert {entry.name for entry in suite.models} == models


def test_every_tox_environment_says_what_it_is_for() -> None:
    """`tox list` is readable."""
    text = (ROOT / "tox.ini").read_text(encoding="utf-8")
    for section in re.findall(r"\[testenv:(\w+)\](.*?)(?=\n\[|\Z)", text, re.DOTALL):
        assert "description =" in section[1], section[0]


def test_the_parts_of_the_core_import_as_their_readme_says() -> None:
    """Every module is in one part, and a part imports only parts above it."""
    rows = _table(ROOT / "harness" / "README.md")
    part_of = {module: part for part, modules, _, _ in rows for module in modules.split()}
    modules = {name.split(".")[1] for name in _imports() if name.startswith("harness.")}

    assert sorted(part_of) == sorted(modules)
    assert sum(len(modules.split()) for _, modules, _, _ in rows) == len(modules)
    _hold_to_imports(rows, lambda name: part_of[name[1]] if name[0] == "harness" and len(name) > 1 else None)
    _hold_to_order(rows)


def test_plugins_import_as_their_readme_says() -> None:
    """What the core offers them, and no other plugin."""
    rows = _table(ROOT / "plugins" / "README.md")
    plugins = {package.name for package in PACKAGES if package.parent.name == "plugins"}

    assert [row[0] for row in rows] == sorted(plugins)
    _hold_to_imports(rows, lambda name: name[1] if name[0] == "harness" and len(name) > 1 else name[0])


def test_the_packages_of_reports_import_as_their_readme_says() -> None:
    """Each imports what its row names, and only packages of rows above it."""
    rows = _table(ROOT / "reports" / "README.md")
    packages = {name.split(".")[1] for name in _imports() if name.startswith("harness_reports.")}

    assert {row[0] for row in rows} == packages
    _hold_to_imports(rows, lambda name: name[1] if name[0] == "harness_reports" and len(name) > 1 else None)
    _hold_to_order(rows)


def _table(readme: Path) -> list[list[str]]:
    """Return the rows of the architecture in a README, without its head; columns are two spaces apart or more."""
    text = readme.read_text(encoding="utf-8").partition("```text\n")[2].partition("```")[0]
    return [re.split(r" {2,}", line) for line in text.splitlines()[1:]]


def _hold_to_imports(rows: list[list[str]], place: Callable[[list[str]], str | None]) -> None:
    """Compare the last column of a table with what each row's modules import; `place` is the row of a module's name."""
    imported: dict[str | None, set[str | None]] = {}
    for module, used in _imports().items():
        imported.setdefault(place(module.split(".")), set()).update(place(name.split(".")) for name in used)
    for name, *_, imports in rows:
        assert imported[name] - {None, name, "harness"} == set(imports.split()) - {"-"}, name


def _hold_to_order(rows: list[list[str]]) -> None:
    above = {"-"}
    for name, *_, imports in rows:
        assert set(imports.split()) <= above, name
        above.add(name)


def test_no_modules_import_each_other() -> None:
    """Not even in functions: each module can be understood after those it imports."""
    imports = _imports()
    assert "harness.use_case_file" in imports["harness.plugin_files"], "imports in functions are not seen"

    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"These modules import each other: {' <- '.join(error.args[1])}")


@cache
def _imports() -> dict[str, set[str]]:
    """Return module → the modules of this project that it imports when it runs, in functions too."""
    files = {_module(package, file): file for package in PACKAGES for file in package.rglob("*.py")}
    return {
        module: {name for text in _imported_names(file) if (name := _nearest(text, files))} - {module}
        for module, file in files.items()
        if "templates" not in file.parts
    }


def _module(package: Path, file: Path) -> str:
    parts = file.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _nearest(name: str, modules: Container[str]) -> str | None:
    """Return the module that an imported name is, or is in; None where it is not of this project."""
    return next((one for one in (name, name.rpartition(".")[0]) if one in modules), None)


def _imported_names(file: Path) -> Iterator[str]:
    """Yield the full names that a file imports; what only a type checker imports is left out."""
    nodes: list[ast.AST] = [ast.parse(file.read_text(encoding="utf-8"))]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} has a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        nodes += ast.iter_child_nodes(node)


BARE = {"asked", "found", "known", "own", "said"}
"""Words that say nothing of what a variable holds; CONTRIBUTING's glossary has better ones."""


def test_no_name_says_nothing_of_what_it_holds() -> None:
    """Variables, parameters, attributes and functions, tests included."""
    files = [file for package in PACKAGES for file in package.rglob("*.py")] + list((ROOT / "tests").rglob("*.py"))
    bare = [
        f"{file.relative_to(ROOT)}:{node.lineno} {name}"
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if (name := _name(node)) in BARE
    ]

    assert not bare, "\n".join(bare)


def test_a_name_that_says_nothing_would_be_found() -> None:
    """In each place where a name may stand; words in texts are no names."""
    code = "def said(own, *, known=1): found = own.asked; return f(found='own', x='known')"
    names = sorted(filter(None, map(_name, ast.walk(ast.parse(code)))))

    assert [name for name in names if name in BARE] == ["asked", "found", "found", "known", "own", "own", "said"]


def _name(node: ast.AST) -> Any:
    match node:
        case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name) | ast.keyword(arg=name):
            return name
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return name
    return None
