"""Networks for clips, in small sizes: VideoMAE from transformers' configuration, and convolutions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from transformers import VideoMAEConfig, VideoMAEForPreTraining, VideoMAEForVideoClassification

from harness import Unsupported

TUBELET = 8
"""Frames in a patch. With two, as in the paper, attention has to match frames, which small networks learn slowly."""
PATCHES = 8
"""Patches along a side of a frame."""


class Conv3d(nn.Module):
    """Residual convolutions over time and space, in the manner of R3D (Tran et al., 2018)."""

    def __init__(self, size: str, settings: Mapping[str, Any], channels: int, classes: int) -> None:
        """Build the layers."""
        super().__init__()
        widths, depth = {
            "tiny": ((16, 32, 64), 1),
            "small": ((32, 64, 128), 2),
            "base": ((64, 128, 256, 512), 2),
        }[size]
        # Strides halve space and keep time, of which there are few frames.
        self.stem = nn.Sequential(
            nn.Conv3d(channels, widths[0], 3, (1, 2, 2), 1, bias=False), nn.BatchNorm3d(widths[0]), nn.ReLU()
        )
        layers = [
            _Residual(*(pair if number == 0 else (pair[1], pair[1])))
            for pair in pairwise(widths)
            for number in range(depth)
        ]
        self.body = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Dropout(settings["dropout"]), nn.Linear(widths[-1], classes))

    def forward(self, pixel_values: Tensor) -> dict[str, Tensor]:
        """Return `logits` [n, classes] for float [n, frames, channels, size, size]."""
        features = self.body(self.stem(pixel_values.transpose(1, 2)))
        return {"logits": self.head(features.mean((2, 3, 4)))}


class _Residual(nn.Module):
    """Two convolutions and a shortcut; where the width changes, the resolution is halved."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        stride = 1 if inputs == width else 2
        self.body = nn.Sequential(
            nn.Conv3d(inputs, width, 3, stride, 1, bias=False), nn.BatchNorm3d(width), nn.ReLU(),
            nn.Conv3d(width, width, 3, 1, 1, bias=False), nn.BatchNorm3d(width),
        )  # fmt: skip
        projection = nn.Sequential(nn.Conv3d(inputs, width, 1, stride, bias=False), nn.BatchNorm3d(width))
        self.around = nn.Identity() if inputs == width else projection

    def forward(self, features: Tensor) -> Tensor:
        return torch.relu(self.body(features) + self.around(features))


class VideoMae(nn.Module):
    """Attention over patches of space and time (Tong et al., 2022)."""

    def __init__(self, size: str, settings: Mapping[str, Any], channels: int, classes: int) -> None:
        """Build the layers.

        Raises:
            Unsupported: frames or their side cannot be divided into patches.
        """
        super().__init__()
        self.network = VideoMAEForVideoClassification(videomae_config(size, settings, channels, num_labels=classes))

    def forward(self, pixel_values: Tensor) -> dict[str, Tensor]:
        """Return `logits` [n, classes] for float [n, frames, channels, size, size]."""
        return {"logits": self.network(pixel_values=pixel_values).logits}


class MaskedVideoMae(nn.Module):
    """The same body, with a decoder that reconstructs the masked patches."""

    def __init__(self, size: str, settings: Mapping[str, Any], channels: int) -> None:
        """Build the layers."""
        super().__init__()
        self.network = VideoMAEForPreTraining(videomae_config(size, settings, channels))

    def loss(self, pixel_values: Tensor, mask: Tensor) -> Tensor:
        """Return the mean squared error of the pixels of masked patches.

        Pixels are not normalised by patch as in the paper: the noise of an empty patch would count as much as the
        motion in another.

        Args:
            pixel_values: float [n, frames, channels, size, size].
            mask: bool [n, patches], equally many true in each row.
        """
        reconstructed = self.network(pixel_values=pixel_values, bool_masked_pos=mask).logits
        count, frames, channels, side, _ = pixel_values.shape
        patch = side // PATCHES
        patches = pixel_values.view(count, frames // TUBELET, TUBELET, channels, PATCHES, patch, PATCHES, patch)
        # The order in which transformers' decoder writes: patches by time, row and column; pixels with channels last.
        target = patches.permute(0, 1, 4, 6, 2, 5, 7, 3).reshape(count, mask.shape[1], -1)
        return nn.functional.mse_loss(reconstructed, target[mask].view(reconstructed.shape))


def videomae_config(size: str, settings: Mapping[str, Any], channels: int, **options: Any) -> VideoMAEConfig:
    """Return the configuration of a size; the decoder has half the width of the body.

    Raises:
        Unsupported: frames or their side cannot be divided into patches.
    """
    frames, side = settings["frames"], settings["image_size"]
    if frames % TUBELET or side % PATCHES:
        raise Unsupported(
            f"VideoMAE divides clips into patches: frames is {frames}, give a multiple of {TUBELET}; "
            f"image_size is {side}, give a multiple of {PATCHES}."
        )
    hidden, layers = {"tiny": (64, 3), "small": (192, 6), "base": (768, 12)}[size]
    heads = max(4, hidden // 64)
    return VideoMAEConfig(
        image_size=side, patch_size=side // PATCHES, num_channels=channels, num_frames=frames, tubelet_size=TUBELET,
        hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=2 * hidden,
        hidden_dropout_prob=settings["dropout"], decoder_hidden_size=hidden // 2, decoder_num_hidden_layers=1,
        decoder_num_attention_heads=heads, decoder_intermediate_size=hidden, **options,
    )  # fmt: skip


NETWORKS: dict[str, Callable[..., nn.Module]] = {"conv3d": Conv3d, "videomae": VideoMae}
