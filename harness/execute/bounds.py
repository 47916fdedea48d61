"""The limits of one step, and in words what is beyond them."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import psutil

from harness.artifacts import size_bytes
from harness.execute import groups
from harness.execute.tree import Memory, Tree
from harness.records import Outcome, StepResult, is_failure
from harness.suite import Limits

GIB = 2**30
SHARE_OF_MEMORY = 0.95
"""A step's share without a limit: beyond it the system would kill some process."""


class Bounds:
    """The limits of a step that begins now."""

    def __init__(self, limits: Limits, tree: Tree, output: Path) -> None:
        self._limits, self._tree, self._output = limits, tree, output
        self._deadline = time.monotonic() + limits.time_s
        self._memory_bytes = _memory_limit(limits)
        self._killed = groups.killed_for_memory()

    def exceeded(self) -> StepResult | None:
        """Return the result of a step that is beyond a limit now, None if it is not."""
        if time.monotonic() > self._deadline:
            return _beyond("timed out", f"The step was ended after {self._limits.time_s:g} s: its time limit.")
        if (used := self._tree.memory_above(self._memory_bytes)) is not None:
            return _beyond("out of memory", _over_memory(used, self._memory_bytes))
        reason = self._too_large()
        return None if reason is None else _beyond("failed", reason)

    def held(self, ended: StepResult) -> StepResult:
        """Return the result of a step that has ended, another one if it wrote too much or was short of memory."""
        if is_failure(ended.outcome) and groups.killed_for_memory() > self._killed:
            reason = f"The system killed a process for want of memory while the step ran. {ended.reason}"
            return replace(ended, outcome="out of memory", reason=reason)
        too_large = self._too_large() if ended.outcome == "ok" else None
        return ended if too_large is None else _beyond("failed", too_large, ended)

    def _too_large(self) -> str | None:
        limit_gb = self._limits.artifact_gb
        if limit_gb is None:
            return None
        try:
            size_gb = size_bytes(self._output) / GIB
        except OSError:  # files come and go while they are counted
            return None
        if size_gb <= limit_gb:
            return None
        return (
            f"The step wrote {size_gb:.2f} GiB, which are removed; its limit is {limit_gb:.2f} GiB. Let it write less, "
            "or raise `artifact_gb` in the suite's `limits`."
        )


def _memory_limit(limits: Limits) -> float:
    """Return the suite's limit in bytes, else a share of the memory of the machine or the container."""
    if limits.memory_gb is not None:
        return limits.memory_gb * GIB
    return min(float(psutil.virtual_memory().total), groups.allowed_bytes()) * SHARE_OF_MEMORY


def _over_memory(used: Memory, limit_bytes: float) -> str:
    others = used.processes - len(("keeper", "worker"))
    who = f"The worker and {others} processes that it started" if others > 0 else "The worker"
    return f"{who} used {used.bytes / GIB:.2f} GiB of memory; its limit is {limit_bytes / GIB:.2f} GiB."


def _beyond(outcome: Outcome, reason: str, ended: StepResult | None = None) -> StepResult:
    environment = {} if ended is None else ended.environment
    return replace(StepResult(outcome=outcome, reason=reason), environment=environment)
