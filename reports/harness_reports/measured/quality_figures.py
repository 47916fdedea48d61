"""The figures of the accuracy table, worked out and explained."""

from __future__ import annotations

import math

from harness_reports.figures.explained import Explained, derived, named
from harness_reports.measured.intervals import Interval
from harness_reports.measured.quality import Quality
from harness_reports.measured.readings import who

RIGHT_SHARE = "share(quality / ceiling)"
NO_DIFFERENCE = "no significant difference"
"""Of two qualities: the 95 % interval of their difference holds 0."""


def quality_figures(own: Quality, baseline: Quality | None) -> dict[str, Explained]:
    """Return the figures of a row of the accuracy table by column.

    Args:
        own: the row's evaluations.
        baseline: those of the task's cheap baseline on the same data, None where there are none.
    """
    value, ends = own.figure, own.interval()
    figures = (
        value,
        *(Explained(name, end, own.unit, note=f"{share}th percentile of {own.method}", inputs=(value,))
          for name, end, share in zip(("low", "high"), ends, ("2.5", "97.5"), strict=True)),
        _declared("random_baseline", own), _declared("ceiling", own), *_against(own, baseline),
    )  # fmt: skip
    return {figure.name: figure for figure in figures}


def quality_share(own: Quality, quality: Explained | None = None) -> Explained:
    """Return the share of answers that are right, at the quality that was measured or at another."""
    value, ceiling = quality or named(own.figure, "quality"), _declared("ceiling", own)
    if not ceiling.value or own.sign < 0 or not math.isfinite(value.value):
        note = f"{own.name} has no ceiling to be a share of, or it counts errors, or no number is known"
        return Explained("right_share", None, note=note, inputs=(value, ceiling))
    return derived("right_share", "", RIGHT_SHARE, value, ceiling, note="held between 0 and 1")


def _declared(name: str, own: Quality) -> Explained:
    value = own.metric.get(name)
    if value is None:
        return Explained(name, None, own.unit, note=f"the task names no {name} for {own.name}")
    source = f"the task's data, as kept in {who(own.leaves[-1])}"
    return Explained(name, value, own.unit, source=source, kind="declared")


def _against(own: Quality, baseline: Quality | None) -> list[Explained]:
    """Return the baseline's value, and whether its own is significantly better or worse."""
    if baseline is None:
        note = f"the baseline {own.baseline!r} was not graded on the same data"
        return [Explained(name, None, note=note) for name in ("baseline_value", "against_baseline")]
    bar = named(baseline.figure, "baseline_value")
    if own.key.model == baseline.key.model:
        verdict = note = "is the baseline"
    else:
        low, high = own.minus(baseline)
        verdict = _verdict(Interval(low, high), own.sign)
        note = f"the difference's 95 % interval, paired by item: {low:.4g} to {high:.4g} {own.unit}".rstrip()
    return [bar, Explained("against_baseline", verdict, note=note, inputs=(own.figure, bar))]


def _verdict(difference: Interval, sign: int) -> str:
    low, high = sorted(sign * end for end in difference)
    return "better" if low > 0 else "worse" if high < 0 else NO_DIFFERENCE
