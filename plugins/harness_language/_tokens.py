"""The base of networks over tokens: tokenizer, examples, batches and loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from harness.labelled import labelled
from harness.torch_learner import WEIGHTS, TorchLearner
from harness_language._codecs import TokenCodec, pad, read_description, train_words, write_description
from harness_language.passages import training_texts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tokenizers import Tokenizer

    from harness import Assignment


def classification_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean cross-entropy.

    Args:
        logits: [n, classes], or [n, 1] of a sigmoid for the second of two classes.
        labels: int64 [n].
    """
    if logits.shape[1] == 1:
        return functional.binary_cross_entropy_with_logits(logits[:, 0], labels.to(logits.dtype))
    return functional.cross_entropy(logits, labels)


def weights_below(prefix: str, start: Path) -> dict[str, Tensor]:
    """Return a pretraining's weights whose names have a prefix, by their names without it."""
    weights = load_file(start / WEIGHTS)
    return {name.removeprefix(prefix): weight for name, weight in weights.items() if name.startswith(prefix)}


def padded(rows: Sequence[Sequence[int]]) -> dict[str, Tensor]:
    """Return `input_ids` and `attention_mask`, int64 [n, longest]."""
    return {name: torch.from_numpy(array) for name, array in pad(rows).items()}


class TokenLearner(TorchLearner):
    """A network over token ids. An artifact holds its tokenizer and its description beside the weights."""

    codec_type: type[TokenCodec] = TokenCodec
    classifies = True
    """Whether its outputs are the data's classes."""

    def __init__(self, assignment: Assignment) -> None:
        """Seed and open the device; tokenizer and network are built at their first use."""
        super().__init__(assignment)
        self._codec: TokenCodec | None = None
        self._description: dict[str, Any] | None = None

    def train_tokenizer(self, texts: Sequence[str], vocabulary: int) -> Tokenizer:
        """Train the tokenizer on texts of the training split."""
        return train_words(texts, vocabulary)

    def codec(self) -> TokenCodec:
        """Return the codec: loaded, or with the pretraining's tokenizer, or with one trained on the training split."""
        if self._codec is None:
            start = self.assignment.start
            tokenizer = self._new_tokenizer() if start is None else TokenCodec.load(start).tokenizer
            # The pretraining's codec may have another max_length.
            self._codec = self.codec_type(tokenizer, self._settings("max_length"))
        return self._codec

    def _new_tokenizer(self) -> Tokenizer:
        return self.train_tokenizer(training_texts(self.assignment.data), self._settings("vocabulary"))

    def description(self) -> Mapping[str, Any]:
        """Return what `construct` builds the network from."""
        if self._description is None:
            self._description = {
                "size": self.assignment.size,
                "settings": dict(self.assignment.settings),
                "vocabulary": self.codec().vocabulary,
                "classes": len(labelled(self.assignment.data).classes) if self.classifies else 0,
                "stage": self.assignment.stage,
            }
        return self._description

    def untruncated_ids(self) -> list[list[int]]:
        """Return the token ids of the training split's texts, whole."""
        codec = self.codec()
        codec.tokenizer.no_truncation()
        texts = codec.ids(training_texts(self.assignment.data))
        codec.tokenizer.enable_truncation(codec.max_length)
        return texts

    def examples(self) -> Sequence[Any]:
        """Return (token ids, label) of the training split."""
        texts, labels = labelled(self.assignment.data).examples("train")
        return list(zip(self.codec().ids(texts), labels, strict=True))

    def length(self, example: Any) -> int:
        """Return the number of tokens."""
        return len(example[0])

    def collate(self, examples: Sequence[Any]) -> dict[str, Tensor]:
        """Pad to the longest of the batch."""
        labels = torch.tensor([label for _, label in examples])
        return padded([ids for ids, _ in examples]) | {"labels": labels}

    def consumed(self, batch: dict[str, Tensor]) -> dict[str, int]:
        """Return texts as samples, and tokens without padding."""
        return {"samples": len(batch["input_ids"]), "tokens": int(batch["attention_mask"].sum())}

    def loss(self, network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        """Return the cross-entropy of the classes."""
        logits = network(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])["logits"]
        return classification_loss(logits, batch["labels"])

    def write(self, folder: Path) -> None:
        """Write the tokenizer and the description."""
        self.codec().save(folder)
        write_description(folder, self.description())

    def read(self, folder: Path) -> None:
        """Read the tokenizer and the description."""
        self._codec = self.codec_type.load(folder)
        self._description = read_description(folder)
