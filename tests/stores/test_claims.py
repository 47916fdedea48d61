"""Claims: one run at a time does a step, and a run that is gone holds nothing up."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from harness.claims import LEASE_S, Claims, claims_table

LEASE = 1.0
STEP = "a" * 64


@pytest.fixture
def database(location: str) -> Iterator[tuple[sa.Engine, sa.Table]]:
    """Return an empty database with a table of claims."""
    metadata = sa.MetaData()
    table = claims_table(metadata)
    engine = sa.create_engine(location if "://" in location else f"sqlite:///{location}.db")
    metadata.create_all(engine)
    yield engine, table
    engine.dispose()


def claims(database: tuple[sa.Engine, sa.Table], lease_s: float = LEASE_S) -> Claims:
    """Return the claims of a new run."""
    return Claims(*database, contextlib.nullcontext, uuid.uuid4().hex, lease_s)


def test_one_run_at_a_time_has_a_step(database: tuple[sa.Engine, sa.Table]) -> None:
    """Another one gets it when it is given back; a run may take what it has."""
    one, other = claims(database), claims(database)

    assert one.take(STEP)
    assert one.take(STEP)
    assert not other.take(STEP)
    assert other.take("b" * 64)
    one.free(STEP)
    assert other.take(STEP)
    one.free(STEP)  # it is another's now
    assert not one.take(STEP)
    one.close()
    other.close()
    assert claims(database).owners() == set()


def test_a_claim_is_renewed_while_its_run_is_alive(database: tuple[sa.Engine, sa.Table]) -> None:
    """It lasts for longer than a lease."""
    one, other = claims(database, LEASE), claims(database, LEASE)
    one.take(STEP)
    until = time.monotonic() + 2.5 * LEASE
    while time.monotonic() < until:
        assert not other.take(STEP)
        time.sleep(0.1)
    assert other.owners() == {one.owner}
    one.close()


GONE = """
import contextlib, os, sys, sqlalchemy as sa
from harness.claims import Claims, claims_table
engine = sa.create_engine(sys.argv[1])
run = Claims(engine, claims_table(sa.MetaData()), contextlib.nullcontext, "gone", 1.0)
assert run.take(sys.argv[2])
os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(os.name != "posix", reason="a process ends itself by a signal")
@pytest.mark.parametrize("here", [True, False], ids=["here", "elsewhere"])
def test_what_a_killed_run_claimed_is_free(
    database: tuple[sa.Engine, sa.Table], monkeypatch: pytest.MonkeyPatch, here: bool
) -> None:
    """At once where its process is seen to be gone; after the lease where another machine or container ran it."""
    command = [sys.executable, "-c", GONE, database[0].url.render_as_string(hide_password=False), STEP]
    if not here:
        monkeypatch.setattr("harness.claims._machine", lambda: "another machine")
    gone = subprocess.run(command, capture_output=True, text=True, check=False)
    ours = claims(database, LEASE)
    owners, at_once = ours.owners(), ours.take(STEP)
    until = time.monotonic() + 10 * LEASE
    while not ours.take(STEP) and time.monotonic() < until:
        time.sleep(0.05)

    assert gone.returncode == -9, gone.stderr
    assert at_once == here
    assert owners == (set() if here else {"gone"})
    assert ours.owners() == {ours.owner}
    ours.close()


def test_many_runs_that_want_a_step_get_it_one_after_the_other(database: tuple[sa.Engine, sa.Table]) -> None:
    """Of twenty exactly one has it at any time."""
    runs = [claims(database) for _ in range(20)]
    order = []
    for _ in runs:
        (winner,) = [run for run in runs if run not in order and run.take(STEP)][:1]
        assert sum(run.take(STEP) for run in runs) == 1
        order.append(winner)
        winner.free(STEP)

    assert len({run.owner for run in order}) == 20
    for run in runs:
        run.close()


def test_a_run_sees_what_others_do_and_not_its_own(database: tuple[sa.Engine, sa.Table]) -> None:
    """What is given back, or whose lease has ended, is free."""
    mine, other, gone = claims(database), claims(database), claims(database, LEASE)
    for run, what in ((mine, "a"), (other, "b"), (other, "c"), (gone, "d")):
        assert run.take(what)

    assert mine.of_others() == {"b", "c", "d"}
    assert other.of_others() == {"a", "d"}
    other.free("b")
    assert mine.of_others() == {"c", "d"}
    for run in (mine, other, gone):
        run.close()
    assert mine.of_others() == set()


def test_who_measures_has_the_host_alone(database: tuple[sa.Engine, sa.Table]) -> None:
    """Others share it; who waits for it gets it when all others have gone."""
    train, also, measure = (claims(database) for _ in range(3))

    assert train.take_host("a training", alone=False)
    assert not train.shares_host()
    assert also.take_host("another training", alone=False)
    assert train.shares_host()
    assert not measure.take_host("a measurement", alone=True)
    train.free_host()
    assert not measure.take_host("a measurement", alone=True)
    also.free_host()
    assert measure.take_host("a measurement", alone=True)
    assert not train.take_host("a training", alone=False)
    assert not also.take_host("another measurement", alone=True)
    assert [(one.title, one.host) for one in train.doing()] == [("a measurement", platform.node())]
    assert abs((train.doing()[0].since - datetime.now(UTC)).total_seconds()) < 60
    measure.close()
    assert train.take_host("a training", alone=False)
    for run in (train, also):
        run.close()


def test_on_another_host_others_may_measure(
    database: tuple[sa.Engine, sa.Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same database, another machine."""
    here, there = claims(database), claims(database)
    assert here.take_host("here", alone=True)
    monkeypatch.setattr("harness.claims._host", lambda: "another")
    assert there.take_host("there", alone=True)
    there.close()
    monkeypatch.undo()
    here.close()
