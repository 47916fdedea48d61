"""DQN of stable-baselines3, step by step: a step is some rounds of play, each with its updates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from stable_baselines3 import DQN
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger

from harness import Assignment, Learner, Progress
from harness.torch_learner import initialise
from harness_control._codec import ObservationCodec
from harness_control._game import TRAINING_SEEDS
from harness_control._grid import grid_policy_kwargs
from harness_control._ppo import HIDDEN, WEIGHTS
from harness_control._simple import game_of
from harness_control._vec_env import CheckedVecEnv

SETTINGS = (
    "learning_rate", "batch_size", "gamma", "train_freq", "gradient_steps", "learning_starts", "buffer_size",
    "target_update_interval", "exploration_fraction", "exploration_final_eps",
)  # fmt: skip
STRETCH = 16
"""Rounds of play and update in a step; one round is too short to be timed."""


class DqnLearner(Learner):
    """A Q-network and its target network."""

    def __init__(self, assignment: Assignment) -> None:
        game, settings = game_of(assignment), assignment.settings
        self._codec = ObservationCodec()
        self._dqn = DQN(
            "MlpPolicy",
            CheckedVecEnv(game, 1),
            policy_kwargs={"net_arch": HIDDEN[assignment.size], **grid_policy_kwargs(game.observation_shape)},
            seed=assignment.seed % TRAINING_SEEDS,
            device=assignment.device,
            verbose=0,
            **{name: settings[name] for name in SETTINGS},
        )
        self._dqn.set_logger(Logger(folder=None, output_formats=[]))
        initialise(self._dqn.policy.q_net, settings["initialisation"])
        self._dqn.policy.q_net_target.load_state_dict(self._dqn.policy.q_net.state_dict())
        if assignment.start is not None:
            self.load(assignment.start)
        budget = assignment.budget
        per_step = STRETCH * settings["train_freq"]
        self._total = budget.steps * per_step if budget.steps is not None else budget.samples
        self._callback: BaseCallback | None = None

    def prepare(self) -> None:
        """Train in one thread: more cost more than they gain in a network of this size. Serving uses all."""
        torch.set_num_threads(1)

    def step(self) -> Progress:
        """Run `STRETCH` iterations of the loop in `DQN.learn`."""
        dqn = self._dqn
        if self._callback is None:
            _, self._callback = dqn._setup_learn(self._total or 1)  # noqa: SLF001 - `learn` offers no single iteration
        before = dqn.num_timesteps
        for _ in range(STRETCH):
            dqn.collect_rollouts(
                dqn.env, train_freq=dqn.train_freq, action_noise=None, callback=self._callback,
                learning_starts=dqn.learning_starts, replay_buffer=dqn.replay_buffer,
            )  # fmt: skip
            if self._total is not None:
                dqn._update_current_progress_remaining(min(dqn.num_timesteps, self._total), self._total)  # noqa: SLF001
            if dqn.num_timesteps > dqn.learning_starts:
                dqn.train(gradient_steps=dqn.gradient_steps, batch_size=dqn.batch_size)
        played = dqn.num_timesteps - before
        value = dqn.logger.name_to_value.get("train/loss")
        dqn.logger.name_to_value.clear()
        losses = {} if value is None else {"value_loss": float(value)}
        return Progress({"samples": played, "environment_steps": played}, losses)

    def save(self, folder: Path) -> None:
        """Write the Q-network's weights."""
        weights = {name: tensor.contiguous().cpu() for name, tensor in self._dqn.policy.q_net.state_dict().items()}
        save_file(weights, folder / WEIGHTS)
        self._codec.save(folder)

    def load(self, folder: Path) -> None:
        """Read the weights into the Q-network and its target network."""
        weights = load_file(folder / WEIGHTS)
        self._dqn.policy.q_net.load_state_dict(weights)
        self._dqn.policy.q_net_target.load_state_dict(weights)

    def predict(self, inputs: Sequence[np.ndarray]) -> Sequence[Any]:
        """Return the action of highest value for each observation."""
        network = self._dqn.policy.q_net
        network.set_training_mode(False)
        observation = torch.from_numpy(self._codec.encode(inputs)["observation"]).to(self._dqn.device)
        with torch.inference_mode():
            return self._codec.answers({"numbers": network(observation).cpu().numpy()})

    def parameters(self) -> int:
        """Return the number of trainable parameters, without the target network's."""
        return sum(weight.numel() for weight in self._dqn.policy.q_net.parameters())

    def module(self) -> torch.nn.Module:
        """Return the Q-network: `observation` in, `numbers` out."""
        return Values(self._dqn.policy.q_net)


class Values(torch.nn.Module):
    """The Q-network as it is exported."""

    def __init__(self, q_net: Any) -> None:
        super().__init__()
        self.q_net = q_net

    def forward(self, observation: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return `numbers` [n, actions], the value of each action."""
        return {"numbers": self.q_net(observation)}
