"""Several runs share a store: each step is done once, by whichever run comes first, and none waits for the dead."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from harness.store import open_store, peek_records

DRIVER = Path(__file__).with_name("drive.py")
STEPS = {"pretrain": 1, "finetune": 2, "export": 2, "evaluate": 4, "serve": 4}
TRAININGS = 3


def start(folder: Path, sleep_s: float = 0.02) -> subprocess.Popen[str]:
    """Start a run of the driver's suite into the folder's store."""
    command = [sys.executable, "-I", str(DRIVER), str(folder / "store"), str(folder / "log"), str(sleep_s)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def check_complete(folder: Path) -> None:
    """Check that each step has one record, and each recorded artifact is what was written."""
    store = open_store(str(folder / "store"))
    records = [record for record in store.records() if record.outcome == "ok"]
    wrote = [record for record in records if record.step in ("pretrain", "finetune", "export")]

    assert Counter(record.step for record in records) == STEPS
    assert max(Counter(record.fingerprint for record in records).values()) == 1
    assert all(record.artifact_digest and store.has_artifact(record.fingerprint) for record in wrote)
    assert list(store.artifacts.root.glob("unfinished-*")) == []
    assert store.claims.owners() == set()
    assert len(list(store.artifacts.root.glob("??/*"))) == len(wrote)
    store.close()


def test_runs_at_once_do_each_step_once(tmp_path: Path) -> None:
    """Three into a store that none of them has made; each says what others did."""
    runs = [start(tmp_path) for _ in range(3)]
    outputs = [run.communicate(timeout=120)[0] for run in runs]

    assert [run.returncode for run in runs] == [0, 0, 0], outputs
    assert "done by another run" in "".join(outputs)
    check_complete(tmp_path)
    assert len((tmp_path / "log").read_text(encoding="utf-8").splitlines()) == TRAININGS


@pytest.mark.parametrize("kills", [2, pytest.param(25, marks=pytest.mark.slow)])
def test_runs_that_are_killed_hold_up_no_other(tmp_path: Path, kills: int) -> None:
    """Four at a time, one of which is killed again and again and begun anew; what was in flight is done again."""
    dice = random.Random(20261128)  # noqa: S311 - a die, no secret
    killed, number = 0, 0
    while killed < kills:
        folder = tmp_path / str(number)
        folder.mkdir()
        runs = [start(folder, 0.05) for _ in range(4)]
        here = 0
        while killed < kills and any(run.poll() is None for run in runs):
            time.sleep(dice.uniform(0.3, 1.5))
            alive = [place for place, run in enumerate(runs) if run.poll() is None]
            if len(alive) < 2:
                break
            victim = dice.choice(alive)
            runs[victim].kill()
            runs[victim].communicate(timeout=30)
            runs[victim] = start(folder, 0.05)
            killed, here = killed + 1, here + 1
        outputs = [run.communicate(timeout=120)[0] for run in runs]

        assert [run.returncode for run in runs] == [0] * 4, outputs
        check_complete(folder)
        assert len((folder / "log").read_text(encoding="utf-8").splitlines()) <= TRAININGS + here
        number += 1


def test_a_run_takes_over_what_another_recorded_meanwhile(tmp_path: Path) -> None:
    """The second one begins while the first is at work, and ends with the same records."""
    first = start(tmp_path, 0.1)
    while not peek_records(str(tmp_path / "store")):
        assert first.poll() is None, first.communicate()[0]
        time.sleep(0.05)
    second = start(tmp_path, 0.1)
    outputs = [run.communicate(timeout=120)[0] for run in (first, second)]

    assert (first.returncode, second.returncode) == (0, 0), outputs
    check_complete(tmp_path)
