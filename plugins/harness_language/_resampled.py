"""Metrics of sacrebleu over chosen items, as a bootstrap asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF


class ResampledMetric:
    """A metric of sacrebleu over chosen items, from the counts of each sentence."""

    def __init__(self, metric: BLEU | CHRF, answers: Sequence[str], references: Sequence[Sequence[Any]]) -> None:
        """Count n-grams and their matches in each sentence.

        Args:
            metric: of sacrebleu.
            answers: one for each item.
            references: the first reference of every item, then the second of every item, …; None: it has no such.
        """
        self._metric = metric
        # As sacrebleu's bootstrap does; it has no public name.
        self._counts = np.array(metric._extract_corpus_statistics(answers, references))  # noqa: SLF001

    def __call__(self, rows: np.ndarray) -> float:
        """Return the metric over the rows, in points."""
        return float(self._metric._compute_score_from_stats(self._counts[rows].sum(axis=0).tolist()).score)  # noqa: SLF001
