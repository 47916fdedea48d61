"""Settings of models and tasks: defaults filled in, values checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from harness import plain
from harness.errors import SuiteError, unknown
from harness.seams import Setting
from harness.yaml_text import quotes_wanted


def filled(given: Mapping[str, Any], declared: Mapping[str, Setting]) -> dict[str, Any]:
    """Return all settings, defaults filled in.

    Raises:
        SuiteError: a setting is unknown, of another type, or not among its choices.
        DataError: a file that a setting names cannot be read.
        PluginError: a setting that a record cannot hold, such as NaN.
    """
    filled = {name: setting.default for name, setting in declared.items()}
    for name, value in given.items():
        if name not in declared:
            raise SuiteError(unknown("setting", name, declared))
        typed, read = _of_type(name, value, declared[name]), declared[name].read
        filled[name] = typed if read is None else read(typed)
    for name, value in filled.items():
        plain.nested(value, f"setting {name}")
    return {name: plain.python(value) for name, value in filled.items()}


def by_access(settings: Mapping[str, Any], declared: Mapping[str, Setting]) -> dict[str, dict[str, Any]]:
    """Return the settings of a step under `settings`, and those that only say how to reach the model under `access`."""
    parts: dict[str, dict[str, Any]] = {"settings": {}}
    for name, value in settings.items():
        parts.setdefault("access" if declared[name].access else "settings", {})[name] = value
    return parts


def all_settings(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return all settings of the model in a step's spec."""
    return {**spec["settings"], **spec.get("access", {})}


def _of_type(name: str, value: Any, setting: Setting) -> Any:
    """Return a value of a setting; a whole number such as 1e3 is an int where the setting has one."""
    default = setting.default
    if type(default) is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    texts = isinstance(default, str) or (setting.choices and all(isinstance(one, str) for one in setting.choices))
    if texts and (remedy := quotes_wanted(value)):
        raise SuiteError(f"{name} is {value!r}. {remedy}")
    if setting.choices and value not in setting.choices:
        raise SuiteError(unknown(f"value of {name}", str(value), map(str, setting.choices)))
    if default is not None and not _same_type(value, default):
        raise SuiteError(f"{name} is {value!r}: give {_wanted(default)}.")
    return value


def _same_type(value: Any, default: Any) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    number = isinstance(default, float) and isinstance(value, int)
    return number or isinstance(value, type(default)) or (isinstance(default, tuple) and isinstance(value, list))


def _wanted(default: Any) -> str:
    """Return what a setting takes, as a suite writes it."""
    if isinstance(default, bool):
        return "true or false"
    noun = {int: "an int", float: "a float", str: "a text", tuple: "a list"}.get(type(default), type(default).__name__)
    return f"{noun}, like {repr(default) if isinstance(default, float) else json.dumps(default)}"
