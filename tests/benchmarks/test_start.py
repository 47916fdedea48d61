"""How long `harness --help` and `harness plugins` take beside an empty Python. Asserts no timing.

The goal is at most 12 times an empty Python.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.benchmark
ROUNDS = 15


class Took(NamedTuple):
    """Seconds that a command took: by the clock, and of the processor."""

    wall_s: float
    cpu_s: float


def _run(command: list[str], environment: dict[str, str]) -> Took:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=environment)
    wall_s, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Took(wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def test_start_beside_an_empty_python(tmp_path: Path) -> None:
    """Interleaved rounds in one run; medians and their ratios. A first round, which compiles, is not counted."""
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "harness --help": ["harness", "--help"],
        "harness plugins": ["harness", "plugins"],
    }
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    rounds = [{name: _run(command, environment) for name, command in commands.items()} for _ in range(1 + ROUNDS)]
    median = {
        name: Took(*(statistics.median(values) for values in zip(*(one[name] for one in rounds[1:]), strict=True)))
        for name in commands
    }
    empty = median["python -c pass"]
    for name, took in median.items():
        print(  # noqa: T201
            f"\n{name}: {took.wall_s:.3f} s, {took.wall_s / empty.wall_s:.1f} times an empty Python; "
            f"processor {took.cpu_s:.3f} s, {took.cpu_s / empty.cpu_s:.1f} times",
            end="",
        )
