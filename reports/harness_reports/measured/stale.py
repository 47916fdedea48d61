"""Mark stale records: a task's data or grading, or a model's code or files, differ from what is installed.

Another machine or another version of a library is another environment, and does not make a record stale.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from harness.basis import DEFINING, FORMAT, GRADING, IDENTITIES, PLUGINS, STEP, Bases, unversioned
from harness.errors import HarnessError
from harness.plugins import Plugins
from harness.records import Record, changed
from harness.why import Change, definitions


def marked(records: Iterable[Record], plugins: Plugins) -> list[Record]:
    """Return the records with `stale` filled in.

    It stays empty for tasks and models that are not installed here, and for records of an earlier `basis.FORMAT`.
    """
    marks = _Marks(Bases(plugins))
    compared = [changed(record, stale=marks.of(record)) if record.basis else record for record in records]
    most: dict[tuple[Any, ...] | None, tuple[Change, ...]] = {}
    for record in compared:
        key = _built_on(record)
        most[key] = max(most.get(key, ()), record.stale, key=len)
    return [changed(record, stale=most[key]) if (key := _built_on(record)) else record for record in compared]


_UNTRAINED = ("model", "size", "settings", "task", "source", "task_settings", "hardware", "seed")
"""What tells models apart that are measured as they are, without an artifact."""


def _built_on(record: Record) -> tuple[Any, ...] | None:
    """Return what an evaluation shares with servings of the same model: all get the mark of the most changed one."""
    spec = record.spec
    if "runtime" not in spec or ("trained" not in record.inputs and spec["start"] != "as-is"):
        return None
    built: list[Any] = sorted(record.inputs.items()) or [repr(spec.get(name)) for name in _UNTRAINED]
    return (*built, spec["runtime"], spec["precision"])


class _Marks:
    """The changes of records; those of one basis that are about the same model and data are compared once."""

    def __init__(self, bases: Bases) -> None:
        self._bases = bases
        self._made: dict[tuple[object, ...], tuple[Change, ...]] = {}
        self._seen: dict[int, dict[str, Any]] = {}
        """The bases by their ids, kept so that ids stay theirs."""

    def of(self, record: Record) -> tuple[Change, ...]:
        """Return what has changed since a record was measured."""
        basis, spec = record.basis, record.spec
        self._seen[id(basis)] = basis
        key = (id(basis), record.step, *(repr(spec.get(name)) for name in _COMPARED))
        if key not in self._made:
            self._made[key] = _changes(record, self._bases)
        return self._made[key]


_COMPARED = ("task", "source", "task_settings", "model", "settings")
"""The parts of a spec that say which sources, data and weights are installed."""


def _changes(record: Record, bases: Bases) -> tuple[Change, ...]:
    basis = record.basis
    if basis.get("format") != FORMAT:
        return ()
    now = _installed(record, bases)
    parts = [part for part in ("data", "weights") if unversioned(part, now) != unversioned(part, basis)]
    return (*definitions(_graded(basis), now, [STEP, *DEFINING]), *(Change(f"{part} changed") for part in parts))


def _graded(basis: Mapping[str, Any]) -> dict[str, Any]:
    """Return a basis in which grading is all that is left of the harness's own modules."""
    modules = basis["sources"].get(STEP, {})
    graded = {name: digest for name, digest in modules.items() if name == GRADING}
    return {**basis, "sources": {**basis["sources"], STEP: graded}}


def _installed(record: Record, bases: Bases) -> dict[str, Any]:
    """Return the basis that the step would have today; recorded values stand in for what cannot be found here."""
    spec, basis = record.spec, record.basis
    now = _graded({**basis, "sources": {**basis["sources"], STEP: bases.of_step(record.step).modules}})
    for role in DEFINING:
        try:
            now["sources"][role] = dict(bases.closure(role, spec[role]).modules)
            now[PLUGINS] = {**now.get(PLUGINS, {}), role: bases.owner(role, spec[role])}
        except HarnessError:
            continue
    for part, find in (("data", bases.data), ("weights", bases.weights)):
        role = IDENTITIES[part]
        try:
            libraries = bases.libraries(role, spec, bases.closure(role, spec[role]))
            now |= {part: find(spec), "libraries": {**now["libraries"], role: libraries}}
        except Exception:  # noqa: BLE001, S112 - a plugin may raise anything; mostly its files are elsewhere
            continue
    return now
