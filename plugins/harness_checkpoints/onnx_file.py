"""`onnx:`, a trained model in a file: evaluated and served without training."""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from harness import Assignment, Data, Learner, Model, PluginError, Setting
from harness_checkpoints.classes import SETTING as LABELS


def open_file(reference: str) -> Model:
    """Return the model of a file.

    Raises:
        PluginError: there is no such file, or it is not ONNX.
    """
    path = Path(reference).expanduser()
    if path.suffix != ".onnx" or not path.is_file():
        raise PluginError(f"onnx:{reference}: there is no such file. Give the path of a file that ends in .onnx.")
    from harness_checkpoints.onnx_signature import takes_images

    return OnnxFile(reference, path, "image-classification" if takes_images(path) else "text-classification")


class OnnxFile(Model):
    """A file for ONNX Runtime that classifies texts or images."""

    imports = ("harness.onnx_session", "harness_checkpoints.onnx_learner")
    brings_weights = True
    starts = ("as-is",)
    settings: ClassVar[Mapping[str, Setting]] = {
        "encoder": Setting("", "What the input holds: bytes, text, tokens or image. Empty: taken from the file."),
        "labels": Setting("", LABELS),
        "output": Setting("", "Name of the output with a number for each class. Empty: the only output."),
        "tokenizer": Setting("", "A tokenizer.json. Empty: the one beside the file."),
    }

    def __init__(self, reference: str, path: Path, kind: str) -> None:
        """Set the name, and the kind of task by the file's input."""
        self.path = path
        self.kinds = (kind,)  # type: ignore[misc]  # the file decides
        self.name = f"onnx:{reference}"  # type: ignore[misc]  # its reference is its name
        self.summary = f"The ONNX file {path.name}, without training"  # type: ignore[misc]

    def identity(self, settings: Mapping[str, Any]) -> str:
        """Return the file's digest, with that of external data beside it. Called before anything is written.

        Raises:
            PluginError: a setting is missing; names inputs, outputs and the setting.
        """
        from harness_checkpoints.onnx_signature import read_signature

        signature = read_signature(self.path, settings)
        sha = hashlib.sha256(repr(signature).encode())
        for file in sorted({self.path, *self.path.parent.glob(f"{glob.escape(self.path.name)}*")}):
            sha.update(file.read_bytes())
        return f"file sha256 {sha.hexdigest()}"

    def check(self, data: Data, settings: Mapping[str, Any], start: str) -> Sequence[str]:  # noqa: ARG002 - one start
        """Return nothing to say if the file has the data's classes.

        Raises:
            DataError: it lacks one.
        """
        from harness_checkpoints.onnx_learner import columns_for
        from harness_checkpoints.onnx_signature import read_signature

        columns_for(self.path, read_signature(self.path, settings).labels, data)
        return ()

    def learner(self, assignment: Assignment) -> Learner:
        """Build a learner that predicts with the file."""
        from harness_checkpoints.onnx_learner import OnnxLearner

        return OnnxLearner(assignment, self.path)
