"""The use case my-name: what it needs and what it is worth. Put your figures, and try: harness check my_name.py."""

from datetime import date

import harness


def assumed(value, unit, source):
    """Return a figure that is ours to answer for; `kind="sourced"` where somebody published it."""
    return harness.Figure(value=value, unit=unit, as_of=date(2026, 1, 1), source=source, kind="assumption")


MY_NAME = harness.UseCase(
    name="my-name",
    title="Documents filed by topic",
    summary="A request is one document that is filed without a person.",
    tasks=("topics",),
    needs={
        "quality": assumed(0.85, "accuracy", "below this people stop trusting it"),
        "latency_s": assumed(0.5, "s, 99th percentile", "a person waits for it"),
    },
    market={
        "requests_per_year": assumed(2_000_000.0, "documents per year", "our archive, counted"),
        "value_per_request_usd": assumed(0.05, "USD per document", "a minute of a clerk, a third of it saved"),
        "cost_per_error_usd": assumed(0.10, "USD per wrong document", "finding it again"),
        "fixed_cost_per_year_usd": assumed(40_000.0, "USD per year", "a quarter of an engineer"),
        "upfront_cost_usd": assumed(30_000.0, "USD", "three months of integration"),
        "discount_rate": assumed(0.10, "share per year", "our hurdle rate"),
        "years": assumed(4.0, "years", "until it is replaced"),
        "development_multiplier": assumed(10.0, "runs per final run", "experiments for one model in service"),
    },
)


@harness.hookimpl
def harness_use_cases():
    return [MY_NAME]
