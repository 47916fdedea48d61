"""The value of a study before it is made: expected value of sample information (EVSI), for any payoff.

The decision is between a payoff and nothing. A study observes a parameter with normal noise. So its value needs the
expected payoff at each value of the parameter, and what share of the parameter's variance the study removes; neither
the payoff nor the parameter has to be normal or linear.
"""

from __future__ import annotations

import numpy as np

_RESULTS = 161
"""Results of a study that are computed, evenly spaced: twice as many change a value by less than 1e-4."""
_TAIL = 4.0
"""Standard deviations of noise around the parameter's values that results reach to."""
_CERTAIN = 1e-12
"""A relative spread, or a share, below this is rounding."""


def resolved_share(added: float, before: float) -> float:
    """Return the share of a mean's variance that `added` observations after `before` equal ones remove.

    By conjugate normal updating: the expected reduction of the variance is added / (added + before).
    """
    return added / (added + before)


def value_of_study(parameter: np.ndarray, payoff_usd: np.ndarray, resolved: float) -> float:
    """Return the EVSI: the expected gain from deciding after a study, against deciding now.

    It is at least 0, at most the value of knowing the parameter, and does not fall with `resolved`.

    Args:
        parameter: equally likely values, shape (values,).
        payoff_usd: the expected payoff at each of them, shape (values,).
        resolved: share of the parameter's variance that the study is expected to remove, from 0 to 1.
    """
    perfect = np.maximum(payoff_usd, 0).mean()
    now = max(0.0, float(payoff_usd.mean()))
    spread = float(parameter.std())
    if perfect <= now or resolved <= _CERTAIN or spread <= _CERTAIN * float(np.abs(parameter).max()):
        return 0.0  # the decision is the same at every value, or nothing is learnt
    noise = spread * np.sqrt((1 - resolved) / resolved)
    results = np.linspace(parameter.min() - _TAIL * noise, parameter.max() + _TAIL * noise, _RESULTS)
    if noise < results[1] - results[0]:
        return float(perfect - now)
    likelihood = np.exp(-(((results - parameter[:, None]) / noise) ** 2) / 2)
    likelihood /= likelihood.sum(axis=1, keepdims=True)  # of each value, over the results
    joint = payoff_usd @ likelihood / parameter.size  # expected payoff, times the probability of the result
    return max(0.0, float(np.maximum(joint, 0).sum()) - now)
