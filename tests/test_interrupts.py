"""Ctrl-C: the run stops cleanly, and the same command goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil


def test_control_c_stops_cleanly_and_the_next_run_goes_on(tmp_path: Path) -> None:
    """A signal to the whole group, as a terminal sends it: no worker is left, finished steps stay."""
    driver = Path(__file__).with_name("drive.py")
    command = [sys.executable, "-I", str(driver), str(tmp_path / "store"), str(tmp_path / "log"), "0.1"]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    time.sleep(1.5)
    children = psutil.Process(run.pid).children(recursive=True)
    os.killpg(run.pid, signal.SIGINT)
    run.communicate(timeout=30)
    _, alive = psutil.wait_procs(children, timeout=10)
    again = subprocess.run(command, capture_output=True, text=True, check=False)

    assert run.returncode != 0
    assert not alive
    assert again.returncode == 0, again.stdout + again.stderr


def test_control_c_of_the_command_line_ends_with_130(tmp_path: Path) -> None:
    """What shells expect of a command that was interrupted, and a sentence that says how to go on."""
    toy = Path(__file__).with_name("toy_plugin.py")
    suite = {
        "name": "slow",
        "models": [{"name": "counter", "settings": {"sleep_s": 0.2}}],
        "tasks": ["parity"],
        "hardware": ["here"],
        "runtimes": ["plain"],
        "budgets": {"pretrain": {"steps": 500}, "finetune": {"steps": 500}},
    }
    (tmp_path / "slow.yaml").write_text(json.dumps(suite), encoding="utf-8")
    command = ["harness", "run", "slow.yaml", "--plugin", str(toy), "--store", "store"]
    run = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    until = time.monotonic() + 60
    while not list(tmp_path.glob("store/**/unfinished-*")) and time.monotonic() < until:
        time.sleep(0.05)
    os.killpg(run.pid, signal.SIGINT)
    output, _ = run.communicate(timeout=30)

    assert run.returncode == 130, output
    assert "the same command goes on where this one stopped" in " ".join(output.split())
    assert "Traceback" not in output
