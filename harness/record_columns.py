"""The columns of a record beside its body: what plans and tables need of every record.

`head` holds all of it but its basis, its samples, and metrics with values over resampled items. `basis` is the digest
of the basis, which many records share and which is kept among the raw values. A record is made of these, and its body
is read when another field is first looked into. Of a store of an earlier schema, which has no such columns, bodies are
read one by one and all but the same fields is dropped.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any

import sqlalchemy as sa

from harness.damaged import UNREADABLE, DamagedRecordError, check
from harness.errors import StoreError
from harness.records import RAW, Record, as_written_today, from_head, from_json

CHUNK = 500
"""Rows that are held at a time."""
_LEFT_OUT = frozenset({"basis", "samples", *RAW})
"""Fields of a body that its head lacks; early records have raw values there."""


def columns() -> tuple[sa.Column[Any], ...]:
    """Return the columns, which schema 4 added."""
    return (
        sa.Column("artifact_digest", sa.String(64)),
        sa.Column("head", sa.Text),
        sa.Column("basis", sa.String(64)),
        sa.Column("checksum", sa.BigInteger),
    )


def values(body: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the columns of a body by name, and SHA-256 → text of what several records share."""
    content = json.loads(body)
    basis = _json(content["basis"]) if content.get("basis") else None
    shared = {} if basis is None else {hashlib.sha256(basis.encode()).hexdigest(): basis}
    row = {
        "artifact_digest": content.get("artifact_digest"),
        "head": _json(_head(content)),
        "basis": next(iter(shared), None),
        "checksum": checksum(body),
    }
    return row, shared


def checksum(body: str) -> int:
    """Return the CRC-32 of a body: where another is beside it, the body has changed since, and is read itself."""
    return zlib.crc32(body.encode(errors="surrogateescape"))


def _head(content: Mapping[str, Any]) -> dict[str, Any]:
    head = {name: value for name, value in as_written_today(content).items() if name not in _LEFT_OUT}
    if any(metric.get("replicates") for metric in head["metrics"]):
        del head["metrics"]
    return head


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def add(connection: sa.Connection, records: sa.Table, keep: Callable[[str, str], None]) -> None:
    """Add the columns to a table of an earlier schema and fill them; what is there already stays.

    Args:
        connection: to the database.
        records: the table.
        keep: keeps a text under its digest.
    """
    there = {column["name"] for column in sa.inspect(connection).get_columns(records.name)}
    for column in columns():
        if column.name not in there:
            kind = column.type.compile(connection.dialect)
            connection.execute(sa.text(f"ALTER TABLE {records.name} ADD COLUMN {column.name} {kind}"))
    missing = sa.select(records.c.number).where(records.c.head.is_(None)).order_by(records.c.number)
    kept: set[str] = set()
    for number in connection.execute(missing).scalars().all():
        body = connection.execute(sa.select(records.c.body).where(records.c.number == number)).scalar_one()
        try:
            check(from_json(body, str), body)
        except UNREADABLE:
            continue  # it stays without columns, so that whoever reads it is told
        row, shared = values(body)
        for digest in shared.keys() - kept:
            keep(digest, shared[digest])
        kept |= shared.keys()
        connection.execute(records.update().where(records.c.number == number).values(row))


def parsed(rows: Sequence[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
    """Parse the heads of rows together: they share the names in them, which takes half the memory.

    Returns:
        The rows, each with its head parsed; with None where a head is missing or damaged: `Reader.record` tells which.
    """
    try:
        heads = json.loads(f"[{','.join(row[2] for row in rows)}]")
    except (TypeError, ValueError, RecursionError):
        heads = []
    whole = len(heads) == len(rows)
    return ((*row, heads[place] if whole else None) for place, row in enumerate(rows))


class Reader:
    """Makes records of rows: number, body, head, digest of the basis, checksum of the body, and what `parsed` adds.

    Long fields are read when they are first looked into. Records of one basis share it.
    """

    def __init__(self, body: Callable[[int], str], raw: Callable[[str], str]) -> None:
        """Take what reads a body by its number, and raw values by their SHA-256."""
        self._body = body
        self._raw = raw
        self._by_digest = cache(lambda digest: json.loads(raw(digest)))
        self._by_text: dict[str, dict[str, Any]] = {}

    def record(self, row: Sequence[Any]) -> Record:
        """Return the record of a row.

        Raises:
            StoreError: it was written by a newer harness.
            TypeError, ValueError, KeyError, AttributeError, RecursionError: it is damaged.
        """
        number, body, head, digest, written, content = row
        if head is not None and written == checksum(body):
            content = json.loads(head) if content is None else content
            record = self._made(number, content, partial(self._basis, number, digest) if digest else dict)
            check(record, head)
        else:
            check(from_json(body, self._raw), body)
            content = json.loads(body)
            basis = content.get("basis") or {}
            record = self._made(number, _head(content), partial(_itself, self._by_text.setdefault(_json(basis), basis)))
        return record

    def _made(self, number: int, head: dict[str, Any], basis: Callable[[], dict[str, Any]]) -> Record:
        raw = partial(self._raw_of, number, head["id"])
        return from_head(head, raw, basis, partial(self._whole, number, head["id"], raw))

    def _basis(self, number: int, digest: str) -> dict[str, Any]:
        """Return the basis that several records share, the record's own where that is damaged."""
        try:
            basis: dict[str, Any] = self._by_digest(digest)
        except StoreError:
            basis = json.loads(self._body(number))["basis"]
        return basis

    def _raw_of(self, number: int, record_id: str, digest: str) -> str:
        """Return raw values of a record.

        Raises:
            DamagedRecordError: they cannot be read.
        """
        try:
            return self._raw(digest)
        except StoreError as error:
            raise DamagedRecordError(record_id, f"record {number}: {error}") from error

    def _whole(self, number: int, record_id: str, raw: Callable[[str], str]) -> Record:
        """Return all of a record.

        Raises:
            DamagedRecordError: it cannot be read; later, raw values of it cannot.
        """
        try:
            body = self._body(number)
            record = from_json(body, raw)
            check(record, body)
        except UNREADABLE as error:
            raise DamagedRecordError(
                record_id,
                f"The body of record {number} cannot be read: {error}. Restore the store from a copy, or measure its "
                "step again into another store.",
            ) from error
        return record


def _itself(basis: dict[str, Any]) -> dict[str, Any]:
    return basis
