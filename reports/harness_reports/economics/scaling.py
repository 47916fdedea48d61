"""Scaling laws of the loss by parameters and tokens, and compute-optimal training (Chinchilla).

L(N, D) = E + A / N^alpha + B / D^beta (Hoffmann and others 2022, arXiv:2203.15556, approach 3). Three published sets of
constants disagree strongly: show all. The loss is on the authors' data and tokenizer, fitted up to 1e22 operations and
extrapolated beyond.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from harness_reports.economics.checks import above, at_least
from harness_reports.economics.training import training_flops

FITTED_UP_TO_FLOPS = 1e22


class Constants(NamedTuple):
    """The constants of one fit."""

    irreducible: float
    """E."""
    params_factor: float
    """A."""
    tokens_factor: float
    """B."""
    params_exponent: float
    """alpha."""
    tokens_exponent: float
    """beta."""
    source: str = "given by the reader"


CONSTANTS: Mapping[str, Constants] = MappingProxyType(
    {
        "hoffmann_rounded": Constants(1.69, 406.4, 410.7, 0.34, 0.28, "arXiv:2203.15556, as printed"),
        "hoffmann_unrounded_exponents": Constants(
            1.69, 406.4, 410.7, 0.3392, 0.2849, "arXiv:2203.15556, exponents of the paper's source"
        ),
        "besiroglu_2024": Constants(1.8172, 482.01, 2085.43, 0.3478, 0.3658, "arXiv:2404.10102, replication"),
    }
)


def loss(params: float, tokens: float, constants: Constants) -> float:
    """Return the loss in nats per token.

    Raises:
        FactError: no parameters or tokens.
    """
    too_small = constants.params_factor * math.pow(above("params", params), -constants.params_exponent)
    too_short = constants.tokens_factor * math.pow(above("tokens", tokens), -constants.tokens_exponent)
    return constants.irreducible + too_small + too_short


class Allocation(NamedTuple):
    """The compute-optimal model."""

    params: float
    tokens: float
    tokens_per_param: float
    loss: float


def optimal_allocation(flops: float, constants: Constants) -> Allocation:
    """Return the parameters and tokens with the lowest loss at 6·N·D = flops.

    N = G · (C/6)^(beta/(alpha+beta)), D = (C/6)^(alpha/(alpha+beta)) / G, G = (alpha·A / (beta·B))^(1/(alpha+beta)).

    Raises:
        FactError: no operations.
    """
    alpha, beta = constants.params_exponent, constants.tokens_exponent
    ratio = alpha * constants.params_factor / (beta * constants.tokens_factor)
    balance, product = ratio ** (1 / (alpha + beta)), above("flops", flops) / 6
    params = balance * product ** (beta / (alpha + beta))
    tokens = product ** (alpha / (alpha + beta)) / balance
    return Allocation(params, tokens, tokens / params, loss(params, tokens, constants))


class Sizing(NamedTuple):
    """The cheapest model for training and serving together."""

    params: float
    tokens: float
    """Training tokens."""
    training_flops: float
    serving_flops: float
    """2·N per served token."""
    loss: float


def size_for_life(target_loss: float, lifetime_tokens: float, constants: Constants) -> Sizing | None:
    """Return the model that reaches a loss with the fewest operations in training and serving: 6·N·D + 2·N·served.

    The more tokens it serves, the smaller it is and the longer it is trained. None if no model reaches the loss.

    Args:
        target_loss: nats per token.
        lifetime_tokens: input and output tokens over the model's life.
        constants: constants of the law.

    Raises:
        FactError: no loss, or a negative number of tokens.
    """
    from scipy.optimize import minimize_scalar

    gap = above("target_loss", target_loss) - constants.irreducible
    served = at_least("lifetime_tokens", lifetime_tokens)
    if gap <= 0:
        return None

    def tokens_for(share: float) -> tuple[float, float]:
        """Return the model with `share` of the gap due to its parameters, the rest due to its tokens."""
        params = (constants.params_factor / (gap * share)) ** (1 / constants.params_exponent)
        return params, (constants.tokens_factor / (gap * (1 - share))) ** (1 / constants.tokens_exponent)

    def work(share: float) -> float:
        params, tokens = tokens_for(share)
        return training_flops(params, tokens) + 2 * params * served

    # At 0 and 1 parameters or tokens are infinite.
    share = minimize_scalar(work, bounds=(1e-9, 1 - 1e-9), method="bounded", options={"xatol": 1e-12}).x
    params, tokens = tokens_for(float(share))
    flops = training_flops(params, tokens)
    return Sizing(params, tokens, flops, 2 * params * served, loss(params, tokens, constants))
