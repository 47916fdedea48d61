"""A file of what calls may cost and have cost, shared by the processes that spend under one cap.

A line reserves an amount for a call of a step, `{"call", "step", "usd"}`, or settles it, `{"call", "usd"}`. What is
reserved and not settled stays as it is: the call of a process that was killed may have been billed. Amounts are exact
decimal numbers, in USD.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from harness.errors import StoreError
from harness.json_text import load
from harness.seams import Spend

try:
    import fcntl
except ImportError:  # Windows: there one process at a time may spend
    fcntl = None  # type: ignore[assignment]

FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)


class Line(NamedTuple):
    """What is reserved for a call, or what it has cost."""

    call: str
    usd: Decimal
    step: str | None = None
    """The fingerprint of the step that reserves."""


class Ledger:
    """The calls of a plan's steps. Threads and processes may use it at the same time."""

    def __init__(self, spend: Spend) -> None:
        """Keep the place; the file is made for the first reservation."""
        self.cap = Decimal(str(spend.cap_usd))
        self.total = Decimal(0)
        """What is reserved or settled, as of the last look."""
        self._spend = spend
        self._amounts: dict[str, Decimal] = {}
        self._read_to = 0
        self._lock = threading.Lock()

    def reserve(self, usd: Decimal) -> str | None:
        """Reserve an amount; return the name of the call, None if the total would pass the cap.

        The reservation is on the disk when this returns.
        """
        with self._opened() as file:
            if self.total + usd > self.cap:
                return None
            call = uuid.uuid4().hex
            self._add(file, Line(call, usd, self._spend.step))
            again = os.dup(file)
        try:
            os.fsync(again)  # outside the lock: several at a time take as long as one
        finally:
            os.close(again)
        return call

    def settle(self, call: str, usd: Decimal) -> None:
        """Replace what is reserved for a call by what it has cost."""
        with self._opened() as file:
            self._add(file, Line(call, usd))

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        """Hold the lock of the file, with all of it read."""
        self._spend.ledger.parent.mkdir(parents=True, exist_ok=True)
        with self._lock:
            file = os.open(self._spend.ledger, FLAGS, 0o644)
            try:
                if fcntl is not None:
                    fcntl.flock(file, fcntl.LOCK_EX)
                self._read(file)
                yield file
            finally:
                if fcntl is not None:
                    fcntl.flock(file, fcntl.LOCK_UN)  # closing is not enough where the file has a second descriptor
                os.close(file)

    def _read(self, file: int) -> None:
        """Read what was added since the last look; remove a line that a killed process left unfinished."""
        os.lseek(file, self._read_to, os.SEEK_SET)
        new = b"".join(iter(lambda: os.read(file, 1 << 20), b""))
        whole, _, rest = new.rpartition(b"\n")
        if rest:
            os.ftruncate(file, self._read_to + len(new) - len(rest))
        for line in whole.splitlines():
            self._take(self._parsed(line))
        self._read_to += len(new) - len(rest)

    def _parsed(self, line: bytes) -> Line:
        try:
            entry = load(line)
            return Line(entry["call"], Decimal(entry["usd"]), entry.get("step"))
        except (ValueError, TypeError, LookupError, ArithmeticError):
            raise StoreError(
                f"{self._spend.ledger} is damaged: what was spent is not known. Restore it, or measure into a new "
                "store with --store."
            ) from None

    def _add(self, file: int, line: Line) -> None:
        fields = {name: str(value) for name, value in line._asdict().items() if value is not None}
        data = json.dumps(fields).encode() + b"\n"
        if os.write(file, data) != len(data):
            raise StoreError(f"{self._spend.ledger} cannot be written. Free some space.")
        self._take(line)
        self._read_to += len(data)

    def _take(self, line: Line) -> None:
        if line.call not in self._amounts and line.step not in self._spend.steps:
            return  # of another plan
        self.total += line.usd - self._amounts.get(line.call, Decimal(0))
        self._amounts[line.call] = line.usd
