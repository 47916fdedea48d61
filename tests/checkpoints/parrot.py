"""Checkpoints of known behaviour: what one says after a prompt is planted in its weights."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIAL = ("<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
END = 0
WIDTH = 320
"""Tokens, and the width of the network: each token has a direction of its own."""


def save_parrot(folder: Path, says: str, *, template: str | None = TEMPLATE, positions: int = 8192) -> Path:
    """Save a Llama that says the same after any prompt, and return its folder.

    Attention and feed-forward layers add nothing, so the next token depends on the last one alone. No token may stand
    twice in what it says.

    Args:
        folder: where it is saved.
        says: its answer.
        template: of a chat; without any, what ends a prompt as a text begins the answer.
        positions: how many tokens it reads.
    """
    import torch
    import transformers as tf

    tokenizer = _tokenizer()
    tokenizer.chat_template = template
    begin = tokenizer("<|assistant|>" if template else "\n\n")["input_ids"][-1]
    chain = [begin, *tokenizer(says)["input_ids"], END]
    network = tf.LlamaForCausalLM(
        tf.LlamaConfig(
            vocab_size=WIDTH, hidden_size=WIDTH, intermediate_size=8, num_hidden_layers=1, num_attention_heads=4,
            max_position_embeddings=positions, eos_token_id=END, pad_token_id=END, bos_token_id=END,
        )
    )  # fmt: skip
    with torch.no_grad():
        network.model.embed_tokens.weight.copy_(torch.eye(WIDTH))
        network.model.layers[0].self_attn.o_proj.weight.zero_()
        network.model.layers[0].mlp.down_proj.weight.zero_()
        network.lm_head.weight.zero_()
        for last, following in pairwise(chain):
            network.lm_head.weight[following, last] = 1.0
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _tokenizer() -> Any:
    """Return a tokenizer of single bytes, and of tokens that structure a chat."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    pairs = Tokenizer(models.BPE())
    pairs.pre_tokenizer, pairs.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=256 + len(SPECIAL), special_tokens=list(SPECIAL), show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    pairs.train_from_iterator([], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=pairs, eos_token="<|end|>", pad_token="<|end|>")


def save_random(architecture: str, folder: Path) -> Path:
    """Save a small network with large random weights, whose answers differ by prompt, without a tokenizer."""
    import torch
    import transformers as tf

    small: dict[str, Any] = {
        "vocab_size": WIDTH, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
    }  # fmt: skip
    both = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4, "decoder_start_token_id": 0}
    torch.manual_seed(0)
    config = tf.AutoConfig.for_model(architecture, **(small if architecture != "t5" else small | both))
    auto = tf.AutoModelForSeq2SeqLM if config.is_encoder_decoder else tf.AutoModelForCausalLM
    network = auto.from_config(config)
    with torch.no_grad():
        for weight in network.parameters():
            if weight.dim() > 1:
                weight.mul_(8)
    network.save_pretrained(folder)
    return folder


def random_prompts(lengths: Sequence[int]) -> list[list[int]]:
    """Return tokens that structure nothing, in prompts of these lengths."""
    draw = random.Random(0)  # noqa: S311 - no secret
    return [[draw.randrange(4, 260) for _ in range(length)] for length in lengths]
