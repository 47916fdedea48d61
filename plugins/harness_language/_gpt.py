"""GPT in small sizes: causal language modelling, and classification on top of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional
from transformers import GPT2Config, GPT2Model

from harness import Learner
from harness_language._codecs import CostCodec, TokenCodec, train_byte_pairs
from harness_language._tokens import TokenLearner, padded, weights_below

SIZES = {
    "tiny": {"n_layer": 2, "n_embd": 128, "n_head": 2},
    "small": {"n_layer": 4, "n_embd": 256, "n_head": 4},
    "base": {"n_layer": 12, "n_embd": 768, "n_head": 12},
}
POSITIONS = 512
"""Most tokens of a sequence."""


class Decoder(nn.Module):
    """GPT-2's blocks; the output layer is tied to the embedding."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        """Build the layers."""
        super().__init__()
        dropout = description["settings"]["dropout"]
        shape = GPT2Config(
            vocab_size=description["vocabulary"], n_positions=POSITIONS, bos_token_id=None, eos_token_id=None,
            resid_pdrop=dropout, embd_pdrop=dropout, attn_pdrop=0.0, use_cache=False, **SIZES[description["size"]],
        )  # fmt: skip
        self.gpt = GPT2Model(shape)

    def states(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the last layer's states [n, s, width]."""
        states: Tensor = self.gpt(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return states

    def costs(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return the negative log-likelihood of each token in nats, and its mask: both [n, s - 1]."""
        states = self.states(input_ids, attention_mask)[:, :-1]
        logits = functional.linear(states, self.gpt.wte.weight)
        costs = functional.cross_entropy(logits.transpose(1, 2), input_ids[:, 1:], reduction="none")
        return costs, attention_mask[:, 1:]

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Return `nats` [n]: the negative log-likelihood of each passage, without its end token.

        Args:
            input_ids: int64 [n, s]: [CLS], tokens, [SEP], padding.
            attention_mask: int64 [n, s].
        """
        costs, mask = self.costs(input_ids, attention_mask)
        inner = functional.pad(mask[:, 1:], (0, 1))  # a token that another one follows is not the end
        return {"nats": (costs * inner).sum(dim=1)}


class Classifier(Decoder):
    """GPT-2's blocks, the mean of their states, and one dense layer."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        """Build the layers."""
        super().__init__(description)
        self.dropout = nn.Dropout(description["settings"]["dropout"])
        self.classifier = nn.Linear(self.gpt.config.n_embd, description["classes"])

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Return `logits` [n, classes]."""
        weights = attention_mask.unsqueeze(-1).to(self.classifier.weight.dtype)
        mean = (self.states(input_ids, attention_mask) * weights).sum(dim=1) / weights.sum(dim=1)
        return {"logits": self.classifier(self.dropout(mean))}


class _GptLearner(TokenLearner):
    """Base of GPT's learners: byte pairs."""

    def train_tokenizer(self, texts: Sequence[str], vocabulary: int) -> Tokenizer:
        """Train byte-pair encoding."""
        return train_byte_pairs(texts, vocabulary)

    def transfer(self, network: nn.Module, start: Path) -> None:
        """Copy the pretraining's blocks."""
        network.gpt.load_state_dict(weights_below("gpt.", start), strict=True)


class GptLanguageModel(_GptLearner):
    """Next-token prediction: the pretraining, and the task of language modelling."""

    classifies = False

    def construct(self) -> nn.Module:
        """Return the network."""
        return Decoder(self.description())

    def codec(self) -> TokenCodec:
        """Return the codec; it reads up to `POSITIONS` tokens, so that passages are evaluated whole."""
        return CostCodec(super().codec().tokenizer, POSITIONS)

    def examples(self) -> Sequence[Any]:
        """Return pieces of `max_length` token ids that cover the texts, each from [CLS] to [SEP]."""
        step = self._settings("max_length") - 2
        texts = self.untruncated_ids()
        return [[ids[0], *ids[i : i + step], ids[-1]] for ids in texts for i in range(1, len(ids) - 1, step)]

    def length(self, example: Any) -> int:
        """Return the number of tokens."""
        return len(example)

    def collate(self, examples: Sequence[Any]) -> dict[str, Tensor]:
        """Pad to the longest of the batch."""
        return padded(examples)

    def loss(self, network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        """Return the mean cross-entropy of a token in nats."""
        costs, mask = network.costs(**batch)
        return (costs * mask).sum() / mask.sum()

    def terms(self, batch: dict[str, Tensor]) -> float:
        """Return the number of tokens that are predicted."""
        return int(batch["attention_mask"][:, 1:].sum())


class GptClassifier(_GptLearner):
    """Classification: fine-tuning, or training from scratch without a pretraining."""

    def construct(self) -> nn.Module:
        """Return the network."""
        return Classifier(self.description())


def learner(assignment: Any) -> Learner:
    """Return the learner for an assignment's stage and data."""
    classifies = assignment.stage == "finetune" and hasattr(assignment.data, "classes")
    return GptClassifier(assignment) if classifies else GptLanguageModel(assignment)
