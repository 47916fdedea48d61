"""What a checkpoint's index or configuration names is opened only where it is safetensors of its folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import PluginError
from harness_checkpoints.folder import CheckpointFolder
from harness_checkpoints.weight_files import INDEX, WEIGHTS

RAN = "ran"
"""The file that the trap makes when it is opened as a pickle."""


class _Trap:
    """Runs code when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self._file,))


@pytest.fixture
def folder(checkpoints: Path, tmp_path: Path) -> Path:
    """Return a copy of a checkpoint, with pickles beside its weights and outside of it."""
    import torch

    made = Path(shutil.copytree(checkpoints / "bert", tmp_path / "given"))
    (made / "sub").mkdir()
    for place in (made / "evil.bin", made / "evil.pt", made / "adapter_model.bin", tmp_path / "outside.safetensors"):
        torch.save(_Trap(tmp_path / RAN), place)
    shutil.copy(made / WEIGHTS, made / "sub" / "part.safetensors")
    return made


def _indexed(folder: Path, name: Any) -> None:
    """Let an index name the file of a weight."""
    (folder / WEIGHTS).rename(folder / "part.safetensors")
    content = {"metadata": {}, "weight_map": {"a": "part.safetensors", "b": name}}
    (folder / INDEX).write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize(
    "name",
    ["evil.bin", "evil.pt", "/etc/passwd", "../outside.safetensors", "sub/part.safetensors", "sub\\part.safetensors",
     ".safetensors", "a\n.safetensors", "evil.bin\x00.safetensors", "C:part.safetensors", 7, None, ["evil.bin"]],
)  # fmt: skip
def test_an_index_names_files_of_its_folder_alone(folder: Path, name: Any) -> None:
    """Anything else is refused with its name."""
    _indexed(folder, name)

    with pytest.raises(PluginError, match=r"index\.json names .* as a file of weights\. Only files of its folder"):
        CheckpointFolder(folder)


def test_a_trap_is_a_trap(folder: Path, tmp_path: Path) -> None:
    """Without the check the pickle would run: transformers opens what the index names."""
    import transformers

    _indexed(folder, "evil.bin")
    with pytest.raises(Exception, match=r"weights_only|Weights only"):
        transformers.AutoModel.from_pretrained(folder, use_safetensors=True)
    import torch

    torch.load(folder / "evil.bin", weights_only=False)

    assert (tmp_path / RAN).exists()


@pytest.mark.parametrize("name", ["evil.bin", "adapter_model.bin", "nowhere/more.safetensors.index.json", 3])
def test_a_configuration_names_no_weights(folder: Path, name: Any) -> None:
    """For it would open `adapter_model.bin` by torch.load, and another index than the one that was checked."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "transformers_weights": name}), encoding="utf-8")

    with pytest.raises(PluginError, match=r"names .* as its weights \(transformers_weights\)"):
        CheckpointFolder(folder)


def test_an_adapter_is_refused(folder: Path) -> None:
    """Without its library transformers would leave it out in silence; with it, it would open its weights."""
    (folder / "adapter_config.json").write_text("{}", encoding="utf-8")

    with pytest.raises(PluginError, match=r"holds an adapter .*merge_and_unload"):
        CheckpointFolder(folder)


def test_links_lead_to_files_of_the_folder(folder: Path, tmp_path: Path) -> None:
    """One to a file outside is refused; one within is read, and so are those of the hub's cache."""
    (folder / WEIGHTS).rename(folder / "real.safetensors")
    (folder / WEIGHTS).symlink_to("real.safetensors")
    assert CheckpointFolder(folder).weight_files == [folder / WEIGHTS]

    (folder / WEIGHTS).unlink()
    (folder / WEIGHTS).symlink_to(tmp_path / "outside.safetensors")
    with pytest.raises(PluginError, match=r"is a link to .*outside\.safetensors, outside of its folder"):
        CheckpointFolder(folder)

    cache = tmp_path / "models--a--b"
    snapshot = Path(shutil.move(folder, cache / "snapshots" / "abc"))
    (cache / "blobs").mkdir()
    (snapshot / "real.safetensors").rename(cache / "blobs" / "0f")
    (snapshot / WEIGHTS).unlink()
    (snapshot / WEIGHTS).symlink_to("../../blobs/0f")
    assert CheckpointFolder(snapshot).weight_files == [snapshot / WEIGHTS]


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (INDEX, '{"weight_map": {"a": "par', r"index\.json cannot be read as JSON: Unterminated string"),
        (INDEX, "[" * 100_000, r"index\.json cannot be read as JSON: it is nested more than 100 deep"),
        (INDEX, "[]", r"index\.json holds a list and no object"),
        (INDEX, "{}", "has no object `weight_map`"),
        (INDEX, '{"weight_map": ["evil.bin"]}', "has no object `weight_map`"),
        ("config.json", '{"model_type": "bert", "a": ' + "[" * 500 + "]" * 500 + "}", r"nested more than 100 deep"),
        ("config.json", '{"model_type": "bert", "a": 1e9999}', r"the number 1e9999… is too large"),
        ("config.json", '"bert"', r"config\.json holds a str and no object"),
        ("config.json", '{"model_type": ["bert"]}', r"`model_type` is \['bert'\] and no text"),
        ("config.json", '{"model_type": "bert", "architectures": 5}', "`architectures` is 5 and no list of texts"),
        ("config.json", '{"model_type": "bert", "id2label": {"a": 1}}', "`id2label` is .* no object of whole numbers"),
        ("config.json", '{"model_type": "bert", "num_hidden_layers": 1000000000}', "up to 10,000 are built"),
        ("config.json", '{"model_type": "swin", "depths": [2, 1000000000]}', "`depths` is 1,000,000,000; up to 10"),
        ("config.json", '{"model_type": "llava", "text_config": {"n_layer": 1000000000}}', "`n_layer` is 1,000,000"),
        ("config.json", '{"model_type": "bert", "num_labels": 1000000000}', "up to 1,000,000 are built"),
    ],
)  # fmt: skip
def test_broken_json_is_a_sentence(folder: Path, file: str, text: str, message: str) -> None:
    """Cut, nested, of another type, of numbers out of this world."""
    (folder / WEIGHTS).rename(folder / "part.safetensors")
    (folder / file).write_text(text, encoding="utf-8")

    with pytest.raises(PluginError, match=message):
        CheckpointFolder(folder)


def test_a_command_refuses_before_anything_is_opened(
    folder: Path, tmp_path: Path, harness_command: Callable[..., Any]
) -> None:
    """Exit code 2; the pickle has not run, nothing is written."""
    _indexed(folder, "evil.bin")
    done = harness_command(
        tmp_path, "run", "quick", "--task", "text-classification", "--model", "hf:given", "--start", "pretrained"
    )

    assert done.code == 2
    assert "names 'evil.bin' as a file of weights" in done.stderr
    assert not (tmp_path / RAN).exists()
    assert not (tmp_path / "harness-results").exists()
