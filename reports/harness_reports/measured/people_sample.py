"""Whether the answers that people graded can be a random sample of those that a judge graded.

The correction of a judge's mean is valid for a random sample alone. Who picks answers, such as the doubtful ones, makes
the judge's grades of them differ from its grades of the others, which a test of two samples shows.
"""

from __future__ import annotations

import numpy as np

from harness_reports.reasons import Reason

LEVEL = 0.01
"""Of the test: of random samples one in 100 is named wrongly."""


def not_random(judge: np.ndarray, by_people: np.ndarray) -> Reason | None:
    """Return that a judge's grades of what people graded differ clearly from its other grades; None where not.

    By the test of Mann and Whitney (1947) with tied ranks, two-sided.

    Args:
        judge: its grade of each answer, NaN where it gave none, shape (answers,).
        by_people: people's, of the same answers.
    """
    from scipy.stats import mannwhitneyu

    theirs, others = judge[~np.isnan(by_people)], judge[np.isnan(by_people)]
    theirs, others = theirs[~np.isnan(theirs)], others[~np.isnan(others)]
    if not theirs.size or not others.size or np.unique([*theirs, *others]).size == 1:
        return None
    p = float(mannwhitneyu(theirs, others).pvalue)
    if p >= LEVEL:
        return None
    return Reason("people no sample", {"theirs": float(theirs.mean()), "others": float(others.mean()), "p": p})
