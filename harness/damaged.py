"""Records that cannot be read: each is reported with its number and left out, and the others are read."""

from __future__ import annotations

import hashlib
import json
import sys
import zlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from harness.errors import StoreError
from harness.records import RAW, Record
from harness.seams import Reading

_FIELDS: Mapping[str, tuple[type, ...]] = {
    "id": (str,), "fingerprint": (str,), "step": (str,), "outcome": (str,), "started_at": (str,), "spec": (dict,),
    "inputs": (dict,), "basis": (dict,), "environment": (dict,), "used": (dict,), "metrics": (list,),
    "samples": (list,), "notes": (list,), "reason": (str, type(None)), "baseline": (str, type(None)),
    "data_digest": (str, type(None)), "artifact_digest": (str, type(None)),
}  # fmt: skip
_SPEC: Mapping[str, tuple[type, ...]] = {
    "task": (str,), "data": (str,), "model": (str,), "size": (str,), "hardware": (str, type(None)),
    "runtime": (str, type(None)), "precision": (str, type(None)), "settings": (dict,), "task_settings": (dict,),
}  # fmt: skip
_MEASURED = ("pretrain", "finetune", "export", "evaluate", "serve")
_OF_SPEC = ("task", "model", "size", "hardware", "seed", "settings")
"""Keys of the spec of whatever is measured, in records of every version."""
_METRIC: Mapping[str, tuple[type, ...]] = {"name": (str,), "column": (str, type(None))}
MOST_BYTES = 2**30
"""Of one column of raw values, unpacked; a run of a day has about a hundredth."""
UNREADABLE = (StoreError, ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What reading a record raises that is none."""
T = TypeVar("T")
AGAIN = "Measure its step again (`harness run SUITE --again`) or restore the store from a copy."
"""What helps."""
_reported: set[str] = set()


class DamagedRecordError(StoreError):
    """A long field of a record that was read before cannot be read."""

    def __init__(self, record_id: str, why: str) -> None:
        super().__init__(why)
        self.record_id = record_id


def sound(
    rows: Iterable[tuple[int, T]], read: Callable[[T], Record], label: str
) -> tuple[list[Record], tuple[str, ...]]:
    """Read records; report those that cannot be read on stderr, each once in a process.

    Args:
        rows: number of each, and what it is made of.
        read: makes a record of that.
        label: the store's, for messages.

    Returns:
        The records, and a sentence for each that was left out.
    """
    records, sentences = [], []
    for number, row in rows:
        try:
            records.append(read(row))
        except UNREADABLE as error:
            sentences.append(_sentence(number, label, error))
    for sentence in sentences:
        tell(sentence)
    return records, tuple(sentences)


def tell(sentence: str) -> None:
    """Report on stderr that a record is left out, once in a process."""
    if sentence not in _reported:
        _reported.add(sentence)
        sys.stderr.write(f"warning: {sentence}\n")


def unpacked(content: bytes, digest: str) -> bytes:
    """Return raw values of a SHA-256.

    Raises:
        zlib.error: they are damaged.
        ValueError: they are cut off, larger than `MOST_BYTES`, or other values than those of the digest.
    """
    packed = zlib.decompressobj()
    values = packed.decompress(content, MOST_BYTES)
    if not packed.eof:
        large = packed.unconsumed_tail
        raise ValueError(f"they are more than {MOST_BYTES // 2**30} GiB" if large else "they are cut off")
    if hashlib.sha256(values).hexdigest() != digest:
        raise ValueError("they are not those that were kept")
    return values


def is_sound(content: bytes, digest: str) -> bool:
    """Return whether raw values are those of a SHA-256."""
    try:
        unpacked(content, digest)
    except (zlib.error, ValueError):
        return False
    return True


def digest_in(body: str) -> str | None:
    """Return the digest of an artifact in a record's body; None where the record has none, or cannot be read."""
    try:
        digest = json.loads(body)["artifact_digest"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return digest if isinstance(digest, str) else None


def _sentence(number: int, label: str, error: Exception) -> str:
    remedy = AGAIN
    if isinstance(error, json.JSONDecodeError):
        why = f"its body is no JSON ({error})"
    elif isinstance(error, RecursionError):
        why = "its body is nested too deeply"
    elif isinstance(error, KeyError):
        why = f"it lacks {error}"
    elif isinstance(error, StoreError):
        why, remedy = str(error).rstrip("."), ""
    elif isinstance(error, WrongTypeError):
        why = str(error)
    else:
        why = f"it is not of the form of a record ({type(error).__name__}: {error})"
    return f"record {number} of store {label!r} is left out: {why}. {remedy}".rstrip()


class WrongTypeError(TypeError):
    """A field of a record is missing, or holds a value of another type than it has."""


def check(record: Record, text: str) -> None:
    """Raise where a record has the fields that it should, with values of another type.

    Fields that are read when they are first looked into are not read.

    Args:
        record: as read.
        text: the JSON that it was read from.

    Raises:
        WrongTypeError: names the field.
        ValueError: a time is none, or a text holds what is no character.
    """
    _check_types(vars(record), _FIELDS, "")
    _check_types(record.spec, _SPEC, "spec.")
    if record.step in _MEASURED and (lacking := [name for name in _OF_SPEC if name not in record.spec]):
        raise WrongTypeError(f"its spec lacks {', '.join(lacking)}")
    if not isinstance(record.hardware, dict):
        raise WrongTypeError("environment.hardware is no object")
    if "metrics" in vars(record):
        _check_metrics(record.metrics)
    if "readings" in vars(record):
        _check_readings(record.readings)
    for name in RAW:
        if not isinstance(vars(record).get(name, {}), Mapping):
            raise WrongTypeError(f"{name} is no object")
    datetime.fromisoformat(record.started_at)
    if "\\u" in text or not text.isascii():
        json.dumps([record.spec, record.hardware, record.reason], ensure_ascii=False).encode()


def _check_metrics(metrics: Iterable[Any]) -> None:
    for metric in metrics:
        if not isinstance(metric, dict):
            raise WrongTypeError("a metric is no object")
        _check_types({"name": None, "column": 0, **metric}, _METRIC, "metric.")


def _check_readings(readings: Mapping[str, Reading]) -> None:
    for name, reading in readings.items():
        if not isinstance(reading.value, int | float) or not isinstance(reading.unit, str):
            raise WrongTypeError(f"the reading {name} is {reading.value!r:.40} {reading.unit!r:.40}")


def _check_types(values: Mapping[str, Any], types: Mapping[str, tuple[type, ...]], prefix: str) -> None:
    for name, allowed in types.items():
        if name in values and not isinstance(values[name], allowed):
            kinds = " or ".join("null" if kind is type(None) else kind.__name__ for kind in allowed)
            raise WrongTypeError(f"{prefix}{name} is {values[name]!r:.40} and no {kinds}")
