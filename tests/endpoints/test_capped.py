"""Suites of models that have a price: what is said and refused beforehand, kept under the cap, and kept of a kill."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from queue import SimpleQueue
from random import Random
from typing import Any

import pytest

from harness import Assignment, Spend
from harness.plugin_files import import_file
from harness.plugins import load_plugins
from harness.records import Record
from harness.settings import filled
from harness.store import open_store
from harness_endpoints._asking import Asking, AskingError
from harness_endpoints._ledger import Ledger
from harness_endpoints._spend import CapReachedError

server = import_file(Path(__file__).with_name("server.py"))
Behaviour, Server = server.Behaviour, server.Server

INPUT, OUTPUT = Decimal("2.5") / 10**6, Decimal(10) / 10**6
"""USD a token of openai/gpt-4o, read off the list by hand."""
CLASSES = ("calm", "glad", "sad")
IN_FLIGHT = 8
SUITE = """name: paid
models: [{{name: "openai:tiny", settings: {{base_url: "{url}"{settings}}}}}]
tasks: [{{name: text-classification, data: mood.csv}}]
batch_sizes: [{in_flight}]
serve: {{seconds: 0.05, queries: 2}}
{budgets}
"""
PRICED = "priced_as: openai/gpt-4o, max_tokens: 8"
COMMAND = ["harness", "run", "paid.yaml", "--store", "store"]


@pytest.fixture
def suite(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes the suite and its data, and returns their folder."""

    def written(url: str, settings: str = PRICED, cap_usd: float | None = None, rows: int = 120) -> Path:
        with (tmp_path / "mood.csv").open("w", encoding="utf-8", newline="") as file:
            lines = [[f"Entry {number} of the diary", CLASSES[number % 3]] for number in range(rows)]
            csv.writer(file).writerows([["text", "label"], *lines])
        budgets = "" if cap_usd is None else f"budgets: {{spend_usd: {cap_usd}}}"
        more = f", {settings}" if settings else ""
        text = SUITE.format(url=url, settings=more, budgets=budgets, in_flight=IN_FLIGHT)
        (tmp_path / "paid.yaml").write_text(text, encoding="utf-8")
        return tmp_path

    return written


def records(folder: Path) -> list[Record]:
    """Return the records, oldest first."""
    return list(open_store(str(folder / "store")).records())


def bill(log: Any) -> Decimal:
    """Return what the server asks for all that it began to answer: eight tokens each."""
    prompts = [entry["prompt"] for entry in log if entry["event"] == "asked"]
    return sum((len(server.tokens(prompt)) * INPUT + 8 * OUTPUT for prompt in prompts), Decimal(0))


def test_a_dry_run_says_calls_tokens_and_money(suite: Callable[..., Path], harness_command: Any) -> None:
    """Of each step and of all; nothing is asked, and nothing is written."""
    with Server() as one:
        folder = suite(one.url, cap_usd=0.5)
        done = harness_command(folder, "run", "paid.yaml", "--store", "store", "--dry-run")
        assert one.log == []
    assert done.code == 0, done.stderr
    assert not (folder / "store").exists()
    evaluate, _, together = (line for line in done.stdout.splitlines() if "input tokens" in line)
    assert evaluate.startswith("evaluate openai:tiny on text-classification (mood) http as it is (batch 8, seed 0): 24")
    assert "24 calls, about 766 input tokens" in evaluate
    assert "at most 192 output tokens, about 0.0038 USD (0.0365 at most)." in evaluate
    assert together.startswith("All together: 49 calls or more")
    assert together.endswith("No call that would pass 0.5 USD is made.")


def test_what_has_no_price_needs_neither_cap_nor_limit(suite: Callable[..., Path], harness_command: Any) -> None:
    """A server of one's own; what it will be asked is said all the same."""
    with Server() as one:
        done = harness_command(suite(one.url, settings=""), "run", "paid.yaml", "--store", "store", "--dry-run")

    assert done.code == 0, done.stderr
    assert "as many output tokens as the server allows, no price." in done.stdout


@pytest.mark.parametrize(
    ("settings", "cap_usd", "sentence"),
    [
        (PRICED, None, "The calls of openai:tiny have a price, and suite 'paid' does not say how much may be spent"),
        ("priced_as: openai/gpt-4o", 1.0, "Set max_tokens: --setting max_tokens=256."),
        ("max_tokens: 8, priced_as: openai/gpt-4o, extra_body: '{\"max_tokens\": null}'", 1.0, "Set max_tokens"),
        (
            "max_tokens: -1, priced_as: openai/gpt-4o",
            1.0,
            "max_tokens is -1. Give a number, or 0: as the server allows.",
        ),
        ("max_tokens: 8, priced_as: openai/gpt-4o, extra_body: '{\"max_tokens\": -1}'", 1.0, "Set max_tokens"),
        ("max_tokens: 8, priced_as: openai/gpt-4oo", 1.0, "has no price of 'gpt-4oo' at openai. The nearest: gpt-4o"),
        ("max_tokens: 8, priced_as: gpt-4o", 1.0, "priced_as is 'gpt-4o'. Write PROVIDER/MODEL"),
    ],
)
def test_what_could_cost_anything_is_refused(
    settings: str, cap_usd: float | None, sentence: str, suite: Callable[..., Path], harness_command: Any
) -> None:
    """Code 2 and one sentence; nothing is written, and not even the list of models is asked for."""
    with Server() as one:
        folder = suite(one.url, settings=settings, cap_usd=cap_usd)
        done = harness_command(folder, "run", "paid.yaml", "--store", "store")

        assert one.log == []
    assert done.code == 2
    assert sentence in " ".join(done.stderr.split())
    assert not (folder / "store").exists()


def test_a_hosted_model_without_a_known_price_is_refused(suite: Callable[..., Path], harness_command: Any) -> None:
    """Before anything is sent; the machine of this test reaches no host."""
    folder = suite("https://api.openai.com/v1", settings="max_tokens: 8", cap_usd=1.0)
    done = harness_command(folder, "run", "paid.yaml", "--store", "store")

    assert done.code == 2
    assert "has no price of 'tiny' at openai." in done.stderr
    assert "priced_as: openai/MODEL" in done.stderr


def test_the_plan_names_a_hosted_model_that_no_cap_holds_for(
    suite: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test server stands for a host that the list of prices does not know."""
    monkeypatch.setattr("harness_endpoints._prices.is_local", lambda _: False)
    plugins = load_plugins()
    task, model = plugins.find("tasks", "text-classification"), plugins.find("models", "openai:tiny")
    with Server() as one:
        data = task.data(str(suite(one.url) / "mood.csv"), filled({}, task.settings))
        (note,) = model.check(data, filled({"base_url": one.url}, model.settings), "as-is")
        priced = model.check(data, filled({"base_url": one.url, "priced_as": "openai/gpt-4o"}, model.settings), "as-is")

    assert "has no price for 127.0.0.1: no cap holds" in note
    assert list(priced) == []


def test_a_run_keeps_its_cap_and_goes_on_with_a_higher_one(suite: Callable[..., Path], harness_command: Any) -> None:
    """The step fails by name; what was paid is kept. Records hold the cap and the tokens, and no price."""
    with Server() as one:
        folder = suite(one.url, cap_usd=0.003)
        first = harness_command(folder, "run", "paid.yaml", "--store", "store")
        paid = one.prompts("asked")
        raised = harness_command(folder, "run", "paid.yaml", "--store", "store", "--spend-usd", "0.05")
        prompts = one.prompts("asked")

    failed, *_ = (record for record in records(folder) if record.outcome == "failed")
    done = {record.step: record for record in records(folder) if record.outcome == "ok"}
    assert (first.code, raised.code) == (1, 0), raised.stderr
    assert "spend cap reached:" in str(failed.reason)
    assert "of 0.003 USD are spent or reserved" in str(failed.reason)
    assert 0 < len(paid) < 24
    assert bill(one.log[: 2 * len(paid)]) <= Decimal("0.003")
    assert len(set(prompts[:24])) == 24  # the second run asks what the first did not
    assert len(prompts) - 24 >= 49 - 24  # the load asks at least what a dry run says
    assert {done[step].used["spend_cap_usd"] for step in ("evaluate", "serve")} == {0.05}
    assert not [name for name in json.dumps(done["evaluate"].used) if "price" in name]
    assert all("usd" not in name for name in done["evaluate"].usage["test"])
    assert done["evaluate"].spec["access"]["priced_as"] == "openai/gpt-4o"


def test_serving_draws_on_the_same_cap(suite: Callable[..., Path], harness_command: Any) -> None:
    """What the evaluation leaves is not enough for the load: it ends by name."""
    with Server() as one:
        folder = suite(one.url, cap_usd=0.0052)
        done = harness_command(folder, "run", "paid.yaml", "--store", "store")
        assert bill(one.log) <= Decimal("0.0052")
    assert done.code == 1
    assert [(record.step, record.outcome) for record in records(folder)] == [("evaluate", "ok"), ("serve", "failed")]
    assert "spend cap reached" in str(records(folder)[-1].reason)


def asked_by(folder: Path, url: str, spend: Spend) -> tuple[Asking, Any]:
    """Return what asks the server for the data of the suite, and the data."""
    plugins = load_plugins()
    task, model = plugins.find("tasks", "text-classification"), plugins.find("models", "openai:tiny")
    data = task.data(str(folder / "mood.csv"), filled({}, task.settings))
    settings = filled({"base_url": url, "priced_as": "openai/gpt-4o", "max_tokens": 8}, model.settings)
    return Asking(
        "tiny", Assignment("finetune", data, "default", settings, "remote", "as served", 0, spend=spend)
    ), data


def test_a_server_that_reports_more_than_max_tokens_ends_the_step(suite: Callable[..., Path], tmp_path: Path) -> None:
    """By name: its bill could not be bounded. What it reports counts all the same."""
    spend = Spend(1.0, tmp_path / "ledger", "step", frozenset({"step"}))
    with Server({"tiny": Behaviour(usage="over")}) as one:
        asking, data = asked_by(suite(one.url), one.url, spend)
        with pytest.raises(AskingError, match="impossible usage: The server reports 15 output_tokens, and max_tokens"):
            asking.predict(data.queries()[:1])
        asking.close()
    ledger = Ledger(spend)

    assert ledger.reserve(Decimal(100)) is None
    assert ledger.total == bill(one.log) + 7 * OUTPUT


def test_all_inputs_of_a_batch_are_in_flight_whatever_came_first(suite: Callable[..., Path], tmp_path: Path) -> None:
    """A predictor is tried with one input before it serves in batches; a larger batch than the first has more."""
    spend = Spend(1.0, tmp_path / "ledger", "step", frozenset({"step"}))
    with Server({"tiny": Behaviour(first_s=(0.3,))}) as one:
        asking, data = asked_by(suite(one.url), one.url, spend)
        most = []
        for count in (1, 12, 3):
            before = len(one.log)
            asking.predict(data.queries()[:count])
            most.append(max(entry["in_flight"] for entry in one.log[before:]))
        asking.close()

    assert most == [1, 12, 3]


def test_a_load_that_reaches_the_cap_ends_by_name(suite: Callable[..., Path], tmp_path: Path) -> None:
    """Requests that were not sent are no failures of the server, and a load without them is another load."""
    spend = Spend(0.004, tmp_path / "ledger", "step", frozenset({"step"}))
    with Server({"tiny": Behaviour(first_s=(0.05,))}) as one:
        asking, data = asked_by(suite(one.url), one.url, spend)
        queries = data.queries()
        ended: SimpleQueue[None] = SimpleQueue()
        for _ in range(2):  # two fit, and make room for two more
            asking.load.send(queries[0], lambda: None, lambda: ended.put(None))
        few = asking.load.served()
        for _ in range(10):
            asking.load.send(queries[0], lambda: None, lambda: ended.put(None))
        with pytest.raises(CapReachedError, match=r"spend cap reached: .* of 0\.004 USD .*Next: raise spend_usd"):
            asking.load.served()
        asking.close()

    assert [request.failure for request in few] == [None, None]
    assert ended.qsize() == 12
    assert bill(one.log) <= Decimal("0.004")
    assert len(one.prompts("asked")) < 12


def test_a_list_of_prices_makes_no_step(suite: Callable[..., Path]) -> None:
    """Neither its version nor what a model is priced as is part of a fingerprint; both may change at any time."""
    from harness.plan import make_plan
    from harness.suite import read_suite

    def steps(settings: str, cap_usd: float | None) -> list[Any]:
        folder = suite("http://127.0.0.1:1/v1", settings=settings, cap_usd=cap_usd)
        whole, source = read_suite(str(folder / "paid.yaml"))
        data = [entry.model_copy(update={"data": str(folder / "mood.csv")}) for entry in whole.tasks]
        return list(make_plan(whole.model_copy(update={"tasks": tuple(data)}), source, load_plugins()).steps)

    one, other = steps(PRICED, 1.0), steps("max_tokens: 8", None)

    assert [step.fingerprint for step in one] == [step.fingerprint for step in other]
    assert not [step for step in one if "genai-prices" in str(step.basis["libraries"])]


ASKING = """
import sys
from pathlib import Path
from harness import Assignment, Spend
from harness.plugins import load_plugins
from harness.settings import filled
from harness_endpoints._asking import Asking

folder, url, cap_usd, in_flight = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
plugins = load_plugins(silent=True)
task = plugins.find("tasks", "text-classification")
data = task.data(str(folder / "mood.csv"), filled({}, task.settings))
given = {"base_url": url, "priced_as": "openai/gpt-4o", "max_tokens": 8}
settings = filled(given, plugins.find("models", "openai:tiny").settings)
spend = Spend(cap_usd, folder / "ledger", "step", frozenset({"step"}))
asking = Asking("tiny", Assignment("finetune", data, "default", settings, "remote", "as served", 0,
                                   attempts=folder / "attempts", spend=spend))
inputs = list(data.queries())
for start in range(0, len(inputs), in_flight):
    asking.predict(inputs[start : start + in_flight])
asking.close()
"""
"""What an evaluation does in its worker, without the time that a run takes to begin."""


def kill(command: list[str], folder: Path, log: Path, draw: Random) -> bool:
    """Begin, and kill with -9 after a few more answers; return False if it ended by itself before."""
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = len(answered(log)) + draw.randint(1, 6)
    while len(answered(log)) < until and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    time.sleep(0.5)  # a worker ends with the harness
    return process.wait() < 0


def lines(log: Path) -> list[dict[str, Any]]:
    """Return the whole lines of the server's log."""
    text = log.read_bytes().rpartition(b"\n")[0] if log.exists() else b""
    return [json.loads(line) for line in text.splitlines()]


def answered(log: Path) -> list[str]:
    """Return the prompts that the server has answered."""
    return [entry["prompt"] for entry in lines(log) if entry["event"] == "answered"]


FIRST = ("--first", "0.05", "0.1", "0.2", "0.3")


@pytest.mark.parametrize(
    ("kills", "cap_usd"), [(2, 1.0), *(pytest.param(20, cap, marks=pytest.mark.slow) for cap in (1.0, 0.05))]
)
def test_the_cap_holds_over_kills(kills: int, cap_usd: float, suite: Callable[..., Path]) -> None:
    """By the server's own log. Under a low cap killed calls leave too little of it, and the step ends by name."""
    folder, draw = suite("", rows=60 * kills), Random(0)  # noqa: S311 - no secret
    log = folder / "log.jsonl"
    with server.own_process(*FIRST, "--log", str(log)) as url:
        command = [sys.executable, "-c", ASKING, str(folder), url, str(cap_usd), str(IN_FLIGHT)]
        killed = [kill(command, folder, log, draw) for _ in range(kills)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False)
    counts = Counter(entry["prompt"] for entry in lines(log) if entry["event"] == "asked")
    ledger = Ledger(Spend(cap_usd, folder / "ledger", "step", frozenset({"step"})))

    assert ledger.reserve(Decimal(100)) is None
    assert bill(lines(log)) <= ledger.total <= Decimal(str(cap_usd))
    assert counts.total() - len(counts) <= kills * IN_FLIGHT
    if cap_usd == 1.0:
        assert killed == [True] * kills
        assert done.returncode == 0, done.stderr
        assert len(counts) >= 10 * kills
    else:
        assert "spend cap reached" in done.stderr


@pytest.mark.slow
def test_a_suite_keeps_its_cap_over_twenty_kills(suite: Callable[..., Path]) -> None:
    """By the command of a user: each of 300 items is asked once, but for those in flight, within the cap."""
    log, draw = suite("") / "log.jsonl", Random(0)  # noqa: S311 - no secret
    with server.own_process(*FIRST, "--log", str(log)) as url:
        folder = suite(url, cap_usd=1.0, rows=1500)
        killed = [kill(COMMAND, folder, log, draw) for _ in range(20)]
        done = subprocess.run(COMMAND, cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False)
    evaluation = next(record for record in reversed(records(folder)) if record.step == "evaluate")
    prompts = [entry["prompt"] for entry in lines(log) if entry["event"] == "asked"]

    assert killed == [True] * 20
    assert done.returncode == 0, done.stderr
    assert bill(lines(log)) <= 1
    assert len(evaluation.scores["correct"]) == len(set(prompts)) >= 300
    of_the_load = len(records(folder)[-1].series["latency_s"]) * IN_FLIGHT + 60
    assert len(prompts) - len(set(prompts)) <= 20 * IN_FLIGHT + of_the_load
