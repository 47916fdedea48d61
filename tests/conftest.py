"""What all tests share: their order, a toy family, the store of a real run, a guarded environment."""

from __future__ import annotations

import gc
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from multiprocessing import forkserver
from pathlib import Path
from typing import Any, NamedTuple

import hypothesis
import pytest

from harness.execute import HARNESS, NAMES
from harness.main import main
from harness.plan import Plan, make_plan
from harness.plugin_files import FILE, import_file
from harness.plugins import Plugins, load_plugins
from harness.store import Store, open_store
from harness.suite import Source

TOY = Path(__file__).with_name("toy_plugin.py")
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")  # the time of an example depends on the machine
BUDGET_S = 10.0
"""A test that takes longer is named at the end of the run."""
LONG_FILES = {
    "test_detectors.py", "test_first_party.py", "test_hf.py", "test_kills.py", "test_plugins_readme.py",
    "test_policies.py", "test_scaffold.py",
}  # fmt: skip
"""Files that run right after the walk, so that no worker is left alone with them at the end."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put long tests first; otherwise keep the shuffled order."""
    for item in items:
        if _place(item) == 0:
            item.add_marker(pytest.mark.xdist_group("walk"))
    items.sort(key=_place)
    if hasattr(config, "workerinput"):
        _write_groups(items)


def _place(item: pytest.Item) -> int:
    """Return 0 for a test that reads the store of the walk, 1 for other long ones, 2 for the rest."""
    if "walked" in getattr(item, "fixturenames", ()):
        return 0
    return 1 if item.path.name in LONG_FILES else 2


def _write_groups(items: list[pytest.Item]) -> None:
    """Write each test's group behind its id, where the scheduler reads it.

    pytest-xdist 3.8 does so to a field that pytest 9.2 no longer has: groups would be ignored.
    """
    from _pytest.nodeid import NodeId

    for item in items:
        group = item.get_closest_marker("xdist_group")
        if group is not None and "@" not in item.nodeid.rpartition("]")[2]:
            item._id = NodeId.parse(f"{item.nodeid}@{group.args[0]}")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each worker whole files, so that module fixtures are set up once."""
    from xdist.scheduler import LoadGroupScheduling

    class ByGroupOrFile(LoadGroupScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return str(super()._split_scope(nodeid)).split("::", maxsplit=1)[0]

    return ByGroupOrFile(config, log)


def pytest_collection_finish() -> None:
    """Keep the garbage collector from scanning imported libraries."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Name the tests that took longer than they should."""
    reports = [*terminalreporter.stats.get("passed", ()), *terminalreporter.stats.get("failed", ())]
    long = [one for one in reports if one.when == "call" and one.duration > BUDGET_S and "slow" not in one.keywords]
    if long:
        terminalreporter.section(f"warning: longer than {BUDGET_S:g} s; make it smaller or mark it slow", yellow=True)
    for one in sorted(long, key=lambda one: -one.duration):
        terminalreporter.write_line(f"{one.duration:6.1f} s  {one.nodeid}")


@pytest.fixture(autouse=True)
def environment_stays() -> Iterator[None]:
    """Fail a test that leaves the environment changed."""
    before = {name: value for name, value in os.environ.items() if name.startswith("HARNESS_")}
    yield
    after = {name: value for name, value in os.environ.items() if name.startswith("HARNESS_")}
    assert after == before


@pytest.fixture(autouse=True)
def _no_store_or_plugins_from_outside(environment_stays: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset the harness's variables of the caller's shell."""
    for name in ("HARNESS_ARTIFACTS", "HARNESS_STORE", "HARNESS_PLUGINS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, str], None]:
    """Return a function that changes a line of an installed module while it is read."""

    def plant(module: str, line: str, becomes: str) -> None:
        spec = importlib.util.find_spec(module)
        assert spec is not None
        assert spec.origin is not None
        file, read = Path(spec.origin), Path.read_bytes
        text = file.read_text(encoding="utf-8")
        assert line in text, f"{module} has no line with {line!r}: plant the change elsewhere"
        changed = text.replace(line, becomes, 1).encode()
        monkeypatch.setattr(Path, "read_bytes", lambda path: changed if path == file else read(path))

    return plant


@pytest.fixture
def no_precision_yet() -> Iterator[None]:
    """Let a test train in another precision: accelerate holds one a process, and earlier learners keep theirs."""
    from accelerate.state import AcceleratorState, PartialState

    held = [(state, dict(state)) for state in (AcceleratorState._shared_state, PartialState._shared_state)]
    for state, _ in held:
        state.clear()
    yield
    for state, before in held:
        state.clear()
        state.update(before)


def toy_plugins(*files: Path) -> Plugins:
    """Return plugins with the toy family, and files, alone."""
    plugins = Plugins()
    for file in (TOY, *files):
        plugins.load(file.stem, str(file), FILE, lambda file=file: import_file(file))
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


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Return an empty store."""
    made = open_store(str(tmp_path / "store"), create=True)
    yield made
    made.close()


SUITE_OF_THE_WALK = """\
name: walk
description: A text classifier and a player with their baselines, with hardly any training, and a model that is broken.
models:
  - tfidf
  - {name: mlp, budgets: {finetune: {steps: 20}}}
  - random
  - rule
  - {name: ppo, budgets: {pretrain: {steps: 2}, finetune: {steps: 2}}}
  - broken
tasks: [text-classification, CartPole-v1]
runtimes: [eager, onnxruntime]
scenarios: [Offline, SingleStream]
exclude: [{model: [random, rule, tfidf, mlp, broken], runtime: onnxruntime}]
budgets: {finetune: {steps: 1}}
serve: {seconds: 0.1, queries: 70}
limits: {time_s: 200}
"""
BROKEN = '''\
"""A model that fails in a way that would show on a page that does not escape."""
import harness


class Broken(harness.Model):
    name = "broken"
    summary = "Fails"
    kinds = ("text-classification",)

    def learner(self, assignment):
        raise RuntimeError("<b>out of luck</b>")


@harness.hookimpl
def harness_models():
    return [Broken()]
'''


@pytest.fixture(scope="session")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the suite of the walk through the command line once; return the folder with `store` and `broken.py`."""
    import subprocess

    folder = tmp_path_factory.mktemp("walk")
    (folder / "walk.yaml").write_text(SUITE_OF_THE_WALK, encoding="utf-8")
    (folder / "broken.py").write_text(BROKEN, encoding="utf-8")
    command = ["harness", "run", "walk.yaml", "--plugin", "broken.py", "--store", "store"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    (folder / "output").write_text(done.stdout + done.stderr, encoding="utf-8")
    assert done.returncode == 1, done.stdout + done.stderr  # the broken model fails
    return folder


@pytest.fixture
def briefly_served(tmp_path: Path) -> str:
    """Write a suite to take the place of `quick`, which serves for seconds; return its file's name."""
    serve = "scenarios: [Offline], serve: {seconds: 0.1, queries: 5}"
    models = "models: [tfidf], tasks: [text-classification], budgets: {finetune: {steps: 1}}"
    (tmp_path / "brief.yaml").write_text(f"{{name: brief, {models}, {serve}}}", encoding="utf-8")
    return "brief.yaml"


class Done(NamedTuple):
    """A command's exit code and output."""

    code: int | None
    stdout: str
    stderr: str


@pytest.fixture
def harness_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Return a function that runs the command line in this process, within a folder."""

    def run(folder: Path, *arguments: str) -> Done:
        with monkeypatch.context() as patch:
            patch.chdir(folder)
            patch.setattr(sys, "argv", ["harness", *arguments])
            patch.setattr(gc, "freeze", lambda: None)  # garbage of tests, such as open files, must still be collected
            code: Any = 0
            try:
                main()
            except SystemExit as ended:
                code = ended.code
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def _warm_fork_server() -> Iterator[forkserver.ForkServer]:
    """Start a fork server that has the libraries of what comes with the harness."""
    variables = {NAMES: " ".join(load_plugins().preload()), HARNESS: str(os.getpid())}
    server = forkserver.ForkServer()
    server.set_forkserver_preload(["harness.execute.worker", "harness.execute.preload"])
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        server.ensure_running()
    yield server
    server._stop()


@pytest.fixture
def libraries_at_hand(_warm_fork_server: forkserver.ForkServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs within this process share one fork server: each of their own would import for seconds.

    Its workers have the environment in which it was started.
    """
    for name in ("ensure_running", "get_inherited_fds", "connect_to_new_process", "set_forkserver_preload"):
        monkeypatch.setattr(forkserver, name, getattr(_warm_fork_server, name))
