"""The rate that a machine bears where no need limits the latency: costs and machines are computed from the same one."""

from __future__ import annotations

from harness_reports.measured.loads import RateUnder, rate_as_stated
from harness_reports.measured.results import Measured
from harness_reports.prices.usage import is_served


def machine_rate(candidate: Measured) -> RateUnder:
    """Return the load whose rate stands for a candidate; no load where Offline's throughput does.

    Offline's does where it was measured, but for a model behind a URL: there Offline is no batch on one machine, and a
    load comes first: the highest valid rate that keeps the limits of its suite. `why_not` says why no load counts.
    """
    if "Offline" in candidate.fastest and not is_served(candidate.machine):
        return RateUnder(None, None, None)
    return rate_as_stated(candidate)
