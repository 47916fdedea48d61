"""`harness table`, `harness report` and other commands on a store."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import harness_reports
from harness import HarnessError
from harness_reports.cli.fact_commands import Explainable
from harness_reports.explain.tables import NAMES

BOOK = """
prices:
  - {item: CPU, usd: 0.05, per: hour, provider: Bench Cloud, offer: c1.small, region: eu, as_of: 2026-11-01, source: us}
"""
STRANGERS_CASE = """
from datetime import date
from harness import Figure, UseCase, hookimpl

MARKET = {
    "requests_per_year": 1e6, "value_per_request_usd": 0.1, "fixed_cost_per_year_usd": 1e4, "upfront_cost_usd": 2e4,
    "discount_rate": 0.1, "years": 3, "development_multiplier": 2,
}

@hookimpl
def harness_use_cases():
    figures = {name: Figure(value, "unit", date(2026, 11, 1), "a guess") for name, value in MARKET.items()}
    needs = {"quality": Figure(400.0, "reward", date(2026, 11, 1), "a guess")}
    return [UseCase("strangers-case", "A stranger's case", "Balance.", ("CartPole-v1",), needs, figures)]
"""
HAN = re.compile(r"[\u4e00-\u9fff]")
Run = Callable[..., str]


@pytest.fixture(scope="module")
def store(make_store: Any, suite: list[Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a store with the small suite's records."""
    return str(make_store(tmp_path_factory.mktemp("store") / "results", suite))


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """Return a price book file."""
    path = tmp_path / "ours.yaml"
    path.write_text(BOOK, encoding="utf-8")
    return path


@pytest.fixture
def run(invoke: Run, store: str, book: Path) -> Run:
    """Return a function that runs a command on the store and returns its output."""

    def call(*arguments: str, price_book: str | None = None) -> str:
        return invoke(*arguments, "--store", store, "--price-book", price_book or str(book))

    return call


def test_a_plan_has_what_measured_sizes_predict(run: Run) -> None:
    """With one size of each model there is a reason instead, and no measured utilisation."""
    tables = json.loads(run("plan", "--params", "7e9", "--tokens", "2e12", "--hardware", "h100", "--format", "json"))

    assert {row["model"] for row in tables["sizes"]} >= {"bert", "lstm"}
    assert all("A law needs 3" in row["refused"] and row["predicted"] is None for row in tables["sizes"])
    assert "measured" not in {row["kind"] for row in tables["scenarios"]}


def test_a_use_case_without_records_is_refused(run: Run, tmp_path: Path) -> None:
    """A user's file is named with its tasks."""
    template = Path(harness_reports.__file__).parent / "templates" / "usecase.yaml"
    text = template.read_text(encoding="utf-8")
    measured, other = tmp_path / "measured.yaml", tmp_path / "other.yaml"
    measured.write_text(text, encoding="utf-8")
    other.write_text(text.replace("[text-classification]", "[invoices]"), encoding="utf-8")

    assert "my-name" in run("table", "viability", "--format", "csv", "--plugin", str(measured))
    with pytest.raises(HarnessError, match=r"other\.yaml: the store has no records of its `tasks`, invoices\. "):
        run("table", "viability", "--plugin", str(other))


def test_explain_opens_a_verdicts_figure(run: Run) -> None:
    """By use case and model; an unknown column is refused with the nearest."""
    wanted = ("explain", "viability", "--use-case", "game-agent", "--model", "ppo", "--figure", "discount_rate=0.2")
    tree = json.loads(run(*wanted, "--column", "npv_usd", "--format", "json"))
    table = json.loads(run("table", "viability", "--figure", "discount_rate=0.2", "--format", "json"))
    row = next(row for row in table if (row["use_case"], row["model"]) == ("game-agent", "ppo"))

    assert tree["figures"][0]["value"] == row["npv_usd"]
    assert '"source": "set by you"' in json.dumps(tree)
    assert "answer_s = " in run("explain", "serving", "--use-case", "game-agent", "--model", "linear")
    with pytest.raises(HarnessError, match=r"of the table 'viability' 'npv_us'\. Did you mean 'npv_usd'"):
        run(*wanted, "--column", "npv_us")


def test_explain_opens_tables_of_use_cases(run: Run) -> None:
    """All tables that can be explained, and no other; `portfolio` takes a budget."""
    wanted = ("--use-case", "game-agent", "--column", "npv_mean_usd", "--format", "json")
    for table, more in (("alternatives", ("--where", "alternative=nothing")), ("portfolio", ("--budget-usd", "1e6"))):
        (figure,) = json.loads(run("explain", table, *more, *wanted))["figures"]
        budget = more if table == "portfolio" else ()
        shown = json.loads(run("table", table, *budget, "--format", "json"))
        expected = [row for row in shown if row["use_case"] == "game-agent"]
        assert figure["value"] == expected[-1]["npv_mean_usd"]

    assert [one.value for one in Explainable] == list(NAMES)
    for wrong in (("portfolio",), ("cost", "--budget-usd", "5")):
        with pytest.raises(HarnessError, match="needs --budget-usd"):
            run("explain", *wrong)


def test_prices_and_figures_are_set_on_the_command_line(run: Run) -> None:
    """Half the utilisation doubles costs; another figure changes values; unknown figures are refused."""
    full, half = (json.loads(run("table", "cost", "--format", "json", *more))[0]["usd_per_1k_inferences"]
                  for more in ((), ("--pricing", "utilisation=0.25")))  # fmt: skip
    assert half == pytest.approx(2 * full)

    wanted = ("table", "viability", "--format", "json", "--figure")
    little, much = (json.loads(run(*wanted, f"value_per_request_usd={usd}")) for usd in (0.001, 1.0))
    pairs = zip(little, much, strict=True)
    assert all(one["npv_usd"] < two["npv_usd"] for one, two in pairs if one["npv_usd"] is not None)
    with pytest.raises(HarnessError, match="Unknown figure 'price'"):
        run("table", "viability", "--figure", "price=1")


@pytest.mark.parametrize("name", ["accuracy", "throughput", "cost", "frontier", "serving"])
def test_every_table_is_printed(run: Run, name: str) -> None:
    """With its name and its rows."""
    printed = run("table", name)

    assert printed.startswith(name)
    assert "bert" in printed


def test_tables_of_decisions_are_printed(run: Run, tmp_path: Path) -> None:
    """Sensitivity, alternatives, pretraining and portfolio."""
    (tmp_path / "ours.py").write_text(STRANGERS_CASE, encoding="utf-8")
    ours = ("--plugin", str(tmp_path / "ours.py"), "--format", "json")
    funded = json.loads(run("table", "portfolio", "--budget-usd", "1e9", *ours))
    beside = json.loads(run("table", "alternatives", "--task", "CartPole-v1", *ours))

    assert {row["use_case"] for row in funded} >= {"strangers-case", "document-classification"}
    assert {row["budget_usd"] for row in funded} == {1e9}
    assert {row["alternative"] for row in beside} >= {"candidate", "nothing"}
    assert all(row["input"] for row in json.loads(run("table", "sensitivity", *ours)))
    with pytest.raises(HarnessError, match="nothing for the table 'pretraining'"):
        run("table", "pretraining")


@pytest.mark.parametrize("arguments", [("portfolio",), ("cost", "--budget-usd", "5")])
def test_portfolio_alone_takes_a_budget(run: Run, arguments: tuple[str, ...]) -> None:
    """A missing or superfluous one is an error."""
    with pytest.raises(HarnessError, match="`portfolio` needs --budget-usd"):
        run("table", *arguments)


def test_json_is_a_list_of_rows(run: Run) -> None:
    """With all columns."""
    rows = json.loads(run("table", "cost", "--format", "json"))

    assert {row["model"] for row in rows} == {"bert", "lstm", "tfidf", "ppo", "linear"}
    assert all(row["price_offer"] == "c1.small" for row in rows)


def test_the_suffix_of_the_file_sets_the_format(run: Run, tmp_path: Path) -> None:
    """Without --format, cost.csv is CSV and cost.parquet is Parquet, however long the name is."""
    longest = f"{'x' * 251}.csv"
    for name, read in (("cost.csv", pd.read_csv), ("cost.parquet", pd.read_parquet), (longest, pd.read_csv)):
        assert run("table", "cost", "-o", str(tmp_path / name)) == ""
        assert len(read(tmp_path / name)) == 6


@pytest.mark.parametrize(
    ("command", "suffixes"),
    [
        (["table", "cost"], ".txt, .csv, .json, .md, .parquet"),
        (["plan", "--params", "7e9", "--tokens", "2e12", "--hardware", "h100"], ".txt, .csv, .json, .md, .parquet"),
        (["published"], ".txt, .csv, .json, .md, .parquet"),
        (["prices"], ".txt, .csv, .json, .md, .parquet"),
        (["explain", "cost", "--model", "bert"], ".txt, .json"),
        (["report"], ".html, .htm"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
@pytest.mark.parametrize("name", ["out.xlsx", "out.CVS", "out.csv.gz"])
def test_a_suffix_of_no_format_writes_nothing(
    invoke: Run, tmp_path: Path, command: list[str], suffixes: str, name: str
) -> None:
    """Exit code 2, with the suffixes that work; no text under the name of a spreadsheet."""
    with pytest.raises(HarnessError, match=re.escape(f"ends in {suffixes}.")) as caught:
        invoke(*command, "-o", str(tmp_path / name))

    assert caught.value.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_every_command_takes_the_format_from_the_suffix(invoke: Run, tmp_path: Path) -> None:
    """Also in capital letters."""
    for command in (["published"], ["prices"], ["plan", "--params", "7e9", "--tokens", "2e12", "--hardware", "h100"]):
        invoke(*command, "-o", str(tmp_path / "out.JSON"))

        assert json.loads((tmp_path / "out.JSON").read_text(encoding="utf-8"))


def test_parquet_may_go_through_a_pipe(run: Run, store: str, book: Path) -> None:
    """Binary, to standard output."""
    command = "import typer, harness_reports as r; a = typer.Typer(); r.harness_commands(app=a); a()"
    arguments = ["table", "cost", "--format", "parquet", "--store", store, "--price-book", str(book)]

    done = subprocess.run([sys.executable, "-c", command, *arguments], capture_output=True, check=True)

    assert done.stdout.startswith(b"PAR1")
    assert done.stdout.endswith(b"PAR1")


def test_task_narrows_the_table(run: Run) -> None:
    """Only the rows of one task."""
    rows = json.loads(run("table", "accuracy", "--task", "CartPole-v1", "--format", "json"))

    assert {row["task"] for row in rows} == {"CartPole-v1"}


def test_unknown_task_is_refused(run: Run) -> None:
    """With the nearest name."""
    with pytest.raises(HarnessError, match="Did you mean 'text-classification'"):
        run("table", "accuracy", "--task", "text-clasification")


def test_store_without_results_is_an_error(invoke: Run, make_store: Any, tmp_path: Path) -> None:
    """Whether it does not exist or is empty."""
    empty = make_store(tmp_path / "empty", [])

    for folder, sentence in (
        (str(tmp_path / "nowhere"), "no store"),
        (empty, "none of the steps it needs has finished"),
    ):
        with pytest.raises(HarnessError, match=sentence):
            invoke("table", "accuracy", "--store", folder)
    assert not (tmp_path / "nowhere").exists()


def test_data_that_no_use_case_takes_are_named(
    invoke: Run, make_store: Any, bench: Any, book: Path, tmp_path: Path
) -> None:
    """Alone they are an error with the ways out; beside others a note and a line of the report."""
    letters = {"data": "letters", "source": "letters.csv", "fields": {"data_digest": "e" * 64}}
    pictures = {**letters, "task": "image-classification", "data": "pics", "source": "pics"}
    options = ("--price-book", str(book))
    alone = make_store(tmp_path / "alone", bench.case(**letters))
    both = make_store(tmp_path / "both", [*bench.case(), *bench.case(**pictures)])
    with pytest.raises(HarnessError, match=r"no use case takes letters \(text-classification\)") as caught:
        invoke("table", "viability", "--store", alone, *options)

    assert "--data-name it takes: documents (document-classification), reviews (review-sentiment)." in str(caught.value)
    assert str(caught.value).endswith("harness new usecase NAME.")
    assert "pics" not in invoke("table", "viability", "--store", both, *options)
    invoke("report", "-o", str(tmp_path / "memo.html"), "--store", both, *options)
    memo = (tmp_path / "memo.html").read_text(encoding="utf-8")
    assert "No use case takes pics (image-classification), so they have no verdict." in memo
    assert "Reading marks on parts: " not in memo


def test_use_case_of_a_plugin_file_is_judged(run: Run, tmp_path: Path) -> None:
    """A plugin's use case gets verdicts."""
    plugin = tmp_path / "strangers_case.py"
    plugin.write_text(STRANGERS_CASE, encoding="utf-8")

    rows = json.loads(run("table", "viability", "--plugin", str(plugin), "--format", "json"))

    assert {row["model"]: row["verdict"] for row in rows if row["use_case"] == "strangers-case"} == {
        "ppo": "invest", "linear": "do not invest",
    }  # fmt: skip


@pytest.mark.parametrize("command", [["table", "cost"], ["report"]])
def test_price_book_without_a_date_writes_nothing(run: Run, tmp_path: Path, command: list[str]) -> None:
    """Exit code 2, with file and entry named."""
    bad = tmp_path / "bad.yaml"
    bad.write_text(BOOK.replace("as_of: 2026-11-01, ", ""), encoding="utf-8")
    output = tmp_path / ("out.html" if command == ["report"] else "out.csv")

    with pytest.raises(HarnessError, match=r"bad\.yaml, price 1 \(CPU\) has no `as_of`") as caught:
        run(*command, "-o", str(output), price_book=str(bad))

    assert caught.value.exit_code == 2
    assert not output.exists()


def test_measured_tables_need_no_prices(run: Run) -> None:
    """Accuracy and throughput read no price book."""
    assert "bert" in run("table", "accuracy", price_book="no-such-book")


def test_unknown_price_book_is_refused(run: Run) -> None:
    """By name."""
    with pytest.raises(HarnessError, match="Unknown price book 'no-such-book'"):
        run("table", "cost", price_book="no-such-book")


def test_folder_that_does_not_exist_is_an_error(run: Run, tmp_path: Path) -> None:
    """And nothing is left behind."""
    with pytest.raises(HarnessError, match="cannot be written"):
        run("table", "cost", "-o", str(tmp_path / "nowhere" / "cost.csv"))

    assert not (tmp_path / "nowhere").exists()


def test_report_is_written(run: Run, tmp_path: Path) -> None:
    """One HTML file and nothing else."""
    folder = tmp_path / "out"
    folder.mkdir()

    printed = run("report", "-o", str(folder / "report.html"))

    assert "report.html" in printed
    assert [path.name for path in folder.iterdir()] == ["report.html"]
    assert (folder / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_entry_module_is_light() -> None:
    """Commands and their help import no heavy library."""
    heavy = ("pandas", "numpy", "plotly", "scipy", "numpy_financial", "sqlalchemy", "torch", "streamlit", "pyarrow")
    code = (
        "import sys, typer, harness_reports as r\n"
        "app = typer.Typer(); r.harness_commands(app=app)\n"
        "try:\n    app(['table', '--help'])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stderr.strip().splitlines()[-1] == "[]"
    assert "--price-book" in done.stdout


@pytest.mark.parametrize(
    "table",
    ["viability", "accuracy", *(pytest.param(name, marks=pytest.mark.slow)
                                for name in ("serving", "alternatives", "throughput", "cost"))],
)  # fmt: skip
def test_tables_are_in_chinese(run: Run, table: str) -> None:
    """Headings and sentences in Markdown; in JSON the sentences alone, under the same keys."""
    head = run("table", table, "--format", "markdown", "--lang", "zh").splitlines()[0]
    rows = json.loads(run("table", table, "--format", "json", "--lang", "zh"))
    english = json.loads(run("table", table, "--format", "json"))

    assert all(HAN.search(cell) for cell in head.strip("|").split("|"))
    assert [row.keys() for row in rows] == [row.keys() for row in english]
    if table == "viability":
        assert all(HAN.search(row["reasons"]) for row in rows)
        assert not any(HAN.search(str(row)) for row in english)


def test_the_report_and_the_plan_are_in_chinese(run: Run, tmp_path: Path) -> None:
    """With --lang zh."""
    run("report", "--lang", "zh", "-o", str(tmp_path / "memo.html"))
    planned = run("plan", "--params", "7e9", "--tokens", "2e12", "--hardware", "h100", "--lang", "zh")

    assert '<html lang="zh">' in (tmp_path / "memo.html").read_text(encoding="utf-8")
    assert "拟合规律需要 3 种" in planned
    assert "利用率" in planned


def test_a_baseline_that_guesses_is_said_in_plain_words(
    bench: Any, make_store: Callable[[Path, list[Any]], str], invoke: Callable[..., str], tmp_path: Path
) -> None:
    """In tables of both languages, and in what explains them."""
    store = make_store(tmp_path, [*bench.case(), *bench.case(scores=(0, 1) * 5 + (0,) * 90, model="tfidf")])
    english, chinese = (invoke("table", "accuracy", "--lang", lang, "--store", store) for lang in ("en", "zh"))
    explained = invoke("explain", "accuracy", "--model", "bert", "--column", "against_baseline", "--store", store)

    assert "is the baseline, no better than guessing" in " ".join(english.split())
    assert "better than guessing" in english
    assert "即基线，不优于随机猜测" in chinese
    assert "优于随机猜测" in chinese
    assert "95 % interval, 0.01, is no better than the random baseline's 0.125" in " ".join(explained.split())
