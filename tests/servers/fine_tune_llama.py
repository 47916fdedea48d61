"""Fine-tunes a small Llama on prompts and their labels: python fine_tune_llama.py FOLDER [STEPS].

The prompts are those of `text-classification` with its packaged data, with no to three shots; the answers are the names
of the classes. The folder has the format of transformers: any server can serve it. Some minutes on two cores.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from harness.plugins import load_plugins
from harness.seams.prompts import Message, Prompts, messages, shown
from harness.settings import filled

STEPS, BATCH, RATE, SEED = 400, 16, 2e-3, 0
LONGEST = 320
"""Tokens of an example; longer ones are left out."""
VOCABULARY, POSITIONS = 2048, 8192
TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
END, IGNORED = 0, -100
SHOTS, ALONE = 3, 0.75
"""Most shots of an example, and the share of those without any."""


def fine_tune(folder: Path, steps: int = STEPS) -> float:
    """Train from random weights, write the checkpoint, and return the last loss."""
    torch.manual_seed(SEED)
    prompts = _prompts()
    tokenizer = _tokenizer([f"{prompts.instruction} {text} {label}" for text, label in prompts.examples()])
    network = _network(len(tokenizer))
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps, pct_start=0.1)
    loss, began = torch.tensor(0.0), time.perf_counter()
    for step, batch in zip(range(1, steps + 1), _batches(prompts, tokenizer), strict=False):
        loss = _loss(network, **batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if step % 20 == 0:
            print(f"step {step}, loss {loss.item():.3f}, {time.perf_counter() - began:.0f} s", flush=True)  # noqa: T201
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return float(loss.detach())


def _loss(network: Any, input_ids: torch.Tensor, attention_mask: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the loss of the answers; logits are computed at their places alone, which takes half the time."""
    hidden = network.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state[:, :-1]
    learned = labels[:, 1:] != IGNORED
    return torch.nn.functional.cross_entropy(network.lm_head(hidden[learned]), labels[:, 1:][learned])


def _prompts() -> Prompts:
    task = load_plugins().find("tasks", "text-classification")
    prompts: Prompts = task.data(None, filled({}, task.settings)).prompts()
    return prompts


def _tokenizer(texts: Sequence[str]) -> Any:
    """Train byte pairs; a token begins each turn of a chat, and one ends it."""
    pairs = Tokenizer(models.BPE())
    pairs.pre_tokenizer, pairs.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    special = ["<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    pairs.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY, special_tokens=special, initial_alphabet=alphabet, show_progress=False
        ),
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=pairs, eos_token="<|end|>", pad_token="<|end|>")
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def _network(vocabulary: int) -> LlamaForCausalLM:
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary, hidden_size=128, intermediate_size=256, num_hidden_layers=2, num_attention_heads=4,
            max_position_embeddings=POSITIONS, eos_token_id=END, pad_token_id=END, bos_token_id=END,
        )
    )  # fmt: skip


def _batches(prompts: Prompts, tokenizer: Any) -> Iterator[dict[str, torch.Tensor]]:
    draw = random.Random(SEED)  # noqa: S311 - no secret
    while True:
        rows: list[tuple[list[int], list[int]]] = []
        while len(rows) < BATCH:
            count = 0 if draw.random() < ALONE else draw.randint(1, SHOTS)
            *shots, (text, label) = shown(prompts, count + 1, draw.randrange(1 << 30))
            turns = messages(prompts, text, shots)
            row = _row(tokenizer, turns, label)
            if len(row[0]) <= LONGEST:
                rows.append(row)
        longest = max(len(ids) for ids, _ in rows)
        yield {
            "input_ids": _padded([ids for ids, _ in rows], longest, END),
            "labels": _padded([labels for _, labels in rows], longest, IGNORED),
            "attention_mask": _padded([[1] * len(ids) for ids, _ in rows], longest, 0),
        }


def _row(tokenizer: Any, turns: list[Message], label: str) -> tuple[list[int], list[int]]:
    """Return the tokens of a chat with its answer, and those that are learned: the answer and its end."""
    prompt = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=True)["input_ids"]
    answer = [*tokenizer(label)["input_ids"], END]
    return [*prompt, *answer], [*[IGNORED] * len(prompt), *answer]


def _padded(rows: Sequence[list[int]], longest: int, filler: int) -> torch.Tensor:
    return torch.tensor([row + [filler] * (longest - len(row)) for row in rows])


if __name__ == "__main__":
    fine_tune(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else STEPS)
