"""The cost table: measured seconds of training and inference times a dated price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from harness.facts import Price
from harness.records import Record
from harness_reports.figures.explained import Explained, values
from harness_reports.measured.lineage import KEYS, Candidate
from harness_reports.measured.readings import energy_kind
from harness_reports.measured.results import Measured, Results
from harness_reports.prices.cost_figures import UNIT_COSTS, cost_figures, named_note, unit_cost_draws
from harness_reports.prices.pricing import Pricing
from harness_reports.prices.usage import Bill, pays_calls
from harness_reports.prices.usage_figures import ONLY_CALLS, usd_draws
from harness_reports.reasons import as_text

COST = (
    *KEYS, "seeds", "pretrain_usd", "finetune_usd", "train_usd", "evaluate_usd", "usd_per_1k_inferences",
    "usd_per_1k_low", "usd_per_1k_high", "batch_size", "usd_per_1k_single_stream", "usd_per_1k_single_stream_low",
    "usd_per_1k_single_stream_high", "usd_per_1k_correct", "usd_per_1k_correct_low", "usd_per_1k_correct_high",
    "usd_per_million_output_tokens", *ONLY_CALLS, "tokens_are",
    "energy_j_per_1k", "energy_j_per_1k_low", "energy_j_per_1k_high", "energy_kind", "co2e_g_per_1k", "usd_per_hour",
    "utilisation", "train_energy_j", "train_energy_kind", "train_co2e_g", "pue", "grid", "grid_g_co2e_per_kwh",
    "price_item", "price_usd", "price_multiplier", "price_offer", "price_provider", "price_region", "price_as_of",
    "price_as_of_note", "price_stale", "price_source", "note",
)  # fmt: skip
_DRAWS = tuple(f"{point}_draws" for point, *_ in UNIT_COSTS.values())


def cost(records: Sequence[Record], pricing: Pricing) -> pd.DataFrame:
    """Return one row for each candidate that was evaluated or served.

    - A stage costs its measured seconds (the training loop, without loading) at the machine's hourly rate: the mean
      over seeds for fine-tuning and evaluation, and one pretraining, which all seeds share. Pretraining costs 0 from
      scratch and for a checkpoint that was pretrained elsewhere, and is None where its record is missing.
    - `usd_per_1k_inferences` is that of the cheapest Offline batch size on a machine that is busy for `utilisation` of
      its paid time: usd per hour / (samples per s · 3600 · utilisation) · 1000. `..._single_stream` is the same for one
      request at a time, as latencies are measured. Where Offline was not served, the highest rate that was measured
      under load takes its place, whose spread is not known.
    - `usd_per_1k_correct` is the Offline cost over the share of right answers (quality over its ceiling). Costs of
      errors and reviews belong to a use case, see `serving`. `usd_per_million_output_tokens` is None where no tokens
      were counted. `usd_per_1k_correct_low` and `..._high` are the ends of its 95 % interval.
    - `price_stale` says how old a price is that is older than `STALE_DAYS` days on the day of the prices.
    - Energy is the machine's, metered or estimated (`energy_kind`; an estimate's band is all processors idle to all
      busy). Carbon includes the building's overhead (`pue`) and the country's grid.
    - A model behind a URL is paid by the token: every request of the test split at genai-prices' price at noon (UTC) of
      the day of the prices, in the tier of its size, cached tokens at their own price. The model is found by its name
      and URL. `usd_per_1k_inferences` is the mean of these requests; its interval is over seeds and items, as that of
      quality. `price_usd_per_million_input` and `..._output` are what they pay over their tokens;
      `usd_per_million_tokens` is the whole cost over all tokens, `usd_per_million_output_tokens` over those written.
      Intervals of costs by token and by right answer resample price, tokens and score of the same requests. Wrong,
      empty and refused answers are paid and counted. `usd_per_1k_with_retries` is the most that requests cost: every
      further attempt billed like the answer that came in the end; what a failed attempt took, no server says.
      `tokens_are` says whether the server counted the tokens or they are estimated. A record whose user said which
      entry of the list of prices pays its calls (`priced_as`) has that one's price, whatever the URL.
      With a machine that the reader names for it (`Pricing.machines`), it is priced by the hour of that instead, at the
      highest rate that was measured under load, else at that of Offline: `note` says so, as nothing measured says where
      the server ran.
      `evaluate_usd` is the cost of the calls of all splits. Without a known price these cells are None, and `note` says
      why. Energy and hours of the server are not known.

    Raises:
        FactError: the hardware of a candidate on a machine has no price in `pricing`.
    """
    return pd.DataFrame(map(as_text, cost_rows(Results.of(records), pricing).values()), columns=list(COST))


def cost_rows(results: Results, pricing: Pricing) -> dict[Candidate, dict[str, Any]]:
    """Return the rows of the cost table by candidate; missing cells are None.

    Beside the table's columns `..._draws`: draws of a unit cost, None where it was not served.
    """
    return {
        key: cost_row(candidate, cost_figures(candidate, pricing), pricing)
        for key, candidate in results.candidates.items()
    }


def cost_row(candidate: Measured, figures: Mapping[str, Explained], pricing: Pricing) -> dict[str, Any]:
    """Return a candidate's row of the cost table, as in `cost_rows`, from its figures."""
    cells = _cells_of_calls if pays_calls(candidate.machine, pricing) else _cells_of_machines
    return {
        **dict.fromkeys(COST), **candidate.columns, "seeds": len(candidate.chains), **values(figures),
        "energy_kind": energy_kind(figures["energy_j_per_1k"]),
        "train_energy_kind": energy_kind(figures["train_energy_j"]), "grid": pricing.grid,
        **cells(candidate, figures, pricing),
    }  # fmt: skip


def _cells_of_calls(candidate: Measured, _: Mapping[str, Explained], pricing: Pricing) -> dict[str, Any]:
    bill, (offline, single) = Bill(candidate, pricing.as_of), _DRAWS
    draws = usd_draws(bill, float(pricing.multiplier))
    return {offline: draws, single: None, **bill.price_cells(), "note": bill.note}


def _cells_of_machines(candidate: Measured, figures: Mapping[str, Explained], pricing: Pricing) -> dict[str, Any]:
    offline, named = candidate.fastest.get("Offline"), named_note(candidate, pricing)
    served = {} if named is None else {"tokens_are": Bill(candidate, pricing.as_of).tokens_are, "note": named}
    return {
        **served,
        **{name: unit_cost_draws(figures[point], candidate.fastest.get(scenario))
           for name, (scenario, (point, *_)) in zip(_DRAWS, UNIT_COSTS.items(), strict=True)},
        "batch_size": offline and offline.batch_size, **_price(pricing.price(candidate.machine), pricing),
    }  # fmt: skip


def _price(price: Price, pricing: Pricing) -> dict[str, Any]:
    return {
        "price_item": price.item, "price_offer": price.offer, "price_provider": price.provider,
        "price_region": price.region, "price_as_of": price.as_of.isoformat(), "price_as_of_note": price.as_of_note,
        "price_stale": pricing.stale(price), "price_source": price.source,
    }  # fmt: skip
