"""BERT that points at the beginning and the end of an answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer, processors
from torch import Tensor, nn
from torch.nn import functional
from transformers.models.bert.modeling_bert import BertModel

from harness.torch_learner import WEIGHTS
from harness_language._bert import BertLearner, config
from harness_language._codecs import CLS, SEP, TokenCodec
from harness_language.questions import asked

LONGEST_ANSWER = 40
"""Tokens."""
QUESTION, CONTEXT, SHARED, LINE, SHARED_LINE = range(5)
"""Types of tokens. Words of the context that stand in the question too are told apart (Chen et al., 2017: the feature
"exact match" of DrQA), which a small network would need many more steps to find out. So is what begins a line, which
the tokenizer reads as any other blank."""
_WORD = re.compile(r"\w+")
TYPES = "embeddings.token_type_embeddings.weight"
NAMES = ("input_ids", "attention_mask", "token_type_ids", "starts", "ends")


class Pointer(nn.Module):
    """BERT's encoder and a dense layer with two numbers for each token: does the answer begin, does it end here?"""

    def __init__(self, description: Mapping[str, Any]) -> None:
        """Build the layers."""
        super().__init__()
        shape = config(description)
        shape.type_vocab_size = SHARED_LINE + 1
        self.bert = BertModel(shape, add_pooling_layer=False)
        self.pointer = nn.Linear(shape.hidden_size, 2)

    def scores(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores of beginnings and ends [n, s]; very low outside the context."""
        states = self.bert(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state
        outside = (token_type_ids * attention_mask == 0).unsqueeze(-1)
        first, last = self.pointer(states).masked_fill(outside, -1e4).unbind(-1)
        return first, last

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor, starts: Tensor, ends: Tensor
    ) -> dict[str, Tensor]:
        """Return `span` [n, 2]: the best answer's first and last character in the context.

        Args:
            input_ids: int64 [n, s].
            attention_mask: int64 [n, s].
            token_type_ids: int64 [n, s], `QUESTION`, `CONTEXT`, `SHARED`, `LINE` or `SHARED_LINE`.
            starts: int64 [n, s], the character at which each token begins.
            ends: int64 [n, s], the character at which it ends.
        """
        first, last = self.scores(input_ids, attention_mask, token_type_ids)
        place = torch.arange(input_ids.shape[1], device=input_ids.device)
        length = place.unsqueeze(0) - place.unsqueeze(1)
        impossible = (length < 0) | (length >= LONGEST_ANSWER)
        pairs = (first.unsqueeze(2) + last.unsqueeze(1)).masked_fill(impossible, -1e5)
        best = pairs.flatten(1).argmax(dim=1, keepdim=True)
        size = input_ids.shape[1]
        row = torch.div(best, size, rounding_mode="floor")
        begin, end = starts.gather(1, row), ends.gather(1, best - row * size)  # % has no ONNX form for open sizes
        return {"span": torch.cat([begin, end], dim=1)}


class PairCodec(TokenCodec):
    """Question and context as one row of tokens; where each token stands goes along."""

    def __init__(self, tokenizer: Tokenizer, max_length: int) -> None:
        """Take a trained tokenizer; longer contexts are cut."""
        ends = [(token, tokenizer.token_to_id(token)) for token in (CLS, SEP)]
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{CLS} $A {SEP}", pair=f"{CLS} $A {SEP} $B:1 {SEP}", special_tokens=ends
        )
        super().__init__(tokenizer, max_length)
        tokenizer.enable_truncation(max_length, strategy="only_second")

    def encode(self, inputs: Sequence[Mapping[str, str]]) -> dict[str, np.ndarray]:
        """Return the arrays of `NAMES`, int64 [n, longest]."""
        rows = self.tokenizer.encode_batch([(one["question"], one["context"]) for one in inputs])
        arrays = {name: np.zeros((len(rows), max(len(row) for row in rows)), dtype=np.int64) for name in NAMES}
        for number, (row, one) in enumerate(zip(rows, inputs, strict=True)):
            inside = slice(0, len(row))
            starts, ends = np.array(row.offsets).T
            types = np.array(row.type_ids)
            types[types == CONTEXT] = _types(one["question"], one["context"], starts[types == CONTEXT])
            arrays["input_ids"][number, inside] = row.ids
            arrays["attention_mask"][number, inside] = 1
            arrays["token_type_ids"][number, inside] = types
            arrays["starts"][number, inside], arrays["ends"][number, inside] = starts, ends
        return arrays

    def decode(self, arrays: Mapping[str, np.ndarray]) -> list[tuple[int, int]]:  # type: ignore[override]  # no rows of numbers here
        """Return (start, end) of each answer."""
        return [(int(start), int(end)) for start, end in arrays["span"]]


def _types(question: str, context: str, starts: np.ndarray) -> np.ndarray:
    """Return the types of a context's tokens by the characters at which they begin."""
    asked = set(_WORD.findall(question.lower()))
    shared = np.zeros(len(context) + 1, dtype=np.int64)
    for word in _WORD.finditer(context):
        shared[word.start() : word.end()] = word.group().lower() in asked
    lines = np.searchsorted([place for place, letter in enumerate(context) if letter == "\n"], starts)
    begins = np.diff(lines, prepend=-1) > 0
    return np.asarray(CONTEXT + shared[starts] + (LINE - CONTEXT) * begins)


class BertPointer(BertLearner):
    """Learns where answers begin and end."""

    def class_count(self) -> int:
        """Return 0: there are no classes."""
        return 0

    def codec(self) -> PairCodec:
        """Return the codec for pairs."""
        return PairCodec(super().codec().tokenizer, self._settings("max_length"))

    def construct(self) -> nn.Module:
        """Return the network in its shape."""
        return Pointer(self.description())

    def transfer(self, network: nn.Module, start: Path) -> None:
        """Take over the pretraining's encoder, all of it; it knows one type of token less."""
        weights = load_file(start / WEIGHTS)
        encoder = {name.removeprefix("bert."): weight for name, weight in weights.items() if name.startswith("bert.")}
        encoder[TYPES] = torch.cat([encoder[TYPES], network.bert.state_dict()[TYPES][len(encoder[TYPES]) :]])
        network.bert.load_state_dict(encoder, strict=True)

    def examples(self) -> Sequence[Any]:
        """Return rows of arrays with the tokens of the answer; questions whose answer is cut off are left out."""
        questions = asked(self.assignment.data).questions("train")
        arrays = self.codec().encode([{"question": one.question, "context": one.context} for one in questions])
        found = []
        for number, one in enumerate(questions):
            row = {name: array[number, : int(arrays["attention_mask"][number].sum())] for name, array in arrays.items()}
            inside = row["token_type_ids"] != QUESTION
            first = np.flatnonzero(inside & (row["starts"] <= one.start) & (row["ends"] > one.start))
            last = np.flatnonzero(inside & (row["starts"] < one.end) & (row["ends"] >= one.end))
            if first.size and last.size:
                found.append((row, int(first[0]), int(last[0])))
        return found

    def length(self, example: Any) -> int:
        """Return the number of tokens."""
        return len(example[0]["input_ids"])

    def collate(self, examples: Sequence[Any]) -> dict[str, Tensor]:
        """Pad to the longest of the batch."""
        longest = max(self.length(example) for example in examples)
        batch = {
            name: torch.stack(
                [functional.pad(torch.from_numpy(row[name]), (0, longest - len(row[name]))) for row, _, _ in examples]
            )
            for name in NAMES[:3]
        }
        return batch | {
            "first": torch.tensor([first for _, first, _ in examples]),
            "last": torch.tensor([last for _, _, last in examples]),
        }

    def loss(self, network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        """Return the mean of the cross-entropies of beginning and end."""
        first, last = network.scores(*(batch[name] for name in NAMES[:3]))
        both: Tensor = functional.cross_entropy(first, batch["first"]) + functional.cross_entropy(last, batch["last"])
        return both / 2
