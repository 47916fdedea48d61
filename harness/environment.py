"""Machine and software of a record: read once per run, or in the worker what is the worker's."""

from __future__ import annotations

import math
import os
import platform
import random
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_VERSION = re.compile(r"(\w[\w.-]*) (\d[\w.+]*\w)")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def machine() -> dict[str, Any]:
    """Return processor, cores, memory and operating system."""
    import psutil

    return {
        "cpu_model": _cpu_model(),
        "architecture": platform.machine(),
        "logical_cores": psutil.cpu_count(),
        "physical_cores": psutil.cpu_count(logical=False),
        "usable_cores": usable_cpus(),
        "memory_bytes": psutil.virtual_memory().total,
        "os": platform.platform(),
        "python": platform.python_version(),
    }


def _cpu_model() -> str:
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


@cache
def _distributions() -> dict[str, list[str]]:
    return dict(metadata.packages_distributions())


@cache
def _version(distribution: str) -> str:
    """Return a distribution's version, once a process: all its metadata are parsed for it."""
    return metadata.version(distribution)


def versions(modules: Iterable[str]) -> dict[str, str]:
    """Return the versions of the distributions of these modules, by distribution name."""
    tops = sorted({module.partition(".")[0] for module in modules})
    names = {name for top in tops for name in _distributions().get(top, [])}
    return {name: _version(name) for name in sorted(names)}


def versions_in(text: str) -> dict[str, str]:
    """Return the libraries that a text names with their installed version (`scipy 1.17.1`), by distribution name."""
    installed = {name for names in _distributions().values() for name in names}
    named = [((name, *_distributions().get(name, ())), version) for name, version in _VERSION.findall(text)]
    told = [(name, version) for names, version in named for name in names]
    return {name: version for name, version in told if name in installed and _version(name) == version}


def commit() -> dict[str, Any] | None:
    """Return the commit of the harness's sources and whether they are edited; None outside a checkout."""
    folder = str(Path(__file__).parent)
    head = _git(folder, "rev-parse", "HEAD")
    if head is None or _git(folder, "ls-files", "--error-unmatch", __file__) is None:
        return None
    return {"commit": head, "dirty": bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))}


def _git(folder: str, *arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command
            ["git", "-C", folder, *arguments],  # noqa: S607 - the user's git
            capture_output=True,
            encoding="utf-8",
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


@contextmanager
def variables(values: Mapping[str, str], also: Iterable[str] = ()) -> Iterator[None]:
    """Set environment variables for a while, and restore them and others that may be set meanwhile."""
    before = {name: os.environ.get(name) for name in (*values, *also)}
    os.environ |= values
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def process() -> dict[str, Any]:
    """Return what affects speed in this process: threads, the machine's load, environment variables of libraries."""
    torch = sys.modules.get("torch")
    return {
        "threads": compute_threads(),
        "torch_threads": torch.get_num_threads() if torch else None,
        "thread_variables": _thread_variables(),
        "load_average_1m": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def compute_threads() -> int:
    """Return over how many threads a library computes: `OMP_NUM_THREADS`, else one for each usable processor."""
    chosen = re.match(r"[1-9]\d*", os.environ.get("OMP_NUM_THREADS", "").strip())
    return int(chosen[0]) if chosen else math.ceil(usable_cpus())


def limit_threads() -> None:
    """Let the libraries in memory compute over `compute_threads()` threads.

    They count the processors of the machine and overlook a container's share, which ONNX Runtime is told of.
    """
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(compute_threads())
    if (pools := sys.modules.get("threadpoolctl")) is not None:  # numpy's linear algebra; scikit-learn brings it
        pools.threadpool_limits(compute_threads())


def threads() -> dict[str, Any]:
    """Return what sets the libraries' number of threads: it changes times, and the last bits of sums."""
    return {"usable_cores": usable_cpus(), **_thread_variables()}


def _thread_variables() -> dict[str, str]:
    return {name: os.environ[name] for name in THREAD_VARIABLES if name in os.environ}


def usable_cpus(quota: Path = _QUOTA) -> float:
    """Return the number of logical processors this process may use: affinity, or a container's quota if lower."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        limit, period = quota.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return allowed
    return allowed if limit == "max" else min(allowed, int(limit) / int(period))


def seed_libraries(seed: int) -> None:
    """Seed the generators of the imported libraries; a learner also seeds its framework."""
    random.seed(seed)
    if (numpy := sys.modules.get("numpy")) is not None:
        numpy.random.seed(seed % 2**32)
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(seed)
