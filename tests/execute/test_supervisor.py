"""The supervisor: a fresh process for each step, limits that hold, and no process left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest

from harness.execute import local
from harness.execute.local import Supervisor
from harness.records import StepResult
from harness.steps import Job
from harness.suite import Limits

TOY = str(Path(__file__).parents[1] / "toy_plugin.py")


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., StepResult]:
    """Return a function that runs one toy training."""

    def run_one(
        limits: Limits | None = None, report: Any = lambda _: None, steps: int = 2, **settings: Any
    ) -> StepResult:
        spec = {
            "model": "counter",
            "size": "small",
            "settings": settings,
            "task": "parity",
            "source": None,
            "task_settings": {"count": 8},
            "hardware": "here",
            "precision": "fp32",
            "seed": 7,
            "start": "scratch",
            "budget": {"steps": steps},
        }
        output = tmp_path / f"out-{len(list(tmp_path.iterdir()))}"
        output.mkdir()
        supervisor = Supervisor([], limits or Limits(time_s=30))
        return supervisor.run(Job("finetune", spec, {}, output, (TOY,)), report)

    return run_one


def _workers() -> set[int]:
    """Return the processes below the fork server."""
    below = psutil.Process().children()
    return {worker.pid for child in below for worker in child.children()}


def test_a_step_comes_back_with_what_was_measured(run: Callable[..., StepResult]) -> None:
    """Readings with units, losses, environment of the worker."""
    ended = run()

    assert (ended.outcome, ended.reason) == ("ok", None)
    assert ended.readings["wall_s"].unit == "s"
    assert ended.readings["steps"].value == 2
    assert ended.readings["artifact_bytes"].unit == "B"
    assert ended.series["loss"] == [1.0, 0.5]
    assert ended.used["stopped_by"] == "steps"
    assert ended.environment["hardware"]["name"] == "here"


def test_a_worker_runs_nothing_of_the_main_script(
    run: Callable[..., StepResult], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A notebook, a test runner or a page of Streamlit stays in its own process, also one that cannot run twice."""
    script = tmp_path / "main.py"
    script.write_text("raise SystemExit('run a second time')", encoding="utf-8")
    main = ModuleType("__main__")
    main.__file__ = str(script)
    monkeypatch.setitem(sys.modules, "__main__", main)

    ended = run()

    assert (ended.outcome, ended.reason) == ("ok", None)
    assert sys.modules["__main__"] is main


def test_every_step_has_a_process_of_its_own_and_leaves_none(run: Callable[..., StepResult]) -> None:
    """Whatever happened to it."""
    for fault in ("none", "raise", "die", "exit"):
        run(fault=fault)

    assert _workers() == set()


def test_progress_reaches_the_screen_while_the_step_runs(run: Callable[..., StepResult]) -> None:
    """Share done, seconds, samples and the loss, not more often than twice a second."""
    seen: list[dict[str, float]] = []
    run(report=seen.append, steps=12, sleep_s=0.1)

    assert 1 <= len(seen) <= 4
    assert all({"done", "seconds", "samples", "loss"} <= state.keys() for state in seen)
    assert [state["done"] for state in seen] == sorted(state["done"] for state in seen)


def test_a_hang_ends_at_the_time_limit_and_the_process_is_gone(run: Callable[..., StepResult]) -> None:
    """The record says so; the machine is free for the next step."""
    ended = run(Limits(time_s=0.5), fault="hang")

    assert ended.outcome == "timed out"
    assert "0.5 s" in str(ended.reason)
    assert _workers() == set()


def test_a_traceback_says_where_the_plugin_failed(run: Callable[..., StepResult]) -> None:
    """The plugin's own file and line are in it."""
    ended = run(fault="raise")

    assert ended.outcome == "failed"
    assert "toy_plugin.py" in str(ended.traceback)
    assert "the toy is broken" in str(ended.traceback)


@pytest.mark.parametrize(
    ("error", "out_of_memory"),
    [
        (MemoryError(), True),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("out of luck"), False),
    ],
)
def test_out_of_memory_is_told_from_other_failures(error: BaseException, out_of_memory: bool) -> None:
    """Python's own, and what frameworks say."""
    from harness.execute.worker import _out_of_memory

    assert _out_of_memory(error) == out_of_memory


def test_a_long_result_is_waited_for(run: Callable[..., StepResult], monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that has ended may have said more than is read in a moment."""
    read = local._message

    def slowly(sent: bytes) -> Any:
        time.sleep(3 * local.LOOK_EVERY_S if b"ended" in sent[:10] else 0)
        return read(sent)

    monkeypatch.setattr(local, "_message", slowly)
    monkeypatch.setattr(local, "LOOK_EVERY_S", 0.2)

    assert run().outcome == "ok"


WARM_UP = """
import sys, time
from pathlib import Path
from harness.execute.local import Supervisor
from harness.suite import Limits
folder = Path(sys.argv[1])
Supervisor([f"slow_{number}" for number in range(50)], Limits()).warm_up()
while sys.argv[2] == "later" and not (folder / "imported").exists():
    time.sleep(0.01)
"""


@pytest.mark.parametrize("ends", ["at once", "later"])
def test_a_fork_server_whose_harness_is_gone_imports_no_further(ends: str, tmp_path: Path) -> None:
    """A run with nothing to do ends before its fork server has begun, or in the midst of its imports."""
    log = tmp_path / "imported"
    for number in range(50):
        text = f"import time\nopen({str(log)!r}, 'a', encoding='utf-8').write('.')\ntime.sleep(0.1)\n"
        (tmp_path / f"slow_{number}.py").write_text(text, encoding="utf-8")
    path = {**os.environ, "PYTHONPATH": str(tmp_path)}
    subprocess.run([sys.executable, "-c", WARM_UP, str(tmp_path), ends], check=True, env=path, timeout=60)
    end = time.monotonic() + 30
    while time.monotonic() < end and any(
        str(tmp_path) in argument for process in psutil.process_iter() for argument in _arguments(process)
    ):
        time.sleep(0.05)

    assert (log.stat().st_size if log.exists() else 0) < 10


def _arguments(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


INTERRUPTED = """
import signal, sys, time
from multiprocessing import forkserver
from pathlib import Path
import psutil
from harness.execute.local import Supervisor
from harness.steps import Job
from harness.suite import Limits

connect = forkserver.connect_to_new_process

def interrupted(fds):
    pipes = connect(fds)
    while not any(child.children() for child in psutil.Process().children()):
        time.sleep(0.01)  # until the worker waits for its job
    signal.raise_signal(signal.SIGINT)
    return pipes

forkserver.connect_to_new_process = interrupted
try:
    Supervisor([], Limits(time_s=30)).run(Job("finetune", {}, {}, Path(sys.argv[1]), ()), print)
except KeyboardInterrupt:
    print("stopped")
"""


def test_control_c_while_a_worker_starts_prints_no_traceback(tmp_path: Path) -> None:
    """It waits until the worker has its job: without one, the worker would end with a traceback."""
    command = [sys.executable, "-c", INTERRUPTED, str(tmp_path)]
    run = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)

    assert (run.stdout, run.stderr, run.returncode) == ("stopped\n", "", 0)
