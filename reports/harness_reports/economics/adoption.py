"""How a market adopts a product (Bass 1969)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from harness_reports.economics.checks import whole

_NO_IMITATION = 1e-9
"""Takes the place of q = 0, which the formula divides by; it changes no digit."""


def shares_by_year(innovation: np.ndarray, imitation: np.ndarray, years: int) -> Iterator[np.ndarray]:
    """Yield each year's mean share of adopters, the integral of Bass's F over the year, by draw.

    The integral of 1 - F is -1/q · ln(1 + q/p · e^-(p+q)t).

    Args:
        innovation: p, shape (draws,) or (1,).
        imitation: q, likewise.
        years: years from launch.

    Raises:
        FactError: `years` is not a whole number from 1.
    """
    q = np.maximum(imitation, _NO_IMITATION)
    decay = np.exp(-(innovation + q))
    left = q / innovation
    before = np.log1p(left)
    for _ in range(whole("years", years)):
        left = left * decay
        after = np.log1p(left)
        yield 1 + (after - before) / q
        before = after
