"""Behaviour cloning of discrete and continuous actions."""

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
    """Return the share of held-out observations for which policy and rule choose the same action."""
    rule, observations = game.world.rule, game.queries()
    assert rule is not None
    return float(np.mean(np.equal(learner.predict(observations), [rule(observation) for observation in observations])))


def _game(assignment: Assignment) -> Game:
    assert isinstance(assignment.data, Game)
    return assignment.data


def test_a_policy_learns_the_rules_actions(assign: Assign) -> None:
    """The loss falls, and policy and rule agree on held-out observations."""
    assignment = assign("ppo", task="CartPole-v1-source", pretraining="cloning", batch_size=64)
    before = _agreement(PpoLearner(assignment), _game(assignment))

    learner, losses = _cloned(assignment, 12)

    assert losses[-1] < losses[0] / 2
    assert _agreement(learner, _game(assignment)) > max(0.92, before)


@pytest.mark.slow
def test_continuous_actions_are_cloned_too(assign: Assign) -> None:
    """The mean distance between the policy's actions and the rule's falls."""
    assignment = assign("ppo", task="Reacher-v5", pretraining="cloning", batch_size=64)
    pretraining = Assignment(**{**vars(assignment), "stage": "pretrain"})
    observations = _game(assignment).queries()
    expected = np.array([_game(assignment).world.rule(one) for one in observations])  # type: ignore[misc]
    untrained = PpoLearner(pretraining)

    learner, _ = _cloned(pretraining, 12)

    before, after = (np.abs(np.array(one.predict(observations)) - expected).mean() for one in (untrained, learner))
    assert after < 0.7 * before


def test_finetuning_plays(assign: Assign, tmp_path: Path) -> None:
    """It starts from the cloned weights, and makes rollouts and their updates."""
    learner, _ = _cloned(assign("ppo", task="CartPole-v1-source", pretraining="cloning"), 1)
    learner.save(tmp_path)
    tuned = PpoLearner(assign("ppo", pretraining="cloning", start=tmp_path))
    ours, theirs = tuned.module().state_dict(), learner.module().state_dict()

    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert set(tuned.step().losses) == {"policy_loss", "value_loss"}


def test_the_same_seed_gives_the_same_bits(assign: Assign) -> None:
    """Another seed gives other losses."""
    losses = [
        _cloned(assign("ppo", task="CartPole-v1-source", pretraining="cloning", seed=seed), 2)[1] for seed in (3, 3, 4)
    ]

    assert losses[0] == losses[1] != losses[2]


def test_without_a_rule_there_is_nothing_to_clone(assign: Assign) -> None:
    """The message says what to set instead."""
    assignment = assign("ppo", task="CartPole-v1-source", pretraining="cloning")
    without = Assignment(**{**vars(assignment), "data": Gymnasium().data("Acrobot-v1", {})})
    with pytest.raises(Unsupported, match=r"Acrobot-v1 has no rule to clone\. Set pretraining to source-variant"):
        PpoLearner(without)
