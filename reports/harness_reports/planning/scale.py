"""Plans of training runs at scale: operations, time, devices, energy, carbon and money.

A small machine's utilisation does not carry over to a cluster, so a plan has several: 25, 35 and 45 %, and 15 and 55 %
beyond them. Of published decoder runs one in three lies outside the three and one in ten outside the five
(`published.py` counts them; the five were chosen with that table in view).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from harness.errors import FactError, unknown
from harness_reports.economics import ownership, scaling, training
from harness_reports.economics.checks import above, at_least, whole, within
from harness_reports.prices.chips import Accelerator
from harness_reports.prices.owned import PUE, price_day
from harness_reports.prices.pricing import today, why_stale
from harness_reports.reasons import Reason, as_text

MFU_SCENARIOS: Mapping[str, float] = {"edge low": 0.15, "low": 0.25, "middle": 0.35, "high": 0.45, "edge high": 0.55}
TRAINING_BYTES_PER_PARAM = 16
"""Mixed precision with Adam: weights and gradients in 16 bits, a copy and two moments in 32; without activations."""
MEMORY_SHARE = 0.8
"""Of a device's memory, for parameters and their state."""
ATTENTION = ("layers", "attention_width", "sequence_length")

SCENARIOS = (
    "scenario", "precision", "mfu", "kind", "accelerator", "devices", "least_devices", "flops", "device_hours", "days",
    "energy_mwh", "co2e_tonnes", "rental_usd", "owned_usd", "usd_per_device_hour", "price_as_of", "price_stale",
    "price_source", "hardware_usd", "hardware_as_of", "hardware_stale", "hardware_source",
)  # fmt: skip
LAWS = (
    "law", "flops", "extrapolated", "best_params", "best_tokens", "best_tokens_per_param", "best_loss", "planned_loss",
    "lifetime_tokens", "life_params", "life_tokens", "life_training_flops", "life_serving_flops", "source",
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """A planned training run. Defaults are assumptions."""

    params: float
    """Active per token."""
    tokens: float
    accelerator: Accelerator
    devices: int = 64
    usd_per_device_hour: float | None = None
    """None: not known, and the rental is not known either."""
    price_as_of: str = ""
    """A day, 2026-11-01; empty: not known."""
    price_as_of_note: str = ""
    """How exact the day is; empty for an exact one."""
    price_source: str = ""
    measured_mfu: float | None = None
    lifetime_tokens: float = 0.0
    """Tokens that the model reads and writes in its life of serving."""
    pue: float = PUE
    kg_co2e_per_kwh: float = 0.369
    """Assumed: USA, 2023, location-based."""
    usd_per_kwh: float = 0.0826
    """Assumed: US industrial tariff, 2025."""
    multiplier: float = 1.0
    """Hours of the whole project over those of the final run: 1.5 to 3 with failed runs and trials."""
    hardware_age_years: float = 0.0
    """Since the date of the hardware's price; its value falls by 27.6 % a year."""
    layers: float = 0.0
    """With width and sequence length: 12·L·d·s operations of attention per token, none masked (PaLM's convention)."""
    attention_width: float = 0.0
    """Heads times the width of a head."""
    sequence_length: float = 0.0
    encoder_decoder: bool = False
    """Then a token passes about half of the parameters."""
    total_params: float | None = None
    """Parameters in memory, of a mixture of experts; None: all are active."""
    precision: str = "fp16"
    """Number format of the multiplications; utilisation is a share of its peak."""

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            FactError: one is out of range.
        """
        training.training_flops(self.params, self.tokens)
        whole("devices", self.devices)
        at_least("lifetime_tokens", self.lifetime_tokens)
        at_least("pue", self.pue, 1)
        at_least("multiplier", self.multiplier, 1)
        for name in ("kg_co2e_per_kwh", "usd_per_kwh", "hardware_age_years"):
            at_least(name, getattr(self, name))
        positive = [bool(at_least(name, getattr(self, name))) for name in ATTENTION]
        if any(positive) and not all(positive):
            raise FactError(f"Attention needs {', '.join(ATTENTION)}. Give all three, or none.")
        if self.total_params is not None:
            at_least("total_params", self.total_params, self.params)
        if self.precision not in self.accelerator.peaks:
            raise FactError(unknown(f"peak of {self.accelerator.title}", self.precision, self.accelerator.peaks))
        if self.usd_per_device_hour is not None:
            at_least("usd_per_device_hour", self.usd_per_device_hour)
        if self.measured_mfu is not None:
            above("measured_mfu", within("measured_mfu", self.measured_mfu))

    @property
    def flops(self) -> float:
        """Operations of the final run: 6·N·D, N the parameters that a token passes, and attention's if described."""
        passed = self.params / 2 if self.encoder_decoder else self.params
        return self.tokens * training.flops_per_token(passed, self.layers, self.attention_width, self.sequence_length)

    @property
    def peak_flops_per_s(self) -> float:
        """Of one device in the number format of the run."""
        return self.accelerator.peaks[self.precision]

    @property
    def least_devices(self) -> int:
        """The number of devices that hold the parameters with their gradients and Adam's state."""
        room = self.accelerator.memory_gb * 1e9 * MEMORY_SHARE
        return math.ceil((self.total_params or self.params) * TRAINING_BYTES_PER_PARAM / room)


def scenarios(run: Run) -> pd.DataFrame:
    """Return one row for each utilisation, a measured one last, with the run's time, energy, carbon and money.

    `price_stale` and `hardware_stale` say how old a price is that is older today than `STALE_DAYS` days.
    """
    rows = [_scenario(run, name, mfu, "assumed") for name, mfu in MFU_SCENARIOS.items()]
    if run.measured_mfu is not None:
        rows.append(_scenario(run, "measured", run.measured_mfu, "measured"))
    return pd.DataFrame(map(as_text, rows), columns=list(SCENARIOS))


def _scenario(run: Run, name: str, mfu: float, kind: str) -> dict[str, Any]:
    chip = run.accelerator
    hours = training.accelerator_hours(run.flops, run.peak_flops_per_s, mfu) * run.multiplier
    energy = _energy_mwh(run, hours)
    rental = None if run.usd_per_device_hour is None else hours * run.usd_per_device_hour
    return {
        "scenario": name, "precision": run.precision, "mfu": mfu, "kind": kind, "accelerator": chip.title,
        "devices": run.devices,
        "least_devices": run.least_devices, "flops": run.flops, "device_hours": hours,
        "days": hours / run.devices / training.HOURS_PER_DAY, "energy_mwh": energy,
        "co2e_tonnes": None if energy is None else training.carbon_tonnes(energy, run.kg_co2e_per_kwh),
        "rental_usd": rental, "owned_usd": _owned_usd(run, hours), "usd_per_device_hour": run.usd_per_device_hour,
        "price_as_of": run.price_as_of or None, "price_stale": _stale(run.price_as_of, run.price_as_of_note),
        "price_source": run.price_source or None,
        "hardware_usd": chip.price_usd, "hardware_as_of": chip.price_as_of or None,
        "hardware_stale": _stale(*price_day(chip.price_as_of)) if chip.price_usd and chip.price_as_of else None,
        "hardware_source": chip.price_source if chip.price_usd else None,
    }  # fmt: skip


def _stale(day: date | str, note: str) -> Reason | None:
    return why_stale(date.fromisoformat(str(day)), today(), exact=not note) if day else None


def _energy_mwh(run: Run, hours: float) -> float | None:
    chip = run.accelerator
    if chip.tdp_w is None:
        return None
    return training.energy_mwh(hours, chip.tdp_w * chip.server_power_factor * chip.power_share, run.pue)


def _owned_usd(run: Run, hours: float) -> float | None:
    """Return the run's cost on owned devices, None where the chip's price or power is not known."""
    chip = run.accelerator
    if chip.price_usd is None or chip.tdp_w is None:
        return None
    value = ownership.depreciated_usd(chip.price_usd, run.hardware_age_years) * chip.server_price_factor
    return ownership.amortised_cost(
        value, hours, tdp_w=chip.tdp_w, server_power_factor=chip.server_power_factor, power_share=chip.power_share,
        pue=run.pue, usd_per_kwh=run.usd_per_kwh,
    ).total_usd  # fmt: skip


def laws(run: Run) -> pd.DataFrame:
    """Return one row for each published scaling law, with its best parameters and tokens for the run's operations.

    `life_…` is the model that reaches the planned loss with the fewest operations of training and serving together.
    """
    return pd.DataFrame([_law(run, name) for name in scaling.CONSTANTS], columns=list(LAWS))


def _law(run: Run, name: str) -> dict[str, Any]:
    constants = scaling.CONSTANTS[name]
    best, planned = scaling.optimal_allocation(run.flops, constants), scaling.loss(run.params, run.tokens, constants)
    life = scaling.size_for_life(planned, run.lifetime_tokens, constants)
    return {
        "law": name, "flops": run.flops, "extrapolated": run.flops > scaling.FITTED_UP_TO_FLOPS,
        "best_params": best.params, "best_tokens": best.tokens, "best_tokens_per_param": best.tokens_per_param,
        "best_loss": best.loss, "planned_loss": planned, "lifetime_tokens": run.lifetime_tokens,
        "life_params": life and life.params, "life_tokens": life and life.tokens,
        "life_training_flops": life and life.training_flops, "life_serving_flops": life and life.serving_flops,
        "source": constants.source,
    }  # fmt: skip
