"""Behaviour cloning: a policy plays, a rule labels each observation with its action, and the policy learns these."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from stable_baselines3 import PPO

from harness import Progress, Unsupported
from harness_control.worlds import World

RULE_SHARE = 0.5
"""Share of steps that play the rule's action. The others play the policy's, so that it learns to recover from its own
errors (DAgger: Ross, Gordon and Bagnell, 2011)."""


class Cloning:
    """The pretraining of a PPO's policy by a game's rule; the value function does not change.

    Args:
        ppo: with the environments to play and the sizes of rollouts and batches.
        world: must have a rule.

    Raises:
        Unsupported: the game has no rule.
    """

    def __init__(self, ppo: PPO, world: World) -> None:
        if world.rule is None:
            raise Unsupported(f"{world.environment} has no rule to clone. Set pretraining to source-variant.")
        self._ppo, self._policy, self._rule = ppo, ppo.policy, world.rule
        self._generator = np.random.default_rng(ppo.seed)
        self._observations: Any = None

    def step(self) -> Progress:
        """Play a rollout, and raise the likelihood of the rule's actions."""
        observations, actions = self._play()
        self._policy.set_training_mode(True)
        losses = []
        for _ in range(self._ppo.n_epochs):
            for rows in torch.from_numpy(self._generator.permutation(len(actions))).split(self._ppo.batch_size):
                _, likelihood, _ = self._policy.evaluate_actions(observations[rows], actions[rows])
                losses.append(self._improve(-likelihood.mean()))
        played = len(actions)
        return Progress({"samples": played, "environment_steps": played}, {"loss": float(np.mean(losses))})

    def _improve(self, loss: torch.Tensor) -> float:
        self._policy.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._policy.parameters(), self._ppo.max_grad_norm)
        self._policy.optimizer.step()
        return float(loss.item())

    def _play(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the observations of a rollout, and the rule's action for each."""
        self._policy.set_training_mode(False)
        environments, observations, rule_actions = self._ppo.env, [], []
        if self._observations is None:
            self._observations = environments.reset()
        for _ in range(self._ppo.n_steps):
            observations.append(self._observations)
            rule_actions.append(np.array([self._rule(observation) for observation in self._observations]))
            policy_actions, _ = self._policy.predict(self._observations)
            use_rule = self._generator.random(len(policy_actions)) < RULE_SHARE
            use_rule = use_rule if policy_actions.ndim == 1 else use_rule[:, None]
            played = np.where(use_rule, rule_actions[-1], policy_actions)
            self._observations = environments.step(played)[0]
        return self._tensor(np.concatenate(observations).astype(np.float32)), self._tensor(np.concatenate(rule_actions))

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array).to(self._ppo.device)
