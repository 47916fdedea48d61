"""The cold start, told apart, and what is counted of the outputs of a measured run."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from harness.inference import open_predictor, serve
from harness.plugins import Plugins
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


def words(outputs: Sequence[str]) -> Mapping[str, int]:
    """Count words."""
    return {"words": sum(len(output.split()) for output in outputs)}


def served(toys: Plugins, predict: Predict, count: Any, scenario: str, batch_size: int) -> Any:
    """Serve for a moment."""
    asked = {"scenario": scenario, "batch_size": batch_size, "load": {"seconds": 0.1, "queries": 6}, "seed": 0}
    return serve(predict, ["a b c", "d e f"], asked, toys.find("hardware", "here"), list, count)


@pytest.mark.parametrize(("scenario", "batch_size"), [("Offline", 4), ("SingleStream", 1)])
def test_the_outputs_of_the_measured_run_are_counted(toys: Plugins, scenario: str, batch_size: int) -> None:
    """Three words a sample, of as many samples as were measured: those of the warm-up are not among them."""
    calls: list[int] = []

    def predict(inputs: Sequence[str]) -> Sequence[str]:
        calls.append(len(inputs))
        time.sleep(0.002)
        return inputs

    load, work = served(toys, predict, words, scenario, batch_size)

    assert work == {"words": 3 * load.samples}
    assert sum(calls) > load.samples > 0


def test_the_outputs_of_a_run_that_is_made_again_are_counted_once(
    toys: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Load generation opens the window anew where a run turned out too short; what was said before is forgotten."""

    def generate_load(scenario: str, predict: Predict, inputs: Sequence[str], *, window: Any, **_: Any) -> str:
        predict(inputs)  # the warm-up
        for batches in (5, 2):
            with window():
                for _ in range(batches):
                    predict(inputs)
        return scenario

    monkeypatch.setattr("harness.inference.generate_load", generate_load)

    assert served(toys, lambda inputs: inputs, words, "Offline", 2) == ("Offline", {"words": 2 * 6})


def test_nothing_is_read_where_a_task_counts_nothing(toys: Plugins) -> None:
    """No unit, and not 0 of it; the predictor is called as it is."""
    numbers = toys.find("tasks", "parity").data(None, {"count": 4})
    load, work = served(toys, lambda inputs: inputs, numbers.work, "Offline", 2)

    assert load.samples > 0
    assert work == {}


def test_an_answer_of_no_words_counts_as_none(toys: Plugins) -> None:
    """A unit that is counted is there even where outputs hold nothing: that is 0, and not missing."""
    _, work = served(toys, lambda inputs: [""] * len(inputs), words, "Offline", 2)

    assert work == {"words": 0}
