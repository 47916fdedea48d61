"""What `harness plugins` prints."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from harness import plain
from harness.errors import PluginError
from harness.hooks import answer_of
from harness.installed import Missing, by_extra, install_command, lacking, names
from harness.plugins import Plugin, Plugins
from harness.plugins.registry import PARTS
from harness.seams import Hardware, Model, Runtime, Task


def listing(plugins: Plugins, *, as_json: bool) -> str:
    """Return the listing as JSON, or for a person."""
    plugins.price_books()  # before failures are read: books can be among them
    return json.dumps(as_data(plugins), indent=2) if as_json else as_text(plugins)


def as_data(plugins: Plugins) -> dict[str, Any]:
    """Return the listing as plain data."""
    return {
        "plugins": [_plugin(plugin) for plugin in plugins.loaded],
        "models": {name: _model(plugins, model) for name, model in plugins.models.items()},
        "model_schemes": {name: {"summary": scheme.summary} for name, scheme in plugins.model_schemes.items()},
        "tasks": {name: _task(task) for name, task in plugins.tasks.items()},
        "hardware": {
            name: {"summary": hardware.summary, "unavailable": _unavailable(hardware)}
            for name, hardware in plugins.hardware.items()
        },
        "runtimes": {name: _runtime(runtime) for name, runtime in plugins.runtimes.items()},
        "price_books": {
            name: {"summary": book.summary, "prices": len(book.prices)} for name, book in plugins.price_books().items()
        },
        "use_cases": {
            name: {"title": case.title, "tasks": list(case.tasks), "data": list(case.data)}
            for name, case in plugins.use_cases().items()
        },
        "templates": {name: {"summary": template.summary} for name, template in plugins.templates.items()},
        "missing": [
            {"install": _install(key), "modules": lacking(group), "parts": names(group)}
            for key, group in by_extra(_missing(plugins)).items()
        ],
        "failures": [
            {"plugin": f.plugin, "distribution": f.distribution, "reason": f.reason} for f in plugins.failures
        ],
    }


def _missing(plugins: Plugins) -> list[Missing]:
    """Return the parts of plugins whose libraries are not installed."""
    kinds = [*PARTS, "model_schemes"]
    parts = [plugins.missing(kind, name) for kind in kinds for name in getattr(plugins, kind)]
    return [part for part in parts if part is not None]


def _install(key: tuple[str, str | None]) -> str | None:
    distribution, extra = key
    return None if extra is None else install_command([(distribution, extra)])


def _model(plugins: Plugins, model: Model) -> dict[str, Any]:
    return {
        "summary": model.summary,
        "kinds": list(model.kinds),
        "tasks": sorted(name for name, task in plugins.tasks.items() if task.kind in model.kinds),
        "sizes": list(model.sizes),
        "pretraining": model.pretraining,
        "formats": list(model.formats),
        "settings": {name: plain.python(setting.default) for name, setting in model.settings.items()},
    }


def _runtime(runtime: Runtime) -> dict[str, Any]:
    reasons = {kind: _unavailable(runtime, kind) for kind in runtime.devices}
    return {
        "summary": runtime.summary,
        "format": runtime.format,
        "devices": list(runtime.devices),
        "unavailable": {kind: why for kind, why in reasons.items() if why is not None},
    }


def _unavailable(part: Hardware | Runtime, *kind: str) -> str | None:
    """Return why hardware, or a runtime on a kind of device, cannot be used here; an error in it is a reason."""
    try:
        reason = answer_of(part, "unavailable", *kind)
        return None if reason is None else plain.text(reason, f"{type(part).__name__}.unavailable()")
    except PluginError as error:
        return str(error)


def _task(task: Task) -> dict[str, Any]:
    return {
        "summary": task.summary,
        "kind": task.kind,
        "use_case": task.use_case,
        "metrics": [metric.name for metric in task.metrics],
        "baseline": task.baseline,
        "data": task.data_name,
        "takes_data": task.takes_data,
        "source": task.source,
        "licence": task.licence,
        "former_names": list(task.former_names),
    }


def _plugin(plugin: Plugin) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "import_ms": round(1000 * plugin.import_s, 1),
        "brings": plugin.brings,
    }


def as_text(plugins: Plugins) -> str:
    """Return the listing for a person."""
    data = as_data(plugins)
    lines = [
        f"{p['name']:<12} {p['distribution']} {p['version']}, imported in {p['import_ms']} ms" for p in data["plugins"]
    ]
    for kind, describe in _COLUMNS.items():
        lines += ["", kind.replace("_", " ")]
        lines += [f"  {name:<16} {describe(entry)}" for name, entry in sorted(data[kind].items())] or ["  none"]
    if data["missing"]:
        lines += ["", "not installed"]
        lines += [
            f"  {one['parts']}: {one['install'] or 'install ' + ', '.join(one['modules'])}" for one in data["missing"]
        ]
    lines += [""] + [f"FAILED {f['plugin']} ({f['distribution']}): {f['reason']}" for f in data["failures"]]
    return "\n".join(lines).rstrip()


_COLUMNS: dict[str, Callable[[dict[str, Any]], str]] = {
    "models": lambda e: (
        f"{e['summary'].rstrip('.')}. Tasks: {', '.join(e['tasks']) or 'none'}. Sizes: {', '.join(e['sizes'])}."
    ),
    "model_schemes": lambda e: str(e["summary"]),
    "tasks": lambda e: (
        f"{e['summary'].rstrip('.')}. Data: {e['data']}. Use case: {e['use_case'] or 'none'}. "
        f"Metrics: {', '.join(e['metrics'])}."
    ),
    "hardware": lambda e: f"{e['summary']}" + (f" Not here: {e['unavailable']}" if e["unavailable"] else ""),
    "runtimes": lambda e: " ".join(
        [
            f"{e['summary'].rstrip('.')}. On: {', '.join(e['devices'])}.",
            *(f"Not on {kind} here: {why}" for kind, why in e["unavailable"].items()),
        ]
    ),
    "price_books": lambda e: f"{e['summary'].rstrip('.')}. {e['prices']} prices.",
    "use_cases": lambda e: " ".join(
        [f"{e['title']}. Tasks: {', '.join(e['tasks'])}.", *([f"Data: {', '.join(e['data'])}."] if e["data"] else [])]
    ),
    "templates": lambda e: str(e["summary"]),
}
