"""The checks of a task."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from functools import cached_property
from itertools import islice
from typing import Any
from unittest import SkipTest

from harness import grading
from harness.errors import DataError, Unsupported
from harness.plugins import Plugins
from harness.seams import Data, Grades, Predict, Task
from harness.testing.compare import demand_equal, distance
from harness.testing.declarations import demand_declaration, demand_settings
from harness.testing.findings import CheckFailed, Rules
from harness.testing.isolated import digest_elsewhere
from harness.testing.shared import SMALL, defaults, load, shared_by

SPLITS = ("validation", "test")
HASH_SEEDS = (1, 2)
"""Two, so that at least one differs from this process's, and a small set is unlikely to keep its order in both."""
NEAR_RANDOM = 0.3
"""Most that shuffled references may reach of the way from the random baseline to perfection."""

TASK: Rules[TaskBench] = Rules()


class TaskBench:
    """A task with its data."""

    def __init__(self, task: Task, plugins: Plugins) -> None:
        self.task = task
        self.plugins = plugins
        self._shared = shared_by(plugins)
        self._plugin = plugins.owner("tasks", task.name)

    @property
    def data(self) -> Data:
        """The default data."""
        try:
            return self._shared.data(self.task)
        except DataError as error:
            if self.task.takes_data:
                raise SkipTest(f"It has no default data: {error}") from None
            raise

    @property
    def smaller(self) -> Data:
        """The part of the data on which models are checked."""
        return self._shared.small(self.task)

    @cached_property
    def reloaded(self) -> Data:
        """The default data, loaded a second time."""
        return load(self.task)

    def elsewhere(self) -> list[str]:
        """Return the data's digests in fresh interpreters with other hash seeds."""
        return [digest_elsewhere(self._plugin, self.task.name, seed) for seed in HASH_SEEDS]

    def references(self) -> list[Any]:
        """Return the outputs of a perfect model on the test split."""
        references = self.data.references("test")
        if references is None:
            raise SkipTest("Its data has no `references`.")
        return list(references)

    def grade(self, answers: Sequence[Any], batch_size: int = 16) -> Grades:
        """Grade given answers to the test split, in order."""
        return grading.grade(_recite(answers), self.data, batch_size)


def _recite(answers: Sequence[Any]) -> Predict:
    left = iter(answers)
    return lambda inputs: [next(left) for _ in inputs]


@TASK.rule("Fill in what is missing; harness/seams says what each field is.")
def declaration(bench: TaskBench) -> None:
    """Name, summary, kind, metrics, source, licence and settings are there and make sense."""
    task = bench.task
    demand_declaration(task)
    demand_settings(task.settings)
    for field in ("kind", "source", "licence"):
        if not getattr(task, field, ""):
            raise CheckFailed(f"{field} is missing.")
    names = [metric.name for metric in task.metrics]
    if not names or len(set(names)) != len(names):
        raise CheckFailed(f"metrics are {names}: give one or more, with distinct names.")


@TASK.rule("Name an installed model of this kind, an installed task and use case, or None.")
def names_are_known(bench: TaskBench) -> None:
    """Baseline, use case and the task whose data pretraining reads are installed."""
    task, plugins = bench.task, bench.plugins
    if task.baseline is not None and task.kind not in plugins.find("models", task.baseline).kinds:
        raise CheckFailed(f"The baseline {task.baseline!r} does not do {task.kind}.")
    if task.pretrains_on is not None:
        plugins.find("tasks", task.pretrains_on)
    if task.use_case is not None:
        plugins.find("use_cases", task.use_case)


@TASK.rule("Sort what comes from a set or a folder before you split or digest it; use fixed seeds.")
def deterministic(bench: TaskBench) -> None:
    """Loaded again it is the same data, also in a fresh interpreter with another hash seed."""
    first, second = bench.data, bench.reloaded
    if (first.digest, dict(first.sizes)) != (second.digest, dict(second.sizes)):
        raise CheckFailed("A second load has another digest or other sizes.")
    if any(digest != first.digest for digest in bench.elsewhere()):
        raise CheckFailed("A fresh interpreter has another digest.")


@TASK.rule("Return the version of the data and of its generator, or a hash of its file; never a path or a time.")
def identity_is_steady(bench: TaskBench) -> None:
    """Its identity is the same in two calls, and is not empty."""
    _ = bench.data
    first, second = (bench.task.identity(None, defaults(bench.task)) for _ in range(2))
    if not first or first != second:
        raise CheckFailed(f"identity returned {first!r} and then {second!r}.")


@TASK.rule("Split before you derive items, remove duplicates, and keep related items in one split.")
def splits_do_not_overlap(bench: TaskBench) -> None:
    """No item is in two splits."""
    keys = {split: bench.data.keys(split) for split in ("train", *SPLITS)}
    distinct = {split: set(items) for split, items in keys.items() if items is not None}
    if not distinct:
        raise SkipTest("Its data has no `keys`, by which splits are compared. Give them.")
    for one, other in (("train", "validation"), ("train", "test"), ("validation", "test")):
        shared = distinct.get(one, set()) & distinct.get(other, set())
        if shared:
            raise CheckFailed(
                f"{len(shared)} items are in {one} and in {other}, such as {str(min(shared, key=str))[:80]!r}."
            )


@TASK.rule(
    "Return one number per item in every column, the columns that metrics read, and the same rows for all splits."
)
def scores_have_one_row_per_item(bench: TaskBench) -> None:
    """Scores do not depend on the batch size; every column of scores, items and answers has a value for each item.

    The rows that `harness data` writes have the same columns in every split.
    """
    answers = bench.references()
    whole = bench.grade(answers, batch_size=len(answers))
    for name, column in whole.scores.items():
        if len(column) != bench.data.sizes["test"] or not all(map(math.isfinite, column)):
            raise CheckFailed(
                f"Column {name!r} has {len(column)} numbers for {bench.data.sizes['test']} items, or one is not finite."
            )
    if missing := grading.lacking(bench.task.metrics, whole):
        raise CheckFailed(f"The grades lack {', '.join(missing)}, which a metric reads.")
    batches = bench.grade(answers, batch_size=3)
    demand_equal(dict(batches.scores), dict(whole.scores), "Batches of 3 have other scores", 0)
    count = bench.data.sizes["test"]
    grading.columns(bench.data.items("test"), count, "Data.items()")
    grading.columns(whole.answers, count, "Grades.answers")
    first = {split: row for split in bench.data.sizes for row in islice(bench.data.rows(split) or (), 1)}
    if len({tuple(row) for row in first.values()}) > 1:
        columns = "; ".join(f"{split}: {', '.join(row)}" for split, row in first.items())
        raise CheckFailed(f"The columns of the rows differ between the splits: {columns}.")


@TASK.rule("Give the reference full marks; check label numbers, and `higher_is_better`.")
def references_are_perfect(bench: TaskBench) -> None:
    """A metric is at its ceiling on the task's references."""
    scores = bench.grade(bench.references())
    for metric in bench.task.metrics:
        value = grading.value(metric, scores)
        if metric.ceiling is not None and not math.isclose(value, metric.ceiling, rel_tol=1e-6):
            raise CheckFailed(f"{metric.name} is {value:.4g} on the references; its ceiling is {metric.ceiling:.4g}.")


@TASK.rule("Set `higher_is_better` to the metric's direction, and compute `random_baseline` from the data.")
def shuffled_references_are_no_better_than_random(bench: TaskBench) -> None:
    """Shuffled references have a worse metric than the references, near the random baseline."""
    answers = bench.references()
    shuffled = random.Random(0).sample(answers, len(answers))  # noqa: S311 - a shuffle, no secret
    right, wrong = bench.grade(answers), bench.grade(shuffled)
    levels = bench.data.random_baseline()
    for metric in bench.task.metrics:
        best, lost = grading.value(metric, right), grading.value(metric, wrong)
        if best == lost or (best > lost) != metric.higher_is_better:
            better = "higher" if metric.higher_is_better else "lower"
            raise CheckFailed(
                f"{metric.name} is {best:.4g} on references and {lost:.4g} on shuffled ones; {better} should be better."
            )
        if metric.name not in levels or (lost - levels[metric.name]) / (best - levels[metric.name]) > NEAR_RANDOM:
            raise CheckFailed(
                f"{metric.name} is {lost:.4g} on shuffled references; the random baseline is {levels.get(metric.name)}."
            )


@TASK.rule("Compute it from the data (the most frequent class, random actions): one finite value for each metric.")
def random_baseline_is_told(bench: TaskBench) -> None:
    """There is a finite random baseline for every metric."""
    levels = bench.data.random_baseline()
    for metric in bench.task.metrics:
        if not math.isfinite(levels.get(metric.name, math.nan)):
            raise CheckFailed(f"random_baseline() has no finite value for {metric.name}.")


@TASK.rule("Keep the test split, and remove whole items from the other two.")
def smaller_is_a_part(bench: TaskBench) -> None:
    """The smaller data have the same test split, and parts of the others."""
    whole, part = bench.data, bench.smaller
    if part is whole:
        return
    if part.sizes["test"] != whole.sizes["test"] or distance(list(part.queries()), list(whole.queries())) > 0:
        raise CheckFailed("The test split changes.")
    for split, most in SMALL.items():
        if part.sizes[split] > min(most, whole.sizes[split]):
            raise CheckFailed(f"With at most {most} items {split} has {part.sizes[split]}.")
        if not set(part.keys(split) or ()) <= set(whole.keys(split) or ()):
            raise CheckFailed(f"{split} has an item that the whole data lack.")


@TASK.rule("Keep what is said of an item beside it: references, keys and what is asked are those of the places.")
def only_is_what_is_asked_for(bench: TaskBench) -> None:
    """A sample of the test split has the items of its places, with the same grades."""
    whole, places = bench.data, range(0, bench.data.sizes["test"], 2)
    try:
        part = whole.only("test", places)
    except Unsupported as why:
        raise SkipTest(str(why)) from None
    if part.sizes["test"] != len(places):
        raise CheckFailed(f"It has {part.sizes['test']} items for {len(places)} places.")
    for name, column in whole.items("test").items():
        demand_equal([column[place] for place in places], list(part.items("test")[name]), f"The column {name}")
    if (answers := whole.references("test")) is None:
        return
    every, some = bench.grade(answers), grading.grade(_recite([answers[place] for place in places]), part, 16)
    for name, scores in every.scores.items():
        demand_equal([scores[place] for place in places], list(some.scores[name]), f"The scores {name}")


@TASK.rule("Return inputs of the test split, in a fixed order.")
def queries_are_steady(bench: TaskBench) -> None:
    """There are inputs for load generation, the same after a second load."""
    first, second = list(bench.data.queries()), list(bench.reloaded.queries())
    if not first:
        raise CheckFailed("There are none.")
    if distance(first, second) > 0:
        raise CheckFailed("A second load has others.")


@TASK.rule("Raise harness.DataError that names the file and what to do.")
def bad_source_is_refused(bench: TaskBench) -> None:
    """The error for a missing file names it."""
    if not bench.task.takes_data:
        raise SkipTest("It takes no data of your own.")
    try:
        bench.task.check("no/such-file.csv", defaults(bench.task))
    except DataError as error:
        if "no/such-file.csv" not in str(error):
            raise CheckFailed(f"The error does not name the file: {error}") from None
        return
    raise CheckFailed("check('no/such-file.csv') raised no DataError.")
