"""`harness new`: a template under the user's name, as a file or as a small installable project."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

from harness.errors import PluginError
from harness.facts import DATA_FILES
from harness.plugins import Plugins
from harness.plugins.collection import GROUP
from harness.plugins.registry import NAME
from harness.seams import Template

PROJECT = """\
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "harness-{name}"
version = "0.1.0"
description = "{summary}"
requires-python = ">=3.11"
dependencies = ["viability-harness"]

[project.optional-dependencies]
test = ["pytest"]

[project.entry-points.{group}]
{name} = "{module}"

[tool.hatch.build.targets.wheel]
only-include = [{files}]
"""
BESIDE = '''\
"""Brings the use case in the YAML file beside this one."""

from pathlib import Path

import harness
from harness.use_case_file import read_use_case


@harness.hookimpl
def harness_use_cases():
    return [read_use_case(Path(__file__).with_suffix("{suffix}"))]
'''
TEST = """\
import harness.testing


@harness.testing.parametrize("{name}")
def test_conformance(check):
    check()
"""


def scaffold(template: Template, name: str, plugins: Plugins, folder: Path, *, package: bool) -> list[Path]:
    """Write a template under a name and return the files.

    Args:
        template: what to write.
        name: lower-case letters, digits, `.`, `_` and `-`; not used by any of `plugins`.
        plugins: what is installed.
        folder: where the file, or the project's folder, goes.
        package: whether to write an installable project instead of one file.

    Raises:
        PluginError: the name cannot be used, a file exists already, or no project can be made of it; then nothing is
            written.
    """
    module = _module(name)
    _refuse_taken(name, plugins)
    if package and not template.plugin:
        raise PluginError(f"{template.name} is a file and no plugin. Leave --package out.")
    root = folder / name if package else folder
    suffix = template.file.suffix
    files = {root / f"{module}{suffix}": _named(template.file.read_text(encoding="utf-8"), name, module)}
    if package and suffix in DATA_FILES:
        files[root / f"{module}.py"] = BESIDE.format(suffix=suffix)
    if package:
        included = ", ".join(f'"{file.name}"' for file in files)
        files[root / "pyproject.toml"] = PROJECT.format(
            name=name, module=module, group=GROUP, files=included, summary=f"A {template.name} for Viability Harness"
        )
        files[root / "tests" / f"test_{module}.py"] = TEST.format(name=name)
    for file in files:
        if file.exists():
            raise PluginError(f"{str(file)!r} is there already. Choose another name, or move it away.")
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return list(files)


def next_commands(template: Template, name: str, *, package: bool) -> list[str]:
    """Return the commands to type next."""
    module = _module(name)
    if not template.plugin:
        first, arguments = [], template.try_it
    elif package:
        first = [f"python -m pip install -e './{name}[test]'", f"harness check {name}", f"python -m pytest {name}"]
        arguments = re.sub(r" --plugin \S+", "", template.try_it)
    else:
        first = [f"harness check {module}{template.file.suffix}"]
        arguments = template.try_it
    return [*first, f"harness {_named(arguments, name, module)}"]


def _named(text: str, name: str, module: str) -> str:
    camel = "".join(part.capitalize() for part in module.split("_"))
    words = {"my-name": name, "my_name": module, "MyName": camel, "MY_NAME": module.upper()}
    return re.sub("|".join(words), lambda match: words[match.group()], text)


def _module(name: str) -> str:
    module = re.sub(r"[-.]", "_", name)
    usable = NAME.fullmatch(name) and name == name.lower() and module.isidentifier()
    if not usable or keyword.iskeyword(module):
        raise PluginError(
            f"{name!r} cannot be used as a name. Begin with a lower-case letter, then letters, digits, '-' and '_'."
        )
    return module


def _refuse_taken(name: str, plugins: Plugins) -> None:
    for what, names in (("model", plugins.models), ("task", plugins.tasks), ("hardware", plugins.hardware),
                        ("runtime", plugins.runtimes), ("use case", plugins.use_cases()),
                        ("plugin", {plugin.name for plugin in plugins.loaded})):  # fmt: skip
        if name in names:
            raise PluginError(f"The name {name!r} is taken by a {what}. Choose another.")
