"""Kills a process between every two system calls in which it keeps an artifact and its record: `cut.py FOLDER EVERY`.

After each kill the store is looked at, swept, and the step is done again. Prints how many system calls there are, and
what the kills left.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path

from harness.records import Record
from harness.store import Store, open_store

TRACEME, SYSCALL = 0, 24
FINGERPRINT = "ab" * 32
SPEC = {"task": "t", "model": "m", "size": "s", "hardware": "h", "seed": 0, "settings": {}}
_ptrace = ctypes.CDLL(None, use_errno=True).ptrace


def main() -> None:
    """Kill before the first system call, before the second, and so on, until the work is done before the kill."""
    folder, every = Path(sys.argv[1]), int(sys.argv[2])
    left: Counter[str] = Counter()
    number, killed = 0, True
    while killed:
        location = str(folder / str(number))
        open_store(location, create=True).close()
        killed = _killed_before(number, location)
        left[_looked_at(location)] += 1
        number += every
    print(json.dumps({"calls": number - every, "left": left}))  # noqa: T201 - a command


def _killed_before(number: int, location: str) -> bool:
    """Do the work in a child, kill it before a system call, and return whether it had so many."""
    child = os.fork()
    if not child:
        _ptrace(TRACEME, 0, None, None)
        os.kill(os.getpid(), signal.SIGSTOP)
        _keep(location)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    calls = 0  # entries and exits
    while os.WIFSTOPPED(status):
        if calls >= 2 * number + 1:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return True
        calls += 1
        if _ptrace(SYSCALL, child, None, None):
            raise OSError(ctypes.get_errno(), "ptrace")
        _, status = os.waitpid(child, 0)
    assert os.WIFEXITED(status), status
    assert os.WEXITSTATUS(status) == 0
    return False


def _keep(location: str) -> None:
    """Write, keep and record what a step writes."""
    store = open_store(location, create=True)
    store.claims.take(FINGERPRINT)
    scratch = store.artifacts.scratch()
    (scratch / "deep").mkdir()
    for name in ("weights", "deep/config"):
        (scratch / name).write_bytes(name.encode() * 1000)
    digest = store.artifacts.keep(scratch, FINGERPRINT)
    store.add(
        Record(
            id="1", fingerprint=FINGERPRINT, step="finetune", outcome="ok", spec=SPEC, inputs={},
            started_at="2026-11-28T04:00:00.000+00:00", environment={}, artifact_digest=digest,
        )
    )  # fmt: skip
    store.close()


def _looked_at(location: str) -> str:
    """Return what a kill left, after holding it to what must be so, and do the step again as the next run would."""
    store = open_store(location, create=True)
    recorded = FINGERPRINT in store.finished()
    kept = list(store.artifacts.root.glob(f"??/{FINGERPRINT}-*"))
    if recorded:
        assert store.has_artifact(FINGERPRINT), location
    state = "recorded" if recorded else "kept" if kept else "unfinished" if _unfinished(store) else "nothing"
    store.sweep()
    assert not _unfinished(store), location
    store.close()
    if not recorded:
        _keep(location)
    healed = open_store(location)
    assert healed.has_artifact(FINGERPRINT), location
    assert len(healed.records()) == 1
    assert len(list(healed.artifacts.root.glob("??/*"))) == 1
    healed.close()
    return state


def _unfinished(store: Store) -> list[Path]:
    return list(store.artifacts.root.glob("unfinished-*"))


if __name__ == "__main__":
    main()
