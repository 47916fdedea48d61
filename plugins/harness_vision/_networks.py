"""Image classifiers in small sizes, from transformers' configurations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn
from transformers import (
    EfficientNetConfig,
    EfficientNetForImageClassification,
    ResNetConfig,
    ResNetForImageClassification,
    ViTConfig,
    ViTForImageClassification,
)


def _resnet(size: str, settings: Mapping[str, Any], channels: int) -> nn.Module:
    widths = {"tiny": ([32, 64], [1, 1]), "small": ([32, 64, 128], [2, 2, 2]), "base": ([64, 128, 256, 512], [2] * 4)}
    hidden, depths = widths[size]
    shape = ResNetConfig(
        num_channels=channels, embedding_size=hidden[0], hidden_sizes=hidden, depths=depths, layer_type="basic"
    )
    del settings  # convolutions take any image size
    return ResNetForImageClassification(shape)


def _efficientnet(size: str, settings: Mapping[str, Any], channels: int) -> nn.Module:
    """Return three stages in place of the paper's seven, which would shrink small images to nothing."""
    width = {"tiny": 0.25, "small": 0.5, "base": 1.0}[size]
    shape = EfficientNetConfig(
        num_channels=channels, image_size=settings["image_size"], width_coefficient=width, depth_coefficient=1.0,
        kernel_sizes=[3, 3, 5], in_channels=[32, 64, 96], out_channels=[64, 96, 160], strides=[1, 2, 2],
        num_block_repeats=[1, 2, 2], expand_ratios=[1, 4, 4], depthwise_padding=[], hidden_dim=int(width * 1280),
        dropout_rate=settings["dropout"], drop_connect_rate=0.0, batch_norm_momentum=0.1, batch_norm_eps=1e-5,
    )  # fmt: skip
    return EfficientNetForImageClassification(shape)


def _vit(size: str, settings: Mapping[str, Any], channels: int) -> nn.Module:
    """Return a transformer over 7 x 7 patches of any image, as ViT-B/32 has at 224 pixels."""
    hidden, layers = {"tiny": (64, 4), "small": (128, 6), "base": (768, 12)}[size]
    shape = ViTConfig(
        num_channels=channels, image_size=settings["image_size"], patch_size=max(1, settings["image_size"] // 7),
        hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=max(4, hidden // 64),
        intermediate_size=2 * hidden, hidden_dropout_prob=settings["dropout"],
    )  # fmt: skip
    return ViTForImageClassification(shape)


class _Perceptron(nn.Module):
    """Dense layers over all pixels, with a `classifier` as last layer as in transformers' networks."""

    def __init__(self, size: str, settings: Mapping[str, Any], channels: int) -> None:
        super().__init__()
        hidden = {"tiny": 128, "small": 512, "base": 2048}[size]
        pixels = channels * settings["image_size"] ** 2
        self.body = nn.Sequential(
            nn.Flatten(), nn.Linear(pixels, hidden), nn.ReLU(), nn.Dropout(settings["dropout"]),
            nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(settings["dropout"]),
        )  # fmt: skip
        self.classifier = nn.Linear(hidden, 2)  # `Classifier` replaces it


NETWORKS: dict[str, Callable[[str, Mapping[str, Any], int], nn.Module]] = {
    "pixel-mlp": _Perceptron,
    "resnet": _resnet,
    "efficientnet": _efficientnet,
    "vit": _vit,
}


class Classifier(nn.Module):
    """A network's body with a new last layer."""

    def __init__(self, name: str, size: str, settings: Mapping[str, Any], channels: int, classes: int) -> None:
        """Build the layers."""
        super().__init__()
        self.network = NETWORKS[name](size, settings, channels)
        head = self.network.classifier
        last = head[-1] if isinstance(head, nn.Sequential) else head
        self.network.classifier = nn.Identity()
        features = self.network.config.hidden_sizes[-1] if name == "resnet" else last.in_features
        self.flatten = nn.Flatten()
        self.head = nn.Linear(features, classes)

    def forward(self, pixel_values: Tensor) -> dict[str, Tensor]:
        """Return `logits` [n, classes] for float [n, channels, size, size]."""
        if isinstance(self.network, _Perceptron):
            features = self.network.body(pixel_values)
        else:
            features = self.network(pixel_values=pixel_values).logits
        return {"logits": self.head(self.flatten(features))}
