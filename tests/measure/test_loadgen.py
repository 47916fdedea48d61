"""Load generation: what is counted, what is refused, and that nothing is left behind."""

import math
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import DataError, Meter, Reading, SuiteError
from harness.measure.loadgen import Load, generate_load
from harness.measure.meters import ProcessMeter, window

SLEEP_S = 0.004


def nothing() -> None:
    """Wait for nothing: the predictors here are done when they return."""


def sleeper(inputs: Sequence[Any]) -> list[float]:
    """Take a known time for a call, however many samples it holds."""
    time.sleep(SLEEP_S)
    return [float(one) for one in inputs]


def load(scenario: str, predict: Any, inputs: Sequence[Any] = range(10), **changes: Any) -> Load:
    """Generate a short load."""
    spec = {"batch_size": 1, "seconds": 0.2, "min_queries": 8, "synchronise": nothing, **changes}
    return generate_load(scenario, predict, inputs, **spec)


def test_offline_counts_samples_not_batches() -> None:
    """A predictor that takes a known time for a batch of 7 shows 7 samples in that time, not 1."""
    done = load("Offline", sleeper, batch_size=7)

    assert done.samples == 7 * done.queries
    assert len(done.latency_s) == done.queries
    assert min(done.latency_s) >= SLEEP_S
    assert done.wall_s >= done.queries * SLEEP_S
    assert done.wall_s - done.overhead_s == pytest.approx(math.fsum(done.latency_s))
    assert done.samples / done.wall_s <= 7 / SLEEP_S


def test_single_stream_sends_one_sample_after_the_other() -> None:
    """Each query is one sample, and its latency holds the predictor's time."""
    sizes: list[int] = []

    def predict(inputs: Sequence[Any]) -> list[float]:
        sizes.append(len(inputs))
        return sleeper(inputs)

    done = load("SingleStream", predict)

    assert set(sizes) == {1}
    assert done.samples == done.queries == len(done.latency_s) >= 8
    assert min(done.latency_s) >= SLEEP_S
    assert len(sizes) >= done.queries + done.warmup_batches


def test_multi_stream_sends_one_query_after_the_other() -> None:
    """A query is a batch; each begins when the last one was answered, and LoadGen says its 99th percentile."""
    sizes: list[int] = []
    done = load("MultiStream", lambda inputs: sizes.append(len(inputs)) or sleeper(inputs), batch_size=3)
    ended = [sent + latency_s for sent, latency_s in zip(done.sent, done.latency_s, strict=True)]

    assert set(sizes) == {3}
    assert done.samples == 3 * done.queries == 3 * len(done.sent) >= 24
    assert min(done.latency_s) >= SLEEP_S
    assert all(later >= sooner for sooner, later in zip(ended, done.sent[1:], strict=False))
    assert done.log["p99_latency_s"] >= SLEEP_S


def test_a_warm_up_may_have_a_limit_of_calls() -> None:
    """Where calls are paid for, no more are made than that."""
    assert load("SingleStream", sleeper, warm_up_calls=2).warmup_batches == 2


@pytest.mark.parametrize(("scenario", "batch_size"), [("Offline", 4), ("SingleStream", 1), ("MultiStream", 2)])
def test_both_limits_are_reached(scenario: str, batch_size: int) -> None:
    """A run is as long as was asked for and has as many queries, by LoadGen's own verdict."""
    long = load(scenario, sleeper, batch_size=batch_size, seconds=0.3, min_queries=1)
    many = load(scenario, sleeper, batch_size=batch_size, seconds=0.001, min_queries=80)

    assert long.log["min_duration_met"]
    assert long.log["elapsed_s"] >= 0.3
    assert many.log["min_queries_met"]
    assert (many.queries if scenario == "MultiStream" else many.samples) >= 80


def test_the_log_holds_the_verdict_and_the_figures() -> None:
    """LoadGen's verdict, its version and its figure are in the log, next to what was asked of it."""
    offline = load("Offline", sleeper, batch_size=5, seed=3).log
    stream = load("SingleStream", sleeper, min_queries=70).log

    assert (offline["scenario"], offline["batch_size"], offline["seed"], offline["errors"]) == ("Offline", 5, 3, [])
    assert offline["result_valid"] is True
    assert offline["loadgen_version"][0].isdigit()
    assert 0 < offline["reported_samples_per_second"] <= 5 / SLEEP_S
    assert offline["reported_p90_latency_s"] is offline["measured_p90_latency_s"] is None
    assert stream["reported_samples_per_second"] is None
    assert stream["reported_p90_latency_s"] >= stream["measured_p90_latency_s"] >= SLEEP_S
    assert any("99.0th percentile" in note for note in stream["early_stopping"])


def test_a_percentile_needs_a_count() -> None:
    """Below 64 queries LoadGen supports no 90th percentile: the run is invalid, the estimate is missing, not 0."""
    log = load("SingleStream", sleeper, seconds=0.02, min_queries=5).log

    assert log["early_stopping_met"] is False
    assert log["result_valid"] is False
    assert log["reported_p90_latency_s"] is None


def test_a_run_that_was_too_short_is_made_again() -> None:
    """A predictor that gets faster after the warm-up is measured again with the speed it showed."""
    calls = iter(range(10**9))

    def predict(inputs: Sequence[Any]) -> Sequence[Any]:
        time.sleep(0.02 if next(calls) < 10 else 0.0005)
        return inputs

    done = load("Offline", predict, batch_size=2)

    assert 2 <= done.warmup_batches <= 10  # all of them slow; on a busy machine their time is up earlier
    assert done.log["min_duration_met"]
    assert done.log["expected_call_s"] < 0.02


def test_warm_up_is_no_part_of_it() -> None:
    """The slow first calls are in no latency; LoadGen is told the time that calls take afterwards."""
    calls = iter(range(10**9))

    def predict(inputs: Sequence[Any]) -> Sequence[Any]:
        time.sleep(0.2 if next(calls) == 0 else SLEEP_S)
        return inputs

    done = load("Offline", predict, batch_size=2, seconds=1)

    assert done.warmup_batches >= 10
    assert done.log["warm_up_s"] >= 0.2
    assert done.log["expected_call_s"] < 0.2


def test_a_slow_predictor_is_not_warmed_up_for_ever() -> None:
    """Two calls are made, the cold one and another; then the limit in seconds holds."""
    done = load("Offline", lambda inputs: time.sleep(0.1) or inputs, seconds=0.05, min_queries=1)

    assert done.warmup_batches == 2
    assert done.log["warm_up_settled"] is False


def test_the_seed_decides_the_order() -> None:
    """The same seed sends the same inputs in the same order, another one does not; all of them are real inputs."""

    def order(seed: int) -> list[int]:
        seen: list[int] = []
        done = load(
            "SingleStream", lambda inputs: seen.append(inputs[0]) or sleeper(inputs), range(100, 130), seed=seed
        )
        return seen[done.warmup_batches :][:8]

    first, again, other = order(1), order(1), order(2)

    assert first == again != other
    assert set(first + other) <= set(range(100, 130))


def test_offline_answers_every_sample_once() -> None:
    """Samples are sent in whole batches, all of them full."""
    sizes: list[int] = []
    done = load("Offline", lambda inputs: sizes.append(len(inputs)) or sleeper(inputs), batch_size=6, min_queries=100)

    assert set(sizes) == {6}
    assert done.samples >= 100
    assert done.log["samples_planned"] == done.samples


@pytest.mark.parametrize(("scenario", "batch_size"), [("Offline", 3), ("SingleStream", 1), ("MultiStream", 2)])
@pytest.mark.parametrize("good_calls", [0, 12, 20])
def test_what_the_predictor_raises_comes_out(scenario: str, batch_size: int, good_calls: int) -> None:
    """The original exception surfaces, from the warm-up as from LoadGen's callback; nothing hangs or crashes."""
    calls = iter(range(10**9))
    broken = KeyError("the very one")

    def predict(inputs: Sequence[Any]) -> Sequence[Any]:
        if next(calls) >= good_calls:
            raise broken
        return sleeper(inputs)

    with pytest.raises(KeyError) as raised:
        load(scenario, predict, batch_size=batch_size)

    assert raised.value is broken
    assert next(calls) == good_calls + 1
    assert load(scenario, sleeper, batch_size=batch_size).samples > 0


@pytest.mark.parametrize(("scenario", "batch_size"), [("Offline", 3), ("SingleStream", 1)])
@pytest.mark.parametrize("good_calls", [0, 20])
@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (lambda inputs: inputs[1:], r"returned \d outputs for"),
        (lambda inputs: [*inputs, 1], r"returned \d outputs for"),
        (lambda inputs: [math.nan for _ in inputs], "not finite"),
        (lambda inputs: np.full((len(inputs), 2), np.inf, "float32"), "not finite"),
    ],
)
def test_wrong_outputs_are_no_speed(
    scenario: str, batch_size: int, good_calls: int, broken: Any, complaint: str
) -> None:
    """Outputs that are missing, too many or not finite end the load with a sentence."""
    calls = iter(range(10**9))

    def predict(inputs: Sequence[Any]) -> Sequence[Any]:
        return sleeper(inputs) if next(calls) < good_calls else broken(inputs)

    with pytest.raises(ValueError, match=complaint):
        load(scenario, predict, batch_size=batch_size)


@pytest.mark.parametrize("scenario", ["Offline", "SingleStream"])
def test_the_predictor_is_called_in_the_callers_thread(scenario: str) -> None:
    """LoadGen calls back where it was called: a framework's thread-local modes and thread pools are the caller's."""
    threads: set[int] = set()
    load(scenario, lambda inputs: threads.add(threading.get_ident()) or sleeper(inputs))

    assert threads == {threading.get_ident()}


def test_nothing_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """No file stays, in the working directory or the temporary one, and nothing is printed, after a failure too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    load("Offline", sleeper, batch_size=3)
    with pytest.raises(ValueError, match="outputs for"):
        load("SingleStream", lambda inputs: [])

    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_the_device_is_waited_for() -> None:
    """Work that a predictor only queues is waited for within each latency."""
    queued: list[int] = []

    def predict(inputs: Sequence[Any]) -> Sequence[Any]:
        queued.append(1)
        return inputs

    def synchronise() -> None:
        if queued:
            time.sleep(SLEEP_S)
            queued.clear()

    for scenario in ("Offline", "SingleStream"):
        assert min(load(scenario, predict, synchronise=synchronise).latency_s) >= SLEEP_S


def test_meters_are_open_during_the_measured_run_alone() -> None:
    """The window opens after the warm-up, and its readings come with the load."""
    events: list[str] = []

    @contextmanager
    def meters() -> Iterator[dict[str, Reading]]:
        events.append("open")
        with window([ProcessMeter()], nothing) as readings:
            yield readings
        events.append("close")

    done = load("Offline", lambda inputs: events.append("call") or sleeper(inputs), window=meters)

    assert events[: done.warmup_batches + 1] == ["call"] * done.warmup_batches + ["open"]
    assert events[-1] == "close"
    assert {"cpu_s", "peak_memory_bytes"} <= done.readings.keys()


class Stopwatch(Meter):
    """Reads how long it ran."""

    def start(self) -> None:
        """Begin."""
        self._began = time.perf_counter()

    def stop(self) -> Mapping[str, Reading]:
        """End."""
        return {"window_s": Reading(time.perf_counter() - self._began, "s")}


@pytest.mark.parametrize("scenario", ["Offline", "SingleStream"])
def test_meters_and_clock_cover_one_window(scenario: str) -> None:
    """However quick the predictor is: what LoadGen prepares and writes afterwards is in neither."""
    done = load(scenario, lambda inputs: inputs, seconds=1, window=lambda: window([Stopwatch()], nothing))

    assert done.readings["window_s"].value == pytest.approx(done.wall_s, rel=0.02)
    assert done.wall_s < done.log["elapsed_s"]
    assert 0 < done.overhead_s < done.wall_s
    assert done.wall_s - done.overhead_s == pytest.approx(math.fsum(done.latency_s))


@pytest.mark.parametrize("scenario", ["Offline", "SingleStream"])
@pytest.mark.parametrize("method", ["start", "stop"])
def test_what_a_meter_raises_comes_out(scenario: str, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through LoadGen it would end the process."""

    def fail(_: Meter) -> None:
        raise OSError(method)

    monkeypatch.setattr(Stopwatch, method, fail)
    with pytest.raises(OSError, match=method):
        load(scenario, sleeper, window=lambda: window([Stopwatch()], nothing))


def test_an_unknown_scenario_is_named() -> None:
    """A typo answers with the nearest scenario and the list."""
    with pytest.raises(
        SuiteError, match=r"Unknown scenario 'Ofline'\. Did you mean 'Offline'\? Known: MultiStream, Offline, Single"
    ):
        load("Ofline", sleeper)


@pytest.mark.parametrize(
    ("scenario", "changes", "complaint"),
    [
        ("SingleStream", {"batch_size": 2}, "SingleStream takes 1"),
        ("Offline", {"batch_size": 0}, "others at least 1"),
        ("Offline", {"seconds": 0}, "measures nothing"),
        ("Offline", {"seconds": math.nan}, "measures nothing"),
        ("Offline", {"min_queries": 0}, "measures nothing"),
    ],
)
def test_limits_that_make_no_sense_are_refused(scenario: str, changes: dict[str, Any], complaint: str) -> None:
    """A load that would measure nothing, or something else than its name says, is refused before it starts."""
    with pytest.raises(SuiteError, match=complaint):
        load(scenario, sleeper, **changes)


def test_no_inputs_are_refused() -> None:
    """A task without queries is told so."""
    with pytest.raises(DataError, match="no inputs"):
        load("Offline", sleeper, [])
