"""What Linux's control groups, and so containers, say of memory: how much this process may use, and who was killed.

Both versions of control groups are read, see cgroups(7); where there is none, nothing is limited and nobody was killed.
"""

from __future__ import annotations

import math
from pathlib import Path

_OWN = Path("/proc/self/cgroup")
_ROOT = Path("/sys/fs/cgroup")


def allowed_bytes() -> float:
    """Return the memory that this process and the rest of its group may use, infinity without a limit."""
    names = ("memory.max", "memory.limit_in_bytes")
    limits = [_text(folder / name).strip() for folder in _folders() for name in names]
    return min((float(limit) for limit in limits if limit.isdecimal()), default=math.inf)


def killed_for_memory() -> int:
    """Return how many processes of this group the system has killed for want of memory, 0 if it does not say."""
    for folder in _folders():
        for name in ("memory.events", "memory.oom_control"):
            counts = dict(line.split(maxsplit=1) for line in _text(folder / name).splitlines())
            if "oom_kill" in counts:
                return int(counts["oom_kill"])
    return 0


def _folders() -> list[Path]:
    """Return the folders of this process's group for memory and of those around it, the innermost first.

    In a container the root is often the folder of its own group, whatever path the system tells.
    """
    folders = []
    for line in _text(_OWN).splitlines():
        _, controllers, path = line.split(":", maxsplit=2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root = _ROOT / "memory" if controllers else _ROOT
        innermost = root / path.strip("/")
        folders += [one for one in (innermost, *innermost.parents) if one.is_relative_to(root) and one.is_dir()]
    return folders


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except OSError:
        return ""
