"""The command line: bad input is one clear sentence on standard error, exit code 2, and nothing is written."""

from __future__ import annotations

import os
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from harness.installed import DISTRIBUTION

SUITE = """\
name: mine
models: [counter]
tasks: [parity]
hardware: [here]
runtimes: [plain]
budgets: {finetune: {steps: 2}}
serve: {seconds: 0.05, queries: 5}
"""
IDLE = SUITE.replace("[parity]", "[parity, {name: translation, data: nowhere}]")
TOY = str(Path(__file__).with_name("toy_plugin.py"))


BAD = {
    "unknown suite": (["run", "quik"], "Unknown suite 'quik'. Did you mean 'quick'?"),
    "no suite file": (["run", "quik.yaml"], "There is no file 'quik.yaml'. Suites that come along: control, gpu"),
    "no whole number": (["run", "quick", "--jobs", "two"], "'--jobs': Give a whole number, without a suffix or unit."),
    "unknown model": (["run", "mine.yaml", "--plugin", TOY, "--model", "conter"], "Did you mean 'counter'?"),
    "unknown task": (["run", "mine.yaml", "--plugin", TOY, "--task", "party"], "Did you mean 'parity'?"),
    "unknown hardware": (["run", "mine.yaml", "--plugin", TOY, "--hardware", "her"], "Did you mean 'here'?"),
    "wrong key": (["run", "typo.yaml", "--plugin", TOY], "line 2: Unknown key 'modles'. Did you mean 'models'?"),
    "no plugin file": (["run", "mine.yaml", "--plugin", "nowhere.py"], "No plugin file 'nowhere.py'"),
    "bad data": (
        ["run", "mine.yaml", "--plugin", TOY, "--data", "bad.csv"],
        "parity: File 'bad.csv', row 3: no number",
    ),
    "data of a task without a model": (
        ["run", "idle.yaml", "--plugin", TOY],
        "No model of the suite does translation, so its data 'nowhere' would not be looked at. Leave the task out",
    ),
    "a task's setting": (
        ["run", "mine.yaml", "--plugin", TOY, "--data", "a.csv", "--task-setting", "cuont=3"],
        "error: --task-setting for parity: Unknown setting 'cuont'. Did you mean 'count'?",
    ),
    "a model's setting": (
        ["run", "mine.yaml", "--plugin", TOY, "--model", "counter", "--setting", "needed=many"],
        "error: --setting for counter: needed is 'many': give an int, like 3.",
    ),
    "unknown runtime": (
        ["run", "mine.yaml", "--plugin", TOY, "--runtime", "plan"],
        "error: Unknown runtime 'plan'. Did you mean 'plain'?",
    ),
    "unknown start": (
        ["run", "mine.yaml", "--plugin", TOY, "--start", "as_is"],
        "error: Unknown start 'as_is'. Did you mean 'as-is'?",
    ),
    "data for a suite": (
        ["run", "numbers.csv"],
        "'numbers.csv' is no suite. If these are your data: harness run --data num",
    ),
    "setting without data": (
        ["run", "mine.yaml", "--plugin", TOY, "--task-setting", "count=3"],
        "--task-setting says how to read your data: give --data as well",
    ),
    "name without data": (
        ["run", "mine.yaml", "--plugin", TOY, "--data-name", "x"],
        "--data-name says what your data are called: give --data as well",
    ),
    **{
        f"a cap of {usd}": (
            ["run", "mine.yaml", "--plugin", TOY, "--spend-usd", usd],
            "takes an amount above 0, in USD",
        )
        for usd in ("inf", "1e400", "0", "-1", "nan")
    },
    "name that is none": (
        ["run", "mine.yaml", "--plugin", TOY, "--data", "a.csv", "--data-name", "<b>"],
        "--data-name '<b>' cannot name data. Use up to 80 letters",
    ),
    "store in a file": (["run", "mine.yaml", "--plugin", TOY, "--store", "mine.yaml/x"], "is a file"),
    "no store to read": (["table", "accuracy"], "There is no store at 'harness-results'"),
    "unknown table": (["table", "accurracy"], "'portfolio'. Did you mean 'accuracy'?"),
    "unknown format": (
        ["export", "prediction"],
        "not one of 'predictions'. Did you mean 'predictions'?",
    ),
    "no number": (
        ["plan", "--params", "7b", "--tokens", "1", "--hardware", "h100"],
        "'--params': Give a number, without",
    ),
    "unknown database": (
        ["table", "cost", "--store", "postgres://x"],
        "Write postgresql+psycopg://…, or",
    ),
    "unknown option": (["run", "--modle", "x"], "No such option"),
    "unknown command": (["rnu"], "No such command"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_told_and_nothing_is_written(what: str, tmp_path: Path, harness_command: Any) -> None:
    """Exit code 2, a sentence with the remedy, no traceback, no file."""
    (tmp_path / "mine.yaml").write_text(SUITE, encoding="utf-8")
    (tmp_path / "typo.yaml").write_text(SUITE.replace("models", "modles"), encoding="utf-8")
    (tmp_path / "idle.yaml").write_text(IDLE, encoding="utf-8")
    (tmp_path / "numbers.csv").touch()
    before = sorted(tmp_path.iterdir())
    arguments, sentence = BAD[what]
    done = harness_command(tmp_path, *arguments)

    assert done.code == 2, done.stdout + done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_the_script_ends_with_the_code() -> None:
    """The installed script `harness` is this command line."""
    done = subprocess.run(["harness", "rnu"], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "No such command" in done.stderr


def test_the_version_is_that_of_the_distribution(tmp_path: Path, harness_command: Any) -> None:
    """It goes to standard output, and is in the help."""
    assert harness_command(tmp_path, "--version").stdout == f"harness {version(DISTRIBUTION)}\n"
    assert "--version" in harness_command(tmp_path, "--help").stdout


@pytest.mark.parametrize("arguments", [["plugins"], ["plugins", "--json"], ["prices"]])
def test_a_reader_that_closes_its_pipe_gets_no_traceback(arguments: list[str]) -> None:
    """As `harness plugins | head -1` does."""
    reads, writes = os.pipe()
    os.close(reads)
    try:
        done = subprocess.run(["harness", *arguments], stdout=writes, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(writes)

    assert done.returncode == 1
    assert "BrokenPipe" not in done.stderr


def test_a_run_goes_through_and_a_second_one_does_nothing(tmp_path: Path, harness_command: Any) -> None:
    """A dry run writes nothing, a run measures, and a second run has nothing to do."""
    (tmp_path / "mine.yaml").write_text(SUITE, encoding="utf-8")
    arguments = ["run", "mine.yaml", "--plugin", TOY]
    planned = harness_command(tmp_path, *arguments, "--dry-run")
    before = sorted(path.name for path in tmp_path.iterdir())
    first = subprocess.run(["harness", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
    second = harness_command(tmp_path, *arguments)
    again = harness_command(tmp_path, *arguments, "--dry-run")

    assert "1 cases, 3 steps (0 shared), 3 to do." in planned.stdout
    assert "Estimated time: not known; 3 steps have no earlier record to estimate from." in planned.stdout
    assert before == ["mine.yaml"]
    assert first.returncode == 0, first.stdout + first.stderr
    assert "Done: 3 ok" in first.stdout
    assert "all 3 steps are measured already; nothing to do" in second.stdout
    assert again.stdout.count(": done") == 3


def test_a_run_that_can_measure_nothing_is_no_success(tmp_path: Path, harness_command: Any) -> None:
    """More labels than there are: plan, run and repeated run say why, and the code is that of failed steps."""
    text = SUITE.replace("[parity]", "[{name: text-classification, data: few.csv}]").replace("counter", "mlp")
    text = (
        text.replace("[here]", "[cpu]").replace("[plain]", "[eager]").replace("{steps: 2}", "{steps: 2, labels: 999}")
    )
    (tmp_path / "mine.yaml").write_text(f"{text}batch_sizes: [1, 2]\n", encoding="utf-8")
    (tmp_path / "few.csv").write_text("text,label\n" + "".join(f"{n} words,{n % 2}\n" for n in range(60)), "utf-8")
    planned = harness_command(tmp_path, "run", "mine.yaml", "--dry-run").stdout
    ran, again = (harness_command(tmp_path, "run", "mine.yaml") for _ in range(2))

    assert (
        "finetune mlp on text-classification (few) from scratch (seed 0): unsupported: 999 labels are requested"
        in planned
    )
    assert "(few) eager Offline (batch 2, seed 0): unsupported: what it builds on (trained) is unsupported" in planned
    assert "2 cases, 5 steps (1 shared), 0 to do, 5 unsupported." in planned
    assert (ran.code, again.code) == (1, 1)
    assert "Done: 5 unsupported." in ran.stdout
    assert "Nothing is measured: every step is unsupported." in again.stdout
    assert "done, unsupported: 999 labels" in harness_command(tmp_path, "run", "mine.yaml", "--dry-run").stdout


def test_a_task_that_no_model_does_is_named(tmp_path: Path, harness_command: Any) -> None:
    """It would vanish from plan and tables."""
    (tmp_path / "mine.yaml").write_text(SUITE.replace("[parity]", "[parity, translation]"), encoding="utf-8")
    done = harness_command(tmp_path, "run", "mine.yaml", "--plugin", TOY, "--dry-run")

    assert "note: no model of the suite does translation: nothing is measured there." in done.stdout


def test_data_that_only_some_tasks_read_name_them(tmp_path: Path, harness_command: Any) -> None:
    """The suite's images cannot be read from a table; its texts can."""
    (tmp_path / "zh.csv").write_text("text,label\n" + "".join(f"{n} words,{n % 2}\n" for n in range(60)), "utf-8")
    done = harness_command(tmp_path, "run", "quick", "--data", "zh.csv", "--dry-run")

    assert done.code == 2
    assert "image-classification: zh.csv is a file that cannot be read." in done.stderr
    assert "To measure where it is read: --task text-classification." in done.stderr


CHIP = """
import harness
class Chip(harness.Hardware):
    name, summary, device = "chip", "A chip", "cuda:0"
    def unavailable(self): return None
    def describe(self): return {"device_name": "chip", "price_item": "chip", "price_quantity": 1}
    def meters(self): return []
@harness.hookimpl
def harness_hardware(): return [Chip()]
"""


def test_a_plan_says_which_models_leave_the_hardware(tmp_path: Path, harness_command: Any) -> None:
    """They are measured where they compute, and networks on the chip."""
    (tmp_path / "chip.py").write_text(CHIP, encoding="utf-8")
    task = ["--task", "text-classification", "--hardware", "chip", "--plugin", "chip.py", "--dry-run"]
    both = harness_command(tmp_path, "run", "quick", "--model", "tfidf", "--model", "mlp", *task)
    network = harness_command(tmp_path, "run", "quick", "--model", "mlp", *task)

    assert "tfidf does not compute on chip: it is measured and priced on cpu." in both.stdout
    assert "mlp does not" not in both.stdout
    assert "does not compute" not in network.stdout


def test_a_setting_of_a_task_may_be_a_number(tmp_path: Path, harness_command: Any) -> None:
    """As a model's settings may."""
    (tmp_path / "mine.yaml").write_text(SUITE, encoding="utf-8")
    arguments = ["run", "mine.yaml", "--plugin", TOY, "--data", "letters.csv", "--dry-run", "--task-setting"]

    assert "3 to do" in harness_command(tmp_path, *arguments, "count=20").stdout
    assert "count is 'few': give an int" in harness_command(tmp_path, *arguments, "count=few").stderr


def test_data_that_are_measured_already_can_be_given_a_name(tmp_path: Path, harness_command: Any) -> None:
    """Nothing is measured again, and tables have the new name."""
    (tmp_path / "mine.yaml").write_text(SUITE, encoding="utf-8")
    arguments = ["run", "mine.yaml", "--plugin", TOY, "--data", "letters.csv"]
    harness_command(tmp_path, *arguments)
    table = ["table", "accuracy", "--format", "csv", "--plugin", TOY]
    before = harness_command(tmp_path, *table).stdout.splitlines()[1]
    named = harness_command(tmp_path, *arguments, "--data-name", "reviews")
    after = harness_command(tmp_path, *table).stdout.splitlines()[1]

    assert "all 3 steps are measured already; nothing to do" in named.stdout
    assert "The data of what is measured already are now called reviews." in named.stdout
    assert before.startswith("parity,letters,")
    assert after == before.replace("letters", "reviews")


def test_a_new_name_is_that_of_every_model_on_the_data(tmp_path: Path, harness_command: Any) -> None:
    """Also for models that the run leaves out; the same path with other settings is other data."""
    (tmp_path / "mine.yaml").write_text(SUITE.replace("[counter]", "[counter, guess]"), encoding="utf-8")
    arguments = ["run", "mine.yaml", "--plugin", TOY, "--data", "letters.csv"]
    harness_command(tmp_path, *arguments)
    harness_command(tmp_path, *arguments, "--model", "counter", "--task-setting", "count=20")
    harness_command(tmp_path, *arguments, "--model", "counter", "--data-name", "reviews")
    table = harness_command(tmp_path, "table", "accuracy", "--format", "csv", "--plugin", TOY).stdout.splitlines()

    assert sorted(tuple(row.split(",")[1:3]) for row in table[1:]) == [
        ("letters", "counter"), ("reviews", "counter"), ("reviews", "guess"),
    ]  # fmt: skip
