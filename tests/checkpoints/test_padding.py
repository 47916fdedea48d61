"""An answer never depends on its neighbours in the batch, however a tokenizer pads."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.plugins import Plugins
from harness.seams import Assignment, Learner
from harness.settings import filled
from harness_language.data import Examples, TextClassificationData

SHORT, LONG = "plot a filter", "an array of numbers is returned by the function when the step is small"
DATA = TextClassificationData(
    ("a", "b", "c"), dict.fromkeys(("train", "validation", "test"), Examples((SHORT, LONG, ""), (0, 1, 2)))
)
SHAPES: dict[str, dict[str, Any]] = {
    "bert": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "roberta": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2},
    "gpt_neox": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "t5": {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2, "decoder_start_token_id": 0},
    "xlnet": {"d_model": 32, "n_layer": 2, "n_head": 2, "d_inner": 64},
    "big_bird": {
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "block_size": 2,
        "num_random_blocks": 1, "initializer_range": 0.2,
    },
    "mobilebert": {
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
        "embedding_size": 32, "true_hidden_size": 32, "intra_bottleneck_size": 32, "initializer_range": 0.2,
    },
    "yoso": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "fnet": {"hidden_size": 32, "num_hidden_layers": 2, "intermediate_size": 64, "max_position_embeddings": 64},
}  # fmt: skip
SLOW = pytest.mark.slow
TOKENIZERS = [
    ("left", "<pad>", 0),
    ("right", "<pad>", 0),
    ("left", "<pad>", None),
    ("right", "</s>", None),
    ("left", "", 0),
    ("right", "", None),
]
"""Side, token to pad with, and the network's number for it. Texts end with `</s>`."""


def _checkpoint(tokenizers: Path, folder: Path, shape: str, side: str, token: str, pad_id: int | None) -> Path:
    """Save a random classifier whose positions matter, and a tokenizer that pads in its own way."""
    import torch
    import transformers as tf

    config = tf.models.auto.configuration_auto.CONFIG_MAPPING[shape](
        vocab_size=380, id2label=dict(enumerate("abc")), eos_token_id=1, bos_token_id=1, **SHAPES[shape]
    )
    if shape not in ("roberta", "t5"):  # RoBERTa counts positions from this number, T5 starts answers with it
        config.pad_token_id = pad_id
    torch.manual_seed(0)
    network = tf.AutoModelForSequenceClassification.from_config(config)
    for name, weight in network.named_parameters():
        if "position_embeddings" in name or "wpe" in name:
            torch.nn.init.normal_(weight)
    network.save_pretrained(folder)
    tokenizer = tf.AutoTokenizer.from_pretrained(tokenizers, padding_side=side)
    tokenizer.pad_token = token or None
    tokenizer.save_pretrained(folder)
    return folder


def _learner(plugins: Plugins, reference: str) -> Learner:
    model = plugins.find("models", reference)
    settings = filled({}, model.settings)
    return model.learner(Assignment("finetune", DATA, "default", settings, "cpu", "fp32", 0, pretrained=True))


@pytest.mark.parametrize(
    ("shape", "side", "token", "pad_id"),
    [
        pytest.param(shape, *tokenizer, marks=[] if shape in ("bert", "gpt2") or tokenizer == TOKENIZERS[0] else SLOW)
        for shape in SHAPES
        for tokenizer in TOKENIZERS
    ],
)
def test_an_answer_alone_is_the_answer_in_a_batch(
    checkpoints: Path, plugins: Plugins, tmp_path: Path, shape: str, side: str, token: str, pad_id: int | None
) -> None:
    """For each kind of head; alone it is what transformers answers without any padding."""
    import torch
    import transformers as tf

    folder = _checkpoint(checkpoints / "bert", tmp_path / "saved", shape, side, token, pad_id)
    learner = _learner(plugins, f"hf:{folder}")
    together = np.asarray(learner.predict([SHORT, LONG, ""]))
    alone = np.concatenate([np.asarray(learner.predict([text])) for text in (SHORT, LONG, "")])
    ids = tf.AutoTokenizer.from_pretrained(folder)(SHORT, return_tensors="pt")["input_ids"]
    network = tf.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        plain = network(input_ids=ids).logits.softmax(dim=1).numpy()

    assert np.allclose(together, alone, atol=1e-6)
    assert np.allclose(alone[:1], plain, atol=1e-6)


@pytest.mark.parametrize("pad_id", [0, None])
def test_what_was_saved_pads_in_the_same_way(
    checkpoints: Path, plugins: Plugins, tmp_path: Path, pad_id: int | None
) -> None:
    """A token that the embedding had to grow for is there again."""
    learner = _learner(
        plugins, f"hf:{_checkpoint(checkpoints / 'bert', tmp_path / 'gpt2', 'gpt2', 'left', '', pad_id)}"
    )
    (tmp_path / "artifact").mkdir()
    learner.save(tmp_path / "artifact")
    loaded = _learner(plugins, f"hf:{tmp_path / 'gpt2'}")
    loaded.load(tmp_path / "artifact")
    codec = plugins.find("models", f"hf:{tmp_path / 'gpt2'}").codec(tmp_path / "artifact")

    assert np.allclose(np.asarray(loaded.predict([SHORT, LONG])), np.asarray(learner.predict([SHORT, LONG])))
    assert codec.encode([SHORT, LONG])["input_ids"][0, -1] == (380 if pad_id is None else pad_id)


@pytest.fixture
def token_file(checkpoints: Path, plugins: Plugins, tmp_path: Path) -> Path:
    """Return an ONNX file that was exported from a GPT-2, beside its tokenizer and configuration."""
    import json

    folder = _checkpoint(checkpoints / "bert", tmp_path / "gpt2", "gpt2", "left", "<pad>", 7)
    model = plugins.find("models", f"hf:{folder}")
    learner = _learner(plugins, f"hf:{folder}")
    (trained := tmp_path / "trained").mkdir()
    learner.save(trained)
    (tmp_path / "file").mkdir()
    plugins.runtimes["onnxruntime"].export(model, learner, trained, [SHORT, LONG], tmp_path / "file")
    for name in ("tokenizer.json", "config.json"):
        shutil.copy(folder / name, tmp_path / "file")
    tokenizer = json.loads((tmp_path / "file" / "tokenizer.json").read_text(encoding="utf-8"))
    assert tokenizer["padding"] is None or tokenizer["padding"]["pad_id"] != 7
    return tmp_path / "file" / "model.onnx"


def test_a_file_is_padded_with_the_networks_token(plugins: Plugins, token_file: Path) -> None:
    """Its labels and its token for padding are read from the configuration beside it."""
    learner = _learner(plugins, f"onnx:{token_file}")
    together = np.asarray(learner.predict([SHORT, LONG]))
    alone = np.concatenate([np.asarray(learner.predict([text])) for text in (SHORT, LONG)])

    assert np.allclose(together, alone, atol=1e-6)


def test_a_file_without_a_mask_reads_texts_one_by_one(tmp_path: Path, checkpoints: Path, plugins: Plugins) -> None:
    """It would take padding for text: here it answers by the sum of the tokens' numbers."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("Cast", ["input_ids"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["numbers"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("MatMul", ["mean", "w"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes, "mean",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["n", "s"])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(np.array([[0.001, -0.001, 0.002]], np.float32), "w")],
    )  # fmt: skip
    file = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=9)
    helper.set_model_props(file, {"labels": "a,b,c"})
    onnx.save(file, tmp_path / "mean.onnx")
    shutil.copy(checkpoints / "bert" / "tokenizer.json", tmp_path)
    learner = _learner(plugins, f"onnx:{tmp_path / 'mean.onnx'}")
    together = np.asarray(learner.predict([SHORT, LONG]))
    alone = np.concatenate([np.asarray(learner.predict([text])) for text in (SHORT, LONG)])

    assert np.array_equal(together, alone)
    assert not np.allclose(together[0], together[1])


@pytest.mark.parametrize("shape", ["big_bird", "mobilebert"])
def test_an_answer_does_not_depend_on_what_was_answered_before(
    checkpoints: Path, plugins: Plugins, tmp_path: Path, shape: str
) -> None:
    """BigBird attends sparsely to long texts alone, and MobileBERT reads each token's neighbours, padding too."""
    import torch
    import transformers as tf

    folder = _checkpoint(checkpoints / "bert", tmp_path / "saved", shape, "right", "<pad>", 0)
    texts = [f"{LONG} {LONG}", SHORT, f"{LONG} {LONG}"]
    learner = _learner(plugins, f"hf:{folder}")
    together = np.asarray(learner.predict(texts))
    tokenizer = tf.AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        plain = [
            tf.AutoModelForSequenceClassification.from_pretrained(folder)
            .eval()(input_ids=tokenizer(text, return_tensors="pt")["input_ids"])
            .logits.softmax(dim=1)
            .numpy()
            for text in texts
        ]

    assert plugins.find("models", f"hf:{folder}").formats == ()
    assert np.allclose(together, np.concatenate(plain), atol=1e-6)
