"""Transformers' RT-DETR (Zhao et al., 2024) in small sizes, with its loss.

Boxes are matched with objects by the Hungarian method, so that no non-maximum suppression is needed. In training the
network also denoises boxes that were shifted on purpose: without this, so small a network learns far too slowly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from transformers import RTDetrConfig, RTDetrForObjectDetection, RTDetrResNetConfig

SHIFTED = 40
"""Denoising queries of an image in training."""
HEADS = 4


class RtDetr(nn.Module):
    """Turns pixels into detections, with boxes in the original image's pixels."""

    def __init__(self, size: str, settings: Mapping[str, Any], channels: int, classes: int) -> None:
        """Build the layers."""
        super().__init__()
        self.network = RTDetrForObjectDetection(_config(size, settings["most_boxes"], channels, classes))
        for layer in self.network.modules():
            if isinstance(layer, nn.Conv2d | nn.BatchNorm2d):
                # transformers draws N(0, 0.01) for both, as it expects to load weights afterwards. Norms that scale by
                # 0.01 leave no signal to train on.
                layer.reset_parameters()

    def forward(self, pixel_values: Tensor, sizes: Tensor) -> dict[str, Tensor]:
        """Return `detections` [n, most boxes, 6], in the order of the cells that proposed them.

        The network orders them by score, in which two nearly equal ones could swap from one engine to another.

        Args:
            pixel_values: float [n, channels, size, size].
            sizes: float [n, 2], width and height of the original images.
        """
        outputs = self.network(pixel_values=pixel_values)
        middles, halves = outputs.pred_boxes[..., :2], outputs.pred_boxes[..., 2:] / 2
        corners = [corner.clamp(0, 1) * sizes.unsqueeze(1) for corner in (middles - halves, middles + halves)]
        scores, labels = outputs.logits.sigmoid().max(-1, keepdim=True)
        detections = torch.cat([*corners, labels.to(scores.dtype), scores], dim=-1)
        order = _cells(outputs.enc_outputs_class, detections.shape[1]).argsort(dim=1)
        return {"detections": detections.gather(1, order.unsqueeze(-1).expand(-1, -1, detections.shape[2]))}

    def loss(self, pixel_values: Tensor, boxes: Tensor, labels: Tensor, images: Tensor) -> Tensor:
        """Return transformers' loss, of classes, edges and overlaps.

        Args:
            pixel_values: float [n, channels, size, size].
            boxes: float [m, 4], edges of all objects of the batch as shares of the image.
            labels: int64 [m].
            images: int64 [m], the place of each object's image in the batch.
        """
        middles, spans = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
        counts = torch.bincount(images, minlength=len(pixel_values)).tolist()
        parts = zip(labels.split(counts), torch.cat([middles, spans], dim=1).split(counts), strict=True)
        truths = [{"class_labels": names, "boxes": places} for names, places in parts]
        loss: Tensor = self.network(pixel_values=pixel_values, labels=truths).loss
        return loss


def _cells(proposals: Tensor, boxes: int) -> Tensor:
    """Return the cells [n, boxes] of the best proposals [n, cells, classes], chosen as in RT-DETR."""
    cells: Tensor = proposals.max(-1).values.topk(boxes, dim=1).indices
    return cells


def _config(size: str, boxes: int, channels: int, classes: int) -> RTDetrConfig:
    width, layers, depth = {"tiny": (64, 2, 1), "small": (128, 3, 2), "base": (256, 6, 2)}[size]
    stages = [width // 2, width, 2 * width]  # at a quarter, an eighth and a sixteenth of the image's size
    body = RTDetrResNetConfig(
        num_channels=channels, embedding_size=stages[0], hidden_sizes=stages, depths=[depth] * len(stages),
        layer_type="basic", out_features=["stage1", "stage2", "stage3"],
    )  # fmt: skip
    return RTDetrConfig(
        backbone_config=body, freeze_backbone_batch_norms=False, encoder_in_channels=stages, feat_strides=[4, 8, 16],
        encoder_hidden_dim=width, encoder_ffn_dim=2 * width, encoder_attention_heads=HEADS, encode_proj_layers=[2],
        hidden_expansion=0.5, d_model=width, decoder_in_channels=[width] * len(stages), decoder_ffn_dim=2 * width,
        decoder_layers=layers, decoder_attention_heads=HEADS, num_queries=boxes, num_denoising=SHIFTED,
        num_labels=classes,
    )  # fmt: skip
