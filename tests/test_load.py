"""Serving with several requests in flight as a step: what its record holds, of each kind of predictor."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness import HarnessError, SuiteError
from harness.measure.load import FEW_CALLS
from harness.plugin_files import import_file
from harness.plugins import Plugins
from harness.records import Record, StepResult, from_json, to_json
from harness.seams import BilledPredictor, Predict
from harness.steps import STEPS, Job, Scene
from harness.store import peek_records

HERE = Path(__file__).parent
TOY = str(HERE / "toy_plugin.py")
Threads = import_file(HERE / "measure" / "threads.py").Threads
RATES = {"rates": [100.0, 300.0], "limits": {}, "percentile": 90.0, "longest_wait_s": 0.002}
SEARCH = {"rates": [], "limits": {"latency_s": 0.5}, "percentile": 90.0, "longest_wait_s": 0.002}


def parity(inputs: Sequence[int]) -> list[int]:
    """Take a while."""
    time.sleep(0.002)
    return [one % 2 for one in inputs]


Serve = Callable[..., StepResult]


@pytest.fixture
def serve(toys: Plugins, tmp_path: Path) -> Serve:
    """Return a function that serves a predictor of parity."""

    def run(predict: Predict, scenario: str, load: Mapping[str, Any] | None = None, size: int = 4) -> StepResult:
        spec = {
            "scenario": scenario, "batch_size": size, "load": {"seconds": 0.05, "queries": 20, **(load or {})},
            "seed": 0, "size": "default", "settings": {}, "precision": "fp32", "start": "scratch",
        }  # fmt: skip
        task, runtime = toys.find("tasks", "parity"), SimpleNamespace(predictor=lambda *_: predict)
        scene = Scene(
            Job("serve", spec, {"trained": tmp_path}, tmp_path), task, task.data(None, {"count": 200}),
            toys.find("models", "guess"), toys.find("hardware", "here"), runtime, lambda *_: None,  # type: ignore[arg-type]
        )  # fmt: skip
        measured = StepResult(outcome="ok")
        STEPS["serve"](scene, measured)
        return measured

    return run


def billed(predict: Predict, remote: Any = None) -> BilledPredictor:
    """Return a predictor that says 10 input and 2 output tokens for each input."""
    count = [0]

    def whole(inputs: Sequence[Any]) -> Sequence[Any]:
        count[0] += len(inputs)
        return predict(inputs)

    def usage() -> Mapping[str, Sequence[Any]]:
        rows, count[0] = count[0], 0
        return {"input_tokens": [10] * rows, "output_tokens": [2] * rows, "finish": ["stop"] * rows}

    return BilledPredictor(whole, usage, concurrent=remote)


def test_each_rate_is_a_run(serve: Serve) -> None:
    """With a row for each request, and the last one stands for the step."""
    measured = serve(parity, "Server", RATES)
    first, last = measured.runs.values()

    assert list(measured.runs) == [run["name"] for run in measured.used["runs"]] == ["Server 100/s", "Server 300/s"]
    assert len(first["sent_s"]) >= 20
    assert {len(column) for column in last.values()} == {len(last["sent_s"])}
    assert {size for run in (first, last) for size in run["batch"]} <= {1, 2, 3, 4}
    assert measured.value("queries") == measured.value("samples") == len(measured.series["latency_s"])
    assert len(last["sent_s"]) == measured.value("queries")
    assert measured.used["load"]["batching"] == {"largest_batch": 4, "longest_wait_s": 0.002}
    assert measured.used["load"]["requests"] >= len(first["sent_s"]) + len(last["sent_s"])
    assert {"cpu_s", "unseen_over_repeated"} <= measured.readings.keys()
    assert measured.usage == {}


def test_a_search_says_what_it_tried(serve: Serve) -> None:
    """The found rate stands for the step; each try is a run."""
    measured = serve(parity, "Server", SEARCH)
    searched = measured.used["load"]["search"]

    assert searched["rate_per_s"] in [one["rate_per_s"] for one in searched["tried"] if one["kept"]]
    assert len(measured.runs) == len(searched["tried"])
    assert measured.used["load_generator"]["min_queries_met"]


def test_a_search_in_vain_leaves_no_rate(serve: Serve) -> None:
    """A limit below the time of one answer."""
    measured = serve(parity, "Server", SEARCH | {"limits": {"latency_s": 0.0001}})

    assert measured.used["load"]["search"]["rate_per_s"] is None
    assert "No rate that was tried keeps the limits." in measured.notes


def test_a_limit_of_tokens_needs_pieces(serve: Serve) -> None:
    """Answers in batches have none."""
    with pytest.raises(SuiteError, match="first_token_s cannot be checked: answers come whole"):
        serve(parity, "Server", SEARCH | {"limits": {"first_token_s": 1.0}})


def test_multi_stream_has_a_row_for_each_sample(serve: Serve) -> None:
    """Its queries are served one after the other, and are the latencies."""
    measured = serve(parity, "MultiStream", size=3)
    (run,) = measured.runs.values()

    assert measured.used["runs"][0]["in_flight"] == 3
    assert len(run["sent_s"]) == measured.value("samples") == 3 * len(measured.series["latency_s"])
    assert set(run["batch"]) == {3}
    assert run["chunks_s"][0][0] - run["sent_s"][0] == pytest.approx(measured.series["latency_s"][0])
    assert measured.value("overhead_s") is not None


@pytest.mark.parametrize("scenario", ["Server", "ClosedLoop", "MultiStream"])
def test_over_a_wire_requests_go_out_one_by_one(serve: Serve, scenario: str) -> None:
    """All that was asked is billed, the first query and the warm-up too; there is no audit, and no input twice."""
    remote = Threads(16, 0.02)
    measured = serve(billed(parity, remote), scenario, {**RATES, "rates": [100.0]})
    (run,) = measured.runs.values()
    usage = measured.usage["served"]

    assert len(remote.prepared) == 199
    assert len(remote.sent) == len(set(remote.sent)) == FEW_CALLS + len(run["sent_s"])
    assert len(usage["input_tokens"]) == 1 + len(remote.sent)
    assert usage["input_tokens"] == [10, *range(1, len(remote.sent) + 1)]
    assert run["input_tokens"] == list(range(FEW_CALLS + 1, len(remote.sent) + 1))
    assert usage["finish"] == ["stop"] + [None] * len(remote.sent)
    assert set(run["batch"]) == {None}
    assert measured.used["load"]["streamed"] is True
    assert measured.used["load"]["inputs_repeat"] is measured.used["runs"][0]["inputs_repeat"] is False
    assert "caches_answers" not in measured.used


@pytest.mark.parametrize("scenario", ["Server", "ClosedLoop"])
def test_a_billed_predictor_that_answers_batches_says_tokens_too(serve: Serve, scenario: str) -> None:
    """Each request has those of its answer."""
    measured = serve(billed(parity), scenario, {**RATES, "rates": [100.0]})
    (run,) = measured.runs.values()
    warm_up = measured.used["load"]["warm_up_calls"]  # one fewer where they took as long as all may

    assert warm_up in (FEW_CALLS - 1, FEW_CALLS)
    assert set(run["input_tokens"]) == {10}
    assert set(run["output_tokens"]) == {2}
    assert set(run["cached_tokens"]) == {None}
    assert len(measured.usage["served"]["input_tokens"]) == 1 + 4 * warm_up + len(run["sent_s"])


@pytest.mark.parametrize(("scenario", "size"), [("Offline", 4), ("SingleStream", 1), ("MultiStream", 4)])
def test_what_is_billed_is_warmed_up_with_few_calls(serve: Serve, scenario: str, size: int) -> None:
    """In scenarios without arrivals too; each input is sent once while they last."""
    seen: list[int] = []
    measured = serve(billed(lambda inputs: seen.extend(inputs) or parity(inputs)), scenario, size=size)
    calls = len(measured.usage["served"]["input_tokens"])

    assert calls == len(seen) >= 1 + measured.value("samples") + 2 * size
    assert len(set(seen[:200])) == len(seen[:200])
    assert measured.used["load"]["inputs_repeat"] is (len(seen) > 200)


def test_requests_that_fail_are_no_speed(serve: Serve) -> None:
    """One in three: the rows and the tokens are kept, and there is no rate and no latency."""
    measured = serve(billed(parity, Threads(16, 0.01, fails_every=4)), "ClosedLoop")
    (run,) = measured.runs.values()

    assert measured.used["runs"][0]["valid"] is False
    assert measured.notes == [f"No run counts. ClosedLoop 4: {measured.used['runs'][0]['why_not']}."]
    assert measured.value("wall_s") is None
    assert measured.series == {}
    assert run["failure"].count("http 500") == len(run["sent_s"]) // 4
    assert measured.usage["served"]["why"].count("http 500") == (FEW_CALLS + len(run["sent_s"])) // 4


def test_a_server_that_answers_nothing_ends_the_step(serve: Serve) -> None:
    """Before a run: the remedy names where to look."""
    with pytest.raises(HarnessError, match="Not one of 3 requests to warm up with was answered: http 500"):
        serve(billed(parity, Threads(4, 0.001, fails_every=1)), "ClosedLoop")


def test_a_record_with_runs_is_written_and_read(serve: Serve) -> None:
    """All values are plain."""
    measured = serve(parity, "ClosedLoop")
    record = Record(
        **vars(measured), id="1", fingerprint="f", step="serve", spec={}, inputs={}, started_at="2026-11-27"
    )
    body, raw = to_json(record)

    assert from_json(body, raw.__getitem__).runs == record.runs
    assert replace(record, runs={}) != record


SUITE = """\
name: toys
models: [guess]
tasks: [parity]
hardware: [here]
runtimes: [plain]
batch_sizes: [4]
scenarios: [ClosedLoop, Server]
budgets: {finetune: {steps: 2}}
serve: {seconds: 0.05, queries: 10, rates: [200]}
"""


def test_a_suite_serves_under_load(tmp_path: Path, harness_command: Any) -> None:
    """From the suite to the store."""
    (tmp_path / "toys.yaml").write_text(SUITE, encoding="utf-8")
    done = harness_command(tmp_path, "run", "toys.yaml", "--plugin", TOY, "--store", "store")
    records = [record for record in peek_records(str(tmp_path / "store")) if record.step == "serve"]

    assert done.code == 0, done.stderr
    assert "serve guess on parity plain Server (batch 4, seed 0): ok" in done.stdout
    assert [list(record.runs) for record in records] == [["ClosedLoop 4"], ["Server 200/s"]]
    assert [record.spec["load"].get("rates") for record in records] == [None, [200.0]]
