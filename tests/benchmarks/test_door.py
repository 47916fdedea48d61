"""What opening the door costs: `harness --help` and `harness plugins` beside an empty Python. Asserts no timing."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.benchmark
ROUNDS = 11


def _took_s(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def test_the_door_beside_an_empty_python() -> None:
    """Interleaved rounds in one run; medians and their ratios."""
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "harness --help": ["harness", "--help"],
        "harness plugins": ["harness", "plugins"],
    }
    took: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            took[name].append(_took_s(command))
    empty = statistics.median(took["python -c pass"])
    for name, seconds in took.items():
        median = statistics.median(seconds)
        print(f"\n{name}: {median:.3f} s, {median / empty:.1f} times an empty Python", end="")  # noqa: T201
