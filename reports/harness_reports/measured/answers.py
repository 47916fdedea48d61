"""The answers table: what a candidate and the reference answered to the same items, side by side."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from harness.records import Record
from harness_reports.measured.graded_record import ACCEPTABLE, GRADE, item_grades, item_scores
from harness_reports.measured.pairs import Pair, pairs
from harness_reports.measured.quality import Quality
from harness_reports.measured.results import Results

ANSWERS = (
    "task", "data", "candidate", "reference", "metric", "place", "outcome", "input", "target", "reference_output",
    "output", "reference_score", "score", "reference_graded_by", "graded_by",
)  # fmt: skip
RIGHT_OR_WRONG = ("both right", "both wrong", "reference only", "candidate only")
"""Outcomes of an item where answers can be right: where the metric has a ceiling."""
BETTER = ("equal", "reference better", "candidate better")
"""Outcomes of an item in other metrics."""
SEARCHED = ("input", "target", "reference_output", "output")
CLIPPED = 60
"""Characters of a text in a table for people."""


def answers(
    records: Sequence[Record], names: Sequence[str], *, task: str | None = None, data: str | None = None,
    metric: str | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return one row for each candidate and each item that it and the reference graded.

    `place` is the item's in the split, from 0. `target` is the right answer as the data have it. An answer is
    right if its score is the metric's ceiling; in a metric without one `outcome` says which side's is better; it is
    None in a metric that grades no single items. Of several seeds the newest evaluations are shown. Inputs and outputs
    are texts; what is none is written as JSON. They are None where records hold none (before version 6). `graded_by`
    says whose grade an open answer has, `people` or `judge`: where people's grades correct a mean, an item has people's
    where there is one, else the judge's.

    Args:
        records: of any step and outcome.
        names: the reference and the candidates, as in `comparison`.
        task: only this task.
        data: only the data of this name.
        metric: instead of the deciding one.

    Raises:
        FactError: there is one name only, or one twice.
        StoreError: as `pairs`.
    """
    compared = pairs(Results.of(records), names, task=task, data=data, metric=metric)
    return pd.DataFrame([row for pair in compared for row in _rows(pair)], columns=list(ANSWERS), dtype=object)


def outcomes(frame: pd.DataFrame) -> dict[str, int]:
    """Return the outcomes that the items of a table can have, and how many have each; none without scores."""
    counts = frame["outcome"].value_counts().to_dict()
    kinds = next((kinds for kinds in (RIGHT_OR_WRONG, BETTER) if set(kinds) & set(counts)), ())
    return {kind: int(counts.get(kind, 0)) for kind in kinds}


def chosen(frame: pd.DataFrame, outcome: str | None = None, search: str = "") -> pd.DataFrame:
    """Return the rows of an outcome, None: of all, in which a text occurs, whatever the case of its letters."""
    rows = frame if outcome is None else frame[frame["outcome"] == outcome]
    wanted = search.casefold()
    if wanted:
        texts = rows[list(SEARCHED)].fillna("")
        rows = rows[[any(wanted in str(text).casefold() for text in row) for row in texts.itertuples(index=False)]]
    return rows.reset_index(drop=True)


def clipped(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose texts are one line of at most `CLIPPED` characters: for people."""
    return frame.assign(**{name: frame[name].map(_clip) for name in SEARCHED})


def _clip(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    line = " ".join(text.split())
    return line if len(line) <= CLIPPED else f"{line[: CLIPPED - 1]}…"


def _rows(pair: Pair) -> Iterator[dict[str, Any]]:
    key, (ours, theirs) = pair.quality.key, pair.shared_rows
    if len(ours) != len(theirs):
        return  # a metric of the whole split, of other items
    items, scores, other = pair.quality.newest.items.get("test", {}), _scores(pair.quality), _scores(pair.reference)
    outputs, others = _outputs(pair.quality), _outputs(pair.reference)
    inputs, targets = _column(items, "input", pair.quality), _column(items, "reference", pair.quality)
    graders, their_graders = _graders(pair.quality), _graders(pair.reference)
    places = pair.quality.places
    for row, other_row in zip(ours, theirs, strict=True):
        score, other_score = scores[row], other[other_row]
        yield {
            "task": key.task, "data": key.data, "candidate": pair.name, "reference": pair.reference_name,
            "metric": pair.quality.name, "place": places[row], "outcome": _outcome(pair.quality, score, other_score),
            "input": inputs[row], "target": targets[row], "reference_output": others[other_row],
            "output": outputs[row], "reference_score": other_score, "score": score,
            "reference_graded_by": their_graders[other_row], "graded_by": graders[row],
        }  # fmt: skip


def _scores(quality: Quality) -> Sequence[float | None]:
    column = quality.metric["column"]
    if column is not None:
        return quality.newest.scores[column]
    return item_scores(quality.newest, quality.name) or [None] * quality.items


def _graders(quality: Quality) -> Sequence[str | None]:
    """Return whose grade each item has, None where a metric is of no grades."""
    grades = item_grades(quality.newest) if quality.name in (ACCEPTABLE, GRADE) else None
    return [None] * quality.items if grades is None else [each.by for each in grades]


def _outputs(quality: Quality) -> list[str | None]:
    return _column(quality.newest.answers.get("test", {}), "output", quality)


def _column(columns: Any, name: str, quality: Quality) -> list[str | None]:
    return [_text(value) for value in columns.get(name) or [None] * quality.items]


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _outcome(quality: Quality, score: float | None, other: float | None) -> str | None:
    """Return how the candidate's and the reference's answer to an item compare."""
    if score is None or other is None:
        return None
    ceiling = quality.metric.get("ceiling")
    if ceiling is not None and quality.sign > 0:
        return {
            (True, True): "both right", (False, False): "both wrong", (False, True): "reference only",
            (True, False): "candidate only",
        }[score >= ceiling, other >= ceiling]  # fmt: skip
    gain = quality.sign * (score - other)
    return BETTER[0] if gain == 0 else BETTER[1] if gain < 0 else BETTER[2]
