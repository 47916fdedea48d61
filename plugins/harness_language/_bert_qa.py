"""BERT for extractive question answering: it predicts the first and the last token of an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, processors
from torch import Tensor, nn
from torch.nn import functional
from transformers.models.bert.modeling_bert import BertModel

from harness_language._bert import BertLearner, config
from harness_language._codecs import CLS, FRAME, SEP, TokenCodec
from harness_language._scripts import WORD, words
from harness_language._tokens import weights_below
from harness_language.questions import question_data

LONGEST_ANSWER = 40
"""Tokens."""
QUESTION, CONTEXT, SHARED, LINE, SHARED_LINE = range(5)
"""Types of tokens. Words of the context that are in the question too have a type of their own (Chen et al., 2017: the
feature "exact match" of DrQA), which a small network needs many more steps to learn. So has the first token of a line:
the tokenizer reads a line break as any other space."""
TYPES = "embeddings.token_type_embeddings.weight"
NAMES = ("input_ids", "attention_mask", "token_type_ids", "starts", "ends")


class Pointer(nn.Module):
    """BERT's encoder and a dense layer with two scores for each token: of being the answer's first and its last."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        """Build the layers."""
        super().__init__()
        shape = config(description)
        shape.type_vocab_size = SHARED_LINE + 1
        self.bert = BertModel(shape, add_pooling_layer=False)
        self.pointer = nn.Linear(shape.hidden_size, 2)

    def scores(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores of first and last tokens, [n, s] each; very low outside the context."""
        states = self.bert(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state
        outside = (token_type_ids * attention_mask == 0).unsqueeze(-1)
        first, last = self.pointer(states).masked_fill(outside, -1e4).unbind(-1)
        return first, last

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor, starts: Tensor, ends: Tensor
    ) -> dict[str, Tensor]:
        """Return `span` [n, 2], start and end of the best answer in characters of the context, with `log_probability`.

        A span is a span, whatever the scores are: its probability, [n], tells that they are numbers.

        Args:
            input_ids: int64 [n, s].
            attention_mask: int64 [n, s].
            token_type_ids: int64 [n, s], `QUESTION`, `CONTEXT`, `SHARED`, `LINE` or `SHARED_LINE`.
            starts: int64 [n, s], the character at which each token starts.
            ends: int64 [n, s], the character at which each token ends.
        """
        first, last = self.scores(input_ids, attention_mask, token_type_ids)
        position = torch.arange(input_ids.shape[1], device=input_ids.device)
        distance = position.unsqueeze(0) - position.unsqueeze(1)
        # [n, first, last]: the sum of both scores, for spans that do not end before they start and are not too long.
        impossible = (distance < 0) | (distance >= LONGEST_ANSWER)
        pairs = (first.unsqueeze(2) + last.unsqueeze(1)).masked_fill(impossible, -1e5)
        best = pairs.flatten(1).argmax(dim=1, keepdim=True)
        length = input_ids.shape[1]
        row = torch.div(best, length, rounding_mode="floor")
        start, end = starts.gather(1, row), ends.gather(1, best - row * length)  # ONNX lacks % for dynamic sizes
        total = first.float().logsumexp(1) + last.float().logsumexp(1)
        return {
            "span": torch.cat([start, end], dim=1),
            "log_probability": pairs.flatten(1).gather(1, best).squeeze(1).float() - total,
        }


class PairCodec(TokenCodec):
    """Question and context as one sequence of tokens, with each token's place in the text."""

    def __init__(self, tokenizer: Tokenizer, max_length: int) -> None:
        """Take a trained tokenizer; longer contexts are truncated, questions are not."""
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{CLS} $A {SEP}", pair=f"{CLS} $A {SEP} $B:1 {SEP}", special_tokens=FRAME
        )
        super().__init__(tokenizer, max_length)
        tokenizer.enable_truncation(max_length, strategy="only_second")

    def encode(self, inputs: Sequence[Mapping[str, str]]) -> dict[str, np.ndarray]:
        """Return the arrays of `NAMES`, int64 [n, longest]."""
        encodings = self.tokenizer.encode_batch([(pair["question"], pair["context"]) for pair in inputs])
        shape = len(encodings), max(len(encoding) for encoding in encodings)
        arrays = {name: np.zeros(shape, dtype=np.int64) for name in NAMES}
        for row, (encoding, pair) in enumerate(zip(encodings, inputs, strict=True)):
            inside = slice(0, len(encoding))
            starts, ends = np.array(encoding.offsets).T
            types = np.array(encoding.type_ids)
            types[types == CONTEXT] = _types(pair["question"], pair["context"], starts[types == CONTEXT])
            arrays["input_ids"][row, inside] = encoding.ids
            arrays["attention_mask"][row, inside] = 1
            arrays["token_type_ids"][row, inside] = types
            arrays["starts"][row, inside], arrays["ends"][row, inside] = starts, ends
        return arrays

    def decode(self, arrays: Mapping[str, np.ndarray]) -> list[tuple[int, int]]:  # type: ignore[override]  # no rows of numbers here
        """Return each answer's (start, end) in characters of its context."""
        return [(int(start), int(end)) for start, end in arrays["span"]]


def _types(question: str, context: str, starts: np.ndarray) -> np.ndarray:
    """Return the types of a context's tokens from the characters at which they start."""
    question_words = set(words(question.lower()))
    shared = np.zeros(len(context) + 1, dtype=np.int64)
    for word in WORD.finditer(context):
        shared[word.start() : word.end()] = word.group().lower() in question_words
    lines = np.searchsorted([position for position, letter in enumerate(context) if letter == "\n"], starts)
    is_first = np.diff(lines, prepend=-1) > 0
    return np.asarray(CONTEXT + shared[starts] + (LINE - CONTEXT) * is_first)


class BertPointer(BertLearner):
    """Extractive question answering: fine-tuning, or training from scratch without a pretraining."""

    classifies = False

    def codec(self) -> PairCodec:
        """Return the codec of questions with contexts."""
        return PairCodec(super().codec().tokenizer, self._settings("max_length"))

    def construct(self) -> nn.Module:
        """Return the network."""
        return Pointer(self.description())

    def transfer(self, network: nn.Module, start: Path) -> None:
        """Copy the pretraining's encoder; types of tokens that it lacks keep their first weights."""
        encoder = weights_below("bert.", start)
        encoder[TYPES] = torch.cat([encoder[TYPES], network.bert.state_dict()[TYPES][len(encoder[TYPES]) :]])
        network.bert.load_state_dict(encoder, strict=True)

    def examples(self) -> Sequence[Any]:
        """Return (arrays, first token, last token) of each question, unless its answer is truncated."""
        questions = question_data(self.assignment.data).questions("train")
        arrays = self.codec().encode([{"question": item.question, "context": item.context} for item in questions])
        lengths = arrays["attention_mask"].sum(axis=1)
        examples = []
        for number, question in enumerate(questions):
            row = {name: array[number, : lengths[number]] for name, array in arrays.items()}
            inside = row["token_type_ids"] != QUESTION
            first = np.flatnonzero(inside & (row["starts"] <= question.start) & (row["ends"] > question.start))
            last = np.flatnonzero(inside & (row["starts"] < question.end) & (row["ends"] >= question.end))
            if first.size and last.size:
                examples.append((row, int(first[0]), int(last[0])))
        return examples

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
        """Return the mean of the cross-entropies of first and last token."""
        first, last = network.scores(*(batch[name] for name in NAMES[:3]))
        both: Tensor = functional.cross_entropy(first, batch["first"]) + functional.cross_entropy(last, batch["last"])
        return both / 2
