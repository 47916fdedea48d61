"""The processor and the CUDA device: what is read of them, and what is said where there is none."""

import platform
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import PluginError, Unsupported, environment
from harness.environment import usable_cpus
from harness.measure.meters import window
from harness_hardware import cuda
from harness_hardware.cpu import Cpu, governor
from harness_hardware.cuda import Cuda
from harness_hardware.rapl import RaplMeter, advance_uj, packages

NO_CUDA = Cuda().unavailable()
needs_cuda = pytest.mark.skipif(NO_CUDA is not None, reason=f"needs CUDA: {NO_CUDA}")


# The processor ------------------------------------------------------------------------------------------------------


def test_the_processor_is_described() -> None:
    """It is always there, has a name, and is priced by as many vCPUs as this process may use."""
    cpu = Cpu()
    described = cpu.describe()

    assert cpu.unavailable() is None
    assert described["device_name"]
    assert described["price_item"] == ("CPU-ARM" if platform.machine() in ("aarch64", "arm64") else "CPU")
    assert 0 < described["price_quantity"] <= described["logical_cores"]
    assert described["price_unit"] == "vCPU"


@pytest.mark.parametrize(("quota", "cpus"), [("50000 100000", 0.5), ("100000 100000\n", 1)])
def test_a_containers_share_is_what_is_priced(tmp_path: Path, quota: str, cpus: float) -> None:
    """A container that may use half a processor is not priced as the whole machine."""
    (tmp_path / "cpu.max").write_text(quota)

    assert usable_cpus(tmp_path / "cpu.max") == cpus


def test_no_share_is_no_limit(tmp_path: Path) -> None:
    """`max`, an unknown format and a file that is not there leave the affinity."""
    whole = usable_cpus(tmp_path / "nothing")
    for text in ("max 100000", "what is this"):
        (tmp_path / "cpu.max").write_text(text)

        assert usable_cpus(tmp_path / "cpu.max") == whole >= 1


def test_the_governor_is_read_or_missing(tmp_path: Path) -> None:
    """A governor that cannot be read is None."""
    (tmp_path / "scaling_governor").write_text("performance\n")

    assert governor(tmp_path / "scaling_governor") == "performance"
    assert governor(tmp_path / "nothing") is None


# RAPL ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def powercap(tmp_path: Path) -> Path:
    """Lay out a tree as Linux shows it: two packages, a domain inside the first, and the platform around them."""
    for folder, name in (
        ("intel-rapl:0", "package-0"),
        ("intel-rapl:0:0", "core"),
        ("intel-rapl:1", "package-1"),
        ("intel-rapl:2", "psys"),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "name").write_text(f"{name}\n")
        (tmp_path / folder / "energy_uj").write_text("1000000\n")
        (tmp_path / folder / "max_energy_range_uj").write_text("262143328850\n")
    return tmp_path


def test_packages_alone_are_counted(powercap: Path) -> None:
    """The domains inside a package and the platform around it would count the same energy again."""
    assert [package.counter.parent.name for package in packages(powercap)] == ["intel-rapl:0", "intel-rapl:1"]


def test_energy_is_summed_over_packages(powercap: Path) -> None:
    """3 J in the one and 2 J in the other are 5 J."""
    meter = RaplMeter(powercap)
    meter.start()
    (powercap / "intel-rapl:0/energy_uj").write_text("4000000")
    (powercap / "intel-rapl:1/energy_uj").write_text("3000000")

    reading = meter.stop()["energy_j"]

    assert reading == (5.0, "J", "measured")


def test_a_counter_that_starts_again_is_followed(powercap: Path) -> None:
    """A counter that passed its range went on from zero."""
    (powercap / "intel-rapl:0/energy_uj").write_text("262143000000")
    meter = RaplMeter(powercap)
    meter.start()
    (powercap / "intel-rapl:0/energy_uj").write_text("671150")

    assert meter.stop()["energy_j"].value == pytest.approx(1.0)


def test_a_long_window_is_looked_at_in_between(powercap: Path) -> None:
    """A counter that starts again more than once is counted each time."""
    counter = powercap / "intel-rapl:0/energy_uj"
    (powercap / "intel-rapl:0/max_energy_range_uj").write_text("262143328")
    meter = RaplMeter(powercap, look_every_s=0.001)
    meter.start()
    for value in (200_000_000, 100_000_000, 50_000_000):
        before = meter._total_uj
        _replace(counter, str(value))
        deadline = time.monotonic() + 10
        while meter._total_uj == before and time.monotonic() < deadline:
            time.sleep(0.001)

    total_uj = 200_000_000 - 1_000_000 + 2 * 262_143_328 - 150_000_000
    assert meter.stop()["energy_j"].value == pytest.approx(total_uj / 1e6)


@pytest.mark.parametrize("look_every_s", [30.0, 0.001])
def test_a_counter_that_was_reset_is_an_error(powercap: Path, look_every_s: float) -> None:
    """It went back by 100 kJ: as if it had started again after 162 kJ within a moment. No energy is made of that."""
    counter = powercap / "intel-rapl:0/energy_uj"
    counter.write_text("100000000000")
    meter = RaplMeter(powercap, look_every_s=look_every_s)
    meter.start()
    _replace(counter, "5000000")
    if look_every_s < 1:
        meter._watch.join(10)  # it ends as it sees the reset
        assert not meter._watch.is_alive()

    with pytest.raises(PluginError, match=r"went back from 100000 to 5 J within .* was reset.* Run again"):
        meter.stop()


def _replace(path: Path, text: str) -> None:
    """Change a file in one stroke, as a counter in the system changes."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    """Where there is no counter the energy is missing, not 0."""
    meter = RaplMeter(tmp_path)
    meter.start()

    assert packages(tmp_path) == []
    assert meter.stop() == {}


@given(start=st.integers(0, 10**6 - 1), used=st.integers(0, 10**6 - 1))
def test_a_counter_advances_by_what_was_used(start: int, used: int) -> None:
    """Whatever it stood at, less than a whole round is found again."""
    assert advance_uj(start, (start + used) % 10**6, 10**6, 0.0) == used


# CUDA ---------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(NO_CUDA is None, reason="there is a CUDA device here")
def test_without_a_device_a_sentence_says_why() -> None:
    """The reason says what is missing and what to do."""
    reason = Cuda().unavailable()

    assert reason is not None
    assert reason.endswith(".")
    assert any(word in reason for word in ("install", "pass"))


def test_a_build_for_processors_cannot_use_a_device() -> None:
    """A build of torch without CUDA is found by its version, before any step fails."""
    reason = cuda._cpu_build("2.13.0+cpu")

    assert reason == "PyTorch 2.13.0+cpu is built for processors only: install its CUDA build."
    assert cuda._cpu_build("2.13.0+cu130") is None
    assert cuda._cpu_build("2.13.0") is None


@needs_cuda
def test_the_device_is_described() -> None:
    """The first device has a name, memory and a driver."""
    described = Cuda().describe()

    assert described["device_name"]
    assert described["memory_bytes"] > 0
    assert described["driver"]


@pytest.mark.parametrize("visible", [None, "0", " 1,0", "1,7", "GPU-ab", "MIG-9", "0,-1"])
def test_a_device_that_can_be_seen_is_used(visible: str | None) -> None:
    """Devices are named by number, by the beginning of an identifier, or not at all."""
    assert cuda._none_visible(["GPU-abc", "GPU-def"], visible) is None


@pytest.mark.parametrize("visible", ["", "-1", "2", "7,0", "NoDevFiles", "GPU-x", ","])
def test_hidden_devices_are_told(visible: str) -> None:
    """CUDA stops at the first entry that names no device; the sentence says which variable it is."""
    reason = cuda._none_visible(["GPU-abc", "GPU-def"], visible)

    assert reason == f"CUDA_VISIBLE_DEVICES={visible!r} hides every device: unset it, or set it to 0."
    assert cuda._none_visible([], visible) == cuda._none_visible([], None)


@needs_cuda
@pytest.mark.parametrize("visible", ["", "7777"])
def test_a_hidden_device_is_an_error_that_says_so(
    visible: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harness_command: Any
) -> None:
    """Torch finds no device then, and is not asked."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)

    ended = harness_command(tmp_path, "run", "quick", "--hardware", "cuda", "--model", "mlp")

    assert ended.code == 2
    assert f"CUDA_VISIBLE_DEVICES={visible!r} hides every device" in ended.stderr


def test_the_energy_of_a_short_window_is_missing() -> None:
    """The counter moves in steps: a window of few of them would read nothing, or several times too much."""
    assert cuda._energy(0.0, 0.02) == {}
    assert cuda._energy(54.0, 0.29) == {}
    read = cuda._energy(210.0, 0.3)

    assert read["energy_j"] == (210.0, "J", "measured")
    assert read["mean_power_w"].value == pytest.approx(700)


@pytest.mark.parametrize("seconds", [0.02, 10.0])
def test_an_energy_counter_that_went_back_is_an_error(seconds: float) -> None:
    """In a short window too: nothing is made of its difference."""
    with pytest.raises(PluginError, match=r"went back by 3 J .* Run again"):
        cuda._energy(-3.0, seconds)


def test_processes_share_the_processor_and_have_a_card_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are fewer cores or cards it says how many can be used."""
    import torch

    monkeypatch.setattr(environment, "usable_cpus", lambda: 2.5)  # a container's share
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)

    assert Cpu().devices(3) == ["cpu"] * 3
    assert Cuda().devices(2) == ["cuda:0", "cuda:1"]
    with pytest.raises(Unsupported, match=r"3 processes need a CUDA device each, and 2 can be used here\."):
        Cuda().devices(3)
    with pytest.raises(Unsupported, match=r"4 processes need a core each, and 3 can be used here\."):
        Cpu().devices(4)


def test_the_energy_of_several_cards_is_one_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each counter is read; where one of them cannot be, there is no energy."""
    counters: dict[str, float | None] = {"cuda:0": 1000.0, "cuda:1": 50.0}
    monkeypatch.setattr(cuda, "nvml", nullcontext)
    monkeypatch.setattr(cuda, "_handle", lambda _, device: device)
    monkeypatch.setattr(cuda, "_energy_mj", lambda _, device: counters[device])
    (meter,) = Cuda().meters_of(["cuda:0", "cuda:1"])

    assert meter._read_mj() == 1050.0
    assert Cuda().meters()[0]._read_mj() == 1000.0
    counters["cuda:1"] = None
    assert meter._read_mj() is None


@needs_cuda
@pytest.mark.parametrize("seconds", [0.05, 0.6])
def test_the_device_is_metered(seconds: float) -> None:
    """Work on the device uses memory, and energy where the window is long enough; no more than the card may draw."""
    import torch

    hardware = Cuda()
    square = torch.rand(4096, 4096, device=hardware.device)
    square @ square  # the first product loads what it needs
    with window(hardware.meters(), hardware.synchronise) as readings:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            square @ square
            hardware.synchronise()

    assert readings["peak_device_memory_bytes"].value >= 2 * 4096 * 4096 * 4
    assert ("energy_j" in readings) == (seconds > cuda.SHORTEST_S)
    if "energy_j" in readings:
        limit_w = hardware.describe()["power_limit_w"]
        assert readings["energy_j"].value > 0
        assert readings["mean_power_w"].value < 1.3 * limit_w


@needs_cuda
def test_the_meter_may_be_the_first_to_use_the_device() -> None:
    """In a process that has not touched it: torch then knows of no device."""
    code = "from harness_hardware.cuda import CudaMeter; meter = CudaMeter(); meter.start(); print(meter.stop())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False)

    assert done.returncode == 0, done.stderr
