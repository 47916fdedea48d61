"""BERT in small sizes: masked-language pretraining on the training split's texts, then fine-tuning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertConfig
from transformers.models.bert.modeling_bert import BertModel, BertOnlyMLMHead

from harness import Unsupported
from harness.torch_learner import WEIGHTS
from harness_language._codecs import MASK_ID, PAD_ID, SPECIAL, pad, train_wordpiece
from harness_language._tokens import TokenLearner
from harness_language.passages import training_texts

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
"""Share of the tokens to be guessed; of these 80% become [MASK], 10% another token, 10% stay (Devlin et al., 2019)."""
IGNORED = -100


def config(description: Mapping[str, Any]) -> BertConfig:
    """Return transformers' configuration of a description."""
    dropout = description["settings"]["dropout"]
    return BertConfig(
        vocab_size=description["vocabulary"],
        max_position_embeddings=512,
        pad_token_id=PAD_ID,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=0.0,  # otherwise torch leaves its fused attention on CPU, at half the speed
        attn_implementation="sdpa",
        **SIZES[description["size"]],
    )


class Classifier(nn.Module):
    """BERT's encoder, the mean over its tokens, and one dense layer.

    The mean instead of the [CLS] token: masked-language pretraining alone teaches [CLS] nothing.
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
            attention_mask: int64 [n, s], 1 where a token stands.
        """
        states = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask.unsqueeze(-1).to(states.dtype)
        mean = (states * weights).sum(dim=1) / weights.sum(dim=1)
        return {"logits": self.classifier(self.dropout(mean))}


class MaskedLanguageModel(nn.Module):
    """BERT's encoder and its masked-language head, whose decoder is the embedding (tied)."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        """Build the layers and tie the decoder."""
        super().__init__()
        shape = config(description)
        self.bert = BertModel(shape, add_pooling_layer=False)
        self.cls = BertOnlyMLMHead(shape)
        self.cls.predictions.decoder.weight = self.bert.embeddings.word_embeddings.weight

    def forward(self, input_ids: Tensor, attention_mask: Tensor, chosen: Tensor) -> Tensor:
        """Return the logits [chosen, vocabulary] of the tokens to be guessed.

        Args:
            input_ids: int64 [n, s].
            attention_mask: int64 [n, s].
            chosen: bool [n, s]; only their logits are computed, which halves the work for a small encoder.
        """
        states = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        logits: Tensor = self.cls(states[chosen])
        return logits


def sinusoids(count: int, width: int) -> Tensor:
    """Return sines and cosines of positions [count, width] (Vaswani et al., 2017, section 3.5)."""
    rates = 10000.0 ** (-torch.arange(0, width, 2) / width)
    angles = torch.arange(count).unsqueeze(1) * rates
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)


class BertLearner(TokenLearner):
    """Reads WordPiece tokens with BERT's encoder."""

    def train_tokenizer(self, texts: Sequence[str], vocabulary: int) -> Tokenizer:
        """Train WordPiece."""
        return train_wordpiece(texts, vocabulary)

    def draw(self, network: nn.Module) -> None:
        """Draw the weights; with `positions: sinusoids` those of positions are sinusoids, as large as what was drawn.

        From noise a small network needs thousands of steps to find out which token stands before which.
        """
        super().draw(network)
        if self._settings("positions") == "noise":
            return
        positions = network.bert.embeddings.position_embeddings.weight
        with torch.no_grad():
            positions.copy_(positions.square().mean().sqrt() * 2**0.5 * sinusoids(*positions.shape))


class BertClassifier(BertLearner):
    """Fine-tuning, or training from scratch where there was no pretraining."""

    def construct(self) -> nn.Module:
        """Return the network in its shape."""
        return Classifier(self.description())

    def transfer(self, network: nn.Module, start: Path) -> None:
        """Take over the pretraining's encoder, all of it."""
        weights = load_file(start / WEIGHTS)
        encoder = {name.removeprefix("bert."): weight for name, weight in weights.items() if name.startswith("bert.")}
        network.bert.load_state_dict(encoder, strict=True)


class BertPretraining(BertLearner):
    """Guessing masked tokens in the training split's texts, cut into pieces of `max_length` tokens."""

    def class_count(self) -> int:
        """Return 0: there are no classes."""
        return 0

    def construct(self) -> nn.Module:
        """Return the network in its shape."""
        return MaskedLanguageModel(self.description())

    def examples(self) -> Sequence[Any]:
        """Return pieces of token ids that cover the texts, each between [CLS] and [SEP]."""
        codec = self.codec()
        codec.tokenizer.no_truncation()
        whole = codec.ids(training_texts(self.assignment.data))
        codec.tokenizer.enable_truncation(codec.max_length)
        return [piece for ids in whole for piece in _pieces(ids, codec.max_length)]

    def length(self, example: Any) -> int:
        """Return the number of tokens."""
        return len(example)

    def collate(self, examples: Sequence[Any]) -> dict[str, Tensor]:
        """Pad, and choose and mask the tokens to be guessed anew for every batch."""
        batch = {name: torch.from_numpy(array) for name, array in pad(examples).items()}
        return batch | mask_tokens(batch["input_ids"], self.codec().vocabulary)

    def loss(self, network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        """Return the mean cross-entropy of the tokens to be guessed."""
        chosen = batch["targets"] != IGNORED
        logits = network(batch["input_ids"], batch["attention_mask"], chosen)
        return functional.cross_entropy(logits, batch["targets"][chosen])

    def predict(self, inputs: Sequence[Any]) -> Sequence[Any]:  # noqa: ARG002 - it refuses whatever comes
        """Refuse: what was pretrained only knows no classes.

        Raises:
            Unsupported: always.
        """
        raise Unsupported(
            "A pretrained BERT guesses masked tokens and knows no classes yet. Fine-tune it, then evaluate."
        )


def _pieces(ids: list[int], length: int) -> list[list[int]]:
    """Cut [CLS] … [SEP] into pieces of at most `length` tokens, each between the same two."""
    first, *inner, last = ids
    step = length - 2
    return [[first, *inner[i : i + step], last] for i in range(0, len(inner), step)]


def mask_tokens(ids: Tensor, vocabulary: int) -> dict[str, Tensor]:
    """Choose tokens to be guessed and hide most of them.

    Args:
        ids: int64 [n, s].
        vocabulary: number of tokens; the first ones are the special tokens, which are never chosen.

    Returns:
        `input_ids` with the chosen tokens hidden, and `targets` with the true ids where chosen and `IGNORED` elsewhere.
        At least one token is chosen wherever there is one that may be.
    """
    draw = torch.where(ids >= len(SPECIAL), torch.rand(ids.shape), 2.0)
    chosen = (draw <= draw.min().clamp(min=MASKED)) & (draw < 1.0)
    fate = torch.rand(ids.shape)
    others = torch.randint(len(SPECIAL), vocabulary, ids.shape)
    hidden = torch.where(chosen & (fate < 0.8), torch.full_like(ids, MASK_ID), ids)  # noqa: PLR2004 - the paper's shares
    hidden = torch.where(chosen & (fate >= 0.9), others, hidden)  # noqa: PLR2004
    return {"input_ids": hidden, "targets": torch.where(chosen, ids, torch.full_like(ids, IGNORED))}
