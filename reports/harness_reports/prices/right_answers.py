"""The cost of 1,000 right answers: that of a request over the share of right answers, with its interval.

Wrong, empty, refused and cut-off answers are paid like right ones, so they are in it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from harness_reports.figures.explained import Explained, derived
from harness_reports.measured.intervals import interval_of, is_unanimous
from harness_reports.measured.quality import Quality
from harness_reports.measured.quality_figures import quality_share
from harness_reports.prices.usage import Bill

NAMES = ("usd_per_1k_correct", "usd_per_1k_correct_low", "usd_per_1k_correct_high")
UNIT = "USD per 1,000 right answers"
APART = "the cost and the quality, which were measured apart, drawn apart"
TOGETHER = "the price and the quality of the same requests: seeds are resampled, then requests"


def right_answer_figures(
    point: Explained, graded: Quality | None, usd: np.ndarray | None, bill: Bill | None = None
) -> list[Explained]:
    """Return the cost of 1,000 right answers and the ends of its 95 % interval.

    Args:
        point: the cost of 1,000 inferences.
        graded: the candidate's quality.
        usd: draws of `point`, None where they are not known.
        bill: the calls that `point` is the price of; None for machines.
    """
    share = quality_share(graded) if graded is not None else Explained("right_share", None, note="it was not graded")
    if not share.value or point.value is None or graded is None:
        note = "not known without a share of right answers above 0"
        return [Explained(name, None, UNIT, note=note, inputs=(point, share)) for name in NAMES]
    right = derived(NAMES[0], UNIT, f"{point.name} / right_share", point, share)
    if usd is None:
        return [right, *(Explained(name, None, UNIT, note="draws of the cost are not known") for name in NAMES[1:])]
    together = None if bill is None else _together(bill, graded, point.value)
    draws, how = (_apart(usd, graded), APART) if together is None else (together, TOGETHER)
    return [right, *_ends(right, draws, how)]


def _ends(right: Explained, draws: np.ndarray, how: str) -> Iterator[Explained]:
    with np.errstate(invalid="ignore"):  # a draw without a right answer is infinite
        ends = interval_of(draws)
    for name, end, share in zip(NAMES[1:], ends, ("2.5", "97.5"), strict=True):
        finite = math.isfinite(end)
        note = f"{share}th percentile of draws of {how}" if finite else "none: draws of it have no right answer"
        yield Explained(name, end if finite else None, UNIT, note=note, inputs=(right,))


def _together(bill: Bill, graded: Quality, usd_per_1k: float) -> np.ndarray | None:
    """Return draws in which price and quality are resampled alike; None where they cannot be."""
    if not graded.is_mean or is_unanimous(graded.scores) or graded.scores.shape[1] != bill.counted.size:
        return None
    scores = graded.scores[:, bill.counted]
    if not scores.sum():
        return None
    ratio = bill.draws_over(scores)
    # Draws have the spread; the level is the cost over the share of all graded items, with the reader's multiplier.
    share = float(np.clip(graded.value / graded.metric["ceiling"], 0, 1))
    return np.asarray(ratio * (usd_per_1k / share) / _ratio(bill.usd_of_requests, scores))


def _ratio(usd: np.ndarray, scores: np.ndarray) -> float:
    return float(usd.sum() / scores.sum()) or 1.0


def _apart(usd: np.ndarray, graded: Quality) -> np.ndarray:
    shares = np.clip(graded.draws() / graded.metric["ceiling"], 0, 1)
    drawn = np.random.default_rng([7, shares.size]).choice(shares, usd.size)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(usd / drawn)
