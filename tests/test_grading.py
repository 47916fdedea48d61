"""Grading: wrong outputs are errors, metrics that are no mean carry their replicates, what was not measured is None."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import grading
from harness.errors import PluginError
from harness.plugins import Plugins
from harness.seams import Data, Grades, Metric, Predict, Sample, Scores

MEDIAN = Metric("median", "K", column=None)
MEAN = Metric("mean", "K", column="kelvin")


class _Graded(Data):
    """Gives the grades it was told."""

    digest, sizes = "d", {"test": 2}

    def __init__(self, graded: Scores | Grades, chance: Mapping[str, float] | None = None) -> None:
        self.graded = graded
        self.baseline = chance or {}

    def evaluate(self, predict: Predict, batch_size: int, split: str = "test") -> Scores | Grades:
        predict([split] * batch_size)
        return self.graded

    def queries(self) -> Sequence[Any]:
        return [1]

    def random_baseline(self) -> Mapping[str, float]:
        return self.baseline


def _medians(column: Sequence[float]) -> Grades:
    values = np.array(column)
    return Grades({"kelvin": column}, {"median": lambda rows: float(np.median(values[rows]))})


def test_the_predictor_is_asked_in_batches_on_the_split() -> None:
    """Plain scores come back as grades without more."""
    asks: list[list[str]] = []
    grades = grading.grade(lambda inputs: asks.append(list(inputs)) or inputs, _Graded({"a": [1.0]}), 2, "validation")  # type: ignore[func-returns-value]

    assert grades == Grades({"a": [1.0]}, {})
    assert asks == [["validation"] * 2]


def test_what_a_broken_model_answers_is_not_graded() -> None:
    """The largest of NaN is the first class: a task would grade it as right where that is the answer."""
    with pytest.raises(ValueError, match="2 of 2 outputs of a batch are not finite"):
        grading.grade(lambda inputs: [[np.nan, np.nan] for _ in inputs], _Graded({"a": [1.0]}), 2)


@pytest.mark.parametrize("scores", [{}, {"a": []}, {"a": [1.0], "b": [1.0, 0.0]}])
def test_a_gate_that_measured_nothing_fails(scores: Scores) -> None:
    """No items, no columns or columns that do not agree are never an accuracy."""
    with pytest.raises(ValueError, match="must agree and not be empty"):
        grading.grade(lambda inputs: inputs, _Graded(scores), 1)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30))
def test_a_value_is_over_all_items(column: list[float]) -> None:
    """A mean reads its column, another metric its function."""
    grades = _medians(column)

    assert grading.value(MEAN, grades) == pytest.approx(np.mean(column), abs=1e-9)
    assert grading.value(MEDIAN, grades) == np.median(column)


@pytest.mark.parametrize(
    ("metric", "column"), [(Metric("m", "", "other"), "column 'other'"), (Metric("odd", "", None), r"over\['odd'\]")]
)
def test_a_metric_that_the_grades_lack_is_named(metric: Metric, column: str) -> None:
    """The author reads what is missing, not a KeyError."""
    with pytest.raises(ValueError, match=column):
        grading.value(metric, _medians([1.0]))


def test_chance_is_missing_where_the_data_does_not_know_it(toys: Plugins) -> None:
    """None, never 0."""
    task = toys.tasks["parity"]
    grades = Grades({"correct": [1.0]})
    (guessed,) = grading.described(task, _Graded(grades, {"accuracy": 0.5}), grades)
    (unknown,) = grading.described(task, _Graded(grades), grades)

    assert guessed["random_baseline"] == 0.5
    assert unknown["random_baseline"] is None
    assert guessed["column"] == "correct"
    assert "replicates" not in guessed


def test_data_may_have_other_metrics_than_their_task(toys: Plugins) -> None:
    """Where they lack what the task's need: neither is a number made up, nor does the evaluation fail."""
    data = _Graded({"kelvin": [1.0, 2.0]}, {"mean": 1.0})
    data.metrics = (MEAN,)
    (described,) = grading.described(toys.find("tasks", "parity"), data, grading.grade(lambda inputs: inputs, data, 2))

    assert (described["name"], described["column"], described["random_baseline"]) == ("mean", "kelvin", 1.0)
    data.metrics = (MEDIAN,)
    with pytest.raises(ValueError, match=r"lack over\['median'\]"):
        grading.described(toys.find("tasks", "parity"), data, grading.grade(lambda inputs: inputs, data, 2))


def test_replicates_draw_the_same_items_for_every_model(toys: Plugins) -> None:
    """A model that is one degree off everywhere is so in each replicate."""
    task = type("Warm", (type(toys.tasks["parity"]),), {"metrics": (MEDIAN,)})()
    column = [float(value) for value in range(50)]
    one, other = (_medians([value + shift for value in column]) for shift in (0.0, 1.0))
    (cold,), (warm,) = (grading.described(task, _Graded(grades), grades) for grades in (one, other))

    assert (cold["value"], warm["value"]) == (24.5, 25.5)
    assert len(cold["replicates"]) == grading.REPLICATES
    assert np.array_equal(np.array(warm["replicates"]) - cold["replicates"], np.ones(grading.REPLICATES))
    assert len(set(cold["replicates"])) > 10


def test_samples_are_kept_as_text_or_base64() -> None:
    """Texts stay readable in the store, pictures survive it."""
    text, picture = grading.kept(
        [Sample("said", "text/plain", "你好".encode()), Sample("seen", "image/png", b"\x89PNG")]
    )

    assert text == {"caption": "said", "media_type": "text/plain", "content": "你好"}
    assert base64.b64decode(picture["content"]) == b"\x89PNG"


@pytest.mark.parametrize(
    "sample", [Sample("page", "text/html", b"<p>"), Sample("huge", "image/png", b"0" * (grading.SAMPLE_BYTES + 1))]
)
def test_samples_that_nobody_can_show_are_refused(sample: Sample) -> None:
    """The sentence says which sample and what may be shown."""
    with pytest.raises(PluginError, match=rf"^Data\.show\(\)\[0\] is {sample.media_type} .*Show image/png"):
        grading.kept([sample])
