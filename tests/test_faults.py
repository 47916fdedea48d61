"""No value of a plugin stops a suite: each becomes a record that names it, and the next step is done."""

from __future__ import annotations

import datetime as dt
import functools
import io
import json
import os
import re
import sqlite3
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from rich.console import Console

from harness.execute.local import Supervisor
from harness.plain import TEXT_CHARS
from harness.plan import make_plan
from harness.plugins import Plugins
from harness.records import Record
from harness.run import run_plan
from harness.screen import PlainScreen
from harness.steps import Job
from harness.store import open_store
from harness.suite import Limits, Source

TESTS = Path(__file__).parent
FILES = [str(TESTS / "toy_plugin.py"), str(TESTS / "faulty_plugin.py")]
OK = ("ok", "")
MARKUP = "[/red] [bold]name[/bold] :bug:"
BASE: dict[str, Any] = {
    "name": "faults",
    "tasks": ["parity"],
    "hardware": ["here"],
    "runtimes": ["plain"],
    "starts": ["scratch"],
    "budgets": {"finetune": {"steps": 1}},
    "serve": {"seconds": 0.02, "queries": 5},
    "limits": {"time_s": 30},
}

STEPS = {
    "none": OK,
    "numpy": OK,
    "negative loss": OK,
    "odd name": OK,
    "child left": OK,
    "text for a loss": ("failed", "Progress.losses['loss'] is a str. Give a number"),
    "nan loss": ("failed", "Progress.losses['loss'] is nan after 1 steps. Lower the learning rate"),
    "list of losses": ("failed", "Progress.losses is a list. Give a mapping"),
    "number for a name": ("failed", "Progress.losses has a key that is a int. Names are texts"),
    "long name": ("failed", "Progress.losses has a key of 50,000,000 characters"),
    "half a sample": ("failed", "Progress.consumed['samples'] is 0.5. It counts something: give a whole number"),
    "negative samples": ("failed", "Progress.consumed['samples'] is -1, and it cannot be negative"),
    "no samples": ("failed", "Progress.consumed has no 'samples'. Say how many"),
    "huge samples": ("failed", "Progress.consumed['samples'] is a whole number of 1329 bits"),
    "clock of its own": ("failed", "wall_s was read already. Give your reading or unit another name"),
    "no learner": ("failed", "Model.learner() is a NoneType. Give a harness.Learner"),
    "nan reward": ("failed", "Progress.losses['reward'] is nan after 1 steps"),
    "no progress": ("failed", "Learner.step returned a NoneType. Return a harness.Progress"),
    "text for parameters": ("failed", "Learner.parameters() is a str"),
    "negative parameters": ("failed", "Learner.parameters() is -12, and it cannot be negative"),
    "nan answer": ("failed", "1 of 32 outputs of a batch are not finite (NaN or infinity), the first for input 31"),
    "no answers": ("failed", "The predictor returned a NoneType. Return a list, or an array"),
    "one answer for all": ("failed", "The predictor returned a int. Return a list, or an array"),
    "an answer too few": ("failed", "The predictor returned 31 outputs for 32 inputs. It must answer each input once"),
    "text for answers": ("failed", "The predictor returned a str. Return a list, or an array"),
    "long message": ("failed", "characters cut"),
    "odd message": ("failed", r"RuntimeError: \ud800\x00[/red] [bold]name[/bold] :bug:"),
    "no message": ("failed", "MuteError: (its message cannot be read: RuntimeError in __str__)"),
    "unpicklable error": ("failed", "UnpicklableError: <unlocked _thread.lock"),
    "exit": ("failed", "SystemExit: 3"),
    "panic": ("failed", "Panic: at the disco"),
    "folder gone": ("failed", "The folder to write into is gone. Write into it, and do not move or remove it"),
    "artifacts gone": ("failed", "The folder to write into is gone"),
    "rubbish": ("failed", "What the worker sent is no result (OSError: bad message length)"),
    "rubbish in a frame": ("failed", "What the worker sent is no result (JSONDecodeError"),
    "closed pipe": ("killed", "went away without a result"),
}
GRADES = {
    "numpy used": OK,
    "odd used": OK,
    "numpy scores": OK,
    "numpy chance": OK,
    "long caption": OK,
    "zero byte shown": OK,
    "path used": ("failed", "Grades.used['where'][0] is a PosixPath"),
    "set used": ("failed", "Grades.used['which'] is a set. Give a number, a text, or a list or mapping of them"),
    "date used": ("failed", "Grades.used['when'] is a date"),
    "number for a key": ("failed", "Grades.used['by'] has a key that is a int"),
    "endless used": ("failed", "is nested deeper than 20 levels, or holds itself"),
    "huge used": ("failed", "Grades.used['count'] is a whole number of 1329 bits"),
    "nan used": ("failed", "Grades.used['level'] is nan. Give a finite number, or leave out"),
    "used is a list": ("failed", "Grades.used is a list. Give a mapping"),
    "nan score": ("failed", "Grades.scores['correct'][7] is nan"),
    "missing score": ("failed", "Grades.scores['correct'][1] is a NoneType. Give a number"),
    "text for a score": ("failed", "Grades.scores['correct'][0] is a str"),
    "ragged scores": ("failed", "columns of lengths [1, 8]: they must agree"),
    "no scores": ("failed", "columns of lengths [0]: they must agree and not be empty"),
    "no column": ("failed", "The task's grades lack column 'correct'"),
    "scores are a number": ("failed", "Grades.scores holds a column that is not a list"),
    "nan chance": ("failed", "Data.random_baseline()['accuracy'] is nan"),
    "text for chance": ("failed", "Data.random_baseline()['accuracy'] is a str"),
    "chance is a number": ("failed", "Data.random_baseline() is a float. Give a mapping"),
    "nothing shown": ("failed", "Data.show() is a NoneType. Give a list of harness.Sample, an empty one where"),
    "text shown": ("failed", "Data.show()[0] is a str. Give a harness.Sample"),
    "sample of text": ("failed", "Data.show()[0].content is a str. Give bytes: encode a text in UTF-8"),
    "odd sample": ("failed", "Data.show()[0].content is not UTF-8 (invalid continuation byte). Encode texts with"),
    "large sample": ("failed", "Data.show()[0] is text/plain of 200,001 bytes. Show image/png"),
    "queries from a generator": ("failed", "Data.queries() is a generator. Give a list, or another sequence"),
    "no queries": ("failed", "Data.queries() is empty. Give at least one"),
    "no data": ("failed", "Task.data() is a NoneType. Give a harness.Data"),
    "negative size": ("failed", "Data.sizes['train'] is -1"),
    "path for a digest": ("failed", "Data.digest is a PosixPath. Give a text"),
    "negative work": ("failed", "Data.work()['letters'] is -"),
}
MACHINES = {
    "numpy": OK,
    "numpy-meter": OK,
    "path": ("failed", "Hardware.describe()['driver'] is a PosixPath"),
    "nan": ("failed", "Hardware.describe()['clock'] is nan"),
    "raise": ("failed", "RuntimeError: no such chip"),
    "list": ("failed", "Hardware.describe() is a list. Give a mapping"),
    "nan-meter": ("failed", "OddMeter.stop()['energy_j'] is nan"),
    "negative-meter": ("failed", "OddMeter.stop()['energy_j'] is -1, and it cannot be negative"),
    "bare-meter": ("failed", "OddMeter.stop()['energy_j'] is a float. Give a harness.Reading(value, unit)"),
    "list-meter": ("failed", "OddMeter.stop() is a list"),
    "no-meters": ("failed", "Hardware.meters() is a NoneType. Give a list of harness.Meter"),
    "second-clock": ("failed", "wall_s was read already"),
    "odd-kind": ("failed", "OddMeter.stop()['energy_j'] is of kind 'guessed'. Give one of measured"),
}
SUITES: Mapping[str, tuple[Mapping[str, tuple[str, str]], dict[str, Any]]] = {
    "model": (STEPS, {"models": [*({"name": "faulty", "settings": {"fault": fault}} for fault in STEPS), "guess"]}),
    "task": (GRADES, {"models": ["faulty"], "tasks": [{"name": "odd", "settings": {"fault": f}} for f in GRADES]}),
    "hardware": (MACHINES, {"models": ["guess"], "hardware": [*MACHINES, "here"]}),
}
FAULTS = [(part, fault) for part, (faults, _) in SUITES.items() for fault in faults]


class Run:
    """A suite of faults that was run through the real supervisor, each in a worker."""

    def __init__(self, part: str, folder: Path) -> None:
        suite = {**BASE, **SUITES[part][1]}
        source = Source("faults.yaml", yaml.safe_dump(suite, sort_keys=False))
        plugins = Plugins()
        plugins.load_files(FILES)
        self.folder, output = folder, io.StringIO()
        store = open_store(str(folder), create=True)
        with PlainScreen(Console(file=output, width=200)) as screen:
            self.summary = run_plan(make_plan(source.validate(), source, plugins), plugins, store, screen, FILES)
        self.records, self.output = store.records(), output.getvalue()
        store.close()

    def of(self, part: str, fault: str) -> Record:
        """Return the record of the step that shows a fault: the first that failed, else the last."""
        where: Mapping[str, Callable[[dict[str, Any]], Any]] = {
            "model": lambda spec: spec["settings"].get("fault"),
            "task": lambda spec: spec["task_settings"].get("fault"),
            "hardware": lambda spec: spec["hardware"],
        }
        records = [record for record in self.records if where[part](record.spec) == fault]
        return next((record for record in records if record.outcome != "ok"), records[-1])


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Run]:
    """Return a function that returns the run of a part, cached."""
    return functools.cache(lambda part: Run(part, tmp_path_factory.mktemp(part)))


@pytest.mark.parametrize(("part", "fault"), FAULTS)
def test_a_fault_becomes_a_record_that_names_it(runs: Callable[[str], Run], part: str, fault: str) -> None:
    """The reason names the value and the remedy; numbers of numpy are accepted."""
    outcome, reason = SUITES[part][0][fault]
    record = runs(part).of(part, fault)

    assert record.outcome == outcome, record.reason
    assert reason in str(record.reason)
    assert len(record.reason or "") < 2 * TEXT_CHARS
    assert len(record.traceback or "") < 2 * TEXT_CHARS


@pytest.mark.parametrize("part", SUITES)
def test_what_comes_after_the_faults_is_measured(runs: Callable[[str], Run], part: str) -> None:
    """Every step has a record or is reported as not tried, bodies are strict JSON, no folder is left behind."""
    run = runs(part)
    last = {"model": "guess", "task": "negative work", "hardware": "here"}[part]
    tried = {record.fingerprint: record.outcome for record in run.records}

    assert not run.summary.complete
    assert len(run.records) == sum(run.summary.outcomes.values()) == len(tried)
    assert run.records[-1].spec["model"] == ("faulty" if part == "task" else "guess")
    if part != "task":
        assert [record.outcome for record in run.records[-3:]] == ["ok"] * 3
    assert last in str(run.records[-1].spec)
    assert list(run.folder.glob("artifacts/unfinished-*")) == []
    with sqlite3.connect(run.folder / "harness.db") as database:
        bodies = [body for (body,) in database.execute("SELECT body FROM records")]
    database.close()
    assert all(json.loads(body, parse_constant=pytest.fail) for body in bodies)
    assert max(map(len, bodies)) < 10 * TEXT_CHARS


def test_values_of_numpy_are_plain_numbers(runs: Callable[[str], Run]) -> None:
    """Losses, counts, scores, random baselines, used values, readings and descriptions of hardware."""
    step = next(r for r in runs("model").records if r.spec["settings"].get("fault") == "numpy")
    graded = {f: r for f in GRADES for r in runs("task").records if r.spec["task_settings"]["fault"] == f and r.scores}
    metered = runs("hardware").of("hardware", "numpy-meter")

    assert (step.series["loss"], step.value("samples")) == ([0.5], 3)
    assert graded["numpy scores"].scores == {"correct": [1.0] * 8}
    assert graded["numpy chance"].metrics[0]["random_baseline"] == 0.5
    assert {"level": 0.5, "on": True}.items() <= graded["numpy used"].used.items()
    assert metered.value("energy_j") is None or metered.value("energy_j") == 2.5
    assert runs("hardware").of("hardware", "numpy").environment["hardware"] == {
        "name": "numpy", "clock_mhz": 3000.0, "cores": 4,
    }  # fmt: skip


def test_odd_texts_are_kept_as_escapes_and_long_ones_are_cut(runs: Callable[[str], Run]) -> None:
    """Lone surrogates and NUL, which files and databases refuse; a caption of 50 MB; markup is text."""
    step = next(r for r in runs("model").records if r.spec["settings"].get("fault") == "odd name")
    odd = next(r for r in runs("task").records if r.spec["task_settings"]["fault"] == "odd used" and r.scores)
    long = next(r for r in runs("task").records if r.spec["task_settings"]["fault"] == "long caption" and r.samples)

    assert step.series[r"\ud800\x00"] == [0.5]
    assert odd.used["text"] == r"\ud800\x00"
    assert odd.used["[/red] [bold]name[/bold] :bug:"] == [1, [2.5, None]]
    zero = next(r for r in runs("task").records if r.spec["task_settings"]["fault"] == "zero byte shown" and r.samples)

    assert zero.samples[0]["content"] == r"a\x00b"
    assert "49,980,000 characters cut" in long.samples[0]["caption"]
    assert "[/red] [bold]name[/bold] :bug:" in runs("model").output


def test_what_a_plugin_started_is_ended_with_its_step(runs: Callable[[str], Run]) -> None:
    """A child process does not outlive its step."""
    record = next(r for r in runs("model").records if r.spec["settings"].get("fault") == "child left")
    child = record.value("child")
    assert child is not None

    assert record.outcome == "ok"
    assert not psutil.pid_exists(int(child)) or psutil.Process(int(child)).status() == psutil.STATUS_ZOMBIE


def test_a_message_that_never_ends_is_ended_at_the_time_limit(tmp_path: Path) -> None:
    """Limits hold while a plugin has written half a frame into the pipe."""
    spec = {"model": "faulty", "size": "default", "settings": {"fault": "half a message"}, "task": "parity",
             "source": None, "task_settings": {"count": 8}, "hardware": "here", "precision": "fp32", "seed": 7,
             "start": "scratch", "budget": {"steps": 2}}  # fmt: skip
    supervisor = Supervisor([], Limits(time_s=1.5))
    ended = supervisor.run(Job("finetune", spec, {}, tmp_path, tuple(FILES)), lambda _: None)

    assert (ended.outcome, ended.reason) == ("timed out", "The step was ended after 1.5 s: its time limit.")


# Through the command line ---------------------------------------------------------------------------------------------

PRELOADS = """
import harness

def model(called, *names):
    class Heavy(harness.Model):
        name, summary, kinds, imports = called, "Imports", ("toy",), names or None
        def learner(self, assignment): raise RuntimeError("built")
    return Heavy()

@harness.hookimpl
def harness_models(): return [model("angry", "angry"), model("deadly", "deadly"), model("open")]

@harness.hookimpl
def harness_preload(): raise OSError("no list")

@harness.hookimpl
def harness_record(record): raise SystemExit(4)
"""


def _arguments(folder: Path, *models: Any, **more: Any) -> list[str]:
    """Write a suite and plugins; return the arguments that run it."""
    suite = {**BASE, "name": MARKUP, "models": list(models), **more}
    (folder / "suite.yaml").write_text(yaml.safe_dump(suite, sort_keys=False), encoding="utf-8")
    (folder / "heavy.py").write_text(PRELOADS, encoding="utf-8")
    (folder / "angry.py").write_text("raise LookupError('not on this machine')", encoding="utf-8")
    (folder / "deadly.py").write_text("import os; os._exit(7)", encoding="utf-8")
    plugins = [argument for file in (*FILES, "heavy.py") for argument in ("--plugin", file)]
    return ["run", "suite.yaml", "--store", MARKUP.replace("/", ""), *plugins]


def _run(folder: Path, *models: Any) -> subprocess.CompletedProcess[str]:
    command = ["harness", *_arguments(folder, *models)]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)}, capture_output=True, check=False,
        encoding="utf-8",
    )  # fmt: skip


def test_the_command_line_goes_on_and_ends_with_1(tmp_path: Path) -> None:
    """Run twice: measured steps stay, failed ones are tried again, and there is no traceback."""
    models = [{"name": "faulty", "settings": {"fault": fault}} for fault in ("long message", "folder gone", "rubbish")]
    first, second = (_run(tmp_path, *models, "guess") for _ in range(2))

    assert (first.returncode, second.returncode) == (1, 1), first.stdout + first.stderr
    assert "Done: 3 failed, 3 ok, 6 not tried." in first.stdout
    assert "Done: 3 failed, 6 not tried." in second.stdout
    assert f"Suite {MARKUP!r}" in first.stdout
    assert "plugin heavy failed: SystemExit: 4" in first.stdout
    assert "Traceback" not in first.stdout + first.stderr + second.stdout + second.stderr


def test_imports_that_fail_are_their_steps_records(tmp_path: Path) -> None:
    """A hook that raises, a module that raises, a module that kills the fork server: the others are measured."""
    done = _run(tmp_path, "angry", "deadly", "open", "guess")

    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"angry.*: failed\n +LookupError: not on this machine", done.stdout)
    assert re.search(r"deadly.*: killed\n.*exit code 7", done.stdout)
    assert re.search(r"open.*: failed\n +PluginError: harness_preload raised OSError: no list", done.stdout)
    assert done.stdout.count("guess") == done.stdout.count(": ok") == 3


def test_a_store_that_cannot_be_written_stops_the_run(tmp_path: Path) -> None:
    """It is not a plugin's fault: exit code 2 and a message."""
    store = tmp_path / MARKUP.replace("/", "")
    store.mkdir()
    (store / "artifacts").touch()
    done = _run(tmp_path, "guess")

    assert done.returncode == 2, done.stdout + done.stderr
    assert "Artifacts cannot be written to" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_task_that_cannot_name_its_data_is_bad_input(tmp_path: Path, harness_command: Any) -> None:
    """Before anything is written; names the task and its exception."""
    task = {"name": "odd", "settings": {"fault": "no identity"}}
    done = harness_command(tmp_path, *_arguments(tmp_path, "guess", tasks=[task]))

    assert done.code == 2
    assert "Odd.identity of 'odd' raised RuntimeError: no name for None" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("value", [float("nan"), dt.date(2026, 11, 26)])
def test_a_setting_that_no_record_can_hold_is_bad_input(tmp_path: Path, value: Any, harness_command: Any) -> None:
    """YAML knows more than JSON."""
    done = harness_command(tmp_path, *_arguments(tmp_path, {"name": "counter", "settings": {"sleep_s": value}}))

    assert done.code == 2
    assert "sleep_s is" in done.stderr
    assert "Traceback" not in done.stderr


WANDERS = """
import os
from pathlib import Path

import harness
from harness_file_toy_plugin import Counter, CountingLearner

def leave(): os.chdir(Path(__file__).parent / "elsewhere")

class Learner(CountingLearner):
    def step(self):
        leave()
        return super().step()

class Wanders(Counter):
    name, pretraining = "wanders", None
    def identity(self, settings):
        leave()
        return ""
    def learner(self, assignment): return Learner(assignment)

@harness.hookimpl
def harness_models(): return [Wanders()]

@harness.hookimpl
def harness_record(record): leave()

leave()
"""


def test_a_plugin_that_changes_the_folder_moves_no_path(tmp_path: Path) -> None:
    """At import, in `identity`, in a step and in a record hook: the store stays where it is, under its name."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "wanders.py").write_text(WANDERS, encoding="utf-8")
    suite = {**BASE, "models": ["wanders", "guess"]}
    (tmp_path / "suite.yaml").write_text(yaml.safe_dump(suite, sort_keys=False), encoding="utf-8")
    command = ["harness", "run", "suite.yaml", "--plugin", FILES[0], "--plugin", "wanders.py", "--store", "kept"]
    first, second = (
        subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, encoding="utf-8") for _ in range(2)
    )

    assert first.returncode == second.returncode == 0, first.stdout + first.stderr
    assert "Done: 6 ok. Store: kept\n" in first.stdout
    assert "all 6 steps are measured already" in second.stdout
    assert list((tmp_path / "elsewhere").iterdir()) == []
