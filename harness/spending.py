"""What the calls of a plan consume and cost, said before anything is asked."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from math import ceil
from typing import Any, NamedTuple

from harness import plain
from harness.checks import data_of
from harness.errors import SuiteError
from harness.hooks import answer_of, called
from harness.plan import Plan, Step
from harness.plugins import Plugins
from harness.sampling import sampled
from harness.seams import Data, Model, Quote
from harness.settings import all_settings

FEWEST_BATCHES = 2
"""To warm up with, where a further one would take too long."""


class Quoted(NamedTuple):
    """A step with its quote."""

    step: Step
    quote: Quote


def is_quoted(step: Step, plugins: Plugins) -> bool:
    """Return whether a step asks a model whose calls are paid one by one."""
    return (
        step.kind in ("evaluate", "serve")
        and not step.unsupported
        and type(plugins.models[step.spec["model"]]).quote is not Model.quote
    )


def quotes(plan: Plan, plugins: Plugins, loaded: dict[str, Data]) -> list[Quoted]:
    """Return the quotes of the pending steps; `loaded` as in `checks.check_models`.

    Raises:
        HarnessError: a model cannot say them; names the remedy.
    """
    quoted = []
    for step in plan.pending:
        if is_quoted(step, plugins):
            data, spec = data_of(step, plugins, loaded), step.spec
            inputs = called(_inputs, step, data)
            quote = answer_of(plugins.models[spec["model"]], "quote", data, all_settings(spec), inputs, spec["seed"])
            if quote is not None:
                quoted.append(Quoted(step, plain.instance(quote, Quote, "Model.quote()")))
    return quoted


def _inputs(step: Step, data: Data) -> list[Any]:
    """Return what a step asks for; of a load the least that it asks for, as the rest depends on the speed."""
    if step.kind == "serve":
        return list(islice(cycle(data.queries()), _least_calls(step.spec)))
    splits = ["test", "validation"] if step.spec.get("validation") else ["test"]
    return [one for split in splits for one in _asked_for(sampled(data, split, step.spec)[0], split)]


def _least_calls(spec: Mapping[str, Any]) -> int:
    """Return the calls that a step of serving makes whatever the speed: the first answer, the warm-up, and the runs.

    A run that is broken off, as too many requests are in flight, makes fewer.
    """
    from harness.measure.load import FEW_CALLS

    load, size, scenario = spec["load"], int(spec["batch_size"]), spec["scenario"]
    queries = int(load["queries"])
    if scenario == "Server":
        return 1 + FEW_CALLS + _least_arrivals(load, queries)
    if scenario == "ClosedLoop":
        return 1 + FEW_CALLS + max(queries, size)
    if scenario == "MultiStream":
        return 1 + FEW_CALLS + queries * size
    return 1 + (FEWEST_BATCHES + ceil(queries / size)) * size


def _least_arrivals(load: Mapping[str, Any], queries: int) -> int:
    """Return the requests of the runs at all rates, or of a search that finds none, the shortest there is."""
    from harness.measure.search import HALVINGS, fewest

    seconds = float(load["seconds"])
    if rates := dict.fromkeys(load.get("rates") or ()):
        return sum(max(queries, ceil(rate * seconds)) for rate in rates)
    return (1 + HALVINGS) * max(queries, fewest(load.get("percentile", 99.0) / 100, 0))


class _LookedError(Exception):
    """Ends an evaluation that was begun to see its inputs."""


def _asked_for(data: Data, split: str) -> list[Any]:
    """Return what an evaluation on a split asks for: it begins with a predictor that only looks."""
    inputs: list[Any] = []

    def look(batch: Sequence[Any]) -> Sequence[Any]:
        inputs.extend(batch)
        raise _LookedError

    with contextlib.suppress(_LookedError):
        data.evaluate(look, max(1, data.sizes[split]), split)
    return inputs


def lines(quoted: Sequence[Quoted], cap_usd: float | None) -> list[str]:
    """Return what the steps will consume and cost, a line for each and one for all."""
    if not quoted:
        return []
    each = [f"{step.title}: {_in_words(quote, more=step.kind == 'serve')}." for step, quote in quoted]
    more = any(step.kind == "serve" for step, _ in quoted)
    priced = [quote for _, quote in quoted if quote.usd is not None]
    cap = "" if cap_usd is None or not priced else f" No call that would pass {cap_usd:g} USD is made."
    if cap_usd is not None and len(priced) < len(quoted):
        cap += " The cap does not hold for calls without a price."
    return [*each, f"All together: {_in_words(_sum([quote for _, quote in quoted]), more=more)}.{cap}"]


def require_cap(quoted: Sequence[Quoted], plan: Plan) -> None:
    """Raise where calls have a price and the suite sets no cap.

    Raises:
        SuiteError: names the remedy.
    """
    priced = [step.spec["model"] for step, quote in quoted if quote.usd is not None]
    if priced and plan.suite.budgets.spend_usd is None:
        raise SuiteError(
            f"The calls of {priced[0]} have a price, and suite {plan.suite.name!r} does not say how much may be spent: "
            "set `budgets: {spend_usd: …}` in it, or give --spend-usd."
        )


def _sum(quotes: Sequence[Quote]) -> Quote:
    """Return all quotes as one; a price is that of the calls that have one."""
    output = [one.output_tokens_at_most for one in quotes]
    priced = [one for one in quotes if one.usd is not None]
    return Quote(
        sum(one.calls for one in quotes),
        sum(one.input_tokens for one in quotes),
        sum(one.input_tokens_at_most for one in quotes),
        None if None in output else sum(count or 0 for count in output),
        sum(one.usd or 0 for one in priced) if priced else None,
        sum(one.usd_at_most or 0 for one in priced) if priced else None,
    )


def _in_words(quote: Quote, *, more: bool) -> str:
    """Return a quote in words. `more`: a load makes at least these calls, and more on a faster server."""
    output, usd = quote.output_tokens_at_most, quote.usd
    bound = "or more" if more else f"({quote.usd_at_most or 0:.4f} at most)"
    parts = [
        f"{quote.calls:,} calls" + (" or more" if more else ""),
        f"about {quote.input_tokens:,} input tokens ({quote.input_tokens_at_most:,} at most)",
        "as many output tokens as the server allows" if output is None else f"at most {output:,} output tokens",
        "no price" if usd is None else f"about {usd:.4f} USD {bound}",
    ]
    return ", ".join(parts)
