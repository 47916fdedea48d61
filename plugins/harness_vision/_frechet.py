"""The Fréchet distance of two sets of features, and the influence of each row on it."""

from __future__ import annotations

import numpy as np

DEAD = 1e-12
"""Share of the largest eigenvalue below which one counts as 0: a unit that never fires has no variance to divide by."""


class Frechet:
    """The distance of features from a reference: that of two Gaussians with their moments (Heusel et al., 2017).

    It is |m₁ - m₂|² + tr(C₁ + C₂ - 2 (C₁ C₂)^½), squared as usual; 0 if the means and the covariances are equal.
    """

    def __init__(self, features: np.ndarray, reference: np.ndarray) -> None:
        """Take the features, float [n, d], and the reference, float [m, d]."""
        mean, covariance = _moments(features)
        aim, target = _moments(reference)
        root = _power(target, 0.5)
        shared = root @ covariance @ root  # symmetric, with the eigenvalues of C₁ C₂
        gap = np.square(mean - aim).sum() + np.trace(covariance) + np.trace(target)
        self.value = float(max(0.0, gap - 2 * np.trace(_power(shared, 0.5))))
        slope = np.eye(len(mean)) - root @ _power(shared, -0.5) @ root  # the distance's derivative by C₁
        centred = features - mean
        spreads = ((centred @ slope) * centred).sum(axis=1)
        self._influence = 2 * centred @ (mean - aim) + spreads - spreads.mean()

    def over(self, rows: np.ndarray) -> float:
        """Return the distance of a sample of the rows, by their numbers, to the first order.

        Each row adds its influence (Hampel, 1974): the distance's derivative by the row's weight. The exact distance of
        a sample is biased upwards by its smaller size, so that a bootstrap's interval would not contain the value.
        """
        return max(0.0, self.value + float(self._influence[rows].mean()))


def _moments(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean [d] and covariance [d, d]."""
    mean = rows.mean(axis=0)
    centred = rows - mean
    return mean, centred.T @ centred / len(rows)


def _power(matrix: np.ndarray, exponent: float) -> np.ndarray:
    """Return a power of a positive semi-definite matrix; eigenvalues of 0 stay 0 (pseudo-inverse)."""
    values, vectors = np.linalg.eigh(matrix)
    alive = values > (0.0 if exponent > 0 else DEAD * values.max())
    powers = np.power(values, exponent, where=alive, out=np.zeros_like(values))
    return np.asarray((vectors * powers) @ vectors.T)
