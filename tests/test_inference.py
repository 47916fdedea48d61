"""The cold start, told apart, and what is counted of the outputs of a measured run."""

from __future__ import annotations

import io
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from harness.inference import first_token_s, open_predictor, serve
from harness.plugins import Plugins
from harness.records import Record, StepResult
from harness.screen import PlainScreen
from harness.seams import Predict, Runtime, StreamingPredictor
from harness.steps import STEPS, Job, Scene
from harness_reports.measured.judgement import judge


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
    spec = {"scenario": scenario, "batch_size": batch_size, "load": {"seconds": 0.1, "queries": 6}, "seed": 0}
    return serve(predict, ["a b c", "d e f"], spec, toys.find("hardware", "here"), list, count)


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


# The first token ------------------------------------------------------------------------------------------------


def test_first_tokens_are_timed_one_query_at_a_time() -> None:
    """Real queries in an order of the seed, as many as were asked for, the device waited for; never a whole answer."""
    calls: list[list[str]] = []
    events: Counter[str] = Counter()

    def first(inputs: Sequence[str]) -> Sequence[str]:
        calls.append(list(inputs))
        return [text[:1] for text in inputs]

    def whole(inputs: Sequence[str]) -> Sequence[str]:
        raise AssertionError(inputs)

    spec = {"seed": 3, "load": {"seconds": 60, "queries": 40}}
    waited = [
        first_token_s(StreamingPredictor(whole, first), list("abc"), spec, lambda: events.update(["wait"]))
        for _ in "12"
    ]

    assert [len(series) for series in waited] == [40, 40]
    assert all(seconds > 0 for seconds in waited[0])
    assert events["wait"] == len(calls) == 82
    assert calls[:41] == calls[41:]
    assert {tuple(query) for query in calls} == {("a",), ("b",), ("c",)}


def test_first_tokens_are_timed_no_longer_than_the_window() -> None:
    """At least one, however slow it is."""
    slow = StreamingPredictor(list, lambda inputs: time.sleep(0.02) or inputs)  # type: ignore[func-returns-value]
    spec = {"seed": 0, "load": {"seconds": 0.01, "queries": 1000}}

    assert len(first_token_s(slow, ["a"], spec, lambda: None)) == 1


def test_a_broken_first_token_is_no_speed() -> None:
    """As a broken answer is none."""
    with pytest.raises(ValueError, match="0 outputs for 1 inputs"):
        first_token_s(
            StreamingPredictor(list, lambda _: []),
            ["a"],
            {"seed": 0, "load": {"seconds": 1, "queries": 1}},
            lambda: None,
        )


class Spelling(Runtime):
    """Answers by letters."""

    name = "spelling"
    summary = "Answers by letters"

    def __init__(self, in_pieces: bool) -> None:
        self.in_pieces = in_pieces

    def predictor(self, *_: Any) -> Predict:
        """Return what says the parity."""

        def whole(inputs: Sequence[int]) -> Sequence[int]:
            return [one % 2 for one in inputs]

        return StreamingPredictor(whole, whole) if self.in_pieces else whole


class Keeping(Runtime):
    """Takes a while for an answer, and keeps it or does not."""

    name = "keeping"
    summary = "Keeps its answers"

    def __init__(self, most: int) -> None:
        self.most = most

    def predictor(self, *_: Any) -> Predict:
        """Return what says the parity."""
        kept = lru_cache(self.most)(lambda one: time.sleep(0.002) or one % 2)
        return lambda inputs: [kept(one) for one in inputs]


@pytest.mark.parametrize("most", [0, 1000])
def test_a_record_says_whether_answers_are_kept(toys: Plugins, tmp_path: Path, most: int) -> None:
    """And the line on the screen, and the judgement of its numbers."""
    measured = _serve(toys, tmp_path, Keeping(most), "Offline", count=40)
    console = Console(file=io.StringIO(), width=200)
    PlainScreen(console).end(_record(measured))

    assert measured.used["caches_answers"] is bool(most)
    assert ("answers are cached" in console.file.getvalue()) is bool(most)
    assert ("Answers are cached" in str(judge(_record(measured)))) is bool(most)
    assert (measured.readings["unseen_over_repeated"].value > 10) is bool(most)


def test_too_few_inputs_leave_it_open_whether_answers_are_kept(toys: Plugins, tmp_path: Path) -> None:
    """Nothing is said, and not that there is no cache."""
    measured = _serve(toys, tmp_path, Keeping(1000), "Offline", count=8)

    assert "caches_answers" not in measured.used
    assert "unseen_over_repeated" not in measured.readings


def _record(result: StepResult) -> Record:
    spec = {"model": "m", "size": "default", "task": "t", "source": None, "start": "scratch", "seed": 0}
    return Record(**vars(result), id="1", fingerprint="f", step="serve", spec=spec, inputs={}, started_at="2026-11-27")


def _serve(toys: Plugins, folder: Path, runtime: Runtime, scenario: str, count: int) -> StepResult:
    spec = {
        "scenario": scenario, "batch_size": 1, "load": {"seconds": 0.05, "queries": 9}, "seed": 0, "size": "default",
        "settings": {}, "precision": "fp32", "start": "scratch",
    }  # fmt: skip
    task = toys.find("tasks", "parity")
    scene = Scene(
        Job("serve", spec, {"trained": folder}, folder), task, task.data(None, {"count": count}),
        toys.find("models", "guess"), toys.find("hardware", "here"), runtime, lambda *_: None,
    )  # fmt: skip
    measured = StepResult(outcome="ok")
    STEPS["serve"](scene, measured)
    return measured


@pytest.mark.parametrize(
    ("in_pieces", "scenario", "read"),
    [(True, "SingleStream", True), (True, "Offline", False), (False, "SingleStream", False)],
)
def test_a_record_has_first_tokens_only_where_one_waits_for_them(
    toys: Plugins, tmp_path: Path, in_pieces: bool, scenario: str, read: bool
) -> None:
    """Of what answers in pieces, and not Offline; elsewhere nothing is there, and no 0."""
    measured = _serve(toys, tmp_path, Spelling(in_pieces), scenario, count=8)

    assert measured.readings["samples"].value > 0
    assert [len(measured.series[name]) for name in measured.series if name == "first_token_s"] == [9] * read
