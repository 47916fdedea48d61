"""Records: what a step measured, as read. Frozen, versioned, without prices or assumptions.

History of VERSION
1  2026-11-23  first.
2  2026-11-24  samples; metrics that are no mean of scores carry value and replicates.
3  2026-11-26  basis: what the result rests on beside spec and inputs.
4  2026-11-27  asked: `data`, what the data are called; a metric's `chance` is its `random_baseline`.
5  2026-11-27  spec, which was called `asked`.
6  2026-11-27  raw: digests of series, scores, items and answers, which a store keeps beside the body.
7  2026-11-27  usage, another raw field; access in the spec.
8  2026-11-27  runs, another raw field: the requests of a load, one by one.
9  2026-11-27  the step `grade`: grades that people gave to answers.
10 2026-11-28  artifact_digest.
11 2026-11-28  ended_at; started_at to the millisecond.
"""

from __future__ import annotations

import hashlib
import json
from collections import UserDict
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from harness.errors import StoreError
from harness.seams import Reading

if TYPE_CHECKING:
    from harness.why import Change

VERSION = 11

RAW = ("series", "scores", "items", "answers", "usage", "runs")
"""The fields with a value for each step, query or item: long, and needed by few."""

FINAL = ("ok", "unsupported")
"""Outcomes of steps that need not run again."""
Outcome = Literal["ok", "failed", "timed out", "out of memory", "killed", "unsupported"]


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """A step's result: the part of a record that its worker fills."""

    outcome: Outcome
    environment: dict[str, Any] = field(default_factory=dict)
    """The machine, its state and the software, as read; `hardware` is the hardware plugin's description."""
    used: dict[str, Any] = field(default_factory=dict)
    """What was actually used, if it can differ from the spec."""
    data_digest: str | None = None
    artifact_digest: str | None = None
    """SHA-256 of the names and contents of the files that the step wrote; None of one that wrote none, and before
    version 10."""
    readings: dict[str, Reading] = field(default_factory=dict)
    """Name with unit → value as read. Missing means not read."""
    series: MutableMapping[str, list[float]] = field(default_factory=dict)
    """Name with unit → raw values in order (`latency_s`, `loss`, …)."""
    scores: MutableMapping[str, list[float]] = field(default_factory=dict)
    """Of an evaluation: column → one number per item of the test split."""
    items: MutableMapping[str, dict[str, list[Any]]] = field(default_factory=dict)
    """Of an evaluation: split → what was asked: `input` and `reference`, one of each per item. Empty before version
    6."""
    answers: MutableMapping[str, dict[str, list[Any]]] = field(default_factory=dict)
    """Of an evaluation: split → what was answered: `output`, `confidence` and, of the validation split, the scores, one
    of each per item. Empty before version 6."""
    usage: MutableMapping[str, dict[str, list[Any]]] = field(default_factory=dict)
    """Of a model that is billed by the call: split, or `served` → what each answer consumed, as the server says it: a
    column for each figure. Empty before version 7."""
    runs: MutableMapping[str, dict[str, list[Any]]] = field(default_factory=dict)
    """Of a load with several requests in flight: run → columns with a value for each request, in the order of sending,
    times in seconds from the run's beginning: `scheduled_s` (None in a closed loop), `sent_s`, `chunks_s` (a list),
    `streamed`, `input_tokens`, `cached_tokens`, `output_tokens`, `attempts`, `failure`, and `batch`, the size of the
    batch that it was answered in. `used["runs"]` describes each run. Empty before version 8."""
    metrics: list[dict[str, Any]] = field(default_factory=list)
    """Of an evaluation: name, unit, column, higher_is_better, ceiling, random_baseline; the first decides. Where column
    is None also value and replicates, the values over resampled items, the same items for every model."""
    samples: list[dict[str, str]] = field(default_factory=list)
    """Of an evaluation: caption, media_type and content (base64, text verbatim) of examples for people."""
    baseline: str | None = None
    """Of an evaluation: the task's baseline model."""
    reason: str | None = None
    """Why the outcome is not `ok`."""
    traceback: str | None = None
    notes: list[str] = field(default_factory=list)
    """Caveats: not reproducible to the bit, stopped by the clock, …"""

    def metric_value(self, metric: Mapping[str, Any]) -> float:
        """Return the value of one of the metrics."""
        if metric["column"] is None:
            return float(metric["value"])
        column = self.scores[metric["column"]]
        return sum(column) / len(column)

    @cached_property
    def hardware(self) -> Mapping[str, Any]:
        """The hardware plugin's description, empty if there is none."""
        return self.environment.get("hardware") or {}

    def value(self, name: str) -> float | None:
        """Return a reading's value, None if it is missing."""
        reading = self.readings.get(name)
        return None if reading is None else reading.value


@dataclass(frozen=True, kw_only=True)
class Record(StepResult):
    """One step's record: its spec and its result."""

    id: str
    """A UUID."""
    fingerprint: str
    """Of the step: spec, inputs and basis. One `ok` record for each in a store."""
    step: str
    """`pretrain`, `finetune`, `export`, `evaluate` or `serve`; or `grade`, which nothing plans: grades that people gave
    to `answer` in `items`, a column of `answers` for each person. Its spec has no model and no hardware."""
    spec: dict[str, Any]
    """The step as planned: model, size, settings, task, data, source, hardware, seed, …, as far as they bear
    on it. `data` is what the data are called; a record before version 4 has none."""
    inputs: dict[str, str]
    """Role (`pretrained`, `trained`, `exported`) → fingerprint of the step whose artifact was read."""
    started_at: str
    """ISO 8601, UTC."""
    ended_at: str | None = None
    """ISO 8601, UTC. Before version 11 None, and started_at is to the second."""
    basis: dict[str, Any] = field(default_factory=dict)
    """What the result rests on beside spec and inputs, as `harness.basis` finds it: the digests of the sources that the
    step could run, by role and module; the versions of the libraries they use; data, threads and machine. Empty before
    version 3."""
    version: int = VERSION
    stale: tuple[Change, ...] = ()
    """How the definition of what was measured differs from what is installed, empty if it does not or is unknown.
    Computed when records are read, never stored."""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Read a field that is not there yet: see `from_head`."""
            later = self.__dict__.get("_later")
            if later is None or name not in _LONG:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            for each, value in later(name).items():
                self.__dict__.setdefault(each, value)
            return self.__dict__[name]


_LONG = frozenset(each.name for each in fields(Record) if each.default_factory is not MISSING)
"""The fields with several values."""


def from_head(
    head: dict[str, Any],
    raw: Callable[[str], str],
    basis: Callable[[], dict[str, Any]],
    whole: Callable[[], Record],
) -> Record:
    """Return a record of which some fields are there; others are read when they are first looked into.

    Args:
        head: a body of which fields with several values may be missing, but `readings`; an earlier harness left out
            most, and wrote `hardware` beside them.
        raw: SHA-256 → text of raw values.
        basis: gives its basis.
        whole: gives all of it.

    Raises:
        StoreError: the record was written by a newer harness.
    """
    _check_version(head["version"])
    readings, digests = head.pop("readings"), head.pop("raw", None)

    def later(name: str) -> dict[str, Any]:
        if name == "readings":
            return {"readings": {each: Reading(*reading) for each, reading in readings.items()}}
        if name == "basis":
            return {"basis": basis()}
        read = vars(whole())
        return {each: read[each] for each in _LONG - {"readings", "basis"}}

    record = object.__new__(Record)
    kept = {} if digests is None else {name: {} for name in RAW} | _raw_later(digests, raw)
    vars(record).update(head, **kept, _later=later)
    return record


def changed(record: Record, **values: Any) -> Record:
    """Return a record with other values of some fields; what is not read yet is read later."""
    other = object.__new__(type(record))
    vars(other).update(vars(record), **values)
    return other


def of_each_step(records: Iterable[Record]) -> list[Record]:
    """Return one record for each step: the newest final one, or the newest where every attempt failed.

    Args:
        records: of any steps, oldest first.
    """
    steps: dict[str, Record] = {}
    for record in records:
        earlier = steps.get(record.fingerprint)
        if earlier is None or is_failure(earlier.outcome) or not is_failure(record.outcome):
            steps[record.fingerprint] = record
    return list(steps.values())


def failed(records: Iterable[Record]) -> list[Record]:
    """Return the steps that failed and were not done since, each by its newest record."""
    return [record for record in of_each_step(records) if is_failure(record.outcome)]


def is_failure(outcome: str) -> bool:
    """Return whether an outcome is a failure: `failed`, `timed out`, `out of memory` or `killed`."""
    return outcome not in FINAL


class Later(UserDict[str, Any]):
    """Values of a record that are read when they are first looked into."""

    def __init__(self, read: Callable[[], dict[str, Any]]) -> None:
        self._read = read

    @cached_property
    def data(self) -> dict[str, Any]:  # type: ignore[override]  # UserDict's own is set in its constructor
        """Return the values."""
        return self._read()


def to_json(record: Record) -> tuple[str, dict[str, str]]:
    """Write a record as strict JSON with sorted keys.

    Returns:
        The body, and SHA-256 → text of the raw values that it names in `raw`.

    Raises:
        ValueError: a number in it is not finite.
    """
    texts = {name: _json(dict(values)) for name in RAW if (values := getattr(record, name))}
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
    rest = asdict(replace(record, series={}, scores={}, items={}, answers={}, usage={}, runs={}))
    body = {name: value for name, value in rest.items() if name not in {*RAW, "stale"}}
    return _json({**body, "raw": digests}), {digests[name]: text for name, text in texts.items()}


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, allow_nan=False)


def result_of(body: dict[str, Any]) -> StepResult:
    """Return a result from the plain values that `asdict` makes of one, as a worker sends it."""
    return StepResult(**_read(body))


def from_json(text: str, raw: Callable[[str], str]) -> Record:
    """Read a record of any version up to ours; early ones may hold NaN and infinities.

    Args:
        text: its body.
        raw: SHA-256 → text of raw values; called when they are first looked into.

    Raises:
        StoreError: the record was written by a newer harness.
    """
    body = json.loads(text)
    _check_version(body["version"])
    later = _raw_later(body.pop("raw", {}), raw)
    return Record(**_read(body), **later)


def _check_version(version: int) -> None:
    if version > VERSION:
        raise StoreError(
            f"A record has version {version}; this harness reads up to {VERSION}. Upgrade viability-harness."
        )


def _raw_later(digests: Mapping[str, str], raw: Callable[[str], str]) -> dict[str, Any]:
    return {name: _later(name, raw, digest) for name, digest in digests.items()}


def _later(name: str, raw: Callable[[str], str], digest: str) -> Later:
    if name == "scores":
        return Later(lambda: json.loads(raw(digest), parse_float=_Few().__getitem__))
    return Later(lambda: json.loads(raw(digest)))


class _Few(dict[str, float]):
    """Numbers by their texts, each made once: of thousands of scores most are 0 or 1."""

    def __missing__(self, text: str) -> float:
        return self.setdefault(text, float(text))


def _read(body: dict[str, Any]) -> dict[str, Any]:
    readings = {name: Reading(*reading) for name, reading in body["readings"].items()}
    return as_written_today(body) | {"readings": readings}


def as_written_today(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body with current names.

    Before version 5 the spec was called `asked`, before 4 the random baseline of a metric `chance`.
    """
    metrics = [
        {"random_baseline" if name == "chance" else name: value for name, value in metric.items()}
        for metric in body.get("metrics", [])
    ]
    return {"spec" if name == "asked" else name: value for name, value in body.items()} | {"metrics": metrics}
