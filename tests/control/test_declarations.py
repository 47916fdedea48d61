"""The plugin's declarations, and its light import."""

from __future__ import annotations

import subprocess
import sys

import pytest

from harness import Record, Task
from harness.plugins import load_plugins
from harness_control import worlds
from harness_control.tasks import TASKS


def test_the_entry_module_is_light() -> None:
    """Importing the plugin and calling its hooks imports no heavy library."""
    script = (
        "import sys, harness_control as c\n"
        "list(c.harness_tasks()), list(c.harness_models()), list(c.harness_use_cases())\n"
        "print([m for m in ('numpy', 'torch', 'gymnasium', 'stable_baselines3', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_declared_names_exist() -> None:
    """Baselines, pretraining tasks and use cases exist; every figure has a source and a unit."""
    plugins = load_plugins()
    for task in plugins.tasks.values():
        assert task.baseline is None or task.baseline in plugins.models
        assert task.pretrains_on is None or task.pretrains_on in plugins.tasks
        assert task.use_case is None or task.name in plugins.use_cases()[task.use_case].tasks
    for case in plugins.use_cases().values():
        assert all(figure.source and figure.unit for figure in [*case.needs.values(), *case.market.values()])


@pytest.mark.parametrize(
    ("use_case", "name"),
    [("game-agent", "CartPole-v1"), ("robot-control", "Reacher-v5"), ("path-planning", "FrozenLakes-v0"),
     ("driving-decisions", "highway-fast-v0")],
)  # fmt: skip
def test_the_quality_needed_is_in_the_unit_of_the_first_metric(use_case: str, name: str) -> None:
    """And at most its ceiling."""
    plugins = load_plugins()
    task, case = plugins.tasks[name], plugins.use_cases()[use_case]
    metric, needed = task.metrics[0], case.needs["quality"]

    assert (task.use_case, case.tasks) == (use_case, (name,))
    assert needed.unit in (metric.name, metric.unit)
    assert metric.higher_is_better
    assert metric.ceiling is None or needed.value <= metric.ceiling


@pytest.mark.parametrize(
    ("former", "task"),
    [("cartpole", "CartPole-v1"), ("lunarlander", "LunarLander-v3"), ("inverted-pendulum", "InvertedPendulum-v5"),
     ("reacher", "Reacher-v5"), ("frozenlake", "FrozenLakes-v0"), ("highway", "highway-fast-v0"),
     ("cartpole-source", "CartPole-v1-source")],
)  # fmt: skip
def test_a_task_carries_the_environments_id(former: str, task: str) -> None:
    """So do its data; records under former names are read as the new one."""
    plugins = load_plugins()
    records = [
        Record(
            id="1", fingerprint="f" * 64, step="evaluate", outcome="ok", spec=spec, inputs={},
            started_at="2026-11-26T00:00:00+00:00",
        )
        for spec in ({"task": former, "source": None}, {"task": "continuous-environment", "source": "Pendulum-v1"})
    ]  # fmt: skip
    world = getattr(worlds, next(one.world for one in TASKS if one.name == task))

    assert [(one.spec["task"], one.spec["data"]) for one in plugins.under_current_names(records)] == [
        (task, task), ("gymnasium", "Pendulum-v1"),
    ]  # fmt: skip
    assert task.removesuffix("-source") == world.environment.rpartition(":")[2]


@pytest.mark.parametrize("task", [task for task in TASKS if task.use_case], ids=lambda task: task.name)
def test_every_task_of_a_use_case_can_be_pretrained(task: Task) -> None:
    """It has a source variant of the same kind, with a rule to clone."""
    plugins = load_plugins()
    assert task.pretrains_on is not None

    source = plugins.tasks[task.pretrains_on]

    assert source.kind == task.kind
    assert getattr(worlds, source.world).rule is not None


def test_what_is_preloaded_can_be_imported() -> None:
    """The fork server leaves out a name that does not exist, silently."""
    import importlib.util

    for name in load_plugins().preload():
        assert importlib.util.find_spec(name) is not None, name
