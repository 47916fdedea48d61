"""Objects as points (Zhou et al., 2019): a heat map of centres, and at each centre its place and the box's size.

The body is transformers' ResNet; a pyramid (Lin et al., 2017) brings its stages together at a quarter of the image's
size. Box and class are trained around each centre, weighted by the heat, as TTFNet does (Liu et al., 2020).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import ResNetBackbone, ResNetConfig

PRIOR = -4.6
"""Added to the heat: at first each cell holds an object with a probability of 0.01 (Lin et al., 2017)."""
SPREAD = 0.1
"""Of the heat around a centre, as a share of the box's sides."""
NARROWEST = 0.4
"""Spread of the heat of a small box, in cells."""
FAINT = 0.05
"""Heat from which a cell learns place and size."""


def backbone(size: str, channels: int) -> nn.Module:
    """Return the body in a size; its stages are a quarter, an eighth, … of the image."""
    widths, depths = {
        "tiny": ([32, 64, 128], [1, 1, 1]),
        "small": ([64, 128, 256], [2, 2, 2]),
        "base": ([64, 128, 256, 512], [2, 2, 2, 2]),
    }[size]
    return ResNetBackbone(
        ResNetConfig(
            num_channels=channels, embedding_size=widths[0], hidden_sizes=widths, depths=depths, layer_type="basic",
            out_features=[f"stage{number}" for number in range(1, len(widths) + 1)],
        )
    )  # fmt: skip


class Turned(nn.Module):
    """The body with a head that tells by how much an image was turned."""

    def __init__(self, size: str, channels: int, turns: int) -> None:
        """Build the layers."""
        super().__init__()
        self.backbone = backbone(size, channels)
        self.head = nn.Linear(self.backbone.channels[-1], turns)

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Return logits [n, turns] for float [n, channels, size, size]."""
        return self.head(self.backbone(pixel_values).feature_maps[-1].mean((2, 3)))


class CenterNet(nn.Module):
    """From pixels to detections, boxes in the original image's pixels."""

    def __init__(self, size: str, settings: Mapping[str, Any], channels: int, classes: int) -> None:
        """Build the layers."""
        super().__init__()
        self.classes, self.most = classes, settings["most_boxes"]
        self.backbone = backbone(size, channels)
        width = 2 * self.backbone.channels[0]
        self.lateral = nn.ModuleList(nn.Conv2d(inside, width, 1) for inside in self.backbone.channels)
        self.tower = nn.Sequential(*_block(width), *_block(width))
        self.heat = nn.Linear(width, classes)
        self.box = nn.Linear(width, 4)

    def maps(self, pixel_values: Tensor) -> tuple[Tensor, Tensor]:
        """Return heat [n, h, w, classes], before the sigmoid, and boxes [n, h, w, 4], in float32 under autocast too.

        A box is where its centre lies from the middle of the cell, x and y, and the logarithm of width and height; all
        in cells.
        """
        stages = self.backbone(pixel_values).feature_maps
        top = self.lateral[-1](stages[-1])
        for stage, lateral in zip(reversed(stages[:-1]), reversed(self.lateral[:-1]), strict=True):
            top = functional.interpolate(top, size=stage.shape[-2:]) + lateral(stage)
        cells = self.tower(top).permute(0, 2, 3, 1)
        return self.heat(cells).float() + PRIOR, self.box(cells).float()

    def forward(self, pixel_values: Tensor, sizes: Tensor) -> dict[str, Tensor]:
        """Return `detections` [n, most boxes, 6]: those cells that are warmer than the cells around them.

        They are in the order of their cells: sorted by score, two that are alike would change places from one engine
        to another.

        Args:
            pixel_values: float [n, channels, size, size].
            sizes: float [n, 2], width and height of the original images.
        """
        heat, boxes = self.maps(pixel_values)
        rows, columns = heat.shape[1:3]
        heat = heat.permute(0, 3, 1, 2)
        peaks = torch.where(functional.max_pool2d(heat, 3, 1, 1) == heat, heat, heat - 1e3).flatten(1)
        chosen = peaks.topk(min(self.most, self.classes * rows * columns)).indices.sort(dim=1).values
        cells = chosen % (rows * columns)
        box = boxes.flatten(1, 2).gather(1, cells.unsqueeze(-1).expand(-1, -1, 4))
        middles = torch.stack([cells % columns, cells // columns], dim=-1) + 0.5 + box[..., :2]
        halves = box[..., 2:].exp() / 2
        grid = torch.tensor([columns, rows], dtype=box.dtype, device=box.device)
        corners = [(corner / grid).clamp(0, 1) * sizes.unsqueeze(1) for corner in (middles - halves, middles + halves)]
        labels = (chosen // (rows * columns)).to(box.dtype)
        scores = peaks.gather(1, chosen).sigmoid()
        return {"detections": torch.cat([*corners, labels.unsqueeze(-1), scores.unsqueeze(-1)], dim=-1)}

    def loss(self, pixel_values: Tensor, boxes: Tensor, labels: Tensor, images: Tensor) -> Tensor:
        """Return the focal loss of the heat and the absolute error of the boxes.

        Args:
            pixel_values: float [n, channels, size, size].
            boxes: float [m, 4], edges of all objects of the batch as shares of the image.
            labels: int64 [m].
            images: int64 [m], the place of each object's image in the batch.
        """
        heat, boxes_of_cells = self.maps(pixel_values)
        grid = heat.new_tensor([heat.shape[2], heat.shape[1]])
        middles, spans = (boxes[:, :2] + boxes[:, 2:]) / 2 * grid, (boxes[:, 2:] - boxes[:, :2]) * grid
        warmth = _warmth(middles, spans, heat.shape[1], heat.shape[2])
        wanted = torch.zeros_like(heat.permute(0, 3, 1, 2))
        wanted.index_put_((images, labels), warmth, accumulate=True)
        focal = _focal(heat, wanted.clamp(max=1).permute(0, 2, 3, 1))
        return (focal + _error(boxes_of_cells[images], warmth, middles, spans)) / max(1, len(labels))


def _block(width: int) -> list[nn.Module]:
    return [nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]


def _middles(rows: int, columns: int, like: Tensor) -> Tensor:
    """Return x and y of the middle of each cell [h, w, 2]."""
    y, x = (torch.arange(length, device=like.device) + 0.5 for length in (rows, columns))
    return torch.stack([x.expand(rows, -1), y.unsqueeze(1).expand(-1, columns)], dim=-1)


def _warmth(middles: Tensor, spans: Tensor, rows: int, columns: int) -> Tensor:
    """Return the heat of each object [m, h, w]: a bell around its centre, 1 in the cell that holds it."""
    spread = (SPREAD * spans).clamp(min=NARROWEST).view(-1, 1, 1, 2)
    cells = _middles(rows, columns, middles)
    holder = middles.floor() + 0.5
    away = (cells - holder.view(-1, 1, 1, 2)) / spread
    return (-away.square().sum(-1) / 2).exp()


def _focal(heat: Tensor, wanted: Tensor) -> Tensor:
    """Return the penalty-reduced focal loss (Law & Deng, 2018), summed."""
    chance = heat.sigmoid()
    here = (1 - chance).square() * functional.logsigmoid(heat) * (wanted == 1)
    elsewhere = chance.square() * functional.logsigmoid(-heat) * (1 - wanted) ** 4
    return -(here + elsewhere).sum()


def _error(boxes: Tensor, warmth: Tensor, middles: Tensor, spans: Tensor) -> Tensor:
    """Return the absolute errors of place and size around the centres, weighted so that each object counts once."""
    cells = _middles(warmth.shape[1], warmth.shape[2], middles)
    wanted = torch.cat([middles.view(-1, 1, 1, 2) - cells, spans.log().view(-1, 1, 1, 2).expand(-1, *cells.shape)], -1)
    weight = torch.where(warmth >= FAINT, warmth, torch.zeros_like(warmth))
    weight = weight / weight.sum((1, 2), keepdim=True)
    return ((boxes - wanted).abs().sum(-1) * weight).sum()
