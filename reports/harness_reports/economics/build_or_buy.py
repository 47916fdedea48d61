"""Own nodes against an API by the token. Nodes come whole, so owning can win, lose again, and win for good."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

from harness_reports.economics.checks import above, as_written, at_least


class BuildOrBuy(NamedTuple):
    """Volumes at which owning costs no more than buying; None where there is no such volume."""

    first_break_even_tokens: float | None
    """The smallest volume of tokens."""
    nodes_at_break_even: int | None
    always_cheaper_above_tokens: float | None
    """The volume above which owning is never dearer again."""


def build_or_buy(
    node_usd: float, capacity_tokens_per_node: float, fixed_usd: float, api_usd_per_million_tokens: float
) -> BuildOrBuy:
    """Return where ceil(q / capacity) · node + fixed is no more than q · price, all in one month (or any period).

    With k nodes owning costs as much as the API at q_k = (k · node + fixed) / price. It wins in the k-th step from q_k
    on, if q_k is within the step; it wins in the whole step, if q_k lies before it.

    Raises:
        FactError: a negative amount, or nodes without capacity.
    """
    node, fixed = (
        as_written(at_least("node_usd", node_usd)),
        as_written(at_least("fixed_usd", fixed_usd)),
    )
    capacity = as_written(above("capacity_tokens_per_node", capacity_tokens_per_node))
    price = as_written(at_least("api_usd_per_million_tokens", api_usd_per_million_tokens)) / 1_000_000
    saved = price * capacity - node
    if saved < 0 or price == 0 or (saved == 0 and fixed > 0):
        return BuildOrBuy(None, None, None)
    nodes = max(1, math.ceil(fixed / saved)) if saved else 1
    first = (nodes * node + fixed) / price
    if saved == 0:
        return BuildOrBuy(float(first), nodes, None)
    last_dearer = math.ceil((fixed + price * capacity) / saved) - 1
    always: Fraction = (last_dearer * node + fixed) / price
    return BuildOrBuy(float(first), nodes, float(always))
