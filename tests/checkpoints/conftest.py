"""Small random checkpoints in the formats in which people share them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.plugins import Plugins, load_plugins
from harness.seams import Data

TEXTS = ["an array of numbers is returned by the function", "the solver stops when the step is small", "plot a filter"]
SHAPES = ("bert", "gpt2", "t5")
IMAGE_SHAPES = ("vit", "resnet")
Save = Callable[[str, Path], Path]


@pytest.fixture(scope="session")
def plugins() -> Plugins:
    """Return the installed plugins; the kit loads their data once."""
    return load_plugins()


@pytest.fixture(scope="session")
def topics(plugins: Plugins) -> Data:
    """Return the data of `text-classification`."""
    return plugins.tasks["text-classification"].data(None, {})


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a checkpoint of each architecture; those for texts have a tokenizer."""
    root = tmp_path_factory.mktemp("checkpoints")
    for shape in (*SHAPES, *IMAGE_SHAPES):
        save(shape, root / shape)
    return root


def save(shape: str, folder: Path) -> Path:
    """Save a checkpoint of a small random network and return its folder."""
    import torch
    import transformers as tf

    torch.manual_seed(0)
    small = {"vocab_size": 400, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 1}
    built = {
        "bert": lambda: tf.BertForMaskedLM(
            tf.BertConfig(
                vocab_size=400, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64
            )
        ),
        "gpt2": lambda: tf.GPT2LMHeadModel(tf.GPT2Config(n_embd=32, n_layer=1, n_head=2, n_positions=256, **small)),
        "t5": lambda: tf.T5ForConditionalGeneration(
            tf.T5Config(d_model=32, d_kv=16, d_ff=64, num_layers=1, num_heads=2, decoder_start_token_id=0, **small)
        ),
        "vit": lambda: tf.ViTForImageClassification(
            tf.ViTConfig(
                hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, image_size=28,
                patch_size=7, num_channels=1,
            )
        ),
        "resnet": lambda: tf.ResNetForImageClassification(
            tf.ResNetConfig(embedding_size=8, hidden_sizes=[16], depths=[1], layer_type="basic", num_channels=3)
        ),
    }[shape]()  # fmt: skip
    built.save_pretrained(folder)
    if shape in SHAPES:
        tokenizer(folder)
    return folder


def tokenizer(folder: Path) -> None:
    """Train and save a small tokenizer that ends each text with a token, as T5's does."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    byte_pairs = Tokenizer(models.BPE())
    byte_pairs.pre_tokenizer = pre_tokenizers.ByteLevel()
    byte_pairs.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=380, special_tokens=["<pad>", "</s>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    byte_pairs.train_from_iterator(TEXTS * 3, trainer)
    byte_pairs.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    PreTrainedTokenizerFast(
        tokenizer_object=byte_pairs, pad_token="<pad>", eos_token="</s>", model_max_length=256
    ).save_pretrained(folder)
