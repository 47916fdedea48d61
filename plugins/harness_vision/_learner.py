"""Trains a network on labelled images; pretraining tells by how many quarter turns an image was rotated."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from harness import Assignment, Unsupported
from harness.labelled import labelled
from harness.torch_learner import WEIGHTS, TorchLearner
from harness_vision._codec import ImageCodec
from harness_vision._networks import Classifier

NETWORK = "network.json"
TURNS = 4
"""Rotations to be told apart: 0, 90, 180 and 270 degrees (Gidaris et al., 2018)."""


class ImageLearner(TorchLearner):
    """A network that classifies images."""

    shaped_by: ClassVar[tuple[str, ...]] = ("image_size", "dropout")
    """Settings that the network is built by."""

    def __init__(self, assignment: Assignment, name: str) -> None:
        """Look at the first image; the network is built when it is first needed."""
        super().__init__(assignment)
        self._data = labelled(assignment.data)
        channels = self._data.examples("train").inputs[0].shape[-1]
        self._shape: dict[str, Any] = {
            "name": name,
            "size": assignment.size,
            "settings": {key: assignment.settings[key] for key in self.shaped_by},
            "channels": channels,
            "classes": self.outputs(),
        }

    def outputs(self) -> int:
        """Return how many classes there are."""
        return len(self._data.classes)

    def codec(self) -> ImageCodec:
        """Return the codec."""
        return ImageCodec(self._shape["settings"]["image_size"], self._shape["channels"])

    def construct(self) -> nn.Module:
        """Return the network in its shape."""
        return Classifier(**self._shape)

    def transfer(self, network: nn.Module, start: Path) -> None:
        """Take over the pretraining's body, all of it."""
        weights = load_file(start / WEIGHTS)
        body = {
            name.removeprefix("network."): weight for name, weight in weights.items() if name.startswith("network.")
        }
        network.network.load_state_dict(body, strict=True)

    def examples(self) -> Sequence[Any]:
        """Return (pixels, label) of the training split."""
        images, labels = self._data.examples("train")
        return list(zip(torch.from_numpy(self.codec().encode(images)["pixel_values"]), labels, strict=True))

    def collate(self, examples: Sequence[Any]) -> dict[str, Tensor]:
        """Stack pixels and labels."""
        pixels, labels = zip(*examples, strict=True)
        return {"pixel_values": torch.stack(pixels), "labels": torch.tensor(labels)}

    def loss(self, network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        """Return the cross-entropy of the classes."""
        return functional.cross_entropy(network(batch["pixel_values"])["logits"], batch["labels"])

    def write(self, folder: Path) -> None:
        """Write the codec and the network's shape."""
        self.codec().save(folder)
        (folder / NETWORK).write_text(json.dumps(self._shape), encoding="utf-8")

    def read(self, folder: Path) -> None:
        """Read the network's shape."""
        self._shape = json.loads((folder / NETWORK).read_text(encoding="utf-8"))


class RotationLearner(ImageLearner):
    """Learns from images without labels."""

    def outputs(self) -> int:
        """Return how many rotations there are."""
        return TURNS

    def collate(self, examples: Sequence[Any]) -> dict[str, Tensor]:
        """Turn each image by quarter turns that are drawn anew."""
        return turned([image for image, _ in examples])

    def predict(self, inputs: Sequence[Any]) -> Sequence[Any]:  # noqa: ARG002 - it refuses whatever comes
        """Refuse: what was pretrained only knows no classes.

        Raises:
            Unsupported: always.
        """
        raise Unsupported("A pretrained network tells rotations and knows no classes yet. Fine-tune it, then evaluate.")


def turned(images: Sequence[Tensor]) -> dict[str, Tensor]:
    """Return square images turned by quarter turns that are drawn anew; the turn is the label."""
    turns = torch.randint(TURNS, (len(images),))
    pixels = [torch.rot90(image, int(turn), (1, 2)) for image, turn in zip(images, turns, strict=True)]
    return {"pixel_values": torch.stack(pixels), "labels": turns}


def learner(assignment: Assignment, name: str) -> ImageLearner:
    """Return the learner of an assignment's stage."""
    return (RotationLearner if assignment.stage == "pretrain" else ImageLearner)(assignment, name)
