"""Runs, jobs and nodes of a cluster share a store: each step is done once, and none waits for the dead."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness.lanes import SHARED_HOST
from harness.plan import MEASURING
from harness.records import Record
from harness.store import Store, open_store, peek_records

DRIVER = Path(__file__).parents[1] / "drive.py"
STEPS = {"pretrain": 1, "finetune": 2, "export": 2, "evaluate": 4, "serve": 4}
TRAININGS = 3
SEEDS = 17
"""So that a suite on a cluster has 200 steps."""
VICTIMS = ("harness", "fork server", "worker")


def start(
    location: str, log: Path, sleep_s: float = 0.02, jobs: int = 1, on: str = "", seeds: int = 1
) -> subprocess.Popen[str]:
    """Start a run of the driver's suite into a store."""
    command = [sys.executable, "-I", str(DRIVER), location, str(log), str(sleep_s), str(jobs), on, str(seeds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def ended(runs: list[subprocess.Popen[str]]) -> list[str]:
    """Wait for runs; return what they said, and check that they succeeded."""
    outputs = [run.communicate(timeout=120)[0] for run in runs]
    assert [run.returncode for run in runs] == [0] * len(runs), outputs
    return outputs


def check_complete(location: str) -> None:
    """Check that each step has one record and its artifact, and that nothing else was done while one measured."""
    store = open_store(location)
    records = [record for record in store.records() if record.outcome == "ok"]
    wrote = [record for record in records if record.step in ("pretrain", "finetune", "export")]

    assert Counter(record.step for record in records) == STEPS
    assert max(Counter(record.fingerprint for record in records).values()) == 1
    assert all(record.artifact_digest and store.has_artifact(record.fingerprint) for record in wrote)
    assert store.claims.owners() == set()
    check_apart(records)
    _check_tidy(store, len(wrote))
    store.close()


def _check_tidy(store: Store, artifacts: int) -> None:
    """Check that there are the artifacts that records name, and no other folders once what was killed is swept."""
    store.sweep()
    assert list(store.artifacts.root.glob("unfinished-*")) == []
    assert len(list(store.artifacts.root.glob("??/*"))) >= artifacts


def check_apart(records: list[Record]) -> None:
    """Check by their times that a step that measured was the only one on its host."""
    windows = [(*times(record), record.step in MEASURING) for record in records]
    for one, other in itertools.combinations(windows, 2):
        if one[2] or other[2]:
            assert one[1] <= other[0] or other[1] <= one[0], (one, other)


def times(record: Record) -> tuple[datetime, datetime]:
    """Return when a step began and ended."""
    assert record.ended_at is not None
    return datetime.fromisoformat(record.started_at), datetime.fromisoformat(record.ended_at)


def test_runs_at_once_do_each_step_once(location: str, tmp_path: Path) -> None:
    """Three into a store that none of them has made; each says what others did."""
    outputs = ended([start(location, tmp_path / "log") for _ in range(3)])

    assert "done by another run" in "".join(outputs)
    check_complete(location)
    assert len((tmp_path / "log").read_text(encoding="utf-8").splitlines()) == TRAININGS


def test_a_run_with_several_jobs_trains_at_once_and_measures_alone(tmp_path: Path) -> None:
    """The records of trainings that shared the host say so."""
    location = str(tmp_path / "store")
    ended([start(location, tmp_path / "log", 0.5, jobs=3)])

    check_complete(location)
    records = peek_records(location)
    trainings = sorted(times(record) for record in records if record.step in ("pretrain", "finetune"))
    shared = {record.step for record in records if SHARED_HOST in record.notes}
    assert any(later[0] < earlier[1] for earlier, later in itertools.pairwise(trainings))
    assert {"pretrain", "finetune"} & shared
    assert not {*MEASURING} & shared


@pytest.mark.skipif(os.name != "posix", reason="sends an interrupt")
def test_control_c_ends_all_jobs(tmp_path: Path) -> None:
    """No worker is left, and the same command goes on."""
    import signal

    location = str(tmp_path / "store")
    run = start(location, tmp_path / "log", 1.0, jobs=3)
    workers: list[psutil.Process] = []
    while len(workers) < 2:
        assert run.poll() is None, run.communicate()[0]
        with contextlib.suppress(psutil.NoSuchProcess):  # of the servers and workers one may end just now
            workers = [one for server in psutil.Process(run.pid).children() for one in server.children()]
        time.sleep(0.02)
    run.send_signal(signal.SIGINT)
    output = run.communicate(timeout=60)[0]

    assert run.returncode not in (0, 1), output
    assert not psutil.wait_procs(workers, timeout=10)[1]
    ended([start(location, tmp_path / "log", 1.0, jobs=3)])
    check_complete(location)


@pytest.mark.parametrize("kills", [3, pytest.param(100, marks=pytest.mark.slow)])
def test_runs_that_are_killed_hold_up_no_other(
    request: pytest.FixtureRequest, location: str, tmp_path: Path, kills: int
) -> None:
    """Four at a time; harness, fork server and worker are killed in turn, and begun anew.

    Each training that ends writes a line to the log: a kill adds at most the one in flight.
    """
    dice = random.Random(20261128)  # noqa: S311 - a die, no secret
    where, log, stores, here = location, tmp_path / "log", 1, 0
    killed: Counter[str] = Counter()
    runs = [start(where, log, 0.05) for _ in range(4)]
    while killed.total() < kills:
        time.sleep(dice.uniform(0.1, 0.8))
        kind = min(VICTIMS, key=killed.__getitem__)
        run = dice.choice(runs)
        if _kill(run, kind):
            killed[kind] += 1
            here += 1
        for place, each in enumerate(runs):
            if each.poll() is not None:
                each.communicate()
                runs[place] = start(where, log, 0.05)
        if _is_complete(where):
            for run in runs:  # one that saw a worker killed says so by its exit code
                run.communicate(timeout=120)
            check_complete(where)
            assert len(log.read_text(encoding="utf-8").splitlines()) <= TRAININGS + here
            log, stores, here = tmp_path / f"log-{stores}", stores + 1, 0
            where = str(tmp_path / f"store-{stores}") if "://" not in location else _another(request)
            runs = [start(where, log, 0.05) for _ in range(4)]
    for run in runs:
        run.communicate(timeout=120)
    ended([start(where, log, 0.05)])

    check_complete(where)
    assert len(log.read_text(encoding="utf-8").splitlines()) <= TRAININGS + here
    print(f"\n{killed.total()} kills ({dict(killed)}) over {stores} stores")  # noqa: T201 - it is there to be read


def _another(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("postgresql")())


def _is_complete(location: str) -> bool:
    steps = Counter(record.step for record in peek_records(location) if record.outcome == "ok")
    return steps == STEPS


def _kill(run: subprocess.Popen[str], kind: str) -> bool:
    """Kill a run, its fork server or a worker; return whether there was one."""
    with contextlib.suppress(psutil.NoSuchProcess):
        harness = psutil.Process(run.pid)
        servers = [one for one in harness.children() if "multiprocessing.forkserver" in " ".join(one.cmdline())]
        workers = [worker for server in servers for worker in server.children()]
        victims = {"harness": [harness] if workers else [], "fork server": servers, "worker": workers}[kind]
        if victims:
            victims[0].kill()
            return True
    return False


def test_a_run_takes_over_what_another_recorded_meanwhile(location: str, tmp_path: Path) -> None:
    """The second one begins while the first is at work, and ends with the same records."""
    first = start(location, tmp_path / "log", 0.1)
    while not peek_records(location):
        assert first.poll() is None, first.communicate()[0]
        time.sleep(0.05)
    ended([first, start(location, tmp_path / "log", 0.1)])

    check_complete(location)


@pytest.fixture
def cluster() -> Iterator[Any]:
    """Start a cluster with a head and a further node, each with one processor."""
    from ray.cluster_utils import Cluster

    started = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    started.add_node(num_cpus=1)
    yield started
    started.shutdown()


def results(location: str) -> dict[str, Any]:
    """Return of each finished step what does not depend on the time: its scores, or the digest of what it wrote."""
    store = open_store(location)
    made = {
        record.fingerprint: (record.step, dict(record.scores), record.artifact_digest)
        for record in store.records()
        if record.outcome == "ok"
    }
    store.close()
    return made


@pytest.mark.slow
def test_a_cluster_that_loses_a_node_gives_what_one_machine_gives(
    cluster: Any, postgresql: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """200 steps; the second node is killed in mid-run, and another comes; at most its steps are done twice."""
    monkeypatch.setenv("HARNESS_ARTIFACTS", str(tmp_path / "artifacts"))
    log, there = tmp_path / "log", postgresql()
    began = time.monotonic()
    run = start(there, log, on=f"ray:{cluster.address}", seeds=SEEDS)
    _wait_for(run, there, 60)
    cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
    _wait_for(run, there, 120)
    cluster.add_node(num_cpus=1)
    output = run.communicate(timeout=300)[0]
    on_ray_s = time.monotonic() - began
    records = peek_records(there)
    trained = len(log.read_text(encoding="utf-8").splitlines())

    assert run.returncode == 0, output
    assert len(records) >= 200
    assert {record.outcome for record in records} == {"ok"}
    assert max(Counter(record.fingerprint for record in records).values()) == 1
    assert trained <= sum(record.step in ("pretrain", "finetune") for record in records) + 1
    check_apart(records)
    store = open_store(there)
    assert all(store.has_artifact(record.fingerprint) for record in records if record.artifact_digest)
    assert store.claims.owners() == set()
    store.close()

    monkeypatch.setenv("HARNESS_ARTIFACTS", str(tmp_path / "artifacts of one machine"))
    here = postgresql()
    began = time.monotonic()
    alone = start(here, log, seeds=SEEDS)
    output = alone.communicate(timeout=300)[0]
    alone_s = time.monotonic() - began
    assert alone.returncode == 0, output
    assert results(there) == results(here)
    print(  # noqa: T201 - it is there to be read
        f"\n{len(records)} steps: {on_ray_s:.1f} s on two nodes with one lost, {alone_s:.1f} s on one machine; "
        f"{1000 * (on_ray_s - alone_s) / len(records):.0f} ms more for each step"
    )


def _wait_for(run: subprocess.Popen[str], location: str, number: int) -> None:
    """Wait until there are so many records."""
    while len(peek_records(location)) < number:
        assert run.poll() is None, run.communicate()[0]
        time.sleep(0.1)


def test_a_cluster_that_cannot_do_it_is_told_before_anything_is_written(
    tmp_path: Path, harness_command: Callable[..., Any]
) -> None:
    """Its machines do not reach a file; an address is tried before Ray is, which tries for minutes."""
    pytest.importorskip("ray")
    server = "postgresql+psycopg://user@127.0.0.1:1/name"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        closed = f"127.0.0.1:{taken.getsockname()[1]}"
        for store, on, words in [
            ("store", "ray", "is a file, which other machines do not reach"),
            ("store", "k8s", "names no cluster"),
            (server, "ray:127.0.0.1", "names no host and port"),
            (server, f"ray:{closed}", f"There is no Ray cluster at '{closed}'"),
            (server, f"ray:ray://{closed}", "Start one: ray start --head"),
            (server, "ray:127.0.0.1:99999", "There is no Ray cluster at"),
        ]:
            done = harness_command(tmp_path, "run", "quick", "--store", store, "--on", on, "--model", "tfidf")
            assert done.code == 2
            assert words in done.stderr
            assert "Traceback" not in done.stderr
    assert not (tmp_path / "store").exists()
