"""PPO of stable-baselines3, step by step: a step is a rollout and its update."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_model, save_model
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger

from harness import Assignment, Budget, Learner, Progress, SuiteError
from harness.torch_learner import initialise
from harness_control._cloning import Cloning
from harness_control._codec import ObservationCodec
from harness_control._game import TRAINING_SEEDS
from harness_control._grid import grid_policy_kwargs
from harness_control._simple import game_of
from harness_control._vec_env import CheckedVecEnv

WEIGHTS = "policy.safetensors"
HIDDEN = {"small": [64, 64], "base": [256, 256]}
"""Size → units of each hidden layer."""
LOSSES = {"train/policy_gradient_loss": "policy_loss", "train/value_loss": "value_loss"}


class PpoLearner(Learner):
    """A policy and its value function."""

    def __init__(self, assignment: Assignment) -> None:
        self._codec = ObservationCodec(game_of(assignment).bounds)
        self._ppo = _build(assignment)
        if assignment.start is not None:
            self.load(assignment.start)
        self._total = _planned_environment_steps(assignment.budget, self._ppo)
        clones = assignment.stage == "pretrain" and assignment.settings["pretraining"] == "cloning"
        self._cloning = Cloning(self._ppo, game_of(assignment).world) if clones else None
        self._callback: BaseCallback | None = None

    def prepare(self) -> None:
        """Train in one thread: more cost more than they gain in a network of this size. Serving uses all."""
        torch.set_num_threads(1)

    def step(self) -> Progress:
        """Run an iteration of the loop in `PPO.learn`, or of behaviour cloning."""
        if self._cloning is not None:
            return self._cloning.step()
        ppo = self._ppo
        if self._callback is None:
            _, self._callback = ppo._setup_learn(self._total or 1)  # noqa: SLF001 - `learn` offers no single iteration
        before = ppo.num_timesteps
        ppo.collect_rollouts(ppo.env, self._callback, ppo.rollout_buffer, n_rollout_steps=ppo.n_steps)
        if self._total is not None:
            ppo._update_current_progress_remaining(min(ppo.num_timesteps, self._total), self._total)  # noqa: SLF001
        ppo.train()
        played = ppo.num_timesteps - before
        values = ppo.logger.name_to_value
        losses = {ours: float(values[theirs]) for theirs, ours in LOSSES.items()}
        ppo.logger.name_to_value.clear()
        return Progress({"samples": played, "environment_steps": played}, losses)

    def save(self, folder: Path) -> None:
        """Write the policy's weights, value function included."""
        save_model(self._ppo.policy, folder / WEIGHTS)
        self._codec.save(folder)

    def load(self, folder: Path) -> None:
        """Read the policy's weights."""
        load_model(self._ppo.policy, folder / WEIGHTS)

    def predict(self, inputs: Sequence[np.ndarray]) -> Sequence[Any]:
        """Return the most likely action for each observation."""
        policy = self._ppo.policy
        policy.set_training_mode(False)
        observation = torch.from_numpy(self._codec.encode(inputs)["observation"]).to(policy.device)
        with torch.inference_mode():
            numbers = _numbers(policy, observation)
        return self._codec.answers({"numbers": numbers.cpu().numpy()})

    def parameters(self) -> int:
        """Return the number of trainable parameters, value function included."""
        return sum(p.numel() for p in self._ppo.policy.parameters() if p.requires_grad)

    def module(self) -> torch.nn.Module:
        """Return the policy without its value function: `observation` in, `numbers` out."""
        return Actor(self._ppo.policy).eval()


class Actor(torch.nn.Module):
    """The policy without its value function, as it is exported."""

    def __init__(self, policy: Any) -> None:
        super().__init__()
        self.policy = policy

    def forward(self, observation: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return `numbers`: the logits of discrete actions, the mean of continuous ones."""
        return {"numbers": _numbers(self.policy, observation)}


def _numbers(policy: Any, observation: torch.Tensor) -> torch.Tensor:
    features = policy.extract_features(observation, policy.pi_features_extractor)
    numbers: torch.Tensor = policy.action_net(policy.mlp_extractor.forward_actor(features))
    return numbers


def _build(assignment: Assignment) -> PPO:
    settings, game = assignment.settings, game_of(assignment)
    _check(settings)
    anneals = _planned_environment_steps(assignment.budget, None) is not None
    ppo = PPO(
        "MlpPolicy",
        CheckedVecEnv(game, settings["n_envs"]),
        learning_rate=_schedule(settings["learning_rate"], anneals),
        clip_range=_schedule(settings["clip_range"], anneals),
        policy_kwargs={"net_arch": HIDDEN[assignment.size], **grid_policy_kwargs(game.observation_shape)},
        seed=_environment_seed(assignment.seed, settings["n_envs"]),
        device=assignment.device,
        verbose=0,
        **{
            name: settings[name]
            for name in ("n_steps", "batch_size", "n_epochs", "gamma", "gae_lambda", "ent_coef")
        },
    )  # fmt: skip
    ppo.set_logger(Logger(folder=None, output_formats=[]))  # the default one makes a temporary folder
    initialise(ppo.policy, settings["initialisation"])
    return ppo


def _check(settings: Mapping[str, Any]) -> None:
    """Check that the settings give a rollout and an update.

    Raises:
        SuiteError: a setting is too small.
    """
    least = {"n_envs": 1, "n_steps": 1, "n_epochs": 1, "batch_size": 2}
    for name, low in least.items():
        if settings[name] < low:
            raise SuiteError(f"Setting {name} of ppo is {settings[name]}. Give at least {low}.")
    if settings["n_envs"] * settings["n_steps"] == 1:
        raise SuiteError("Settings n_envs and n_steps of ppo are both 1: a rollout needs two steps. Raise one of them.")


def _environment_seed(seed: int, n_envs: int) -> int:
    """Return the seed of the first environment; the others count up, and all stay below `TRAINING_SEEDS`."""
    return seed % (TRAINING_SEEDS - n_envs + 1)


def _schedule(value: float, anneals: bool) -> Any:
    """Return a linear decay to 0, or a constant if the length of training is unknown."""
    return (lambda remaining: value * remaining) if anneals else value


def _planned_environment_steps(budget: Budget, ppo: PPO | None) -> int | None:
    """Return the environment steps of a budget, or None if time or quality ends the training."""
    per_step = 1 if ppo is None else ppo.n_steps * ppo.n_envs
    if budget.steps is not None:
        return budget.steps * per_step
    return budget.samples
