"""How much faster trainings end that are done two at a time, each with one thread. Asserts no timing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from harness.environment import THREAD_VARIABLES, usable_cpus
from harness.records import Record
from harness.store import peek_records

pytestmark = pytest.mark.benchmark
SUITE = """
name: trainings
models: [{name: bert, size: tiny}]
tasks: [topics]
starts: [scratch]
scenarios: [Offline]
seeds: [0, 1, 2, 3]
budgets: {finetune: {steps: 60}}
serve: {seconds: 0.1, queries: 1}
"""


def _together_s(records: Sequence[Record]) -> float:
    """Return the seconds in which at least one step was under way."""
    times = sorted(
        (datetime.fromisoformat(each.started_at), datetime.fromisoformat(str(each.ended_at))) for each in records
    )
    total, until = 0.0, times[0][0]
    for began, ended in times:
        total += max(0.0, (ended - max(began, until)).total_seconds())
        until = max(until, ended)
    return total


def test_trainings_two_at_a_time(
    harness_command: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The seconds in which at least one of them was under way, by the times of the records."""
    for name in THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    (tmp_path / "trainings.yaml").write_text(SUITE, encoding="utf-8")
    took: dict[int, float] = {}
    speeds: dict[int, float] = {}
    for jobs in (1, 2):
        done = harness_command(tmp_path, "run", "trainings.yaml", "--store", str(jobs), "--jobs", str(jobs))
        assert done.code == 0, done.stderr
        trained = [record for record in peek_records(str(tmp_path / str(jobs))) if record.step == "finetune"]
        assert len(trained) == 4
        took[jobs] = _together_s(trained)
        speeds[jobs] = sum(each.value("steps") / each.value("wall_s") for each in trained) / len(trained)  # type: ignore[operator]
    print(  # noqa: T201 - it is there to be read
        f"\n4 trainings, one thread each, on {usable_cpus():g} cores: one at a time {took[1]:.1f} s, two at a time "
        f"{took[2]:.1f} s, {took[1] / took[2]:.2f} times as fast; within a training {speeds[1]:.1f} and "
        f"{speeds[2]:.1f} steps a second"
    )
