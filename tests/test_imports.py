"""A run imports the heavy modules that its own steps need, before the first of them, and no others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from harness.plugins import Plugins, load_plugins
from harness.records import Record
from harness.store import open_store

TELLING = """
import os, sys
import harness

class Telling(harness.Hardware):
    name, summary, device, imports = "telling", "Tells what its process has imported", "cpu", ()
    def unavailable(self): return None
    def meters(self): return []
    def describe(self):
        return {"modules": sorted(name for name in sys.modules if "." not in name), "server": os.getppid()}

@harness.hookimpl
def harness_hardware(): return [Telling()]
"""
HEAVY = {"torch", "transformers", "datasets", "stable_baselines3", "gymnasium", "onnxruntime", "tokenizers", "skimage"}


def _run(folder: Path, *arguments: str, **suite: Any) -> list[Record]:
    """Run a suite through the command line; return its records."""
    body = {"name": "s", "hardware": ["telling"], "runtimes": ["eager"], "serve": {"seconds": 0.05, "queries": 5},
            "budgets": {"finetune": {"steps": 1}}, **suite}  # fmt: skip
    (folder / "suite.yaml").write_text(yaml.safe_dump(body), encoding="utf-8")
    (folder / "telling.py").write_text(TELLING, encoding="utf-8")
    command = ["harness", "run", "suite.yaml", "--plugin", "telling.py", "--store", "store", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stdout + done.stderr
    store = open_store(str(folder / "store"))
    records = store.records()
    store.close()
    return records


def _modules(record: Record) -> set[str]:
    return set(record.environment["hardware"]["modules"])


def test_a_linear_model_waits_for_no_network(tmp_path: Path) -> None:
    """TF-IDF on packaged texts has scikit-learn at hand, and no torch, no `datasets`, no game."""
    records = _run(tmp_path, models=["tfidf"], tasks=["text-classification"])

    assert [record.step for record in records] == ["finetune", "evaluate", "serve"]
    for record in records:
        assert not HEAVY & _modules(record), record.step
        assert {"sklearn", "safetensors", "mlperf_loadgen"} <= _modules(record)


def test_data_of_ones_own_is_read_by_what_was_imported_once(tmp_path: Path) -> None:
    """`datasets` is imported where a source is given, in the fork server: before the worker asks its hardware."""
    rows = "".join(f"{word} number {number},{word}\n" for number in range(20) for word in ("good", "bad"))
    (tmp_path / "reviews.csv").write_text(f"text,label\n{rows}", encoding="utf-8")
    records = _run(tmp_path, "--data", "reviews.csv", models=["tfidf"], tasks=["text-classification"])

    assert all("datasets" in _modules(record) for record in records)
    assert all(not {"torch", "stable_baselines3"} & _modules(record) for record in records)


FIRST_STEP = """
import sys
import harness.execute.preload
import torch
before = set(sys.modules)
weight = torch.nn.Parameter(torch.ones(1))
optimiser = torch.optim.AdamW([weight])
weight.sum().backward()
optimiser.step()
print(*sorted(set(sys.modules) - before))
"""


def test_a_first_training_step_imports_nothing() -> None:
    """What optimisers import when they are first made is in the fork server: it is no part of a training's time."""
    told = {**os.environ, "HARNESS_FORK_SERVER_IMPORTS": "torch"}
    command = [sys.executable, "-c", FIRST_STEP]
    done = subprocess.run(command, env=told, capture_output=True, text=True, check=True)
    modules = done.stdout.split()

    assert len(modules) < 10, modules  # of 800; torch's profiler has one of its own


OPEN = """
import harness

class Open(harness.Model):
    name, summary, kinds = "open", "Says nothing of its imports", ("toy",)
    def learner(self, assignment): ...

@harness.hookimpl
def harness_models(): return [Open()]
"""
HOOK = """
@harness.hookimpl
def harness_preload(): return ["wave", "no_such_module"]
"""
ASKED = {"task": "parity", "hardware": "here", "runtime": "plain", "source": None}


def _with(toys: Plugins, folder: Path, source: str) -> Plugins:
    (folder / "open.py").write_text(source, encoding="utf-8")
    toys.load_files([str(folder / "open.py")])
    return toys


def test_what_is_not_declared_is_what_the_plugin_names(toys: Plugins, tmp_path: Path) -> None:
    """Its hook; what is not installed is passed over."""
    plugins = _with(toys, tmp_path, OPEN + HOOK)

    assert plugins.preload([{**ASKED, "model": "open"}]) == ["wave", "no_such_module"]
    assert plugins.preload([{**ASKED, "model": "guess"}]) == []
    plugins.import_for({**ASKED, "model": "open"})


def test_what_nobody_declares_is_everything() -> None:
    """A plugin of before may import anything: it finds what any plugin names."""
    plugins = load_plugins([str(Path(__file__).with_name("toy_plugin.py"))])
    plugins.models["guess"].imports = None  # type: ignore[misc]
    everything = plugins.preload([{**ASKED, "model": "guess"}])

    assert everything == plugins.preload()
    assert {"torch", "stable_baselines3", "datasets", "sklearn.linear_model", "onnxruntime"} <= set(everything)


def test_every_part_of_ours_declares_its_imports() -> None:
    """Every first-party part declares what its steps import, so that no run waits for more than its own."""
    plugins = load_plugins()
    ours = [plugin for plugin in plugins.loaded if plugin.distribution == "viability-harness"]
    parts = [getattr(plugins, kind)[name] for plugin in ours for kind in ("models", "tasks", "hardware", "runtimes")
             for name in plugin.brings.get(kind, ())]  # fmt: skip

    assert parts
    assert [part.name for part in parts if part.imports is None] == []


def test_every_model_of_ours_without_a_library_for_accelerators_says_that_it_uses_none() -> None:
    """Otherwise a suite on an accelerator would price it by that: every baseline is among them."""
    plugins = load_plugins()
    ours = {name for plugin in plugins.loaded if plugin.distribution == "viability-harness"
            for name in plugin.brings.get("models", ())}  # fmt: skip
    of_processors = {
        name for name in ours
        if not {imported.partition(".")[0] for imported in plugins.models[name].imports or ()} & HEAVY
    }  # fmt: skip

    assert {task.baseline for task in plugins.tasks.values()} <= of_processors < ours
    assert {name for name in ours if plugins.models[name].devices == ("cpu",)} == of_processors
