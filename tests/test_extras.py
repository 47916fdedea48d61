"""Extras bring what their families need, and a part whose libraries are missing is recognised as such."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable
from importlib import metadata
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from harness.basis import ROLES, Bases
from harness.errors import PluginError
from harness.installed import Missing, extra_for, refuse
from harness.plugin_files import import_file
from harness.plugins import Plugins, load_plugins

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DISTRIBUTION = "viability-harness"
FAMILIES = ("checkpoints", "control", "language", "onnx", "vision")


def _installed(requirements: Iterable[str]) -> set[str]:
    """Return the distributions that installing requirements brings, as those that are installed here say."""
    names: set[tuple[str, str]] = set()
    waiting = [(text, "") for text in requirements]
    while waiting:
        text, extra = waiting.pop()
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        for wanted in {"", *requirement.extras}:
            if (name, wanted) not in names:
                names.add((name, wanted))
                waiting += [(further, wanted) for further in metadata.requires(name) or ()]
    return {name for name, _ in names}


def _modules(distributions: set[str]) -> set[str]:
    owners = metadata.packages_distributions()
    return {top for top, names in owners.items() if distributions & {canonicalize_name(name) for name in names}}


def _subsets() -> Iterable[tuple[str, ...]]:
    return chain.from_iterable(combinations(FAMILIES, size) for size in range(len(FAMILIES) + 1))


@pytest.fixture(scope="module")
def needs() -> dict[str, tuple[set[str], set[str]]]:
    """Return model and task, task alone, hardware, runtime → the modules they declare, and those their sources use."""
    plugins = load_plugins()
    bases, modules = Bases(plugins), {}
    for role, kind in ROLES.items():
        for name, part in getattr(plugins, kind).items():
            if plugins.owner(kind, name).distribution == DISTRIBUTION:
                optional = {module.partition(".")[0] for module in getattr(part, "data_imports", ())}
                declared = {module.partition(".")[0] for module in part.imports or ()}
                used = bases.closure(role, name).libraries - sys.stdlib_module_names - optional
                modules[role, name] = (declared, set(used))
    alone = {f"{role} {name}": both for (role, name), both in modules.items() if role != "model"}
    pairs = {
        f"model {model}, task {task}": tuple(
            a | b for a, b in zip(modules["model", model], modules["task", task], strict=True)
        )
        for role, model in modules
        if role == "model"
        for task, other in plugins.tasks.items()
        if other.kind in plugins.models[model].kinds and ("task", task) in modules
    }
    return alone | pairs


def test_whatever_extras_are_installed_what_works_is_told_from_what_lacks_something(
    needs: dict[str, tuple[set[str], set[str]]],
) -> None:
    """For every choice of extras: the libraries that sources use are there, or one that they declare is not."""
    harness = {"harness", *(point.value for point in metadata.entry_points(group="harness"))}
    core = _modules(_installed(PROJECT["dependencies"])) | harness
    brought = {extra: _modules(_installed(PROJECT["optional-dependencies"][extra])) for extra in FAMILIES}
    surprises = {}
    for extras in _subsets():
        there = core.union(*(brought[extra] for extra in extras))
        for what, (declared, used) in needs.items():
            if declared <= there and not used <= there:
                surprises[what] = sorted(used - there)

    assert surprises == {}


def test_all_is_every_family_and_the_dashboard() -> None:
    """What every command of the README needs; a driver and Keras are for those who bring a server or a plugin."""
    optional = PROJECT["optional-dependencies"]
    (everything,) = (Requirement(text) for text in optional["all"])

    assert everything.name == DISTRIBUTION
    assert everything.extras == {*FAMILIES, "dashboard", "endpoints", "judging"}
    assert everything.extras == optional.keys() - {"all", "keras", "postgresql", "ray", "s3"}


LACKING: dict[str, tuple[list[str], list[str], str]] = {
    "a model": (["run", "quick", "--model", "tfidf", "--task", "text-classification"], ["sklearn"], "language"),
    "a task": (["run", "quick", "--model", "random", "--task", "CartPole-v1"], ["gymnasium"], "control"),
    "own data": (
        ["run", "quick", "--model", "tfidf", "--task", "text-classification", "--data", "r.csv"], ["datasets"],
        "language",
    ),
    "a runtime": (["run", "quick", "--task", "image-classification", "--model", "resnet"], ["onnxruntime"], "onnx"),
    "a checkpoint": (["run", "quick", "--model", "hf:folder"], ["transformers"], "checkpoints"),
    "a file": (["run", "quick", "--model", "onnx:file.onnx"], ["onnxruntime"], "onnx"),
    "a suite": (["run", "quick", "--dry-run"], ["sklearn", "gymnasium"], "control,language,vision"),
    "a check": (["check", "logistic"], ["sklearn"], "vision"),
    "a check of a model whose tasks are missing": (["check", "random"], ["gymnasium"], "control"),
    "the dashboard": (["dashboard"], ["streamlit"], "dashboard"),
    "a database": (["table", "accuracy", "--store", "postgresql://me@here/results"], ["psycopg"], "postgresql"),
}  # fmt: skip


@pytest.mark.parametrize("what", LACKING)
def test_what_is_not_installed_is_told_with_the_extra_that_brings_it(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harness_command: Any
) -> None:
    """Exit code 2, the library and the command that installs it, no traceback, nothing written."""
    arguments, modules, extras = LACKING[what]
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)  # as where it is not installed
    done = harness_command(tmp_path, *arguments)

    assert done.code == 2, done.stdout + done.stderr
    assert all(module in done.stderr for module in modules)
    assert f'python -m pip install "viability-harness[{extras}]"' in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_runtime_that_no_model_uses_need_not_be_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harness_command: Any
) -> None:
    """A model that is not exported runs in its own framework, whatever runtimes the suite names."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    done = harness_command(tmp_path, "run", "quick", "--model", "tfidf", "--task", "text-classification", "--dry-run")

    assert done.code == 0, done.stderr
    assert "unsupported: tfidf is not exported to onnx" in done.stdout


def test_the_listing_says_what_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, harness_command: Any, tmp_path: Path
) -> None:
    """By extra: the parts that lack something, and the command."""
    whole = harness_command(tmp_path, "plugins").stdout
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    partial = harness_command(tmp_path, "plugins").stdout

    assert "not installed" not in whole
    (line,) = partial.partition("\nnot installed\n")[2].partition("\n\n")[0].splitlines()
    assert line.endswith(': python -m pip install "viability-harness[control]"')
    assert "CartPole-v1" in line
    assert "text-classification" not in line


OUTSIDE = """
import harness

class Needy(harness.Model):
    name, summary, kinds, imports, extra = "needy", "Needs a library", ("toy",), ("no_such_library.part",), {extra!r}
    def learner(self, assignment): ...

@harness.hookimpl
def harness_models(): return [Needy()]
"""


@pytest.mark.parametrize(("extra", "brought"), [(None, "mine"), ("more", "more")])
def test_an_outside_plugin_is_told_by_its_own_extra(extra: str | None, brought: str, tmp_path: Path) -> None:
    """The one it declares, else the one that is called as its entry point."""
    file = tmp_path / "needy.py"
    file.write_text(OUTSIDE.format(extra=extra), encoding="utf-8")
    plugins = Plugins()
    plugins.load("mine", "their-package", "1", lambda: import_file(file), frozenset({"mine", "more"}))

    assert plugins.missing("models", "needy") == Missing(
        "model", "needy", ("no_such_library",), "their-package", brought
    )


def test_a_library_that_no_extra_brings_is_named_alone() -> None:
    """There is no command to give."""
    with pytest.raises(PluginError, match=r"^Not installed: model needy \(no_such_library\)\. Next: install these"):
        refuse([Missing("model", "needy", ("no_such_library",), "needy.py", None)])


def test_an_extra_is_found_by_the_library_it_requires() -> None:
    """By the name of its distribution; a library that is always there, or in none, has no extra."""
    assert extra_for("psycopg", DISTRIBUTION) == "postgresql"
    assert extra_for("numpy", DISTRIBUTION) is None
    assert extra_for("psycop", DISTRIBUTION) is None
