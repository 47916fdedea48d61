"""What it costs to have a candidate's open answers graded by a judge: part of its evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness_reports.figures.explained import Explained, derived, named
from harness_reports.measured.readings import who
from harness_reports.measured.results import Judging, Measured
from harness_reports.prices.pricing import Pricing

Figures = Callable[[Measured, Pricing], Mapping[str, Explained]]


def with_judges(
    candidate: Measured, figures: Mapping[str, Explained], pricing: Pricing, figures_of: Figures
) -> dict[str, Explained]:
    """Return a candidate's figures, with the judge's bill in `evaluate_usd` by the part of it that is of its answers.

    Args:
        candidate: with its judgings.
        figures: of its row of the cost table, without the judge.
        pricing: the prices, of the judge too.
        figures_of: returns the figures of the judge's row.
    """
    if not candidate.judgings:
        return dict(figures)
    answering = named(figures["evaluate_usd"], "answering_usd")
    bills = [_bill(judging, pricing, figures_of) for judging in candidate.judgings]
    seeds = Explained("seeds", len(candidate.evaluations), note="evaluations whose answers were graded")
    note = _unpriced(bills) or "of answers that a judge graded"
    whole = derived(
        "evaluate_usd", "USD", "answering_usd + sum(judging_usd) / seeds", answering, *bills, seeds, note=note
    )
    return {**figures, whole.name: whole}


def _bill(judging: Judging, pricing: Pricing, figures_of: Figures) -> Explained:
    """Return the part of a judge's bill that is of a candidate's answers."""
    paid = named(figures_of(judging.judge, pricing)["evaluate_usd"], "judge_usd")
    part = Explained("part", judging.part, source=who(judging.judge.machine), kind="measured",
                     note="of the answers that the judge graded there, by their number")  # fmt: skip
    return derived("judging_usd", "USD", "judge_usd * part", paid, part)


def _unpriced(bills: list[Explained]) -> str:
    return "the judge has no price" if any(bill.value is None for bill in bills) else ""
