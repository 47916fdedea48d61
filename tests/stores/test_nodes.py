"""A suite is planned for the nodes of a cluster that have what its hardware takes, not for the planning machine."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.nodes import Nodes
from harness.plugins import load_plugins
from harness.store import peek_records

TOY = str(Path(__file__).parents[1] / "toy_plugin.py")
DRIVER = Path(__file__).parents[1] / "drive.py"
RARE = """\
import os

import harness


class Rare(harness.Hardware):
    name = "rare"
    summary = "Hardware that this machine lacks"
    imports = ()
    device = "cpu"
    resources = {"CPU": 1, "rare": 1}

    def unavailable(self):
        return None if "RARE" in os.environ else "it is not here"

    def describe(self):
        return {"device_name": os.environ["RARE"], "price_item": "rare", "price_quantity": 1}

    def meters(self):
        return []


class Nowhere(Rare):
    name = "nowhere"
    resources = {"missing": 2}


class Beside(Rare):
    name = "beside"
    resources = {}


@harness.hookimpl
def harness_hardware():
    return [Rare(), Nowhere(), Beside()]
"""
SUITE = """\
name: mine
models: [counter]
tasks: [parity]
hardware: [rare]
runtimes: [plain]
seeds: [0, 1, 2]
budgets: {finetune: {steps: 2}}
serve: {seconds: 0.05, queries: 5}
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Start a cluster of a plain head, one rare node of kind a, and two of kind b."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    started = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    for kind in ("kind a", "kind b", "kind b"):
        started.add_node(num_cpus=1, resources={"rare": 1}, env_vars={"RARE": kind})
    yield started
    started.shutdown()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the plugin and the suite."""
    (tmp_path / "rare.py").write_text(RARE, encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(SUITE, encoding="utf-8")
    return tmp_path


@pytest.mark.slow
def test_a_suite_runs_on_hardware_that_the_planning_machine_lacks(
    cluster: Any, folder: Path, postgresql: Callable[[], str], harness_command: Callable[..., Any]
) -> None:
    """On the kind that most nodes are of; the other node is left out, and the run is done when it is planned again."""
    there = postgresql()
    plugins = ("--plugin", TOY, "--plugin", "rare.py")
    run = ("run", "mine.yaml", *plugins, "--store", there, "--artifacts", "artifacts", "--on", f"ray:{cluster.address}")
    done = harness_command(folder, *run)
    records = peek_records(there)

    assert done.code == 0, done.stdout + done.stderr
    assert [record.outcome for record in records] == ["ok"] * 9
    assert {record.hardware["device_name"] for record in records} == {"kind b"}
    assert {record.basis["machine"]["device_name"] for record in records} == {"kind b"}
    assert "all 9 steps are measured already" in harness_command(folder, *run).stdout
    alone = harness_command(folder, "run", "mine.yaml", *plugins, "--store", "here")
    assert (alone.code, alone.stderr) == (2, "error: Hardware 'rare' cannot be used here: it is not here\n")


@pytest.mark.slow
def test_hardware_of_no_node_is_told_before_anything_is_written(
    cluster: Any, folder: Path, postgresql: Callable[[], str], harness_command: Callable[..., Any]
) -> None:
    """Nor is a table made."""
    there = postgresql()
    done = harness_command(
        folder, "run", "mine.yaml", "--plugin", TOY, "--plugin", "rare.py", "--hardware", "nowhere",
        "--store", there, "--artifacts", "artifacts", "--on", f"ray:{cluster.address}",
    )  # fmt: skip

    assert done.code == 2
    assert "Hardware 'nowhere' cannot be used here: no node of the cluster has missing: 2" in done.stderr
    assert not (folder / "artifacts").exists()


@pytest.mark.slow
def test_nodes_say_what_they_have(cluster: Any, folder: Path) -> None:
    """Runtimes of the device, and why hardware cannot be used; what takes nothing of a node is asked here."""
    import ray

    plugins = load_plugins([TOY, str(folder / "rare.py")], silent=True)
    nodes = Nodes(cluster.address, [TOY, str(folder / "rare.py")])
    plugins.elsewhere = nodes
    try:
        probe = nodes(plugins.hardware["rare"])
        assert (probe.unavailable, probe.machine["device_name"]) == (None, "kind b")
        assert probe.runtimes["plain"] is None
        assert probe.usable_cores > 0
        assert plugins.no_hardware("nowhere") == "no node of the cluster has missing: 2"
        assert plugins.no_hardware("beside") == "it is not here"
        assert plugins.no_hardware("here") is None
    finally:
        ray.shutdown()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("taskset") is None, reason="takes processors from the planning machine")
def test_a_suite_that_no_node_fits_fails_with_the_reason(
    cluster: Any, tmp_path: Path, postgresql: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is planned for one processor, and the nodes have more: each says so once."""
    monkeypatch.setenv("HARNESS_ARTIFACTS", str(tmp_path / "artifacts"))
    there = postgresql()
    command = ["taskset", "-c", "0", sys.executable, "-I", str(DRIVER), there, str(tmp_path / "log"), "0.02", "1"]
    done = subprocess.run(
        [*command, f"ray:{cluster.address}"], capture_output=True, text=True, timeout=300, check=False
    )
    failures = [record for record in peek_records(there) if record.outcome != "ok"]

    assert done.returncode == 1, done.stdout + done.stderr
    assert failures
    reasons = [str(record.reason) for record in failures]
    assert {record.outcome for record in failures} == {"failed"}
    assert all("No node is of the kind that the suite is planned for" in reason for reason in reasons)
    assert all("planned {'usable_cores': 1" in reason and "there {'usable_cores': 2" in reason for reason in reasons)
