"""What the plugin declares, and that its door is light."""

from __future__ import annotations

import subprocess
import sys

from harness.plugins import load_plugins


def test_the_entry_module_is_light() -> None:
    """Loading the plugin and reading its declarations imports no heavy library."""
    script = (
        "import sys, harness_control as c\n"
        "list(c.harness_tasks()), list(c.harness_models()), list(c.harness_use_cases()), list(c.harness_preload())\n"
        "print([m for m in ('numpy', 'torch', 'gymnasium', 'stable_baselines3', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_names_that_point_at_each_other_exist() -> None:
    """Baselines, pretraining tasks and use cases are there, and every figure says where it comes from."""
    plugins = load_plugins()
    for task in plugins.tasks.values():
        assert task.baseline is None or task.baseline in plugins.models
        assert task.pretrains_on is None or task.pretrains_on in plugins.tasks
        assert task.use_case is None or task.name in plugins.use_cases()[task.use_case].tasks
    for case in plugins.use_cases().values():
        assert all(figure.source and figure.unit for figure in [*case.needs.values(), *case.market.values()])


def test_what_is_preloaded_can_be_imported() -> None:
    """A name that does not exist would be silently left out by the fork server."""
    import importlib.util

    for name in load_plugins().preload():
        assert importlib.util.find_spec(name) is not None, name
