"""What a simulated life costs: a million draws of ten years, every input uncertain. Asserts no timing."""

from __future__ import annotations

import statistics
import time

import pytest

from harness_reports.economics.distributions import Lognormal, Normal, Pert, Triangular
from harness_reports.economics.textbook.simulation import Life, simulate

pytestmark = pytest.mark.benchmark
ROUNDS = 5


def test_a_million_draws_of_ten_years() -> None:
    """The median of five rounds."""
    life = Life(
        Pert(5e4, 8e4, 2e5), Lognormal.from_90_interval(5e5, 5e6), Triangular(0.01, 0.02, 0.05),
        Lognormal.from_90_interval(0.001, 0.01), Normal(3e4, 5e3), 10, Pert(0.06, 0.1, 0.15),
        Triangular(-0.1, 0.05, 0.3), Pert(0.05, 0.15, 0.5), Pert(0.1, 0.25, 0.35),
    )  # fmt: skip
    took = []
    for seed in range(ROUNDS):
        began = time.perf_counter()
        outcome = simulate(life, 1_000_000, seed)
        took.append(time.perf_counter() - began)

        assert outcome.draws == 1_000_000
    print(f"\n1,000,000 draws x 10 years: {statistics.median(took):.2f} s", end="")  # noqa: T201
