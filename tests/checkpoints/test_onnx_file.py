"""ONNX files are evaluated and served: Google's Magika on real sources, and small files of each kind."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import DataError, PluginError
from harness.plugins import Plugins, load_plugins
from harness.seams import Assignment
from harness.settings import filled
from harness.store import peek_records
from harness.testing import check

KINDS = {".py": "python", ".js": "javascript", ".json": "json", ".md": "markdown"}
OF_EACH = 25


@pytest.fixture(scope="module")
def magika(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the model, its configuration, and sources of installed packages with their languages."""
    folder = tmp_path_factory.mktemp("magika")
    package = Path(str(importlib.util.find_spec("magika").origin)).parent  # type: ignore[union-attr]
    (models,) = (package / "models").glob("*/model.onnx")
    shutil.copy(models, folder / "magika.onnx")
    shutil.copy(models.with_name("config.min.json"), folder / "config.json")
    files = sorted(path for path in package.parent.rglob("*") if path.suffix in KINDS)
    rows = []
    for suffix, label in KINDS.items():
        paths = [path for path in files if path.suffix == suffix]
        paths = paths[:: max(1, len(paths) // (4 * OF_EACH))]  # site-packages has tens of thousands
        sources = (path.read_text(encoding="utf-8", errors="replace") for path in paths)
        texts = list(dict.fromkeys(text[:5000] for text in sources if len(text) > 1000))
        rows += [{"text": text, "label": label} for text in texts[:: max(1, len(texts) // OF_EACH)][:OF_EACH]]
    (folder / "sources.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return folder


def test_errors_ask_for_missing_settings_and_then_it_works(
    magika: Path, libraries_at_hand: None, harness_command: Callable[..., Any]
) -> None:
    """Following the two messages leads to a result with nearly all answers right."""
    (magika / "s.yaml").write_text(
        "{name: s, models: [tfidf], tasks: [text-classification], budgets: {finetune: {steps: 1}},"
        " scenarios: [Offline], serve: {seconds: 0.1, queries: 5}}",
        encoding="utf-8",
    )
    options = ["--task", "text-classification", "--data", "sources.jsonl", "--model", "onnx:magika.onnx"]
    command = ["run", "s.yaml", *options]
    first = harness_command(magika, *command)
    second = harness_command(magika, *command, "--setting", "encoder=bytes")
    nothing_written = not (magika / "harness-results").exists()
    labels = ("--setting", "labels=config.json#target_labels_space")
    third = harness_command(magika, *command, "--setting", "encoder=bytes", *labels)
    assert third.code == 0, third.stdout + third.stderr
    (graded,) = [record for record in peek_records(str(magika / "harness-results")) if record.scores]

    assert (first.code, second.code) == (2, 2)
    assert "takes bytes (int32)" in first.stderr
    assert "--setting encoder=bytes|text|tokens|image" in first.stderr
    assert "order of its 214 classes" in second.stderr
    assert "--setting labels=FILE.json" in second.stderr
    assert nothing_written
    assert graded.spec["start"] == "as-is"
    import onnx

    stored = map(onnx.numpy_helper.to_array, onnx.load(magika / "magika.onnx").graph.initializer)
    assert graded.value("parameters") == sum(one.size for one in stored if one.dtype == np.float32)
    assert "finetune" not in {
        record.step for record in peek_records(str(magika / "harness-results")) if "onnx" in record.spec["model"]
    }
    assert sum(graded.scores["correct"]) / len(graded.scores["correct"]) >= 0.9


def test_bytes_are_cut_and_padded_as_magika_does_it(magika: Path) -> None:
    """Magika's library finds the same type for each source."""
    from magika import Magika

    from harness_checkpoints.onnx_learner import ByteCodec
    from harness_checkpoints.onnx_signature import read_signature

    settings = _settings(encoder="bytes", labels=f"{magika / 'config.json'}#target_labels_space")
    signature = read_signature(magika / "magika.onnx", settings)
    texts = [json.loads(line)["text"] for line in (magika / "sources.jsonl").read_text(encoding="utf-8").splitlines()]
    texts = [*texts[:20], *texts[-20:], "#!/bin/sh\necho short and sweet, and no more than that\n"]
    outputs = _outputs(magika / "magika.onnx", ByteCodec(signature).encode(texts))
    ours = [signature.labels[place] for place in outputs.argmax(1)]
    theirs = [str(Magika().identify_bytes(text.encode()).dl.label) for text in texts]

    assert ours == theirs


def _outputs(path: Path, arrays: dict[str, np.ndarray]) -> np.ndarray:
    from harness.onnx_session import onnxruntime

    outputs: np.ndarray = onnxruntime.InferenceSession(path).run(None, arrays)[0]
    return outputs


def _settings(**changes: str) -> dict[str, Any]:
    from harness_checkpoints.onnx_file import OnnxFile

    return filled(changes, OnnxFile.settings)


def _linear(folder: Path, shape: list[Any], classes: int, metadata: dict[str, str] | None = None) -> Path:
    """Write a file that flattens its input and multiplies it by a matrix."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    size = int(np.prod(shape[1:]))
    weights = np.random.default_rng(0).normal(size=(size, classes)).astype(np.float32)
    nodes = [helper.make_node("Flatten", ["x"], ["flat"]), helper.make_node("MatMul", ["flat", "w"], ["scores"])]
    graph = helper.make_graph(
        nodes, "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [shape[0], classes])],
        [numpy_helper.from_array(weights, "w")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, metadata or {})
    onnx.save(model, folder / "linear.onnx")
    return folder / "linear.onnx"


@pytest.mark.parametrize("shape", [["n", 1, 28, 28], ["n", 14, 14, 3], ["n", 3, 20, 10]])
def test_an_image_file_with_labels_needs_no_settings(tmp_path: Path, shape: list[Any]) -> None:
    """Channels first or last, grey or colour, any size: the kit passes."""
    path = _linear(tmp_path, shape, 10, {"labels": json.dumps([str(digit) for digit in range(10)])})
    findings = check(f"onnx:{path}")

    assert findings.ok, str(findings)


def test_classes_are_matched_by_name_not_by_position(tmp_path: Path) -> None:
    """Outputs in reverse order give probabilities in the task's order."""
    plugins = load_plugins()
    backwards = ",".join(str(digit) for digit in reversed(range(10)))
    path = _linear(tmp_path, ["n", 1, 28, 28], 10)
    forwards = ",".join(str(digit) for digit in range(10))
    images = plugins.tasks["image-classification"].data(None, {}).queries()[:5]
    answers = [_answers(plugins, path, images, labels) for labels in (forwards, backwards)]

    assert np.allclose(answers[0], answers[1][:, ::-1])
    assert np.allclose(answers[0].sum(axis=1), 1.0)


def _answers(plugins: Plugins, path: Path, images: Any, labels: str) -> np.ndarray:
    model, data = plugins.find("models", f"onnx:{path}"), plugins.tasks["image-classification"].data(None, {})
    settings = filled({"labels": labels}, model.settings)
    return np.asarray(
        model.learner(Assignment("finetune", data, "default", settings, "cpu", "fp32", 0)).predict(images)
    )


def test_names_are_those_of_the_file_of_a_configuration_or_a_setting(tmp_path: Path) -> None:
    """In any order; the configuration beside a file is what transformers writes, and its made-up names are no names."""
    path = _linear(tmp_path, ["n", 1, 28, 28], 10)
    data = load_plugins().tasks["image-classification"].data(None, {})
    images = data.queries()[:5]
    forwards = _answers(load_plugins(), path, images, ",".join("0123456789"))
    names = {str(place): str(9 - place) for place in range(10)}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "vit", "id2label": names}), encoding="utf-8")
    backwards = _answers(load_plugins(), path, images, "")
    made_up = {str(place): f"LABEL_{9 - place}" for place in range(10)}
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "vit", "label2id": {v: int(k) for k, v in made_up.items()}}), encoding="utf-8"
    )

    assert np.allclose(forwards, backwards[:, ::-1])
    assert np.allclose(_answers(load_plugins(), path, images, ""), backwards)


def test_a_task_with_a_class_the_file_lacks(tmp_path: Path) -> None:
    """The message names the class and the file's classes, before anything is written."""
    path = _linear(tmp_path, ["n", 1, 28, 28], 10)
    plugins = load_plugins()
    model, data = plugins.find("models", f"onnx:{path}"), plugins.tasks["image-classification"].data(None, {})
    with pytest.raises(DataError, match=r"lacks the classes 0, 1, 2.* It has a, b, c"):
        model.check(data, filled({"labels": ",".join("abcdefghij")}, model.settings), "as-is")
    assert model.check(data, filled({"labels": ",".join("9876543210")}, model.settings), "as-is") == ()
    with pytest.raises(DataError, match=r"lacks the classes 0, 1, 2.* It has a, b, c"):
        _answers(load_plugins(), path, [], ",".join("abcdefghij"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"labels": "a,b"}, "It has 10 classes; 2 labels were given"),
        ({"labels": "nowhere.json"}, "labels=nowhere.json: FileNotFoundError"),
        ({"labels": "a,b", "output": "x"}, "Which output has a number for each class"),
        ({"labels": "a,b", "encoder": "tokens"}, "There is no .*tokenizer.json. Give --setting tokenizer="),
        ({"labels": "a,b", "encoder": "smell"}, r"Give --setting encoder=bytes\|text\|tokens\|image"),
    ],
)
def test_settings_that_do_not_fit_the_file_are_refused(tmp_path: Path, settings: dict[str, str], message: str) -> None:
    """Each message ends with what to type."""
    from harness_checkpoints.onnx_signature import read_signature

    path = _linear(tmp_path, ["n", 1, 28, 28], 2 if "tokens" in settings.values() else 10)
    with pytest.raises(PluginError, match=message):
        read_signature(path, _settings(**settings))


def test_a_file_that_is_not_onnx(tmp_path: Path) -> None:
    """Missing, with another suffix, or broken."""
    (tmp_path / "torn.onnx").write_bytes(b"not a graph")
    for reference in ("nowhere.onnx", str(tmp_path)):
        with pytest.raises(PluginError, match="there is no such file"):
            load_plugins().find("models", f"onnx:{reference}")
    with pytest.raises(PluginError, match=r"torn\.onnx cannot be opened"):
        load_plugins().find("models", f"onnx:{tmp_path / 'torn.onnx'}")


@pytest.mark.parametrize("location", ["../outside.bin", "{}/outside.bin", "link.bin", "/proc/self/environ"])
def test_weights_outside_of_its_folder_are_not_read(location: str, tmp_path: Path) -> None:
    """Those that a file names, by a path or a link: ONNX Runtime refuses them, and the harness says so."""
    import onnx
    from onnx import TensorProto, helper

    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "outside.bin").write_bytes(bytes(16))
    (folder / "link.bin").symlink_to("../outside.bin")
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location.format(tmp_path), "offset": "0", "length": "16"}.items():
        weights.external_data.add(key=key, value=value)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "g", ends[:1], ends[1:], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    (folder / "a.onnx").write_bytes(model.SerializeToString())
    assert onnx.load(folder / "a.onnx", load_external_data=False).graph.initializer

    with pytest.raises(PluginError, match=r"a\.onnx cannot be opened: .*(escapes model directory|Absolute path)"):
        load_plugins().find("models", f"onnx:{folder / 'a.onnx'}")


def test_a_signature_survives_being_saved() -> None:
    """Written and read again it is the same."""
    from harness_checkpoints.onnx_signature import FileSignature, from_json, to_json

    signature = FileSignature("bytes", ("x",), "y", ("a", "b"), (None, 2048), "int32", "t.json")

    assert from_json(to_json(signature)) == signature
