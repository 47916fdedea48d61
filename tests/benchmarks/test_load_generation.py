"""What load generation costs: printed with `pytest -s`, and asserted nowhere, for a machine's noise is no failure."""

import statistics
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from harness.measure.loadgen import generate_load

pytestmark = pytest.mark.benchmark

BATCH = 32


def small_model() -> Any:
    """Return a predictor over a small network, and inputs for it."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(*[torch.nn.Linear(256, 256) for _ in range(4)]).eval()

    def predict(inputs: Sequence[Any]) -> Any:
        with torch.inference_mode():
            return network(torch.stack(list(inputs))).numpy()

    return predict, list(torch.randn(256, 256))


def bare_loop(predict: Any, inputs: Sequence[Any], batches: int) -> float:
    """Return the samples per second of a loop with nothing around it."""
    sets = [inputs[start : start + BATCH] for start in range(0, len(inputs), BATCH)]
    began = time.perf_counter()
    for number in range(batches):
        predict(sets[number % len(sets)])
    return batches * BATCH / (time.perf_counter() - began)


def test_offline_against_a_bare_loop(capsys: Any) -> None:
    """Offline through LoadGen and a bare loop over the same predictor and batches, in turns."""
    predict, inputs = small_model()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # several threads on a shared machine measure its other users
    ratios = []
    for _ in range(5):
        load = generate_load(
            "Offline", predict, inputs, batch_size=BATCH, seconds=0.4, min_queries=1, synchronise=lambda: None
        )
        ratios.append(load.samples / load.wall_s / bare_loop(predict, inputs, load.queries))
    torch.set_num_threads(threads)
    with capsys.disabled():
        print(f"\nOffline / bare loop: {statistics.median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}")  # noqa: T201 - it is there to be read

    assert len(ratios) == 5


def test_single_stream_overhead(capsys: Any) -> None:
    """Microseconds between two queries that are not the predictor's, of a predictor that does nothing."""
    load = generate_load(
        "SingleStream", lambda inputs: inputs, [0.0] * 64, batch_size=1, seconds=0.4, min_queries=1,
        synchronise=lambda: None,
    )  # fmt: skip
    around_s = (load.log["elapsed_s"] - load.wall_s) / load.queries
    within_s = float(np.median(load.latency_s))
    with capsys.disabled():
        print(f"\nSingleStream: {within_s * 1e6:.2f} us in a latency, {around_s * 1e6:.2f} us around it")  # noqa: T201 - as above

    assert load.queries > 0
