"""Weights that are missing or of another shape are not drawn in silence: a body must fit, a head is said to be new."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import PluginError
from harness.plugins import Plugins
from harness.seams import Assignment, Budget, Learner, Model
from harness.settings import filled
from harness_language.data import Examples, TextClassificationData

TEXTS = ("plot a filter", "an array of numbers is returned by the function")
DATA = TextClassificationData(("a", "b"), dict.fromkeys(("train", "validation", "test"), Examples(TEXTS, (0, 1))))
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
Weights = dict[str, Any]


@pytest.fixture(scope="module")
def sound(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return checkpoints whose heads are those of the data: a BERT, and a RoBERTa, whose head has two layers."""
    import transformers as tf

    root = tmp_path_factory.mktemp("sound")
    for shape in ("bert", "roberta"):
        config = tf.models.auto.configuration_auto.CONFIG_MAPPING[shape](
            vocab_size=400, id2label={0: "a", 1: "b"}, max_position_embeddings=64, **SMALL
        )
        tf.AutoModelForSequenceClassification.from_config(config).save_pretrained(root / shape)
        for file in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(checkpoints / "bert" / file, root / shape)
    return root


def _edited(sound: Path, folder: Path, edit: Callable[[Weights], Weights], **config: Any) -> Path:
    """Return a copy of a checkpoint with other weights and another configuration."""
    from safetensors.numpy import load_file, save_file

    shutil.copytree(sound, folder)
    save_file(edit(load_file(folder / "model.safetensors")), folder / "model.safetensors", metadata={"format": "pt"})
    told = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**told, **config}), encoding="utf-8")
    return folder


def _without(part: str) -> Callable[[Weights], Weights]:
    return lambda weights: {name: weight for name, weight in weights.items() if part not in name}


def _renamed(prefix: str) -> Callable[[Weights], Weights]:
    return lambda weights: {prefix + name: weight for name, weight in weights.items()}


def _bare_renamed(weights: Weights) -> Weights:
    return {
        f"module.{name.removeprefix('bert.')}": weight for name, weight in weights.items() if name.startswith("bert.")
    }


def _same(weights: Weights) -> Weights:
    return weights


BROKEN: dict[str, tuple[Callable[[Weights], Weights], dict[str, Any], str]] = {
    "a layer": (_without("layer.1."), {}, r"Missing: bert\.encoder\.layer\.1\..* and 12 more\."),
    "embeddings": (_without("word_embeddings"), {}, r"Missing: bert\.embeddings\.word_embeddings\.weight\."),
    "all": (_renamed("module."), {}, r"Missing: bert\..* more; not used: module\.bert\..* more\."),
    "all of a body": (_bare_renamed, {"architectures": ["BertModel"]}, r"Missing: bert\..*; not used: module\..* more"),
    "more layers": (_same, {"num_hidden_layers": 4}, r"Missing: bert\.encoder\.layer\.2\..* and 28 more\."),
    "fewer layers": (_same, {"num_hidden_layers": 1}, r"Not used: bert\.encoder\.layer\.1\..* and 12 more\."),
    "another width": (_same, {"intermediate_size": 128}, r"Of another shape: .*dense\.bias is 64, not 128, .* more\."),
}


def _model(plugins: Plugins, folder: Path) -> Model:
    model: Model = plugins.find("models", f"hf:{folder}")
    return model


def _learner(model: Model, seed: int = 0) -> Learner:
    settings = filled({}, model.settings)
    return model.learner(
        Assignment("finetune", DATA, "default", settings, "cpu", "fp32", seed, Budget(steps=1), pretrained=True)
    )


@pytest.mark.parametrize("what", BROKEN)
def test_a_body_that_does_not_fit_is_refused(sound: Path, plugins: Plugins, tmp_path: Path, what: str) -> None:
    """As it is and for fine-tuning, by the plan and by the step; from scratch no weight is read."""
    edit, config, message = BROKEN[what]
    model = _model(plugins, _edited(sound / "bert", tmp_path / "broken", edit, **config))
    settings = filled({}, model.settings)
    for start in ("as-is", "pretrained"):
        with pytest.raises(PluginError, match=rf"its weights do not fit its configuration\. {message}"):
            model.check(DATA, settings, start)
    with pytest.raises(PluginError, match=message):
        _learner(model).step()

    assert not [note for note in model.check(DATA, settings, "scratch") if "drawn" in note]


def test_a_plan_refuses_before_anything_is_written(
    sound: Path, tmp_path: Path, harness_command: Callable[..., Any]
) -> None:
    """With the folder, the weights and a remedy."""
    _edited(sound / "bert", tmp_path / "broken", _without("layer.1."))
    (tmp_path / "two.csv").write_text(
        "\n".join(["text,label", *(f"number {number},{'ab'[number % 2]}" for number in range(40))]), encoding="utf-8"
    )
    command = ["run", "quick", "--task", "text-classification", "--data", "two.csv", "--model", "hf:broken"]
    refused = harness_command(tmp_path, *command, "--dry-run")

    assert refused.code == 2
    assert "hf:broken: its weights do not fit its configuration. Missing: bert.encoder.layer.1." in refused.stderr
    assert "Save it again with `model.save_pretrained(folder)`" in refused.stderr
    assert not (tmp_path / "harness-results").exists()


HEADS = {
    "half of it": ("roberta", _without("classifier.dense"), "classifier.dense.bias, classifier.dense.weight"),
    "the other half": ("roberta", _without("out_proj"), "classifier.out_proj.bias, classifier.out_proj.weight"),
    "all of it": ("bert", _without("classifier"), "classifier.bias, classifier.weight"),
    "the pooler": ("bert", _without("pooler"), "bert.pooler.dense.bias, bert.pooler.dense.weight"),
    "a class": (
        "bert",
        lambda weights: {
            name: np.concatenate([weight, weight[:1]]) if "classifier" in name else weight
            for name, weight in weights.items()
        },
        "classifier.bias, classifier.weight",
    ),
}


@pytest.mark.parametrize("what", HEADS)
def test_a_head_that_is_not_whole_is_drawn_anew_and_said(
    sound: Path, plugins: Plugins, tmp_path: Path, what: str
) -> None:
    """All of it, by the seed; as it is, the checkpoint is refused, since its answers would be drawn at random."""
    shape, edit, names = HEADS[what]
    folder = _edited(sound / shape, tmp_path / "headless", edit)
    model = _model(plugins, folder)
    settings = filled({}, model.settings)
    notes = model.check(DATA, settings, "pretrained")
    networks = [_learner(model, seed).module().model for seed in (0, 0, 1)]
    first, again, other = ([w for n, w in one.named_parameters() if "classifier" in n] for one in networks)
    kept = _learner(_model(plugins, sound / shape)).module().model.get_input_embeddings().weight

    with pytest.raises(PluginError, match=f"cannot answer as it is .*: its weights lack {names} of its head"):
        model.check(DATA, settings, "as-is")
    assert len(notes) == 1
    assert f"its weights lack {names} of its head" in notes[0]
    assert notes[0].endswith("Its head is drawn anew.")
    assert all(one.equal(two) for one, two in zip(first, again, strict=True))
    assert all(not one.equal(two) for one, two in zip(first, other, strict=True) if one.dim() > 1)
    assert all(
        float(one.detach().std()) < 0.03 for one in first if one.dim() > 1
    )  # 0.02 is what the configuration says
    assert networks[0].get_input_embeddings().weight.equal(kept)


@pytest.mark.parametrize("shape", ["bert", "roberta"])
def test_sound_weights_are_taken_as_they_are(sound: Path, plugins: Plugins, shape: str) -> None:
    """Nothing is said, and every weight is that of the file."""
    from safetensors.numpy import load_file

    model = _model(plugins, sound / shape)
    network = _learner(model).module().model
    saved = load_file(sound / shape / "model.safetensors")

    assert model.check(DATA, filled({}, model.settings), "as-is") == []
    assert all(np.array_equal(weight.detach().numpy(), saved[name]) for name, weight in network.named_parameters())


def test_torn_weights_and_impossible_configurations_are_refused(sound: Path, plugins: Plugins, tmp_path: Path) -> None:
    """By name, before anything is trained."""
    shutil.copytree(sound / "bert", tmp_path / "torn")
    content = (tmp_path / "torn" / "model.safetensors").read_bytes()
    (tmp_path / "torn" / "model.safetensors").write_bytes(content[: len(content) // 2])
    odd = _model(plugins, _edited(sound / "bert", tmp_path / "odd", _same, num_attention_heads=5))
    settings = filled({}, odd.settings)
    with pytest.raises(PluginError, match=r"model\.safetensors cannot be read: .* Copy the checkpoint again"):
        _model(plugins, tmp_path / "torn").check(DATA, settings, "pretrained")
    with pytest.raises(PluginError, match="transformers cannot build its network: ValueError: The hidden size"):
        odd.check(DATA, settings, "pretrained")
