"""The checks of a target: a file, a plugin, the name of something that a plugin declares, a model reference."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from harness.errors import PluginError, unknown
from harness.facts import DATA_FILES
from harness.installed import refuse
from harness.plugin_files import load_under_free_name
from harness.plugins import Failure, Plugin, Plugins, load_plugins
from harness.plugins.registry import PARTS
from harness.seams import Model
from harness.testing.bench import ModelBench
from harness.testing.facts import PRICE_BOOK, USE_CASE, UseCaseBench
from harness.testing.findings import Check, CheckFailed, Finding, Findings, Rules, bind
from harness.testing.isolated import heavy_imports
from harness.testing.machines import HARDWARE, RUNTIME, HardwareBench, RuntimeBench
from harness.testing.models import MODEL
from harness.testing.networks import NETWORK
from harness.testing.tasks import TASK, TaskBench

PLUGIN: Rules[tuple[Plugin, Plugins]] = Rules()


@PLUGIN.rule("Import heavy libraries inside the functions that use them.")
def light_import(plugin: tuple[Plugin, Plugins]) -> None:
    """Loading it imports no heavy library."""
    heavy = heavy_imports(plugin[0], plugin[1].preload())
    if heavy:
        raise CheckFailed(f"Loading it imports {', '.join(heavy)}.")


def check(
    target: str,
    plugins: Plugins | None = None,
    report: Callable[[Finding], None] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Findings:
    """Run all checks of a target.

    Args:
        target: a file, a plugin's name, the name of something that a plugin declares, or a model reference.
        plugins: the installed plugins, loaded if None. A file is added to them.
        report: called with each finding as it comes.
        settings: a model's settings that replace its defaults.

    Raises:
        PluginError: nothing has that name.
    """
    findings = Findings()
    for each_check in checks(target, plugins, settings):
        findings.append(each_check.find())
        if report is not None:
            report(findings[-1])
    return findings


def parametrize(*targets: str) -> Any:
    """Return the `pytest.mark.parametrize` of all checks of the targets, under the argument `check`."""
    import pytest

    return pytest.mark.parametrize("check", [one for target in targets for one in checks(target)], ids=str)


def checks(target: str, plugins: Plugins | None = None, settings: Mapping[str, Any] | None = None) -> list[Check]:
    """Return the checks of a target; `settings` replace a model's defaults.

    Raises:
        PluginError: nothing has that name.
    """
    plugins = load_plugins() if plugins is None else plugins
    if target.endswith((".py", *DATA_FILES)):
        return _of_file(target, plugins, settings or {})
    if ":" in target:
        plugins.find("models", target)
        return _of_declaration("models", target, plugins, settings or {})
    if (broken := next((failure for failure in plugins.failures if failure.plugin == target), None)) is not None:
        return [_loads(broken.plugin, broken)]
    if (plugin := next((plugin for plugin in plugins.loaded if plugin.name == target), None)) is not None:
        return _of_plugin(plugin, plugins, settings or {})
    target = plugins.current_task(target)
    kinds = [kind for kind in KINDS if target in _declared(kind, plugins)]
    named = [one for kind in kinds for one in _of_declaration(kind, target, plugins, settings or {})]
    if not named:
        names = {name for kind in KINDS for name in _declared(kind, plugins)} | {p.name for p in plugins.loaded}
        raise PluginError(unknown("name", target, names) + " Or give a Python file.")
    return named


def _of_file(file: str, plugins: Plugins, settings: Mapping[str, Any]) -> list[Check]:
    path = Path(file).resolve()
    if not path.is_file():
        raise PluginError(f"No plugin file {file!r}. Give the path of a Python file.")
    plugin = next((plugin for plugin in plugins.loaded if plugin.distribution == str(path)), None)
    if plugin is None:
        failures = len(plugins.failures)
        name = load_under_free_name(plugins, path)
        if len(plugins.failures) > failures:
            return [_loads(name, plugins.failures[-1])]
        plugin = plugins.loaded[-1]
    return _of_plugin(plugin, plugins, settings)


def _loads(name: str, failure: Failure | None) -> Check:
    def fail() -> None:
        if failure is not None:
            raise CheckFailed(failure.reason)

    return Check(
        f"plugin {name}", "loads", "It loads, and no other plugin has its names.", "Fix it and check again.", None, fail
    )


def _of_plugin(plugin: Plugin, plugins: Plugins, settings: Mapping[str, Any]) -> list[Check]:
    plugins.price_books()  # adds them to `plugin.brings`
    bound = [_loads(plugin.name, None), *bind(PLUGIN, f"plugin {plugin.name}", {}, (plugin, plugins))]
    for kind, names in plugin.brings.items():
        if kind in KINDS:
            bound += [one for name in names for one in _of_declaration(kind, name, plugins, settings)]
    return bound


@cache
def _scratch() -> Path:
    """Return a folder for artifacts that is removed when the interpreter ends."""
    folder = Path(tempfile.mkdtemp(prefix="harness-check-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


KINDS: dict[str, tuple[str, Rules[Any], Callable[[Any, Plugins, Mapping[str, Any]], Any]]] = {
    "models": (
        "model",
        Rules([*MODEL, *NETWORK]),
        lambda model, plugins, settings: ModelBench(model, plugins, _scratch(), settings),
    ),
    "tasks": ("task", TASK, lambda task, plugins, _: TaskBench(task, plugins)),
    "hardware": ("hardware", HARDWARE, lambda hardware, plugins, _: HardwareBench(hardware, plugins)),
    "runtimes": ("runtime", RUNTIME, lambda runtime, plugins, _: RuntimeBench(runtime, plugins, _scratch())),
    "price_books": ("price book", PRICE_BOOK, lambda book, *_: book),
    "use_cases": ("use case", USE_CASE, lambda case, plugins, _: UseCaseBench(case, plugins)),
}


def _declared(kind: str, plugins: Plugins) -> Mapping[str, Any]:
    """Return what plugins declare of a kind; price books and use cases are read by a method."""
    declarations = getattr(plugins, kind)
    by_name: Mapping[str, Any] = declarations() if callable(declarations) else declarations
    return by_name


def _of_declaration(kind: str, name: str, plugins: Plugins, settings: Mapping[str, Any]) -> list[Check]:
    what, rules, bench = KINDS[kind]
    if kind in PARTS:
        _require_installed(kind, name, plugins)
    declared = _declared(kind, plugins)[name]
    if kind == "models" and len(declared.kinds) > 1:
        return [one for of_tasks in declared.kinds for one in _for_kind(declared, of_tasks, plugins, settings)]
    return bind(rules, f"{what} {name}", getattr(declared, "known_failures", {}), bench(declared, plugins, settings))


def _require_installed(kind: str, name: str, plugins: Plugins) -> None:
    """Raise if a declaration's libraries are missing, or those of every task of a model."""
    missing = [plugins.missing(kind, name)]
    if kind == "models":
        tasks = [plugins.missing("tasks", task.name) for task in plugins.tasks.values()
                 if task.kind in plugins.models[name].kinds]  # fmt: skip
        missing += tasks if all(tasks) else []
    refuse([one for one in missing if one is not None])


def _for_kind(model: Model, kind: str, plugins: Plugins, settings: Mapping[str, Any]) -> list[Check]:
    """Return a model's checks on the tasks of one kind: another kind is another network."""
    bench = ModelBench(model, plugins, _scratch(), settings, kind)
    return bind(KINDS["models"][1], f"model {model.name} for {kind}", model.known_failures, bench)
