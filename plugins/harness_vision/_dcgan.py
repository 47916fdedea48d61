"""A deep convolutional generative adversarial network (Radford et al., 2016), in small sizes.

A generator turns noise into pictures by transposed convolutions; a discriminator of strided convolutions distinguishes
them from real ones. Each step trains the discriminator, then the generator against it. Only the generator is saved.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness import Assignment
from harness.torch_learner import TorchLearner, initialise
from harness_vision._codec import ImageCodec
from harness_vision._noise_codec import NoiseCodec
from harness_vision.drawings import pictures

NETWORK = "network.json"
WIDTHS = {"tiny": 32, "small": 64, "base": 128}
"""Channels at half of the picture's size; at a quarter there are twice as many."""
BETAS = (0.5, 0.999)
"""Adam's, from the paper: with more momentum the two networks oscillate."""
LEAK = 0.2
"""Slope of the discriminator's LeakyReLU below 0, from the paper."""
QUARTER = 4
"""Picture's side over the side of the generator's first feature map."""


class Generator(nn.Module):
    """Turns noise into pictures."""

    def __init__(self, width: int, noise: int, side: int, channels: int) -> None:
        """Build the layers.

        Args:
            width: channels at half of the size.
            noise: length of the noise vector.
            side: side of the picture in pixels, a multiple of four.
            channels: channels of the picture, 1 or 3.
        """
        super().__init__()
        self.start = (2 * width, side // QUARTER, side // QUARTER)
        cells = self.start[0] * self.start[1] * self.start[2]
        self.project = nn.Sequential(nn.Linear(noise, cells, bias=False), nn.BatchNorm1d(cells), nn.ReLU())
        self.grow = nn.Sequential(
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.ConvTranspose2d(width, channels, 4, 2, 1), nn.Tanh(),
        )  # fmt: skip

    def forward(self, noise: Tensor) -> dict[str, Tensor]:
        """Return `pictures`, float [n, channels, side, side] from 0 to 1, for float [n, numbers]."""
        return {"pictures": self.grow(self.project(noise).unflatten(1, self.start)) / 2 + 0.5}


def discriminator(width: int, side: int, channels: int) -> nn.Module:
    """Return the discriminator: float [n, channels, side, side] → logits [n, 1], above 0 for real pictures."""
    return nn.Sequential(
        nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(LEAK),
        nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * width), nn.LeakyReLU(LEAK),
        nn.Flatten(), nn.Linear(2 * width * (side // QUARTER) ** 2, 1),
    )  # fmt: skip


class DcganLearner(TorchLearner):
    """Trains a generator against a discriminator."""

    def __init__(self, assignment: Assignment) -> None:
        """Take the channels from the first picture; the networks are built when first needed."""
        self._images = pictures(assignment.data)
        self._shape: dict[str, int] = {
            "width": WIDTHS[assignment.size],
            "noise": assignment.settings["noise"],
            "side": assignment.settings["image_size"] // QUARTER * QUARTER,
            "channels": self._images[0].shape[-1],
        }
        super().__init__(assignment)

    def codec(self) -> NoiseCodec:
        """Return the codec."""
        return NoiseCodec(self._shape["noise"])

    def construct(self) -> nn.Module:
        """Return the untrained generator."""
        return Generator(**self._shape)

    def examples(self) -> Sequence[Any]:
        """Return the training pictures, float32 [channels, side, side] from 0 to 1."""
        pixels = ImageCodec(self._shape["side"], self._shape["channels"]).encode(self._images)["pixel_values"]
        return list(torch.from_numpy(pixels) / 2 + 0.5)

    def collate(self, examples: Sequence[Any]) -> dict[str, Tensor]:
        """Stack real pictures, and draw noise for as many generated ones."""
        return {"real": torch.stack(list(examples)), "noise": torch.randn(len(examples), self._shape["noise"])}

    def optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        """Return the generator's Adam; make a new discriminator and its Adam too."""
        shape = {name: self._shape[name] for name in ("width", "side", "channels")}
        self._discriminator = discriminator(**shape).to(self.accelerator.device)
        initialise(self._discriminator, self.assignment.settings["initialisation"])
        self._discriminator_optimizer = self._adam(self._discriminator)
        return self._adam(network)

    def _adam(self, network: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(network.parameters(), self.assignment.settings["learning_rate"], BETAS)

    def update(
        self, network: nn.Module, optimizer: torch.optim.Optimizer, batch: dict[str, Tensor]
    ) -> dict[str, float]:
        """Train the discriminator, then the generator.

        None of the losses is called `loss`, which the harness expects to fall: here neither has to.
        """
        with torch.no_grad(), self.accelerator.autocast():
            generated = network(batch["noise"])["pictures"]
        discriminator_loss = self.descend(
            self._discriminator,
            self._discriminator_optimizer,
            lambda: self._entropy(batch["real"], 1.0) + self._entropy(generated, 0.0),
        )
        self._discriminator.requires_grad_(False)  # gradients flow through it; its weights need none
        generator_loss = self.descend(network, optimizer, lambda: self.loss(network, batch))
        self._discriminator.requires_grad_(True)
        return {"discriminator_loss": discriminator_loss, "generator_loss": generator_loss}

    def loss(self, network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        """Return the generator's loss: the discriminator's cross-entropy if its pictures were real."""
        return self._entropy(network(batch["noise"])["pictures"], 1.0)

    def _entropy(self, images: Tensor, real: float) -> Tensor:
        """Return the discriminator's cross-entropy for images of which all are real (1) or none is (0)."""
        logits = self._discriminator(2 * images - 1)
        return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, real))

    def write(self, folder: Path) -> None:
        """Write the codec and the generator's shape."""
        self.codec().save(folder)
        (folder / NETWORK).write_text(json.dumps(self._shape), encoding="utf-8")

    def read(self, folder: Path) -> None:
        """Read the generator's shape."""
        self._shape = json.loads((folder / NETWORK).read_text(encoding="utf-8"))
