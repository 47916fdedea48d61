"""Why a step is due, in words: what differs from what was measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.basis import MADE, PLUGINS
from harness.locate import FILE_MODULE
from harness.names import LABELS
from harness.plugin_files import FILE
from harness.records import FINAL, Record

if TYPE_CHECKING:
    from harness.plan import Step

NAMES = ("model", "task", "hardware", "runtime", "scenario", "format")
"""Parts of a spec that must agree before two steps are compared."""
UNTOLD = "measured by an earlier version of the harness, which did not keep all that the result rests on"


SENTENCES: Mapping[str, str] = {
    "data changed": "data changed",
    "weights changed": "the model's files changed",
    "plugin edited": "plugin {plugin} → edited ({role}{modules})",
    "plugin remade": "plugin {plugin} → made with other values ({role}{modules})",
    "plugin updated": "plugin {plugin} → {version} ({role}{modules})",
    "harness edited": "harness → edited ({role}{modules})",
}
"""Code of a change → English template; other languages are up to whoever shows them."""


class Change(NamedTuple):
    """One changed part of a definition: a code and its values. `str` gives the English sentence."""

    code: str
    values: Mapping[str, str] = {}

    def __str__(self) -> str:
        """Return the English sentence."""
        return SENTENCES[self.code].format(**self.values)


class Difference(NamedTuple):
    """One part in which two bases differ."""

    text: str
    reloads: bool = False
    """Whether every worker takes up the change; it does not if the fork server has loaded the module."""


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Return the differences between two bases, the most important first."""
    changes = list(_definitions(before, after))
    parts = [part for part in ("data", "weights") if before.get(part) != after.get(part)]
    changes += [Difference(str(Change(f"{part} changed")), reloads=True) for part in parts]
    changes += _pairs(_libraries(before), _libraries(after))
    changes += _pairs({"Python": before.get("python")}, {"Python": after.get("python")})
    threads = _pairs(_spaced(before.get("threads", {})), _spaced(after.get("threads", {})))
    changes += [each._replace(reloads=True) for each in threads]
    return changes + _pairs(_spaced(before.get("machine", {})), _spaced(after.get("machine", {})))


def definitions(before: Mapping[str, Any], after: Mapping[str, Any], roles: Iterable[str]) -> list[Change]:
    """Return the changes of the sources of these roles."""
    return [change for role in roles for change in _definition(role, before, after)]


def _definitions(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    for role in {**before["sources"], **after["sources"]}:
        if changes := _definition(role, before, after):
            modules = _changed(role, before, after)
            made_anew = before.get(PLUGINS, {}).get(role, "").endswith(f" {FILE}")
            sources = [module for module in modules if module != MADE or not made_anew]
            text = ", ".join(map(str, changes))
            yield Difference(text, reloads=all(module.startswith(FILE_MODULE) for module in sources))


def _definition(role: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    modules = _changed(role, before, after)
    of_plugin = [module for module in modules if not _is_core(module) and module != MADE]
    core = [module for module in modules if _is_core(module)]
    changes = [Change("harness edited", _where(role, core))] if core else []
    if not of_plugin and MADE not in modules:
        return changes
    old, new = (_without_file(basis.get(PLUGINS, {}).get(role, "")) for basis in (before, after))
    values = {"plugin": old, **_where(role, of_plugin)}
    if not of_plugin:
        return [Change("plugin remade", values), *changes]
    if new in (old, ""):
        return [Change("plugin edited", values), *changes]
    return [Change("plugin updated", {**values, "version": new.rpartition(" ")[2]}), *changes]


def _is_core(module: str) -> bool:
    return module.partition(".")[0] == __name__.partition(".")[0]


def _where(role: str, modules: Iterable[str]) -> dict[str, str]:
    """Return a role and `: module, …`, empty for a plugin's file, whose module says no more than the plugin."""
    names = ", ".join(module for module in modules if not module.startswith(FILE_MODULE))
    return {"role": role, "modules": f": {names}" if names else ""}


def _without_file(owner: str) -> str:
    return owner.removesuffix(f" {FILE}")


def _changed(role: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the modules in which a role's sources differ; none if one basis lacks the role."""
    old, new = (basis["sources"].get(role, {}) for basis in (before, after))
    return sorted(module for module in {**old, **new} if old.get(module) != new.get(module))


def _libraries(basis: Mapping[str, Any]) -> dict[str, str]:
    return {name: version for installed in basis.get("libraries", {}).values() for name, version in installed.items()}


def _pairs(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return [Difference(f"{name} {_value(before.get(name))} → {_value(after.get(name))}") for name in names]


def _spaced(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with readable names: `usable cores`; environment variables stay as they are."""
    return {name.replace("_", " ") if name.islower() else name: value for name, value in values.items()}


def _value(value: Any) -> str:
    return "none" if value is None else str(value)


class Earlier:
    """Records by the names in which two steps must agree before they are compared."""

    def __init__(self, records: Iterable[Record]) -> None:
        """Take records of any step, oldest first."""
        self._alike: dict[tuple[Any, ...], list[Record]] = defaultdict(list)
        for record in records:
            self._alike[_names(record.step, record.spec)].append(record)

    def of(self, step: Step) -> Sequence[Record]:
        """Return the records that a step may be compared with, its own among them; oldest first."""
        return self._alike.get(_names(step.kind, step.spec), [])


def _names(kind: str, spec: Mapping[str, Any]) -> tuple[Any, ...]:
    return (kind, *map(spec.get, NAMES))


def why_pending(step: Step, records: Sequence[Record]) -> str:
    """Return why a step is due.

    Args:
        step: has no final record.
        records: all earlier records, oldest first.
    """
    if failed := [record for record in records if record.fingerprint == step.fingerprint]:
        reason = (failed[-1].reason or "").partition("\n")[0]
        return f"{failed[-1].outcome} last time: {reason}"
    alike = [record for record in records if record.outcome in FINAL and _comparable(step, record)]
    if not alike:
        return "not measured yet"
    wanted = _flat(step.spec)
    nearest = min(reversed(alike), key=lambda record: len(_spec(wanted, record)))
    if spec := _spec(wanted, nearest):
        return f"{spec[0]} is not measured yet" if len(spec) == 1 else "not measured yet"
    if nearest.basis.get("format") != step.basis["format"]:
        return UNTOLD
    reasons = [each.text for each in differences(nearest.basis, step.basis)]
    if not reasons:
        reasons = [f"what it builds on ({role}) is done again" for role in _other_inputs(step, nearest)]
    return ", ".join(reasons) or "its record is of another plan"


def _comparable(step: Step, record: Record) -> bool:
    return _names(record.step, record.spec) == _names(step.kind, step.spec)


def _spec(after: Mapping[str, Any], record: Record) -> list[str]:
    """Return how a flat spec differs from that of a record, in words."""
    before = _flat(record.spec)
    names = [name for name in after if name not in LABELS and after[name] != before.get(name)]
    return [f"data {_data(after)}" if name == "source" else f"{name} {_value(after[name])}" for name in names]


def _data(spec: Mapping[str, Any]) -> str:
    """Return the name of data, and their source unless they come with the task."""
    return str(spec["data"]) if spec["source"] is None else f"{spec['data']} ({spec['source']})"


def _flat(spec: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in spec.items():
        inner = {f"{name} {key}": one for key, one in value.items()} if isinstance(value, Mapping) else {name: value}
        flat |= {key: list(one) if isinstance(one, tuple) else one for key, one in inner.items()}  # as records hold it
    return flat


def _other_inputs(step: Step, record: Record) -> list[str]:
    return [role for role, fingerprint in step.inputs.items() if record.inputs.get(role) != fingerprint]
