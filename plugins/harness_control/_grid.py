"""Features of grid observations: a recurrent convolution that spreads information over the grid."""

from __future__ import annotations

from typing import Any

import gymnasium
import torch
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from harness_control._game import GRID_DIMENSIONS

WIDTH = 32
ROUNDS = 12
"""Applications of the convolution, hence the cells that information travels. The weights are shared, as in a value
iteration network (Tamar et al., 2016)."""


def grid_policy_kwargs(observation_shape: tuple[int, ...]) -> dict[str, Any]:
    """Return stable-baselines3's `policy_kwargs` for grid observations, and none for others."""
    return {"features_extractor_class": GridFeatures} if len(observation_shape) == GRID_DIMENSIONS else {}


class GridFeatures(BaseFeaturesExtractor):
    """The features of the agent's cell, which the first plane marks."""

    def __init__(self, observation_space: gymnasium.spaces.Box) -> None:
        """Build the convolutions."""
        super().__init__(observation_space, WIDTH)
        planes = observation_space.shape[0]
        self.look = nn.Conv2d(planes + 1, WIDTH, 3, padding=1)
        self.recall = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.spread = nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False)

    def forward(self, observations: Tensor) -> Tensor:
        """Return features [n, WIDTH] of observations [n, planes, rows, columns]."""
        inside = torch.ones_like(observations[:, :1])  # the padding's zeros mark what is outside the grid
        states = torch.relu(self.look(torch.cat([observations, inside], 1)))
        input_term = self.recall(states)  # the same in each round
        for _ in range(ROUNDS):
            states = torch.relu(self.spread(states) + input_term)
        features: Tensor = (states * observations[:, :1]).sum((2, 3))
        return features
