"""Records of another definition than the installed one are marked and superseded; other environments are kept apart."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from harness.basis import DEFINITION, Bases, definition
from harness.plugin_files import FILE, import_file
from harness.plugins import Plugins, load_plugins
from harness.records import Record, from_json, to_json
from harness.why import Change
from harness_reports.measured.lineage import label, why_stale
from harness_reports.measured.pairs import telling_names
from harness_reports.measured.results import Results
from harness_reports.measured.stale import marked
from harness_reports.measured.tables import accuracy, throughput

MINE = '''
from importlib.metadata import version

import harness

RIGHT = 1.0


class Numbers(harness.Data):
    digest, sizes = "numbers", {"train": 4, "validation": 4, "test": 40}

    def evaluate(self, predict, batch_size, split="test"):
        return {"correct": [RIGHT] * 40}

    def queries(self):
        return list(range(40))

    def random_baseline(self):
        return {"accuracy": 0.5}


class Task(harness.Task):
    name, kind, summary, source, licence = "count", "counting", "Count", "none", "none"
    metrics = (harness.Metric("accuracy", "share", "correct", ceiling=1.0),)

    def identity(self, source, settings):
        return f"numbers 1.2 of pluggy {version('pluggy')}"

    def data(self, source, settings):
        return Numbers()


class Model(harness.Model):
    name, summary, kinds = "mine", "Counts", ("counting",)
    scale = 1

    def learner(self, assignment):
        """Build one."""
        raise NotImplementedError


class Here(harness.Hardware):
    name, summary, device = "here", "Here", "cpu"
    def unavailable(self): return None
    def describe(self): return {"device_name": "toy", "price_item": "toy", "price_quantity": 1}
    def meters(self): return []


class Plain(harness.Runtime):
    name, summary = "plain", "Plain"
    def predictor(self, model, assignment, trained, exported): return lambda inputs: inputs


@harness.hookimpl
def harness_tasks(): return [Task()]
@harness.hookimpl
def harness_models(): return [Model()]
@harness.hookimpl
def harness_hardware(): return [Here()]
@harness.hookimpl
def harness_runtimes(): return [Plain()]
'''
ASKED = {
    "model": "mine", "size": "default", "settings": {}, "start": "scratch", "task": "count", "source": None,
    "task_settings": {}, "hardware": "here", "precision": "fp32", "runtime": "plain", "batch_size": 4, "seed": 0,
}  # fmt: skip
METRIC = {"name": "accuracy", "unit": "share", "column": "correct", "higher_is_better": True, "ceiling": 1.0}

EDITED = (Change("plugin edited", {"plugin": "mine", "role": "model", "modules": ""}),)


class Shop:
    """A plugin file that can be edited, and records measured with it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "mine.py"
        self.edit("", "")

    def edit(self, old: str, new: str) -> Plugins:
        """Write the file, changed, and return the plugins as they are then."""
        self.file.write_text(MINE.replace(old, new) if old else MINE, encoding="utf-8")
        self.plugins = Plugins()
        self.plugins.load("mine", str(self.file), FILE, lambda: import_file(self.file))
        assert not self.plugins.failures
        return self.plugins

    def record(self, score: float, seed: int = 0, day: int = 1, step: str = "evaluate", **fields: Any) -> Record:
        """Return an evaluation, or a serving, as the file is now."""
        spec = {**ASKED, "seed": seed, **fields.pop("spec", {})}
        basis = Bases(self.plugins).of(step, spec)
        identity = f"{step} {score} {seed} {day} {fields}"
        done = Record(
            id=identity,
            fingerprint=identity,
            step=step,
            outcome="ok",
            spec=spec,
            inputs={},
            started_at=f"2026-11-{day:02d}T10:00:00+00:00",
            environment={"hardware": {"device_name": "toy", "price_quantity": 1}},
            data_digest="numbers",
            scores={"correct": [score] * 40},
            metrics=[METRIC],
            basis=basis,
        )
        return replace(done, **fields)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Return the shop."""
    yield Shop(tmp_path)
    sys.modules.pop("harness_file_mine", None)


def values(records: list[Record]) -> list[tuple[float, int, str | None]]:
    """Return value, seeds and mark of each row of the accuracy table."""
    return [(row["value"], row["seeds"], row["stale"]) for row in accuracy(records).to_dict("records")]


def test_an_unchanged_definition_is_not_marked(shop: Shop) -> None:
    """Nor one whose comments and docstrings alone changed."""
    old = shop.record(0.25)
    now = shop.edit('"""Build one."""', '"""Build another one."""  # soon')

    assert values(marked([old], now)) == [(0.25, 1, None)]


EDITS = {
    "model": ("scale = 1", "scale = 2", "plugin mine → edited (model)"),
    "grading": ("RIGHT = 1.0", "RIGHT = 0.0", "plugin mine → edited (task)"),
    "data": ("numbers 1.2", "numbers 1.3", "plugin mine → edited (task), data changed"),
}


@pytest.mark.parametrize("what", EDITS)
def test_a_changed_definition_is_marked_and_superseded(what: str, shop: Shop) -> None:
    """By a newer record; the two are never pooled."""
    old, new, why = EDITS[what]
    first = [shop.record(0.25, seed) for seed in (0, 1, 2)]
    now = shop.edit(old, new)
    before = values(marked(first, now))
    after = values(marked([*first, shop.record(0.75, 0, day=2)], now))

    assert before == [(0.25, 3, why)]
    assert after == [(0.75, 1, None)]


def test_the_newest_definition_counts_where_the_plugin_is_elsewhere(shop: Shop) -> None:
    """Without the plugin no definition is known to be stale."""
    first = shop.record(0.25)
    shop.edit("scale = 1", "scale = 2")
    both = [first, shop.record(0.75, 0, day=2)]

    assert values(marked(both, Plugins())) == [(0.75, 1, None)]
    assert values(marked(both[::-1], Plugins())) == [(0.75, 1, None)]


def test_the_installed_definition_counts_though_it_is_older(shop: Shop) -> None:
    """Reverting an edit brings back the old record."""
    first = shop.record(0.25)
    shop.edit("scale = 1", "scale = 2")
    both = [first, shop.record(0.75, 0, day=2)]
    back = shop.edit("", "")

    assert values(marked(both, back)) == [(0.25, 1, None)]


def test_a_changed_data_file_is_marked(shop: Shop, tmp_path: Path) -> None:
    """Where the file exists; elsewhere it is not missed."""
    shop.edit(
        "return f\"numbers 1.2 of pluggy {version('pluggy')}\"",
        "return __import__('pathlib').Path(source).read_text('utf-8')",
    )
    data = tmp_path / "mine.csv"
    data.write_text("1", encoding="utf-8")
    old = shop.record(0.25, spec={"source": str(data)})
    data.write_text("2", encoding="utf-8")
    here = values(marked([old], shop.plugins))
    data.unlink()

    assert here == [(0.25, 1, "data changed")]
    assert values(marked([old], shop.plugins)) == [(0.25, 1, None)]


def changed(record: Record, part: str, value: Any) -> Record:
    """Return a record with another basis."""
    basis = copy.deepcopy(record.basis)
    basis[part] = value
    basis[DEFINITION] = definition(basis)
    return replace(record, basis=basis, id=f"{record.id} {value}", fingerprint=f"{record.id} {value}")


LIBRARIES = {"step": {}, "model": {}, "task": {"pluggy": version("pluggy")}, "hardware": {}, "runtime": {}}
CONDITIONS = {
    "libraries": ({**LIBRARIES, "model": {"torch": "9.9"}}, "torch=9.9"),
    "threads": ({"usable_cores": 64}, "cores=64"),
    "python": ("3.99.0", "Python=3.99.0"),
}


@pytest.mark.parametrize("part", CONDITIONS)
def test_another_environment_is_another_variant(part: str, shop: Shop) -> None:
    """Seeds are pooled where conditions agree; nothing is marked."""
    value, condition = CONDITIONS[part]
    basis = {"libraries": {**LIBRARIES, "model": {"torch": "1.0"}}}
    pooled = [replace(r, basis={**r.basis, **basis}) for r in (shop.record(0.25, seed) for seed in (0, 1))]
    records = marked([*pooled, changed(pooled[1], part, value)], shop.plugins)
    rows = accuracy(records).to_dict("records")

    assert sorted((row["seeds"], row["stale"]) for row in rows) == [(1, None), (2, None)]
    assert [row["seeds"] for row in rows if condition in str(row["variant"])] == [1]


def test_threads_that_only_one_of_two_has_set_name_a_variant(shop: Shop) -> None:
    """A variable of the environment that is not set is another number of threads, and names tell the two apart."""
    one = shop.record(0.25)
    one = replace(one, basis={**one.basis, "threads": {"usable_cores": 2}})
    other = changed(one, "threads", {"usable_cores": 2, "OMP_NUM_THREADS": "1"})
    variants = [row["variant"] for row in accuracy([one, other]).to_dict("records")]

    assert sorted(variants) == ["OMP_NUM_THREADS=1", "OMP_NUM_THREADS=None"]
    assert len(set(telling_names(list(Results([one, other]).evaluated)))) == 2


def test_a_library_that_only_one_runtime_has_names_no_variant(shop: Shop) -> None:
    """Its absence is no difference of conditions."""
    one = shop.record(0.25)
    other = changed(replace(one, spec={**one.spec, "runtime": "other"}), "libraries", {"runtime": {"onnx": "1.0"}})

    assert [row["variant"] for row in accuracy([one, other]).to_dict("records")] == [None, None]


def test_data_of_another_library_version_are_another_environment(shop: Shop) -> None:
    """The library's version is no part of the definition; the data's own version is."""
    record = shop.record(0.25)
    libraries = {**record.basis["libraries"], "task": {"pluggy": "0.1"}}
    old = changed(changed(record, "libraries", libraries), "data", "numbers 1.2 of pluggy 0.1")
    other = changed(record, "data", record.basis["data"].replace("1.2", "1.1"))

    assert record.basis["libraries"]["task"]["pluggy"] == version("pluggy")
    assert values(marked([old], shop.plugins)) == [(0.25, 1, None)]
    assert old.basis[DEFINITION] == record.basis[DEFINITION] != other.basis[DEFINITION]
    assert values(marked([other], shop.plugins)) == [(0.25, 1, "data changed")]


def test_a_stale_training_marks_what_was_built_on_it(shop: Shop) -> None:
    """Though the evaluation's own code is the same."""
    tuned = replace(shop.record(0.25, step="finetune"), scores={}, metrics=[], stale=EDITED)
    graded = replace(shop.record(0.25), inputs={"trained": tuned.fingerprint})
    (key,) = Results([tuned, graded]).candidates

    assert str(key.stale) == "plugin mine → edited (model)"


def test_of_the_harness_only_grading_is_a_definition(shop: Shop) -> None:
    """Not how load is generated."""
    record = shop.record(0.25)
    step = record.basis["sources"]["step"]
    graded = changed(record, "sources", {**record.basis["sources"], "step": {**step, "harness.grading": "old"}})
    other = changed(record, "sources", {**record.basis["sources"], "step": {**step, "harness.steps": "old"}})

    assert values(marked([graded], shop.plugins)) == [(0.25, 1, "harness → edited (step: harness.grading)")]
    assert values(marked([other], shop.plugins)) == [(0.25, 1, None)]


def test_an_evaluation_and_a_serving_of_one_model_share_their_mark(shop: Shop) -> None:
    """They stay one candidate."""
    built = {"inputs": {"trained": "t"}, "spec": {"scenario": "Offline", "batch_size": 4}}
    graded, served = shop.record(0.25, **built), shop.record(0.25, step="serve", scores={}, metrics=[], **built)
    step = graded.basis["sources"]["step"]
    graded = changed(graded, "sources", {**graded.basis["sources"], "step": {**step, "harness.grading": "old"}})
    (fresh,) = Results([graded, served]).candidates.values()
    (candidate,) = Results(marked([graded, served], shop.plugins)).candidates.values()

    assert fresh.evaluations
    assert fresh.servings
    assert candidate.evaluations
    assert candidate.servings
    assert str(candidate.key.stale) == "harness → edited (step: harness.grading)"


def test_an_evaluation_with_more_changes_stays_with_its_serving(shop: Shop) -> None:
    """Both get the mark with more changes."""
    built = {"inputs": {"trained": "t"}, "spec": {"scenario": "Offline", "batch_size": 4}}
    graded, served = shop.record(0.25, **built), shop.record(0.25, step="serve", scores={}, metrics=[], **built)
    step = graded.basis["sources"]["step"]
    graded = changed(graded, "sources", {**graded.basis["sources"], "step": {**step, "harness.grading": "old"}})
    now = shop.edit("scale = 1", "scale = 2")
    (candidate,) = Results(marked([graded, served], now)).candidates.values()

    assert candidate.evaluations
    assert candidate.servings
    assert "harness.grading" in str(candidate.key.stale)


def test_records_of_earlier_versions_are_not_marked(shop: Shop) -> None:
    """They have no basis, or one of another format."""
    bare, other = replace(shop.record(0.25), basis={}), changed(shop.record(0.25), "format", 0)
    now = shop.edit("scale = 1", "scale = 2")

    assert [record.stale for record in marked([bare, other], now)] == [(), ()]


def test_a_record_without_a_basis_supersedes_none(shop: Shop) -> None:
    """It counts until there is one with a basis."""
    bare = replace(shop.record(0.25, 1), basis={}, id="bare", fingerprint="bare")
    newer = shop.record(0.75, 2, day=2)
    alone, both = values(marked([bare], shop.plugins)), values(marked([bare, newer], shop.plugins))
    now = shop.edit("scale = 1", "scale = 2")

    assert alone == [(0.25, 1, None)]
    assert both == [(0.75, 1, None)]
    assert values(marked([bare, newer], now)) == [(0.75, 1, "plugin mine → edited (model)")]


def test_the_mark_is_never_stored(shop: Shop) -> None:
    """It depends on the reader's plugins."""
    record = replace(shop.record(0.25), stale=EDITED)

    body, raw = to_json(record)
    assert "stale" not in body
    assert from_json(body, raw.__getitem__).stale == ()


def test_a_label_has_the_mark(shop: Shop) -> None:
    """Labels name candidates in charts and cards."""
    old = shop.record(0.25)
    (row,) = accuracy(marked([old], shop.edit("scale = 1", "scale = 2"))).to_dict("records")

    assert label(row) == "mine (stale)"


def test_servings_are_superseded_alike(shop: Shop) -> None:
    """As evaluations are."""
    load = {"scenario": "Offline"}
    old = shop.record(0.25, step="serve", spec=load, scores={}, metrics=[])
    shop.edit("scale = 1", "scale = 2")
    new = shop.record(0.75, day=2, step="serve", spec=load, scores={}, metrics=[])
    rows = throughput(marked([old, new], shop.plugins)).to_dict("records")

    assert [(row["seeds"], row["stale"]) for row in rows] == [(1, None)]


def test_an_inverted_grading_marks_what_it_graded_and_nothing_else(plant: Callable[..., Any]) -> None:
    """With the line edited that decides which answers are right."""
    plugins = load_plugins()
    spec = {**ASKED, "hardware": "cpu", "runtime": "eager"}
    records = []
    for model, task in (("tfidf", "text-classification"), ("random", "CartPole-v1")):
        filled = {**spec, "model": model, "task": task}
        filled["settings"] = {name: setting.default for name, setting in plugins.models[model].settings.items()}
        filled["task_settings"] = {name: setting.default for name, setting in plugins.tasks[task].settings.items()}
        basis = Bases(plugins).of("evaluate", filled)
        records.append(
            Record(
                id=model,
                fingerprint=model,
                step="evaluate",
                outcome="ok",
                spec=filled,
                inputs={},
                started_at="2026-11-26",
                environment={},
                basis=basis,
            )
        )
    before = [why_stale(record) for record in marked(records, plugins)]
    plant("harness.labelled", "guess == label for", "guess != label for")

    assert before == [None, None]
    graded, other = marked(records, plugins)
    assert str(why_stale(graded)) == "harness → edited (task: harness.labelled)"
    assert why_stale(other) is None


SUITE = """
{name: toys, models: [{name: counter, settings: {needed: 1}}], tasks: [parity], hardware: [here], runtimes: [plain],
 starts: [scratch], budgets: {finetune: {steps: 2}}, serve: {seconds: 0.05, queries: 5}}
"""


def test_commands_say_what_was_edited(tmp_path: Path, harness_command: Callable[..., Any]) -> None:
    """Tables in all formats, and `--dry-run`."""
    file = tmp_path / "toy.py"
    text = Path(__file__).parents[2].joinpath("toy_plugin.py").read_text(encoding="utf-8")
    file.write_text(text, encoding="utf-8")
    (tmp_path / "s.yaml").write_text(SUITE, encoding="utf-8")

    def harness(*arguments: str) -> str:
        done = harness_command(tmp_path, *arguments, "--plugin", "toy.py")
        assert done.code == 0, done.stderr
        return str(done.stdout)

    harness("run", "s.yaml")
    fresh = harness("table", "accuracy")
    file.write_text(text.replace("self.seen >= self.settings", "self.seen < self.settings"), encoding="utf-8")
    table, cells, plan = (
        harness("table", "accuracy"),
        harness("table", "accuracy", "--format", "json"),
        harness("run", "s.yaml", "--dry-run"),
    )
    harness("run", "s.yaml")
    measured = json.loads(harness("table", "accuracy", "--format", "json"))

    assert "stale" not in fresh
    assert "scratch plain: stale: plugin toy → edited (model)" in table
    assert [row["stale"] for row in json.loads(cells)] == ["plugin toy → edited (model)"]
    assert "finetune counter small on parity from scratch (seed 0): to do, plugin toy → edited (model)" in plan
    assert [(row["stale"], row["value"]) for row in measured] == [(None, 0.5)]
