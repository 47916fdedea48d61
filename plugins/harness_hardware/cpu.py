"""The processor of this machine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness import Hardware, Meter, Unsupported
from harness_hardware.rapl import RaplMeter, packages

_ARM = ("aarch64", "arm64")
_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


class Cpu(Hardware):
    """All processors this process may use."""

    name = "cpu"
    summary = "The processors of this machine that this process may use"
    imports = ()
    device = "cpu"
    precisions = ("fp32", "bf16")

    def unavailable(self) -> str | None:
        """Return None: there is always one."""
        return None

    def describe(self) -> dict[str, Any]:
        """Return model, cores, clocks and what a price book calls it: so many vCPUs of a cloud instance."""
        from harness.environment import machine, usable_cpus

        read = machine()
        return {
            "device_name": read["cpu_model"],
            "physical_cores": read["physical_cores"],
            "logical_cores": read["logical_cores"],
            "frequency_mhz": frequency_mhz(),
            "governor": governor(),
            "energy_meter": "RAPL, processor packages" if packages() else None,
            "price_item": "CPU-ARM" if read["architecture"].lower() in _ARM else "CPU",
            "price_quantity": usable_cpus(),
            "price_unit": "vCPU",
        }

    def devices(self, count: int) -> Sequence[str]:
        """Return the processor so many times: processes share its cores.

        Raises:
            Unsupported: there are fewer cores.
        """
        from harness.environment import usable_cpus

        if count > (cores := math.ceil(usable_cpus())):
            raise Unsupported(f"{count} processes need a core each, and {cores} can be used here.")
        return [self.device] * count

    def meters(self) -> Sequence[Meter]:
        """Return a RAPL meter where RAPL can be read."""
        return [RaplMeter()] if packages() else []


def governor(path: Path = _GOVERNOR) -> str | None:
    """Return the frequency governor, None where it cannot be read."""
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return None


def frequency_mhz() -> float | None:
    """Return the present clock averaged over the processors, None where it cannot be read."""
    import psutil

    try:
        read = psutil.cpu_freq()
    except (OSError, NotImplementedError):
        return None
    return read.current if read and read.current > 0 else None
