"""Plugins that are single files: Python, or the YAML of a use case."""

from __future__ import annotations

import importlib.util
import re
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING

from harness import hookspecs
from harness.errors import PluginError
from harness.facts import DATA_FILES
from harness.locate import FILE_MODULE

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
    alike = [one.distribution for one in plugins.loaded if one.module is sys.modules.get(_module_name(path))]
    if alike:
        raise PluginError(f"Plugin files {alike[0]} and {path} are one module by their names. Rename one of them.")
    failures = len(plugins.failures)
    plugins.load(path.stem, str(path), FILE, lambda: import_file(path))
    if len(plugins.failures) > failures:
        raise PluginError(f"Plugin file {file!r} cannot be used. {plugins.failures[-1].reason}")


class _Uncached(SourceFileLoader):
    """Compiles a file each time: Python's cache misses an edit within a second that keeps the length."""

    def get_code(self, fullname: str) -> CodeType:
        """Return the code of the file as it is now."""
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def _module_name(path: Path) -> str:
    return f"{FILE_MODULE}{re.sub(r'[^0-9A-Za-z_]', '_', path.stem)}"


def import_file(path: Path) -> ModuleType:
    """Execute a single-file plugin and return its module; for a use case's YAML, a module that brings it.

    Raises:
        PluginError: the file is neither Python nor YAML.
    """
    name = _module_name(path)
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
