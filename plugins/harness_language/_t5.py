"""T5 in small sizes: span corruption on the task's texts, then writing: translations, or answers to questions."""

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
from harness_language._codecs import END_ID, PAD_ID, SPAN_IDS, TranslationCodec, pad, spelt, train_pieces
from harness_language._tokens import TokenLearner
from harness_language.passages import training_texts
from harness_language.questions import QuestionData
from harness_language.translations import translated

SIZES = {
    "tiny": {"d_model": 128, "d_kv": 32, "d_ff": 256, "num_layers": 2, "num_heads": 4},
    "small": {"d_model": 256, "d_kv": 64, "d_ff": 1024, "num_layers": 4, "num_heads": 4},
}
CORRUPTED = 0.15
"""Share of the tokens that are cut out, in spans of `SPAN` on average (Raffel et al., 2020)."""
SPAN = 3
IGNORED = -100
STEEPNESS = 2.0
"""Spread of what distance adds to scores of attention at first, so that each head prefers some distances.

With T5's own 1/sqrt(d_model) no head tells places apart for hundreds of steps, and digits come in the wrong order.
"""


class Translator(nn.Module):
    """T5, which answers greedily: each token is the most probable one after those before it."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        """Build the layers."""
        super().__init__()
        settings = description["settings"]
        shape = T5Config(
            vocab_size=description["vocabulary"], dropout_rate=settings["dropout"], pad_token_id=PAD_ID,
            eos_token_id=END_ID, decoder_start_token_id=PAD_ID,
            attn_implementation="eager",  # the others are fused, and cannot be taken apart for an export
            **SIZES[description["size"]],
        )  # fmt: skip
        self.t5 = _with_steep_distances(_with_known_norms(T5ForConditionalGeneration(shape)))
        self.longest = settings["max_new_tokens"]

    def loss(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> Tensor:
        """Return the mean cross-entropy of the tokens of the answers.

        Args:
            input_ids: int64 [n, s].
            attention_mask: int64 [n, s].
            labels: int64 [n, t], `IGNORED` where there is padding.
        """
        loss: Tensor = self.t5(input_ids=input_ids, attention_mask=attention_mask, labels=labels, use_cache=False).loss
        return loss

    def forward(self, input_ids: Tensor, attention_mask: Tensor, at_most: Tensor) -> dict[str, Tensor]:
        """Return `tokens`, int64 [n, max_new_tokens]: the answers, each with its end, then padding.

        The keys and values of what was said are kept, so that each step reads one token. An export takes the same steps
        as one loop of its graph.

        Args:
            input_ids: int64 [n, s].
            attention_mask: int64 [n, s].
            at_most: int64 [n], how many tokens an answer may have; the largest ends the loop for all.
        """
        states = self.t5.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        heard = self._heard(states)
        shape = self.t5.config
        memory = states.new_zeros(2, shape.num_layers, states.shape[0], shape.num_heads, self.longest, shape.d_kv)
        tokens = input_ids.new_full((states.shape[0], self.longest + 1), PAD_ID)

        def goes_on(said: Tensor, tokens: Tensor, memory: Tensor) -> Tensor:  # noqa: ARG001 - both take the whole state
            return (said < self.longest) & (said < at_most.max()) & ~(tokens == END_ID).any(dim=1).all()

        def say(said: Tensor, tokens: Tensor, memory: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            return self._say(said, tokens, memory, (states, attention_mask, heard))

        state = (input_ids.new_zeros(()), tokens, memory)
        if torch.compiler.is_compiling():
            state = torch.while_loop(goes_on, say, state)
        else:
            while goes_on(*state):
                state = say(*state)
        return {"tokens": state[1][:, 1:]}

    def _heard(self, states: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return what each layer's attention reads of the source: keys and values, which no step changes."""
        found = []
        for block in self.t5.decoder.block:
            attention = block.layer[1].EncDecAttention
            split = (*states.shape[:2], attention.n_heads, attention.key_value_proj_dim)
            keys, values = (part(states).view(split).transpose(1, 2) for part in (attention.k, attention.v))
            found.append((keys, values))
        return found

    def _say(self, said: Tensor, tokens: Tensor, memory: Tensor, source: Any) -> tuple[Tensor, Tensor, Tensor]:
        """Say one token more.

        Args:
            said: int64 [], how many there are.
            tokens: int64 [n, longest + 1], the beginning and what was said.
            memory: float [2, layers, n, heads, longest, d], keys and values of it.
            source: the encoder's states, its mask, and what the layers read of it.
        """
        states, attention_mask, heard = source
        cache = _Memory(memory, said)
        place = torch.arange(self.longest + 1, device=tokens.device)
        state = self.t5.decoder(
            input_ids=tokens.index_select(1, said.view(1)),
            attention_mask=_added(place[:-1] <= said, states).expand(tokens.shape[0], 1, 1, -1),
            encoder_hidden_states=states,
            encoder_attention_mask=_added(attention_mask.bool(), states),
            past_key_values=_both(cache, heard),
            use_cache=True,
        ).last_hidden_state
        if self.t5.config.scale_decoder_outputs:
            state = state * self.t5.config.d_model**-0.5
        best = self.t5.lm_head(state).argmax(dim=-1)
        ended = (tokens == END_ID).any(dim=1, keepdim=True)
        best = torch.where(ended, PAD_ID, best)
        return said + 1, torch.where(place == said + 1, best, tokens), cache.whole()


def _added(seen: Tensor, states: Tensor) -> Tensor:
    """Return what is added to scores of attention, [n, 1, 1, s]: 0 where bool [n, s] or [s] is true."""
    hidden = states.new_full((), torch.finfo(states.dtype).min)
    return torch.where(seen, states.new_zeros(()), hidden).view(-1, 1, 1, seen.shape[-1])


class _Memory(Cache):
    """Keys and values of what was said, in a buffer of fixed length that is not changed in place."""

    def __init__(self, memory: Tensor, said: Tensor) -> None:
        """Take the buffer [2, layers, n, heads, longest, d] and how much of it is full."""
        super().__init__(layers=[])
        self._memory = memory
        self._said = said
        self._new: list[Tensor] = []

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *_: Any, **__: Any
    ) -> tuple[Tensor, Tensor]:
        """Return a layer's keys and values with those of the new token in their place."""
        new = torch.stack([key_states, value_states])
        here = torch.arange(self._memory.shape[-2], device=new.device).view(-1, 1) == self._said
        whole = torch.where(here, new, self._memory[:, layer_idx])
        self._new.append(whole)
        return whole[0], whole[1]

    def get_seq_length(self, layer_idx: int = 0) -> Any:  # noqa: ARG002 - all are as long
        """Return how many tokens there are."""
        return self._said

    def __len__(self) -> int:
        """Return the number of layers."""
        return int(self._memory.shape[1])

    def whole(self) -> Tensor:
        """Return the buffer with the new token."""
        return torch.stack(self._new, dim=1)


def _both(memory: _Memory, heard: Sequence[tuple[Tensor, Tensor]]) -> EncoderDecoderCache:
    """Return transformers' cache of what was said and what was heard."""
    layers = []
    for keys, values in heard:
        layer = DynamicLayer()
        layer.keys, layer.values, layer.is_initialized = keys, values, True  # `update` makes what no loop can export
        layers.append(layer)
    return EncoderDecoderCache(memory, Cache(layers=layers))


def _with_known_norms(network: nn.Module) -> nn.Module:
    """Put torch's root mean square norms in place of T5's own: one formula, and known as norms to `initialise`."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, T5LayerNorm):
                setattr(module, name, nn.RMSNorm(child.weight.shape[0], eps=child.variance_epsilon))
    return network


def _with_steep_distances(network: nn.Module) -> nn.Module:
    """Draw anew what distances add to scores of attention."""
    for module in network.modules():
        if isinstance(module, T5Attention) and module.has_relative_attention_bias:
            nn.init.normal_(module.relative_attention_bias.weight, 0.0, STEEPNESS)
    return network


class _T5Learner(TokenLearner):
    """Reads characters of languages without blanks, and pieces of words of the others."""

    coded_by = TranslationCodec

    def optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        """Return T5's own: Adafactor (Shazeer & Stern, 2018), whose steps are in proportion to a matrix's size.

        T5 draws embeddings with a spread of 1 and queries with one of 1/sqrt(d_model d_kv): a step that suits the one
        is far too small or too large for the other.
        """
        rate, decay = self._settings("learning_rate"), self._settings("weight_decay")
        return torch.optim.Adafactor(network.parameters(), lr=rate, weight_decay=decay)

    def class_count(self) -> int:
        """Return 0: there are no classes."""
        return 0

    def _trained(self) -> Tokenizer:
        return train_pieces(training_texts(self.assignment.data), self._settings("pieces"))

    def construct(self) -> nn.Module:
        """Return the network in its shape."""
        return Translator(self.description())

    def length(self, example: Any) -> int:
        """Return the number of tokens, of the source and of the answer."""
        return len(example[0]) + len(example[1])

    def collate(self, examples: Sequence[Any]) -> dict[str, Tensor]:
        """Pad to the longest of the batch."""
        batch, answers = (
            {name: torch.from_numpy(array) for name, array in pad(rows).items()}
            for rows in ([source for source, _ in examples], [answer for _, answer in examples])
        )
        return batch | {"labels": answers["input_ids"].masked_fill(answers["attention_mask"] == 0, IGNORED)}

    def consumed(self, batch: dict[str, Tensor]) -> dict[str, int]:
        """Return texts as samples, and the tokens of both sides without padding."""
        tokens = batch["attention_mask"].sum() + (batch["labels"] != IGNORED).sum()
        return {"samples": len(batch["input_ids"]), "tokens": int(tokens)}

    def loss(self, network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        """Return the cross-entropy of the answers."""
        loss: Tensor = network.loss(**batch)
        return loss


class T5Translator(_T5Learner):
    """Fine-tuning, or training from scratch where there was no pretraining."""

    def transfer(self, network: nn.Module, start: Path) -> None:
        """Take over the pretraining, all of it."""
        load_model(network, str(start / WEIGHTS))

    def examples(self) -> Sequence[Any]:
        """Return (token ids, token ids of the answer) of the training split."""
        sources, targets = zip(*_taught(self.assignment.data), strict=True)
        tokenizer = Tokenizer.from_str(self.codec().tokenizer.to_str())  # its own, since answers are cut elsewhere
        answers = TranslationCodec(tokenizer, self._settings("max_new_tokens"))
        return list(zip(self.codec().ids(sources), answers.ids(targets), strict=True))


def _taught(data: Data) -> Sequence[tuple[str, str]]:
    """Return the training split's texts, each with what is to be written."""
    if isinstance(data, QuestionData):
        return [(spelt(one.question, one.context), one.answers[0]) for one in data.questions("train")]
    return translated(data).pairs("train")


class T5Pretraining(_T5Learner):
    """Guessing the spans that were cut out of texts."""

    def examples(self) -> Sequence[Any]:
        """Return the texts' token ids."""
        return self.codec().ids(training_texts(self.assignment.data))

    def length(self, example: Any) -> int:
        """Return the number of tokens."""
        return len(example)

    def collate(self, examples: Sequence[Any]) -> dict[str, Tensor]:
        """Cut spans out anew for every batch, and pad."""
        return super().collate([corrupt(ids) for ids in examples])

    def predict(self, inputs: Sequence[Any]) -> Sequence[Any]:  # noqa: ARG002 - it refuses whatever comes
        """Refuse: what was pretrained only answers nothing.

        Raises:
            Unsupported: always.
        """
        raise Unsupported(
            "A pretrained T5 guesses missing spans and does nothing else yet. Fine-tune it, then evaluate."
        )


def corrupt(ids: Sequence[int]) -> tuple[list[int], list[int]]:
    """Cut spans out of a text.

    Args:
        ids: its tokens, the last of which ends it.

    Returns:
        The text with a mark in each span's place, and each mark with the span it stands for; both ended.
    """
    *inner, end = ids
    lost = max(1, round(CORRUPTED * len(inner))) if inner else 0
    spans = max(1, min(round(lost / SPAN), len(inner) - lost, len(SPAN_IDS))) if inner else 0
    kept_parts, lost_parts = _parts(len(inner) - lost, spans), _parts(lost, spans)
    rest, answer, place = [], [], 0
    for mark, kept, cut in zip(SPAN_IDS, kept_parts, lost_parts, strict=False):  # there are more marks than spans
        rest += [*inner[place : place + kept], mark]
        answer += [mark, *inner[place + kept : place + kept + cut]]
        place += kept + cut
    return [*rest, end], [*answer, end]


def _parts(total: int, count: int) -> list[int]:
    """Divide a number into parts at random, each at least 1 where there is enough."""
    if count == 0:
        return []
    cuts = (torch.randperm(max(0, total - 1))[: count - 1].sort().values + 1).tolist()
    bounds = [0, *cuts, total]
    return [after - before for before, after in pairwise(bounds)]


def learner(assignment: Any) -> Learner:
    """Return the learner of an assignment's stage."""
    return T5Pretraining(assignment) if assignment.stage == "pretrain" else T5Translator(assignment)
