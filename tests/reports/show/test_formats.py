"""Tables in every format: complete, harmless, and with missing cells left missing."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness import UseCase
from harness.facts import Spread
from harness.plugins import load_plugins
from harness_reports import cells
from harness_reports.business.alternatives import alternatives
from harness_reports.business.portfolio import portfolio
from harness_reports.business.pretraining import pretraining
from harness_reports.business.sensitivity import sensitivity
from harness_reports.business.serving import serving
from harness_reports.business.viability import viability
from harness_reports.measured.answers import answers
from harness_reports.measured.load_table import load
from harness_reports.measured.sizes import size_table
from harness_reports.measured.tables import accuracy, throughput
from harness_reports.planning.published import published
from harness_reports.planning.scale import Run, laws, scenarios
from harness_reports.prices.cascade_table import cascade
from harness_reports.prices.chips import find_accelerator
from harness_reports.prices.compared import compared
from harness_reports.prices.cost import cost
from harness_reports.prices.frontier import frontier
from harness_reports.prices.judges import judges
from harness_reports.prices.price_table import price_table
from harness_reports.prices.pricing import Pricing
from harness_reports.show import formats

RUN = Run(7e9, 2e12, find_accelerator("h100"))


@pytest.fixture(scope="module")
def frames(
    suite: list[Any],
    pricing: Pricing,
    use_cases: dict[str, UseCase],
    bench: Any,
    open_answers: Any,
    make_cascade: Callable[..., list[Any]],
) -> dict[str, pd.DataFrame]:
    """Return every table of the small suite."""
    answering = open_answers.case(["good", "bad"] * 20)
    graded = [*answering, open_answers.judge(answering, lambda place, answer: 1 + place % 5)]
    verdicts = viability(suite, pricing, use_cases)
    certain = use_cases["filing"]
    guess = replace(certain.market["requests_per_year"], spread=Spread("normal", (1e6, 1e5)))
    wide = [replace(certain, market={**certain.market, "requests_per_year": guess})]
    scratch = [replace(record, spec={**record.spec, "start": "scratch"}, fingerprint=f"{record.fingerprint}s",
                       inputs={role: f"{made}s" for role, made in record.inputs.items()})
               for record in suite if record.step != "pretrain"]  # fmt: skip
    return {
        "sensitivity": sensitivity(suite, pricing, wide), "alternatives": alternatives(suite, pricing, use_cases),
        "pretraining": pretraining([*suite, *scratch], pricing, use_cases),
        "portfolio": portfolio(suite, pricing, use_cases, 1e6),
        "accuracy": accuracy(suite), "throughput": throughput(suite), "load": load([bench.swept()]),
        "cost": cost(suite, pricing),
        "frontier": frontier(suite, pricing), "cascade": cascade(make_cascade(), pricing),
        "viability": verdicts, "serving": serving(suite, pricing, use_cases),
        "sizes": size_table(suite, 1e9), "comparison": compared(suite, ["tfidf", "bert"], pricing),
        "answers": answers(suite, ["tfidf", "bert"]),
        "scenarios": scenarios(RUN), "laws": laws(RUN), "published": published(),
        "judges": judges(graded, pricing), "prices": price_table(load_plugins().price_books()),
    }  # fmt: skip


@pytest.mark.parametrize("form", sorted(formats.WRITERS))
@pytest.mark.parametrize("name", sorted(formats.SHOWN))
def test_every_table_is_written_in_every_format(frames: dict[str, pd.DataFrame], name: str, form: str) -> None:
    """None of them empty."""
    written = formats.WRITERS[form](name, frames[name])

    assert len(written) > 100
    assert isinstance(written, bytes) == (form == "parquet")


@pytest.mark.parametrize("name", sorted(formats.SHOWN))
def test_columns_for_people_are_columns_of_the_table(frames: dict[str, pd.DataFrame], name: str) -> None:
    """The list has no typo."""
    assert set(formats.SHOWN[name]) <= set(frames[name].columns)


def test_json_is_a_list_of_rows_with_null_for_what_is_missing(frames: dict[str, pd.DataFrame]) -> None:
    """Numbers and flags keep their types."""
    rows = json.loads(formats.WRITERS["json"]("frontier", frames["frontier"]))

    assert len(rows) == 6
    assert all(row["stale"] is None for row in rows)
    assert isinstance(rows[0]["value"], float)
    assert isinstance(rows[0]["on_frontier"], bool)


def test_json_is_strict(frames: dict[str, pd.DataFrame]) -> None:
    """NaN and infinity become null."""
    frame = pd.DataFrame({"a": [float("nan"), float("inf"), 1.0], "b": [None, "x", pd.NA]})

    assert json.loads(formats.as_json("any", frame)) == [
        {"a": None, "b": None}, {"a": None, "b": "x"}, {"a": 1.0, "b": None},
    ]  # fmt: skip


def test_parquet_keeps_every_column(frames: dict[str, pd.DataFrame]) -> None:
    """And their values."""
    for name, frame in frames.items():
        back = pd.read_parquet(io.BytesIO(bytes(formats.parquet(name, frame))))
        assert list(back.columns) == list(frame.columns)
        assert cells.rows(back) == cells.rows(frame)


def test_csv_keeps_every_column(frames: dict[str, pd.DataFrame]) -> None:
    """With one line for each row."""
    for name, frame in frames.items():
        rows = list(csv.DictReader(io.StringIO(str(formats.csv(name, frame)))))
        assert list(rows[0]) == list(frame.columns)
        assert len(rows) == len(frame)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1"])
def test_csv_runs_no_formula(text: str) -> None:
    """An apostrophe precedes such a name, and no negative number."""
    frame = pd.DataFrame({"model": [text], "npv_usd": [-5.0]})
    (row,) = csv.DictReader(io.StringIO(formats.csv("any", frame), newline=""))

    assert row["model"] == f"'{text}".replace("\r", "\n")
    assert row["npv_usd"] == "-5.0"


def test_markdown_cells_cannot_break_the_table(bench: Any) -> None:
    """Bars, line breaks and tags are escaped."""
    frame = accuracy(bench.case(model="a|b\nc<script>", latency_s=None))

    written = formats.markdown("accuracy", frame)

    assert "a\\|b c&lt;script>" in written
    assert len({line.replace("\\|", "").count("|") for line in written.splitlines() if line.startswith("|")}) == 1


def test_text_says_once_what_all_rows_share(frames: dict[str, pd.DataFrame]) -> None:
    """In a line below the table."""
    written = formats.text("cost", frames["cost"])

    assert written.count("2026-11-01") == 1
    assert "The same in every row: data packaged · hardware cpu" in written


def test_text_shows_reasons_below_the_table(frames: dict[str, pd.DataFrame]) -> None:
    """In full, after the candidate's name."""
    written = " ".join(formats.text("viability", frames["viability"]).split())

    assert "filing lstm tiny scratch eager: accuracy is 0.6" in written


def test_a_judgement_names_its_row_which_has_a_mark(bench: Any) -> None:
    """Of three rows that differ in their data alone."""
    few, sound = (accuracy(bench.case(scores=(1.0, 0.0) * half)) for half in (2, 50))
    frame = pd.concat([few.assign(data="first.csv"), few.assign(data="second.csv"), sound.assign(data="third.csv")])
    lines = formats.text("accuracy", frame).splitlines()
    starred = [line for line in lines if line.endswith(" *")]
    sentences = [line for line in lines if "Only 4 items were evaluated" in line]

    assert [[name for name in frame["data"] if name in line] for line in starred] == [["first.csv"], ["second.csv"]]
    assert all(line.startswith(f"* {name} bert ") for line, name in zip(sentences, frame["data"], strict=False))
    assert len(sentences) == len(set(sentences)) == 2
    assert not any(line.endswith(" *") for line in formats.text("accuracy", sound).splitlines())


def test_text_takes_no_markup_from_names(bench: Any) -> None:
    """Square brackets are no colours."""
    written = formats.text("accuracy", accuracy(bench.case(model="[red]x[/red]")))

    assert "[red]x[/red]" in written


def test_narrow_terminal_loses_nothing(frames: dict[str, pd.DataFrame]) -> None:
    """On 80 columns lines are folded."""
    for name, frame in frames.items():
        for width in (80, 120, 160):
            written = formats.text(name, frame, width=width)
            assert max(map(len, written.splitlines())) <= width


def test_without_a_terminal_no_cell_is_folded(frames: dict[str, pd.DataFrame]) -> None:
    """Every candidate takes one line."""
    for name, frame in frames.items():
        lines = formats.text(name, frame).splitlines()
        (shown, _) = formats.shown(name, frame)
        last = shown.drop(columns=[c for c in formats.LONG if c in shown]).iloc[:, -1]
        if "model" in shown:
            assert sum("bert" in line and ":" not in line for line in lines) == (frame["model"] == "bert").sum()
        assert all(any(line.endswith(cell) for line in lines) for cell in last)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (float("nan"), "–"), (True, "yes"), (False, "no"), (12, "12"), (1234567, "1,234,567"),
     (0.91234, "0.9123"), (1234.56, "1,235"), (2.778e-06, "0.000002778"),
     (-4.72e-05, "-0.0000472"), (9e-7, "9e-07"), (0.0, "0"), (3.0, "3"), ("text", "text")],
)  # fmt: skip
def test_cells_as_text(value: Any, text: str) -> None:
    """Four significant digits, yes and no, and a dash for a missing value."""
    assert cells.cell(value) == text


def test_plain_returns_python_values() -> None:
    """Of NumPy's scalars."""
    assert type(cells.plain(np.float64(1.5))) is float
    assert type(cells.plain(np.bool_(True))) is bool
    assert cells.plain(np.float64("nan")) is None


@pytest.mark.parametrize(("value", "shown"), [(8.4e22, "8.4e+22"), (2e12, "2e+12"), (999e9, "999,000,000,000")])
def test_huge_numbers_have_an_exponent(value: float, shown: str) -> None:
    """Such as operations of a training."""
    assert cells.cell(value) == shown
