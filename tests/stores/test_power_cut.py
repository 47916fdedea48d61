"""Killed between any two system calls of keeping an artifact, a store has all of it or none, and heals."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest

CUT = Path(__file__).with_name("cut.py")


@pytest.mark.skipif(platform.system() != "Linux", reason="traces system calls by ptrace")
@pytest.mark.parametrize("every", [61, pytest.param(1, marks=pytest.mark.slow)])
def test_a_kill_between_any_two_system_calls_leaves_all_or_nothing(tmp_path: Path, every: int) -> None:
    """A record names what is there as it was written; what has no record is swept, and the step is done again."""
    done = subprocess.run(
        [sys.executable, "-I", str(CUT), str(tmp_path), str(every)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["calls"] > 200
    assert result["left"].keys() >= ({"nothing", "recorded"} if every > 1 else {"nothing", "unfinished", "kept"})
    print(f"\n{result}")  # noqa: T201 - it is there to be read
