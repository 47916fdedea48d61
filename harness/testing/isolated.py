"""Checks in a fresh interpreter: which libraries an import loads, and what another hash seed changes."""

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
    """The digest of a task's data in another interpreter."""

    digest: str
    error: str
    """Why there is no digest; empty if there is one."""


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
digests = {}
for name in names:
    try:
        digests[name] = [load(tasks[name]).digest, ""]
    except Exception as error:
        digests[name] = ["", f"{type(error).__name__}: {error}"]
print(json.dumps(digests))
"""


def heavy_imports(plugin: Plugin, preloads: Sequence[str]) -> list[str]:
    """Return the heavy libraries that loading a plugin imports."""
    heavy = sorted({*HEAVY, *(name.partition(".")[0] for name in preloads)} - {plugin.module.__name__, "harness"})
    heavy = [name for name in heavy if not name.startswith("harness_")]
    where = ["file", plugin.distribution] if plugin.version == FILE else ["module", plugin.module.__name__]
    imported: list[str] = _run(_IMPORTS, [*where, heavy])
    return imported


def digests_elsewhere(files: Sequence[str], tasks: Sequence[str], hash_seed: int) -> dict[str, Digest]:
    """Return the digest of each task's data in another interpreter with this hash seed."""
    digests = _run(_DIGESTS, [list(files), list(tasks)], PYTHONHASHSEED=str(hash_seed))
    return {name: Digest(*digest) for name, digest in digests.items()}


def _run(script: str, arguments: Any, **environment: str) -> Any:
    done = subprocess.run(  # noqa: S603 - runs this interpreter and this module's script; -P: not the modules lying here
        [sys.executable, "-P", "-c", script, json.dumps(arguments)],
        env={**os.environ, **environment}, capture_output=True, text=True, encoding="utf-8",
        timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    if done.returncode:
        raise CheckFailed(f"A fresh interpreter ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout.splitlines()[-1])
