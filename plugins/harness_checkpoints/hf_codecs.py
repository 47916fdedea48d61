"""Pre- and postprocessing of a checkpoint: its tokenizer or image processor, and softmax."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import softmax
from transformers import AutoImageProcessor, AutoTokenizer
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil
from transformers.tokenization_utils_base import VERY_LARGE_INTEGER

from harness import Codec
from harness_checkpoints.folder import PREPROCESSOR, CheckpointFolder

GREY, COLOUR = 1, 3
PADDING = "padding.json"
READS_LAST = ("xlnet",)
"""Architectures that classify by the last position, also where that is padding. Their positions are relative."""
COUNTS_FROM_PADDING = (
    "camembert", "data2vec-text", "esm", "ibert", "layoutlmv3", "lilt", "longformer", "luke", "markuplm", "mpnet",
    "roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod",
)  # fmt: skip
"""Architectures whose first position has the number after that of the token to pad with."""
TRAINED_LENGTH = 128
"""Tokens read of a text in training, where the user does not say."""


class _Probabilities(Codec):
    """Postprocessing: softmax over the logits."""

    def decode(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:  # type: ignore[override]  # an array is the sequence here
        """Return probabilities [n, classes]."""
        return np.asarray(softmax(arrays["logits"], axis=1))


class HfTextCodec(_Probabilities):
    """A checkpoint's tokenizer; longer texts are truncated, shorter ones padded.

    Padding is done here: tokenizers may lack a token for it, or pad on the left, which shifts absolute positions, so
    that an answer would depend on its neighbours in the batch.
    """

    def __init__(self, tokenizer: Any, pad_id: int, side: str) -> None:
        """Take a tokenizer with its `model_max_length`, the token to pad with, and the side: `left` or `right`."""
        self.tokenizer = tokenizer
        self.readable: int = tokenizer.model_max_length
        """Tokens that tokenizer and network can read of a text."""
        self.pad_id = pad_id
        self._side = side

    @classmethod
    def of_checkpoint(cls, place: str, max_length: int, config: Any) -> HfTextCodec:
        """Load the tokenizer of a folder or a name on the hub, for a network of this configuration.

        Longer texts are cut to `max_length`, to what tokenizer and network can read if that is less, or if it is 0.

        The token to pad with is the network's, which may read it (RoBERTa counts positions by it, GPT-2 finds the last
        token by it), else the tokenizer's if no text holds it; else the first number beyond the vocabulary.
        """
        tokenizer = AutoTokenizer.from_pretrained(place)
        shape = config.get_text_config()
        in_texts = {getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos", "unk", "sep", "cls")}
        unused = None if tokenizer.pad_token_id in in_texts else tokenizer.pad_token_id
        tokens: Iterator[Any] = (
            one for one in (getattr(shape, "pad_token_id", None), unused) if one in range(shape.vocab_size)
        )
        pad_id = next(tokens, shape.vocab_size)
        tokenizer.model_max_length = min(tokenizer.model_max_length, positions(config, pad_id))
        codec = cls(tokenizer, pad_id, "left" if config.model_type in READS_LAST else "right")
        tokenizer.model_max_length = min(max_length or codec.readable, codec.readable)
        return codec

    def count_cut(self, texts: Sequence[str]) -> int:
        """Return how many texts have more tokens than are read."""
        if self.tokenizer.model_max_length >= VERY_LARGE_INTEGER:
            return 0
        more = self.tokenizer.model_max_length + 1
        rows = self.tokenizer(list(texts), truncation=True, max_length=more, return_attention_mask=False)["input_ids"]
        return sum(len(row) == more for row in rows)

    def encode(self, inputs: Sequence[str]) -> dict[str, np.ndarray]:
        """Return `input_ids` and `attention_mask`, int64 [n, longest]; an empty text is one token of padding."""
        encoded = self.tokenizer(list(inputs), truncation=True, return_attention_mask=False)["input_ids"]
        rows = [row or [self.pad_id] for row in encoded]
        longest = max(map(len, rows))
        ids = np.full((len(rows), longest), self.pad_id, dtype=np.int64)
        mask = np.zeros_like(ids)
        for number, row in enumerate(rows):
            place = slice(longest - len(row), longest) if self._side == "left" else slice(len(row))
            ids[number, place], mask[number, place] = row, 1
        return {"input_ids": ids, "attention_mask": mask}

    def save(self, folder: Path) -> None:
        """Write the tokenizer, and how to pad."""
        self.tokenizer.save_pretrained(folder)
        (folder / PADDING).write_text(json.dumps({"pad_id": self.pad_id, "side": self._side}), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> HfTextCodec:
        """Read what `save` wrote."""
        return cls(AutoTokenizer.from_pretrained(folder), **json.loads((folder / PADDING).read_text(encoding="utf-8")))


def positions(config: Any, pad_id: int) -> int:
    """Return how many tokens a network has positions for."""
    count = getattr(config.get_text_config(), "max_position_embeddings", None)
    if not isinstance(count, int) or count <= 0:  # XLNet says -1
        return int(VERY_LARGE_INTEGER)
    return count - pad_id - 1 if config.model_type in COUNTS_FROM_PADDING else count


class HfImageCodec(_Probabilities):
    """A checkpoint's image processor, for images with any number of channels."""

    def __init__(self, processor: Any) -> None:
        """Take an image processor."""
        self.processor = processor
        self.channels = len(processor.image_mean)  # a mean for each channel of the network

    @classmethod
    def of_checkpoint(cls, folder: CheckpointFolder) -> HfImageCodec:
        """Load the processor; without one, resize to the configuration's size and scale values to -1 … 1."""
        if folder.has_image_processor:
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
    return HfTextCodec.load(folder)
