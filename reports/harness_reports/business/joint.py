"""One draw of the market for several use cases: what they share is drawn once, so that their values are correlated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from harness_reports.business.business import Business
from harness_reports.business.edited import DEMAND
from harness_reports.business.npv_distribution import DRAWS
from harness_reports.economics.distributions import Distribution
from harness_reports.economics.simulation import draw, outcome

if TYPE_CHECKING:
    from harness_reports.business.viability import Candidates, CandidateVerdict

RISK = (
    "portfolio_npv_low_usd", "portfolio_npv_p50_usd", "portfolio_npv_high_usd", "portfolio_probability_of_loss",
)  # fmt: skip
SHARED = (
    "hardware_decline_per_year", "api_price_decline_per_year", "energy_usd_per_kwh", "staff_usd_per_year",
    "discount_rate", "adoption_innovation", "adoption_imitation", *DEMAND,
)  # fmt: skip
"""Figures of a market that all use cases are in: prices, and demand.

Each is at the same percentile of its distribution in every use case: a year of low demand is one for all. That is
cautious, as losses come together. What a request is worth, costs of errors and everything measured are drawn for each
use case alone.
"""


def joint_cells(funded: Sequence[tuple[Candidates, CandidateVerdict]]) -> dict[str, float | None]:
    """Return the cells of `RISK` for candidates that are funded together; None where there are none."""
    if not funded:
        return dict.fromkeys(RISK)
    total = outcome(np.sum([_npv_usd(*one) for one in funded], axis=0))
    values = (total.p05_usd, total.p50_usd, total.p95_usd, 1 - total.probability_positive)
    return dict(zip(RISK, values, strict=True))


def _npv_usd(candidates: Candidates, judged: CandidateVerdict) -> np.ndarray:
    """Return a candidate's net present value in each draw of the common market, shape (draws,)."""
    assert judged.business is not None  # noqa: S101 - a candidate without one is not funded
    return np.broadcast_to(joint_npv_usd(candidates.market.use_case.name, judged.business), DRAWS)


def joint_npv_usd(use_case: str, business: Business, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """Return the net present value of a business in each draw of the market that it shares with others."""
    return business.npv_usd(joint_draw(use_case, business.inputs, draws, seed))


def joint_draw(
    use_case: str, inputs: Mapping[str, Distribution], draws: int = DRAWS, seed: int = 0
) -> dict[str, np.ndarray]:
    """Return draws of a use case's inputs, as `simulation.draw`; those of `SHARED` are at equal ranks in all."""
    streams = {name: _stream(use_case, name) for name in inputs}
    drawn = draw({streams[name]: distribution for name, distribution in inputs.items()}, draws, seed)
    return {name: drawn[stream] for name, stream in streams.items()}


def _stream(use_case: str, name: str) -> str:
    if name in DEMAND:  # a use case has one of them
        return "demand"
    return name if name in SHARED else f"{use_case}/{name}"
