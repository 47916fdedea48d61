"""From a task's grades to the values of its metrics, their bootstrap replicates and samples to look at."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from harness import plain
from harness.errors import PluginError
from harness.measure.outputs import checking
from harness.seams import Data, Grades, Metric, Predict, Sample, Scores, Task

if TYPE_CHECKING:
    import numpy as np

REPLICATES = 400
"""Enough for the ends of a 95 % interval; each computes the metric once."""
MEDIA_TYPES = ("image/png", "image/gif", "text/plain")
SAMPLE_BYTES = 200_000


def grade(predict: Predict, data: Data, batch_size: int, split: str = "test") -> Grades:
    """Return the grades of a predictor on a split.

    Raises:
        PluginError: the task returned something else.
        TypeError: the predictor returned no sequence.
        ValueError: an output is missing or not finite, the task graded nothing, or columns differ in length.
    """
    graded = data.evaluate(checking(predict), batch_size, split)
    grades = graded if isinstance(graded, Grades) else Grades(graded)
    columns = plain.named(grades.scores, "Grades.scores")
    try:
        lengths = {len(column) for column in columns.values()}
    except TypeError as error:
        raise PluginError(f"Grades.scores holds a column that is not a list: {error}.") from error
    if len(lengths) != 1 or lengths == {0}:
        raise ValueError(f"The task graded columns of lengths {sorted(lengths)}: they must agree and not be empty.")
    return grades


def checked(grades: Grades) -> Grades:
    """Return grades whose scores are plain finite numbers. Separate from `grade`, which is timed.

    Raises:
        PluginError: a score is missing or not a number; names it.
    """
    scores = {name: plain.numbers(column, f"Grades.scores[{name!r}]") for name, column in grades.scores.items()}
    return grades._replace(scores=scores)


def columns(values: Any, count: int, whose: str) -> dict[str, list[Any]]:
    """Return columns of plain values, one for each item.

    Raises:
        PluginError: a column has another length, or holds what a record cannot hold.
    """
    made: dict[str, list[Any]] = plain.nested(plain.named(values, whose), whose)
    for name, column in made.items():
        if len(plain.listed(column, f"{whose}[{name!r}]", "a list with a value for each item")) != count:
            raise PluginError(f"{whose}[{name!r}] has {len(column)} values for {count} items. Give one for each.")
    return made


def items(scores: Scores) -> int:
    """Return how many items were graded."""
    return len(next(iter(scores.values())))


def value(metric: Metric, grades: Grades) -> float:
    """Return a metric's value over all items.

    Raises:
        ValueError: the task's grades lack it.
        PluginError: it is not a finite number.
    """
    if missing := lacking([metric], grades):
        raise ValueError(f"The task's grades lack {missing[0]}.")
    if metric.column is not None:
        column = grades.scores[metric.column]
        return float(sum(column) / len(column))
    import numpy as np

    return _over(metric, grades, np.arange(items(grades.scores)))


def _over(metric: Metric, grades: Grades, rows: np.ndarray) -> float:
    return float(plain.number(grades.over[metric.name](rows), f"Grades.over[{metric.name!r}]"))


def lacking(metrics: Sequence[Metric], grades: Grades) -> list[str]:
    """Return what metrics read and the grades lack."""
    columns = [f"column {m.column!r}" for m in metrics if m.column is not None and m.column not in grades.scores]
    return columns + [f"over[{m.name!r}]" for m in metrics if m.column is None and m.name not in grades.over]


def described(task: Task, data: Data, grades: Grades) -> list[dict[str, Any]]:
    """Return the metrics of a task or of its data as a record keeps them, with the random baseline of the data.

    A metric that is not a mean also has its value and replicates: a record's scores alone do not give them. Every
    model gets the same resampled items, so that two models' replicates can be compared in pairs.

    Raises:
        ValueError: the grades lack what a metric reads.
        PluginError: a random baseline or a value is not a finite number.
    """
    metrics = task.metrics if data.metrics is None else data.metrics
    if missing := lacking(metrics, grades):
        raise ValueError(f"The task's grades lack {', '.join(missing)}.")
    levels = {
        name: plain.number(level, f"Data.random_baseline()[{name!r}]")
        for name, level in plain.named(data.random_baseline(), "Data.random_baseline()").items()
    }
    return [
        {**metric._asdict(), "random_baseline": levels.get(metric.name), **_beyond_means(metric, grades)}
        for metric in metrics
    ]


def _beyond_means(metric: Metric, grades: Grades) -> dict[str, Any]:
    if metric.column is not None:
        return {}
    drawn = _drawn(items(grades.scores))
    return {"value": value(metric, grades), "replicates": [_over(metric, grades, rows) for rows in drawn]}


@lru_cache(maxsize=4)
def _drawn(count: int) -> np.ndarray:
    import numpy as np

    return np.random.default_rng(count).integers(0, count, (REPLICATES, count))


def kept(samples: Sequence[Sample]) -> list[dict[str, str]]:
    """Return samples as a record keeps them: pictures in base64, texts as they are.

    Raises:
        PluginError: they are not a list of samples, or a sample is too large, of an unknown type or not UTF-8.
    """
    listed = plain.listed(
        samples, "Data.show()", "a list of harness.Sample, an empty one where there is nothing to show"
    )
    return [_kept(sample, f"Data.show()[{place}]") for place, sample in enumerate(listed)]


def _kept(sample: Sample, whose: str) -> dict[str, str]:
    plain.instance(sample, Sample, whose)
    if not isinstance(sample.content, bytes):
        raise PluginError(f"{whose}.content is a {type(sample.content).__name__}. Give bytes: encode a text in UTF-8.")
    if sample.media_type not in MEDIA_TYPES or len(sample.content) > SAMPLE_BYTES:
        raise PluginError(
            f"{whose} is {plain.cut(str(sample.media_type))} of {len(sample.content):,} bytes. "
            f"Show {', '.join(MEDIA_TYPES)} of at most {SAMPLE_BYTES:,} bytes."
        )
    caption = plain.text(sample.caption, f"{whose}.caption")
    return {"caption": caption, "media_type": sample.media_type, "content": _content(sample, whose)}


def _content(sample: Sample, whose: str) -> str:
    if sample.media_type != "text/plain":
        return base64.b64encode(sample.content).decode("ascii")
    try:
        return plain.cut(sample.content.decode(), SAMPLE_BYTES)
    except UnicodeDecodeError as error:
        raise PluginError(f"{whose}.content is not UTF-8 ({error.reason}). Encode texts with `.encode()`.") from error
