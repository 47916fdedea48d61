"""The tables of a store's database.

History of SCHEMA
1  2026-11-23  `records` with one `ok` record for each fingerprint; `meta` holds the version.
2  2026-11-27  `raw`: long values of records, by their digest. Records of version 1 stay as they are.
3  2026-11-28  `claims`: which run does which step now.
4  2026-11-28  columns of records beside their bodies, see `harness.record_columns`.
"""

from __future__ import annotations

import time
import zlib
from functools import partial

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from harness import record_columns
from harness.claims import claims_table
from harness.damaged import is_sound
from harness.records import FINAL

SCHEMA = 4
_ATTEMPTS, _PAUSE_S = 20, 0.1
WITH_CLAIMS, WITH_COLUMNS = 3, 4
"""The schemas from which on there are claims, and records have columns beside their bodies."""
_metadata = sa.MetaData()
META = sa.Table("meta", _metadata, sa.Column("schema", sa.Integer, nullable=False))
RECORDS = sa.Table(
    "records",
    _metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", sa.String(36), nullable=False, unique=True),
    sa.Column("fingerprint", sa.String(64), nullable=False, index=True),
    sa.Column("step", sa.String(16), nullable=False),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("started_at", sa.String(40), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    *record_columns.columns(),
)
RAW = sa.Table(
    "raw",
    _metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
"""SHA-256 of a text → the text, compressed by zlib; the items of data are there once for all models."""
CLAIMS = claims_table(_metadata)
IS_FINAL = RECORDS.c.outcome.in_(FINAL)
sa.Index("one_result_each", RECORDS.c.fingerprint, unique=True, sqlite_where=IS_FINAL, postgresql_where=IS_FINAL)


def keep(connection: sa.Connection, digest: str, text: str) -> None:
    """Keep raw values, unless they are here already; those that were damaged since are put right."""
    this = RAW.c.digest == digest
    kept = connection.execute(sa.select(RAW.c.content).where(this)).scalar()
    if kept is not None and is_sound(kept, digest):
        return  # not compressed again: items of data are kept by every record of them
    content = zlib.compress(text.encode())
    if kept is None:
        connection.execute(RAW.insert().values(digest=digest, content=content))
    else:
        connection.execute(RAW.update().where(this).values(content=content))


def make_tables(engine: sa.Engine) -> None:
    """Make the tables; several runs may do so at once, of which one wins and the others look again."""
    for attempts_left in reversed(range(_ATTEMPTS)):
        try:
            with engine.begin() as connection:
                _metadata.create_all(connection)
                record_columns.add(connection, RECORDS, partial(keep, connection))
                connection.execute(META.delete())
                connection.execute(META.insert().values(schema=SCHEMA))
        except DatabaseError:
            if not attempts_left:
                raise
            time.sleep(_PAUSE_S)
        else:
            return


def schema_of(engine: sa.Engine) -> int | None:
    """Return the version of the tables, None if there are none."""
    if not sa.inspect(engine).has_table("meta"):
        return None
    with engine.connect() as connection:
        return connection.execute(sa.select(sa.func.max(META.c.schema))).scalar()
