"""Steps on a Ray cluster of real processes: the same records as here, nodes that come and go, hosts measured alone."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from harness.plan import MEASURING
from harness.records import Record
from harness.store import open_store, peek_records

DRIVER = Path(__file__).parents[1] / "drive.py"
SEEDS = 17
"""So that the suite has 200 steps."""


@pytest.fixture
def cluster() -> Iterator[Any]:
    """Start a cluster with a head and a further node, each with one processor."""
    from ray.cluster_utils import Cluster

    started = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    started.add_node(num_cpus=1)
    yield started
    started.shutdown()


def start(location: str, log: Path, on: str | None, seeds: int) -> subprocess.Popen[str]:
    """Start a run of the driver's suite."""
    command = [sys.executable, "-I", str(DRIVER), location, str(log), "0.02", "1", on or "", str(seeds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def times(record: Record) -> tuple[datetime, datetime]:
    """Return when a step began and ended."""
    assert record.ended_at is not None
    return datetime.fromisoformat(record.started_at), datetime.fromisoformat(record.ended_at)


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
    run = start(there, log, f"ray:{cluster.address}", SEEDS)
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
    alone = start(here, log, None, SEEDS)
    output = alone.communicate(timeout=300)[0]
    alone_s = time.monotonic() - began
    assert alone.returncode == 0, output
    assert results(there) == results(here)
    print(  # noqa: T201 - it is there to be read
        f"\n{len(records)} steps: {on_ray_s:.1f} s on two nodes with one lost, {alone_s:.1f} s on one machine; "
        f"{1000 * (on_ray_s - alone_s) / len(records):.0f} ms more for each step"
    )


def check_apart(records: list[Record]) -> None:
    """Check by their times that a step that measured was the only one on its host."""
    windows = [(*times(record), record.step in MEASURING) for record in records]
    for one, other in itertools.combinations(windows, 2):
        if one[2] or other[2]:
            assert one[1] <= other[0] or other[1] <= one[0], (one, other)


def _wait_for(run: subprocess.Popen[str], location: str, number: int) -> None:
    """Wait until there are so many records."""
    while len(peek_records(location)) < number:
        assert run.poll() is None, run.communicate()[0]
        time.sleep(0.1)


def test_a_file_is_no_store_for_a_cluster(tmp_path: Path, harness_command: Callable[..., Any]) -> None:
    """Nor is another word the name of one; both are said before anything is measured."""
    pytest.importorskip("ray")
    for on, words in [("ray", "is a file, which other machines do not reach"), ("k8s", "names no cluster")]:
        done = harness_command(tmp_path, "run", "quick", "--store", "store", "--on", on, "--model", "tfidf")
        assert done.code == 2
        assert words in done.stderr
        assert "Traceback" not in done.stderr
