"""What a machine says of hardware when a suite is planned for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Probe:
    """What a machine says of one of the hardware that plugins bring."""

    unavailable: str | None
    """Why it cannot be used there."""
    machine: Mapping[str, Any]
    """What of it a result rests on, as `Bases.machine` finds it; empty where it cannot be used."""
    usable_cores: float
    runtimes: Mapping[str, str | None]
    """Runtime → why it cannot run on its device there, None if it can; empty where the hardware cannot be used."""
