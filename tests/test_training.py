"""The training loop: it stops where the budget says, and says why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.plugins import Plugins
from harness.seams import Assignment, Budget, Progress
from harness.training import Training, train


@pytest.fixture
def trained(toys: Plugins) -> Callable[..., Training]:
    """Return a function that trains the toy on a budget."""

    def run(budget: Budget, **settings: Any) -> Training:
        model, task = toys.models["counter"], toys.tasks["parity"]
        data = task.data(None, {"count": 10})
        filled = {name: setting.default for name, setting in model.settings.items()} | settings
        learner = model.learner(Assignment("finetune", data, "small", filled, "cpu", "fp32", 0, budget))
        return train(learner, budget, data, task.metrics[0], lambda: None, lambda _: None)

    return run


@pytest.mark.parametrize(
    ("budget", "steps", "stopped_by"),
    [
        (Budget(steps=4), 4, "steps"),
        (Budget(samples=35), 4, "samples"),
        (Budget(steps=9, samples=20), 2, "samples"),
        (Budget(steps=9, quality=1.0, check_every_steps=2), 4, "quality"),
        (Budget(steps=2, quality=1.0, check_every_steps=2), 2, "steps"),
    ],
)
def test_the_first_limit_ends_it(trained: Callable[..., Training], budget: Budget, steps: int, stopped_by: str) -> None:
    """Steps, samples or a quality that is reached, whichever is first; the loop says which."""
    training = trained(budget)

    assert (training.steps, training.stopped_by) == (steps, stopped_by)
    assert training.consumed["samples"] == 10 * steps
    assert len(training.step_s) == len(training.losses["loss"]) == steps
    assert training.wall_s >= sum(training.step_s) > 0


def test_the_clock_ends_it(trained: Callable[..., Training]) -> None:
    """Seconds are a limit too; the step that passes it is the last."""
    training = trained(Budget(seconds=0.05), sleep_s=0.02)

    assert training.stopped_by == "seconds"
    assert training.wall_s >= 0.05
    assert 1 <= training.steps <= 3


def test_quality_checks_are_kept_apart(trained: Callable[..., Training]) -> None:
    """Their values and their time are told."""
    training = trained(Budget(steps=6, quality=1.0, check_every_steps=1))

    assert training.quality == [0.5, 0.5, 1.0]
    assert 0 < training.validation_s < training.wall_s


def test_a_loss_that_is_not_finite_is_a_failure(trained: Callable[..., Training]) -> None:
    """It is never averaged away."""
    with pytest.raises(FloatingPointError, match=r"losses\['loss'\] is nan after 1 steps\. Lower the learning rate"):
        trained(Budget(steps=3), fault="nan")


def test_a_loss_cannot_pass_for_progress(toys: Plugins) -> None:
    """The harness's own figures win where a loss has the name of one."""
    model, task = toys.models["guess"], toys.tasks["parity"]
    data = task.data(None, {"count": 10})
    learner = model.learner(Assignment("finetune", data, "default", {}, "cpu", "fp32", 0))
    learner.step = lambda: Progress({"samples": 5}, {"done": 7.0, "samples": -1.0}, done=True)  # type: ignore[method-assign]
    reported: list[dict[str, float]] = []
    training = train(learner, Budget(samples=10), data, task.metrics[0], lambda: None, reported.append)

    assert [(state["done"], state["samples"]) for state in reported] == [(0.5, 5)]
    assert training.losses == {"done": [7.0], "samples": [-1.0]}


def test_a_learner_that_is_done_ends_it(toys: Plugins, tmp_path: Path) -> None:
    """A fit of one step does not wait for its budget."""
    model, task = toys.models["guess"], toys.tasks["parity"]
    data = task.data(None, {"count": 10})
    learner = model.learner(Assignment("finetune", data, "default", {}, "cpu", "fp32", 0))
    training = train(learner, Budget(steps=100), data, task.metrics[0], lambda: None, lambda _: None)

    assert (training.steps, training.stopped_by) == (1, "done")
