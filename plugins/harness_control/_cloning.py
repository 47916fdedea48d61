"""Behaviour cloning: a policy plays, a rule says at each step what it would have done, and the policy learns that."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from stable_baselines3 import PPO

from harness import Progress, Unsupported
from harness_control.worlds import World

FOLLOWS = 0.5
"""Share of steps in which the rule's action is played; in the others the policy's, so that it learns to mend its own
errors too (DAgger: Ross, Gordon and Bagnell, 2011)."""


class Cloning:
    """The pretraining of a PPO's policy by a game's rule; its value function stays as it is.

    Args:
        ppo: its environments are played, its settings say how many steps an update has.
        world: with a rule.

    Raises:
        Unsupported: the game has no rule.
    """

    def __init__(self, ppo: PPO, world: World) -> None:
        if world.rule is None:
            raise Unsupported(f"Nobody wrote a rule for {world.environment}. Set pretraining to source-variant.")
        self._ppo, self._policy, self._rule = ppo, ppo.policy, world.rule
        self._generator = np.random.default_rng(ppo.seed)
        self._observations: Any = None

    def step(self) -> Progress:
        """Play, and make what the rule would have done likelier."""
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
        """Return observations, and what the rule would have done at each."""
        self._policy.set_training_mode(False)
        ground, seen, wanted = self._ppo.env, [], []
        if self._observations is None:
            self._observations = ground.reset()
        for _ in range(self._ppo.n_steps):
            seen.append(self._observations)
            wanted.append(np.array([self._rule(one) for one in self._observations]))
            own, _ = self._policy.predict(self._observations)
            follows = self._generator.random(len(own)) < FOLLOWS
            played = np.where(follows if own.ndim == 1 else follows[:, None], wanted[-1], own)
            self._observations = ground.step(played)[0]
        return self._tensor(np.concatenate(seen).astype(np.float32)), self._tensor(np.concatenate(wanted))

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array).to(self._ppo.device)
