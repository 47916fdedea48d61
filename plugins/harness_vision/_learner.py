"""Trains a network on labelled images; pretraining predicts by how many quarter turns an image was rotated."""

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
"""Rotations of the pretraining: 0, 90, 180 and 270 degrees (Gidaris et al., 2018)."""


class ImageLearner(TorchLearner):
    """A network that classifies images."""

    shaped_by: ClassVar[tuple[str, ...]] = ("image_size", "dropout")
    """Settings that the network's constructor takes."""

    def __init__(self, assignment: Assignment, name: str) -> None:
        """Take the channels from the first image; the network is built when first needed."""
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
        """Return the number of classes."""
        return len(self._data.classes)

    def codec(self) -> ImageCodec:
        """Return the codec."""
        return ImageCodec(self._shape["settings"]["image_size"], self._shape["channels"])

    def construct(self) -> nn.Module:
        """Return the untrained network."""
        return Classifier(**self._shape)

    def transfer(self, network: nn.Module, start: Path) -> None:
        """Load all weights of the pretrained body."""
        network.network.load_state_dict(pretrained(start, "network."), strict=True)

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
        """Return the number of rotations."""
        return TURNS

    def collate(self, examples: Sequence[Any]) -> dict[str, Tensor]:
        """Rotate each image by random quarter turns."""
        return turned([image for image, _ in examples])

    def predict(self, inputs: Sequence[Any]) -> Sequence[Any]:  # noqa: ARG002 - it refuses whatever comes
        """Raise Unsupported: pretraining alone learns no classes."""
        raise Unsupported(
            "A pretrained network predicts rotations and knows no classes yet. Fine-tune it, then evaluate."
        )


def pretrained(start: Path, prefix: str) -> dict[str, Tensor]:
    """Return the weights of an artifact whose names have a prefix, without it."""
    weights = load_file(start / WEIGHTS)
    return {name.removeprefix(prefix): weight for name, weight in weights.items() if name.startswith(prefix)}


def turned(images: Sequence[Tensor]) -> dict[str, Tensor]:
    """Return square images rotated by random quarter turns, with the number of turns as the label."""
    turns = torch.randint(TURNS, (len(images),))
    pixels = [torch.rot90(image, int(turn), (1, 2)) for image, turn in zip(images, turns, strict=True)]
    return {"pixel_values": torch.stack(pixels), "labels": turns}


def learner(assignment: Assignment, name: str) -> ImageLearner:
    """Return the learner for an assignment's stage."""
    return (RotationLearner if assignment.stage == "pretrain" else ImageLearner)(assignment, name)
