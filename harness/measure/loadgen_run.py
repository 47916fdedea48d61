"""One test of MLPerf's LoadGen: its settings, its call and what its logs say."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.measure.loadgen_log import Issued, read_log, read_trace

Issue = Callable[[list[int], list[int]], None]
"""Called by LoadGen with the ids of samples to answer, and the places of their inputs."""


def settings_of(scenario: str, seconds: float, seed: int) -> Any:
    """Return LoadGen's settings for a scenario: a least duration and the seeds; the rest is the caller's."""
    import mlperf_loadgen

    settings = mlperf_loadgen.TestSettings()
    settings.scenario = getattr(mlperf_loadgen.TestScenario, scenario)
    settings.mode = mlperf_loadgen.TestMode.PerformanceOnly
    settings.min_duration_ms = max(1, math.ceil(seconds * 1000))
    for name in ("qsl_rng_seed", "sample_index_rng_seed", "schedule_rng_seed"):
        setattr(settings, name, seed % 2**63)
    return settings


def run_loadgen(
    issue: Issue, flush: Callable[[], None], settings: Any, inputs: int, trace: list[Issued] | None = None
) -> dict[str, Any]:
    """Run LoadGen once, in this thread, until all that it issued is complete.

    Args:
        issue: must not raise: through LoadGen that would end the process.
        flush: called after the last `issue`; must not raise either.
        settings: LoadGen's.
        inputs: how many there are.
        trace: a list that gets when each sample was to be issued, and when it was, in that order.

    Returns:
        What `read_log` returns, and `elapsed_s`.
    """
    import mlperf_loadgen

    system = mlperf_loadgen.ConstructFastSUT(issue, flush)
    library = mlperf_loadgen.ConstructQSL(inputs, inputs, nothing, nothing)
    with tempfile.TemporaryDirectory(prefix="harness-loadgen-") as folder:
        logs = mlperf_loadgen.LogSettings()
        logs.enable_trace = trace is not None
        logs.log_output.outdir = folder
        audit = str(Path(folder) / "audit.config")  # by default LoadGen looks for one in the working directory
        try:
            began = time.perf_counter()
            mlperf_loadgen.StartTestWithLogSettings(system, library, settings, logs, audit)
            elapsed_s = time.perf_counter() - began
        finally:
            mlperf_loadgen.DestroyQSL(library)
            mlperf_loadgen.DestroyFastSUT(system)
        if trace is not None:
            trace += read_trace(Path(folder) / "mlperf_log_trace.json")
        return {**read_log(Path(folder) / "mlperf_log_detail.txt"), "elapsed_s": elapsed_s}


def nothing(*_: object) -> None:
    """Do nothing: inputs are in memory, and not every call back is of interest."""
