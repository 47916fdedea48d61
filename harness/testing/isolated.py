"""What can only be seen in a fresh interpreter: what an import brings along, and what a random hash changes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from harness.plugin_files import FILE
from harness.plugins import Plugin
from harness.testing.findings import CheckFailed

HEAVY = (
    "accelerate", "datasets", "jax", "keras", "matplotlib", "numpy", "onnx", "onnxruntime", "pandas", "plotly",
    "pydantic", "scipy", "sklearn", "sqlalchemy", "streamlit", "tensorflow", "torch", "transformers",
)  # fmt: skip
TIMEOUT_S = 300


class Digest(NamedTuple):
    """What an interpreter found of a task's data."""

    digest: str
    error: str
    """Why there is no digest; empty where there is one."""


_IMPORTS = """
import importlib, json, sys
from pathlib import Path
from harness.plugin_files import import_file
from harness.plugins import Plugins
kind, where, heavy = json.loads(sys.argv[1])
plugins = Plugins()
plugins.load("checked", where, "0", (lambda: import_file(Path(where))) if kind == "file" else
             (lambda: importlib.import_module(where)))
print(json.dumps([name for name in heavy if name in sys.modules]))
"""
_DIGESTS = """
import json, sys
from harness.plugins import load_plugins
from harness.testing.shared import load
files, names = json.loads(sys.argv[1])
tasks = load_plugins(files).tasks
found = {}
for name in names:
    try:
        found[name] = [load(tasks[name]).digest, ""]
    except Exception as error:
        found[name] = ["", f"{type(error).__name__}: {error}"]
print(json.dumps(found))
"""


def heavy_imports(plugin: Plugin, preloads: Sequence[str]) -> list[str]:
    """Return the heavy libraries that are in memory once a plugin is loaded."""
    heavy = sorted({*HEAVY, *(name.partition(".")[0] for name in preloads)} - {plugin.module.__name__, "harness"})
    heavy = [name for name in heavy if not name.startswith("harness_")]
    where = ["file", plugin.distribution] if plugin.version == FILE else ["module", plugin.module.__name__]
    found: list[str] = _run(_IMPORTS, [*where, heavy])
    return found


def digests_elsewhere(files: Sequence[str], tasks: Sequence[str], hash_seed: int) -> dict[str, Digest]:
    """Return the digest of each task's data as another interpreter with another hash seed finds it."""
    found = _run(_DIGESTS, [list(files), list(tasks)], PYTHONHASHSEED=str(hash_seed))
    return {name: Digest(*one) for name, one in found.items()}


def _run(script: str, arguments: Any, **environment: str) -> Any:
    done = subprocess.run(  # noqa: S603 - this interpreter, our own script
        [sys.executable, "-c", script, json.dumps(arguments)],
        env={**os.environ, **environment}, capture_output=True, text=True, encoding="utf-8",
        timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    if done.returncode:
        raise CheckFailed(f"A fresh interpreter ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout.splitlines()[-1])
