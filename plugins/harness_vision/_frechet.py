"""The Fréchet distance of two clouds of features, and what each row of one adds to it."""

from __future__ import annotations

import numpy as np

DEAD = 1e-12
"""Share of the largest eigenvalue below which there is nothing to divide by: of units of a network that never fire."""


class Frechet:
    """The distance of rows of features from a reference (Heusel et al., 2017): of two Gaussians with their moments.

    It is |m₁ - m₂|² + tr(C₁ + C₂ - 2 (C₁ C₂)^½), squared as usual, 0 for clouds of one mean and one covariance.
    """

    def __init__(self, features: np.ndarray, reference: np.ndarray) -> None:
        """Take the features, float [n, d], and the reference, float [m, d]."""
        mean, covariance = _moments(features)
        aim, wanted = _moments(reference)
        root = _power(wanted, 0.5)
        shared = root @ covariance @ root  # its eigenvalues are those of the product, and it is symmetric
        gap = np.square(mean - aim).sum() + np.trace(covariance) + np.trace(wanted)
        self.value = float(max(0.0, gap - 2 * np.trace(_power(shared, 0.5))))
        slope = np.eye(len(mean)) - root @ _power(shared, -0.5) @ root
        centred = features - mean
        bends = ((centred @ slope) * centred).sum(axis=1)
        self._influence = 2 * centred @ (mean - aim) + bends - bends.mean()

    def over(self, rows: np.ndarray) -> float:
        """Return the distance of the rows with these numbers, some of them several times, to the first order.

        Each row adds its influence (Hampel, 1974), the distance's derivative by the row's weight. Computed anew, the
        distance of a sample of the rows would be larger by what drawing it adds, so that the samples of a bootstrap
        would lie beside the value that they are to surround.
        """
        return max(0.0, self.value + float(self._influence[rows].mean()))


def _moments(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean [d] and covariance [d, d]."""
    mean = rows.mean(axis=0)
    centred = rows - mean
    return mean, centred.T @ centred / len(rows)


def _power(matrix: np.ndarray, exponent: float) -> np.ndarray:
    """Return a power of a symmetric matrix without negative eigenvalues; directions that hold nothing stay nothing."""
    values, vectors = np.linalg.eigh(matrix)
    alive = values > (0.0 if exponent > 0 else DEAD * values.max())
    powers = np.power(values, exponent, where=alive, out=np.zeros_like(values))
    found: np.ndarray = (vectors * powers) @ vectors.T
    return found
