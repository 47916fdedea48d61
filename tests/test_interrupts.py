"""Ctrl-C: the run stops cleanly, and the same command goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import psutil


def test_control_c_stops_cleanly_and_the_same_command_goes_on(tmp_path: Path) -> None:
    """A signal to the whole group, as a terminal sends it: exit code 130, a sentence that says how to go on.

    No worker is left, and finished steps stay.
    """
    suite = {
        "name": "slow",
        "models": [{"name": "counter", "settings": {"sleep_s": 0.2}}],
        "tasks": ["parity"],
        "hardware": ["here"],
        "runtimes": ["plain"],
        "budgets": {"pretrain": {"steps": 1}, "finetune": {"steps": 5}},
        "serve": {"seconds": 0.05, "queries": 5},
    }
    (tmp_path / "slow.yaml").write_text(json.dumps(suite), encoding="utf-8")
    toy = str(Path(__file__).with_name("toy_plugin.py"))
    command = ["harness", "run", "slow.yaml", "--plugin", toy, "--store", "store"]
    run = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    artifacts, until = tmp_path / "store" / "artifacts", time.monotonic() + 60
    while not (list(artifacts.glob("??/*")) and list(artifacts.glob("unfinished-*"))) and time.monotonic() < until:
        time.sleep(0.02)
    children = psutil.Process(run.pid).children(recursive=True)
    os.killpg(run.pid, signal.SIGINT)
    output, _ = run.communicate(timeout=30)
    _, alive = psutil.wait_procs(children, timeout=10)
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert run.returncode == 130, output
    assert "the same command goes on where this one stopped" in " ".join(output.split())
    assert "Traceback" not in output
    assert children
    assert not alive
    assert again.returncode == 0, again.stdout + again.stderr
    assert "4 steps, 3 to do" in again.stdout
