"""Memory in a control group, as a container has one: the limit that counts, and processes that the system kills."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from harness.execute import groups

LIMIT = 300 * 2**20
CHOSEN = {
    "version 2": (
        "0::/slice/unit\n",
        {"slice/memory.max": "5000\n", "slice/unit/memory.max": "max\n", "slice/unit/memory.events": "oom_kill 3\n"},
        (5000, 3),
    ),
    "version 2 in a container": ("0::/\n", {"memory.max": "7000\n", "memory.events": "oom 4\noom_kill 2\n"}, (7000, 2)),
    "version 1": (
        "4:memory:/job\n0::/\n",
        {
            "memory/memory.limit_in_bytes": "9223372036854771712\n",
            "memory/job/memory.limit_in_bytes": "6000\n",
            "memory/job/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
            "memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 9\n",
        },
        (6000, 1),
    ),
    "version 1 in a container": (
        "5:cpu,cpuacct:/docker/ab\n4:hugetlb,memory:/docker/ab\n",
        {"memory/memory.limit_in_bytes": "8000\n", "cpu/memory.max": "1\n"},
        (8000, 0),
    ),
    "no groups": ("", {}, (math.inf, 0)),
}


@pytest.mark.parametrize("case", CHOSEN)
def test_limit_and_kills_are_read_of_both_versions(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lowest limit of a group and those around it, and the kills of the group itself."""
    membership, files, expected = CHOSEN[case]
    (tmp_path / "membership").write_text(membership, encoding="ascii")
    for name, text in files.items():
        file = tmp_path / "root" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="ascii")
    monkeypatch.setattr(groups, "_OWN", tmp_path / "membership")
    monkeypatch.setattr(groups, "_ROOT", tmp_path / "root")

    assert (groups.allowed_bytes(), groups.killed_for_memory()) == expected


# In a group of this machine -----------------------------------------------------------------------------------------

DRIVER = """
import json, os, sys
from pathlib import Path
Path(sys.argv[3], "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")
sys.path.insert(0, sys.argv[1])
from test_children import job
from harness.execute import bounds
from harness.execute.local import Supervisor
from harness.suite import Limits
print(bounds._memory_limit(Limits()))
supervisor = Supervisor([], Limits(memory_gb=1000, time_s=60))
ended = supervisor.run(job(Path(sys.argv[2]), **json.loads(sys.argv[4])), lambda _: None)
print(ended.outcome, ended.reason, sep=": ")
"""


@pytest.fixture
def group() -> Iterator[Path]:
    """Make a control group with little memory, where this user may do so."""
    root = Path("/sys/fs/cgroup")
    folder = (root / "memory" if (root / "memory").is_dir() else root) / f"harness-test-{os.getpid()}"
    try:
        folder.mkdir()
        made = next(file for name in ("memory.max", "memory.limit_in_bytes") if (file := folder / name).exists())
        made.write_text(str(LIMIT), encoding="ascii")
        for name in ("memory.swap.max", "memory.memsw.limit_in_bytes"):
            if (folder / name).exists():
                (folder / name).write_text("0" if name == "memory.swap.max" else str(LIMIT), encoding="ascii")
    except (OSError, StopIteration) as error:
        with suppress(OSError):
            folder.rmdir()
        pytest.skip(f"no control group for memory can be made here: {error!r}")
    yield folder
    until = time.monotonic() + 30
    while (folder / "cgroup.procs").read_text(encoding="ascii") and time.monotonic() < until:
        time.sleep(0.02)
    folder.rmdir()


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ('{"fault": "grow"}', "The worker was ended by signal 9"),
        ('{"lost": 1000}', "ChildProcessError: a child was lost"),
    ],
    ids=["the worker", "a child"],
)
def test_a_step_of_which_a_process_was_killed_is_out_of_memory(
    tmp_path: Path, group: Path, settings: str, reason: str
) -> None:
    """The system kills the worker, or a child that it waits for; without a limit of the suite the group's counts."""
    command = [sys.executable, "-c", DRIVER, str(Path(__file__).parent), str(tmp_path), str(group), settings]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    limit, ended = done.stdout.splitlines()

    assert float(limit) == pytest.approx(0.95 * LIMIT)
    assert ended.startswith("out of memory: The system killed a process for want of memory while the step ran. ")
    assert reason in ended
