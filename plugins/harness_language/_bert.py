"""BERT in small sizes: masked-language modelling on the training split's texts, then fine-tuning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertConfig
from transformers.models.bert.modeling_bert import BertModel, BertOnlyMLMHead

from harness import Unsupported
from harness_language._codecs import MASK_ID, PAD_ID, SPECIAL, train_wordpiece
from harness_language._tokens import TokenLearner, padded, weights_below

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tokenizers import Tokenizer


SIZES = {
    "tiny": {"num_hidden_layers": 2, "hidden_size": 128, "num_attention_heads": 2, "intermediate_size": 512},
    "small": {"num_hidden_layers": 4, "hidden_size": 256, "num_attention_heads": 4, "intermediate_size": 1024},
    "base": {"num_hidden_layers": 12, "hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3072},
}
MASKED = 0.15
"""Share of the tokens to predict; of these 80% become [MASK], 10% another token, 10% stay (Devlin et al., 2019)."""
IGNORED = -100
"""Target of tokens that the loss leaves out."""


def config(description: Mapping[str, Any]) -> BertConfig:
    """Return transformers' configuration for a description."""
    dropout = description["settings"]["dropout"]
    return BertConfig(
        vocab_size=description["vocabulary"],
        max_position_embeddings=512,
        pad_token_id=PAD_ID,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=0.0,  # with dropout torch does not fuse attention on CPU: half the speed
        attn_implementation="sdpa",
        **SIZES[description["size"]],
    )


class Classifier(nn.Module):
    """BERT's encoder, the mean over its tokens, and one dense layer.

    The mean replaces the [CLS] token, which masked-language modelling does not train.
    """

    def __init__(self, description: Mapping[str, Any]) -> None:
        """Build the layers."""
        super().__init__()
        shape = config(description)
        self.bert = BertModel(shape, add_pooling_layer=False)
        self.dropout = nn.Dropout(shape.hidden_dropout_prob)
        self.classifier = nn.Linear(shape.hidden_size, description["classes"])
        nn.init.normal_(self.classifier.weight, 0.0, shape.initializer_range)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Return `logits` [n, classes].

        Args:
            input_ids: int64 [n, s].
            attention_mask: int64 [n, s], 1 for tokens, 0 for padding.
        """
        states = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask.unsqueeze(-1).to(states.dtype)
        mean = (states * weights).sum(dim=1) / weights.sum(dim=1)
        return {"logits": self.classifier(self.dropout(mean))}


class MaskedLanguageModel(nn.Module):
    """BERT's encoder and its masked-language head, whose decoder is tied to the embedding."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        """Build the layers."""
        super().__init__()
        shape = config(description)
        self.bert = BertModel(shape, add_pooling_layer=False)
        self.cls = BertOnlyMLMHead(shape)
        self.cls.predictions.decoder.weight = self.bert.embeddings.word_embeddings.weight

    def forward(self, input_ids: Tensor, attention_mask: Tensor, chosen: Tensor) -> Tensor:
        """Return the logits [k, vocabulary] of the k tokens to predict.

        Args:
            input_ids: int64 [n, s].
            attention_mask: int64 [n, s].
            chosen: bool [n, s], true for the tokens to predict; skipping the others halves a small encoder's work.
        """
        states = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        logits: Tensor = self.cls(states[chosen])
        return logits


def sinusoids(count: int, width: int) -> Tensor:
    """Return the sinusoidal encoding of positions [count, width] (Vaswani et al., 2017, section 3.5)."""
    rates = 10000.0 ** (-torch.arange(0, width, 2) / width)
    angles = torch.arange(count).unsqueeze(1) * rates
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)


class BertLearner(TokenLearner):
    """Base of BERT's learners: WordPiece tokens."""

    def train_tokenizer(self, texts: Sequence[str], vocabulary: int) -> Tokenizer:
        """Train WordPiece."""
        return train_wordpiece(texts, vocabulary)

    def draw(self, network: nn.Module) -> None:
        """Draw the weights; with `positions: sinusoids` position embeddings become sinusoids of the same size.

        From noise a small network needs thousands of steps to learn the order of tokens.
        """
        super().draw(network)
        if self._settings("positions") == "noise":
            return
        positions = network.bert.embeddings.position_embeddings.weight
        with torch.no_grad():
            # The root mean square of a sinusoid is 1/sqrt(2).
            positions.copy_(positions.square().mean().sqrt() * 2**0.5 * sinusoids(*positions.shape))


class BertClassifier(BertLearner):
    """Classification: fine-tuning, or training from scratch without a pretraining."""

    def construct(self) -> nn.Module:
        """Return the network."""
        return Classifier(self.description())

    def transfer(self, network: nn.Module, start: Path) -> None:
        """Copy the pretraining's encoder."""
        network.bert.load_state_dict(weights_below("bert.", start), strict=True)


class BertPretraining(BertLearner):
    """Masked-language modelling of the training split's texts, cut into pieces of `max_length` tokens."""

    classifies = False

    def construct(self) -> nn.Module:
        """Return the network."""
        return MaskedLanguageModel(self.description())

    def examples(self) -> Sequence[Any]:
        """Return pieces of token ids that cover the texts, each from [CLS] to [SEP]."""
        length = self.codec().max_length
        return [piece for ids in self.untruncated_ids() for piece in _pieces(ids, length)]

    def length(self, example: Any) -> int:
        """Return the number of tokens."""
        return len(example)

    def collate(self, examples: Sequence[Any]) -> dict[str, Tensor]:
        """Pad, and mask other tokens in every batch."""
        batch = padded(examples)
        return batch | mask_tokens(batch["input_ids"], self.codec().vocabulary)

    def loss(self, network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        """Return the mean cross-entropy of the tokens to predict."""
        chosen = batch["targets"] != IGNORED
        logits = network(batch["input_ids"], batch["attention_mask"], chosen)
        return functional.cross_entropy(logits, batch["targets"][chosen])

    def terms(self, batch: dict[str, Tensor]) -> float:
        """Return the number of tokens to predict."""
        return int((batch["targets"] != IGNORED).sum())

    def predict(self, inputs: Sequence[Any]) -> Sequence[Any]:  # noqa: ARG002 - always unsupported
        """Raise: a pretrained encoder has no classes.

        Raises:
            Unsupported: always.
        """
        raise Unsupported("A pretrained BERT predicts masked tokens and no classes. Fine-tune it, then evaluate.")


def _pieces(ids: list[int], length: int) -> list[list[int]]:
    """Cut [CLS] … [SEP] into pieces of at most `length` tokens, each from [CLS] to [SEP]."""
    first, *inner, last = ids
    step = length - 2
    return [[first, *inner[i : i + step], last] for i in range(0, len(inner), step)]


def mask_tokens(ids: Tensor, vocabulary: int) -> dict[str, Tensor]:
    """Choose tokens to predict, and mask or replace most of them.

    Args:
        ids: int64 [n, s].
        vocabulary: number of tokens; the special tokens, which come first, are never chosen.

    Returns:
        `input_ids` after masking, and `targets`: the true id of a chosen token, `IGNORED` elsewhere. At least one token
        of the batch is chosen, if any is no special token.
    """
    draw = torch.where(ids >= len(SPECIAL), torch.rand(ids.shape), 2.0)
    chosen = (draw <= draw.min().clamp(min=MASKED)) & (draw < 1.0)
    fate = torch.rand(ids.shape)
    others = torch.randint(len(SPECIAL), vocabulary, ids.shape)
    masked = torch.where(chosen & (fate < 0.8), torch.full_like(ids, MASK_ID), ids)  # noqa: PLR2004 - the paper's shares
    masked = torch.where(chosen & (fate >= 0.9), others, masked)  # noqa: PLR2004
    return {"input_ids": masked, "targets": torch.where(chosen, ids, torch.full_like(ids, IGNORED))}
