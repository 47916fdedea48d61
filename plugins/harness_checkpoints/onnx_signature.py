"""The signature of an ONNX file: its inputs, its output and its labels, read from the file or given by settings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness import PluginError
from harness.json_text import load
from harness.onnx_session import onnxruntime
from harness_checkpoints.classes import as_labels, config_labels, given_labels
from harness_checkpoints.folder import CONFIG

ENCODERS = ("bytes", "text", "tokens", "image")
"""What an input can hold."""
TOKENIZER = "tokenizer.json"
TOKEN_INPUTS = ("input_ids", "attention_mask", "token_type_ids", "position_ids")
"""What a tokenizer gives."""
METADATA_LABELS = ("labels", "classes", "class_names", "id2label", "names")
"""Metadata keys under which exporters write the classes."""


@dataclass(frozen=True)
class FileSignature:
    """What a file takes and returns."""

    encoder: str
    inputs: tuple[str, ...]
    output: str
    labels: tuple[str, ...]
    shape: tuple[int | None, ...]
    """Of the first input; None where a size is dynamic."""
    dtype: str
    """Of the first input, by numpy's name."""
    tokenizer: str
    """Path of a tokenizer.json, which only the encoder `tokens` reads."""
    pad_id: int | None = None
    """The token that the network takes for padding, by the configuration beside the file; None: it does not say."""


def read_signature(path: Path, settings: Mapping[str, Any]) -> FileSignature:
    """Return a file's signature.

    Raises:
        PluginError: the file cannot be opened, or a setting is missing; names inputs, outputs and the setting.
    """
    session = _open(path)
    inputs, outputs = session.get_inputs(), session.get_outputs()
    has = f"onnx:{path} takes {_describe(inputs)} and returns {_describe(outputs)}."
    encoder = settings["encoder"] or _guess_encoder(path, inputs)
    if encoder not in ENCODERS:
        raise PluginError(f"{has} What does its input hold? Give --setting encoder={'|'.join(ENCODERS)}.")
    names = [node.name for node in outputs]
    output = settings["output"] or (names[0] if len(names) == 1 else "")
    if output not in names:
        raise PluginError(f"{has} Which output has a number for each class? Give --setting output={'|'.join(names)}.")
    classes = outputs[names.index(output)].shape[-1]
    labels = _labels(path, settings["labels"], session.get_modelmeta().custom_metadata_map)
    if not labels:
        raise PluginError(
            f"{has} The order of its {classes} classes is not in the file. Give --setting labels=a,b,c, "
            "--setting labels=FILE.json (a list) or FILE.json#KEY."
        )
    if isinstance(classes, int) and classes != len(labels):
        raise PluginError(f"{has} It has {classes} classes; {len(labels)} labels were given.")
    tokenizer = settings["tokenizer"] or str(path.with_name(TOKENIZER))
    if encoder == "tokens" and not Path(tokenizer).is_file():
        raise PluginError(f"{has} There is no {tokenizer}. Give --setting tokenizer=FILE.json.")
    taken = tuple(node.name for node in inputs)
    if encoder == "tokens" and (others := [name for name in taken if name not in TOKEN_INPUTS]):
        raise PluginError(f"{has} A tokenizer gives no {', '.join(others)}. Export the model without them.")
    shape = tuple(size if isinstance(size, int) else None for size in inputs[0].shape)
    pad_id = config_beside(path).get("pad_token_id") if encoder == "tokens" else None
    return FileSignature(encoder, taken, output, labels, shape, _dtype(inputs[0].type), tokenizer, pad_id)


def takes_images(path: Path) -> bool:
    """Return whether a file's only input is a float array of four axes.

    Raises:
        PluginError: the file cannot be opened.
    """
    return _is_image(_open(path).get_inputs())


def _is_image(inputs: Sequence[Any]) -> bool:
    return len(inputs) == 1 and len(inputs[0].shape) == 4 and "float" in inputs[0].type  # noqa: PLR2004 - n, c, h, w


def _open(path: Path) -> Any:
    try:
        return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has an exception class per status and no common base
        raise PluginError(f"onnx:{path} cannot be opened: {str(error).strip().splitlines()[0]}") from error


def _describe(nodes: Sequence[Any]) -> str:
    return ", ".join(f"{node.name} {node.type.removeprefix('tensor')}{node.shape}" for node in nodes)


def _guess_encoder(path: Path, inputs: Sequence[Any]) -> str:
    """Return what the input holds, or an empty string if the file does not tell."""
    names = {node.name for node in inputs}
    if len(inputs) == 1 and inputs[0].type == "tensor(string)":
        return "text"
    if "input_ids" in names and path.with_name(TOKENIZER).is_file():
        return "tokens"
    return "image" if _is_image(inputs) else ""


def _labels(path: Path, setting: str, metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Return the classes that a setting names, or the file, or the configuration beside it."""
    if setting:
        return given_labels(setting)
    text = next((metadata[key] for key in METADATA_LABELS if key in metadata), "")
    return as_labels(_parse(text)) if text else config_labels(config_beside(path))


def config_beside(path: Path) -> dict[str, Any]:
    """Return the configuration of transformers that exporters write beside a file; empty if there is none."""
    try:
        config = load(path.with_name(CONFIG).read_bytes(), constants=True)
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) and "model_type" in config else {}


def _parse(text: str) -> Any:
    try:
        return load(text)
    except ValueError:
        return text.split(",")


def _dtype(onnx_type: str) -> str:
    names = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(double)": "float64"}
    return names.get(onnx_type, onnx_type.removeprefix("tensor(").rstrip(")"))


def to_json(signature: FileSignature) -> str:
    """Return a signature as JSON."""
    return json.dumps(asdict(signature), indent=1)


def from_json(text: str) -> FileSignature:
    """Return the signature that `to_json` wrote."""
    body = json.loads(text)
    lists = {name: tuple(body[name]) for name in ("inputs", "labels", "shape")}
    return FileSignature(**{**body, **lists})
