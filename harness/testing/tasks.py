"""The checks of a task."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from functools import cached_property
from typing import Any
from unittest import SkipTest

from harness import grading
from harness.errors import DataError
from harness.plugins import Plugins
from harness.seams import Data, Grades, Predict, Task
from harness.testing.compare import demand_equal, distance
from harness.testing.declarations import demand_declaration, demand_settings
from harness.testing.findings import CheckFailed, Rules
from harness.testing.shared import SMALL, defaults, load, shared_by

SPLITS = ("validation", "test")
NEAR_RANDOM = 0.3
"""Shuffled answers may be this share of the way from the random baseline to perfection."""

TASK: Rules[TaskBench] = Rules()


class TaskBench:
    """A task with its data."""

    def __init__(self, task: Task, plugins: Plugins) -> None:
        self.task = task
        self.plugins = plugins
        self._shared = shared_by(plugins)
        self._owner = plugins.owner("tasks", task.name)
        self._shared.expect(self._owner, task.name)

    @property
    def data(self) -> Data:
        """The default data."""
        try:
            return self._shared.data(self.task)
        except DataError as error:
            if self.task.takes_data:
                raise SkipTest(f"It brings no data of its own: {error}") from None
            raise

    @property
    def smaller(self) -> Data:
        """The part of it on which models are checked."""
        return self._shared.small(self.task)

    @cached_property
    def again(self) -> Data:
        """The default data, loaded a second time."""
        return load(self.task)

    def elsewhere(self) -> list[str]:
        """Return the digests that fresh interpreters with other hash seeds find."""
        return self._shared.digests(self._owner, self.task.name)

    def references(self) -> list[Any]:
        """Return the outputs of a perfect model on the test split."""
        found = self.data.references("test")
        if found is None:
            raise SkipTest("Its data has no `references`: no answer is right in itself.")
        return list(found)

    def grade(self, answers: Sequence[Any], batch_size: int = 16) -> Grades:
        """Grade answers that were written beforehand, in the order in which they are asked for."""
        return grading.grade(_recite(answers), self.data, batch_size)


def _recite(answers: Sequence[Any]) -> Predict:
    said = iter(answers)
    return lambda inputs: [next(said) for _ in inputs]


@TASK.rule("Fill in what is missing; harness/seams.py says what each field is.")
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
        raise CheckFailed(f"metrics are {names}: give at least one, each with a name of its own.")


@TASK.rule("Name a model that does this kind, a task and a use case that are installed, or None.")
def names_are_known(bench: TaskBench) -> None:
    """Baseline, use case and the task whose data pretraining reads are installed."""
    task, plugins = bench.task, bench.plugins
    if task.baseline is not None and task.kind not in plugins.find("models", task.baseline).kinds:
        raise CheckFailed(f"The baseline {task.baseline!r} does not do {task.kind}.")
    if task.pretrains_on is not None:
        plugins.find("tasks", task.pretrains_on)
    if task.use_case is not None:
        plugins.find("use_cases", task.use_case)


@TASK.rule("Order whatever comes from a set or a folder before it is split or digested; use seeds of your own.")
def deterministic(bench: TaskBench) -> None:
    """Loaded again it is the same data, in a fresh interpreter with another hash seed too."""
    first, second = bench.data, bench.again
    if (first.digest, dict(first.sizes)) != (second.digest, dict(second.sizes)):
        raise CheckFailed("Loaded twice it has another digest or other sizes.")
    if any(digest != first.digest for digest in bench.elsewhere()):
        raise CheckFailed("A fresh interpreter finds another digest.")


@TASK.rule("Name version and rule of the data, or the digest of its file; never a path or a time.")
def identity_is_steady(bench: TaskBench) -> None:
    """Its identity is the same when asked twice, and is not empty."""
    _ = bench.data
    first, second = (bench.task.identity(None, defaults(bench.task)) for _ in range(2))
    if not first or first != second:
        raise CheckFailed(f"identity answered {first!r} and then {second!r}.")


@TASK.rule("Divide before anything is derived, remove duplicates, and divide by what must not be known twice.")
def splits_do_not_overlap(bench: TaskBench) -> None:
    """No item is in two splits."""
    keys = {split: bench.data.keys(split) for split in ("train", *SPLITS)}
    found = {split: set(items) for split, items in keys.items() if items is not None}
    if not found:
        raise SkipTest("Its data has no `keys`: nobody can see whether splits overlap. Give them.")
    for one, other in (("train", "validation"), ("train", "test"), ("validation", "test")):
        shared = found.get(one, set()) & found.get(other, set())
        if shared:
            raise CheckFailed(
                f"{len(shared)} items are in {one} and in {other}, such as {str(min(shared, key=str))[:80]!r}."
            )


@TASK.rule("Return one number per item in every column, and the columns that the metrics read.")
def scores_have_one_row_per_item(bench: TaskBench) -> None:
    """Graded in batches of any size the scores are the same, a number for each item, in every metric's column."""
    answers = bench.references()
    whole = bench.grade(answers, batch_size=len(answers))
    for name, column in whole.scores.items():
        if len(column) != bench.data.sizes["test"] or not all(map(math.isfinite, column)):
            raise CheckFailed(
                f"Column {name!r} has {len(column)} numbers for {bench.data.sizes['test']} items, or one is not finite."
            )
    if missing := grading.lacking(bench.task.metrics, whole):
        raise CheckFailed(f"The grades lack {', '.join(missing)}, which a metric reads.")
    again = bench.grade(answers, batch_size=3)
    demand_equal(dict(again.scores), dict(whole.scores), "Batches of 3 are graded otherwise", 0)


@TASK.rule("Give all points to the reference itself; check label numbers, and `higher_is_better`.")
def references_are_perfect(bench: TaskBench) -> None:
    """A metric is at its ceiling on the task's own references."""
    scores = bench.grade(bench.references())
    for metric in bench.task.metrics:
        value = grading.value(metric, scores)
        if metric.ceiling is not None and not math.isclose(value, metric.ceiling, rel_tol=1e-6):
            raise CheckFailed(f"{metric.name} is {value:.4g} on the references; its ceiling is {metric.ceiling:.4g}.")


@TASK.rule("Set `higher_is_better` as the metric goes, and find `random_baseline` from the data.")
def shuffled_references_are_no_better_than_random(bench: TaskBench) -> None:
    """On shuffled references a metric is worse than on the references, and near the random baseline."""
    answers = bench.references()
    shuffled = random.Random(0).sample(answers, len(answers))  # noqa: S311 - a shuffle, no secret
    right, wrong = bench.grade(answers), bench.grade(shuffled)
    levels = bench.data.random_baseline()
    for metric in bench.task.metrics:
        best, lost = grading.value(metric, right), grading.value(metric, wrong)
        if best == lost or (best > lost) != metric.higher_is_better:
            said = "higher" if metric.higher_is_better else "lower"
            raise CheckFailed(
                f"{metric.name} is {best:.4g} on references and {lost:.4g} on shuffled ones, {said} is called better."
            )
        if metric.name not in levels or (lost - levels[metric.name]) / (best - levels[metric.name]) > NEAR_RANDOM:
            raise CheckFailed(
                f"{metric.name} is {lost:.4g} on shuffled references; "
                f"the random baseline is said to be {levels.get(metric.name)}."
            )


@TASK.rule("Find it from the data: the usual class, random actions; one finite value for each metric.")
def random_baseline_is_told(bench: TaskBench) -> None:
    """The level that guessing reaches is there for every metric and is finite."""
    levels = bench.data.random_baseline()
    for metric in bench.task.metrics:
        if not math.isfinite(levels.get(metric.name, math.nan)):
            raise CheckFailed(f"random_baseline() says nothing finite of {metric.name}.")


@TASK.rule("Leave the test split as it is, and take whole items out of the other two.")
def smaller_is_a_part(bench: TaskBench) -> None:
    """Made smaller it has the same test split, and in the others only items that were there."""
    whole, part = bench.data, bench.smaller
    if part is whole:
        return
    if part.sizes["test"] != whole.sizes["test"] or distance(list(part.queries()), list(whole.queries())) > 0:
        raise CheckFailed("Its test split is another.")
    for split, most in SMALL.items():
        if part.sizes[split] > min(most, whole.sizes[split]):
            raise CheckFailed(f"Asked for {most} items it has {part.sizes[split]} in {split}.")
        if not set(part.keys(split) or ()) <= set(whole.keys(split) or ()):
            raise CheckFailed(f"An item of {split} is none of the whole data's.")


@TASK.rule("Return inputs of the test split, in one order.")
def queries_are_steady(bench: TaskBench) -> None:
    """There are inputs for load generation, the same each time."""
    first, second = list(bench.data.queries()), list(bench.again.queries())
    if not first:
        raise CheckFailed("There are none.")
    if distance(first, second) > 0:
        raise CheckFailed("Asked twice they differ.")


@TASK.rule("Raise harness.DataError that names the file and what to do.")
def bad_source_is_refused(bench: TaskBench) -> None:
    """A file that is not there is refused with a sentence that names it, before anything is written."""
    if not bench.task.takes_data:
        raise SkipTest("It takes no data of your own.")
    try:
        bench.task.check("no/such-file.csv", defaults(bench.task))
    except DataError as error:
        if "no/such-file.csv" not in str(error):
            raise CheckFailed(f"The error does not name the file: {error}") from None
        return
    raise CheckFailed("check('no/such-file.csv') raised no DataError.")
