"""Sobol indices of uncertain inputs, estimated by SALib on scrambled Sobol points."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from harness.errors import FactError
from harness_reports.economics.checks import finite, whole
from harness_reports.economics.distributions import Distribution

POINTS = 4096
"""Base points: with 4,096 the indices of the Ishigami function are within .02."""


class Sobol(NamedTuple):
    """Shares of an output's variance."""

    first_order: dict[str, float]
    """Input → share that it explains alone."""
    total: dict[str, float]
    """Input → share that it explains with its interactions."""
    variance: float
    """Of the output; if it is 0 every share is 0."""


def sobol_indices(
    model: Callable[[Mapping[str, np.ndarray]], np.ndarray],
    inputs: Mapping[str, Distribution | tuple[float, float]],
    points: int = POINTS,
    seed: int = 0,
) -> Sobol:
    """Return first-order and total Sobol indices of independent inputs.

    Args:
        model: function of arrays of each input by name, shape (n,), to outputs of shape (n,).
        inputs: name → distribution, or the bounds of a uniform one.
        points: base points, a power of 2; the model is computed at points · (inputs + 2).
        seed: seed of the scrambling.

    Raises:
        FactError: no inputs, points that are not a power of 2, bounds out of order, or an output that is not finite.
    """
    from SALib.analyze import sobol as analysis
    from SALib.sample import sobol as sampling

    count = whole("points", points)
    if not inputs or count & (count - 1):
        raise FactError(f"Sobol's method takes at least one input and a power of 2 of points, not {points}.")
    names = list(inputs)
    problem = {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)}
    uniform = sampling.sample(problem, count, calc_second_order=False, scramble=True, seed=seed)
    drawn = {name: _drawn(name, inputs[name], uniform[:, place]) for place, name in enumerate(names)}
    output = np.asarray(model(drawn), dtype=float)
    if output.shape != (len(uniform),) or not np.isfinite(output).all():
        raise FactError("The model has to return one finite number for each set of inputs.")
    variance = _variance(output, len(names))
    if np.ptp(output) == 0:
        return Sobol(dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0), 0.0)
    # SALib's confidence intervals are not used: 2 is the fewest resamples that it takes.
    indices = analysis.analyze(problem, output, calc_second_order=False, num_resamples=2, seed=seed)
    return Sobol(_named(names, indices["S1"]), _named(names, indices["ST"]), variance)


def _drawn(name: str, source: Distribution | tuple[float, float], uniform: np.ndarray) -> np.ndarray:
    if not isinstance(source, tuple):
        return source.quantile(uniform)
    low, high = (finite(name, bound) for bound in source)
    if low > high:
        raise FactError(f"The bounds of {name} are {low:g} and {high:g}. Give the lower one first.")
    return low + (high - low) * uniform


def _variance(output: np.ndarray, inputs: int) -> float:
    """Return the variance over the two independent samples, the first and last row of each of SALib's blocks."""
    blocks = output.reshape(-1, inputs + 2)
    return float(blocks[:, [0, -1]].var())


def _named(names: list[str], values: np.ndarray) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, values, strict=True)}
