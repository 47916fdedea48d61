"""The declarations of the models; `_simple.py`, `_ppo.py` and `_dqn.py` implement them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness import Assignment, Codec, Learner, Model, Setting
from harness_control.tasks import CONTINUOUS, DISCRETE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_INITIALISATION = Setting(
    "default",
    "How weights are drawn: default (the library's), random N(0, 1), gaussian N(0, 0.02), xavier (Glorot).",
    ("default", "random", "gaussian", "xavier"),
)


class Random(Model):
    """Random play."""

    name = "random"
    summary = "Uniformly random actions"
    imports = ("harness_control._simple",)
    draws_answers = True
    kinds = (DISCRETE, CONTINUOUS)
    devices = ("cpu",)

    def learner(self, assignment: Assignment) -> Learner:
        """Build a learner."""
        from harness_control._simple import RandomLearner

        return RandomLearner(assignment)


class Rule(Model):
    """The baseline."""

    name = "rule"
    summary = "A rule of a few lines for each game, without training"
    imports = ("harness_control._simple",)
    kinds = (DISCRETE, CONTINUOUS)
    devices = ("cpu",)

    def learner(self, assignment: Assignment) -> Learner:
        """Build a learner."""
        from harness_control._simple import RuleLearner

        return RuleLearner(assignment)


class Ppo(Model):
    """Proximal policy optimisation."""

    name = "ppo"
    summary = "Proximal policy optimisation (stable-baselines3) with a small perceptron"
    imports = ("stable_baselines3", "safetensors.torch", "harness_control._ppo")
    kinds = (DISCRETE, CONTINUOUS)
    sizes = ("small", "base")
    """Two hidden layers of 64 or 256."""
    pretraining = "source-variant or cloning"
    formats = ("onnx",)
    settings: ClassVar[Mapping[str, Setting]] = {
        "learning_rate": Setting(0.001, "Adam's learning rate; falls to 0 over a budget in steps or samples."),
        "clip_range": Setting(0.2, "How far one update may move the policy; falls with the learning rate."),
        "n_envs": Setting(8, "Environments played in parallel."),
        "n_steps": Setting(32, "Steps in each environment between two updates."),
        "batch_size": Setting(256, "Environment steps in a gradient step."),
        "n_epochs": Setting(20, "Passes over a rollout in an update."),
        "gamma": Setting(0.98, "Discount of later rewards."),
        "gae_lambda": Setting(0.8, "Generalised advantage estimation's lambda."),
        "ent_coef": Setting(0.0, "Weight of the entropy bonus."),
        "pretraining": Setting(
            "source-variant",
            "Play the task's source variant (source-variant), or imitate the game's rule there (cloning).",
            ("source-variant", "cloning"),
        ),
        "initialisation": _INITIALISATION,
    }

    def learner(self, assignment: Assignment) -> Learner:
        """Build a learner."""
        from harness_control._ppo import PpoLearner

        return PpoLearner(assignment)

    def codec(self, folder: Path) -> Codec:
        """Build the codec: observations in, actions out."""
        from harness_control._codec import ObservationCodec

        return ObservationCodec.load(folder)


class Dqn(Model):
    """Deep Q-learning."""

    name = "dqn"
    summary = "Deep Q-network (stable-baselines3): learns the value of each action"
    imports = ("stable_baselines3", "safetensors.torch", "harness_control._dqn")
    kinds = (DISCRETE,)
    sizes = ("small", "base")
    """Two hidden layers of 64 or 256."""
    pretraining = "source-variant"
    formats = ("onnx",)
    settings: ClassVar[Mapping[str, Setting]] = {
        "learning_rate": Setting(0.001, "Adam's learning rate."),
        "batch_size": Setting(64, "Replayed steps in a gradient step."),
        "gamma": Setting(0.99, "Discount of later rewards."),
        "train_freq": Setting(16, "Steps of play between updates."),
        "gradient_steps": Setting(8, "Gradient steps in an update."),
        "learning_starts": Setting(500, "Steps of play before the first update."),
        "buffer_size": Setting(100_000, "Steps in the replay buffer."),
        "target_update_interval": Setting(600, "Steps between updates of the target network."),
        "exploration_fraction": Setting(0.2, "Share of training over which random play decreases."),
        "exploration_final_eps": Setting(0.05, "Share of random play after that."),
        "initialisation": _INITIALISATION,
    }

    def learner(self, assignment: Assignment) -> Learner:
        """Build a learner."""
        from harness_control._dqn import DqnLearner

        return DqnLearner(assignment)

    def codec(self, folder: Path) -> Codec:
        """Build the codec: observations in, actions out."""
        from harness_control._codec import ObservationCodec

        return ObservationCodec.load(folder)
