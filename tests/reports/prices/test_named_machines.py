"""Served models by the hour of a machine that the reader names: the same records, another price."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from harness import FactError, Price, PriceBook, Record, UseCase
from harness_reports.business.serving import serving
from harness_reports.business.viability import viability
from harness_reports.cells import missing
from harness_reports.explain.tables import Assumed, rows
from harness_reports.prices.cost import cost
from harness_reports.prices.named_machines import named_machine, with_machines
from harness_reports.prices.pricing import NamedMachine, Pricing, choose
from harness_reports.reasons import speaking

DAY = date(2026, 11, 23)
LOCAL = {"url": "http://127.0.0.1:8000/v1", "model": "openai:local"}
GOOD = (1,) * 92 + (0,) * 8
BOOK = """
prices:
- {item: h100, usd: 3.00, per: hour, provider: bench, offer: gpu, region: eu-1, as_of: 2026-11-01, source: a list}
- {item: CPU, usd: 0.05, per: hour, provider: bench, offer: c1, region: eu-1, as_of: 2026-11-01, source: a list}
"""


@pytest.fixture
def book(make_price: Callable[..., Price]) -> Pricing:
    """Return prices of a CPU, 0.05 USD, and of an accelerator, 3 USD an hour, that has an x in its name."""
    return choose(
        PriceBook("bench", "for tests", (make_price(), make_price(item="rtx4090", usd=Decimal(3)))), as_of=DAY
    )


def records_of(bench: Any, *, rate: float = 20.0) -> list[Record]:
    """Return an evaluation and servings of a model behind a URL of one's own: 20 requests per second, 50 ms each."""
    evaluation = bench.prompted([(900, 0, 100)] * 100, scores=GOOD, **LOCAL)
    spec = {name: value for name, value in evaluation.spec.items() if name != "batch_size"}
    environment = {"environment": evaluation.environment}
    return [
        evaluation, bench.offline({**spec, "batch_size": 16}, {}, rate, 10.0, **environment),
        bench.single_stream(spec, {}, (0.05,) * 700, **environment),
    ]  # fmt: skip


def test_costs_worked_out_by_hand(bench: Any, book: Pricing) -> None:
    """2 machines of 3 USD an hour, busy half of it: 6 / (20 · 3600 · 0.5) USD a request of 1,000 tokens."""
    pricing = with_machines(book, {"openai:local": "rtx4090x2"}, records_of(bench))
    (row,) = cost(records_of(bench), pricing).to_dict("records")
    per_1k = 6 / (20 * 3600 * 0.5) * 1000

    assert row["usd_per_hour"] == 6
    assert row["usd_per_1k_inferences"] == pytest.approx(per_1k)
    assert row["usd_per_1k_correct"] == pytest.approx(per_1k / 0.92)
    assert row["usd_per_million_tokens"] == pytest.approx(per_1k)
    assert row["usd_per_million_output_tokens"] == pytest.approx(10 * per_1k)
    assert row["evaluate_usd"] == pytest.approx(6 * 2 / 3600)
    assert (row["input_tokens_per_request"], row["tokens_are"]) == (900, "measured")
    assert "the hour of 2 × rtx4090, which you name (assumed)" in row["note"]
    for name in ("price_usd_per_million_input", "usd_per_1k_with_retries", "energy_j_per_1k", "co2e_g_per_1k"):
        assert missing(row[name]), name


def test_the_rate_under_load_counts_before_offline(bench: Any, book: Pricing) -> None:
    """Arrivals at 5 per second were answered; that of batches says nothing of arrivals."""
    evaluation, *servings = records_of(bench)
    load = bench.load({"Server 5/s": bench.steady(5.0, 700, 0.1)}, base=evaluation)
    records = [evaluation, *servings, load]
    pricing = with_machines(book, {"openai:local": "rtx4090"}, records)
    (row,) = cost(records, pricing).to_dict("records")
    (figures,) = [each.figures() for each in rows("cost", records, pricing)]
    speeds = [part for part in figures["usd_per_1k_inferences"].walk() if part.name == "samples_per_s"]

    assert speeds[0].value == pytest.approx(5.0, rel=0.01)
    assert "Server 5/s" in speeds[0].note
    assert row["usd_per_1k_inferences"] == pytest.approx(3 / (speeds[0].value * 3600 * 0.5) * 1000)


@pytest.mark.parametrize("kept", [("Offline", "SingleStream", "Server"), ("SingleStream", "Server"), ("Offline",)])
def test_costs_and_machines_are_of_one_rate(
    bench: Any, book: Pricing, make_use_case: Callable[..., UseCase], kept: tuple[str, ...]
) -> None:
    """Without a latency limit: that under load, 5 a second; where there is none Offline's, 20 a second."""
    evaluation, *servings = records_of(bench)
    servings.append(bench.load({"Server 5/s": bench.steady(5.0, 700, 0.1)}, base=evaluation))
    records = [evaluation, *(record for record in servings if record.spec["scenario"] in kept)]
    pricing = with_machines(book, {"openai:local": "rtx4090"}, records)
    (costs,) = cost(records, pricing).to_dict("records")
    (plan,) = serving(records, pricing, [make_use_case(needs={"quality": 0.8})]).to_dict("records")

    assert plan["samples_per_s"] == pytest.approx(5.0 if "Server" in kept else 20.0, rel=0.01)
    assert costs["usd_per_1k_inferences"] == pytest.approx(3 / (plan["samples_per_s"] * 3600 * 0.5) * 1000)


@pytest.mark.parametrize(("limits", "rate"), [({"latency_s": 0.3}, 2.0), ({}, 4.0), ({"latency_s": 0.05}, None)])
def test_the_rate_keeps_the_limits_of_the_suite(
    bench: Any, book: Pricing, make_use_case: Callable[..., UseCase], limits: dict[str, float], rate: float | None
) -> None:
    """Of 1, 2 and 4 a second with 0.1, 0.2 and 0.9 s; where none keeps them there is no cost, and it is said why."""
    evaluation, *_ = records_of(bench)
    records = [evaluation, bench.swept(base=evaluation, load={"limits": limits, "percentile": 99})]
    pricing = with_machines(book, {"openai:local": "rtx4090"}, records)
    (costs,) = cost(records, pricing).to_dict("records")
    (plan,) = serving(records, pricing, [make_use_case(needs={"quality": 0.8})]).to_dict("records")
    (figure,) = [each.explain("usd_per_1k_inferences") for each in rows("cost", records, pricing)]

    if rate is None:
        assert missing(costs["usd_per_1k_inferences"])
        assert missing(plan["samples_per_s"])
        assert "No measured rate keeps the limits of its suite" in figure.note
    else:
        assert costs["usd_per_1k_inferences"] == pytest.approx(3 / (rate * 3600 * 0.5) * 1000, rel=0.01)
        assert plan["samples_per_s"] == pytest.approx(rate, rel=0.01)


def test_the_machine_is_labelled_as_assumed(bench: Any, book: Pricing, check: Callable[..., int]) -> None:
    """In the explanation, which gives what the table has, and in Chinese."""
    records = records_of(bench)
    pricing = with_machines(book, {"openai:local": "rtx4090x2"}, records)
    table = rows("cost", records, pricing)
    quantities = [part for part in table[0].explain("evaluate_usd").walk() if part.name == "price_quantity"]

    assert check(table, cost(records, pricing)) > 10
    assert {(part.value, part.kind) for part in quantities} == {(2.0, "assumed")}
    assert "set by you: the machine that serves openai:local" in quantities[0].source
    with speaking("zh"):
        assert "（假设）" in cost(records, pricing)["note"][0]


def test_it_gets_the_verdict_of_a_machine(
    bench: Any, book: Pricing, make_use_case: Callable[..., UseCase], check: Callable[..., int]
) -> None:
    """One machine of 3 USD bears a million requests a year: 26,298 USD; no third party sees a request."""
    records = records_of(bench)
    case = make_use_case(needs={"quality": 0.8, "latency_s": 0.5, "privacy": 2.0})
    by_call = viability(records, book, [case]).to_dict("records")[0]
    pricing = with_machines(book, {"openai:local": "rtx4090"}, records)
    (row,) = viability(records, pricing, [case]).to_dict("records")
    (plan,) = serving(records, pricing, [case]).to_dict("records")

    assert by_call["verdict"] == "not enough evidence"
    assert (row["verdict"], row["buying"], row["replicas"]) == ("invest", "machines", 1)
    assert row["usd_per_year"] == plan["usd_per_year"] == pytest.approx(3 * 8766)
    assert row["latency_p99_s"] == 0.05
    assert all("which you name (assumed)" in text for text in (row["reasons"], plan["note"]))
    for name, frame in (("viability", viability(records, pricing, [case])), ("serving", serving(records, pricing,
                                                                                              [case]))):  # fmt: skip
        assert check(rows(name, records, pricing, Assumed({case.name: case})), frame) > 0


def test_an_x_in_a_name_is_no_number(book: Pricing) -> None:
    """The whole text counts if it is an item."""
    assert named_machine("rtx4090", book.prices) == NamedMachine("rtx4090", 1)
    assert named_machine("rtx4090x8", book.prices) == NamedMachine("rtx4090", 8)
    assert named_machine("CPUx0.5", book.prices) == NamedMachine("CPU", 0.5)


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("h100x1", "H100-80GBx1"), ("H100-80x2", "H100-80GBx2"), ("h100", "H100-80GB"), ("rtx4090", "RTX 4090"),
        ("rtx4090x8", "RTX 4090x8"), ("geforce 4090", "RTX 4090"), ("mi300x8", "MI300Xx8"), ("MI300x", "MI300X"),
        ("v100x2", "V100-16GBx2"), ("cpux0.5", "CPUx0.5"), ("abacusx3", None),
    ],
)  # fmt: skip
def test_the_nearest_machine_has_the_number_behind_the_name(
    text: str, near: str | None, make_price: Callable[..., Price]
) -> None:
    """Names that end in a number after an x are read as names where that is nearer."""
    items = ("CPU", "H100-80GB", "MI300X", "RTX 4090", "V100-16GB", "V100-32GB")
    with pytest.raises(FactError) as refused:
        named_machine(text, {item: make_price(item=item) for item in items})

    words = str(refused.value)
    assert (f"Did you mean {near!r}?" in words) if near else ("Did you mean" not in words)


@pytest.mark.parametrize(
    ("machines", "words"),
    [
        ({"openai:locl": "CPU"}, r"Unknown served model 'openai:locl'. Did you mean 'openai:local'\?"),
        ({"bert": "CPU"}, "Unknown served model 'bert'"),
        (
            {"openai:local": "rtx409"},
            r"'rtx409' has no price. Did you mean 'rtx4090'\? Known: CPU, rtx4090\.",
        ),
        ({"openai:local": "rtx409x2"}, r"'rtx409x2' has no price.* Did you mean 'rtx4090x2'\?"),
        ({"openai:local": "CPUx0"}, "is no machine"),
    ],
)
def test_what_is_not_there_is_named(machines: dict[str, str], words: str, bench: Any, book: Pricing) -> None:
    """With the nearest name."""
    with pytest.raises(FactError, match=words):
        with_machines(book, machines, [*records_of(bench), *bench.case()])


def test_the_command_takes_a_machine(
    bench: Any, tmp_path: Path, make_store: Callable[..., str], invoke: Callable[..., str]
) -> None:
    """In tables, explanations and the report; a table without prices refuses it."""
    store = make_store(tmp_path / "store", records_of(bench))
    (tmp_path / "book.yaml").write_text(BOOK, "utf-8")
    given = ("--store", store, "--price-book", str(tmp_path / "book.yaml"), "--machine", "openai:local=h100")

    (row,) = json.loads(invoke("table", "cost", *given, "--format", "json"))
    tree = invoke("explain", "cost", "--column", "usd_per_1k_inferences", *given)
    invoke("report", *given, "-o", str(tmp_path / "report.html"))

    assert row["usd_per_hour"] == 3
    assert "set by you: the machine that serves openai:local" in tree
    assert "which you name (assumed)" in (tmp_path / "report.html").read_text("utf-8")
    for command in (("table", "accuracy"), ("explain", "throughput")):
        with pytest.raises(FactError, match="this one has none"):
            invoke(*command, *given[:2], *given[4:])
    with pytest.raises(FactError, match="write NAME=VALUE"):
        invoke("table", "cost", *given[:4], "--machine", "openai:local")


def test_loads_alone_give_a_verdict(
    bench: Any, book: Pricing, make_use_case: Callable[..., UseCase], check: Callable[..., int]
) -> None:
    """100 million requests a year are 3.17 a second, 9.5 in the busiest hour: two machines that bear 5 in time."""
    evaluation, *_ = records_of(bench)
    runs = {"Server 5/s": bench.steady(5.0, 700, 0.1), "Server 9/s": bench.steady(9.0, 700, 2.0)}
    records = [evaluation, bench.load(runs, base=evaluation)]
    case = make_use_case(needs={"quality": 0.8, "latency_s": 0.5}, requests_per_year=1e8)
    pricing = with_machines(book, {"openai:local": "rtx4090"}, records)
    (row,) = viability(records, pricing, [case]).to_dict("records")

    assert (row["verdict"], row["replicas"], row["latency_limit"]) == ("invest", 2, "met")
    assert row["usd_per_year"] == pytest.approx(2 * 3 * 8766)
    assert row["latency_p99_s"] == pytest.approx(0.1)
    assumed = Assumed({case.name: case})
    assert check(rows("viability", records, pricing, assumed), viability(records, pricing, [case])) > 0
