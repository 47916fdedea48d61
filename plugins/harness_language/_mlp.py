"""A multi-layer perceptron over hashed bags of words."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from harness.labelled import labelled
from harness.torch_learner import TorchLearner
from harness_language._codecs import BagCodec, read_description, write_description
from harness_language._tokens import classification_loss

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness import Assignment

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}


class Perceptron(nn.Module):
    """Dense layers with activations in between: `Perceptron((3, 5, 2), 'sigmoid')` has five hidden units."""

    def __init__(self, sizes: Sequence[int], activation: str, dropout: float = 0.0) -> None:
        """Build the layers.

        Args:
            sizes: features, hidden units of each layer, outputs.
            activation: a name of `ACTIVATIONS`, after every hidden layer.
            dropout: share of hidden units dropped in training.
        """
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes[:-1]):
            layers += [nn.Linear(before, after), ACTIVATIONS[activation](), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))

    def forward(self, bag: Tensor) -> dict[str, Tensor]:
        """Return `logits` [n, outputs].

        Args:
            bag: float [n, features].
        """
        return {"logits": self.layers(bag)}


class MlpLearner(TorchLearner):
    """Classification with the perceptron."""

    def __init__(self, assignment: Assignment) -> None:
        """Seed and open the device; the network is built at its first use."""
        super().__init__(assignment)
        self._description: dict[str, Any] | None = None

    def description(self) -> dict[str, Any]:
        """Return what `construct` builds the network from."""
        if self._description is None:
            names = ("features", "hidden", "activation", "dropout")
            classes = len(labelled(self.assignment.data).classes)
            self._description = {name: self._settings(name) for name in names} | {"classes": classes}
        return self._description

    def codec(self) -> BagCodec:
        """Return the codec."""
        return BagCodec(self.description()["features"])

    def construct(self) -> nn.Module:
        """Return the network."""
        description = self.description()
        sizes = (description["features"], *description["hidden"], description["classes"])
        return Perceptron(sizes, description["activation"], description["dropout"])

    def examples(self) -> Sequence[Any]:
        """Return (bag, label) of the training split."""
        texts, labels = labelled(self.assignment.data).examples("train")
        return list(zip(torch.from_numpy(self.codec().encode(texts)["bag"]), labels, strict=True))

    def collate(self, examples: Sequence[Any]) -> dict[str, Tensor]:
        """Stack the bags and labels."""
        return {
            "bag": torch.stack([bag for bag, _ in examples]),
            "labels": torch.tensor([label for _, label in examples]),
        }

    def loss(self, network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        """Return the cross-entropy of the classes."""
        return classification_loss(network(bag=batch["bag"])["logits"], batch["labels"])

    def write(self, folder: Path) -> None:
        """Write the description."""
        write_description(folder, self.description())

    def read(self, folder: Path) -> None:
        """Read the description."""
        self._description = read_description(folder)
