"""Hand-built records with round numbers, so that tables can be checked by hand."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from harness import Figure, HarnessError, Price, PriceBook, Reading, Record, UseCase
from harness.store import open_store
from harness_reports import harness_commands
from harness_reports.cells import rows as plain_rows
from harness_reports.explain.tables import Row
from harness_reports.figures.explained import Explained
from harness_reports.prices.pricing import Pricing, choose

HARDWARE = {"name": "cpu", "device_name": "Bench 9000", "price_item": "CPU", "price_quantity": 2}
REMOTE = {"name": "remote", "device_name": "behind an endpoint", "price_item": None, "price_quantity": 1}
ACCURACY = {
    "name": "accuracy", "unit": "share", "column": "correct", "higher_is_better": True, "ceiling": 1.0,
    "random_baseline": 0.125,
}  # fmt: skip
UNITS = {"s": "s", "bytes": "B", "j": "J"}


class Bench:
    """Builds the records of a suite; equal steps get equal fingerprints, as in a store."""

    def record(
        self,
        step: str,
        spec: Mapping[str, Any],
        inputs: Mapping[str, str] | None = None,
        readings: Mapping[str, float] | None = None,
        **fields: Any,
    ) -> Record:
        """Return one record; `fields` replace any of its fields."""
        body = json.dumps([step, spec, inputs, fields.get("environment")], sort_keys=True, default=str)
        fingerprint = hashlib.sha256(body.encode()).hexdigest()
        read = {
            name: Reading(value, UNITS.get(name.rpartition("_")[2], "count"))
            for name, value in (readings or {}).items()
        }
        defaults: dict[str, Any] = {
            "id": fingerprint[:32], "fingerprint": fingerprint, "step": step, "outcome": "ok", "spec": dict(spec),
            "inputs": dict(inputs or {}), "started_at": "2026-11-23T10:00:00+00:00",
            "environment": {"cpu_model": "Bench 9000", "versions": {"torch": "2.13.0"}, "hardware": HARDWARE},
            "data_digest": "d" * 64, "readings": read,
        }  # fmt: skip
        return Record(**defaults | fields)

    def spec(self, **changes: Any) -> dict[str, Any]:
        """Return the spec of a step."""
        return {
            "model": "bert", "size": "tiny", "settings": {"lr": 0.001}, "start": "pretrained",
            "task": "text-classification", "source": None, "task_settings": {}, "hardware": "cpu", "precision": "fp32",
            "seed": 0,
        } | changes  # fmt: skip

    def case(
        self,
        *,
        scores: Sequence[float] = (1, 1, 1, 0) * 25,
        metric: Mapping[str, Any] = ACCURACY,
        rate: float = 100.0,
        window_s: float = 10.0,
        latency_s: Sequence[float] | None = (0.02,) * 700,
        batch_size: int = 10,
        runtime: str = "onnx",
        finetune_s: float = 180.0,
        baseline: str = "tfidf",
        budget: Mapping[str, Any] | None = None,
        fields: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> list[Record]:
        """Return a case: pretraining 360 s, fine-tuning 180 s, export, evaluation 36 s, Offline, SingleStream."""
        more = dict(fields or {})
        spec = self.spec(**changes)
        inputs: dict[str, str] = {}
        records = []
        if spec["start"] == "pretrained":
            first = {**spec, "start": "scratch", "seed": 0, "budget": {"steps": 100}}
            records.append(self.record("pretrain", first, {}, {"wall_s": 360.0}, **more))
            inputs = {"pretrained": records[-1].fingerprint}
        tuned = {**spec, "budget": dict(budget or {"steps": 50})}
        records.append(self.record("finetune", tuned, inputs, {"wall_s": finetune_s}, **more))
        inputs = {"trained": records[-1].fingerprint}
        if runtime == "onnx":
            checked = {"wall_s": 1.0, "largest_difference": 1e-6}
            records.append(self.record("export", {**spec, "format": "onnx"}, inputs, checked, **more))
            inputs = {**inputs, "exported": records[-1].fingerprint}
        spec = {**spec, "runtime": runtime}
        graded = {
            "scores": {metric["column"]: [float(score) for score in scores]}, "metrics": [dict(metric)], "baseline":
            baseline,
        }  # fmt: skip
        read = {"wall_s": 36.0, "items": float(len(scores))}
        records.append(self.record("evaluate", {**spec, "batch_size": batch_size}, inputs, read, **graded, **more))
        records.append(self.offline({**spec, "batch_size": batch_size}, inputs, rate, window_s, **more))
        if latency_s is not None:
            records.append(self.single_stream(spec, inputs, latency_s, **more))
        return records

    def offline(
        self, spec: Mapping[str, Any], inputs: Mapping[str, str], rate: float, window_s: float, **fields: Any
    ) -> Record:
        """Return an Offline serving in equal batches that fill the window."""
        samples = rate * window_s
        batches = max(1, round(samples / spec["batch_size"]))
        readings = {
            "wall_s": window_s, "samples": samples, "queries": batches, "load_s": 0.5, "first_query_s": 0.1, "cpu_s": 2
            * window_s, "peak_memory_bytes": 5e8, "energy_j": 50.0 * window_s,
        }  # fmt: skip
        series = {"latency_s": [window_s / batches] * batches}
        return self.record("serve", {**spec, "scenario": "Offline"}, inputs, readings, series=series, **fields)

    def single_stream(
        self, spec: Mapping[str, Any], inputs: Mapping[str, str], latency_s: Sequence[float], **fields: Any
    ) -> Record:
        """Return a SingleStream serving with these latencies."""
        wall_s = float(sum(latency_s))
        readings = {
            "wall_s": wall_s, "samples": len(latency_s), "queries": len(latency_s), "load_s": 0.5, "cpu_s": wall_s,
            "energy_j": 50.0 * wall_s,
        }  # fmt: skip
        spec = {**spec, "scenario": "SingleStream", "batch_size": 1}
        return self.record("serve", spec, inputs, readings, series={"latency_s": list(latency_s)}, **fields)

    def writing(self, first_token_s: Sequence[float], tokens: float | None, **more: Any) -> list[Record]:
        """Return a case of a streaming model: SingleStream for 1 s with times to the first token and a token count."""
        *others, stream = self.case(latency_s=(0.01,) * 100, **more)
        series = {**stream.series, **({"first_token_s": list(first_token_s)} if first_token_s else {})}
        read = {} if tokens is None else {"output_tokens": Reading(tokens, "count")}
        return [*others, replace(stream, series=series, readings={**stream.readings, **read})]

    def prompted(
        self,
        calls: Sequence[tuple[int | None, int | None, int | None]],
        *,
        scores: Sequence[float] | None = None,
        url: str = "https://api.openai.com/v1",
        usage: Mapping[str, Sequence[Any]] | None = None,
        **changes: Any,
    ) -> Record:
        """Return the evaluation of a served model; a call is its input, cached and output tokens."""
        columns = dict(zip(("input_tokens", "cached_tokens", "output_tokens"), zip(*calls, strict=True), strict=True))
        given = {"attempts": [1] * len(calls), **columns, **(usage or {})}
        spec = {
            **self.spec(model="openai:gpt-4o-mini", size="default", settings={}, start="as-is", hardware="remote"),
            "precision": "as served", "runtime": "http", "batch_size": 16, "access": {"base_url": url}, **changes,
        }  # fmt: skip
        correct = [1.0] * len(calls) if scores is None else [float(score) for score in scores]
        return self.record(
            "evaluate", spec, {}, {"wall_s": 2.0, "items": float(len(calls))}, scores={"correct": correct},
            metrics=[dict(ACCURACY)], baseline="tfidf", environment={"versions": {}, "hardware": REMOTE},
            usage={"test": {name: list(values) for name, values in given.items()}},
        )  # fmt: skip

    def requests(
        self, start_s: Sequence[float], chunks_s: Sequence[Sequence[float]], *, closed: bool = False, **columns: Any
    ) -> dict[str, list[Any]]:
        """Return the columns of a run; `columns` replace any of them, a single value stands for every request."""
        count = len(start_s)
        given = {
            "scheduled_s": None if closed else list(start_s), "sent_s": list(start_s), "streamed": True,
            "chunks_s": [list(map(float, chunks)) for chunks in chunks_s], "input_tokens": 50, "cached_tokens": 0,
            "output_tokens": [len(chunks) for chunks in chunks_s], "attempts": 1, "failure": None, "batch": None,
            **columns,
        }  # fmt: skip
        return {name: value if isinstance(value, list) else [value] * count for name, value in given.items()}

    def steady(self, rate_per_s: float, count: int, latency_s: float, **columns: Any) -> dict[str, list[Any]]:
        """Return the columns of a run with equal gaps between requests and equal latencies, of 10 chunks each."""
        start = [place / rate_per_s for place in range(count)]
        chunks = [np.linspace(s + latency_s / 4, s + latency_s, 10).tolist() for s in start]
        return self.requests(start, chunks, **columns)

    def load(
        self, runs: Mapping[str, Mapping[str, list[Any]]], *, about: Mapping[str, Any] | None = None,
        base: Record | None = None, **changes: Any,
    ) -> Record:  # fmt: skip
        """Return a serving under load.

        Args:
            runs: by name: `Server 2/s` for a rate, `ClosedLoop 8` for a number in flight.
            about: what every run's entry in `used["runs"]` holds beside name, rate and number in flight.
            base: a record of the candidate, such as its evaluation; its environment and spec are taken over.
            changes: of the spec.
        """
        scenario = next(iter(runs)).split()[0]
        spec = {**(base.spec if base else self.spec(runtime="eager")), "batch_size": 8, "scenario": scenario, **changes}
        described = [{**_described(name), "valid": True, "why_not": None, **(about or {})} for name in runs]
        count = float(len(next(iter(runs.values()))["sent_s"]))
        more = {"environment": base.environment} if base else {}
        return self.record(
            "serve", spec, base.inputs if base else {}, {"wall_s": 10.0, "samples": count, "queries": count},
            runs={name: dict(columns) for name, columns in runs.items()}, used={"runs": described}, **more,
        )  # fmt: skip

    def swept(self, count: int = 700, **more: Any) -> Record:
        """Return a sweep: 1, 2 and 4 a second with 0.1, 0.2 and 0.9 s; the suite's limit is 0.3 s for 99 of 100."""
        runs = {f"Server {rate}/s": self.steady(rate, count, took) for rate, took in ((1, 0.1), (2, 0.2), (4, 0.9))}
        plan = {"seconds": 2.0, "limits": {"latency_s": 0.3, "first_token_s": None}, "percentile": 99}
        return self.load(runs, **{"load": plan, **more})

    def batches(self, durations: list[float], wall_s: float | None = None, scenario: str = "Offline") -> Record:
        """Return a serving in batches of 10 with these durations."""
        readings = {"wall_s": sum(durations) if wall_s is None else wall_s, "samples": 10.0 * len(durations)}
        spec = self.spec(runtime="eager", batch_size=10, scenario=scenario)
        return self.record("serve", spec, {}, readings, series={"latency_s": durations})

    def suite(self) -> list[Record]:
        """Return a small suite of two tasks: a strong and expensive model, weak and cheap ones, and a game."""
        returns = {
            "name": "return", "unit": "reward", "column": "return", "higher_is_better": True, "ceiling": 500.0,
            "random_baseline": 22.0,
        }  # fmt: skip
        game: dict[str, Any] = {
            "task": "CartPole-v1", "size": "default", "settings": {}, "metric": returns, "baseline": "linear",
            "data_digest": "g",
        }  # fmt: skip
        fields = {"fields": {"data_digest": "g" * 64}}
        game.pop("data_digest")
        plain = {"start": "scratch", "runtime": "eager"}
        return [
            *self.case(scores=(1,) * 92 + (0,) * 8, rate=100.0, latency_s=(0.02,) * 700),
            *self.case(scores=(1,) * 91 + (0,) * 9, rate=60.0, latency_s=(0.03,) * 700, runtime="eager"),
            *self.case(scores=(1,) * 60 + (0,) * 40, rate=40.0, model="lstm", latency_s=(0.05,) * 700, **plain),
            *self.case(
                scores=(1,) * 75 + (0,) * 25, rate=5000.0, finetune_s=1.8, model="tfidf", size="default", settings={},
                latency_s=(0.001,) * 1200, **plain,
            ),
            *self.case(
                scores=(490, 500, 480, 500) * 10, rate=9000.0, model="ppo", latency_s=(0.001,) * 1100, **game, **fields,
            ),
            *self.case(
                scores=(200, 220, 180, 240) * 10, rate=50_000.0, finetune_s=0.1, model="linear",
                latency_s=(0.001,) * 1100, **game, **plain, **fields,
            ),
        ]  # fmt: skip


def _described(name: str) -> dict[str, Any]:
    scenario, _, level = name.partition(" ")
    clock = level.endswith("/s")
    rate, in_flight = (float(level[:-2]), None) if clock else (None, int(level))
    return {"name": name, "scenario": scenario, "rate_per_s": rate, "in_flight": in_flight, "wall_s": 10.0}


def price(**changes: Any) -> Price:
    """Return a price of 0.05 USD for a vCPU-hour."""
    defaults: dict[str, Any] = {
        "item": "CPU", "usd": Decimal("0.05"), "per": "hour", "provider": "Bench Cloud", "offer": "c1.small", "region":
        "eu-1", "as_of": date(2026, 11, 1), "as_of_note": "", "source": "bench.example/prices",
    }  # fmt: skip
    return Price(**defaults | changes)


def figure(value: float) -> Figure:
    """Return a figure of a use case."""
    return Figure(value, "unit", date(2026, 11, 1), "somebody's guess")


MARKET = {
    "requests_per_year": 1_000_000.0, "value_per_request_usd": 0.10, "cost_per_error_usd": 0.20,
    "fixed_cost_per_year_usd": 10_000.0, "upfront_cost_usd": 20_000.0, "discount_rate": 0.10, "years": 3.0,
    "development_multiplier": 2.0,
}  # fmt: skip


@pytest.fixture(scope="session")
def bench() -> Bench:
    """Return the builder of records."""
    return Bench()


RUBRIC = {
    "as_of": "2026-11-27", "good_from": 4, "name": "helpful", "question": "Does the answer help?",
    "scale": {str(grade): f"grade {grade}" for grade in range(1, 6)}, "source": "the tests",
}  # fmt: skip
ANSWERED = {
    "name": "answered", "unit": "share", "column": "answered", "higher_is_better": True, "ceiling": 1.0,
    "random_baseline": None,
}  # fmt: skip


class OpenAnswers:
    """Builds records of open answers, of judges that grade them, and of people; questions are `q0`, `q1` and so on."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.rubric = json.dumps(RUBRIC, sort_keys=True, separators=(",", ":"))

    def case(self, outputs: Sequence[str], **changes: Any) -> list[Record]:
        """Return a case of a candidate with these answers, an empty text where it gave none."""
        given = {
            "model": "nearest",
            "size": "default",
            "start": "scratch",
            "runtime": "eager",
            "settings": {},
            **changes,
        }
        scores = [float(bool(output)) for output in outputs]
        records = self.bench.case(scores=scores, metric=ANSWERED, baseline="nearest", task="open-answers", **given)
        items = {"input": [f"q{place}" for place in range(len(outputs))], "reference": [""] * len(outputs)}
        return [
            replace(one, items={"test": items}, answers={"test": {"output": list(outputs)}}) if one.metrics else one
            for one in records
        ]

    def judge(
        self, candidates: Sequence[Record], grade: Callable[[int, str], int | None], *, order: str = "worst-first",
        rubric: str | None = None, started_at: str = "2026-11-23T11:00:00+00:00", wall_s: float = 72.0, **changes: Any,
    ) -> Record:  # fmt: skip
        """Return a judge's record of all distinct answers of candidates; `grade` takes the question's number."""
        read = dict.fromkeys(
            (question, answer)
            for one in candidates if one.metrics
            for question, answer in zip(one.items["test"]["input"], one.answers["test"]["output"], strict=True)
            if answer
        )  # fmt: skip
        settings = {"rubric": self.rubric if rubric is None else rubric, "order": order}
        spec = self.bench.spec(
            model="openai:judge", size="default", settings={}, start="as-is", runtime="eager", task="answer-grading",
            task_settings=settings, data=f"answers-{len(read)}", source=f"answers-{len(read)}-{order}.jsonl",
        )  # fmt: skip
        outputs = [grade(int(question[1:]), answer) for question, answer in read]
        items = {"input": [q for q, _ in read], "reference": [""] * len(read), "answer": [a for _, a in read]}
        return self.bench.record(
            "evaluate", {**spec, **changes}, {}, {"wall_s": wall_s}, started_at=started_at, items={"test": items},
            answers={"test": {"output": outputs}}, scores={"graded": [float(one is not None) for one in outputs]},
            metrics=[{**ANSWERED, "name": "graded", "column": "graded"}], baseline="tfidf",
        )  # fmt: skip

    def people(self, by_grader: Mapping[str, Mapping[tuple[str, str], int | None]], **fields: Any) -> Record:
        """Return the record of people's grades: grader → question and answer → grade."""
        pairs = list(dict.fromkeys(pair for grades in by_grader.values() for pair in grades))
        spec = {
            "task": "answer-grading", "task_settings": {"rubric": self.rubric}, "data": "grades.csv", "source": None,
            "graders": repr(by_grader),
        }  # fmt: skip
        return self.bench.record(
            "grade", spec, items={"test": {"input": [q for q, _ in pairs], "answer": [a for _, a in pairs]}},
            answers={"test": {name: [grades.get(pair) for pair in pairs] for name, grades in by_grader.items()}},
            **fields,
        )  # fmt: skip


@pytest.fixture(scope="session")
def open_answers(bench: Bench) -> OpenAnswers:
    """Return the builder of records of open answers."""
    return OpenAnswers(bench)


@pytest.fixture(scope="session")
def guessable() -> Callable[[float], dict[str, Any]]:
    """Return a maker of an accuracy by what guessing reaches."""
    return lambda level: ACCURACY | {"random_baseline": level}


@pytest.fixture(scope="session")
def error_metric() -> dict[str, Any]:
    """Return a metric in which lower is better."""
    return {
        "name": "error", "unit": "K", "column": "error", "higher_is_better": False, "ceiling": None,
        "random_baseline": None,
    }  # fmt: skip


@pytest.fixture(scope="session")
def make_store() -> Callable[[Path, Sequence[Record]], str]:
    """Return a function that writes records to a new store and returns its place."""

    def make(folder: Path, records: Sequence[Record]) -> str:
        store = open_store(str(folder), create=True)
        for record in {record.fingerprint: record for record in records}.values():
            store.add(record)
        store.close()
        return str(folder)

    return make


@pytest.fixture(scope="session")
def invoke() -> Callable[..., str]:
    """Return a function that runs a command of the reports and returns its output; harness errors come through."""
    app = typer.Typer()
    harness_commands(app=app)

    def call(*arguments: str) -> str:
        result = CliRunner().invoke(app, arguments)
        if isinstance(result.exception, HarnessError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    return call


@pytest.fixture(scope="session")
def suite(bench: Bench) -> list[Record]:
    """Return the records of a small suite."""
    return bench.suite()


@pytest.fixture(scope="session")
def make_cascade(bench: Bench) -> Callable[..., list[Record]]:
    """Return a maker of the records of a cheap and an expensive model with answers to validation and test.

    An item is the cheap one's confidence, whether it is right, and whether the expensive one is. By default both splits
    have 100 items: 60 of which the cheap one is sure (0.9), all right; 30 at 0.6, of which it has 15 right; 10 at 0.3,
    all wrong. The expensive one has 92 right: 58, 27 and 7. The cheap one answers 10,000 a second, the other one 100.
    """
    items = [(0.9, 1, 1)] * 58 + [(0.9, 1, 0)] * 2 + [(0.6, 1, 1)] * 15 + [(0.6, 0, 1)] * 12
    items += [(0.6, 0, 0)] * 3 + [(0.3, 0, 1)] * 7 + [(0.3, 0, 0)] * 3

    def make(
        test: Sequence[tuple[float, int, int]] = tuple(items),
        validation: Sequence[tuple[float, int, int]] = tuple(items),
        **changes: Any,
    ) -> list[Record]:
        records = []
        cheap = {"model": "tfidf", "size": "default", "start": "scratch", "rate": 10_000.0, "finetune_s": 1.8}
        for place, model in enumerate((cheap | {"latency_s": (0.001,) * 1200}, {"rate": 100.0})):
            given = {"runtime": "eager", "validation": True, **model, **changes}
            made = bench.case(scores=[item[1 + place] for item in test], **given)
            answers = {}
            for split, rows in (("test", test), ("validation", validation)):
                answers[split] = {"output": ["a"] * len(rows)}
                if not place:
                    answers[split]["confidence"] = [item[0] for item in rows]
                if split == "validation":
                    answers[split]["correct"] = [float(item[1 + place]) for item in rows]
            records += [replace(each, answers=answers) if each.step == "evaluate" else each for each in made]
        return records

    return make


@pytest.fixture(scope="session")
def make_price() -> Callable[..., Price]:
    """Return a function that makes prices."""
    return price


@pytest.fixture(scope="session")
def pricing() -> Pricing:
    """Return prices that make the Bench 9000 cost 0.10 USD an hour, in which it is busy all the time."""
    return replace(choose(PriceBook("bench", "for tests", (price(),)), as_of=date(2026, 11, 23)), utilisation=1.0)


@pytest.fixture(scope="session")
def make_use_case() -> Callable[..., UseCase]:
    """Return a function that makes use cases: `market` and `needs` replace figures, None leaves one out."""

    def make(
        name: str = "filing",
        tasks: tuple[str, ...] = ("text-classification",),
        *,
        needs: dict[str, float] | None = None,
        **market: Any,
    ) -> UseCase:
        wanted = {"quality": 0.8, "latency_s": 0.5} if needs is None else needs
        return UseCase(
            name, f"{name.capitalize()} things", "Things are filed.", tasks,
            needs={key: figure(value) for key, value in wanted.items()},
            market={key: figure(value) for key, value in (MARKET | market).items() if value is not None},
        )  # fmt: skip

    return make


@pytest.fixture(scope="session")
def use_cases(make_use_case: Callable[..., UseCase]) -> dict[str, UseCase]:
    """Return two use cases, one for each task of the suite."""
    game = make_use_case("balancing", ("CartPole-v1",), needs={"quality": 400.0}, cost_per_error_usd=0.05)
    return {"filing": make_use_case(), "balancing": game}


FORMULA = {"mean": lambda *of: sum(of) / len(of), "sum": lambda *of: sum(of), "max": max}
SHARE = {"share": lambda of: min(1.0, max(0.0, of))}


def evaluated(figure: Explained) -> float:
    """Return the value of a formula with its inputs, by Python's own arithmetic."""
    formula = figure.formula
    given: dict[str, list[Any]] = {}
    for part in figure.inputs:
        given.setdefault(part.name, []).append(part.value)
    for how in FORMULA:
        formula = formula.replace(f"{how}(", f"{how}(*")
    plain = {name: values if f"*{name})" in formula else values[0] for name, values in given.items()}
    return float(eval(formula, {"__builtins__": {}}, {**FORMULA, **SHARE, **plain}))  # noqa: S307 - our own formulas


def _check(table: list[Row], frame: Any) -> int:
    """Check every figure of every row against its table and its formula; return the number of formulas."""
    seen = 0
    for row, cells in zip(table, plain_rows(frame), strict=True):
        for column, figure in row.figures().items():
            assert figure.name == column
            assert figure.value == cells[column], (row.title, column)
            for part in figure.walk():
                if part.formula and part.value is not None:
                    assert evaluated(part) == pytest.approx(part.value, rel=1e-9), (row.title, part.name)
                    seen += 1
    return seen


@pytest.fixture(scope="session")
def check() -> Callable[[list[Row], Any], int]:
    """Return a function that checks explained rows against their table, and figures against their formulas."""
    return _check
