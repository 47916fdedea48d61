"""The cash flows of a use case run with a cascade: every request asks the cheap candidate, a share the expensive one.

Each part is served and paid in its own way: on machines or by the call, with its own decline of prices and its own
energy. Trainings and evaluations of both are paid.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from harness_reports.business.business import MEASURED, Business, Sums, demand, market_sums, tuning_usd, years_of
from harness_reports.business.supply import Drawn
from harness_reports.economics.distributions import Distribution

SHARE, SECOND = "passed_share", "second_"
"""Measured inputs of a cascade: the share of requests that is passed on; the beginning of the expensive one's names."""


@dataclass(frozen=True)
class CascadeBusiness(Business):
    """A market and a cascade; supply and measured inputs without `SECOND` are the cheap one's, quality is of both."""

    second: Business = field(kw_only=True)
    """The use case run with the expensive one alone."""

    @classmethod
    def of(
        cls, cheap: Business, expensive: Business, quality: Distribution, share: Distribution,
        usd_per_call: Distribution | None = None,
    ) -> CascadeBusiness:  # fmt: skip
        """Return the use case run with a cascade.

        Args:
            cheap: the use case run with the cheap one alone.
            expensive: with the expensive one alone.
            quality: of all answers.
            share: of the requests, passed on.
            usd_per_call: of those; None where the expensive one is on machines.
        """
        seconds = {f"{SECOND}{name}": each for name, each in expensive.measured.items() if name != "quality"}
        if usd_per_call is not None:
            seconds[f"{SECOND}usd_per_call"] = usd_per_call
        measured = {**cheap.measured, "quality": quality, SHARE: share, **seconds}
        return cls(cheap.market, measured, cheap.years, cheap.ceiling, cheap.supply, cheap.idle_watts, cheap.pue,
                   second=expensive)  # fmt: skip

    def _of_second(self, drawn: Drawn) -> Drawn:
        """Return the draws of the market and of the expensive one, by its own names."""
        others = {name: values for name, values in drawn.items() if name not in MEASURED}
        return others | {name: drawn[f"{SECOND}{name}"] for name in self.second.measured if name != "quality"}

    def _sums_of_second(self, drawn: Drawn, sums: Sums) -> Sums:
        """Return the market's sums at the decline of the expensive one's prices."""
        decline = self.second.supply.decline
        return sums if decline == self.supply.decline else market_sums(drawn, self.years, decline)

    def year_of_second(self, requests: np.ndarray, drawn: Drawn) -> tuple[np.ndarray, np.ndarray]:
        """Return the cost of serving what is passed on of a year's requests, and of its energy; 0 where nothing is."""
        share = drawn[SHARE]
        usd, energy = self.second.year_of_serving(requests * share, self._of_second(drawn))
        return np.where(share > 0, usd, 0.0), np.where(share > 0, energy, 0.0)

    def margin_usd(self) -> float | None:
        """Return what a request of a steady-state year earns in the base case; None without demand."""
        drawn, margin = self.means, super().margin_usd()
        if margin is None:
            return None
        requests = demand(drawn)
        usd, energy = self.year_of_second(requests, drawn)
        return margin - float(((usd + energy) / requests)[0])

    def upfront_usd(self, drawn: Drawn) -> np.ndarray:
        """Return the upfront cost: development once, trainings and evaluations of both."""
        both = super().upfront_usd(drawn) + self.second.upfront_usd(self._of_second(drawn))
        return np.asarray(both - drawn["upfront_cost_usd"])

    def serving_usd(self, drawn: Drawn, sums: Sums) -> np.ndarray:
        """Return the discounted cost of serving all years, energy included."""
        total, requests, usd, energy = super().serving_usd(drawn, sums), None, np.zeros(1), np.zeros(1)
        for year, discount in self._sums_of_second(drawn, sums).years:
            if year.requests is not requests:
                requests = year.requests
                usd, energy = self.year_of_second(requests, drawn)
            total = total + (usd * year.price_index + energy) * discount
        return np.asarray(total)

    def npv_of(self, drawn: Drawn, sums: Sums) -> np.ndarray:
        """Return the net present value of each draw; retrainings are those of both."""
        second, retrained = self._of_second(drawn), self._sums_of_second(drawn, sums)
        energy = retrained.retrainings_alone * self.second.training_energy_usd("tuning_j", second)
        return np.asarray(super().npv_of(drawn, sums) - retrained.retrainings * tuning_usd(second) - energy)

    def flows_usd(self) -> list[float]:
        """Return the base case's cash flow of each year, the first at t = 0: every input at its mean."""
        drawn, second = self.means, self._of_second(self.means)
        tuning, energy_of_tuning = tuning_usd(second), self.second.training_energy_usd("tuning_j", second)
        upfront, *flows = super().flows_usd()
        later = []
        for flow, year in zip(flows, years_of(drawn, self.years, self.second.supply.decline), strict=True):
            usd, energy = self.year_of_second(year.requests, drawn)
            retrained = drawn["retrainings_per_year"] * (tuning * year.price_index + energy_of_tuning)
            later.append(flow - float((usd * year.price_index + energy + retrained)[0]))
        return [upfront, *later]
