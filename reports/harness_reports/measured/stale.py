"""Which records are of another definition than what is installed here: another task, another model by the same name.

Another machine or another version of a library is another environment and no fault. But where a task's data or grading
or a model's code have changed, the record speaks of something that is no longer there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from harness.basis import DEFINING, FORMAT, GRADING, IDENTITIES, PLUGINS, STEP, Bases, unversioned
from harness.errors import HarnessError
from harness.plugins import Plugins
from harness.records import Record
from harness.why import definitions


def marked(records: Iterable[Record], plugins: Plugins) -> list[Record]:
    """Return the records with `stale` filled in.

    A record of a task or model that is not installed here stays unmarked, and so does one that an earlier version of
    the harness wrote: nobody can tell.
    """
    bases = Bases(plugins)
    found = [replace(record, stale=_why_stale(record, bases)) if record.basis else record for record in records]
    reasons: dict[tuple[Any, ...] | None, str] = {}
    for record in found:
        key = _built_on(record)
        reasons[key] = max(reasons.get(key, ""), record.stale or "", key=len)
    return [replace(one, stale=reasons[key] or None) if (key := _built_on(one)) else one for one in found]


def _built_on(record: Record) -> tuple[Any, ...] | None:
    """Return what an evaluation has in common with servings of the same model: all are as stale as the most stale."""
    if "trained" not in record.inputs or "runtime" not in record.spec:
        return None
    return (*sorted(record.inputs.items()), record.spec["runtime"], record.spec["precision"])


def _why_stale(record: Record, bases: Bases) -> str | None:
    basis = record.basis
    if basis.get("format") != FORMAT:
        return None
    now = _installed(record, bases)
    said = definitions(_graded(basis), now, [STEP, *DEFINING])
    for part, words in (("data", "data changed"), ("weights", "the model's files changed")):
        if unversioned(part, now) != unversioned(part, basis):
            said.append(words)
    return ", ".join(said) or None


def _graded(basis: Mapping[str, Any]) -> dict[str, Any]:
    """Return a basis with nothing of the harness itself but how it grades."""
    own = basis["sources"].get(STEP, {})
    return {**basis, "sources": {**basis["sources"], STEP: {name: own[name] for name in own if name == GRADING}}}


def _installed(record: Record, bases: Bases) -> dict[str, Any]:
    """Return the basis that the step would have today, as far as it can be told; of other roles what was recorded."""
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
            own = bases.libraries(role, spec, bases.closure(role, spec[role]))
            now |= {part: find(spec), "libraries": {**now["libraries"], role: own}}
        except Exception:  # noqa: BLE001, S112 - a plugin may raise anything; mostly its files are elsewhere
            continue
    return now
