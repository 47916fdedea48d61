"""Between texts or images and a checkpoint's arrays: its own tokenizer, its own image processor."""

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
    """Logits become a row of probabilities for each input."""

    def decode(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:  # type: ignore[override]  # an array is the sequence here
        """Return probabilities [n, classes]."""
        return np.asarray(softmax(arrays["logits"], axis=1))


class HfTextCodec(_Probabilities):
    """A checkpoint's tokenizer; longer texts are cut."""

    def __init__(self, tokenizer: Any) -> None:
        """Take a tokenizer with its `model_max_length`; where it has no padding, its end of text is padded with."""
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
        made = self.tokenizer(list(inputs), padding=True, truncation=True, return_tensors="np")
        return {name: np.asarray(made[name], dtype=np.int64) for name in ("input_ids", "attention_mask")}

    def save(self, folder: Path) -> None:
        """Write the tokenizer."""
        self.tokenizer.save_pretrained(folder)


class HfImageCodec(_Probabilities):
    """A checkpoint's image processor, with the channels that its network takes."""

    def __init__(self, processor: Any) -> None:
        """Take an image processor; the length of its mean says how many channels it makes."""
        self.processor = processor
        self.channels = len(processor.image_mean)

    @classmethod
    def of_checkpoint(cls, folder: CheckpointFolder) -> HfImageCodec:
        """Load the processor, or make the plain one: to the configuration's size, values from -1 to 1."""
        if (folder.path / PREPROCESSOR).is_file():
            return cls(AutoImageProcessor.from_pretrained(folder.path))
        size, channels = folder.config.get("image_size"), folder.config.get("num_channels", COLOUR)
        height, width = size if isinstance(size, list) else (size, size)
        made: dict[str, Any] = {"size": {"height": height, "width": width}} if size else {"do_resize": False}
        return cls(ViTImageProcessorPil(image_mean=[0.5] * channels, image_std=[0.5] * channels, **made))

    def encode(self, inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """Return `pixel_values`, float32 [n, channels, height, width], from uint8 images [height, width, channels]."""
        images = [_channels(image, self.channels) for image in inputs]
        made = self.processor(images=images, return_tensors="np", input_data_format="channels_last")
        return {"pixel_values": np.asarray(made["pixel_values"], dtype=np.float32)}

    def save(self, folder: Path) -> None:
        """Write the processor."""
        self.processor.save_pretrained(folder)


def _channels(image: np.ndarray, wanted: int) -> np.ndarray:
    image = image[..., None] if image.ndim == 2 else image  # noqa: PLR2004 - height and width alone
    if image.shape[-1] == wanted:
        return image
    return image.repeat(wanted, axis=-1) if image.shape[-1] == GREY else image.mean(-1, keepdims=True).astype(np.uint8)


def load_codec(folder: Path) -> HfTextCodec | HfImageCodec:
    """Load the codec of an artifact."""
    if (folder / PREPROCESSOR).is_file():
        return HfImageCodec(AutoImageProcessor.from_pretrained(folder))
    return HfTextCodec(AutoTokenizer.from_pretrained(folder))
