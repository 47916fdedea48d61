"""Energy of processor packages from RAPL, as Linux shows it under `powercap`."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from harness import Meter, Reading

ROOT = Path("/sys/class/powercap")
LOOK_EVERY_S = 30.0
"""A counter of 262 kJ, the usual range, wraps around after 262 s at 1 kW: it is looked at well before."""


class Package(NamedTuple):
    """A processor package: its counter in microjoules, and where the counter starts again."""

    counter: Path
    range_uj: int

    def read_uj(self) -> int:
        """Return the counter."""
        return int(self.counter.read_text(encoding="ascii"))


def packages(root: Path = ROOT) -> list[Package]:
    """Return the packages that can be read: most systems let root alone read them.

    The domains inside a package (`intel-rapl:0:0`) are part of it and `psys` holds all of it: neither is counted again.
    """
    readable = []
    for folder in sorted(root.glob("intel-rapl:*")):
        try:
            if (folder / "name").read_text(encoding="ascii").startswith("package"):
                package = Package(
                    folder / "energy_uj", int((folder / "max_energy_range_uj").read_text(encoding="ascii"))
                )
                package.read_uj()
                readable.append(package)
        except (OSError, ValueError):
            continue
    return readable


def advance_uj(before: int, now: int, range_uj: int) -> int:
    """Return how far a counter that starts again at `range_uj` has gone."""
    return now - before if now >= before else now - before + range_uj


class RaplMeter(Meter):
    """Reads `energy_j`: of the whole packages, other processes on them included."""

    def __init__(self, root: Path = ROOT, look_every_s: float = LOOK_EVERY_S) -> None:
        self._root = root
        self._look_every_s = look_every_s

    def start(self) -> None:
        """Open the window."""
        self._packages: Sequence[Package] = packages(self._root)
        self._last = [package.read_uj() for package in self._packages]
        self._total_uj = 0
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._look, name="rapl", daemon=True)
        self._watch.start()

    def stop(self) -> Mapping[str, Reading]:
        """Close the window."""
        self._ended.set()
        self._watch.join()
        if not self._packages:
            return {}
        self._take()
        return {"energy_j": Reading(self._total_uj / 1e6, "J")}

    def _look(self) -> None:
        while not self._ended.wait(self._look_every_s):
            self._take()

    def _take(self) -> None:
        now = [package.read_uj() for package in self._packages]
        for package, before, after in zip(self._packages, self._last, now, strict=True):
            self._total_uj += advance_uj(before, after, package.range_uj)
        self._last = now
