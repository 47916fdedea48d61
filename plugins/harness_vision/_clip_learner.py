"""Trains a network on labelled clips; pretraining reconstructs masked patches (VideoMAE)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from harness import Assignment, Unsupported
from harness_vision._clip_codec import ClipCodec
from harness_vision._clip_networks import NETWORKS, PATCHES, TUBELET, MaskedVideoMae
from harness_vision._learner import ImageLearner, pretrained


class ClipLearner(ImageLearner):
    """A network that classifies clips."""

    shaped_by = ("frames", "image_size", "dropout")

    def codec(self) -> ClipCodec:
        """Return the codec."""
        settings = self._shape["settings"]
        return ClipCodec(settings["frames"], settings["image_size"], self._shape["channels"])

    def construct(self) -> nn.Module:
        """Return the untrained network."""
        shape = dict(self._shape)
        return NETWORKS[shape.pop("name")](**shape)

    def transfer(self, network: nn.Module, start: Path) -> None:
        """Load all weights of the pretrained body."""
        network.network.videomae.load_state_dict(pretrained(start, "network.videomae."), strict=True)

    def examples(self) -> Sequence[Any]:
        """Return (clip, label) of the training split; clips stay uint8, a quarter of their size as float32."""
        clips, labels = self._data.examples("train")
        codec = self.codec()
        return [(codec.fitted(clip), label) for clip, label in zip(clips, labels, strict=True)]

    def collate(self, examples: Sequence[Any]) -> dict[str, Tensor]:
        """Stack pixels and labels."""
        clips, labels = zip(*examples, strict=True)
        return {
            "pixel_values": torch.from_numpy(self.codec().encode(clips)["pixel_values"]),
            "labels": torch.tensor(labels),
        }


class MaskedClipLearner(ClipLearner):
    """Learns from clips without labels."""

    def construct(self) -> nn.Module:
        """Return the untrained body with its decoder."""
        return MaskedVideoMae(self._shape["size"], self._shape["settings"], self._shape["channels"])

    def collate(self, examples: Sequence[Any]) -> dict[str, Tensor]:
        """Stack pixels, and draw new masks."""
        pixels = super().collate(examples)["pixel_values"]
        tubes = masked_tubes(len(examples), PATCHES**2, self.assignment.settings["masked"])
        return {"pixel_values": pixels, "mask": tubes.repeat(1, pixels.shape[1] // TUBELET)}

    def loss(self, network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        """Return the loss that the network computes."""
        loss: Tensor = network.loss(**batch)
        return loss

    def predict(self, inputs: Sequence[Any]) -> Sequence[Any]:  # noqa: ARG002 - it refuses whatever comes
        """Raise Unsupported: pretraining alone learns no classes."""
        raise Unsupported(
            "A pretrained network reconstructs masked patches and knows no classes yet. Fine-tune it, then evaluate."
        )


def masked_tubes(count: int, places: int, share: float) -> Tensor:
    """Return bool [count, places], a share of each row true: a place is masked in all frames (Tong et al., 2022)."""
    hidden = min(max(round(share * places), 1), places - 1)
    return torch.rand(count, places).argsort(1) < hidden


def learner(assignment: Assignment, name: str) -> ClipLearner:
    """Return the learner for an assignment's stage."""
    return (MaskedClipLearner if assignment.stage == "pretrain" else ClipLearner)(assignment, name)
