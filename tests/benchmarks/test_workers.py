"""What the harness itself costs: starting a worker, watching it. Prints figures; asserts no timing."""

from __future__ import annotations

import statistics
import threading
import time
from pathlib import Path

import psutil
import pytest

from harness.execute.local import Supervisor
from harness.plugins import load_plugins
from harness.steps import Job
from harness.suite import Limits

pytestmark = pytest.mark.benchmark

SLEEPER = '''
"""A model whose one step lasts as long as it is told."""
import time
import harness


class Sleeper(harness.Model):
    name = "sleeper"
    summary = "Sleeps."
    kinds = ("nothing",)
    settings = {"seconds": harness.Setting(0.0, "how long one step lasts")}

    def learner(self, assignment):
        return SleepingLearner(assignment)


class SleepingLearner(harness.Learner):
    def __init__(self, assignment):
        self.seconds = assignment.settings["seconds"]

    def step(self):
        end = time.perf_counter() + self.seconds
        while time.perf_counter() < end:
            sum(range(1000))
        return harness.Progress({"samples": 1}, {}, done=True)

    def save(self, folder):
        (folder / "slept").write_text("well")

    def load(self, folder): ...

    def predict(self, inputs):
        return inputs


class Nothing(harness.Task):
    name = kind = "nothing"
    summary = "Asks nothing."
    metrics = (harness.Metric("nothing", "fraction", "nothing"),)
    source = licence = "none"

    def identity(self, source, settings):
        return "nothing"

    def data(self, source, settings):
        return NoData()


class NoData(harness.Data):
    digest = "nothing"
    sizes = {"test": 0}

    def evaluate(self, predict, batch_size, split="test"):
        return {"nothing": []}

    def queries(self):
        return ["nothing"]

    def random_baseline(self):
        return {}


@harness.hookimpl
def harness_models():
    return [Sleeper()]


@harness.hookimpl
def harness_tasks():
    return [Nothing()]
'''


def _job(folder: Path, plugin: Path, seconds: float) -> Job:
    spec = {
        "model": "sleeper", "size": "default", "settings": {"seconds": seconds}, "task": "nothing", "source": None,
        "task_settings": {}, "hardware": "cpu", "precision": "fp32", "seed": 0, "start": "scratch",
        "budget": {"steps": 1},
    }  # fmt: skip
    folder.mkdir()
    return Job("finetune", spec, {}, folder, (str(plugin),))


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """Write the sleeping model's plugin."""
    file = tmp_path / "sleeper_plugin.py"
    file.write_text(SLEEPER, encoding="utf-8")
    return file


def test_starting_a_step_in_a_fresh_worker(tmp_path: Path, plugin: Path) -> None:
    """A whole step that does nothing, heavy libraries at hand, once the fork server is warm."""
    supervisor = Supervisor(load_plugins().preload(), Limits(time_s=60))
    took = []
    for number in range(12):
        began = time.perf_counter()
        ended = supervisor.run(_job(tmp_path / f"step{number}", plugin, 0.0), lambda _: None)
        took.append(time.perf_counter() - began)
        assert ended.outcome == "ok", ended.reason
    print(f"\nfirst step, fork server cold: {took[0]:.2f} s")  # noqa: T201
    warm = sorted(took[2:])
    print(f"a step when it is warm: median {statistics.median(warm):.3f} s, from {warm[0]:.3f} to {warm[-1]:.3f} s")  # noqa: T201


def test_what_the_others_use_while_a_worker_measures(tmp_path: Path, plugin: Path) -> None:
    """Processor time of harness and fork server over a window in which a worker keeps a core busy."""
    supervisor = Supervisor(load_plugins().preload(), Limits(time_s=60))
    supervisor.run(_job(tmp_path / "warm", plugin, 0.0), lambda _: None)
    ended = threading.Thread(target=supervisor.run, args=(_job(tmp_path / "busy", plugin, 8.0), lambda _: None))
    ended.start()
    time.sleep(1.5)
    before, began = _others_cpu_s(), time.perf_counter()
    time.sleep(5)
    used, window = _others_cpu_s() - before, time.perf_counter() - began
    ended.join()
    print(f"\nall other processes of the harness: {100 * used / window:.2f} % of a core over {window:.1f} s")  # noqa: T201


def _others_cpu_s() -> float:
    """Return the processor seconds of this process and its descendants, the busiest of them, the worker, left out."""
    me = psutil.Process()
    below = [sum(child.cpu_times()[:2]) for child in me.children(recursive=True)]
    youngest = max(me.children(recursive=True), key=lambda child: child.create_time())
    return sum(me.cpu_times()[:2]) + sum(below) - sum(youngest.cpu_times()[:2])
