"""Own machines against an API by the token.

Machines come whole, so owning can become cheaper, more expensive again at the next machine, and then cheaper for good.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from harness_reports.economics.checks import above, as_written, at_least


class BuildOrBuy(NamedTuple):
    """Tokens per period from which owning costs no more than buying; None where there is no such volume."""

    first_break_even_tokens: float | None
    """The smallest such volume."""
    machines_at_break_even: int | None
    always_cheaper_above_tokens: float | None
    """The volume above which owning never costs more again."""


def build_or_buy(
    machine_usd: float,
    capacity_tokens_per_machine: float,
    fixed_usd: float,
    api_usd_per_million_tokens: float,
    first_capacities_tokens: Sequence[float] = (),
) -> BuildOrBuy:
    """Return where machines · price of one + fixed is no more than q · price, all per month (or any period).

    With k machines owning costs as much as the API at q_k = (k · machine + fixed) / price. If q_k lies within the k-th
    step, owning is cheaper from q_k to the step's end; if it lies before the step, in the whole step.

    Args:
        machine_usd: price of a machine.
        capacity_tokens_per_machine: of each machine after the first ones.
        fixed_usd: whatever the number of machines.
        api_usd_per_million_tokens: price of the API.
        first_capacities_tokens: of 1, 2, … machines together, where they do not bear equal parts; ascending.

    Raises:
        FactError: a negative amount, or machines without capacity.
    """
    machine, fixed = as_written(at_least("machine_usd", machine_usd)), as_written(at_least("fixed_usd", fixed_usd))
    more = as_written(above("capacity_tokens_per_machine", capacity_tokens_per_machine))
    price = as_written(at_least("api_usd_per_million_tokens", api_usd_per_million_tokens)) / 1_000_000
    firsts = [Fraction(0), *(as_written(above("first_capacities_tokens", each)) for each in first_capacities_tokens)]
    saved = price * more - machine  # by a further machine at full load
    listed = len(firsts) - 1
    short = fixed + price * (listed * more - firsts[-1])  # what the first machines leave to be earned
    if saved < 0 or price == 0 or (saved == 0 and short > 0):
        return BuildOrBuy(None, None, None)
    profitable = (k for k in range(1, listed + 1) if price * firsts[k] >= k * machine + fixed)
    beyond = max(listed + 1, math.ceil(short / saved)) if saved else listed + 1
    machines = next(profitable, beyond)
    first = (machines * machine + fixed) / price
    if saved == 0:
        return BuildOrBuy(float(first), machines, None)
    last_loss = math.ceil((short + price * more) / saved) - 1  # the last k whose step begins at a loss
    if last_loss <= listed:
        last_loss = max(k for k in range(1, listed + 2) if price * firsts[k - 1] < k * machine + fixed or k == 1)
    always: Fraction = (last_loss * machine + fixed) / price
    return BuildOrBuy(float(first), machines, float(always))


def build_or_buy_draws(
    machine: np.ndarray, more: np.ndarray, fixed: np.ndarray, price: np.ndarray, firsts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return `build_or_buy` for many draws at once: the first break-even and the last, infinite where there is none.

    Args:
        machine: price of a machine, shape (draws,) or (1,), as the others.
        more: tokens that each machine after the first ones bears.
        fixed: whatever the number of machines.
        price: of the API, per token.
        firsts: tokens that 1, 2, … machines bear together, ascending, shape (machines, draws) or (machines, 1).
    """
    listed = len(firsts)
    machine, more, fixed, price = np.broadcast_arrays(machine, more, fixed, price, firsts[0])[:4]
    borne = np.vstack([np.zeros(machine.shape), np.broadcast_to(firsts, (listed, machine.size))])
    owned = np.arange(listed + 2)[:, None] * machine + fixed
    saved = price * more - machine
    short = fixed + price * (listed * more - borne[-1])
    with np.errstate(divide="ignore", invalid="ignore"):
        beyond = np.where(saved > 0, np.maximum(listed + 1, np.ceil(short / saved)), listed + 1)
        pays = price * borne[1:] >= owned[1 : listed + 1]
        machines = np.where(pays.any(axis=0), pays.argmax(axis=0) + 1, beyond)
        first = (machines * machine + fixed) / price
        last = np.ceil((short + price * more) / saved) - 1
        loses = price * borne < owned[1:]
        loses[0] = True
        early = listed + 1 - loses[::-1].argmax(axis=0)
        always = (np.where(last <= listed, early, last) * machine + fixed) / price
    none = (saved < 0) | (price <= 0) | ((saved == 0) & (short > 0))
    return np.where(none, np.inf, first), np.where(none | (saved == 0), np.inf, always)
