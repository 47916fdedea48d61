"""Claims: which run does which step of a store now, so that several runs share the work of a suite.

A claim is a row that its run renews. Its age is told by the clock of the database, as those of machines differ. A claim
that was not renewed for `LEASE_S` is of a run that is gone, and another may take it; one whose process is gone from
this machine is free at once. Should a run be alive after all, both record the step, and the first record counts.

Steps that measure have their host for themselves, whatever container or run they are of; others share it.
"""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

LEASE_S = 60.0
"""After this a claim that was not renewed is free."""
_RENEWALS = 6
"""In the time of a lease."""
_JULIAN_DAY_OF_1970, _DAY_S = 2440587.5, 86400.0
SHARED, ALONE = "host shared:", "host alone:"
"""Before the host's name: what a step claims of its host."""


@dataclass(frozen=True)
class Doing:
    """A step that is done now."""

    title: str
    host: str
    since: datetime


def claims_table(metadata: sa.MetaData) -> sa.Table:
    """Return the table of claims: what is claimed, by which run, by which process of which machine, and since when."""
    return sa.Table(
        "claims",
        metadata,
        sa.Column("what", sa.String(320), primary_key=True),
        sa.Column("owner", sa.String(32), nullable=False, index=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("machine", sa.String(320), nullable=False),
        sa.Column("process", sa.String(64), nullable=False),
        sa.Column("since_s", sa.Float, nullable=False),
        sa.Column("renewed_s", sa.Float, nullable=False),
    )


class Claims:
    """The claims of one run, renewed by a thread while there are any."""

    def __init__(
        self, engine: sa.Engine, table: sa.Table, guard: Callable[[], AbstractContextManager[None]], owner: str,
        lease_s: float = LEASE_S,
    ) -> None:  # fmt: skip
        self.owner = owner
        self._engine, self._table, self._guard, self._lease_s = engine, table, guard, lease_s
        self._held: set[str] = set()
        self._ended = threading.Event()
        self._renewing: threading.Thread | None = None

    def take(self, what: str, title: str = "") -> bool:
        """Claim something; return False if a run that is alive has claimed it.

        Args:
            what: its name among all claims of the store.
            title: what people call it; empty for what is not shown to them.
        """
        with self._guard():
            taken = self._inserted(what, title) or self._taken_over(what, title)
        if taken:
            self._held.add(what)
            self._renew_from_now_on()
        return taken

    def of_others(self) -> set[str]:
        """Return the names of what other runs that are alive have claimed."""
        return {row.what for row in self._alive() if row.owner != self.owner}

    def take_host(self, title: str, *, alone: bool) -> bool:
        """Claim this host; return False if another run has it for itself, or, with `alone`, has it at all."""
        shared, whole = f"{SHARED} {_host()} ", f"{ALONE} {_host()}"
        mine, others = (whole, shared) if alone else (f"{shared}{self.owner}", whole)
        # Each says what it does before it looks at what others do, so that of two at least one sees the other.
        if self.take(mine, title) and not self._is_taken_by_another(others):
            return True
        self.free_host()
        return False

    def free_host(self) -> None:
        """Give this host back."""
        for what in (f"{ALONE} {_host()}", f"{SHARED} {_host()} {self.owner}"):
            self.free(what)

    def shares_host(self) -> bool:
        """Return whether another run does a step on this host now."""
        return self._is_taken_by_another(f"{SHARED} {_host()} ")

    def free(self, what: str) -> None:
        """Give a claim back, if it is still this run's."""
        if what not in self._held:
            return
        self._held.discard(what)
        ours = (self._table.c.what == what) & (self._table.c.owner == self.owner)
        with self._guard(), self._engine.begin() as connection:
            connection.execute(self._table.delete().where(ours))

    def owners(self) -> set[str]:
        """Return the runs that are alive and do something now."""
        return {row.owner for row in self._alive()}

    def doing(self) -> list[Doing]:
        """Return what is done now, that which began first before the others."""
        rows = sorted((row for row in self._alive() if row.title), key=lambda row: float(row.since_s))
        return [Doing(row.title, row.machine.split()[0], datetime.fromtimestamp(row.since_s, UTC)) for row in rows]

    def close(self) -> None:
        """Give all claims back."""
        self._ended.set()
        if self._renewing is not None:
            self._renewing.join()
        for what in list(self._held):
            self.free(what)

    def _alive(self) -> list[sa.Row[Any]]:
        """Return the claims of the runs that are alive."""
        with self._guard(), self._engine.connect() as connection:
            rows = connection.execute(sa.select(self._table).where(self._is_renewed())).all()
        return [row for row in rows if not _is_gone(row)]

    def _is_taken_by_another(self, beginning: str) -> bool:
        """Return whether another run has claimed something whose name begins so."""
        return any(what.startswith(beginning) for what in self.of_others())

    def _inserted(self, what: str, title: str) -> bool:
        try:
            with self._engine.begin() as connection:
                connection.execute(self._table.insert().values(what=what, **self._values(title)))
        except IntegrityError:
            return False
        return True

    def _taken_over(self, what: str, title: str) -> bool:
        """Take the claim of a run that is gone; of several that try, one succeeds."""
        this = self._table.c.what == what
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(self._table, self._is_renewed().label("renewed")).where(this)).first()
        if row is None:  # it was given back just now
            return self._inserted(what, title)
        if row.owner == self.owner:
            return True
        if row.renewed and not _is_gone(row):
            return False
        unchanged = (self._table.c.owner == row.owner) & (self._table.c.renewed_s == row.renewed_s)
        with self._engine.begin() as connection:
            update = self._table.update().where(this & unchanged).values(self._values(title))
            return connection.execute(update).rowcount == 1

    def _values(self, title: str) -> dict[str, Any]:
        now_s = _now_s(self._engine)
        where = {"machine": _machine(), "process": _process()}
        return {"owner": self.owner, "title": title, **where, "since_s": now_s, "renewed_s": now_s}

    def _is_renewed(self) -> sa.ColumnElement[bool]:
        return self._table.c.renewed_s >= _now_s(self._engine) - self._lease_s

    def _renew_from_now_on(self) -> None:
        if self._renewing is None:
            self._renewing = threading.Thread(target=self._renew, name="claims", daemon=True)
            self._renewing.start()

    def _renew(self) -> None:
        ours = self._table.c.owner == self.owner
        while not self._ended.wait(self._lease_s / _RENEWALS):
            try:
                with self._engine.begin() as connection:
                    connection.execute(self._table.update().where(ours).values(renewed_s=_now_s(self._engine)))
            except SQLAlchemyError:
                continue  # a database that is away for a while: the lease lasts for more renewals


def _now_s(engine: sa.Engine) -> sa.ColumnElement[Any]:
    """Return the seconds of the database's clock, as an expression."""
    if engine.dialect.name == "sqlite":
        return (sa.func.julianday("now") - _JULIAN_DAY_OF_1970) * _DAY_S
    return sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Float)


@cache
def _host() -> str:
    """Return this host since its last start: the same in all its containers."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    return boot.read_text(encoding="ascii").strip() if boot.is_file() else platform.node()[:64]


@cache
def _machine() -> str:
    """Return this host or container: where a process's number means the same."""
    space = Path("/proc/self/ns/pid")
    container = str(space.readlink()) if space.is_symlink() else ""
    return f"{platform.node() or 'localhost'} {_host()} {container}".strip()


def _process() -> str:
    """Return the number of this process and when it began: numbers are used again."""
    return f"{os.getpid()} {psutil.Process().create_time()}"


def _is_gone(row: sa.Row[Any]) -> bool:
    """Return whether a claim is of a process of this machine that has ended."""
    if row.machine != _machine():
        return False
    number, began = row.process.split()
    try:
        process = psutil.Process(int(number))
        return str(process.create_time()) != began or bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
