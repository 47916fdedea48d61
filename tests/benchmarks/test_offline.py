"""Offline throughput of a transformer through the load generator beside a bare loop. Prints; asserts no timing."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import pytest

from harness.measure.loadgen import generate_load
from harness.plugins import load_plugins
from harness.seams import Assignment, Budget

pytestmark = pytest.mark.benchmark
ROUNDS, SECONDS, BATCH = 5, 2.0, 32


@pytest.mark.parametrize("runtime", ["eager", "onnxruntime"])
def test_bert_offline_beside_a_bare_loop(runtime: str, tmp_path: Path) -> None:
    """The same predictor and inputs, rounds in turn."""
    plugins = load_plugins()
    model, task, chosen = plugins.models["bert"], plugins.tasks["text-classification"], plugins.runtimes[runtime]
    data = task.data(None, {name: setting.default for name, setting in task.settings.items()})
    settings = {name: setting.default for name, setting in model.settings.items()}
    assignment = Assignment("finetune", data, "tiny", settings, "cpu", "fp32", 0, Budget(steps=1))
    learner = model.learner(assignment)
    learner.step()
    learner.save(tmp_path)
    inputs = list(data.queries())
    if chosen.format:
        chosen.export(model, learner, tmp_path, inputs[:16], tmp_path)
    predict = chosen.predictor(model, assignment, tmp_path, tmp_path)
    ratios = []
    for _ in range(ROUNDS):
        load = generate_load(
            "Offline", predict, inputs, batch_size=BATCH, seconds=SECONDS, min_queries=1, synchronise=lambda: None
        )
        ratios.append(load.samples / load.wall_s / _bare_rate(predict, inputs))
    print(  # noqa: T201
        f"\nbert {runtime}: harness / bare loop, Offline, batch {BATCH}: median {statistics.median(ratios):.3f}, "
        f"from {min(ratios):.3f} to {max(ratios):.3f} over {ROUNDS} rounds"
    )


def _bare_rate(predict, inputs) -> float:  # type: ignore[no-untyped-def] # noqa: ANN001
    """Return samples per second of a loop that does nothing else."""
    samples, began = 0, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        start = samples % (len(inputs) - BATCH)
        predict(inputs[start : start + BATCH])
        samples += BATCH
    return samples / (time.perf_counter() - began)
