"""What owning the accelerators of a run costs (Epoch AI, arXiv:2405.21015; training-cost-trends @263c40a).

An accelerator loses 0.14 orders of magnitude of its value a year (-27.6 %); a run pays for what its hours took from it,
for the network between the servers, and for energy. Staff and failed runs are not in it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from harness_reports.economics.checks import above, at_least, finite, within

DECAY_ORDERS_PER_YEAR = 0.14
HOURS_PER_YEAR = 8766
INTERCONNECT_SHARE = 0.19
"""Of the cluster's cost; servers are the rest."""
SERVER_FACTOR = 1.64
"""Server over chip price where the source has none of its own (A100 1.66, V100 1.69, P100 1.54)."""


def depreciated_usd(initial_usd: float, years: float, orders_per_year: float = DECAY_ORDERS_PER_YEAR) -> float:
    """Return what is left of a price: initial · 10^(-k · years).

    Raises:
        FactError: a negative price, or a number that is none.
    """
    return at_least("initial_usd", initial_usd) * 10 ** (
        -finite("orders_per_year", orders_per_year) * finite("years", years)
    )


class OwnedCost(NamedTuple):
    """What a run takes from those who own its hardware, in USD."""

    hardware_usd: float
    interconnect_usd: float
    energy_usd: float

    @property
    def total_usd(self) -> float:
        """All of it."""
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
        server_usd_per_chip: a chip's price with its share of the server, as it stood when the training began.
        chip_hours: hours of all chips.
        tdp_w: a chip's rated power.
        server_power_factor: rated power of the server per chip over that of the chip.
        power_share: mean draw over rated power (.75 for GPUs).
        pue: power usage effectiveness of the building.
        usd_per_kwh: industrial tariff.
        orders_per_year: how fast hardware loses value.
        interconnect_share: of servers and network together; 0 where the price has the network in it.

    Raises:
        FactError: a negative number, a share outside 0 to 1, or a PUE below 1.
    """
    hours = at_least("chip_hours", chip_hours)
    per_hour = at_least("orders_per_year", orders_per_year) * math.log(10) / HOURS_PER_YEAR
    hardware = at_least("server_usd_per_chip", server_usd_per_chip) * per_hour * hours
    kilowatts = at_least("tdp_w", tdp_w) / 1000 * above("server_power_factor", server_power_factor)
    drawn = kilowatts * within("power_share", power_share) * at_least("pue", pue, 1)
    energy = drawn * hours * at_least("usd_per_kwh", usd_per_kwh)
    network = within("interconnect_share", interconnect_share, 0, 0.99)
    return OwnedCost(hardware, hardware * network / (1 - network), energy)
