"""How a task's inputs become a file's arrays and its numbers become the task's classes: read from it, or asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness import PluginError
from harness.onnx_session import onnxruntime

ENCODERS = ("bytes", "text", "tokens", "image")
"""What a file's input can hold."""
TOKENIZER = "tokenizer.json"
METADATA_LABELS = ("labels", "classes", "class_names", "id2label", "names")
"""Keys of a file's metadata under which exporters write the classes."""


@dataclass(frozen=True)
class FileUse:
    """What is known of a file's inputs and outputs."""

    encoder: str
    inputs: tuple[str, ...]
    output: str
    labels: tuple[str, ...]
    shape: tuple[int | None, ...]
    """Of the first input; None where a size is open."""
    dtype: str
    """Of the first input, as numpy names it."""
    tokenizer: str


def read_use(path: Path, settings: Mapping[str, Any]) -> FileUse:
    """Find out how a file is used.

    Raises:
        PluginError: it cannot be opened, or something is not obvious: names what it has and which setting to give.
    """
    session = _opened(path)
    inputs, outputs = session.get_inputs(), session.get_outputs()
    has = f"onnx:{path} takes {_listed(inputs)} and gives {_listed(outputs)}."
    encoder = settings["encoder"] or _obvious_encoder(path, inputs)
    if encoder not in ENCODERS:
        raise PluginError(f"{has} What its input holds is not obvious: say --setting encoder={'|'.join(ENCODERS)}.")
    names = [node.name for node in outputs]
    output = settings["output"] or (names[0] if len(names) == 1 else "")
    if output not in names:
        raise PluginError(f"{has} Which output has a number for each class? Say --setting output={'|'.join(names)}.")
    classes = outputs[names.index(output)].shape[-1]
    labels = _labels(settings["labels"], session.get_modelmeta().custom_metadata_map)
    if not labels:
        raise PluginError(
            f"{has} The order of its {classes} classes is not in the file: say --setting labels=a,b,c "
            "or --setting labels=FILE.json (a list) or FILE.json#KEY."
        )
    if isinstance(classes, int) and classes != len(labels):
        raise PluginError(f"{has} It has {classes} classes; {len(labels)} labels were given.")
    tokenizer = settings["tokenizer"] or str(path.with_name(TOKENIZER))
    if encoder == "tokens" and not Path(tokenizer).is_file():
        raise PluginError(f"{has} There is no {tokenizer}: say --setting tokenizer=FILE.json.")
    shape = tuple(size if isinstance(size, int) else None for size in inputs[0].shape)
    return FileUse(
        encoder, tuple(node.name for node in inputs), output, labels, shape, _dtype(inputs[0].type), tokenizer
    )


def takes_images(path: Path) -> bool:
    """Whether a file's one input has four axes of floats.

    Raises:
        PluginError: it cannot be opened.
    """
    return _is_image(_opened(path).get_inputs())


def _is_image(inputs: Sequence[Any]) -> bool:
    return len(inputs) == 1 and len(inputs[0].shape) == 4 and "float" in inputs[0].type  # noqa: PLR2004 - n, c, h, w


def _opened(path: Path) -> Any:
    try:
        return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has an exception class per status, all straight from Exception
        raise PluginError(f"onnx:{path} cannot be opened: {str(error).strip().splitlines()[0]}") from error


def _listed(nodes: Sequence[Any]) -> str:
    return ", ".join(f"{node.name} {node.type.removeprefix('tensor')}{node.shape}" for node in nodes)


def _obvious_encoder(path: Path, inputs: Sequence[Any]) -> str:
    names = {node.name for node in inputs}
    if len(inputs) == 1 and inputs[0].type == "tensor(string)":
        return "text"
    if "input_ids" in names and path.with_name(TOKENIZER).is_file():
        return "tokens"
    return "image" if _is_image(inputs) else ""


def _labels(given: str, metadata: Mapping[str, str]) -> tuple[str, ...]:
    if not given:
        written = next((metadata[key] for key in METADATA_LABELS if key in metadata), "")
        return _as_list(_parsed(written)) if written else ()
    file, _, key = given.partition("#")
    if not file.endswith(".json"):
        return tuple(label.strip() for label in given.split(","))
    try:
        content = json.loads(Path(file).read_text(encoding="utf-8"))
        return _as_list(content[key] if key else content)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PluginError(f"--setting labels={given}: {type(error).__name__}: {error}.") from error


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text.split(",")


def _as_list(content: Any) -> tuple[str, ...]:
    if isinstance(content, dict):
        content = [content[key] for key in sorted(content, key=int)]
    return tuple(str(label).strip() for label in content)


def _dtype(onnx_type: str) -> str:
    known = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(double)": "float64"}
    return known.get(onnx_type, onnx_type.removeprefix("tensor(").rstrip(")"))


def to_json(mapping: FileUse) -> str:
    """Write a mapping."""
    return json.dumps(asdict(mapping), indent=1)


def from_json(text: str) -> FileUse:
    """Read what `to_json` wrote."""
    body = json.loads(text)
    lists = {name: tuple(body[name]) for name in ("inputs", "labels", "shape")}
    return FileUse(**{**body, **lists})
