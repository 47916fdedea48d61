"""The first CUDA device, with what NVML tells of it."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import metadata
from types import MappingProxyType
from typing import Any

from harness import Hardware, Meter, PluginError, Reading, Unsupported

PRICE_ITEMS = {
    "NVIDIA H200": "H200-141GB",
    "NVIDIA H100 80GB HBM3": "H100-80GB",
    "NVIDIA H100 PCIe": "H100-80GB PCIe",
    "NVIDIA B200": "B200-180GB",
    "NVIDIA A100-SXM4-80GB": "A100-80GB",
    "NVIDIA A100-SXM4-40GB": "A100-40GB",
    "NVIDIA A100 80GB PCIe": "A100-80GB PCIe",
    "Tesla V100-SXM2-16GB": "V100-16GB",
    "Tesla V100-SXM2-32GB": "V100-32GB",
    "NVIDIA L40S": "L40S",
    "NVIDIA A10": "A10",
    "NVIDIA A10G": "A10G",
    "NVIDIA RTX A6000": "RTX A6000",
    "Tesla T4": "T4",
}
"""NVML's name → item of the price book `cloud`."""


def price_item(device_name: str) -> str:
    """Return what the price book calls a device: NVML's own name where the two agree or no price is known."""
    return PRICE_ITEMS.get(device_name, device_name)


class Cuda(Hardware):
    """One CUDA device, or the first ones for processes that train together; energy from NVML's counter."""

    name = "cuda"
    summary = "The first CUDA device of this machine (NVIDIA)"
    imports = ("torch",)
    device = "cuda:0"
    precisions = ("fp32", "bf16")
    bit_reproducible = False
    resources = MappingProxyType({"CPU": 1, "GPU": 1})

    def unavailable(self) -> str | None:
        """Return why no CUDA device can be used here, or None."""
        return _no_device() or _no_build()

    def describe(self) -> dict[str, Any]:
        """Return name, memory, driver, power limit, clocks and what a price book calls it."""
        with nvml() as library:
            handle = _handle(library)
            device_name = library.nvmlDeviceGetName(handle)
            return {
                "device_name": device_name,
                "memory_bytes": library.nvmlDeviceGetMemoryInfo(handle).total,
                "driver": library.nvmlSystemGetDriverVersion(),
                "power_limit_w": _scaled(library, "nvmlDeviceGetPowerManagementLimit", handle, 1e-3),
                "sm_clock_mhz": _scaled(library, "nvmlDeviceGetClockInfo", handle, 1, library.NVML_CLOCK_SM),
                "memory_clock_mhz": _scaled(library, "nvmlDeviceGetClockInfo", handle, 1, library.NVML_CLOCK_MEM),
                "persistence_mode": _scaled(library, "nvmlDeviceGetPersistenceMode", handle, 1),
                "energy_meter": "NVML total energy counter" if _energy_mj(library, handle) is not None else None,
                "price_item": price_item(device_name),
                "price_quantity": 1,
                "price_unit": "accelerator",
            }

    def devices(self, count: int) -> Sequence[str]:
        """Return the first devices, one for each process.

        Raises:
            Unsupported: there are fewer.
        """
        import torch

        if (usable := torch.cuda.device_count()) < count:
            raise Unsupported(f"{count} processes need a CUDA device each, and {usable} can be used here.")
        return [f"cuda:{number}" for number in range(count)]

    def meters(self) -> Sequence[Meter]:
        """Return a meter of energy and device memory."""
        return [CudaMeter()]

    def meters_of(self, devices: Sequence[str]) -> Sequence[Meter]:
        """Return a meter of the energy of all devices and the memory of the first."""
        return [CudaMeter(devices)]

    def synchronise(self) -> None:
        """Wait for the device."""
        import torch

        torch.cuda.synchronize(self.device)


SHORTEST_S = 0.3
"""The shortest window whose energy is read. NVML's counter moves every 100 ms: 20 ms of 700 W read as 0 or 2,700 W,
100 ms as 650 to 1,420 W, 300 ms as 660 to 710 W (H200, driver 580)."""


class CudaMeter(Meter):
    """Reads `energy_j` and `mean_power_w` of devices together, and `peak_device_memory_bytes`.

    That is of torch's own allocations by this process on the first device. A window shorter than `SHORTEST_S` has no
    energy.
    """

    def __init__(self, devices: Sequence[str] = (Cuda.device,)) -> None:
        """Take the torch devices."""
        self._devices = devices

    def start(self) -> None:
        """Open the window."""
        import torch

        torch.cuda.init()  # before, torch knows of no device
        torch.cuda.reset_peak_memory_stats(self._devices[0])
        self._energy_mj = self._read_mj()
        self._began = time.perf_counter()

    def stop(self) -> Mapping[str, Reading]:
        """Close the window.

        Raises:
            PluginError: NVML's counter of energy went back.
        """
        import torch

        seconds, now = time.perf_counter() - self._began, self._read_mj()
        readings: dict[str, Reading] = {}
        if now is not None and self._energy_mj is not None:
            readings = _energy((now - self._energy_mj) / 1e3, seconds)
        # 0 is another runtime's memory, which torch does not see.
        if peak := torch.cuda.max_memory_allocated(self._devices[0]):
            readings["peak_device_memory_bytes"] = Reading(peak, "B")
        return readings

    def _read_mj(self) -> float | None:
        with nvml() as library:
            each = [_energy_mj(library, _handle(library, device)) for device in self._devices]
        return None if None in each else sum(filter(None, each))


@contextmanager
def nvml() -> Iterator[Any]:
    """Open NVML and close it again; calls may be nested, NVML counts them."""
    import pynvml

    pynvml.nvmlInit()
    try:
        yield pynvml
    finally:
        pynvml.nvmlShutdown()


def _energy(energy_j: float, seconds: float) -> dict[str, Reading]:
    """Return what a counter's advance over a window says of it: nothing where the window is too short.

    Raises:
        PluginError: the counter went back.
    """
    if energy_j < 0:
        raise PluginError(
            f"NVML's energy counter went back by {-energy_j:g} J within a window of {seconds:.3g} s: the driver was "
            "reloaded or the device reset. Run again: the step is measured anew."
        )
    if seconds < SHORTEST_S:
        return {}
    return {"energy_j": Reading(energy_j, "J"), "mean_power_w": Reading(energy_j / seconds, "W")}


def _no_device() -> str | None:
    if (missing := _no_library()) is not None:  # pynvml would say the same: importing it takes longer than all plugins
        return _without_nvml(missing)
    import pynvml

    try:
        with nvml() as library:
            handles = map(library.nvmlDeviceGetHandleByIndex, range(library.nvmlDeviceGetCount()))
            uuids = [library.nvmlDeviceGetUUID(handle) for handle in handles]
    except pynvml.NVMLError as error:
        return _without_nvml(error)
    return _none_visible(uuids, os.environ.get("CUDA_VISIBLE_DEVICES"))


def _no_library() -> OSError | None:
    """Return why NVML's library cannot be loaded, or None; only pynvml knows where it lies beside Linux."""
    if sys.platform != "linux":
        return None
    from ctypes import CDLL

    try:
        CDLL("libnvidia-ml.so.1")
    except OSError as error:
        return error
    return None


def _without_nvml(error: Exception) -> str:
    return f"NVML cannot be used ({error}): install NVIDIA's driver, or pass the device into the container."


def _none_visible(uuids: Sequence[str], visible: str | None) -> str | None:
    """Return why CUDA uses none of the devices that NVML finds, or None.

    NVML finds hidden devices too. CUDA reads `CUDA_VISIBLE_DEVICES` from the left, up to what names no device.
    """
    if not uuids:
        return "NVML finds no device: pass one into the container, or choose other hardware."
    if visible is None:
        return None
    first = visible.partition(",")[0].strip()
    number = re.match(r"\d+", first)
    by_name = first.startswith("MIG-") or (bool(first) and any(uuid.startswith(first) for uuid in uuids))
    if by_name or (number is not None and int(number[0]) < len(uuids)):
        return None
    return f"CUDA_VISIBLE_DEVICES={visible!r} hides every device: unset it, or set it to 0."


def _no_build() -> str | None:
    try:
        return _cpu_build(metadata.version("torch"))
    except metadata.PackageNotFoundError:
        return "PyTorch is not installed: install an extra with models that use it."


def _cpu_build(torch_version: str) -> str | None:
    """Return why a build of torch cannot use the device; read from the version, for importing torch takes seconds."""
    if torch_version.endswith("+cpu"):
        return f"PyTorch {torch_version} is built for processors only: install its CUDA build."
    return None


def _handle(library: Any, device: str = Cuda.device) -> Any:
    """Return NVML's handle of a device of torch, by default the first.

    Where there are several: by UUID, for the two count differently. Where there is one, torch is not asked: a plan
    describes the device too, and torch takes seconds to import.
    """
    if library.nvmlDeviceGetCount() == 1:
        return library.nvmlDeviceGetHandleByIndex(0)
    import torch

    return library.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}")


def _scaled(library: Any, call: str, handle: Any, factor: float, *arguments: Any) -> float | None:
    """Return what a call of NVML reads, None where the device does not support it."""
    with suppress(library.NVMLError):
        return float(getattr(library, call)(handle, *arguments) * factor)
    return None


def _energy_mj(library: Any, handle: Any) -> float | None:
    return _scaled(library, "nvmlDeviceGetTotalEnergyConsumption", handle, 1)
