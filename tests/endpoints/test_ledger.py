"""What is reserved and settled: exact, shared by threads and processes, and whole after a kill."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import StoreError
from harness.seams import Spend
from harness_endpoints._ledger import Ledger

CENT = Decimal("0.01")


def opened(file: Path, cap_usd: float = 1.0, step: str = "a", steps: str = "ab") -> Ledger:
    """Return the ledger of a step."""
    return Ledger(Spend(cap_usd, file, step, frozenset(steps)))


def total(file: Path) -> Decimal:
    """Return what another process finds: nothing is added."""
    ledger = opened(file)
    assert ledger.reserve(Decimal(10)) is None
    return ledger.total


def test_a_reservation_counts_until_it_is_settled(tmp_path: Path) -> None:
    """The cap itself may be reached, and not passed; all processes see the same."""
    file = tmp_path / "deep" / "ledger"
    ledger = opened(file)
    first, second = ledger.reserve(Decimal("0.6")), ledger.reserve(Decimal("0.4"))

    assert ledger.reserve(CENT) is None
    assert first is not None
    ledger.settle(first, Decimal("0.59"))
    assert opened(file, step="b").reserve(CENT) is not None
    assert ledger.reserve(CENT) is None
    assert second is not None
    ledger.settle(second, Decimal("1.5"))  # a server may bill more than was reserved: that counts
    assert total(file) == Decimal("2.10")


def test_only_steps_of_the_plan_count(tmp_path: Path) -> None:
    """Those of other suites, or of other settings, have paid for something else."""
    file = tmp_path / "ledger"
    other = opened(file, step="z", steps="z")
    call = other.reserve(Decimal("0.9"))
    assert call is not None
    ledger = opened(file)

    assert ledger.reserve(Decimal("0.9")) is not None
    other.settle(call, Decimal("0.8"))
    assert ledger.reserve(Decimal("0.1")) is not None
    assert ledger.total == Decimal("1.0")


@given(st.lists(st.tuples(st.integers(1, 30), st.booleans(), st.integers(0, 30)), max_size=20), st.integers(0, 3000))
def test_what_a_kill_cut_off_was_not_reserved(calls: list[tuple[int, bool, int]], cut: int) -> None:
    """Whole lines count; a line that was cut off was of a call that was not sent, and the next begins a new line."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "ledger"
        ledger, amounts = opened(file, cap_usd=100), []
        for reserved, settles, paid in calls:
            call = ledger.reserve(reserved * CENT)
            assert call is not None
            amounts.append([(call, reserved * CENT), *([(call, paid * CENT)] if settles else [])])
            if settles:
                ledger.settle(call, paid * CENT)
        content = file.read_bytes() if calls else b""
        file.write_bytes(content[:cut])
        lines = [line for lines in amounts for line in lines][: content[:cut].count(b"\n")]
        later = opened(file, cap_usd=100)

        assert later.reserve(CENT) is not None
        assert later.total == sum(dict(lines).values()) + CENT
        assert opened(file, cap_usd=0.001).reserve(CENT) is None
        assert len(file.read_bytes().splitlines()) == len(lines) + 1


def test_the_lock_is_free_while_a_reservation_goes_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other threads and processes reserve and settle meanwhile: a disk takes several lines in the time of one."""
    file, sync = tmp_path / "ledger", os.fsync
    call = opened(file).reserve(CENT)
    assert call is not None
    reached, free = threading.Event(), threading.Event()

    def slow(descriptor: int) -> None:
        reached.set()
        assert free.wait(20)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    with ThreadPoolExecutor(2) as threads:
        writing = threads.submit(opened(file).reserve, CENT)
        assert reached.wait(20)
        settling = threads.submit(opened(file).settle, call, CENT / 2)  # by another descriptor, as another process
        try:
            settling.result(10)
        finally:
            free.set()
        assert writing.result(10) is not None

    assert total(file) == CENT + CENT / 2


SPENDER = """
import sys
from decimal import Decimal
from pathlib import Path
from harness.seams import Spend
from harness_endpoints._ledger import Ledger
file, step = sys.argv[1:]
ledger, count = Ledger(Spend(1.0, Path(file), step, frozenset("abcd"))), 0
for _ in range(40):
    call = ledger.reserve(Decimal("0.01"))
    if call is not None:
        count += 1
        if count % 3 == 0:
            ledger.settle(call, Decimal("0.005"))
print(count)
"""
"""Reserves cents until the cap is reached, and settles every third at half a cent; prints how many."""


def test_threads_and_processes_never_pass_the_cap_together(tmp_path: Path) -> None:
    """Each sees what the others reserve, at any time."""
    file = tmp_path / "ledger"
    far = [
        subprocess.Popen([sys.executable, "-I", "-c", SPENDER, str(file), step], stdout=subprocess.PIPE, text=True)
        for step in "ab"
    ]
    while not file.exists() and far[0].poll() is None:
        time.sleep(0.01)  # until the others have begun
    with ThreadPoolExecutor(3) as threads:
        ledger = opened(file, step="c", steps="abcd")
        near = list(threads.map(lambda _: ledger.reserve(CENT), range(90)))
    counts = [len([call for call in near if call is not None]), *(int(one.communicate(timeout=60)[0]) for one in far)]

    expected = counts[0] * CENT + sum((count - count // 3) * CENT + count // 3 * CENT / 2 for count in counts[1:])
    ledger = opened(file, steps="abcd")
    assert ledger.reserve(Decimal(10)) is None
    assert ledger.total == expected <= 1
    assert expected > Decimal("0.9")


@pytest.mark.parametrize(
    "line", ['{"call": "1"}', "nonsense", '{"call": "1", "usd": "much", "step": "a"}', "[]", "[" * 9999]
)
def test_a_damaged_ledger_is_no_free_credit(tmp_path: Path, line: str) -> None:
    """It is named, with what to do."""
    file = tmp_path / "ledger"
    file.write_text(f"{line}\n", encoding="utf-8")

    with pytest.raises(StoreError, match=r"ledger is damaged: .*Restore it, or measure into a new store"):
        opened(file).reserve(CENT)
