"""How a policy looks at a grid: one convolution again and again, so that what is near spreads to what is far."""

from __future__ import annotations

from typing import Any

import gymnasium
import torch
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from harness_control._game import GRID

WIDTH = 32
ROUNDS = 12
"""Cells that news can travel; the same weights in each, as in a value iteration network (Tamar et al., 2016)."""


def eyes(observation_shape: tuple[int, ...]) -> dict[str, Any]:
    """Return what stable-baselines3's `policy_kwargs` need for observations of a shape."""
    return {"features_extractor_class": GridFeatures} if len(observation_shape) == GRID else {}


class GridFeatures(BaseFeaturesExtractor):
    """What the grid says at the place of the agent, which is the first plane."""

    def __init__(self, observation_space: gymnasium.spaces.Box) -> None:
        """Build the convolutions."""
        super().__init__(observation_space, WIDTH)
        planes = observation_space.shape[0]
        self.look = nn.Conv2d(planes + 1, WIDTH, 3, padding=1)
        self.recall = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.spread = nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False)

    def forward(self, observations: Tensor) -> Tensor:
        """Return features [n, WIDTH] of observations [n, planes, rows, columns]."""
        inside = torch.ones_like(observations[:, :1])  # the zeros around it are the shore
        seen = torch.relu(self.look(torch.cat([observations, inside], 1)))
        known, recalled = seen, self.recall(seen)  # the same in each round
        for _ in range(ROUNDS):
            known = torch.relu(self.spread(known) + recalled)
        here: Tensor = (known * observations[:, :1]).sum((2, 3))
        return here
