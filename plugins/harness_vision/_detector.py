"""Trains a network to detect objects; pretraining predicts by how many quarter turns a scene was rotated."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from harness import Assignment, Unsupported
from harness.torch_learner import TorchLearner
from harness_vision._box_codec import BoxCodec
from harness_vision._centernet import CenterNet, Turned
from harness_vision._learner import NETWORK, TURNS, pretrained, turned
from harness_vision._rtdetr import RtDetr
from harness_vision.detection import scenes

DETECTORS: dict[str, Callable[..., nn.Module]] = {"centernet": CenterNet, "rt-detr": RtDetr}


class DetectorLearner(TorchLearner):
    """A network that detects objects."""

    rounds_weights = False  # a corner in bf16 lies up to 2 pixels beside its place in an image of 640

    def __init__(self, assignment: Assignment, name: str) -> None:
        """Take the channels from the first image; the network is built when first needed."""
        super().__init__(assignment)
        self._data = scenes(assignment.data)
        self._shape: dict[str, Any] = {
            "name": name,
            "size": assignment.size,
            "settings": {key: assignment.settings[key] for key in ("image_size", "most_boxes")},
            "channels": self._data.scenes("train").images[0].shape[-1],
            "classes": len(self._data.classes),
        }

    def codec(self) -> BoxCodec:
        """Return the codec."""
        return BoxCodec(self._shape["settings"]["image_size"], self._shape["channels"])

    def construct(self) -> nn.Module:
        """Return the untrained network."""
        shape = dict(self._shape)
        return DETECTORS[shape.pop("name")](**shape)

    def transfer(self, network: nn.Module, start: Path) -> None:
        """Load all weights of the pretrained body."""
        network.backbone.load_state_dict(pretrained(start, "backbone."), strict=True)

    def examples(self) -> Sequence[Any]:
        """Return (pixels, edges as shares of the image, labels) of the training split, without crowds."""
        images, objects = self._data.scenes("train")
        arrays, singles = self.codec().encode(images), [one.single() for one in objects]
        return [
            (torch.from_numpy(pixels), torch.from_numpy(one.boxes / np.tile(size, 2)), torch.from_numpy(one.labels))
            for pixels, size, one in zip(arrays["pixel_values"], arrays["sizes"], singles, strict=True)
        ]

    def collate(self, examples: Sequence[Any]) -> dict[str, Tensor]:
        """Stack pixels; concatenate the objects of all images, with `images` as the number of each object's image."""
        pixels, boxes, labels = zip(*examples, strict=True)
        counts = torch.tensor([len(one) for one in labels])
        return {
            "pixel_values": torch.stack(pixels),
            "boxes": torch.cat(boxes),
            "labels": torch.cat(labels),
            "images": torch.repeat_interleave(torch.arange(len(examples)), counts),
        }

    def loss(self, network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        """Return the loss that the network computes."""
        loss: Tensor = network.loss(**batch)
        return loss

    def terms(self, batch: dict[str, Tensor]) -> float:
        """Return the number of objects, at least 1: by it the loss is divided."""
        return max(1, len(batch["labels"]))

    def write(self, folder: Path) -> None:
        """Write the codec and the network's shape."""
        self.codec().save(folder)
        (folder / NETWORK).write_text(json.dumps(self._shape), encoding="utf-8")

    def read(self, folder: Path) -> None:
        """Read the network's shape."""
        self._shape = json.loads((folder / NETWORK).read_text(encoding="utf-8"))


class SceneRotationLearner(DetectorLearner):
    """Learns from scenes without their objects."""

    def construct(self) -> nn.Module:
        """Return the untrained body with a head for rotations."""
        return Turned(self._shape["size"], self._shape["channels"], TURNS)

    def collate(self, examples: Sequence[Any]) -> dict[str, Tensor]:
        """Rotate each scene by random quarter turns."""
        return turned([pixels for pixels, _, _ in examples])

    def loss(self, network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        """Return the cross-entropy of the rotations."""
        return functional.cross_entropy(network(batch["pixel_values"]), batch["labels"])

    def predict(self, inputs: Sequence[Any]) -> Sequence[Any]:  # noqa: ARG002 - it refuses whatever comes
        """Raise Unsupported: pretraining alone finds no objects."""
        raise Unsupported("A pretrained body predicts rotations and finds no objects yet. Fine-tune it, then evaluate.")


def learner(assignment: Assignment, name: str) -> DetectorLearner:
    """Return the learner for an assignment's stage."""
    return (SceneRotationLearner if assignment.stage == "pretrain" else DetectorLearner)(assignment, name)
