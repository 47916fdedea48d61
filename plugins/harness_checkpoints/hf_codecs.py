"""Pre- and postprocessing of a checkpoint: its tokenizer or image processor, and softmax."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import softmax
from transformers import AutoImageProcessor, AutoTokenizer
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from harness import Codec
from harness_checkpoints.folder import PREPROCESSOR, CheckpointFolder

GREY, COLOUR = 1, 3


class _Probabilities(Codec):
    """Postprocessing: softmax over the logits."""

    def decode(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:  # type: ignore[override]  # an array is the sequence here
        """Return probabilities [n, classes]."""
        return np.asarray(softmax(arrays["logits"], axis=1))


class HfTextCodec(_Probabilities):
    """A checkpoint's tokenizer; longer texts are truncated."""

    def __init__(self, tokenizer: Any) -> None:
        """Take a tokenizer with its `model_max_length`; without a padding token (GPT-2) pad with its end of text."""
        self.tokenizer = tokenizer
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token

    @classmethod
    def of_checkpoint(cls, place: str, max_length: int) -> HfTextCodec:
        """Load the tokenizer of a folder or a name on the hub."""
        tokenizer = AutoTokenizer.from_pretrained(place)
        tokenizer.model_max_length = min(max_length, tokenizer.model_max_length)
        return cls(tokenizer)

    def encode(self, inputs: Sequence[str]) -> dict[str, np.ndarray]:
        """Return `input_ids` and `attention_mask`, int64 [n, longest]."""
        encoded = self.tokenizer(list(inputs), padding=True, truncation=True, return_tensors="np")
        return {name: np.asarray(encoded[name], dtype=np.int64) for name in ("input_ids", "attention_mask")}

    def save(self, folder: Path) -> None:
        """Write the tokenizer."""
        self.tokenizer.save_pretrained(folder)


class HfImageCodec(_Probabilities):
    """A checkpoint's image processor, for images with any number of channels."""

    def __init__(self, processor: Any) -> None:
        """Take an image processor."""
        self.processor = processor
        self.channels = len(processor.image_mean)  # a mean for each channel of the network

    @classmethod
    def of_checkpoint(cls, folder: CheckpointFolder) -> HfImageCodec:
        """Load the processor; without one, resize to the configuration's size and scale values to -1 … 1."""
        if (folder.path / PREPROCESSOR).is_file():
            return cls(AutoImageProcessor.from_pretrained(folder.path))
        size, channels = folder.config.get("image_size"), folder.config.get("num_channels", COLOUR)
        height, width = size if isinstance(size, list) else (size, size)
        resize: dict[str, Any] = {"size": {"height": height, "width": width}} if size else {"do_resize": False}
        return cls(ViTImageProcessorPil(image_mean=[0.5] * channels, image_std=[0.5] * channels, **resize))

    def encode(self, inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """Return `pixel_values`, float32 [n, channels, height, width], from uint8 images [height, width, channels]."""
        images = [_with_channels(image, self.channels) for image in inputs]
        processed = self.processor(images=images, return_tensors="np", input_data_format="channels_last")
        return {"pixel_values": np.asarray(processed["pixel_values"], dtype=np.float32)}

    def save(self, folder: Path) -> None:
        """Write the processor."""
        self.processor.save_pretrained(folder)


def _with_channels(image: np.ndarray, count: int) -> np.ndarray:
    """Return an image as [height, width, count]: grey is repeated, colour is averaged."""
    image = image[..., None] if image.ndim == 2 else image  # noqa: PLR2004 - height and width alone
    if image.shape[-1] == count:
        return image
    return image.repeat(count, axis=-1) if image.shape[-1] == GREY else image.mean(-1, keepdims=True).astype(np.uint8)


def load_codec(folder: Path) -> HfTextCodec | HfImageCodec:
    """Load the codec of an artifact."""
    if (folder / PREPROCESSOR).is_file():
        return HfImageCodec(AutoImageProcessor.from_pretrained(folder))
    return HfTextCodec(AutoTokenizer.from_pretrained(folder))
