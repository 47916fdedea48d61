"""Amortised cost of owned accelerators (Epoch AI, arXiv:2405.21015; training-cost-trends @263c40a).

An accelerator loses 0.14 orders of magnitude of its value per year (-27.6 %). A run pays the depreciation of its hours,
the network between the servers, and energy; staff and failed runs are not included.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from harness_reports.economics.checks import above, at_least, finite, within

DECAY_ORDERS_PER_YEAR = 0.14
HOURS_PER_YEAR = 8766
INTERCONNECT_SHARE = 0.19
"""Of the cluster's cost; the rest is servers."""


def depreciated_usd(initial_usd: float, years: float, orders_per_year: float = DECAY_ORDERS_PER_YEAR) -> float:
    """Return a price after depreciation: initial · 10^(-k · years).

    Raises:
        FactError: a negative price, or a number that is not finite.
    """
    return at_least("initial_usd", initial_usd) * 10 ** (
        -finite("orders_per_year", orders_per_year) * finite("years", years)
    )


class OwnedCost(NamedTuple):
    """The cost of a run on owned hardware."""

    hardware_usd: float
    interconnect_usd: float
    energy_usd: float

    @property
    def total_usd(self) -> float:
        """The sum."""
        return self.hardware_usd + self.interconnect_usd + self.energy_usd


def amortised_cost(
    server_usd_per_chip: float,
    chip_hours: float,
    *,
    tdp_w: float,
    server_power_factor: float,
    power_share: float,
    pue: float,
    usd_per_kwh: float,
    orders_per_year: float = DECAY_ORDERS_PER_YEAR,
    interconnect_share: float = INTERCONNECT_SHARE,
) -> OwnedCost:
    """Return the amortised cost of a run.

    Args:
        server_usd_per_chip: price of a chip with its share of the server, when the training began.
        chip_hours: hours of all chips.
        tdp_w: rated power of a chip.
        server_power_factor: rated power of the server per chip, over that of the chip.
        power_share: mean power over rated power (.75 for GPUs).
        pue: power usage effectiveness of the data centre.
        usd_per_kwh: industrial tariff.
        orders_per_year: depreciation in orders of magnitude.
        interconnect_share: network over servers and network; 0 if the price includes the network.

    Raises:
        FactError: a negative number, a share outside 0 to 1, or a PUE below 1.
    """
    hours = at_least("chip_hours", chip_hours)
    # The derivative of 10^(-k t) at the start, per hour.
    per_hour = at_least("orders_per_year", orders_per_year) * math.log(10) / HOURS_PER_YEAR
    hardware = at_least("server_usd_per_chip", server_usd_per_chip) * per_hour * hours
    kilowatts = at_least("tdp_w", tdp_w) / 1000 * above("server_power_factor", server_power_factor)
    drawn = kilowatts * within("power_share", power_share) * at_least("pue", pue, 1)
    energy = drawn * hours * at_least("usd_per_kwh", usd_per_kwh)
    network = within("interconnect_share", interconnect_share, 0, 0.99)  # at 1 there would be no servers
    return OwnedCost(hardware, hardware * network / (1 - network), energy)
