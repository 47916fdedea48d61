"""Own machines against an API by the token.

Machines come whole, so owning can become cheaper, more expensive again at the next machine, and then cheaper for good.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

from harness_reports.economics.checks import above, as_written, at_least


class BuildOrBuy(NamedTuple):
    """Tokens per period from which owning costs no more than buying; None where there is no such volume."""

    first_break_even_tokens: float | None
    """The smallest such volume."""
    machines_at_break_even: int | None
    always_cheaper_above_tokens: float | None
    """The volume above which owning never costs more again."""


def build_or_buy(
    machine_usd: float, capacity_tokens_per_machine: float, fixed_usd: float, api_usd_per_million_tokens: float
) -> BuildOrBuy:
    """Return where ceil(q / capacity) · machine + fixed is no more than q · price, all per month (or any period).

    With k machines owning costs as much as the API at q_k = (k · machine + fixed) / price. If q_k lies within the k-th
    step, owning is cheaper from q_k to the step's end; if it lies before the step, in the whole step.

    Raises:
        FactError: a negative amount, or machines without capacity.
    """
    machine, fixed = as_written(at_least("machine_usd", machine_usd)), as_written(at_least("fixed_usd", fixed_usd))
    capacity = as_written(above("capacity_tokens_per_machine", capacity_tokens_per_machine))
    price = as_written(at_least("api_usd_per_million_tokens", api_usd_per_million_tokens)) / 1_000_000
    saved = price * capacity - machine  # by a machine at full load
    if saved < 0 or price == 0 or (saved == 0 and fixed > 0):
        return BuildOrBuy(None, None, None)
    machines = max(1, math.ceil(fixed / saved)) if saved else 1
    first = (machines * machine + fixed) / price
    if saved == 0:
        return BuildOrBuy(float(first), machines, None)
    last_loss = math.ceil((fixed + price * capacity) / saved) - 1  # the last k whose step begins at a loss
    always: Fraction = (last_loss * machine + fixed) / price
    return BuildOrBuy(float(first), machines, float(always))
