"""The judges table: one row for each judge and rubric, with its bill."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from harness.records import Record
from harness_reports.measured.judges import Held, held
from harness_reports.measured.results import Results, alone
from harness_reports.prices.cost_figures import cost_figures
from harness_reports.prices.pricing import Pricing
from harness_reports.reasons import as_text

JUDGES = (
    "task", "model", "size", "rubric", "good_from", "answers", "without_grade", "people_graded", "graders", "kappa",
    "kappa_low", "kappa_high", "weighted_kappa", "weighted_kappa_low", "weighted_kappa_high", "alpha", "alpha_low",
    "alpha_high", "alpha_answers", "judge_share", "people_share", "corrected_share", "corrected_share_low",
    "corrected_share_high", "judge_grade", "people_grade", "order_answers", "order_changed", "order_changed_low",
    "order_changed_high", "order_difference", "order_difference_low", "order_difference_high", "length_correlation",
    "length_correlation_low", "length_correlation_high", "length_bias", "length_bias_low", "length_bias_high",
    "judge_usd", "settings", "rubric_as_of", "rubric_source", "note",
)  # fmt: skip


def judges(records: Sequence[Record], pricing: Pricing) -> pd.DataFrame:
    """Return one row for each judge and rubric; answers of all candidates together.

    `kappa` is Cohen's of the judge's and people's grades, `weighted_kappa` with quadratic weights, `alpha`
    Krippendorff's ordinal one of people among themselves, over the `alpha_answers` that two or more graded. Of several
    people an answer's grade is the lower median, which is right where more than half of them find it right; in
    `people_grade` and `length_bias` it is their mean. `judge_share` and `people_share` are the answers whose grade
    counts as right, among those that each graded; `corrected_share` is the judge's, corrected by people's
    (prediction-powered inference), None where people graded fewer than `PEOPLE_NEEDED`. `order_changed` is the share of
    grades that change if the scale is listed the other way, `order_difference` by how many points on average.
    `length_correlation` is Spearman's of grade and characters of the answer, `length_bias` that of the judge's grade
    less people's: more than 0 where it favours long answers. Ends of 95 % intervals resample answers. `judge_usd` is
    the price of all its grading.

    Args:
        records: of any step and outcome.
        pricing: the prices.

    Raises:
        FactError: the machine of a judge has no price.
        StoreError: a grade is outside its rubric's scale.
    """
    rows = [{**each.cells(), "judge_usd": _bill(each, pricing)} for each in held(Results.of(records))]
    return pd.DataFrame(map(as_text, rows), columns=list(JUDGES))


def _bill(each: Held, pricing: Pricing) -> float | None:
    """Return what all grading of a judge cost; None where a part has no price."""
    records = [*each.judge.records, *(each.swapped.records if each.swapped else ())]
    bills = [cost_figures(alone(record), pricing)["evaluate_usd"].value for record in records]
    return None if None in bills else sum(bills)
