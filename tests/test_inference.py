"""Grading and the cold start: wrong outputs are errors, and what was never measured is not told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from harness.inference import declared_metrics, grade, open_predictor
from harness.plugins import Plugins
from harness.seams import Data, Predict, Scores


class _Graded(Data):
    """Gives the scores it was told."""

    digest, sizes = "d", {"test": 2}

    def __init__(self, scores: Scores, chance: Mapping[str, float] | None = None) -> None:
        self.scores = scores
        self.known = chance or {}

    def evaluate(self, predict: Predict, batch_size: int, split: str = "test") -> Scores:
        predict([1] * batch_size)
        return self.scores

    def queries(self) -> Sequence[Any]:
        return [1]

    def chance(self) -> Mapping[str, float]:
        return self.known


def test_scores_come_back_with_the_time_they_took() -> None:
    """The predictor was asked in batches of the size that was given."""
    asked: list[int] = []
    scores, wall_s = grade(lambda inputs: asked.append(len(inputs)) or inputs, _Graded({"a": [1.0]}), 5)  # type: ignore[func-returns-value]

    assert scores == {"a": [1.0]}
    assert asked == [5]
    assert wall_s > 0


@pytest.mark.parametrize("scores", [{}, {"a": []}, {"a": [1.0], "b": [1.0, 0.0]}])
def test_a_gate_that_measured_nothing_fails(scores: Scores) -> None:
    """No items, no columns or columns that do not agree are never an accuracy."""
    with pytest.raises(ValueError, match="must agree and not be empty"):
        grade(lambda inputs: inputs, _Graded(scores), 1)


def test_chance_is_missing_where_the_data_does_not_know_it(toys: Plugins) -> None:
    """None, never 0."""
    task = toys.tasks["parity"]
    known = declared_metrics(task, _Graded({}, {"accuracy": 0.5}))
    unknown = declared_metrics(task, _Graded({}))

    assert known[0]["chance"] == 0.5
    assert unknown[0]["chance"] is None
    assert known[0]["column"] == "correct"


def test_loading_and_the_first_answer_are_told_apart() -> None:
    """One input is sent first, after the device was waited for."""
    events: list[str] = []

    def build() -> Predict:
        events.append("load")
        return lambda inputs: events.append(f"answer {len(inputs)}") or inputs  # type: ignore[func-returns-value]

    predict, load_s, first_query_s = open_predictor(build, ["a", "b"], lambda: events.append("wait"))

    assert events == ["load", "wait", "answer 1", "wait"]
    assert load_s > 0
    assert first_query_s > 0
    assert predict(["x"]) == ["x"]
