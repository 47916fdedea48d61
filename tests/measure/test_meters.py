"""Meters of the process and the window they are read in."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from multiprocessing import Pipe
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness import Meter, Reading
from harness.measure import meters
from harness.measure.meters import ProcessMeter, window
from harness.parallel import Other, Place, Team

MIB = 2**20


def nothing() -> None:
    """Wait for nothing."""


class Noted(Meter):
    """Writes down when it is opened and closed."""

    def __init__(self, name: str, events: list[str], reading: str | None = None) -> None:
        self._name = name
        self._events = events
        self._reading = reading or f"{name}_count"

    def start(self) -> None:
        """Write it down."""
        self._events.append(f"start {self._name}")

    def stop(self) -> Mapping[str, Reading]:
        """Write it down."""
        self._events.append(f"stop {self._name}")
        return {self._reading: Reading(1, "count")}


def burn(seconds: float) -> None:
    """Keep a processor busy for so much processor time."""
    began = time.process_time()
    while time.process_time() - began < seconds:
        pass


def test_processor_time_is_that_of_the_work() -> None:
    """Busy time counts, sleep does not."""
    with window([ProcessMeter()], nothing) as busy:
        burn(0.1)
    with window([ProcessMeter()], nothing) as idle:
        time.sleep(0.2)

    assert busy["cpu_s"].value >= 0.1
    assert busy["cpu_s"].unit == "s"
    assert idle["cpu_s"].value < 0.1


def test_children_are_not_counted() -> None:
    """A child's processor time is its own."""
    code = "import time\nwhile time.process_time() < 0.5: pass"
    with window([ProcessMeter()], nothing) as readings:
        subprocess.run([sys.executable, "-c", code], check=True)

    assert readings["cpu_s"].value < 0.5


PEAKS = """
import json
import numpy as np
from harness.measure.meters import ProcessMeter, window
peaks = []
for mebibytes in (1, 200, 1):
    with window([ProcessMeter()], lambda: None) as readings:
        np.ones(mebibytes * 2**20, dtype=np.uint8)
    peaks.append(readings["peak_memory_bytes"])
print(json.dumps(peaks))
"""


@pytest.fixture(scope="module")
def peaks() -> list[Reading]:
    """Return the peaks of a small, a large and a small window, in a new process: an old one may keep memory."""
    done = subprocess.run([sys.executable, "-c", PEAKS], capture_output=True, text=True, check=True)
    return [Reading(*one) for one in json.loads(done.stdout)]


def test_a_peak_within_the_window_is_found(peaks: list[Reading]) -> None:
    """Memory that was held only in between is in the peak."""
    before, held, _ = peaks

    assert held.value >= before.value + 150 * MIB
    assert held.unit == "B"


@pytest.mark.skipif(not meters._reset_peak(), reason="the peak cannot be reset here")
def test_an_earlier_peak_is_no_part_of_it(peaks: list[Reading]) -> None:
    """What was held before the window is not in its peak."""
    _, held, later = peaks

    assert later.value < held.value - 150 * MIB
    assert later.kind == "measured"


OTHER = """
import sys, time
for line in sys.stdin:
    held = bytearray(b"1") * (100 * 2**20)
    until = time.process_time() + 0.3
    while time.process_time() < until:
        pass
    del held
    print("done", flush=True)
"""


@pytest.mark.skipif(not meters._reset_peak(), reason="the peak cannot be reset here")
def test_other_processes_that_do_the_step_count() -> None:
    """Their processor time and the peaks of their memory within the window are added; the sum of peaks is a bound."""
    with subprocess.Popen([sys.executable, "-c", OTHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        team = Team(Place(0, ("cpu", "cpu"), ""), [Other(SimpleNamespace(pid=other.pid), Pipe()[0])])
        reads = []
        for works in (True, False):
            with (
                window([ProcessMeter(team.processor_s, team.pids)], nothing) as readings,
                window([ProcessMeter()], nothing) as alone,
            ):
                if works:
                    other.stdin.write(b"work\n")
                    other.stdin.flush()
                    other.stdout.readline()
            reads.append((readings, alone))
        other.kill()
        other.wait()
        with window([ProcessMeter(team.processor_s, team.pids)], nothing) as gone:
            pass

    (busy, alone), (idle, _) = reads
    assert busy["cpu_s"].value >= 0.29 > idle["cpu_s"].value
    assert alone["cpu_s"].value < 0.29
    assert busy["peak_memory_bytes"].value > alone["peak_memory_bytes"].value + 100 * MIB
    assert idle["peak_memory_bytes"].value < busy["peak_memory_bytes"].value - 50 * MIB
    assert {each["peak_memory_bytes"].kind for each in (busy, idle)} == {"estimated"}
    assert gone == {}


UNRESETTABLE = """
import json, sys
from pathlib import Path
from harness.measure import meters
meters._CLEAR = Path(sys.argv[1])
blocks = []
for mebibytes in (100, 0, 200):
    with meters.window([meters.ProcessMeter()], lambda: None) as readings:
        bytearray(b"1") * (mebibytes * 2**20)
    blocks.append(readings["peak_memory_bytes"])
print(json.dumps(blocks))
"""


def test_where_the_peak_cannot_be_reset_it_is_an_estimate(tmp_path: Path) -> None:
    """The peak of the process's life is an upper bound and says that it is estimated, unless it grew in the window."""
    missing = str(tmp_path / "no such folder" / "clear_refs")

    done = subprocess.run([sys.executable, "-c", UNRESETTABLE, missing], capture_output=True, text=True, check=True)
    first, idle, second = (Reading(*one) for one in json.loads(done.stdout))

    assert (first.kind, idle.kind, second.kind) == ("measured", "estimated", "measured")
    assert idle.value == first.value >= 100 * MIB
    assert second.value >= 200 * MIB


def test_a_window_waits_at_both_ends_and_closes_in_reverse() -> None:
    """The device is waited for before the first meter opens and before the last one closes."""
    events: list[str] = []
    with window([Noted("a", events), Noted("b", events)], lambda: events.append("wait")) as readings:
        events.append("work")

    assert events == ["wait", "start a", "start b", "work", "wait", "stop b", "stop a"]
    assert readings == {"a_count": Reading(1, "count"), "b_count": Reading(1, "count")}


def test_meters_are_closed_when_the_work_fails() -> None:
    """The work's own exception comes out, and no meter stays open."""
    events: list[str] = []
    with pytest.raises(KeyError), window([Noted("a", events), Noted("b", events)], nothing):
        raise KeyError

    assert events[-2:] == ["stop b", "stop a"]


def test_two_meters_of_one_name_are_refused() -> None:
    """One reading would hide the other."""
    events: list[str] = []
    with (
        pytest.raises(ValueError, match=r"Two meters read energy_j\. .*Noted"),
        window([Noted("a", events, "energy_j"), Noted("b", events, "energy_j")], nothing),
    ):
        pass

    assert events[-2:] == ["stop b", "stop a"]
