"""Behaviour cloning: what a rule does becomes what a policy does, of choices and of strengths."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from harness import Assignment, Unsupported
from harness_control._game import Game
from harness_control._ppo import PpoLearner
from harness_control.tasks import Gymnasium

Assign = Callable[..., Assignment]


def _cloned(assignment: Assignment, steps: int) -> tuple[PpoLearner, list[float]]:
    learner = PpoLearner(assignment)
    return learner, [learner.step().losses["loss"] for _ in range(steps)]


def _agreement(learner: PpoLearner, game: Game) -> float:
    """Return the share of held-out observations for which the policy chooses as the rule does."""
    rule, seen = game.world.rule, game.queries()
    assert rule is not None
    return float(np.mean(np.equal(learner.predict(seen), [rule(one) for one in seen])))


def _game(assignment: Assignment) -> Game:
    assert isinstance(assignment.data, Game)
    return assignment.data


def test_a_policy_does_what_the_rule_does(assign: Assign) -> None:
    """Likelier with each update; then it chooses as the rule does where it has never been."""
    assignment = assign("ppo", task="CartPole-v1-source", pretraining="cloning", batch_size=64)
    before = _agreement(PpoLearner(assignment), _game(assignment))

    learner, losses = _cloned(assignment, 25)

    assert losses[-1] < losses[0] / 2
    assert _agreement(learner, _game(assignment)) > max(0.92, before)


def test_strengths_are_cloned_too(assign: Assign) -> None:
    """The mean of what the policy gives comes nearer to what the rule gives."""
    assignment = assign("ppo", task="Reacher-v5", pretraining="cloning", batch_size=64)
    pretraining = Assignment(**{**vars(assignment), "stage": "pretrain"})
    seen = _game(assignment).queries()
    spec = np.array([_game(assignment).world.rule(one) for one in seen])  # type: ignore[misc]
    untrained = PpoLearner(pretraining)

    learner, _ = _cloned(pretraining, 15)

    wrong = [np.abs(np.array(one.predict(seen)) - spec).mean() for one in (untrained, learner)]
    assert wrong[1] < 0.7 * wrong[0]


def test_finetuning_plays(assign: Assign, tmp_path: Path) -> None:
    """It begins with what was cloned, and goes on as ever: rollouts and their updates."""
    learner, _ = _cloned(assign("ppo", task="CartPole-v1-source", pretraining="cloning"), 1)
    learner.save(tmp_path)
    tuned = PpoLearner(assign("ppo", pretraining="cloning", start=tmp_path))
    ours, theirs = tuned.module().state_dict(), learner.module().state_dict()

    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert set(tuned.step().losses) == {"policy_loss", "value_loss"}


def test_one_seed_clones_to_the_bit(assign: Assign) -> None:
    """As every step does."""
    losses = [
        _cloned(assign("ppo", task="CartPole-v1-source", pretraining="cloning", seed=seed), 2)[1] for seed in (3, 3, 4)
    ]

    assert losses[0] == losses[1] != losses[2]


def test_without_a_rule_there_is_nothing_to_clone(assign: Assign) -> None:
    """The sentence says what to set in its place."""
    assignment = assign("ppo", task="CartPole-v1-source", pretraining="cloning")
    nobody = Assignment(**{**vars(assignment), "data": Gymnasium().data("Acrobot-v1", {})})
    with pytest.raises(Unsupported, match=r"Nobody wrote a rule for Acrobot-v1\. Set pretraining to source-variant"):
        PpoLearner(nobody)
