"""A training in two processes beside one process of as many threads. Prints; asserts no timing."""

from __future__ import annotations

import os
import statistics
import subprocess
from pathlib import Path

import pytest

from harness.environment import usable_cpus
from harness.records import Record
from harness.store import open_store

pytestmark = pytest.mark.benchmark
ROUNDS = 2
SUITE = """\
name: together
models: [{models}]
tasks: [text-classification]
starts: [scratch]
runtimes: [eager]
serve: {{seconds: 0.05, queries: 2}}
"""
MODEL = (
    "{{name: {model}, settings: {{batch_size: 64}}, budgets: {{finetune: {{steps: {steps}, processes: {processes}}}}}}}"
)
WAYS = {
    1: {1: "one process of one thread"},
    2: {1: "one process of two threads", 2: "two processes of one thread each"},
}
"""Threads of all → processes → name."""


def trained(folder: Path, model: str, steps: int, threads: int) -> dict[str, Record]:
    """Return the records of trainings through the command, one for each way."""
    folder.mkdir()
    ways = WAYS[threads]
    entries = [MODEL.format(model=model, steps=steps, processes=processes) for processes in ways]
    (folder / "s.yaml").write_text(SUITE.format(models=", ".join(entries)), encoding="utf-8")
    command = ["harness", "run", "s.yaml", "--store", "store"]
    variables = os.environ | {"OMP_NUM_THREADS": str(threads)}
    subprocess.run(command, cwd=folder, env=variables, capture_output=True, check=True)
    store = open_store(str(folder / "store"))
    records = {ways[one.used.get("processes", 1)]: one for one in store.records() if one.step == "finetune"}
    store.close()
    return records


@pytest.mark.skipif(usable_cpus() < max(WAYS), reason="two processes need two processors")
@pytest.mark.parametrize(("model", "steps"), [("bert", 12), ("mlp", 150)], ids=["large steps", "small steps"])
def test_speed_up(model: str, steps: int, tmp_path: Path) -> None:
    """The steps after the first, in turn. Processor time tells what it takes on a machine that others share."""
    read: dict[str, list[tuple[float, float]]] = {}
    for turn in range(ROUNDS):
        for threads in WAYS:
            for name, record in trained(tmp_path / f"{turn} {threads}", model, steps, threads).items():
                assert len(record.series["step_s"]) == steps
                cpu_s = record.value("cpu_s") or 0.0
                read.setdefault(name, []).append((statistics.median(record.series["step_s"][1:]), cpu_s / steps))
    best = {name: [min(each) for each in zip(*both, strict=True)] for name, both in read.items()}
    single_s, single_cpu_s = best[WAYS[1][1]]
    for name, (step_s, cpu_s) in best.items():
        print(  # noqa: T201
            f"\n{model}, batches of 64, {name}: {1000 * step_s:.1f} ms a step, {single_s / step_s:.2f} times as fast "
            f"as one thread; {1000 * cpu_s:.1f} ms of processor time a step, {cpu_s / single_cpu_s:.2f} times its"
        )
