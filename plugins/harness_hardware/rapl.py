"""Energy of processor packages from RAPL, as Linux shows it under `powercap`."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from harness import Meter, PluginError, Reading

ROOT = Path("/sys/class/powercap")
LOOK_EVERY_S = 30.0
"""A counter of 262 kJ, the usual range, wraps around after 262 s at 1 kW: it is looked at well before."""
MOST_W = 2000.0
"""No package takes as much: a counter that would have to wrap around for more was reset."""


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


def advance_uj(before: int, now: int, range_uj: int, seconds: float) -> int:
    """Return how far a counter that starts again at `range_uj` has gone.

    Raises:
        PluginError: it went back, and would have had to go too far in these seconds to start again.
    """
    if now >= before:
        return now - before
    wrapped = now - before + range_uj
    # A second more, for a counter moves in steps and two looks may be closer than one.
    if not 0 <= wrapped <= MOST_W * (seconds + 1) * 1e6:
        raise PluginError(
            f"A RAPL counter went back from {before / 1e6:g} to {now / 1e6:g} J within {seconds:.3g} s, too far from "
            f"its end at {range_uj / 1e6:g} J to have passed it: it was reset, as in a suspend. Run again: "
            "the step is measured anew."
        )
    return wrapped


class RaplMeter(Meter):
    """Reads `energy_j`: of the whole packages, other processes on them included."""

    def __init__(self, root: Path = ROOT, look_every_s: float = LOOK_EVERY_S) -> None:
        self._root = root
        self._look_every_s = look_every_s

    def start(self) -> None:
        """Open the window."""
        self._packages: Sequence[Package] = packages(self._root)
        self._last = [package.read_uj() for package in self._packages]
        self._looked_at = time.monotonic()
        self._total_uj = 0
        self._error: PluginError | None = None
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._look, name="rapl", daemon=True)
        self._watch.start()

    def stop(self) -> Mapping[str, Reading]:
        """Close the window.

        Raises:
            PluginError: a counter was reset.
        """
        self._ended.set()
        self._watch.join()
        if not self._packages:
            return {}
        if self._error is None:
            self._take()
        if self._error is not None:
            raise self._error
        return {"energy_j": Reading(self._total_uj / 1e6, "J")}

    def _look(self) -> None:
        while self._error is None and not self._ended.wait(self._look_every_s):
            try:
                self._take()
            except PluginError as error:
                self._error = error

    def _take(self) -> None:
        now, at = [package.read_uj() for package in self._packages], time.monotonic()
        seconds = at - self._looked_at
        for package, before, after in zip(self._packages, self._last, now, strict=True):
            self._total_uj += advance_uj(before, after, package.range_uj, seconds)
        self._last, self._looked_at = now, at
