"""The models of this plugin, declared. What they do stands in `_simple.py` and `_ppo.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness import Assignment, Codec, Learner, Model, Setting
from harness_control.tasks import KIND

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Random(Model):
    """Chance."""

    name = "random"
    summary = "Actions drawn evenly at random"
    draws_answers = True
    kinds = (KIND,)

    def learner(self, assignment: Assignment) -> Learner:
        """Build a learner."""
        from harness_control._simple import RandomLearner

        return RandomLearner(assignment)


class Rule(Model):
    """The cheap baseline."""

    name = "rule"
    summary = "Linear rule: push to the side to which the pole leans and turns"
    kinds = (KIND,)
    settings: ClassVar[Mapping[str, Setting]] = {
        "weights": Setting(
            [0.02, 0.1, 1.0, 0.5],
            "Weights of cart position, cart speed, pole angle and pole speed; a sum above 0 pushes right.",
        ),
    }

    def learner(self, assignment: Assignment) -> Learner:
        """Build a learner."""
        from harness_control._simple import RuleLearner

        return RuleLearner(assignment)


class Ppo(Model):
    """Proximal policy optimisation."""

    name = "ppo"
    summary = "Proximal policy optimisation (stable-baselines3) with a small perceptron"
    kinds = (KIND,)
    sizes = ("small", "base")
    """Two hidden layers of 64 or 256."""
    pretraining = "source-variant"
    formats = ("onnx",)
    settings: ClassVar[Mapping[str, Setting]] = {
        "learning_rate": Setting(0.001, "Adam's learning rate; falls to 0 over a budget in steps or samples."),
        "clip_range": Setting(0.2, "How far one update may move the policy; falls with the learning rate."),
        "n_envs": Setting(8, "Environments played side by side."),
        "n_steps": Setting(32, "Steps in each environment between two updates."),
        "batch_size": Setting(256, "Environment steps in a gradient step."),
        "n_epochs": Setting(20, "Passes over a rollout in an update."),
        "gamma": Setting(0.98, "Discount of later rewards."),
        "gae_lambda": Setting(0.8, "Generalised advantage estimation's lambda."),
        "ent_coef": Setting(0.0, "Weight of the entropy bonus."),
        "initialisation": Setting(
            "default",
            "How weights are drawn: default (orthogonal), random N(0, 1), gaussian N(0, 0.02), xavier (Glorot).",
            ("default", "random", "gaussian", "xavier"),
        ),
    }

    def learner(self, assignment: Assignment) -> Learner:
        """Build a learner."""
        from harness_control._ppo import PpoLearner

        return PpoLearner(assignment)

    def codec(self, folder: Path) -> Codec:
        """Build the codec: observations in, the likeliest action out."""
        from harness_control._codec import ObservationCodec

        del folder  # observations need nothing that was learned
        return ObservationCodec()
