"""What the networks that read tokens share: a tokenizer of the training split, examples, batches and a loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.labelled import labelled
from harness.torch_learner import TorchLearner
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
        logits: [n, classes], or [n, 1] for the sigmoid of two classes.
        labels: int64 [n].
    """
    if logits.shape[1] == 1:
        return functional.binary_cross_entropy_with_logits(logits[:, 0], labels.to(logits.dtype))
    return functional.cross_entropy(logits, labels)


class TokenLearner(TorchLearner):
    """A network over token ids. What rebuilds it (its description) and the tokenizer lie beside the weights."""

    coded_by: type[TokenCodec] = TokenCodec
    """The codec of its inputs and outputs."""

    def __init__(self, assignment: Assignment) -> None:
        """Seed and open the device; tokenizer and network are made when they are first needed."""
        super().__init__(assignment)
        self._codec: TokenCodec | None = None
        self._description: dict[str, Any] | None = None

    def train_tokenizer(self, texts: Sequence[str], vocabulary: int) -> Tokenizer:
        """Train the tokenizer on texts of the training split."""
        return train_words(texts, vocabulary)

    def codec(self) -> TokenCodec:
        """Return the codec: loaded, or with the pretraining's tokenizer, or with one of the training split."""
        if self._codec is None:
            start = self.assignment.start
            tokenizer = self._trained() if start is None else TokenCodec.load(start).tokenizer
            self._codec = self.coded_by(tokenizer, self._settings("max_length"))  # pretraining may cut elsewhere
        return self._codec

    def _trained(self) -> Tokenizer:
        return self.train_tokenizer(training_texts(self.assignment.data), self._settings("vocabulary"))

    def description(self) -> Mapping[str, Any]:
        """Return what `network` builds from: vocabulary, classes, size and the settings that shape it."""
        if self._description is None:
            shape = {"size": self.assignment.size, "settings": dict(self.assignment.settings)}
            counts = {"vocabulary": self.codec().vocabulary, "classes": self.class_count()}
            self._description = shape | counts | {"stage": self.assignment.stage}
        return self._description

    def class_count(self) -> int:
        """Return how many classes there are."""
        return len(labelled(self.assignment.data).classes)

    def examples(self) -> Sequence[Any]:
        """Return (token ids, label) of the training split."""
        texts, labels = labelled(self.assignment.data).examples("train")
        return list(zip(self.codec().ids(texts), labels, strict=True))

    def length(self, example: Any) -> int:
        """Return the number of tokens."""
        return len(example[0])

    def collate(self, examples: Sequence[Any]) -> dict[str, Tensor]:
        """Pad to the longest of the batch."""
        batch = {name: torch.from_numpy(array) for name, array in pad([ids for ids, _ in examples]).items()}
        return batch | {"labels": torch.tensor([label for _, label in examples])}

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
        self._codec = self.coded_by.load(folder)
        self._description = read_description(folder)
