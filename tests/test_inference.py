"""The cold start: loading and the first answer, told apart."""

from __future__ import annotations

from harness.inference import open_predictor
from harness.seams import Predict


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
