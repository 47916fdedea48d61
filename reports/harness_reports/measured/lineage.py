"""Grouping of records: chains of steps up to an evaluation or serving, and candidates with their replicates.

A candidate is a model in a size with its settings and training budgets, on a task's data, run by a runtime on a
machine. Records that differ in their seeds alone are replicates if they were measured under the same `conditions`.
Where a definition has changed, newer records supersede older ones.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from harness.basis import DEFINITION, STEP
from harness.names import data_name
from harness.records import Record
from harness_reports.cells import missing
from harness_reports.reasons import Reason, Reasons, named

KEYS = ("task", "data", "model", "size", "variant", "start", "hardware", "device", "runtime", "precision", "stale")
"""The columns that every table begins with."""


@dataclass(frozen=True)
class Chain:
    """An evaluation or a serving with the steps it was built on; a step that is not among the records is None."""

    leaf: Record
    export: Record | None
    finetune: Record | None
    pretrain: Record | None

    @property
    def seeds(self) -> tuple[Any, Any]:
        """What distinguishes replicates of a candidate: the seeds of its fine-tuning and of its pretraining."""
        return self.leaf.spec.get("seed"), self.pretrain.spec.get("seed") if self.pretrain else None


class Candidate(NamedTuple):
    """The identity of a candidate."""

    task: str
    data: str
    """Name of the data."""
    source: str | None
    """Where the data lie, None for those that come with the task."""
    model: str
    size: str
    start: str
    hardware: str
    device: str | None
    runtime: str
    precision: str
    digest: str | None
    """Of the data."""
    spec: str
    """A digest of settings and budgets."""
    conditions: str
    """A digest of what must agree before records are pooled."""
    definition: str
    """What defines its measurements: a digest for each step."""
    stale: Reason | None
    """How its definition differs from what is installed, None where it does not or cannot be told."""

    @property
    def place(self) -> tuple[Any, ...]:
        """The fields that it shares with candidates that it supersedes."""
        later = ("data", "digest", "conditions", "definition", "stale")
        return tuple(value for name, value in self._asdict().items() if name not in later)


def finished(records: Iterable[Record]) -> list[Record]:
    """Return the records that may enter a table: those of successful steps, the newest where one was measured again."""
    return list({record.fingerprint: record for record in records if record.outcome == "ok"}.values())


def chains(records: Sequence[Record], step: str) -> list[Chain]:
    """Return one chain for each finished `evaluate` or `serve` record."""
    by_fingerprint = {record.fingerprint: record for record in finished(records)}
    return [_chain(record, by_fingerprint) for record in by_fingerprint.values() if record.step == step]


def _chain(leaf: Record, by_fingerprint: Mapping[str, Record]) -> Chain:
    export = by_fingerprint.get(leaf.inputs.get("exported", ""))
    finetune = by_fingerprint.get(leaf.inputs.get("trained", ""))
    pretrain = by_fingerprint.get(finetune.inputs.get("pretrained", "")) if finetune else None
    return Chain(leaf, export, finetune, pretrain)


def device(record: Record) -> str | None:
    """Return the device's name and its units as price books count them: `AMD EPYC 7B13 × 2`; None if unknown."""
    described = record.hardware
    name, quantity = described.get("device_name"), described.get("price_quantity")
    if name is None:
        return None
    return str(name) if quantity in (None, 1) else f"{name} × {quantity}"


def details(chain: Chain) -> dict[str, Any]:
    """Return a candidate's settings, its task's settings and its training budgets in one flat mapping."""
    spec = chain.leaf.spec
    values = {**spec.get("settings", {}), **{f"task {k}": v for k, v in spec.get("task_settings", {}).items()}}
    for stage, record in (("finetune", chain.finetune), ("pretrain", chain.pretrain)):
        budget = record.spec.get("budget", {}) if record else {}
        values |= {f"{stage} {name}": value for name, value in budget.items()}
        if record:  # a budget for one process does not say so
            values.setdefault(f"{stage} processes", 1)
    return values


def conditions(chain: Chain) -> dict[str, str]:
    """Return what must agree before records are pooled, by name: versions of libraries and of Python, and threads.

    The device is not among them, as it is a column. Libraries of the harness itself are left out, because evaluations
    and servings use different ones. Conditions of a training are listed where they differ from those of the evaluation
    or serving.
    """
    values = _conditions(chain.leaf)
    for stage, record in (("finetune", chain.finetune), ("pretrain", chain.pretrain)):
        trained = _conditions(record) if record else {}
        values |= {f"{stage} {name}": value for name, value in trained.items() if values.get(name) != value}
    return values


def _conditions(record: Record) -> dict[str, str]:
    if record.basis:
        roles = [versions for role, versions in record.basis["libraries"].items() if role != STEP]
        libraries = {name: _Version(version) for versions in roles for name, version in versions.items()}
        return {**libraries, "Python": record.basis["python"], **_spoken(record.basis["threads"])}
    environment = record.environment  # before record version 3
    threads = {"usable_cores": environment.get("usable_cores"), **(environment.get("thread_variables") or {})}
    libraries = {name: _Version(version) for name, version in environment.get("versions", {}).items()}
    return {**libraries, "Python": str(environment.get("python")), **_spoken(threads)}


def _spoken(threads: Mapping[str, Any]) -> dict[str, str]:
    return {("cores" if name == "usable_cores" else name): str(value) for name, value in threads.items()}


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def candidate(chain: Chain) -> Candidate:
    """Return the candidate of a chain."""
    leaf = chain.leaf
    spec = leaf.spec
    links = [record for record in (leaf, chain.finetune, chain.pretrain) if record]
    return Candidate(
        task=spec["task"], data=data_name(spec), source=spec.get("source"), model=spec["model"],
        size=spec["size"], start=spec["start"], hardware=spec["hardware"], device=device(leaf),
        runtime=spec["runtime"], precision=spec["precision"], digest=leaf.data_digest,
        spec=_digest(details(chain)), conditions=_digest(conditions(chain)),
        definition=" ".join(record.basis.get(DEFINITION, "") for record in links),
        stale=next((reason for record in links if (reason := why_stale(record))), None),
    )  # fmt: skip


def why_stale(record: Record) -> Reason | None:
    """Return what has changed since a record was measured, None where nothing has."""
    changes = Reasons(Reason(change.code, change.values) for change in record.stale)
    return Reason("stale", {"changes": changes}) if changes else None


def replicates(group: Iterable[Chain]) -> list[Chain]:
    """Return one chain for each pair of seeds, the newest where a step was measured again."""
    newest: dict[tuple[Any, Any], Chain] = {}
    for chain in sorted(group, key=lambda c: (c.leaf.started_at, c.leaf.id)):
        newest[chain.seeds] = chain
    return sorted(newest.values(), key=lambda c: str(c.seeds))


def not_superseded(grouped: Mapping[Candidate, Sequence[Chain]]) -> list[Candidate]:
    """Return the candidates of the installed definition; where none is known to be, those of the newest one."""
    chosen: dict[tuple[Any, ...], tuple[bool, str, str]] = {}
    for key, group in grouped.items():
        rank = (_current(key), max(chain.leaf.started_at for chain in group), key.definition)
        chosen[key.place] = max(rank, chosen.get(key.place, rank))
    # Ranks are (current, started at, definition): the day chooses the definition but need not agree with it.
    return [key for key in grouped if chosen[key.place][::2] == (_current(key), key.definition)]


def _current(key: Candidate) -> bool:
    """Return whether a definition is recorded and does not differ from what is installed."""
    return key.stale is None and bool(key.definition.strip())


def differences(grouped: Mapping[Candidate, Sequence[Chain]]) -> dict[Candidate, str | None]:
    """Return the details in which candidates of the same names differ, None where there is only one."""
    groups: dict[tuple[Any, ...], dict[Candidate, dict[str, Any]]] = defaultdict(dict)
    for key, group in grouped.items():
        body = {**details(group[0]), "digest": (key.digest or "")[:8], **conditions(group[0])}
        groups[key.task, key.data, key.model, key.size, key.start][key] = body
    named: dict[Candidate, str | None] = {}
    for bodies in groups.values():
        differing = _differing(list(bodies.values()))
        for key, body in bodies.items():
            named[key] = ", ".join(f"{name}={body.get(name)}" for name in differing) or None
    return named


class _Version(str):
    """A library's version. Candidates without it do not differ in it: another runtime uses other libraries."""

    __slots__ = ()


def _differing(bodies: Sequence[Mapping[str, Any]]) -> list[str]:
    names = sorted({name for body in bodies for name in body})
    return [name for name in names if _differ([body.get(name) for body in bodies])]


def _differ(values: Sequence[Any]) -> bool:
    if any(isinstance(value, _Version) for value in values):
        values = [value for value in values if value is not None]
    return len({repr(value) for value in values}) > 1


def key_columns(key: Candidate, variant: str | None) -> dict[str, Any]:
    """Return the cells that every row begins with, and `source`, which distinguishes data of one name."""
    return {name: variant if name == "variant" else getattr(key, name) for name in (*KEYS, "source")}


def label(row: Mapping[str, Any]) -> str:
    """Return a candidate's name for people, without task and runtime."""
    parts = [row["model"], None if row["size"] == "default" else row["size"], row.get("variant")]
    words = " ".join(str(part) for part in parts if not missing(part))
    words = f"{words} ({named('cell', row['start'])})" if row["start"] in ("pretrained", "as-is") else words
    return words if missing(row.get("stale")) else f"{words} ({named('column', 'stale')})"
