"""The figures of the accuracy table."""

from __future__ import annotations

import math

from harness_reports.figures.explained import Explained, derived, named
from harness_reports.measured.intervals import Interval
from harness_reports.measured.quality import Quality
from harness_reports.measured.readings import who

RIGHT_SHARE = "share(quality / ceiling)"
NO_DIFFERENCE = "no significant difference"
"""The 95 % interval of the difference of two qualities holds 0."""
BETTER_THAN_GUESSING = "better than guessing"
NO_BETTER_THAN_GUESSING = "no better than guessing"
GUESSING_BASELINE = "is the baseline, no better than guessing"
"""Where the baseline is not significantly better than the random baseline, candidates have to be better than both."""


def quality_figures(quality: Quality, baseline: Quality | None) -> dict[str, Explained]:
    """Return the figures of a row of the accuracy table by column.

    Args:
        quality: the row's evaluations.
        baseline: those of the task's baseline on the same data, None where there are none.
    """
    value, ends = quality.figure, quality.interval()
    figures = (
        value,
        *(Explained(name, end, quality.unit, note=f"{share}th percentile of {quality.method}", inputs=(value,))
          for name, end, share in zip(("low", "high"), ends, ("2.5", "97.5"), strict=True)),
        _declared("random_baseline", quality), _declared("ceiling", quality), *_against(quality, baseline),
    )  # fmt: skip
    return {figure.name: figure for figure in figures}


def quality_share(graded: Quality, quality: Explained | None = None) -> Explained:
    """Return the share of right answers at the measured quality, or at another one."""
    value, ceiling = quality or named(graded.figure, "quality"), _declared("ceiling", graded)
    if not ceiling.value or graded.sign < 0 or not math.isfinite(value.value):
        note = f"{graded.name} has no ceiling, counts errors, or is not a finite number"
        return Explained("right_share", None, note=note, inputs=(value, ceiling))
    return derived("right_share", "", RIGHT_SHARE, value, ceiling, note="held between 0 and 1")


def _declared(name: str, quality: Quality) -> Explained:
    value = quality.metric.get(name)
    if value is None:
        return Explained(name, None, quality.unit, note=f"the task declares no {name} for {quality.name}")
    source = f"the task's data, as kept in {who(quality.leaves[-1])}"
    return Explained(name, value, quality.unit, source=source, kind="declared")


def _against(quality: Quality, baseline: Quality | None) -> list[Explained]:
    """Return the baseline's value, and whether the candidate is significantly better or worse.

    Where the baseline is not significantly better than the random baseline, a candidate has to be better than both.
    """
    if baseline is None:
        note = f"the baseline {quality.baseline!r} was not graded on the same data"
        return [Explained(name, None, note=note) for name in ("baseline_value", "against_baseline")]
    bar = named(baseline.figure, "baseline_value")
    if not (math.isfinite(quality.value) and math.isfinite(baseline.value)):
        return [bar, Explained("against_baseline", None, note="one of both is not a finite number")]
    if quality.by_judge_alone != baseline.by_judge_alone:
        note = "a judge alone graded one of both, and people the other too: its bias would count as a difference"
        return [bar, Explained("against_baseline", None, note=note)]
    if baseline.only_guesses:
        return [bar, _against_guessing(quality, baseline, bar)]
    verdict, note = _paired(quality, baseline)
    return [bar, Explained("against_baseline", verdict, note=note, inputs=(quality.figure, bar))]


def _paired(quality: Quality, baseline: Quality) -> tuple[str, str]:
    """Return the verdict, and a note."""
    if quality.key.model == baseline.key.model:
        return "is the baseline", "is the baseline"
    low, high = quality.minus(baseline)
    note = f"the difference's 95 % interval, paired by item: {low:.4g} to {high:.4g} {quality.unit}".rstrip()
    return _verdict(Interval(low, high), quality.sign), note


def _against_guessing(quality: Quality, baseline: Quality, bar: Explained) -> Explained:
    """Return whether the candidate is significantly better than the random baseline and than the baseline."""
    level = _declared("random_baseline", baseline)
    note = (
        f"the worse end of the baseline's 95 % interval, {baseline.worse_end:.4g}, is no better than the random "
        f"baseline's {level.value:.4g} {quality.unit}; that of this quality is {quality.worse_end:.4g}"
    )
    if quality.key.model == baseline.key.model:
        verdict = GUESSING_BASELINE
    elif quality.only_guesses:
        verdict = NO_BETTER_THAN_GUESSING
    else:
        verdict, paired = _paired(quality, baseline)
        verdict, note = BETTER_THAN_GUESSING if verdict == "better" else verdict, f"{note}; {paired}"
    return Explained("against_baseline", verdict, note=note, inputs=(quality.figure, bar, level))


def _verdict(difference: Interval, sign: int) -> str:
    low, high = sorted(sign * end for end in difference)
    return "better" if low > 0 else "worse" if high < 0 else NO_DIFFERENCE
