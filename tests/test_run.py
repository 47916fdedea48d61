"""Running a plan: every outcome becomes a record, the suite goes on, and nothing is done twice."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from rich.console import Console

from harness.plan import Plan, Step
from harness.plugins import Plugins
from harness.records import Record
from harness.run import Summary, run_plan
from harness.screen import LiveScreen, PlainScreen, open_screen
from harness.store import Store, open_store

TOY = str(Path(__file__).with_name("toy_plugin.py"))
PlanOf = Callable[..., Plan]


@pytest.fixture
def store(tmp_path: Path) -> Any:
    """Return an empty store."""
    made = open_store(str(tmp_path / "store"), create=True)
    yield made
    made.close()


def _run(plan: Plan, toys: Plugins, store: Store) -> tuple[Summary, str]:
    output = io.StringIO()
    plan = plan.against(store.finished())
    with open_screen(Console(file=output, width=200), plan) as screen:
        return run_plan(plan, toys, store, screen, [TOY]), output.getvalue()


def _one(plan_of: PlanOf, fault: str, **changes: Any) -> Plan:
    settings = {"fault": fault}
    return plan_of(
        models=[{"name": "counter", "settings": settings}], starts=["scratch"], runtimes=["plain"], **changes
    )


def test_a_suite_ends_with_a_record_for_every_step(plan_of: PlanOf, toys: Plugins, store: Store) -> None:
    """Readings, raw values, environment and lineage are there."""
    plan = plan_of()
    summary, _ = _run(plan, toys, store)
    records = {record.fingerprint: record for record in store.records()}
    served = [r for r in records.values() if r.step == "serve" and r.outcome == "ok"]
    (accuracy,) = [
        r for r in records.values() if r.step == "evaluate" and r.asked["runtime"] == "paper" and r.outcome == "ok"
    ]

    assert summary.complete
    assert set(records) == {step.fingerprint for step in plan.steps}
    assert sum(accuracy.scores["correct"]) == len(accuracy.scores["correct"]) == accuracy.value("items") == 40
    assert accuracy.metrics[0]["chance"] == 0.5
    assert accuracy.used == {
        "parity signature": "modulo 2",
        "train_items": 100,
        "validation_items": 10,
        "test_items": 40,
    }
    assert accuracy.baseline == "guess"
    assert all(r.series["latency_s"] and r.value("load_s") is not None and r.value("first_query_s") for r in served)
    for record in records.values():
        assert set(record.inputs.values()) <= set(records)
        assert record.environment["cpu_model"]
        assert record.environment["python"]
        assert record.environment["versions"] is not None
    tuned = next(r for r in records.values() if r.step == "finetune" and r.asked["model"] == "counter")
    assert tuned.series["loss"] == [1 / 3, 1 / 4], "fine-tuning goes on from what pretraining counted"
    assert tuned.readings["cpu_s"].unit == "s"


OUTCOMES = {
    "raise": ("failed", "RuntimeError: the toy is broken"),
    "nan": ("failed", "Progress.losses['loss'] is nan after 1 steps"),
    "die": ("killed", "signal 9"),
    "exit": ("killed", "exit code 3"),
    "hang": ("timed out", "6 s: its time limit"),
    "grow": ("out of memory", "its limit is 0.49 GiB"),
    "unsupported": ("unsupported", "the toy does not do this"),
}


@pytest.mark.parametrize("fault", OUTCOMES)
def test_every_outcome_becomes_a_record_and_the_suite_goes_on(
    fault: str, plan_of: PlanOf, toys: Plugins, store: Store
) -> None:
    """Steps that need the one that failed are told as not tried; the other model is measured."""
    limits = {"time_s": 6 if fault == "hang" else 20} | ({"memory_gb": 0.49} if fault == "grow" else {})
    models = [{"name": "counter", "settings": {"fault": fault}}, "guess"]
    plan = plan_of(models=models, starts=["scratch"], runtimes=["plain"], limits=limits)
    summary, output = _run(plan, toys, store)
    outcome, reason = OUTCOMES[fault]
    broken = next(record for record in store.records() if record.asked["model"] == "counter")

    assert broken.outcome == outcome
    assert reason in str(broken.reason)
    assert (broken.traceback is not None) == (outcome == "failed")
    assert summary.skipped == (0 if outcome == "unsupported" else 2)
    assert ("not tried" in output) == (outcome != "unsupported")
    assert summary.complete == (outcome == "unsupported")
    assert [r.outcome for r in store.records() if r.asked["model"] == "guess"] == ["ok"] * 3
    assert list(store.artifacts.root.glob("unfinished-*")) == []


def test_a_second_run_does_nothing_and_starts_nobody(plan_of: PlanOf, toys: Plugins, store: Store) -> None:
    """All is measured: no worker is started."""
    plan = plan_of(models=["guess"], runtimes=["plain"])
    _run(plan, toys, store)
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    summary, _ = _run(plan, toys, store)

    assert summary == Summary()
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before
    assert len(store.records()) == 3


def test_records_say_where_bits_are_not_repeated(plan_of: PlanOf, toys: Plugins, store: Store, tmp_path: Path) -> None:
    """Hardware that does not repeat itself to the bit leaves a note in each record."""
    file = tmp_path / "shaky.py"
    file.write_text(
        "import harness\n"
        "class Shaky(harness.Hardware):\n"
        "    name, summary, device, bit_reproducible = 'shaky', 'Shakes', 'cpu', False\n"
        "    def unavailable(self): return None\n"
        "    def describe(self): return {'device_name': 'x', 'price_item': 'x', 'price_quantity': 1}\n"
        "    def meters(self): return []\n"
        "@harness.hookimpl\n"
        "def harness_hardware(): return [Shaky()]\n",
        encoding="utf-8",
    )
    toys.load_files([str(file)])
    plan = plan_of(models=["guess"], runtimes=["plain"], hardware=["shaky", "here"])
    with open_screen(Console(file=io.StringIO()), plan) as screen:
        run_plan(plan, toys, store, screen, [TOY, str(file)])
    notes = {r.asked["hardware"]: r.notes for r in store.records() if r.step == "finetune"}

    assert "may differ in the last bits" in notes["shaky"][0]
    assert notes["here"] == []


def test_what_builds_on_the_unsupported_is_unsupported_for_good(plan_of: PlanOf, toys: Plugins, store: Store) -> None:
    """It is recorded once; a second run has nothing to do."""
    plan = _one(plan_of, "unsupported")
    _run(plan, toys, store)
    summary, _ = _run(plan, toys, store)

    assert [r.outcome for r in store.records()] == ["unsupported"] * 3
    assert summary == Summary()


def test_an_artifact_that_is_gone_is_told(plan_of: PlanOf, toys: Plugins, store: Store) -> None:
    """A step whose input somebody removed fails with a sentence, not a traceback."""
    import shutil

    _run(plan_of(models=["guess"], runtimes=["plain"]), toys, store)
    shutil.rmtree(store.artifacts.root)
    _run(plan_of(models=["guess"], runtimes=["plain"], scenarios=["SingleStream"]), toys, store)
    last = store.records()[-1]

    assert last.outcome == "failed"
    assert "is gone. Restore it" in str(last.reason)
    assert last.traceback is None


def test_what_failed_is_tried_again(plan_of: PlanOf, toys: Plugins, store: Store) -> None:
    """A failure is no final record."""
    plan = _one(plan_of, "raise")
    _run(plan, toys, store)
    _run(plan, toys, store)

    assert [record.outcome for record in store.records()] == ["failed", "failed"]


def test_a_plugins_chatter_breaks_nothing(plan_of: PlanOf, toys: Plugins, store: Store) -> None:
    """What a plugin prints goes to standard error, not into the tables."""
    summary, output = _run(_one(plan_of, "noise"), toys, store)

    assert summary.complete
    assert "chatter" not in output


def test_two_runs_of_one_seed_agree(plan_of: PlanOf, toys: Plugins, tmp_path: Path) -> None:
    """The same case in two stores gives the same scores."""
    scores = []
    for name in ("one", "two"):
        store = open_store(str(tmp_path / name), create=True)
        _run(plan_of(), toys, store)
        scores.append({r.fingerprint: r.scores for r in store.records()})
        store.close()

    assert scores[0] == scores[1]


def test_a_terminal_shows_bars_and_a_file_shows_lines(plan_of: PlanOf) -> None:
    """The screen fits where the output goes."""
    plan = plan_of()

    assert isinstance(open_screen(Console(file=io.StringIO(), force_terminal=True), plan), LiveScreen)
    assert type(open_screen(Console(file=io.StringIO()), plan)) is PlainScreen


def test_the_bars_say_loss_rate_and_step(plan_of: PlanOf, toys: Plugins, store: Store) -> None:
    """On a terminal a run shows the step's name and its loss, and markup in names is not obeyed."""
    output = io.StringIO()
    plan = plan_of(models=["counter"], runtimes=["plain"], starts=["scratch"])
    console = Console(file=output, force_terminal=True, width=200, highlight=False, color_system=None)
    screen = LiveScreen(console, len(plan.steps))
    with screen:
        screen.begin(plan.steps[0], 1, 3)
        screen.progress({"done": 0.5, "seconds": 2.0, "samples": 20, "loss": 0.25})
        screen._bars.refresh()
        screen.end(Record("1", "f", "finetune", "failed", {}, {}, "t", {}, reason="[bold]broken[/bold]"))

    assert "loss 0.250 10 samples/s" in output.getvalue()
    assert "[bold]broken[/bold]" in output.getvalue()


def test_control_c_stops_cleanly_and_the_next_run_goes_on(tmp_path: Path) -> None:
    """A signal to the whole group, as a terminal sends it: no worker is left, finished steps stay."""
    driver = Path(__file__).with_name("drive.py")
    command = [sys.executable, "-I", str(driver), str(tmp_path / "store"), str(tmp_path / "log"), "0.1"]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    time.sleep(1.5)
    children = psutil.Process(run.pid).children(recursive=True)
    os.killpg(run.pid, signal.SIGINT)
    run.communicate(timeout=30)
    _, alive = psutil.wait_procs(children, timeout=10)
    again = subprocess.run(command, capture_output=True, text=True, check=False)

    assert run.returncode != 0
    assert not alive
    assert again.returncode == 0, again.stdout + again.stderr


def test_control_c_of_the_command_line_ends_with_130(tmp_path: Path) -> None:
    """What shells expect of a command that was interrupted, and a sentence that says how to go on."""
    toy = Path(__file__).with_name("toy_plugin.py")
    suite = {
        "name": "slow",
        "models": [{"name": "counter", "settings": {"sleep_s": 0.2}}],
        "tasks": ["parity"],
        "hardware": ["here"],
        "runtimes": ["plain"],
        "budgets": {"pretrain": {"steps": 500}, "finetune": {"steps": 500}},
    }
    (tmp_path / "slow.yaml").write_text(json.dumps(suite), encoding="utf-8")
    command = ["harness", "run", "slow.yaml", "--plugin", str(toy), "--store", "store"]
    run = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    until = time.monotonic() + 60
    while not list(tmp_path.glob("store/**/unfinished-*")) and time.monotonic() < until:
        time.sleep(0.05)
    os.killpg(run.pid, signal.SIGINT)
    output, _ = run.communicate(timeout=30)

    assert run.returncode == 130, output
    assert "the same command goes on where this one stopped" in " ".join(output.split())
    assert "Traceback" not in output


class _Editing(PlainScreen):
    """A person who edits a file of the run while it is going on."""

    def __init__(self, edit: Callable[[], Any]) -> None:
        self._output = io.StringIO()
        super().__init__(Console(file=self._output, width=400))
        self._edit: Callable[[], Any] | None = edit
        self.changes: list[str] = []

    @property
    def output(self) -> str:
        """What the run has printed."""
        return self._output.getvalue()

    def end(self, record: Record) -> None:
        """Edit once, after the first fine-tuning."""
        super().end(record)
        if self._edit is not None and record.step == "finetune":
            self._edit()
            self._edit = None

    def changed(self, step: Step, what: Sequence[str]) -> None:
        """Keep what was told."""
        super().changed(step, what)
        self.changes += what


def _toy_in(folder: Path) -> Path:
    """Return a copy of the toy family that may be edited."""
    return Path(shutil.copy(TOY, folder))


def _edit(file: Path, old: str = "1 / self.seen", new: str = "2 / self.seen") -> None:
    file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def _planned(plan_of: PlanOf, file: Path, **changes: Any) -> tuple[Plan, Plugins]:
    plugins = Plugins()
    plugins.load_files([str(file)])
    return plan_of(plugins, **{"models": ["counter"], "starts": ["scratch"], "runtimes": ["plain"]} | changes), plugins


def test_a_plugin_file_that_is_edited_in_mid_run_is_planned_again(
    plan_of: PlanOf, store: Store, tmp_path: Path
) -> None:
    """Every seed comes from one version: the edited one, since the finished steps of the other are another thing."""
    file = _toy_in(tmp_path)

    def planned() -> tuple[Plan, Plugins]:
        return _planned(plan_of, file, seeds=[0, 1])

    screen = _Editing(lambda: _edit(file))
    summary = run_plan(*planned(), store, screen, [str(file)], planned)
    tuned = [record for record in store.records() if record.step == "finetune"]
    final = {step.fingerprint for step in planned()[0].steps}

    assert screen.changes == ["plugin toy_plugin → edited (model)"]
    assert summary.complete
    assert [(record.asked["seed"], record.series["loss"]) for record in tuned] == [
        (0, [1.0, 0.5]),
        (0, [2.0, 1.0]),
        (1, [2.0, 1.0]),
    ]
    assert final <= set(store.finished())


BREAKS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "is no Python": (lambda file: file.write_text("def (", encoding="utf-8"), "cannot be used. SyntaxError"),
    "is gone": (lambda file: file.unlink(), "No plugin file"),
    "brings nothing": (lambda file: file.write_text("", encoding="utf-8"), "Unknown hardware 'here'"),
    "is of no use here": (
        lambda file: _edit(file, "return None", "return 'unplugged'"),
        "plugin toy_plugin → edited (hardware), and no plan can be made of it: Hardware 'here' cannot be used here",
    ),
}


@pytest.mark.parametrize("what", BREAKS)
def test_a_plugin_file_that_breaks_in_mid_run_stops_the_run(
    plan_of: PlanOf, store: Store, tmp_path: Path, what: str
) -> None:
    """It is told once, not for each step that needs it; mended, the run goes on where it was."""
    (break_it, told), file = BREAKS[what], _toy_in(tmp_path)
    screen = _Editing(lambda: break_it(file))
    plan, plugins = _planned(plan_of, file, seeds=[0, 1])
    summary = run_plan(plan, plugins, store, screen, [str(file)], lambda: _planned(plan_of, file, seeds=[0, 1]))

    assert [record.step for record in store.records()] == ["finetune"]
    assert (summary.skipped, summary.complete) == (len(plan.steps) - 1, False)
    assert screen.output.count("not tried") == 1
    assert told in screen.output
    shutil.copy(TOY, file)
    plan, plugins = _planned(plan_of, file, seeds=[0, 1])
    assert _run(plan, plugins, store)[0].complete
    assert len(store.records()) == len(plan.steps)


def test_without_a_way_to_plan_again_a_changed_step_fails_by_its_reason(
    plan_of: PlanOf, store: Store, tmp_path: Path
) -> None:
    """It is never recorded as what it is not."""
    file = _toy_in(tmp_path)
    plan, plugins = _planned(plan_of, file)
    _edit(file)
    summary = run_plan(plan, plugins, store, PlainScreen(Console(file=io.StringIO())), [str(file)])
    (record,) = store.records()

    assert record.outcome == "failed"
    assert record.reason == "It changes while it is measured: plugin toy_plugin → edited (model)."
    assert not summary.complete


DATA_IN_A_FILE = """
class FromFile(Parity):
    name = "from-file"
    settings = {}

    def identity(self, source, settings):
        return Path(source).read_text("utf-8")

    def data(self, source, settings):
        EDIT
        return Numbers(int(Path(source).read_text("utf-8")))


@harness.hookimpl(specname="harness_tasks")
def tasks_from_files():
    return [FromFile()]
"""
EDIT_THE_DATA = "Path(source).write_text('50', 'utf-8')"


@pytest.mark.parametrize("edit", ["", EDIT_THE_DATA])
def test_data_that_are_edited_before_they_are_loaded_are_planned_again(
    edit: str, plan_of: PlanOf, store: Store, tmp_path: Path
) -> None:
    """The worker has looked at them already: what it then measured is not recorded as of the old ones."""
    file, numbers = tmp_path / "toy_plugin.py", tmp_path / "numbers.txt"
    text = Path(TOY).read_text(encoding="utf-8") + DATA_IN_A_FILE.replace("EDIT", edit or "pass")
    file.write_text(text, encoding="utf-8")
    numbers.write_text("40", encoding="utf-8")

    def planned() -> tuple[Plan, Plugins]:
        plugins = Plugins()
        plugins.load_files([str(file)])
        tasks = [{"name": "from-file", "data": str(numbers)}]
        return plan_of(plugins, models=["guess"], tasks=tasks, runtimes=["plain"]), plugins

    plan, plugins = planned()
    screen = _Editing(lambda: None)
    summary = run_plan(plan, plugins, store, screen, [str(file)], planned)
    said = [(record.basis["data"], record.data_digest) for record in store.records()]

    assert summary.complete
    assert screen.changes == (["data changed"] if edit else [])
    assert set(said) == {("50", "numbers to 50") if edit else ("40", "numbers to 40")}


def test_a_module_that_is_edited_before_a_step_imports_it_is_not_recorded(
    plan_of: PlanOf, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module that was loaded before the first look may be edited: the step runs what was loaded."""
    monkeypatch.syspath_prepend(str(tmp_path))
    loaded, late = tmp_path / "helper_loaded.py", tmp_path / "helper_late.py"
    loaded.write_text("STEP = 1\n", encoding="utf-8")
    late.write_text("STEP = 1\n", encoding="utf-8")
    text = Path(TOY).read_text(encoding="utf-8").replace("import json\n", "import json\nimport helper_loaded\n", 1)
    text = text.replace(
        "        self.seen += 1\n",
        "        Path(self.settings['log']).write_text('STEP = 2', encoding='utf-8')\n"
        "        import helper_late\n"
        "        self.seen += helper_late.STEP * helper_loaded.STEP\n",
    )
    file = tmp_path / "toy_plugin.py"
    file.write_text(text, encoding="utf-8")
    plugins = Plugins()
    plugins.load_files([str(file)])
    outputs = {}
    for edited in (loaded, late):
        models = [{"name": "counter", "settings": {"log": str(edited)}}]
        plan = plan_of(plugins, models=models, starts=["scratch"], runtimes=["plain"])
        output = io.StringIO()
        run_plan(plan, plugins, store, PlainScreen(Console(file=output, width=300)), [str(file)])
        outputs[edited] = output.getvalue()
        edited.write_text("STEP = 1\n", encoding="utf-8")

    assert "(model: helper_late); what is loaded stays as it was: give the same command again" in outputs[late]
    assert [record.asked["settings"]["log"] for record in store.records() if record.step == "finetune"] == [str(loaded)]


def test_a_change_of_what_is_loaded_stops_the_run(plan_of: PlanOf, toys: Plugins, store: Store) -> None:
    """The fork server has the old library: nothing may be recorded as of the new one."""
    plan = plan_of(models=["guess"], runtimes=["plain"])
    first = plan.steps[0]
    older = replace(first, basis={**first.basis, "weights": "", "libraries": {"model": {"numpy": "0.1"}}})
    output = io.StringIO()
    screen = PlainScreen(Console(file=output, width=200))
    summary = run_plan(replace(plan, steps=(older, *plan.steps[1:])), toys, store, screen, [TOY])

    assert "numpy 0.1 → " in output.getvalue()
    assert "give the same command again" in output.getvalue()
    assert (summary.skipped, summary.complete) == (len(plan.steps), False)
    assert store.records() == []


def test_a_record_keeps_what_it_rests_on(plan_of: PlanOf, toys: Plugins, store: Store) -> None:
    """As the plan found it."""
    plan = plan_of(models=["guess"], runtimes=["plain"])
    _run(plan, toys, store)

    assert {r.fingerprint: r.basis for r in store.records()} == {step.fingerprint: step.basis for step in plan.steps}


BINDING = """
import os
os.environ["OMP_NUM_THREADS"] = "3"
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
"""


def test_a_library_that_binds_the_process_stops_no_run(
    plan_of: PlanOf, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads and cores are those that the harness began with: what a worker has imported may have set others."""
    (tmp_path / "binds_to_a_core.py").write_text(BINDING, encoding="utf-8")
    toy = Path(TOY).read_text(encoding="utf-8").replace("imports = ()", 'imports = ("binds_to_a_core",)')
    toy = toy.replace("import json\n", f"import json\nimport sys\nsys.path.insert(0, {str(tmp_path)!r})\n", 1)
    file = tmp_path / "toy_plugin.py"
    file.write_text(toy, encoding="utf-8")
    plugins = Plugins()
    plugins.load_files([str(file)])
    plan = plan_of(plugins, models=["guess"], runtimes=["plain"])
    summary = run_plan(plan, plugins, store, PlainScreen(Console(file=io.StringIO())), [str(file)])

    assert 'imports = ("binds_to_a_core",)' in toy
    assert summary.complete, [record.reason for record in store.records()]
