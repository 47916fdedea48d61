"""What the core's tests share: a toy family in place of real ones, and a guard on the environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.plan import Plan, make_plan
from harness.plugins import FILE, Plugins, _import_file
from harness.suite import Source

TOY = Path(__file__).with_name("toy_plugin.py")


@pytest.fixture(autouse=True)
def environment_stays() -> Iterator[None]:
    """A test that changes the environment for good would change the tests after it."""
    before = {name: value for name, value in os.environ.items() if name.startswith("HARNESS_")}
    yield
    after = {name: value for name, value in os.environ.items() if name.startswith("HARNESS_")}
    assert after == before


@pytest.fixture(autouse=True)
def _no_store_or_plugins_from_outside(environment_stays: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the caller's shell has set is no part of a test."""
    for name in ("HARNESS_STORE", "HARNESS_PLUGINS"):
        monkeypatch.delenv(name, raising=False)


def toy_plugins(*files: Path) -> Plugins:
    """Return plugins with the toy family, and files, alone."""
    plugins = Plugins()
    for file in (TOY, *files):
        plugins.load(file.stem, str(file), FILE, lambda file=file: _import_file(file))
    return plugins


@pytest.fixture
def toys() -> Plugins:
    """Return the toy family."""
    return toy_plugins()


SUITE: dict[str, Any] = {
    "name": "toys",
    "models": ["counter", "guess"],
    "tasks": ["parity"],
    "hardware": ["here"],
    "runtimes": ["plain", "paper"],
    "budgets": {"pretrain": {"steps": 2}, "finetune": {"steps": 2}},
    "serve": {"seconds": 0.05, "queries": 5},
    "limits": {"time_s": 20},
}


@pytest.fixture
def plan_of(toys: Plugins) -> Callable[..., Plan]:
    """Return a function that plans the toy suite with changes."""

    def plan(plugins: Plugins = toys, **changes: Any) -> Plan:
        import yaml

        source = Source("toys.yaml", yaml.safe_dump({**SUITE, **changes}, sort_keys=False))
        return make_plan(source.validate(), source, plugins)

    return plan
