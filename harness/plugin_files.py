"""Plugins that are single files: Python, or the YAML of a use case."""

from __future__ import annotations

import importlib.util
import re
import sys
from importlib.machinery import SourceFileLoader
from itertools import count
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING

from harness import hookspecs
from harness.errors import PluginError
from harness.facts import DATA_FILES
from harness.locate import FILE_MODULE, NUMBER

if TYPE_CHECKING:
    from harness.plugins import Plugins

FILE = "file"
"""The version of a plugin that is a single file."""


def load_file(plugins: Plugins, file: str) -> None:
    """Load a single-file plugin unless it is loaded already.

    Raises:
        PluginError: the file is missing or broken.
    """
    path = Path(file).resolve()
    if str(path) in {plugin.distribution for plugin in plugins.loaded}:
        return
    if not path.is_file():
        raise PluginError(f"No plugin file {file!r}. Give the path of a Python file, or of a use case's YAML file.")
    failures = len(plugins.failures)
    load_under_free_name(plugins, path)
    if len(plugins.failures) > failures:
        raise PluginError(f"Plugin file {file!r} cannot be used. {plugins.failures[-1].reason}")


def load_under_free_name(plugins: Plugins, path: Path) -> str:
    """Load a file as a plugin and return the plugin's name: that of the file, numbered if another plugin has it."""
    taken = {plugin.name for plugin in plugins.loaded}
    modules = {plugin.module.__name__ for plugin in plugins.loaded}
    number = next(n for n in count(1) if _numbered(path.stem, n) not in taken and _module_name(path, n) not in modules)
    name = _numbered(path.stem, number)
    plugins.load(name, str(path), FILE, lambda: import_file(path, number))
    return name


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}{NUMBER}{number}"


class _Uncached(SourceFileLoader):
    """Compiles a file each time: Python's cache misses an edit within a second that keeps the length."""

    def get_code(self, fullname: str) -> CodeType:
        """Return the code of the file as it is now."""
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def _module_name(path: Path, number: int) -> str:
    return _numbered(f"{FILE_MODULE}{re.sub(r'[^0-9A-Za-z_]', '_', path.stem)}", number)


def import_file(path: Path, number: int = 1) -> ModuleType:
    """Execute a single-file plugin and return its module; for a use case's YAML, a module that brings it.

    Args:
        path: the file.
        number: distinguishes it from loaded files whose modules would have its name.

    Raises:
        PluginError: the file is neither Python nor YAML.
    """
    name = _module_name(path, number)
    if path.suffix in DATA_FILES:
        return _use_case_module(name, path)
    if path.suffix != ".py":
        raise PluginError(f"{path.name} is not a Python file.")
    loader = _Uncached(name, str(path))
    spec = importlib.util.spec_from_loader(name, loader)
    assert spec is not None  # noqa: S101 - a loader is given
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _use_case_module(name: str, path: Path) -> ModuleType:
    """Return a plugin that brings the use case in a YAML file."""
    from harness.use_case_file import read_use_case

    use_case = read_use_case(path)
    module = ModuleType(name, f"The use case in {path.name}.")
    module.__file__ = str(path)
    module.harness_use_cases = hookspecs.hookimpl(lambda: [use_case])  # type: ignore[attr-defined]
    return module
