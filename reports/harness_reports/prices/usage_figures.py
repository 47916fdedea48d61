"""The figures of calls that are paid by the token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from harness.records import Record
from harness_reports.economics.api_prices import price_source
from harness_reports.figures.explained import Explained, derived
from harness_reports.measured.intervals import RESAMPLES, interval_of
from harness_reports.measured.readings import who
from harness_reports.measured.results import Measured
from harness_reports.prices import price_figures as priced
from harness_reports.prices.pricing import Pricing
from harness_reports.prices.usage import COUNTS, TOTALS, Bill, CallUsd, estimated

USD, PER_1K = "USD", "USD per 1,000 inferences"
TOKENS = ("input_tokens_per_request", "cached_tokens_per_request", "output_tokens_per_request")
RATES = ("price_usd_per_million_input", "price_usd_per_million_output")
BLENDED, WRITTEN = "usd_per_million_tokens", "usd_per_million_output_tokens"
BLENDED_ENDS = ("usd_per_million_tokens_low", "usd_per_million_tokens_high")
RETRIED = "usd_per_1k_with_retries"
ONLY_CALLS = (*TOKENS, *RATES, BLENDED, *BLENDED_ENDS, RETRIED)
"""Columns that candidates on machines do not have."""
_ONLY_MACHINES = (
    "usd_per_1k_single_stream", "usd_per_1k_single_stream_low", "usd_per_1k_single_stream_high", "usd_per_hour",
    "utilisation", "price_usd",
)  # fmt: skip
_ENERGY = ("energy_j_per_1k", "energy_j_per_1k_low", "energy_j_per_1k_high", "co2e_g_per_1k")
_UNIT_COST = (
    "((input_tokens_per_request * price_usd_per_million_input + output_tokens_per_request * "
    "price_usd_per_million_output) / 1000 + price_usd_per_request * 1000) * price_multiplier"
)


def of_machines() -> Iterator[Explained]:
    """Yield the figures of calls for a candidate on a machine: none."""
    for name in ONLY_CALLS:
        yield Explained(name, None, note="a machine is paid by the hour, whatever the tokens")


def call_figures(candidate: Measured, pricing: Pricing) -> list[Explained]:
    """Return the figures of a served model's calls, the cost of 1,000 first; without values where it has no price."""
    bill = Bill(candidate, pricing.as_of)
    figures = [*_tokens(bill), *_rates(bill)]
    point = derived("usd_per_1k_inferences", PER_1K, _UNIT_COST,
                    *(each for each in figures if each.name in _UNIT_COST), priced.multiplier(pricing),
                    note=bill.note.sentence("en") if bill.note else "")  # fmt: skip
    *paid, _ = figures  # the price of a request whatever its tokens is no column
    return [
        point, *_ends(bill, point), _retried(bill, point), *paid, *_per_million(bill, point, figures),
        _evaluation(bill, pricing),
        *(Explained(name, None, note="calls are paid by the token, whatever the machine") for name in _ONLY_MACHINES),
        *(Explained(name, None, note="the energy of the server is not known") for name in _ENERGY),
    ]  # fmt: skip


def token_figures(bill: Bill, point: Explained) -> Iterator[Explained]:
    """Yield the tokens of a served model that is paid by the hour, and what a million of them cost at `point`."""
    tokens = list(_tokens(bill))
    yield from tokens
    yield from (figure for figure in _per_million(bill, point, tokens) if figure.name not in BLENDED_ENDS)
    note = "paid by the hour of the machine that you name, not by the token"
    yield from (Explained(name, None, note=note) for name in (*RATES, *BLENDED_ENDS, RETRIED))
    yield from (Explained(name, None, note="the energy of the server is not known") for name in _ENERGY)


def usd_draws(bill: Bill, multiplier: float) -> np.ndarray | None:
    """Return draws of the cost of 1,000 requests, None where they have no price."""
    return None if bill.gap else bill.draws * (1000 * multiplier)


def _tokens(bill: Bill) -> Iterator[Explained]:
    for name in TOKENS:
        counted = name.removesuffix("_per_request")
        if not (bill.requests.size and bill.reports(counted)):
            yield Explained(name, None, "tokens", note="the server did not say it")
            continue
        totals = bill.requests[:, :, list(COUNTS).index(counted)].sum(axis=1)
        parts = [
            part for leaf, total in zip(bill.leaves, totals, strict=True)
            for part in (
                Explained(counted, int(total), "tokens", source=f"usage in {who(leaf)}", note=_counted_here(leaf),
                          kind="estimated" if estimated(leaf) else "measured"),
                Explained("requests", bill.requests.shape[1], source=f"usage in {who(leaf)}", kind="measured"),
            )
        ]  # fmt: skip
        yield derived(name, "tokens", f"sum({counted}) / sum(requests)", *parts)


def _counted_here(leaf: Record) -> str:
    count = estimated(leaf)
    return f"of {count:,} answers counted by a tokenizer, as the server did not say them" if count else ""


def _rates(bill: Bill) -> list[Explained]:
    """Return what a million tokens cost in these calls, of the input and of the output, and what a call costs apart."""
    names, unit = (*RATES, "price_usd_per_request"), "USD per million tokens"
    listed = bill.listing
    if bill.gap or listed is None:
        return [Explained(name, None, unit, note="there is no price: see the note of the row") for name in names]
    since = f"since {listed.as_of}" if listed.as_of else "day unknown"
    source = f"{price_source()} for {listed.provider}/{listed.model}, {since}, at {bill.day}"
    tokens = [bill.requests[:, :, list(COUNTS).index(name)].sum() for name in ("input_tokens", "output_tokens")]
    usd = dict(zip(CallUsd._fields, bill.usd.sum(axis=(0, 1)).tolist(), strict=True))
    values = [
        usd[part] / count * 1e6 if count else 0.0 for part, count in zip(("input", "output"), tokens, strict=True)
    ]
    calls = bill.usd.shape[0] * bill.usd.shape[1]
    note = "what these calls pay over their tokens: each call in its own tier, cached tokens at their own price"
    return [
        *(Explained(name, value, unit, note=note, source=source, kind="price")
          for name, value in zip(RATES, values, strict=True)),
        Explained(names[-1], usd["request"] / calls, "USD per request", source=source, kind="price"),
    ]  # fmt: skip


def _ends(bill: Bill, point: Explained) -> Iterator[Explained]:
    """Yield the ends of the 95 % interval of the cost of 1,000 requests."""
    multiplier = next(part.value for part in point.inputs if part.name == "price_multiplier")
    draws = usd_draws(bill, multiplier)
    ends = (None, None) if draws is None else interval_of(draws)
    for name, end, share in zip(("usd_per_1k_low", "usd_per_1k_high"), ends, ("2.5", "97.5"), strict=True):
        note = f"{share}th percentile of {RESAMPLES:,} bootstrap means: seeds are resampled, then requests"
        yield Explained(name, end, PER_1K, note=note, inputs=(point,))


def _retried(bill: Bill, point: Explained) -> Explained:
    """Return the cost of 1,000 requests if every attempt is billed like the answer that came in the end."""
    if bill.gap:
        return Explained(RETRIED, None, PER_1K, note="there is no price: see the note of the row")
    source = "; ".join(f"attempts in {who(leaf)}" for leaf in bill.leaves)
    factor = Explained("attempts_paid", bill.attempts_paid, source=source, kind="measured",
                       note="attempts by answer, weighted with the answer's price")  # fmt: skip
    return derived(RETRIED, PER_1K, f"{point.name} * attempts_paid", point, factor,
                   note="the most: a provider that bills no failed attempt is paid usd_per_1k_inferences")  # fmt: skip


def _per_million(bill: Bill, point: Explained, figures: Sequence[Explained]) -> Iterator[Explained]:
    """Yield the whole cost over the tokens written, and over all tokens with the ends of its 95 % interval."""
    tokens = {figure.name: figure for figure in figures if figure.name in (TOKENS[0], TOKENS[2])}
    for name, unit, over in (
        (WRITTEN, "USD per million tokens written", (TOKENS[2],)), (BLENDED, "USD per million tokens", tuple(tokens)),
    ):  # fmt: skip
        parts = [tokens[each] for each in over]
        if not sum(part.value or 0 for part in parts):
            cost = Explained(name, None, unit, note="no tokens were counted", inputs=(point, *parts))
        else:
            cost = derived(name, unit, f"{point.name} / ({' + '.join(over)}) * 1000", point, *parts)
        yield cost
    yield from _ends_per_million(bill, cost)


def _ends_per_million(bill: Bill, cost: Explained) -> Iterator[Explained]:
    low, high = (None, None) if cost.value is None or bill.gap else interval_of(_draws_per_million(bill, cost.value))
    for name, end, share in zip(BLENDED_ENDS, (low, high), ("2.5", "97.5"), strict=True):
        note = f"{share}th percentile of {RESAMPLES:,} bootstrap ratios: seeds are resampled, then requests"
        yield Explained(name, end, cost.unit, note=note, inputs=(cost,))


def _draws_per_million(bill: Bill, usd_per_million: float) -> np.ndarray:
    """Return draws of the cost of a million tokens, prices and tokens of the same requests, around its value."""
    tokens = bill.requests[:, :, [list(COUNTS).index(name) for name in TOTALS]].sum(axis=2)
    paid = bill.usd_of_requests.sum()
    if not paid:
        return np.zeros(1)
    return bill.draws_over(tokens) * (usd_per_million / float(paid / tokens.sum()))


def _evaluation(bill: Bill, pricing: Pricing) -> Explained:
    """Return the cost of the calls of an evaluation, the mean of several seeds."""
    name = "evaluation_usd"
    if bill.gap:
        return Explained("evaluate_usd", None, USD, note="there is no price: see the note of the row")
    note = "the calls of all splits, each priced by its own tokens"
    paid = [Explained(name, bill.evaluation_usd(leaf), USD, note=note, source=who(leaf), kind="price")
            for leaf in bill.leaves]  # fmt: skip
    return derived("evaluate_usd", USD, f"mean({name}) * price_multiplier", *paid, priced.multiplier(pricing))
