"""Checks in a fresh interpreter: which libraries an import loads, and what another hash seed changes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from harness.plugin_files import FILE
from harness.plugins import Plugin
from harness.testing.findings import CheckFailed

HEAVY = (
    "accelerate", "datasets", "jax", "keras", "matplotlib", "numpy", "onnx", "onnxruntime", "pandas", "plotly",
    "pydantic", "scipy", "sklearn", "sqlalchemy", "streamlit", "tensorflow", "torch", "transformers",
)  # fmt: skip
TIMEOUT_S = 300

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
_DIGEST = """
import json, sys
from harness.plugins import load_plugins
from harness.testing.shared import load
files, name = json.loads(sys.argv[1])
try:
    print(json.dumps([load(load_plugins(files).tasks[name]).digest, ""]))
except Exception as error:
    print(json.dumps(["", f"{type(error).__name__}: {error}"]))
"""


def heavy_imports(plugin: Plugin, preloads: Sequence[str]) -> list[str]:
    """Return the heavy libraries that loading a plugin imports."""
    heavy = sorted({*HEAVY, *(name.partition(".")[0] for name in preloads)} - {plugin.module.__name__, "harness"})
    heavy = [name for name in heavy if not name.startswith("harness_")]
    where = ["file", plugin.distribution] if plugin.version == FILE else ["module", plugin.module.__name__]
    imported: list[str] = _run(_IMPORTS, [*where, heavy])
    return imported


def digest_elsewhere(plugin: Plugin, task: str, hash_seed: int) -> str:
    """Return the digest of the data of a plugin's task in another interpreter with this hash seed.

    Raises:
        CheckFailed: it cannot load it.
    """
    files = [plugin.distribution] if plugin.version == FILE else []
    digest, error = _run(_DIGEST, [files, task], PYTHONHASHSEED=str(hash_seed))
    if error:
        raise CheckFailed(f"A fresh interpreter cannot load it: {error}")
    return str(digest)


def _run(script: str, arguments: Any, **environment: str) -> Any:
    done = subprocess.run(  # noqa: S603 - runs this interpreter and this module's script; -P: not the modules lying here
        [sys.executable, "-P", "-c", script, json.dumps(arguments)],
        env={**os.environ, **environment}, capture_output=True, text=True, encoding="utf-8",
        timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    if done.returncode:
        raise CheckFailed(f"A fresh interpreter ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout.splitlines()[-1])
