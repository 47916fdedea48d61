"""A training in two processes: that of one, with the cost of both, and no process is waited for that is gone."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from safetensors.numpy import load_file

from harness.execute.local import Supervisor
from harness.execute.tree import GRACE_S
from harness.records import StepResult
from harness.steps import Job
from harness.suite import Limits

FILES = ("../toy_plugin.py", "team_plugin.py")
PLUGINS = tuple(str((Path(__file__).parent / file).resolve()) for file in FILES)
KNOBS = {
    "learning_rate": 0.05, "batch_size": 33, "fault": "", "when": "step", "pids": "", "burn_s": 0.0,
}  # fmt: skip
Run = Callable[..., tuple[StepResult, Path]]


@pytest.fixture
def run(tmp_path: Path, libraries_at_hand: None) -> Run:
    """Return a function that trains, and returns the result and the folder of the artifact."""

    def run_one(processes: int, model: str = "bits", hardware: str = "cpu", **settings: Any) -> tuple[StepResult, Path]:
        spec = {
            "model": model, "size": "default", "settings": KNOBS | settings if model == "bits" else {},
            "task": "parity", "source": None, "task_settings": {"count": 8}, "hardware": hardware,
            "precision": "fp32", "seed": 7, "start": "scratch", "budget": {"steps": 6, "processes": processes},
        }  # fmt: skip
        output = Path(tempfile.mkdtemp(dir=tmp_path))
        job = Job("finetune", spec, {}, output, PLUGINS)
        return Supervisor([], Limits(time_s=100)).run(job, lambda _: None), output

    return run_one


def weights(folder: Path) -> np.ndarray:
    """Return all weights of an artifact in one vector."""
    return np.concatenate([each.ravel() for _, each in sorted(load_file(folder / "weights.safetensors").items())])


def value(ended: StepResult, name: str) -> float:
    """Return a reading."""
    return ended.readings[name].value


def test_two_processes_train_what_one_does(run: Run, tmp_path: Path) -> None:
    """The same weights, losses and counts; a record with the processor time of both, and the price of one machine."""
    alone, of_one = run(1, burn_s=0.1)
    both, of_two = run(2, burn_s=0.1, pids=str(tmp_path / "pids"))
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]

    assert (alone.outcome, both.outcome) == ("ok", "ok"), both.reason
    assert np.allclose(weights(of_two), weights(of_one), rtol=1e-4, atol=1e-6)
    assert both.series["loss"] == pytest.approx(alone.series["loss"], rel=1e-4)
    assert value(both, "samples") == value(alone, "samples") in (100 + 33 + 33, 100 + 33 + 1)
    assert (alone.used.get("processes"), both.used["processes"]) == (None, 2)
    assert both.environment["hardware"]["price_quantity"] == alone.environment["hardware"]["price_quantity"]

    assert value(alone, "cpu_s") >= 6 * 0.1
    assert value(both, "cpu_s") >= 2 * 6 * 0.1
    assert value(both, "peak_memory_bytes") > 1.2 * value(alone, "peak_memory_bytes")
    assert both.readings["peak_memory_bytes"].kind == "estimated"
    assert not any("processor time" in note for note in both.notes)
    assert both.environment["torch_threads"] == max(1, alone.environment["torch_threads"] // 2)
    assert len(set(pids)) == 2
    assert not any(psutil.pid_exists(pid) for pid in pids)


@pytest.mark.parametrize(
    ("fault", "when", "outcome", "reason"),
    [
        ("raise", "step", "failed", "ArithmeticError: the last process was told to fail"),
        ("lead", "step", "failed", "ArithmeticError: the first process was told to fail"),
        ("die", "step", "failed", "ChildProcessError: Training process 2 of 2 was ended by signal 9"),
        ("die", "build", "failed", "ChildProcessError: Training process 2 of 2 was ended by signal 9"),
        ("refuse", "build", "unsupported", "the last process has no such precision"),
        ("leave", "step", "killed", "The worker was ended by signal 9"),
    ],
)
def test_what_goes_wrong_in_one_process_ends_the_step(
    run: Run, tmp_path: Path, fault: str, when: str, outcome: str, reason: str
) -> None:
    """With the reason of that process, without waiting for the limit of time; and no process is left."""
    ended, _ = run(2, fault=fault, when=when, pids=str(tmp_path / "pids"))
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]

    assert (ended.outcome, str(ended.reason)[: len(reason)]) == (outcome, reason), ended.traceback
    assert len(pids) == 2
    psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], GRACE_S)
    assert not any(psutil.pid_exists(pid) for pid in pids)
    if fault == "raise":
        assert "In training process 2:" in str(ended.traceback)


def test_of_three_processes_the_one_that_failed_is_named(run: Run) -> None:
    """The second has only lost the third."""
    ended, _ = run(3, hardware="crowded", fault="die")

    assert str(ended.reason).startswith("ChildProcessError: Training process 3 of 3 was ended by signal 9")


def test_what_is_trained_in_one_process_says_so(run: Run) -> None:
    """A model that does not share its batches is unsupported, not trained twice; and so is hardware of one device."""
    model, hardware = run(2, model="counter")[0], run(2, hardware="here")[0]

    assert (model.outcome, hardware.outcome) == ("unsupported", "unsupported"), model.traceback
    assert str(model.reason).startswith("counter is trained in one process. Give it a budget of its own")
    assert hardware.reason == "here computes in one process, and 2 are asked for. Leave out `processes`."
