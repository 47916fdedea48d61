"""Suites with several requests in flight against a real server: what their records hold is what the server planted."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.plugin_files import import_file
from harness.records import Record
from harness.store import open_store

server = import_file(Path(__file__).with_name("server.py"))
Behaviour, Server = server.Behaviour, server.Server

SUITE = """name: loaded
models: [{{name: openai:tiny, settings: {{base_url: "{url}", max_tokens: 8}}}}]
tasks: [{{name: text-classification, data: mood.csv}}]
scenarios: [{scenario}]
batch_sizes: [{size}]
serve: {serve}
"""
USUAL = Behaviour(first_s=(0.02,), gap_s=0.002, tokens=6, cached_tokens=4)


@pytest.fixture
def loaded(tmp_path: Path, harness_command: Any) -> Callable[..., Record]:
    """Return a function that serves under load, and returns the record."""
    with (tmp_path / "mood.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows([f"Entry {number} of the diary", ("calm", "glad")[number % 2]] for number in range(300))

    def run(one: Any, scenario: str, size: int, serve: str) -> Record:
        text = SUITE.format(url=one.url, scenario=scenario, size=size, serve=serve)
        (tmp_path / "loaded.yaml").write_text(text, encoding="utf-8")
        done = harness_command(tmp_path, "run", "loaded.yaml", "--store", "store", "--max-items", "10")
        assert done.code == 0, done.stderr
        return next(each for each in reversed(open_store(str(tmp_path / "store")).records()) if each.step == "serve")

    return run


def sent_in_window(one: Any, count: int) -> list[dict[str, Any]]:
    """Return the server's log of the last requests: the loads come after the evaluation and the warm-up."""
    return [entry for entry in one.log if entry["event"] == "asked"][-count:]


def test_a_closed_loop_holds_what_the_server_planted(loaded: Callable[..., Record]) -> None:
    """So many in flight always, each prompt once, tokens and chunks of every request, no content before it came."""
    with Server({"tiny": USUAL}) as one:
        record = loaded(one, "ClosedLoop", 4, "{seconds: 0.1, queries: 24}")
        log = sent_in_window(one, len(record.runs["ClosedLoop 4"]["sent_s"]))

    run, columns = record.used["runs"][0], record.runs["ClosedLoop 4"]
    count = len(columns["sent_s"])
    assert count >= 24
    assert columns["output_tokens"] == [6] * count
    assert columns["cached_tokens"] == [4] * count
    assert [len(chunks) for chunks in columns["chunks_s"]] == [6] * count
    assert (set(columns["failure"]), set(columns["attempts"]), set(columns["streamed"])) == ({None}, {1}, {True})
    for sent, chunks in zip(columns["sent_s"], columns["chunks_s"], strict=True):
        assert chunks[0] - sent >= 0.019
        assert chunks == sorted(chunks)
    assert len({entry["prompt"] for entry in log}) == count
    assert max(entry["in_flight"] for entry in log) == 4
    assert run["client_cpu_s"] > 0
    assert len(record.usage["served"]["output_tokens"]) >= count
    assert set(run["client_late_s"]) == {"median", "p99", "largest"}


def test_each_rate_is_a_run_of_its_own(loaded: Callable[..., Record]) -> None:
    """In the open: latencies begin when a request was scheduled, and none was sent before."""
    with Server({"tiny": USUAL}) as one:
        record = loaded(one, "Server", 1, "{seconds: 0.3, queries: 12, rates: [20, 40]}")

    assert list(record.runs) == ["Server 20/s", "Server 40/s"]
    for name, columns in record.runs.items():
        assert len(columns["sent_s"]) >= 12, name
        assert set(columns["output_tokens"]) == {6}
        for scheduled, sent in zip(columns["scheduled_s"], columns["sent_s"], strict=True):
            assert sent >= scheduled
    assert [run["rate_per_s"] for run in record.used["runs"]] == [20, 40]


def test_failures_are_named_and_are_no_speed(loaded: Callable[..., Record]) -> None:
    """Every fifth request is cut off: over the share that may fail, the run says so and no rate is read from it."""
    cut = Behaviour(ending="cut", ending_after=1)

    class Faulty(Server):
        """Cuts off every fifth answer, once the evaluation and the warm-up are over."""

        async def _respond(self, request: Any, body: Any, number: int, *more: Any) -> Any:
            how = cut if number >= 20 and number % 5 == 0 else USUAL
            self.planted = {**self.planted, server.last_text(body): how}
            return await super()._respond(request, body, number, *more)

    with Faulty() as one:
        record = loaded(one, "ClosedLoop", 2, "{seconds: 0.1, queries: 30}")

    run, failures = record.used["runs"][0], record.runs["ClosedLoop 2"]["failure"]
    failed = failures.count("cut off stream")
    assert failed >= 4
    assert set(failures) == {None, "cut off stream"}
    assert (run["valid"], run["why_not"]) == (
        False,
        f"{failed} of {len(failures)} requests failed: {failed} cut off stream",
    )
    assert "latency_s" not in record.series
    assert not {"samples", "queries"} & set(record.readings)
