"""Checkpoints as models: each architecture, sharded or not; unsafe ones are refused."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import PluginError
from harness.plugins import Plugins, load_plugins
from harness.seams import Data
from harness.settings import filled
from harness.store import peek_records
from harness.testing import check

SKIPPED = {"flop_count", "initialisation"}
"""Checks that cannot run on a checkpoint: it declares neither operations nor initialisations."""


@pytest.mark.parametrize(
    "shape", ["vit", *(pytest.param(shape, marks=pytest.mark.slow) for shape in ("bert", "gpt2", "t5", "resnet"))]
)
def test_a_checkpoint_passes_the_kit(checkpoints: Path, plugins: Plugins, shape: str) -> None:
    """All checks run, except that T5 cannot be exported, and that what is only asked in words is not trained."""
    length = {"max_length": 24} if (checkpoints / shape / "tokenizer.json").exists() else {}
    findings = check(f"hf:{checkpoints / shape}", plugins, settings={"learning_rate": 0.003, **length})
    skipped = {one.check for one in findings if one.outcome == "skipped" and "is asked in words" not in one.why}

    assert findings.ok, str(findings)
    assert skipped == SKIPPED | ({"exports"} if shape == "t5" else set())


def test_a_checkpoint_is_measured_pretrained_and_from_scratch(
    checkpoints: Path, tmp_path: Path, libraries_at_hand: None, harness_command: Callable[..., Any]
) -> None:
    """Both starts are cases of one suite; a changed checkpoint is another model."""
    shutil.copytree(checkpoints / "vit", tmp_path / "vit")
    (tmp_path / "s.yaml").write_text(
        """\
name: s
models: [{name: "hf:vit", settings: {learning_rate: 0.003}}]
tasks: [digits]
starts: [pretrained, scratch]
budgets: {finetune: {steps: 3}}
scenarios: [Offline]
serve: {seconds: 0.1, queries: 5}
""",
        encoding="utf-8",
    )
    first = harness_command(tmp_path, "run", "s.yaml")
    records = peek_records(str(tmp_path / "harness-results"))
    config = json.loads((tmp_path / "vit" / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "vit" / "config.json").write_text(json.dumps({**config, "author": "me"}), encoding="utf-8")
    again = harness_command(tmp_path, "run", "s.yaml", "--dry-run")

    assert first.code == 0, first.stdout + first.stderr
    assert [record.spec["start"] for record in records if record.step == "finetune"] == ["pretrained", "scratch"]
    assert {record.spec["model"] for record in records} == {"hf:vit"}
    assert "6 to do" in again.stdout


def test_shards_load_as_one_file_does(checkpoints: Path, topics: Data, tmp_path: Path) -> None:
    """The learner starts from the same weights; the message names a missing shard."""
    import transformers

    model = transformers.BertForMaskedLM.from_pretrained(checkpoints / "bert")
    model.save_pretrained(tmp_path / "sharded", max_shard_size="30KB")
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(checkpoints / "bert" / file, tmp_path / "sharded")
    shards = sorted((tmp_path / "sharded").glob("*.safetensors"))
    encoders = [_encoder(folder, topics) for folder in (checkpoints / "bert", tmp_path / "sharded")]
    shards[0].unlink()

    assert len(shards) > 1
    assert all(np.array_equal(encoders[0][name], encoders[1][name]) for name in encoders[0])
    with pytest.raises(PluginError, match=rf"lacks {shards[0].name}, listed in model.safetensors.index.json"):
        load_plugins().find("models", f"hf:{tmp_path / 'sharded'}")


def _encoder(folder: Path, data: Data) -> dict[str, np.ndarray]:
    """Return the weights a learner starts from, without those of the new head."""
    from harness.seams import Assignment

    model = load_plugins().find("models", f"hf:{folder}")
    settings = filled({}, model.settings)
    learner = model.learner(Assignment("finetune", data, "default", settings, "cpu", "fp32", 0, pretrained=True))
    parameters = learner.module().named_parameters()
    return {name: weight.detach().numpy() for name, weight in parameters if "classifier" not in name}


def test_fine_tuning_starts_from_the_checkpoints_weights(checkpoints: Path, topics: Data) -> None:
    """A matrix of the encoder is the one in the file."""
    from safetensors.numpy import load_file

    saved = load_file(checkpoints / "bert" / "model.safetensors")
    started = _encoder(checkpoints / "bert", topics)
    name = "model.bert.encoder.layer.0.attention.self.query.weight"

    assert np.array_equal(started[name], saved[name.removeprefix("model.")])


def test_without_a_tokenizer_texts_cannot_be_read(
    checkpoints: Path, tmp_path: Path, harness_command: Callable[..., Any]
) -> None:
    """The command ends before anything is written; a setting names another tokenizer."""
    for file in ("config.json", "model.safetensors"):
        (tmp_path / "bare").mkdir(exist_ok=True)
        shutil.copy(checkpoints / "bert" / file, tmp_path / "bare")
    command = ["run", "quick", "--model", "hf:bare", "--task", "text-classification", "--dry-run"]
    refused = harness_command(tmp_path, *command)
    taken = harness_command(tmp_path, *command, "--setting", f"tokenizer={checkpoints / 'bert'}")

    assert refused.code == 2
    assert "hf:bare has no tokenizer" in refused.stderr
    assert "--setting tokenizer=FOLDER" in refused.stderr
    assert taken.code == 0, taken.stderr
    assert "finetune hf:bare on text-classification" in taken.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bare"]


REMOTE_CODE = """
import torch
from pathlib import Path
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

Path(__file__).with_name("it-ran").touch()

class TinyConfig(PretrainedConfig):
    model_type = "tiny-own"
    def __init__(self, vocab_size=400, width=16, **rest):
        self.vocab_size, self.width = vocab_size, width
        super().__init__(**rest)

class TinyForSequenceClassification(PreTrainedModel):
    config_class = TinyConfig
    def __init__(self, config):
        super().__init__(config)
        self.words = torch.nn.Embedding(config.vocab_size, config.width)
        self.head = torch.nn.Linear(config.width, config.num_labels)
        self.post_init()
    def forward(self, input_ids, attention_mask=None, **rest):
        mask = attention_mask.unsqueeze(-1).float()
        mean = (self.words(input_ids) * mask).sum(1) / mask.sum(1)
        return SequenceClassifierOutput(logits=self.head(mean))
"""


def _with_remote_code(checkpoints: Path, folder: Path) -> None:
    from safetensors.numpy import save_file

    folder.mkdir()
    (folder / "tiny.py").write_text(REMOTE_CODE, encoding="utf-8")
    auto = {"AutoConfig": "tiny.TinyConfig", "AutoModelForSequenceClassification": "tiny.TinyForSequenceClassification"}
    config = {"model_type": "tiny-own", "vocab_size": 400, "width": 16, "auto_map": auto}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    save_file({"words.weight": np.ones((400, 16), np.float32)}, folder / "model.safetensors", metadata={"format": "pt"})
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(checkpoints / "bert" / file, folder)


@pytest.fixture
def own_code(checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a command that runs a checkpoint with code of its own, which leaves a file `it-ran`."""
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "cache"))
    _with_remote_code(checkpoints, tmp_path / "own")
    (tmp_path / "s.yaml").write_text(
        "{name: s, models: [tfidf], tasks: [text-classification], scenarios: [Offline], "
        "budgets: {finetune: {steps: 2}}, serve: {seconds: 0.1}}",
        encoding="utf-8",
    )
    return ["run", "s.yaml", "--model", "hf:own"]


def test_a_checkpoints_code_does_not_run_by_itself(
    own_code: list[str], tmp_path: Path, harness_command: Callable[..., Any]
) -> None:
    """Without the option the command ends before the code runs, and writes nothing."""
    refused = harness_command(tmp_path, *own_code)

    assert refused.code == 2
    assert "tiny.TinyForSequenceClassification" in refused.stderr
    assert "--trust-remote-code" in refused.stderr
    assert not list(tmp_path.rglob("it-ran"))
    assert not (tmp_path / "harness-results").exists()


@pytest.mark.slow
def test_a_checkpoints_code_runs_if_it_is_trusted(own_code: list[str], tmp_path: Path) -> None:
    """The model is trained and served, in processes of their own: the code is imported."""
    trusting = ["harness", *own_code, "--trust-remote-code"]
    done = subprocess.run(trusting, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert list(tmp_path.rglob("it-ran"))


def _broken(tmp_path: Path, **files: str) -> str:
    folder = tmp_path / "broken"
    folder.mkdir()
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, encoding="utf-8")
    return f"hf:{folder}"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "has no config.json: it is no checkpoint"),
        ({"config__json": "{"}, "cannot be read"),
        ({"config__json": "[]"}, "holds a list and no object"),
        ({"config__json": "{}"}, "has no `model_type`"),
        ({"config__json": '{"model_type": "bert"}'}, "has no model.safetensors"),
        (
            {"config__json": '{"model_type": "bert"}', "pytorch_model__bin": "x"},
            "holds pytorch_model.bin, which could run code when opened. Only safetensors are read",
        ),
        (
            {"config__json": '{"model_type": "whisper"}', "model__safetensors": "x"},
            "is a whisper, which transformers builds for none of text-classification, image-classification",
        ),
    ],
)
def test_a_folder_that_is_no_checkpoint_is_refused(tmp_path: Path, files: dict[str, str], message: str) -> None:
    """The message names the folder and what is missing."""
    with pytest.raises(PluginError, match=re.escape(message)):
        load_plugins().find("models", _broken(tmp_path, **files))


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("hf:./nowhere", "There is no file or folder ./nowhere"),
        ("hf:no-one/nothing-at-all", "cannot be downloaded from the hub"),
        ("hg:folder", "Unknown model scheme 'hg'. Did you mean 'hf'?"),
    ],
)
def test_a_reference_that_leads_nowhere(reference: str, message: str) -> None:
    """A missing folder, a name that is not on the hub, an unknown scheme."""
    with pytest.raises(PluginError, match=re.escape(message)):
        load_plugins().find("models", reference)


def test_a_tokenizer_that_is_too_large_is_not_the_checkpoints(
    checkpoints: Path, plugins: Plugins, topics: Data, tmp_path: Path
) -> None:
    """Token ids beyond the embedding would raise an index error deep inside."""
    from transformers import AutoTokenizer

    from harness import Unsupported
    from harness.seams import Assignment

    tokenizer = AutoTokenizer.from_pretrained(checkpoints / "bert")
    tokenizer.add_tokens([f"new{number}" for number in range(100)])
    tokenizer.save_pretrained(tmp_path)
    model = plugins.find("models", f"hf:{checkpoints / 'bert'}")
    settings = filled({"tokenizer": str(tmp_path)}, model.settings)
    learner = model.learner(Assignment("finetune", topics, "default", settings, "cpu", "fp32", 0, pretrained=True))
    with pytest.raises(Unsupported, match="not the one the checkpoint was trained with"):
        learner.module()


def test_images_get_the_channels_the_checkpoint_takes(checkpoints: Path) -> None:
    """Grey is repeated in three channels; colour is averaged."""
    from harness_checkpoints.folder import CheckpointFolder
    from harness_checkpoints.hf_codecs import HfImageCodec

    grey, colour = np.full((28, 28, 1), 255, np.uint8), np.zeros((28, 28, 3), np.uint8)
    three = HfImageCodec.of_checkpoint(CheckpointFolder(checkpoints / "resnet")).encode([grey, colour])["pixel_values"]
    one = HfImageCodec.of_checkpoint(CheckpointFolder(checkpoints / "vit")).encode([grey, colour])["pixel_values"]

    assert three.shape == (2, 3, 28, 28)
    assert one.shape == (2, 1, 28, 28)
    assert np.allclose(three[0], 1.0)
    assert np.allclose(three[1], -1.0)
    assert np.allclose(one[0], 1.0)


def test_how_images_are_prepared_is_never_guessed_in_silence(
    checkpoints: Path, plugins: Plugins, tmp_path: Path
) -> None:
    """As it is, a checkpoint without an image processor is refused; else it is said. One inside a processor counts."""
    from transformers import ViTForImageClassification, ViTImageProcessorPil

    digits = {number: str(number) for number in range(10)}
    data = plugins.tasks["image-classification"].data(None, {})
    network = ViTForImageClassification.from_pretrained(
        checkpoints / "vit", id2label=digits, ignore_mismatched_sizes=True
    )
    network.save_pretrained(tmp_path / "bare")
    network.save_pretrained(tmp_path / "whole")
    processor = ViTImageProcessorPil(image_mean=[0.1], image_std=[0.3], size={"height": 28, "width": 28})
    processor.save_pretrained(tmp_path / "whole")
    shutil.copytree(tmp_path / "whole", tmp_path / "nested")
    told = json.loads((tmp_path / "nested" / "preprocessor_config.json").read_text(encoding="utf-8"))
    (tmp_path / "nested" / "preprocessor_config.json").unlink()
    (tmp_path / "nested" / "processor_config.json").write_text(json.dumps({"image_processor": told}), encoding="utf-8")
    bare, whole, nested = (plugins.find("models", f"hf:{tmp_path / name}") for name in ("bare", "whole", "nested"))
    settings = filled({}, bare.settings)
    answers = [_scaled(model) for model in (whole, nested)]

    assert whole.check(data, settings, "as-is") == []
    assert nested.check(data, settings, "as-is") == []
    for start in ("pretrained", "scratch"):
        [note] = bare.check(data, settings, start)
        assert "has no preprocessor_config.json. Images are scaled to" in note
    with pytest.raises(PluginError, match="nothing says how its images were scaled"):
        bare.check(data, settings, "as-is")
    assert np.allclose(answers, (1 - 0.1) / 0.3)


def _scaled(model: Any) -> np.ndarray:
    from harness_checkpoints.hf_codecs import HfImageCodec

    white = np.full((28, 28, 1), 255, np.uint8)
    return HfImageCodec.of_checkpoint(model.folder).encode([white])["pixel_values"]
