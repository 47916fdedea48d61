"""What a call of a hosted model costs: by the tokens of answers that were measured, else by those of the use case."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time
from typing import Literal, NamedTuple

import numpy as np

from harness.errors import FactError
from harness_reports.business.evidence import Evidence
from harness_reports.business.market import Market
from harness_reports.business.market_figures import figure
from harness_reports.economics.api_prices import BATCH, CallPrice, call_price, price_source
from harness_reports.economics.distributions import Distribution, Empirical, Fixed
from harness_reports.economics.simulation import draw
from harness_reports.figures.explained import Explained, derived, named
from harness_reports.measured.lineage import label
from harness_reports.prices import price_figures as priced
from harness_reports.prices.pricing import Pricing
from harness_reports.prices.usage import BY_ID, COUNTS, Bill, Tier, is_served, listing

TOKENS = ("input_tokens_per_request", "output_tokens_per_request")
NAME, UNIT = "usd_per_call", "USD per call"
_TOKEN_DRAWS = 4096
"""Draws of the numbers of tokens, whose costs are the values of an empirical distribution."""
_BATCH: Tier = tuple(BATCH.items())


class CallCost(NamedTuple):
    """The cost of a call."""

    usd: Distribution
    tokens_are: Literal["estimated", "assumed"]
    """Estimated: another model answered the same items with so many; assumed: the use case gives them."""
    as_of: date | None
    """The day since which the price holds; None if that is not known."""
    terms: str
    figure: Explained
    """The mean, explained."""
    asked_now: Explained
    """The mean for who asks now: the standard price, as answers are waited for, and that of the list."""
    output_tokens: int
    """Output tokens of a long answer."""


def split_name(market: Market, name: str) -> tuple[str, str]:
    """Return provider and model of a hosted model's name.

    Raises:
        FactError: the name is no `provider/model`.
    """
    provider, _, model = name.partition("/")
    if not model:
        raise FactError(
            f"Use case {market.use_case.name!r}: the hosted model {name!r} has no provider. Write `provider/model`."
        )
    return provider, model


def call_cost(market: Market, name: str, pricing: Pricing, measured: Sequence[Evidence] = ()) -> CallCost:
    """Return the cost of a call of a hosted model that was not measured.

    It takes the tokens of the first of `measured` whose server counted them: of each of its answers to the same items,
    at this model's price; other models write more or fewer. Without any, or where the reader gives tokens, it is the
    cost of a call of mean size, a distribution over the use case's number of tokens.

    Args:
        market: the use case.
        name: `provider/model`.
        pricing: its day is that of the price, and its multiplier is on it; a batch price is taken where the use case
            needs no latency and the model has one.
        measured: candidates of the use case, the most similar first.

    Raises:
        FactError: the name is no `provider/model`, there are no tokens, or the model has no known price.
    """
    provider, model = split_name(market, name)
    if not set(TOKENS) & market.overrides.keys():
        for each in measured:
            if (cost := _of_tokens(market, each, (provider, model), pricing)) is not None:
                return cost
    return _of_mean_size(market, provider, model, pricing)


def _of_tokens(market: Market, evidence: Evidence, entry: tuple[str, str], pricing: Pricing) -> CallCost | None:
    """Return the cost of the calls that a served candidate made, at another model's prices; None without tokens."""
    if not is_served(evidence.measured.machine):
        return None
    day = pricing.as_of
    if listing(*entry, day, BY_ID) is None:
        raise FactError(f"No price of {entry[1]!r} at {entry[0]!r} is known on {day}. Name another hosted model.")
    standard = Bill(evidence.measured, day, (*entry, ()))
    if standard.gap:
        return None
    batch = Bill(evidence.measured, day, (*entry, _BATCH)) if market.latency_s is None else standard
    bill = batch if batch.usd_of_requests.sum() < standard.usd_of_requests.sum() else standard
    figure = _multiplied(_of_bill(bill), pricing)
    usd = _around(bill.draws * float(pricing.multiplier), figure)
    longest = int(bill.requests[:, :, list(COUNTS).index("output_tokens")].max())
    return CallCost(usd, "estimated", _since(bill), _terms_of(bill), figure, _of_bill(standard), longest)


def _of_bill(bill: Bill) -> Explained:
    """Return the mean price of the calls of a bill, whose tokens are another model's."""
    note = (
        f"the tokens of {label(bill.measured.columns)}, whose {bill.requests.shape[1]:,} answers to the same items "
        "were counted, each at this model's price: it may write more or fewer"
    )
    source = _source("/".join(bill.entry[:2]), _since(bill), _terms_of(bill))
    return Explained(NAME, float(bill.usd_of_requests.mean()), UNIT, note=note, source=source, kind="estimated")


def _since(bill: Bill) -> date | None:
    assert bill.listing is not None  # noqa: S101 - a bill without a gap is priced
    return bill.listing.as_of


def _terms_of(bill: Bill) -> str:
    return _terms(bill.tier == _BATCH, cached=bill.reads_cache)


def _multiplied(listed: Explained, pricing: Pricing) -> Explained:
    """Return the price of a call with the reader's multiplier on it."""
    if pricing.multiplier == 1:
        return listed
    name = f"listed_{NAME}"
    return derived(NAME, UNIT, f"{name} * price_multiplier", named(listed, name), priced.multiplier(pricing))


def _around(values: np.ndarray, mean: Explained) -> Distribution:
    """Return the distribution of values with a mean."""
    return Empirical(values, mean.value) if np.size(values) > 1 and np.ptp(values) else Fixed(mean.value)


def _of_mean_size(market: Market, provider: str, model: str, pricing: Pricing) -> CallCost:
    """Return the cost of a call with the tokens that the use case gives."""
    if TOKENS[0] not in market.use_case.market:
        raise FactError(
            f"Use case {market.use_case.name!r} names hosted models, but no {TOKENS[0]}, and no served model was "
            f"measured whose tokens could be taken. Add it, and {TOKENS[1]}."
        )
    at = datetime.combine(pricing.as_of, time(12), UTC)  # noon: some prices depend on the hour
    means = [round(market.inputs[name].mean) for name in TOKENS]
    cached = round(means[0] * market.numbers["cached_input_share"])
    usage = {"input_tokens": means[0], "cache_read_tokens": cached, "output_tokens": means[1]}
    standard = call_price(provider, model, usage, at)
    call = call_price(provider, model, usage, at, batch_if_possible=market.latency_s is None)
    # Prices have tiers: tokens are priced at the mean size, then the cost is linear in their number.
    drawn = draw({name: market.inputs[name] for name in TOKENS}, _TOKEN_DRAWS)
    values = sum(rate * drawn[name] for rate, name in zip(_rates(call, means), TOKENS, strict=True))
    terms = _terms(call.batch, cached=bool(cached))
    listed, asked_now = (
        _explained(market, _rates(one, means),
                   _source(f"{provider}/{model}", one.as_of, _terms(one.batch, cached=bool(cached))))
        for one in (call, standard)
    )  # fmt: skip
    figure = _multiplied(listed, pricing)
    usd = _around(np.asarray(values) * float(pricing.multiplier), figure)
    longest = math.ceil(float(market.inputs[TOKENS[1]].quantile(np.array([0.99]))[0]))
    return CallCost(usd, "assumed", call.as_of, terms, figure, asked_now, longest)


def _rates(call: CallPrice, means: Iterable[int]) -> list[float]:
    """Return the cost of a token of input and of output, in a call of mean size."""
    parts = zip((call.input_usd, call.output_usd), means, strict=True)
    return [float(usd / tokens) if tokens else 0.0 for usd, tokens in parts]


def _explained(market: Market, rates: Sequence[float], source: str) -> Explained:
    prices = tuple(
        Explained(name, usd, "USD per token", note="in a call of mean size", source=source, kind="price")
        for name, usd in zip(("usd_per_input_token", "usd_per_output_token"), rates, strict=True)
    )
    formula = f"usd_per_input_token * {TOKENS[0]} + usd_per_output_token * {TOKENS[1]}"
    return derived(NAME, UNIT, formula, *prices, *(figure(market, name) for name in TOKENS))


def _terms(batch: bool, *, cached: bool) -> str:
    return ", ".join(["batch" if batch else "standard", *(["cached input"] if cached else [])])


def _source(name: str, as_of: date | None, terms: str) -> str:
    return f"{price_source()} for {name}, {f'since {as_of}' if as_of else 'day unknown'}, {terms}"
