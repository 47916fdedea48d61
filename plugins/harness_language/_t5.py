"""T5 in small sizes: span corruption on the task's texts, then translation, or question answering as generation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_model
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import Cache, EncoderDecoderCache, T5Config, T5ForConditionalGeneration
from transformers.cache_utils import DynamicLayer
from transformers.models.t5.modeling_t5 import T5Attention, T5LayerNorm

from harness import Data, Learner, Unsupported
from harness.torch_learner import WEIGHTS
from harness_language._codecs import END_ID, PAD_ID, SPAN_IDS, TranslationCodec, question_prompt, train_pieces
from harness_language._tokens import TokenLearner, padded
from harness_language.passages import training_texts
from harness_language.questions import QuestionData
from harness_language.translations import translation_data

SIZES = {
    "tiny": {"d_model": 128, "d_kv": 32, "d_ff": 256, "num_layers": 2, "num_heads": 4},
    "small": {"d_model": 256, "d_kv": 64, "d_ff": 1024, "num_layers": 4, "num_heads": 4},
}
CORRUPTED = 0.15
"""Share of the tokens that are cut out, in spans of `MEAN_SPAN` tokens on average (Raffel et al., 2020)."""
MEAN_SPAN = 3
IGNORED = -100
"""Label of padding, which the loss leaves out."""
BIAS_STD = 2.0
"""Standard deviation of the initial relative attention biases, so that each head prefers some distances.

With T5's own 1/sqrt(d_model) heads ignore positions for hundreds of steps, and digits are written in the wrong order.
"""


class Translator(nn.Module):
    """T5 with greedy decoding, written so that it can be exported."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        """Build the layers."""
        super().__init__()
        settings = description["settings"]
        shape = T5Config(
            vocab_size=description["vocabulary"], dropout_rate=settings["dropout"], pad_token_id=PAD_ID,
            eos_token_id=END_ID, decoder_start_token_id=PAD_ID,
            attn_implementation="eager",  # fused kernels cannot be exported
            **SIZES[description["size"]],
        )  # fmt: skip
        self.t5 = _with_wide_distance_biases(_with_torch_norms(T5ForConditionalGeneration(shape)))
        self.longest = settings["max_new_tokens"]

    def loss(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> Tensor:
        """Return the mean cross-entropy of the answers' tokens.

        Args:
            input_ids: int64 [n, s].
            attention_mask: int64 [n, s].
            labels: int64 [n, t], `IGNORED` for padding.
        """
        loss: Tensor = self.t5(input_ids=input_ids, attention_mask=attention_mask, labels=labels, use_cache=False).loss
        return loss

    def forward(self, input_ids: Tensor, attention_mask: Tensor, at_most: Tensor) -> dict[str, Tensor]:
        """Return `tokens`, int64 [n, max_new_tokens]: the answers, each with its end token, then padding.

        A token is a token, whatever the network's numbers are: their means in `activations`, [n], tell that they are.

        Keys and values are cached, so that each step reads one token. In an export the steps are a loop of the graph.

        Args:
            input_ids: int64 [n, s].
            attention_mask: int64 [n, s].
            at_most: int64 [n], most tokens of an answer; the largest one ends the loop for the whole batch.
        """
        states = self.t5.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        cross = self._cross_keys_values(states)
        shape = self.t5.config
        buffer = states.new_zeros(2, shape.num_layers, states.shape[0], shape.num_heads, self.longest, shape.d_kv)
        tokens = input_ids.new_full((states.shape[0], self.longest + 1), PAD_ID)

        def unfinished(length: Tensor, tokens: Tensor, buffer: Tensor) -> Tensor:  # noqa: ARG001 - both take all state
            return (length < self.longest) & (length < at_most.max()) & ~(tokens == END_ID).any(dim=1).all()

        def step(length: Tensor, tokens: Tensor, buffer: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            return self._decode_step(length, tokens, buffer, (states, attention_mask, cross))

        state = (input_ids.new_zeros(()), tokens, buffer)
        if torch.compiler.is_compiling():
            state = torch.while_loop(unfinished, step, state)
        else:
            while unfinished(*state):
                state = step(*state)
        activations = states.float().mean(dim=(1, 2)) + state[2].float().mean(dim=(0, 1, 3, 4, 5))
        return {"tokens": state[1][:, 1:], "activations": activations}

    def _cross_keys_values(self, states: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return each layer's keys and values of cross-attention; they are the same in all steps."""
        layers = []
        for block in self.t5.decoder.block:
            attention = block.layer[1].EncDecAttention
            shape = (*states.shape[:2], attention.n_heads, attention.key_value_proj_dim)
            keys, values = (projection(states).view(shape).transpose(1, 2) for projection in (attention.k, attention.v))
            layers.append((keys, values))
        return layers

    def _decode_step(
        self, length: Tensor, tokens: Tensor, buffer: Tensor, source: Any
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Append a token to each answer and return the new state.

        Args:
            length: int64 [], the number of tokens so far.
            tokens: int64 [n, longest + 1], the start token and the answers.
            buffer: float [2, layers, n, heads, longest, d], their keys and values.
            source: the encoder's states, its mask, and the keys and values of cross-attention.
        """
        states, attention_mask, cross = source
        cache = _DecoderCache(buffer, length)
        positions = torch.arange(self.longest + 1, device=tokens.device)
        state = self.t5.decoder(
            input_ids=tokens.index_select(1, length.view(1)),
            attention_mask=_additive_mask(positions[:-1] <= length, states).expand(tokens.shape[0], 1, 1, -1),
            encoder_hidden_states=states,
            encoder_attention_mask=_additive_mask(attention_mask.bool(), states),
            past_key_values=_caches(cache, cross),
            use_cache=True,
        ).last_hidden_state
        if self.t5.config.scale_decoder_outputs:
            state = state * self.t5.config.d_model**-0.5
        best = self.t5.lm_head(state).argmax(dim=-1)
        ended = (tokens == END_ID).any(dim=1, keepdim=True)
        best = torch.where(ended, PAD_ID, best)
        return length + 1, torch.where(positions == length + 1, best, tokens), cache.buffer()


def _additive_mask(visible: Tensor, states: Tensor) -> Tensor:
    """Return a mask to add to attention scores, [n, 1, 1, s]: 0 where `visible`, bool [n, s] or [s], else very low."""
    hidden = states.new_full((), torch.finfo(states.dtype).min)
    return torch.where(visible, states.new_zeros(()), hidden).view(-1, 1, 1, visible.shape[-1])


class _DecoderCache(Cache):
    """Keys and values of self-attention in a buffer of fixed size; an export's loop cannot change it in place."""

    def __init__(self, buffer: Tensor, length: Tensor) -> None:
        """Take the buffer [2, layers, n, heads, longest, d] and the number of tokens in it."""
        super().__init__(layers=[])
        self._buffer = buffer
        self._length = length
        self._new: list[Tensor] = []

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *_: Any, **__: Any
    ) -> tuple[Tensor, Tensor]:
        """Return a layer's keys and values, with those of the new token."""
        new = torch.stack([key_states, value_states])
        is_new = torch.arange(self._buffer.shape[-2], device=new.device).view(-1, 1) == self._length
        updated = torch.where(is_new, new, self._buffer[:, layer_idx])
        self._new.append(updated)
        return updated[0], updated[1]

    def get_seq_length(self, layer_idx: int = 0) -> Any:  # noqa: ARG002 - all layers are equally long
        """Return the number of tokens."""
        return self._length

    def __len__(self) -> int:
        """Return the number of layers."""
        return int(self._buffer.shape[1])

    def buffer(self) -> Tensor:
        """Return the buffer, with the new token."""
        return torch.stack(self._new, dim=1)


def _caches(decoder: _DecoderCache, cross: Sequence[tuple[Tensor, Tensor]]) -> EncoderDecoderCache:
    """Return transformers' cache of self-attention and cross-attention."""
    layers = []
    for keys, values in cross:
        layer = DynamicLayer()
        layer.keys, layer.values, layer.is_initialized = keys, values, True  # `update` cannot be exported in a loop
        layers.append(layer)
    return EncoderDecoderCache(decoder, Cache(layers=layers))


def _with_torch_norms(network: nn.Module) -> nn.Module:
    """Replace T5's norms by torch's of the same formula, which `initialise` leaves at 1."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, T5LayerNorm):
                setattr(module, name, nn.RMSNorm(child.weight.shape[0], eps=child.variance_epsilon))
    return network


def _with_wide_distance_biases(network: nn.Module) -> nn.Module:
    """Draw the relative attention biases with `BIAS_STD`."""
    for module in network.modules():
        if isinstance(module, T5Attention) and module.has_relative_attention_bias:
            nn.init.normal_(module.relative_attention_bias.weight, 0.0, BIAS_STD)
    return network


class _T5Learner(TokenLearner):
    """Base of T5's learners: characters of scripts without spaces, pieces of words in others."""

    classifies = False

    codec_type = TranslationCodec

    def optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        """Return Adafactor (Shazeer & Stern, 2018), as T5 uses it: its steps are in proportion to a matrix's size.

        T5 draws embeddings with a standard deviation of 1 and queries with 1/sqrt(d_model d_kv). No step of one size
        suits both.
        """
        rate, decay = self._settings("learning_rate"), self._settings("weight_decay")
        return torch.optim.Adafactor(network.parameters(), lr=rate, weight_decay=decay)

    def _new_tokenizer(self) -> Tokenizer:
        return train_pieces(training_texts(self.assignment.data), self._settings("pieces"))

    def construct(self) -> nn.Module:
        """Return the network."""
        return Translator(self.description())

    def length(self, example: Any) -> int:
        """Return the number of tokens of source and answer."""
        return len(example[0]) + len(example[1])

    def collate(self, examples: Sequence[Any]) -> dict[str, Tensor]:
        """Pad to the longest of the batch."""
        batch, answers = padded([source for source, _ in examples]), padded([answer for _, answer in examples])
        return batch | {"labels": answers["input_ids"].masked_fill(answers["attention_mask"] == 0, IGNORED)}

    def consumed(self, batch: dict[str, Tensor]) -> dict[str, int]:
        """Return texts as samples, and the tokens of sources and answers without padding."""
        tokens = batch["attention_mask"].sum() + (batch["labels"] != IGNORED).sum()
        return {"samples": len(batch["input_ids"]), "tokens": int(tokens)}

    def loss(self, network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        """Return the mean cross-entropy of the answers' tokens."""
        loss: Tensor = network.loss(**batch)
        return loss

    def terms(self, batch: dict[str, Tensor]) -> float:
        """Return the number of the answers' tokens."""
        return int((batch["labels"] != IGNORED).sum())


class T5Translator(_T5Learner):
    """Translation or question answering: fine-tuning, or training from scratch without a pretraining."""

    def transfer(self, network: nn.Module, start: Path) -> None:
        """Copy all weights of the pretraining."""
        load_model(network, str(start / WEIGHTS))

    def examples(self) -> Sequence[Any]:
        """Return (source's token ids, answer's token ids) of the training split."""
        sources, targets = zip(*_training_pairs(self.assignment.data), strict=True)
        tokenizer = Tokenizer.from_str(self.codec().tokenizer.to_str())  # a copy: answers have another truncation
        answers = TranslationCodec(tokenizer, self._settings("max_new_tokens"))
        return list(zip(self.codec().ids(sources), answers.ids(targets), strict=True))


def _training_pairs(data: Data) -> Sequence[tuple[str, str]]:
    """Return (source, answer) of the training split."""
    if isinstance(data, QuestionData):
        return [(question_prompt(item.question, item.context), item.answers[0]) for item in data.questions("train")]
    return translation_data(data).pairs("train")


class T5Pretraining(_T5Learner):
    """Span corruption: predicting spans that are cut out of texts."""

    def examples(self) -> Sequence[Any]:
        """Return the texts' token ids."""
        return self.codec().ids(training_texts(self.assignment.data))

    def length(self, example: Any) -> int:
        """Return the number of tokens."""
        return len(example)

    def collate(self, examples: Sequence[Any]) -> dict[str, Tensor]:
        """Cut other spans out in every batch, and pad."""
        return super().collate([corrupt(ids) for ids in examples])

    def predict(self, inputs: Sequence[Any]) -> Sequence[Any]:  # noqa: ARG002 - always unsupported
        """Raise: a pretrained T5 does no task.

        Raises:
            Unsupported: always.
        """
        raise Unsupported("A pretrained T5 predicts missing spans and nothing else. Fine-tune it, then evaluate.")


def corrupt(ids: Sequence[int]) -> tuple[list[int], list[int]]:
    """Cut spans out of a text.

    Args:
        ids: its token ids with the end token.

    Returns:
        The text with a sentinel in place of each span, and the sentinels each followed by its span; both with the end
        token.
    """
    *inner, end = ids
    cut_count = max(1, round(CORRUPTED * len(inner))) if inner else 0
    spans = max(1, min(round(cut_count / MEAN_SPAN), len(inner) - cut_count, len(SPAN_IDS))) if inner else 0
    lengths = zip(_parts(len(inner) - cut_count, spans), _parts(cut_count, spans), strict=True)
    rest, answer, start = [], [], 0
    for sentinel, (kept, cut) in zip(SPAN_IDS, lengths, strict=False):  # there are more sentinels than spans
        rest += [*inner[start : start + kept], sentinel]
        answer += [sentinel, *inner[start + kept : start + kept + cut]]
        start += kept + cut
    return [*rest, end], [*answer, end]


def _parts(total: int, count: int) -> list[int]:
    """Divide a number into random parts, each at least 1 if possible."""
    if count == 0:
        return []
    cuts = (torch.randperm(max(0, total - 1))[: count - 1].sort().values + 1).tolist()
    bounds = [0, *cuts, total]
    return [after - before for before, after in pairwise(bounds)]


def learner(assignment: Any) -> Learner:
    """Return the learner for an assignment's stage."""
    return T5Pretraining(assignment) if assignment.stage == "pretrain" else T5Translator(assignment)
