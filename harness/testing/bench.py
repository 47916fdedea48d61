"""Fixtures that the checks of a model share: tasks with data, learners, an artifact."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import SkipTest

from harness.environment import seed_libraries
from harness.errors import DataError, Unsupported
from harness.plugins import Plugins
from harness.seams import Assignment, Budget, Data, Learner, Model, Task
from harness.settings import filled
from harness.testing.compare import FLOAT32, demand_equal
from harness.testing.findings import CheckFailed
from harness.testing.shared import shared_by

if TYPE_CHECKING:
    import torch

STEPS = 3
"""Steps of training, where a check needs a model that was trained at all."""
REPEATS = 50
"""Steps on one batch, for the loss to fall."""
INPUTS = 7
"""Real inputs to predict: no power of two, so that a last batch is uneven."""


class Retrained(NamedTuple):
    """A second training with the same seed: answers to a bench's inputs, and parameters without gradients."""

    first: list[Any]
    """Answers after as many steps as the first learner had."""
    later: list[Any]
    """Answers after further steps."""
    repeated: list[Any]
    """Answers of the same learner, predicted once more."""
    missed: list[str]
    """Trainable parameters that got no gradient in the further steps."""


class ModelBench:
    """A model and the fixtures of its checks."""

    def __init__(
        self,
        model: Model,
        plugins: Plugins,
        folder: Path,
        settings: Mapping[str, Any] | None = None,
        kind: str | None = None,
    ) -> None:
        self.model = model
        self.kinds = model.kinds if kind is None else (kind,)
        self.settings = filled(settings or {}, model.settings)
        self.plugins = plugins
        self._shared = shared_by(plugins)
        self._folder = folder

    def folder(self) -> Path:
        """Return a new empty folder."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=self._folder))

    def tasks(self) -> Iterator[tuple[Task, Data]]:
        """Yield the tasks of the model's kinds that have default data, with a small part of it where possible."""
        for task in self.plugins.tasks.values():
            if task.kind in self.kinds:
                with suppress(DataError):  # it has no default data
                    yield task, self._shared.small(task)

    @cached_property
    def task(self) -> tuple[Task, Data]:
        """The first task, on which most checks run."""
        first = next(self.tasks(), None)
        if first is None:
            raise SkipTest(
                f"No installed task of the kinds {', '.join(self.kinds)} brings data. Name its plugin with --plugin."
            )
        return first

    def assignment(self, seed: int = 0, data: Data | None = None, **settings: Any) -> Assignment:
        """Return a fine-tuning in the smallest size, from scratch or from the model's packaged weights."""
        return Assignment(
            stage="finetune",
            data=data or self.task[1],
            size=self.model.sizes[0],
            settings=self.settings | settings,
            device="cpu",
            precision="fp32",
            seed=seed,
            budget=Budget(steps=REPEATS),
            pretrained=self.model.brings_weights,
        )

    def learner(self, seed: int = 0, data: Data | None = None, **settings: Any) -> Learner:
        """Build a learner as a worker does, with freshly seeded libraries."""
        assignment = self.assignment(seed, data, **settings)
        seed_libraries(seed)
        return self.built(assignment)

    def built(self, assignment: Assignment) -> Learner:
        """Build a learner; skip the check where the model says that nothing trains it."""
        try:
            return self.model.learner(assignment)
        except Unsupported as why:
            if {start for kind in self.kinds for start in self.model.starts_on(kind)} != {"as-is"}:
                raise
            raise SkipTest(str(why)) from None

    def trained(self, seed: int = 0) -> Learner:
        """Return a new learner after a few steps."""
        learner = self.learner(seed)
        for _ in range(STEPS):
            if learner.step().done:
                break
        return learner

    @cached_property
    def shared(self) -> Learner:
        """A trained learner for checks that do not change it."""
        return self.trained()

    @cached_property
    def answers(self) -> list[Any]:
        """The answers of `shared` to `inputs`."""
        return answered(self.shared, self.inputs)

    @cached_property
    def retrained(self) -> Retrained:
        """A second training with the same seed, and a few further steps."""
        learner = self.trained()
        first = answered(learner, self.inputs)
        missed = _step_until_gradients(learner)  # ends in training mode, so that `predict` has to leave it
        return Retrained(first, answered(learner, self.inputs), answered(learner, self.inputs), missed)

    @cached_property
    def artifact(self) -> Path:
        """The folder in which `shared` was saved."""
        folder = self.folder()
        self.shared.save(folder)
        return folder

    @cached_property
    def inputs(self) -> list[Any]:
        """A few real inputs: the shortest first, the longest last."""
        queries = list(self.task[1].queries())
        sized = sorted(queries, key=_size)
        return [sized[0], *queries[: INPUTS - 2], sized[-1]]

    def demand_same(self, one: Any, other: Any, what: str, tolerance: float = FLOAT32) -> None:
        """Raise CheckFailed unless two answers are equal; skip a model that draws its answers."""
        if self.model.draws_answers:
            raise SkipTest("It draws its answers.")
        demand_equal(one, other, what, tolerance)

    def module(self, learner: Learner) -> torch.nn.Module:
        """Return a learner's torch module."""
        try:
            module: torch.nn.Module = learner.module()
        except Unsupported as error:
            raise SkipTest(str(error)) from None
        return module


def _size(one: Any) -> int:
    return len(one) if hasattr(one, "__len__") else 1


def answered(learner: Learner, inputs: Sequence[Any]) -> list[Any]:
    """Return a learner's answers.

    Raises:
        CheckFailed: their number is not that of the inputs.
    """
    answers = list(learner.predict(inputs))
    if len(answers) != len(inputs):
        raise CheckFailed(f"{len(inputs)} inputs have {len(answers)} outputs.")
    return answers


def trainable(module: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """Return the trainable parameters, by name."""
    return {name: weight for name, weight in module.named_parameters() if weight.requires_grad}


def _step_until_gradients(learner: Learner) -> list[str]:
    """Take one to `STEPS` steps, until every trainable parameter had a gradient; return those that had none."""
    try:
        weights = trainable(learner.module())
    except Exception:  # noqa: BLE001 - no torch module, or a faulty one: the check of gradients reports it
        weights = {}
    missing = set(weights)
    handles = [
        weight.register_hook(lambda gradient, name=name: missing.discard(name) if gradient.any() else None)
        for name, weight in weights.items()
    ]
    for _ in range(STEPS):
        learner.step()
        if not missing:
            break
    for handle in handles:
        handle.remove()
    return sorted(missing)
